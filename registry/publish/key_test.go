package publish_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bonded.dev/ecosystem"
	"bonded.dev/internal/logwire"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/project"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
)

func TestOtherKeysAreRefused(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		at := fresh()
		h := open(t, at)
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		before := h.stored()
		h.stop()

		lost := at
		lost.keys = filepath.Join(t.TempDir(), "keys")
		if err := tryOpen(t, lost); err == nil || !strings.Contains(err.Error(), "every node needs the keys directory that the log began with") {
			t.Errorf("with new keys: %v", err)
		}

		// With its own keys it goes on, also over a damaged file.
		h = open(t, at)
		if after := h.stored(); after != before {
			t.Errorf("the refused start left something behind:\n%s\nbefore:\n%s", after, before)
		}
		must(t, h.store.Put(context.Background(), blob.Public+logwire.KeyPath, []byte("damaged")))
		h.stop()
		h = open(t, at)
		must(t, h.publish("alice", "left-pad", "1.1.0", "hello again"))
	})
}

// tryOpen opens a desk as a server would, and closes everything again.
func tryOpen(t *testing.T, at place) error {
	t.Helper()
	ctx := context.Background()
	book, err := record.Open(ctx, at.dsn)
	must(t, err)
	defer book.Close()
	store, err := at.store(ctx)
	must(t, err)
	defer store.Close()
	keys, err := sign.Open(at.keys, "example.org/bonded/1", []string{"plain"})
	must(t, err)
	return publish.New(publish.Config{
		Ecosystems: []ecosystem.Ecosystem{plain{}},
		Book:       book, Blobs: store, Keys: keys, Shelf: &project.Shelf{Store: store},
		Origin: "example.org/bonded/1", URL: "http://example.org/",
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}).Open(ctx)
}
