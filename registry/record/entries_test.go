package record

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
)

// TestLogReadsBackAsWritten writes enough to need several pages.
func TestLogReadsBackAsWritten(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		const releases = 1300
		names := []bonded.Name{npm("a"), npm("b"), {Ecosystem: "pypi", Key: "a", Display: "A"}}
		want := []bonded.Entry{
			{Type: bonded.Genesis, Time: noon, Origin: "bonded.example/log"},
			{Type: bonded.Site, Time: noon, URL: "https://bonded.example/"},
		}
		for _, n := range names {
			want = append(want, claim(n))
		}
		for i := range releases {
			want = append(want, release(names[i%3], fmt.Sprintf("1.0.%d", i)))
		}
		update(t, b, func(tx *Tx) error { return add(tx, want...) })
		view(t, b, func(tx *Tx) error {
			if head, err := tx.Head(); err != nil || head != uint64(len(want)) {
				t.Errorf("head %d, %v", head, err)
			}
			i := 0
			for l, err := range tx.Entries(0, 1<<40) {
				if err != nil {
					return err
				}
				body, err := want[i].Marshal()
				if err != nil || l.Index != uint64(i) || !bytes.Equal(l.Body, body) || l.Entry.Type != want[i].Type {
					t.Fatalf("entry %d came back as %d: %q (%v)", i, l.Index, l.Body, err)
				}
				// The body of the loop is free to ask on.
				if i%500 == 0 {
					if _, err := tx.Head(); err != nil {
						return err
					}
				}
				i++
			}
			if i != len(want) {
				t.Errorf("walked over %d of %d entries", i, len(want))
			}
			return nil
		})
		view(t, b, func(tx *Tx) error {
			checkRanges(t, tx, len(want))
			p, err := tx.Package(names[2])
			if err != nil {
				return err
			}
			if got := len(slices.Collect(p.Releases())); got != releases/3 || p.Name.Display != "A" {
				t.Errorf("the package has %d releases and is shown as %q", got, p.Name.Display)
			}
			h, err := tx.House()
			if err != nil {
				return err
			}
			if h.Origin != "bonded.example/log" || len(h.Names("npm")) != 1 || len(h.Names("npm")[0]) != 2 {
				t.Errorf("the house is %+v with names %v", h, h.Names("npm"))
			}
			return nil
		})
	})
}

func checkRanges(t *testing.T, tx *Tx, n int) {
	for _, r := range [][3]int{{0, 0, 0}, {0, 1, 1}, {3, 9, 6}, {0, 1024, 1024}, {0, 1025, 1025}, {1, n + 5, n - 1}, {n, n + 1, 0}, {9, 3, 0}} {
		count := 0
		for body, err := range tx.Bodies(uint64(r[0]), uint64(r[1])) {
			if err != nil || len(body) == 0 {
				t.Errorf("bodies from %d to %d: %q, %v", r[0], r[1], body, err)
			}
			count++
		}
		if count != r[2] {
			t.Errorf("bodies from %d to %d: %d of them, want %d", r[0], r[1], count, r[2])
		}
	}
	for range tx.Entries(0, uint64(n)) {
		break // stopping early must leave the transaction usable
	}
	if _, err := tx.Head(); err != nil {
		t.Error(err)
	}
}

func TestExperimentalEntriesAreCountedAndNotFolded(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		n := npm("left-pad")
		x := []byte("bonded-log/v1 x-later\nsome text\n")
		update(t, b, func(tx *Tx) error {
			return errors.Join(add(tx, claim(n)),
				tx.AppendEntry(1, bonded.Entry{Type: "x-later", Name: n}, x), tx.Flush(), add(tx, release(n, "1.0.0")))
		})
		view(t, b, func(tx *Tx) error {
			p, err := tx.Package(n)
			if err != nil || p.Head != 3 || p.Release("1.0.0") == nil {
				t.Errorf("folded to %+v, %v", p, err)
			}
			for l, err := range tx.Entries(1, 2) {
				if err != nil || l.Entry.Type != "x-later" || !bytes.Equal(l.Body, x) {
					t.Errorf("the experimental entry reads %+v, %v", l, err)
				}
			}
			return nil
		})
	})
}

