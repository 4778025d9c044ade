package publish

import (
	"context"
	"errors"
	"io/fs"

	"bonded.dev/registry/blob"
)

// artifact moves the bytes of one file from quarantine to where clients find
// them. Whatever stands in their place already is no fact's, because a file
// name is used once: it gives way, as after the database was restored from an
// older backup than the store.
//
// Bytes that are gone, or that were damaged after they had left quarantine,
// cannot be had from the log. That must not keep the repository from starting
// and from serving everything else: it is logged, and fsck and log verify name
// the place until somebody brings the file back.
func (d *Desk) artifact(ctx context.Context, id, path string) error {
	err := d.Shelf.Artifact(ctx, id, path)
	if errors.Is(err, fs.ErrExist) {
		if _, held := d.Blobs.Stat(ctx, id); held == nil {
			if err = d.Shelf.Withdraw(ctx, path); err == nil {
				err = d.Shelf.Artifact(ctx, id, path)
			}
		}
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		d.Log.Error("an artifact is lost or damaged; restore it from a backup", "path", blob.Public+path, "err", err)
		return nil
	}
	return err
}
