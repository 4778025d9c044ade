package record

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"bonded.dev"
)

const childEnv = "BONDED_RECORD_TEST_CHILD"

// TestMain lets a test start this program again as another node.
func TestMain(m *testing.M) {
	if dsn := os.Getenv(childEnv); dsn != "" {
		if err := child(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const batches = 12 // of each writer

func child(dsn string) error {
	b, err := Open(context.Background(), dsn)
	if err != nil {
		return err
	}
	for range batches {
		if err := lockedBatch(context.Background(), b); err != nil {
			return err
		}
	}
	return b.Close()
}

// lockedBatch reads the head in one transaction and writes behind it in
// another, as the sequencer may: only the lock keeps others from the place.
func lockedBatch(ctx context.Context, b *Book) error {
	unlock, err := b.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	var head uint64
	err = b.View(ctx, func(tx *Tx) (err error) {
		head, err = tx.Head()
		return err
	})
	if err != nil {
		return err
	}
	err = b.Update(ctx, func(tx *Tx) error {
		for i := range uint64(3) {
			e := release(npm("left-pad"), fmt.Sprintf("1.0.%d", head+i))
			body, err := e.Marshal()
			if err != nil {
				return err
			}
			if err := tx.AppendEntry(head+i, e, body); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, b.StillLocked(ctx))
}

// TestLockKeepsTheLogGapless has eight goroutines of this process, half of
// them with a book of their own, and two other processes write at once.
func TestLockKeepsTheLogGapless(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		shared := openBook(t, dsn)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), childEnv+"="+dsn)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("another process: %v: %s", err, out)
				}
			})
		}
		for w := range 8 {
			b := shared
			if w%2 == 0 {
				b = openBook(t, dsn)
			}
			wg.Go(func() {
				for range batches {
					if err := lockedBatch(t.Context(), b); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		view(t, shared, func(tx *Tx) error {
			want := uint64(0)
			for l, err := range tx.Entries(0, 1<<40) {
				if err != nil {
					return err
				}
				if l.Index != want {
					t.Fatalf("entry %d where %d belongs", l.Index, want)
				}
				want++
			}
			if want != 10*batches*3 {
				t.Errorf("%d entries of %d", want, 10*batches*3)
			}
			return nil
		})
	})
}

func TestLockCanBeGivenUpWaitingFor(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		one, other := openBook(t, dsn), openBook(t, dsn)
		ctx, cancel := context.WithCancel(t.Context())
		unlock, err := one.Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []*Book{one, other} {
			wait, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
			_, err := b.Lock(wait)
			stop()
			if err == nil {
				t.Fatal("two hold the lock")
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("giving up returned %v", err)
			}
		}
		wantKind(t, other.StillLocked(t.Context()), bonded.Unavailable)
		cancel() // the holder's request is over; it must be able to unlock
		unlock()
		unlock()
		again, err := other.Lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantKind(t, one.StillLocked(t.Context()), bonded.Unavailable)
		if err := other.StillLocked(t.Context()); err != nil {
			t.Error(err)
		}
		again()
		// Everything was given back: the first can have it once more.
		last, err := one.Lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last()
	})
}

// TestLockLostIsNoticed ends the session that holds the lock, as a network
// that breaks would.
func TestLockLostIsNoticed(t *testing.T) {
	dsn := postgres(t)
	one, other := openBook(t, dsn), openBook(t, dsn)
	unlock, err := one.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := one.StillLocked(t.Context()); err != nil {
		t.Fatal(err)
	}
	var ended bool
	err = other.read.QueryRowContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_locks
		WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&ended)
	if err != nil || !ended {
		t.Fatal(ended, err)
	}
	second, err := other.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, one.StillLocked(t.Context()), bonded.Unavailable)
	unlock()
	if err := other.StillLocked(t.Context()); err != nil {
		t.Errorf("the first holder's unlock freed the second's lock: %v", err)
	}
	second()
	if err := lockedBatch(t.Context(), one); err != nil {
		t.Errorf("after the loss: %v", err)
	}
}
