package record

import (
	"testing"
	"time"

	"bonded.dev"
)

func TestOverride(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		o := Override{ID: "one", Operator: "olga", Account: "alice", Reason: "lost\x00 token", Created: noon, Until: noon.Add(24 * time.Hour)}
		update(t, b, func(tx *Tx) error { return tx.AddOverride(o) })
		use := func(account string, at time.Time) (err error) {
			return b.Update(t.Context(), func(tx *Tx) error {
				_, err := tx.UseOverride("one", account, at)
				return err
			})
		}
		agree := func(second string, at time.Time) (ok bool) {
			update(t, b, func(tx *Tx) (err error) {
				ok, err = tx.AgreeOverride("one", second, at, at.Add(time.Hour))
				return err
			})
			return ok
		}
		wantKind(t, use("alice", noon), bonded.Forbidden) // one alone
		if agree("olga", noon) || agree("oscar", o.Until) {
			t.Error("it was agreed by who asked, or too late")
		}
		if !agree("oscar", noon) || agree("otto", noon) {
			t.Error("one second operator agrees, once")
		}
		wantKind(t, use("bob", noon), bonded.Forbidden)
		wantKind(t, use("alice", noon.Add(time.Hour)), bonded.Forbidden)
		if err := use("alice", noon.Add(time.Minute)); err != nil {
			t.Error(err)
		}
		wantKind(t, use("alice", noon.Add(time.Minute)), bonded.Forbidden) // once
		got, err := b.Override(t.Context(), "one")
		if err != nil || got.Second != "oscar" || got.Until != noon.Add(time.Hour) || got.Used != noon.Add(time.Minute) || got.Valid(noon) == "" {
			t.Errorf("%+v, %v", got, err)
		}
		_, err = b.Override(t.Context(), "two")
		wantKind(t, err, bonded.NotFound)
		if list, err := b.Overrides(t.Context()); err != nil || len(list) != 1 || list[0] != got {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
