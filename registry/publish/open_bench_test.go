package publish

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/project"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
)

// owner may do everything.
type owner struct{}

func (owner) User() string                                        { return "alice" }
func (o owner) Name() string                                      { return o.User() }
func (o owner) Heir(context.Context, bonded.Name) (string, error) { return o.User(), nil }
func (o owner) Limits(*bonded.Draft) error                        { return nil }
func (o owner) Spend(*record.Tx) error                            { return nil }

func (owner) May(context.Context, bonded.Action, bonded.Name) error { return nil }

// BenchmarkOpen is how long a start takes, and how much memory it leaves in
// use, with many packages of one release each.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			d := benchDesk(b, dir)
			fillHouse(b, d, n)
			var held float64
			for b.Loop() {
				d := benchDesk(b, dir)
				if err := d.Open(b.Context()); err != nil {
					b.Fatal(err)
				}
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				held = float64(m.HeapAlloc) / (1 << 20)
				runtime.KeepAlive(d)
			}
			b.ReportMetric(held, "MiB-held")
		})
	}
}

func benchDesk(b *testing.B, dir string) *Desk {
	ctx := b.Context()
	book, err := record.Open(ctx, "sqlite:"+filepath.Join(dir, "bonded.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { book.Close() })
	store, err := blob.Dir(filepath.Join(dir, "blobs"))
	if err != nil {
		b.Fatal(err)
	}
	keys, err := sign.Open(filepath.Join(dir, "keys"), "example.org/bonded/1", nil)
	if err != nil {
		b.Fatal(err)
	}
	return New(Config{Book: book, Blobs: store, Keys: keys, Shelf: &project.Shelf{Store: store},
		Origin: "example.org/bonded/1", URL: "http://example.org/", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
}

// fillHouse writes n packages into history in large batches, without a shelf.
func fillHouse(b *testing.B, d *Desk, n int) {
	ctx := b.Context()
	if err := d.Open(ctx); err != nil {
		b.Fatal(err)
	}
	for first := 0; first < n; first += 1000 {
		var group []*entrant
		for i := first; i < min(n, first+1000); i++ {
			name := bonded.Name{Ecosystem: "one", Key: fmt.Sprintf("package-%d", i)}
			name.Display = name.Key
			digest := bonded.DigestOf([]byte(name.Key))
			group = append(group, &entrant{actor: owner{}, past: &bonded.Package{Name: name}, done: make(chan struct{}),
				draft: bonded.Draft{Name: name, Facts: []bonded.Entry{{Type: bonded.Publish, Version: "1.0.0", File: name.Key + "-1.0.0.tgz", Digest: digest, Size: 1, Meta: digest}}}})
		}
		if err := d.commit(ctx, group); err != nil {
			b.Fatal(err)
		}
	}
	err := d.Book.Update(ctx, func(tx *record.Tx) error { return tx.SetMark(MarkShelved, d.seq.head) })
	if err != nil {
		b.Fatal(err)
	}
}
