package waiting_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"
)

// bench is a room with one change that is due; what happens when it is made is
// the test's.
type bench struct {
	*waiting.Room
	t    *testing.T
	book *record.Book
	now  time.Time
	id   string
	do   waiting.Do
	made int
}

var errDied = errors.New("the server died")

func onBoth(t *testing.T, test func(b *bench)) {
	t.Run("sqlite", func(t *testing.T) { test(newBench(t, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))) })
	t.Run("postgres", func(t *testing.T) { test(newBench(t, testenv.Postgres(t))) })
}

func newBench(t *testing.T, dsn string) *bench {
	t.Helper()
	book, err := record.Open(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { must(t, book.Close()) })
	b := &bench{Room: waiting.New(book, make([]byte, 32)), t: t, book: book, now: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)}
	b.Now = func() time.Time { return b.now }
	b.Handle("x", func(ctx context.Context, w record.Waiting) error { return b.do(ctx, w) })
	must(t, book.Update(t.Context(), func(tx *record.Tx) error {
		must(t, tx.AddUser(record.User{Name: "alice"}))
		w, err := b.Put(tx, record.Waiting{Kind: "x", Account: "alice", Actor: "alice", Body: []byte("{}")})
		b.id = w.ID
		return err
	}))
	b.now = b.now.Add(waiting.DefaultDelay)
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// counts makes the change in a transaction, as most rooms do.
func (b *bench) counts(ctx context.Context, w record.Waiting) error {
	err := b.book.Update(ctx, func(tx *record.Tx) error { return b.Made(tx, w) })
	if err == nil {
		b.made++
	}
	return err
}

// dies ends the process in the middle of a change, after some of it or none.
func (b *bench) dies(before waiting.Do) {
	b.t.Helper()
	b.do = func(ctx context.Context, w record.Waiting) error {
		if before != nil {
			must(b.t, before(ctx, w))
		}
		panic(errDied)
	}
	defer func() {
		if r := recover(); r != errDied { //nolint:errorlint // the very value
			b.t.Fatalf("the change was not begun: %v", r)
		}
	}()
	must(b.t, b.Due(b.t.Context()))
}

func (b *bench) row() record.Waiting {
	b.t.Helper()
	w, err := b.book.WaitingByID(b.t.Context(), b.id)
	must(b.t, err)
	return w
}

// TestCrashInTheMiddle loses no change that was begun, and calls none done before
// it is.
func TestCrashInTheMiddle(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.dies(nil)
		if w := b.row(); w.Outcome != record.WaitingDoing || !w.Ended.IsZero() {
			t.Errorf("begun, and nobody knows more: %q, ended %v", w.Outcome, w.Ended)
		}
		if kind, _, _ := bonded.Explain(b.Cancel(t.Context(), b.id, "alice")); kind != bonded.Conflict {
			t.Errorf("cancelled what is being made: kind %v", kind)
		}
		b.do = b.counts
		b.now = b.now.Add(5 * time.Minute)
		must(t, b.Due(t.Context()))
		if b.made != 0 {
			t.Error("taken up while somebody may still be at it")
		}
		b.now = b.now.Add(time.Second)
		must(t, b.Due(t.Context()))
		must(t, b.Due(t.Context()))
		if w := b.row(); b.made != 1 || w.Outcome != "done" || !w.Ended.Equal(b.now) {
			t.Errorf("made %d times, %q, ended %v", b.made, w.Outcome, w.Ended)
		}
	})
}

// TestCrashAfterwards does not make once more what was made.
func TestCrashAfterwards(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.dies(b.counts)
		b.do = b.counts
		b.now = b.now.Add(time.Hour)
		must(t, b.Due(t.Context()))
		if w := b.row(); b.made != 1 || w.Outcome != "done" {
			t.Errorf("made %d times, %q", b.made, w.Outcome)
		}
	})
}

// TestTwoAtIt has a node that was slow come back when another one is at it.
func TestTwoAtIt(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.do = func(ctx context.Context, w record.Waiting) error {
			b.do = b.counts
			b.now = b.now.Add(time.Hour)
			must(t, b.Due(ctx))
			return b.counts(ctx, w)
		}
		must(t, b.Due(t.Context()))
		if w := b.row(); b.made != 1 || w.Outcome != "done" {
			t.Errorf("made %d times, %q", b.made, w.Outcome)
		}
	})
}

// TestLaterAndNever are the two ways in which a change that is due is not made.
func TestLaterAndNever(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.do = func(context.Context, record.Waiting) error { return bonded.Errorf(bonded.Unavailable, "not now") }
		must(t, b.Due(t.Context()))
		if w := b.row(); w.Outcome != "" || !w.Ended.IsZero() {
			t.Errorf("not now: %q, %v", w.Outcome, w.Ended)
		}
		b.do = func(context.Context, record.Waiting) error { return bonded.Errorf(bonded.Forbidden, "never") }
		must(t, b.Due(t.Context()))
		if w := b.row(); w.Outcome != "failed" || !w.Ended.Equal(b.now) {
			t.Errorf("never: %q, %v", w.Outcome, w.Ended)
		}
	})
}
