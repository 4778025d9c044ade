package record

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/internal/testenv"
)

// onBoth runs a test on SQLite and on PostgreSQL, each time with the address
// of an empty database.
func onBoth(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, testenv.Postgres(t)) })
}

// withBook is onBoth for tests that need one book and not its address.
func withBook(t *testing.T, test func(t *testing.T, b *Book)) {
	onBoth(t, func(t *testing.T, dsn string) { test(t, openBook(t, dsn)) })
}

func openBook(t testing.TB, dsn string) *Book {
	t.Helper()
	b, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func update(t testing.TB, b *Book, do func(*Tx) error) {
	t.Helper()
	if err := b.Update(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, b *Book, do func(*Tx) error) {
	t.Helper()
	if err := b.View(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, want bonded.Kind) {
	t.Helper()
	if kind, _, _ := bonded.Explain(err); err == nil || kind != want {
		t.Errorf("got error %v of kind %d, want kind %d", err, kind, want)
	}
}

func npm(key string) bonded.Name {
	return bonded.Name{Ecosystem: "npm", Key: key, Display: key}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func claim(n bonded.Name) bonded.Entry {
	return bonded.Entry{Type: bonded.Claim, Time: noon, Name: n}
}

func release(n bonded.Name, version string) bonded.Entry {
	n.Display = n.Key
	return bonded.Entry{
		Type: bonded.Publish, Time: noon, Name: n, Version: version, File: n.Key + "-" + version + ".tgz",
		Digest: bonded.DigestOf([]byte(n.Key + version)), Size: 20_000, Meta: bonded.DigestOf([]byte(version)),
	}
}

// add appends facts behind the head.
func add(tx *Tx, entries ...bonded.Entry) error {
	head, err := tx.Head()
	if err != nil {
		return err
	}
	for i, e := range entries {
		body, err := e.Marshal()
		if err != nil {
			return err
		}
		if err := tx.AppendEntry(head+uint64(i), e, body); err != nil {
			return err
		}
	}
	return nil
}

func TestUpdateIsWhollyInOrOut(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		n := npm("left-pad")
		stop := errors.New("stop")
		err := b.Update(t.Context(), func(tx *Tx) error {
			if err := errors.Join(add(tx, claim(n)), tx.Claim(n, 0), tx.Flush()); err != nil {
				return err
			}
			if head, err := tx.Head(); err != nil || head != 1 {
				t.Errorf("inside the transaction: head %d, %v", head, err)
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatalf("got %v, want the function's own error", err)
		}
		view(t, b, func(tx *Tx) error {
			head, err := tx.Head()
			if head != 0 {
				t.Errorf("head is %d after a rollback", head)
			}
			return err
		})
		ctx, cancel := context.WithCancel(t.Context())
		err = b.Update(ctx, func(tx *Tx) error { defer cancel(); return tx.SetMark("m", 1) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled update returned %v", err)
		}
		view(t, b, func(tx *Tx) error {
			m, err := tx.Mark("m")
			if m != 0 {
				t.Error("a cancelled update was committed")
			}
			return err
		})
	})
}

func TestUpdatePanicRollsBack(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		func() {
			defer func() { _ = recover() }()
			_ = b.Update(t.Context(), func(tx *Tx) error {
				if err := errors.Join(tx.SetMark("m", 1), tx.Flush()); err != nil {
					t.Error(err)
				}
				panic("a bug")
			})
		}()
		// On SQLite there is one connection to write with; it must be free again.
		update(t, b, func(tx *Tx) error {
			m, err := tx.Mark("m")
			if m != 0 {
				t.Error("the transaction that panicked was committed")
			}
			return err
		})
	})
}

func TestViewSeesOneMoment(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		view(t, b, func(tx *Tx) error {
			before, err := tx.Mark("m")
			if err != nil {
				return err
			}
			update(t, b, func(tx *Tx) error { return tx.SetMark("m", 7) })
			after, err := tx.Mark("m")
			if before != after {
				t.Errorf("a view saw the mark change from %d to %d", before, after)
			}
			return err
		})
		if err := b.View(t.Context(), func(tx *Tx) error { return errors.Join(tx.SetMark("m", 8), tx.Flush()) }); err == nil {
			t.Error("a view could write")
		}
	})
}

// TestUpdateRunsAgain lets transactions read and then write the same row. Each
// one that loses must be run again, or counts would be lost.
func TestUpdateRunsAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		books := []*Book{openBook(t, dsn), openBook(t, dsn)}
		const workers, each = 4, 5
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for range each {
					err := books[w%2].Update(t.Context(), func(tx *Tx) error {
						n, err := tx.Mark("count")
						if err != nil {
							return err
						}
						return tx.SetMark("count", n+1)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		view(t, books[0], func(tx *Tx) error {
			n, err := tx.Mark("count")
			if n != workers*each {
				t.Errorf("counted %d of %d", n, workers*each)
			}
			return err
		})
	})
}

func TestTakenPlacesAreConflicts(t *testing.T) {
	n := npm("left-pad")
	file := FileRow{Package: n, Version: "1.0.0", Name: "left-pad-1.0.0.tgz", Digest: bonded.DigestOf(nil), Size: 1, Index: 1, Blob: "q1"}
	again := file
	again.Index = 2
	body := []byte("body")
	cases := map[string][2]func(*Tx) error{
		"place in the log": {
			func(tx *Tx) error { return tx.AppendEntry(0, claim(n), body) },
			func(tx *Tx) error { return tx.AppendEntry(0, claim(n), body) },
		},
		"hash": {
			func(tx *Tx) error { return tx.PutHashes(0, make([]tlog.Hash, 3)) },
			func(tx *Tx) error { return tx.PutHashes(2, make([]tlog.Hash, 3)) },
		},
		"name": {
			func(tx *Tx) error { return tx.Claim(n, 1) },
			func(tx *Tx) error { return tx.Claim(n, 2) },
		},
		"file": {
			func(tx *Tx) error { return tx.PutFile(file) },
			func(tx *Tx) error { return tx.PutFile(again) },
		},
		"user": {
			func(tx *Tx) error { return tx.AddUser(User{Name: "alice"}) },
			func(tx *Tx) error { return tx.AddUser(User{Name: "alice"}) },
		},
	}
	withBook(t, func(t *testing.T, b *Book) {
		for what, writes := range cases {
			t.Run(what, func(t *testing.T) {
				both := b.Update(t.Context(), func(tx *Tx) error { return errors.Join(writes[0](tx), writes[1](tx)) })
				wantKind(t, both, bonded.Conflict)
				update(t, b, writes[0])
				second := b.Update(t.Context(), func(tx *Tx) error {
					return errors.Join(tx.SetMark("m", 1), writes[1](tx), tx.SetMark("n", 1))
				})
				wantKind(t, second, bonded.Conflict)
				view(t, b, func(tx *Tx) error {
					m, err := tx.Mark("m")
					if m != 0 {
						t.Error("the rest of the refused transaction was committed")
					}
					return err
				})
			})
		}
	})
}

// TestConflictNamesTheFile: of many files in a batch, the one in the way is said.
func TestConflictNamesTheFile(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		row := func(i uint64, name string) FileRow {
			return FileRow{Package: npm("p"), Version: "1", Name: name, Index: i, Digest: bonded.DigestOf([]byte(name))}
		}
		update(t, b, func(tx *Tx) error { return tx.PutFile(row(5, "f5")) })
		err := b.Update(t.Context(), func(tx *Tx) error {
			for i := range uint64(30) {
				if err := tx.PutFile(row(100+i, fmt.Sprintf("f%d", i))); err != nil {
					return err
				}
			}
			return nil
		})
		wantKind(t, err, bonded.Conflict)
		if _, _, text := bonded.Explain(err); text != "npm/p has a file f5 already and a file name never means other bytes" {
			t.Errorf("the text is %q", text)
		}
	})
}

// TestFlushKeepsTheLastValue writes the same keys several times over in
// numbers that fill statements of every size.
func TestFlushKeepsTheLastValue(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		const n = maxPending + 345
		update(t, b, func(tx *Tx) error {
			for round := range 2 {
				for i := range n {
					if err := tx.SetMark(fmt.Sprint("m", i%1500), uint64(round*n+i)); err != nil {
						return err
					}
				}
			}
			return nil
		})
		view(t, b, func(tx *Tx) error {
			for i := range 1500 {
				got, err := tx.Mark(fmt.Sprint("m", i))
				if err != nil {
					return err
				}
				want := uint64(n + i)
				for want+1500 < 2*n {
					want += 1500
				}
				if got != want {
					t.Fatalf("mark %d is %d, want %d", i, got, want)
				}
			}
			return nil
		})
	})
}
