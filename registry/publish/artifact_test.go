package publish_test

import (
	"context"
	"testing"

	"bonded.dev/registry/blob"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

const artifactKey = blob.Public + "plain/left-pad/-/left-pad-1.0.0.bin"

// reprojected opens a repository whose shelf has to be computed again.
func reprojected(t *testing.T, at place) *house {
	t.Helper()
	ctx := context.Background()
	book, err := record.Open(ctx, at.dsn)
	must(t, err)
	must(t, book.Update(ctx, func(tx *record.Tx) error { return tx.SetMark(publish.MarkShelved, 0) }))
	must(t, book.Close())
	return open(t, at)
}

// TestLostArtifactsDoNotKeepTheRestDown takes away, and damages, what no log
// can bring back.
func TestLostArtifactsDoNotKeepTheRestDown(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		for name, spoil := range map[string]func(h *house) error{
			"lost":    func(h *house) error { return h.store.Delete(context.Background(), artifactKey) },
			"damaged": func(h *house) error { return h.store.Put(context.Background(), artifactKey, []byte("jello")) },
		} {
			at := fresh()
			h := open(t, at)
			must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
			must(t, h.publish("alice", "right-pad", "1.0.0", "other"))
			must(t, spoil(h))
			h.stop()
			h = reprojected(t, at)
			if err := h.publish("alice", "left-pad", "1.1.0", "again"); err != nil {
				t.Errorf("%s: publishing afterwards: %v", name, err)
			}
			if got := h.read("plain/right-pad/-/right-pad-1.0.0.bin"); got != "other" {
				t.Errorf("%s: another artifact: %q", name, got)
			}
			h.stop()
		}
	})
}

// TestNobodysBytesGiveWay has the place of a new artifact taken by bytes that
// no fact accounts for.
func TestNobodysBytesGiveWay(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		must(t, h.store.Put(context.Background(), artifactKey, []byte("left over")))
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		if got := h.read("plain/left-pad/-/left-pad-1.0.0.bin"); got != "hello" {
			t.Errorf("artifact: %q", got)
		}
	})
}