// TestDamagedEntryIsSaid: what cannot be read ends the walk with its index.
func TestDamagedEntryIsSaid(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		n := npm("left-pad")
		update(t, b, func(tx *Tx) error {
			return errors.Join(add(tx, claim(n)), tx.AppendEntry(1, release(n, "1.0.0"), []byte("rubbish")))
		})
		view(t, b, func(tx *Tx) error {
			if _, err := tx.Package(n); err == nil || !strings.Contains(err.Error(), "read the history of npm/left-pad: index 1: entry") {
				t.Errorf("folding over rubbish: %v", err)
			}
			return nil
		})
	})
}

func TestHashesComeInTheOrderAsked(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		const n = 1500
		hs := make([]tlog.Hash, n)
		for i := range hs {
			hs[i] = tlog.RecordHash(fmt.Append(nil, i))
		}
		update(t, b, func(tx *Tx) error { return errors.Join(tx.PutHashes(0, hs[:7]), tx.PutHashes(7, hs[7:])) })
		view(t, b, func(tx *Tx) error {
			for _, count := range []int{0, 1, 7, 8, 9, 33, 128, 513, n} {
				ids := make([]int64, count)
				for i := range ids {
					ids[i] = int64((i*7 + 3) % n)
				}
				got, err := tx.Hashes(ids)
				if err != nil {
					return err
				}
				for i, id := range ids {
					if got[i] != hs[id] {
						t.Fatalf("of %d hashes, number %d is wrong", count, i)
					}
				}
			}
			if _, err := tx.Hashes([]int64{3, n, 4}); err == nil || !strings.Contains(err.Error(), "index 1500 is missing") {
				t.Errorf("a missing hash: %v", err)
			}
			return nil
		})
	})
}

func TestRecordsComeSortedAndReplaced(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		const n = recordPageSize + 100
		list := make([]bonded.Record, n)
		for i := range list {
			list[i] = bonded.Record{Key: bonded.RecordKey(fmt.Sprint(i)), Value: bonded.DigestOf(fmt.Append(nil, i))}
		}
		update(t, b, func(tx *Tx) error { return tx.PutRecords(list) })
		list[5].Value = bonded.DigestOf([]byte("newer"))
		update(t, b, func(tx *Tx) error { return tx.PutRecords(list[5:6]) })
		slices.SortFunc(list, func(a, b bonded.Record) int { return bytes.Compare(a.Key[:], b.Key[:]) })
		view(t, b, func(tx *Tx) error {
			i := 0
			for r, err := range tx.Records() {
				if err != nil {
					return err
				}
				if r != list[i] {
					t.Fatalf("record %d is wrong", i)
				}
				i++
			}
			if i != n {
				t.Errorf("%d records of %d", i, n)
			}
			return nil
		})
		update(t, b, func(tx *Tx) error { return tx.DropRecords() })
		view(t, b, func(tx *Tx) error {
			for range tx.Records() {
				t.Fatal("a record outlived DropRecords")
			}
			return nil
		})
	})
}

func TestRetired(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		n := npm("gone")
		remove := func(version string) bonded.Entry {
			r := release(n, version)
			return bonded.Entry{Type: bonded.Remove, Time: noon, Name: n, Version: version, File: r.File}
		}
		for _, step := range []struct {
			entries []bonded.Entry
			retired bool
		}{
			{nil, false},
			{[]bonded.Entry{claim(n)}, false},
			{[]bonded.Entry{release(n, "1.0.0"), release(n, "2.0.0")}, false},
			{[]bonded.Entry{remove("1.0.0")}, false},
			{[]bonded.Entry{remove("2.0.0")}, true},
		} {
			update(t, b, func(tx *Tx) error { return add(tx, step.entries...) })
			if got, err := b.Retired(t.Context(), n); err != nil || got != step.retired {
				t.Errorf("after %d more: %v, %v", len(step.entries), got, err)
			}
		}
	})
}
