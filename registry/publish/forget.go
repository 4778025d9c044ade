package publish

import (
	"context"

	"bonded.dev"
	"bonded.dev/internal/logwire"
	"bonded.dev/registry/record"
)

// Forget deletes documents that entries refer to, such as those that name the
// owners of a package; the entries and their digests stay. The shelf goes first:
// a document that the shelf alone still had would be taken for one that the
// database lost, and put back.
func (d *Desk) Forget(ctx context.Context, digests ...bonded.Digest) error {
	for range 2 { // the second time for a document that was being shelved meanwhile
		for _, g := range digests {
			if err := d.Shelf.Withdraw(ctx, logwire.DocPath(g)); err != nil {
				return err
			}
		}
		err := d.Book.Update(ctx, func(tx *record.Tx) error {
			for _, g := range digests {
				if err := tx.DropDoc(g); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, g := range digests {
			d.documents.Drop(g)
		}
	}
	return nil
}
