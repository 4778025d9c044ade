package record

import (
	"fmt"
	"testing"
	"time"
)

func TestJournal(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		lines := []Audit{
			{Actor: "alice", Action: "a", Subject: "eco/pad"},
			{Actor: "bob", Action: "b", Account: "alice"},
			{Actor: "bob", Action: "c", Subject: "alice"},
			{Actor: "bob", Action: "d", Subject: "eco/pad"},
		}
		update(t, b, func(tx *Tx) error {
			for i, a := range lines {
				a.At = noon.Add(time.Duration(i) * time.Hour)
				if err := tx.Audit(a); err != nil {
					return err
				}
			}
			return nil
		})
		all, err := b.Journal(t.Context(), JournalFilter{}, 9)
		if err != nil || len(all) != 4 {
			t.Fatalf("%+v, %v", all, err)
		}
		actions := func(list []Audit, err error) string {
			if err != nil {
				t.Error(err)
			}
			var s string
			for _, a := range list {
				s += a.Action
			}
			return s
		}
		for _, c := range []struct {
			f           JournalFilter
			n           int
			forth, back string
		}{
			{JournalFilter{}, 9, "abcd", "dcba"},
			{JournalFilter{}, 2, "ab", "dc"},
			{JournalFilter{Account: "alice"}, 9, "abc", "cba"},
			{JournalFilter{Subject: "eco/pad"}, 9, "ad", "da"},
			{JournalFilter{Account: "alice", Subject: "eco/pad"}, 9, "a", "a"},
			{JournalFilter{Account: "ali"}, 9, "", ""},
		} {
			if got := actions(b.Journal(t.Context(), c.f, c.n)); got != c.forth {
				t.Errorf("%+v: %s, want %s", c.f, got, c.forth)
			}
			if got := actions(b.JournalBack(t.Context(), c.f, c.n)); got != c.back {
				t.Errorf("%+v back: %s, want %s", c.f, got, c.back)
			}
		}
		if got := actions(b.Journal(t.Context(), JournalFilter{Since: noon.Add(time.Hour), After: all[1].ID}, 9)); got != "cd" {
			t.Error(got)
		}
		if got := actions(b.JournalBack(t.Context(), JournalFilter{Before: all[2].ID}, 9)); got != "ba" {
			t.Error(got)
		}
	})
}

func TestOldRowsGo(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		fill(t, b)
		update(t, b, func(tx *Tx) error {
			for _, q := range []string{
				`UPDATE staged SET state = 'rejected'`, `UPDATE publisher SET expires = 7`,
				`INSERT INTO spent (issuer, jti, expires) VALUES ('i', 'j', 7)`,
				`UPDATE audit SET action = 'signin.ok'`, `INSERT INTO meter (key, tat) VALUES ('x', 7)`,
			} {
				if _, err := tx.exec("x", q); err != nil {
					return err
				}
			}
			return tx.Audit(Audit{At: noon, Action: "signin.ok"})
		})
		for _, what := range OldKinds() {
			n, err := b.CountOld(t.Context(), what, noon)
			if err != nil {
				t.Error(err)
			}
			// A line of a sign-in is a line of the journal too.
			if want := int64(1); n != want {
				t.Errorf("%s: %d old rows, want %d", what, n, want)
			}
			if early, err := b.CountOld(t.Context(), what, time.UnixMicro(6)); err != nil || early != 0 {
				t.Errorf("%s: %d rows are older than they can be, %v", what, early, err)
			}
		}
		body := func() (n int) {
			if err := b.read.QueryRowContext(t.Context(), `SELECT length(body) FROM waiting`).Scan(&n); err != nil {
				t.Error(err)
			}
			return n
		}
		update(t, b, func(tx *Tx) error { return tx.BlankOldChanges(time.UnixMicro(7)) })
		if body() == 0 {
			t.Error("what a change is was forgotten too early")
		}
		update(t, b, func(tx *Tx) error { return tx.BlankOldChanges(noon) })
		if body() != 0 {
			t.Error("what a change was is still there")
		}
		for _, what := range OldKinds() {
			if what == "journal" {
				update(t, b, func(tx *Tx) error { return tx.Audit(Audit{At: time.UnixMicro(7), Action: "user.add"}) })
			}
			update(t, b, func(tx *Tx) error {
				n, err := tx.DropOld(what, noon)
				if n != 1 {
					err = fmt.Errorf("%s: %d rows went", what, n)
				}
				return err
			})
			if n, err := b.CountOld(t.Context(), what, noon); err != nil || n != 0 {
				t.Errorf("%s: %d rows stay, %v", what, n, err)
			}
		}
		if list, err := b.Audits(t.Context(), 0, 9); err != nil || len(list) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
		if _, err := b.CountOld(t.Context(), "nothing", noon); err == nil {
			t.Error("a kind that is none was counted")
		}
	})
}

// TestMetersKeepNoNames counts by a network and finds it nowhere.
func TestMetersKeepNoNames(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		count := func() (wait time.Duration) {
			update(t, b, func(tx *Tx) (err error) {
				wait, err = tx.Meter("guess 203.0.113.0/24", noon, time.Minute, 1)
				return err
			})
			return wait
		}
		b.NameKey([]byte("a key"))
		if count() != 0 || count() == 0 {
			t.Error("it does not count")
		}
		var n int
		if err := b.read.QueryRowContext(t.Context(), `SELECT count(*) FROM meter WHERE key LIKE '%203%0%113%' OR key LIKE '%guess%'`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d keys say what they count, %v", n, err)
		}
		update(t, b, func(tx *Tx) error { return tx.MeterReset("guess 203.0.113.0/24") })
		if count() != 0 {
			t.Error("it was not reset")
		}
	})
}
