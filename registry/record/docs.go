package record

import (
	"context"

	"bonded.dev"
)

// PutDoc keeps a document that an entry of this transaction refers to, so that
// the fact and what it speaks of are committed together.
func (t *Tx) PutDoc(body []byte) error {
	digest := bonded.DigestOf(body)
	return t.put(docTable, digest[:], body)
}

// Doc returns a document by digest. One that was never there, or was deleted
// since, is an error of kind NotFound.
func (t *Tx) Doc(digest bonded.Digest) ([]byte, error) {
	var body []byte
	found, err := t.one("read a document", `SELECT body FROM doc WHERE digest = $1`, []any{digest[:]}, &body)
	if err == nil && !found {
		err = bonded.Errorf(bonded.NotFound, "there is no document %s", digest.Hex())
	}
	return body, err
}

// DropDoc deletes a document; its digest stays in the log. Absent is fine.
func (t *Tx) DropDoc(digest bonded.Digest) error {
	_, err := t.exec("delete a document", `DELETE FROM doc WHERE digest = $1`, digest[:])
	return err
}

// Doc is Tx.Doc in a transaction of its own.
func (b *Book) Doc(ctx context.Context, digest bonded.Digest) (body []byte, err error) {
	err = b.View(ctx, func(tx *Tx) error {
		body, err = tx.Doc(digest)
		return err
	})
	return body, err
}
