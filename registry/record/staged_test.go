package record

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"bonded.dev"
)

func stagedPad(id string, at time.Time) Staged {
	return Staged{
		ID: id, Name: bonded.Name{Ecosystem: "x", Key: "pad", Display: "Pad"}, Version: "1.0.0", Actor: "alice",
		Files: []string{"pad-1.0.0.bin 00", "pad-1.0.0.sig 01"}, Blobs: []string{"quarantine/a", "quarantine/b"},
		Body: []byte(`{"draft":1}`), Created: at, Expires: at.Add(time.Hour),
	}
}

func TestStagedIsReadBackAndAnsweredOnce(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		ctx, at := context.Background(), time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
		want := stagedPad("one", at)
		update(t, b, func(tx *Tx) error { return tx.AddStaged(want) })
		want.State = StagedWaits
		if got, err := b.Staged(ctx, "one"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read back %+v, %v", got, err)
		}
		if list, err := b.StagedOf(ctx, want.Name, at); err != nil || len(list) != 1 || list[0].Body != nil {
			t.Errorf("of the package: %+v, %v", list, err)
		}
		for i, wantEnded := range []bool{true, false} {
			update(t, b, func(tx *Tx) error {
				ended, err := tx.EndStaged("one", StagedRejected, "bob", "no", at)
				if err == nil && ended != wantEnded {
					t.Errorf("answer %d: ended %v", i, ended)
				}
				return err
			})
		}
		got, err := b.Staged(ctx, "one")
		if err != nil || got.State != StagedRejected || got.Answerer != "bob" || len(got.Body) != 0 || len(got.Blobs) != 2 {
			t.Errorf("after the answer: %+v, %v", got, err)
		}
		if left, err := b.StagedLeft(ctx); err != nil || len(left) != 1 {
			t.Errorf("left: %+v, %v", left, err)
		}
		update(t, b, func(tx *Tx) error { return tx.StagedGone("one") })
		if left, err := b.StagedLeft(ctx); err != nil || len(left) != 0 {
			t.Errorf("left after the bytes went: %+v, %v", left, err)
		}
	})
}

func TestStagedExpiresAndIsKnownMeanwhile(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		ctx, at := context.Background(), time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
		update(t, b, func(tx *Tx) error { return tx.AddStaged(stagedPad("one", at)) })
		update(t, b, func(tx *Tx) error { return tx.AddStaged(stagedPad("two", at.Add(time.Minute))) })
		over := at.Add(time.Hour)
		due, err := b.StagedDue(ctx, over)
		if err != nil || len(due) != 1 || due[0].ID != "one" {
			t.Errorf("due: %+v, %v", due, err)
		}
		waiting, err := b.StagedWaiting(ctx, over, 10)
		if err != nil || len(waiting) != 1 || waiting[0].ID != "two" {
			t.Errorf("waiting: %+v, %v", waiting, err)
		}
		update(t, b, func(tx *Tx) error {
			_, err := tx.EndStaged("one", StagedApproved, "bob", "", over)
			return err
		})
		if err := b.View(ctx, func(tx *Tx) error {
			blobs, err := tx.StagedBlobs()
			if !slices.Equal(blobs, []string{"quarantine/a", "quarantine/b"}) {
				t.Errorf("blobs that wait: %v", blobs)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
		if left, err := b.StagedLeft(ctx); err != nil || len(left) != 0 {
			t.Errorf("an approved release has nothing left: %+v, %v", left, err)
		}
	})
}

func TestTwoPersonIsThePackagesOrTheOrganisations(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		ctx, pad := context.Background(), bonded.Name{Ecosystem: "x", Key: "pad"}
		if own, wanted, err := b.TwoPerson(ctx, pad, ""); own || wanted || err != nil {
			t.Errorf("nobody asked: %v %v %v", own, wanted, err)
		}
		update(t, b, func(tx *Tx) error { return tx.SetPolicy(pad, Policy{TwoPerson: true}) })
		if own, wanted, err := b.TwoPerson(ctx, pad, "acme"); !own || wanted || err != nil {
			t.Errorf("the package asks: %v %v %v", own, wanted, err)
		}
	})
}
