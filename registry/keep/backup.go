package keep

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/ledger"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A backup is one tar file, in this order:
//
//	backup.json          what it is: Manifest
//	bonded.db            the SQLite database at one moment
//	keys/...             private keys, unless left out
//	artifacts/<path>     every artifact that the database accounts for
//	blobs/quarantine/... bytes of staged releases, which wait for approval
//	SHA256SUMS           a digest of each of them, as sha256sum writes it
//
// Documents and tiles are not in it: they are computed again.
const (
	manifestName = "backup.json"
	databaseName = "bonded.db"
	keysPrefix   = "keys/"
	bytesPrefix  = "artifacts/"
	sumsName     = "SHA256SUMS"
)

// Manifest says what a backup holds.
type Manifest struct {
	Format  string        `json:"format"` // bonded-backup/v1
	Made    time.Time     `json:"made"`
	Key     string        `json:"key"` // verifier key of the log
	Entries uint64        `json:"entries"`
	Root    bonded.Digest `json:"root"` // of the tree over them
}

const backupFormat = "bonded-backup/v1"

// Backup writes a backup to a new file at path, beside a running server.
// keys is the directory of private keys; empty leaves them out.
func (k *Keeper) Backup(ctx context.Context, path, keys string) (m Manifest, err error) {
	if _, err := os.Lstat(path); err == nil {
		return m, bonded.Errorf(bonded.Conflict, "%s is there already, and a backup never replaces another; choose a new name", path)
	}
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return m, fmt.Errorf("making the backup: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	scratch, err := os.MkdirTemp(filepath.Dir(path), ".bonded-backup-")
	if err != nil {
		return m, fmt.Errorf("making the backup: %w", err)
	}
	defer os.RemoveAll(scratch)
	db := filepath.Join(scratch, databaseName)
	if err := k.Book.Backup(ctx, db); err != nil {
		return m, err
	}
	w := &packer{tar: tar.NewWriter(f)}
	if m, err = k.writeBackup(ctx, w, db, keys); err != nil {
		return m, err
	}
	if err := errors.Join(w.close(), f.Sync()); err != nil {
		return m, fmt.Errorf("making the backup: %w", err)
	}
	return m, os.Rename(part, path)
}

// writeBackup reads everything from the copy of the database, so that the
// artifacts are the ones that copy speaks of.
func (k *Keeper) writeBackup(ctx context.Context, w *packer, db, keys string) (m Manifest, err error) {
	book, err := record.Open(ctx, "sqlite:"+db)
	if err != nil {
		return m, err
	}
	defer book.Close()
	var rows []record.FileRow
	var staged []string
	var head ledger.Head
	err = book.View(ctx, func(tx *record.Tx) (err error) {
		if head, err = ledger.ReadHead(tx); err != nil {
			return err
		}
		if rows, err = tx.Files(0, head.Size); err != nil {
			return err
		}
		staged, err = tx.StagedBlobs()
		return err
	})
	if err != nil {
		return m, err
	}
	m = Manifest{Format: backupFormat, Made: time.Now().UTC().Truncate(time.Second), Key: k.Key, Entries: head.Size, Root: head.Root}
	text, err := json.Marshal(m, jsontext.Multiline(true))
	if err != nil {
		return m, err
	}
	if err := w.putBytes(manifestName, text); err != nil {
		return m, err
	}
	if err := w.putFile(databaseName, db); err != nil {
		return m, err
	}
	if keys != "" {
		if err := w.putFolder(keysPrefix, keys); err != nil {
			return m, err
		}
	}
	for i, row := range rows {
		if k.Progress != nil {
			k.Progress("copying artifacts", i, len(rows))
		}
		if err := k.putArtifact(ctx, w, row); err != nil {
			return m, err
		}
	}
	for _, id := range staged {
		if err := k.putStaged(ctx, w, id); err != nil {
			return m, err
		}
	}
	return m, nil
}

// putStaged copies bytes that wait for approval. Those of a release that was
// answered meanwhile are left out: their row says where they were, and an
// approval of it after a restore is refused.
func (k *Keeper) putStaged(ctx context.Context, w *packer, id string) error {
	o, err := k.Blobs.Open(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(w.putReader("blobs/"+id, o, o.Info().Size), o.Close())
}

// putArtifact copies one artifact, from where it is served or, if the server
// has not got that far, from quarantine. One that was deleted since is left out.
func (k *Keeper) putArtifact(ctx context.Context, w *packer, row record.FileRow) error {
	path, err := k.artifactPath(row)
	if err != nil {
		return err
	}
	for _, key := range []string{blob.Public + path, row.Blob} {
		o, err := k.Blobs.Open(ctx, key)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = w.putReader(bytesPrefix+path, o, o.Info().Size)
		return errors.Join(err, o.Close())
	}
	return nil
}

func (k *Keeper) artifactPath(row record.FileRow) (string, error) {
	for _, eco := range k.Ecosystems {
		if eco.Info().ID == row.Package.Ecosystem {
			return eco.ArtifactPath(row.Package, row.Version, row.Name), nil
		}
	}
	return "", fmt.Errorf("copying a file of %s: this binary does not speak that dialect", row.Package)
}

// packer writes members and keeps their digests.
type packer struct {
	tar  *tar.Writer
	sums []string
}

func (w *packer) putBytes(name string, b []byte) error {
	return w.putReader(name, strings.NewReader(string(b)), int64(len(b)))
}

func (w *packer) putReader(name string, r io.Reader, size int64) error {
	err := w.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX})
	sum := sha256.New()
	if err == nil {
		_, err = io.Copy(io.MultiWriter(w.tar, sum), r)
	}
	if err != nil {
		return fmt.Errorf("writing %s into the backup: %w", name, err)
	}
	w.sums = append(w.sums, sumLine(name, sum))
	return nil
}

