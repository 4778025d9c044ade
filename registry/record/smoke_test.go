package record

import (
	"bonded.dev"
	"context"
	"golang.org/x/mod/sumdb/tlog"
	"path/filepath"
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	b, err := Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "a b%?c.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	unlock, err := b.Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n := bonded.Name{Ecosystem: "npm", Key: "left-pad", Display: "Left-Pad"}
	err = b.Update(ctx, func(tx *Tx) error {
		e := bonded.Entry{Type: bonded.Claim, Time: time.Unix(1e9, 0).UTC(), Name: n}
		body, err := e.Marshal()
		if err != nil {
			return err
		}
		if err := tx.AppendEntry(0, e, body); err != nil {
			return err
		}
		if err := tx.PutHashes(0, []tlog.Hash{{1}}); err != nil {
			return err
		}
		if err := tx.PutRecords([]bonded.Record{{Key: [16]byte{1}}, {Key: [16]byte{1}}}); err != nil {
			return err
		}
		if err := tx.Claim(n, 0); err != nil {
			return err
		}
		if err := tx.PutFile(FileRow{Package: n, Name: "f", Version: "1"}); err != nil {
			return err
		}
		if err := tx.SetSummary(n, bonded.Summary{Version: "1", Description: "pads"}, time.Now()); err != nil {
			return err
		}
		h, err := tx.Head()
		if h != 1 {
			t.Error(h)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.StillLocked(ctx); err != nil {
		t.Error(err)
	}
	unlock()
	hits, total, err := b.Search(ctx, "npm", "pad", 0, 10)
	t.Log(hits, total, err)
	err = b.Update(ctx, func(tx *Tx) error { return tx.PutFile(FileRow{Package: n, Name: "f", Version: "1", Index: 7}) })
	t.Log(err)
	t.Log(b.Backup(ctx, filepath.Join(t.TempDir(), "x'y.db")))
	t.Log(b.Check(ctx))
}
