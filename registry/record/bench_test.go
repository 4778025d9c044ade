package record

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/internal/testenv"
)

// Run with: go test -run xxx -bench . ./registry/record
// Our own PostgreSQL runs without fsync; BONDED_TEST_POSTGRES names one that
// is durable, and TMPDIR a disk.

func onBothBench(b *testing.B, bench func(b *testing.B, dsn string)) {
	b.Run("sqlite", func(b *testing.B) {
		dir, err := os.MkdirTemp("", "bonded-bench-")
		if err != nil {
			b.Fatal(err)
		}
		defer os.RemoveAll(dir)
		bench(b, "sqlite:"+filepath.Join(dir, "bonded.db"))
	})
	b.Run("postgres", func(b *testing.B) { bench(b, testenv.Postgres(b)) })
}

// publish writes one release as the sequencer does: three facts, their
// hashes, the rows folded from them, ten dependencies.
func publish(tx *Tx, head uint64, i int) error {
	n := npm(fmt.Sprintf("package-%d", i%500))
	version := fmt.Sprintf("1.0.%d", i)
	e := release(n, version)
	tag := bonded.Entry{Type: bonded.SetTag, Time: noon, Name: e.Name, Tag: "latest", Version: version}
	for k, e := range []bonded.Entry{e, tag} {
		body, err := e.Marshal()
		if err != nil {
			return err
		}
		if err := tx.AppendEntry(head+uint64(k), e, body); err != nil {
			return err
		}
	}
	f := FileRow{Package: n, Version: version, Name: e.File, Digest: e.Digest, Size: e.Size, Index: head, Blob: e.Digest.Hex()}
	deps := make([]bonded.Name, 10)
	for k := range deps {
		deps[k] = npm(fmt.Sprintf("package-%d", (i+k)%500))
	}
	for _, err := range []error{
		tx.PutHashes(int64(2*head), make([]tlog.Hash, 4)),
		tx.PutFile(f),
		tx.PutDoc([]byte(e.File + " and its metadata")),
		tx.SetSummary(n, bonded.Summary{Version: version, Description: "a package to measure with"}, noon),
		tx.AddRequires(n, deps),
		tx.Audit(Audit{At: noon, Actor: "alice", Action: "publish", Subject: n.String()}),
		tx.PutRecords([]bonded.Record{
			{Key: bonded.RecordKey(bonded.PackageRecord(n)), Value: e.Digest},
			{Key: bonded.RecordKey(bonded.FileRecord(n, version, e.File)), Value: e.Digest},
		}),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkPublish reports releases a second for batches of several sizes.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			onBothBench(b, func(b *testing.B, dsn string) {
				book := openBook(b, dsn)
				i := 0
				for b.Loop() {
					unlock, err := book.Lock(b.Context())
					if err != nil {
						b.Fatal(err)
					}
					update(b, book, func(tx *Tx) error {
						head, err := tx.Head()
						if err != nil {
							return err
						}
						for k := range size {
							if err := publish(tx, head+2*uint64(k), i+k); err != nil {
								return err
							}
						}
						return tx.SetMark("projected", head)
					})
					i += size
					unlock()
				}
				b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "releases/s")
			})
		})
	}
}

func BenchmarkHistory(b *testing.B) {
	const releases = 10_000
	onBothBench(b, func(b *testing.B, dsn string) {
		book := openBook(b, dsn)
		n := npm("big")
		for from := 0; from < releases; from += 1000 {
			update(b, book, func(tx *Tx) error {
				for i := from; i < from+1000; i++ {
					if err := add(tx, release(n, fmt.Sprintf("1.0.%d", i)), release(npm("other"), fmt.Sprintf("1.0.%d", i))); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for name, walk := range map[string]func(tx *Tx) error{
			"entries": func(tx *Tx) error {
				count := 0
				for _, err := range tx.PackageEntries(n, 0) {
					if err != nil {
						return err
					}
					count++
				}
				if count != releases {
					return fmt.Errorf("%d entries", count)
				}
				return nil
			},
			"fold": func(tx *Tx) error { _, err := tx.Package(n); return err },
		} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					view(b, book, walk)
				}
			})
		}
	})
}

func BenchmarkRecords(b *testing.B) {
	const records = 300_000
	onBothBench(b, func(b *testing.B, dsn string) {
		book := openBook(b, dsn)
		list := make([]bonded.Record, records)
		for i := range list {
			list[i] = bonded.Record{Key: bonded.RecordKey(fmt.Sprint(i)), Value: bonded.DigestOf(nil)}
		}
		update(b, book, func(tx *Tx) error { return tx.PutRecords(list) })
		for b.Loop() {
			count := 0
			view(b, book, func(tx *Tx) error {
				for _, err := range tx.Records() {
					if err != nil {
						return err
					}
					count++
				}
				return nil
			})
			if count != records {
				b.Fatal(count)
			}
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	const packages = 100_000
	onBothBench(b, func(b *testing.B, dsn string) {
		book := openBook(b, dsn)
		update(b, book, func(tx *Tx) error {
			for i := range packages {
				s := bonded.Summary{Version: "1", Description: fmt.Sprintf("does the thing number %d for everybody who needs it", i), Keywords: []string{"a", "b"}}
				if err := tx.SetSummary(npm(fmt.Sprintf("package-%d", i)), s, noon); err != nil {
					return err
				}
			}
			return nil
		})
		for b.Loop() {
			if _, total, err := book.Search(b.Context(), "npm", "thing 777", 0, 20); err != nil || total == 0 {
				b.Fatal(total, err)
			}
		}
	})
}

func BenchmarkTokenLookUp(b *testing.B) {
	onBothBench(b, func(b *testing.B, dsn string) {
		book := openBook(b, dsn)
		k := Token{ID: "one", Hash: bonded.DigestOf([]byte("1")), User: "alice", Scopes: []string{"read:*"}}
		update(b, book, func(tx *Tx) error {
			if err := tx.AddUser(User{Name: "alice"}); err != nil {
				return err
			}
			return tx.AddToken(k)
		})
		for b.Loop() {
			if _, err := book.TokenByHash(b.Context(), k.Hash); err != nil {
				b.Fatal(err)
			}
		}
	})
}
