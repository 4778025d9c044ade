package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bonded.dev"
)

// Backup writes a consistent copy of a SQLite book to a new file at path,
// while the book is in use; the copy is durable when Backup returns. A file
// that is there already is left alone and is an error of kind Conflict.
// PostgreSQL has a better tool of its own: Unsupported says which.
func (b *Book) Backup(ctx context.Context, path string) error {
	if b.path == "" {
		return bonded.Errorf(bonded.Unsupported,
			"back up the database: use PostgreSQL's own tool, for example: pg_dump --format=custom --file=bonded.dump DSN")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	// SQLite accepts an empty file as target. Making it first settles who may
	// read it and that nothing is written over.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &bonded.Error{Kind: bonded.Conflict, Public: "back up the database: " + path + " is there already", Err: err}
	}
	if err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	err = errors.Join(b.vacuumInto(ctx, path), f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return syncDir(filepath.Dir(path))
}

// vacuumInto needs a connection of its own: the readers' may not write, even
// into another file, and the writer would keep publications waiting.
func (b *Book) vacuumInto(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", sqliteURI(b.path, "_txlock", "deferred"))
	if err != nil {
		return b.wrap("back up the database", err)
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, path)
	return errors.Join(b.wrap("back up the database", err), db.Close())
}

// syncDir makes the name of a new file durable, where folders can be synced.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
