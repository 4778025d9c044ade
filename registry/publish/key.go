package publish

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"bonded.dev"
	"bonded.dev/internal/logwire"
	"bonded.dev/registry/blob"
)

// sameKey refuses to go on with a log that somebody else signs: a node that was
// started without the keys directory of the others, or a data directory that
// lost its own, would make new keys and be a second log under the same name.
//
// What is asked is the shelf: the key that stands there counts if it verifies
// the checkpoint that stands there and ours does not. So neither a damaged file
// nor an empty store keeps anybody from starting.
func (d *Desk) sameKey(ctx context.Context) error {
	key, err := d.Blobs.Get(ctx, blob.Public+logwire.KeyPath)
	var checkpoint []byte
	if err == nil {
		checkpoint, err = d.Blobs.Get(ctx, blob.Public+logwire.CheckpointPath)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	theirs := strings.TrimSpace(string(key))
	if signedWith(checkpoint, d.Keys.Verifier()) || !signedWith(checkpoint, theirs) {
		return nil
	}
	return bonded.Errorf(bonded.Conflict,
		"the log here is signed with the key %s, and the keys directory holds another: %s; every node needs the keys directory that the log began with",
		theirs, d.Keys.Verifier())
}

func signedWith(checkpoint []byte, key string) bool {
	v, err := note.NewVerifier(key)
	if err != nil {
		return false
	}
	_, err = logwire.OpenCheckpoint(checkpoint, v)
	return err == nil
}