func sumLine(name string, sum hash.Hash) string { return fmt.Sprintf("%x  %s\n", sum.Sum(nil), name) }

func (w *packer) close() error {
	return errors.Join(w.putBytes(sumsName, []byte(strings.Join(w.sums, ""))), w.tar.Close())
}

func (w *packer) putFile(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("copying %s: %w", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("copying %s: %w", name, err)
	}
	return w.putReader(name, f, info.Size())
}

func (w *packer) putFolder(prefix, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("copying the keys: %w", err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if err := w.putFile(prefix+e.Name(), filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Restore unpacks a backup into a data directory that must be new or empty.
// Documents and tiles come back at the next start; Check then proves the rest.
func Restore(ctx context.Context, path, data string) (m Manifest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return m, fmt.Errorf("reading the backup: %w", err)
	}
	defer f.Close()
	if entries, err := os.ReadDir(data); err == nil && len(entries) > 0 {
		return m, bonded.Errorf(bonded.Conflict, "%s is not empty; restore into a new directory", data)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return m, fmt.Errorf("making the data directory: %w", err)
	}
	root, err := os.OpenRoot(data)
	if err != nil {
		return m, err
	}
	defer root.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, empty(root)) // so that it can be tried again
		}
	}()
	if m, err = unpackAll(ctx, root, tar.NewReader(f)); err != nil {
		return m, err
	}
	if m.Format == "" {
		return m, bonded.Errorf(bonded.Invalid, "%s is no backup of bonded: it holds no %s", path, manifestName)
	}
	return m, verifyHead(ctx, data, m)
}

// unpackAll writes every member where it belongs, and holds them all against
// the digests that come last.
func unpackAll(ctx context.Context, root *os.Root, r *tar.Reader) (m Manifest, err error) {
	var sums strings.Builder
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return m, bonded.Errorf(bonded.Invalid, "the backup ends before its %s; it is not whole", sumsName)
		}
		if err != nil {
			return m, fmt.Errorf("reading the backup: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return m, err
		}
		if h.Name == sumsName {
			return m, checkSums(r, sums.String())
		}
		sum := sha256.New()
		if h.Name == manifestName {
			m, err = readManifest(io.TeeReader(r, sum))
		} else {
			err = unpack(root, h, io.TeeReader(r, sum))
		}
		if err != nil {
			return m, fmt.Errorf("unpacking %s: %w", h.Name, err)
		}
		sums.WriteString(sumLine(h.Name, sum))
	}
}

func checkSums(r io.Reader, computed string) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("reading %s: %w", sumsName, err)
	}
	rest := string(b)
	for line := range strings.Lines(computed) {
		var ok bool
		if rest, ok = strings.CutPrefix(rest, line); !ok {
			_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
			return bonded.Errorf(bonded.Conflict, "%s in the backup, or its line in %s, was damaged or changed", name, sumsName)
		}
	}
	if rest != "" {
		return bonded.Errorf(bonded.Conflict, "the backup's %s names members that are not in it", sumsName)
	}
	return nil
}

// empty removes what an unfinished restore has written.
func empty(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		err = errors.Join(err, root.RemoveAll(e.Name()))
	}
	return err
}

func readManifest(r io.Reader) (m Manifest, err error) {
	b, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return m, fmt.Errorf("reading the backup: %w", err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("reading %s: %w", manifestName, err)
	}
	if m.Format != backupFormat {
		return m, bonded.Errorf(bonded.Unsupported, "this backup has the format %q, and this binary reads %q", m.Format, backupFormat)
	}
	return m, nil
}

// unpack writes one member where it belongs. The directory is opened as a
// root, so no name in the archive leads outside.
func unpack(root *os.Root, h *tar.Header, r io.Reader) error {
	name := h.Name
	if path, ok := strings.CutPrefix(name, bytesPrefix); ok {
		name = "blobs/" + blob.Public + path
	}
	if h.Typeflag != tar.TypeReg || !(name == databaseName || strings.HasPrefix(name, keysPrefix) || strings.HasPrefix(name, "blobs/")) {
		return errors.New("not a member of a backup")
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}

// verifyHead proves that the database is the one that was backed up, and makes
// the next start compute every document again.
func verifyHead(ctx context.Context, data string, m Manifest) error {
	book, err := record.Open(ctx, "sqlite:"+filepath.Join(data, databaseName))
	if err != nil {
		return err
	}
	defer book.Close()
	return book.Update(ctx, func(tx *record.Tx) error {
		head, err := ledger.ReadHead(tx)
		if err != nil {
			return err
		}
		if head.Size != m.Entries || head.Root != m.Root {
			return bonded.Errorf(bonded.Conflict, "the database in the backup has %d entries with root %s, and the backup says %d with root %s; it was damaged or changed", head.Size, head.Root, m.Entries, m.Root)
		}
		return tx.SetMark(publish.MarkShelved, 0)
	})
}
