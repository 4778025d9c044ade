package signin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"bonded.dev"
)

// passed counts how many of n guesses were looked at.
func passed(n int, guess func(i int) error) (looked int) {
	for i := range n {
		var e *bonded.Error
		if err := guess(i); errors.As(err, &e) && e.Kind != bonded.TooMany {
			looked++
		}
	}
	return looked
}

// anywhere is a stranger in one of fifty networks.
func anywhere(i int) Visit {
	return Visit{Network: fmt.Sprintf("198.51.%d.0/24", i%50), Label: "a program"}
}

// TestGuessing: of a thousand guesses from many networks a handful are looked at,
// on every factor, and the owner gets in all the while.
func TestGuessing(t *testing.T) {
	b := newBench(t)
	b.nobody = small
	ctx := t.Context()
	w, seed, codes := b.withCode("alice")
	guess := func(i int) error {
		_, err := b.Password(ctx, "alice", fmt.Sprintf("guess number %d here", i), anywhere(i))
		return err
	}
	if n := passed(1000, guess); n != 8 {
		t.Errorf("%d passwords were looked at", n)
	}
	b.wants(guess(1), bonded.TooMany, "try again in 15 minutes [brute-force-limits]")
	b.happened("alice", "signin.slow", 1)
	// The right password does not get through either: nobody learns that it is.
	_, err := b.Password(ctx, "alice", good, anywhere(3))
	b.wants(err, bonded.TooMany, "use a passkey or a device")
	// Nor is it told apart which names exist.
	nobody := func(i int) error { _, err := b.Password(ctx, "nobody", "guess", anywhere(i)); return err }
	if n := passed(100, nobody); n != 8 {
		t.Errorf("%d passwords of nobody were looked at", n)
	}
	// The owner, where the account is known.
	_, err = w.withPassword("alice", good, b.code(seed))
	b.must(err)
	// A day later.
	n := 0
	for range 24 * 12 {
		b.turn(5 * time.Minute)
		n += passed(3, guess)
	}
	if n > 97 {
		t.Errorf("%d passwords were looked at in a day", n)
	}
	b.happened("alice", "signin.slow", 25)

	// Codes, with the right password in hand.
	b.turn(24 * time.Hour)
	next, err := b.Password(ctx, "alice", good, anywhere(0))
	b.must(err)
	code := func(i int) error {
		_, _, err := b.Code(ctx, next.Secret, fmt.Sprintf("%06d", i), anywhere(i))
		return err
	}
	if n := passed(200, code); n != 8 {
		t.Errorf("%d codes were looked at", n)
	}
	b.wants(code(0), bonded.TooMany, "try again in 60 minutes")
	recovery := func(i int) error {
		_, _, err := b.Code(ctx, next.Secret, fmt.Sprintf("aaaa-bbbb-cccc-%04d", i), anywhere(i))
		return err
	}
	if n := passed(200, recovery); n != 5 {
		t.Errorf("%d recovery codes were looked at", n)
	}
	_, err = w.withPassword("alice", good, codes[0])
	b.must(err)
}

// TestGuessingLeavesPasskeysAlone: a passkey gets in from anywhere while
// passwords are being guessed.
func TestGuessingLeavesPasskeysAlone(t *testing.T) {
	b := newBench(t)
	w := b.withKey("alice")
	b.must(b.SetPassword(t.Context(), w.session(), good))
	for i := range 50 {
		_, _ = b.Password(t.Context(), "alice", "guess", anywhere(i))
	}
	far := b.browser()
	far.auth = w.auth
	b.must(far.passkey())
	b.must(far.stepUp())
}

// TestOneNetwork: a network that tries a little on many accounts is slowed down.
func TestOneNetwork(t *testing.T) {
	b := newBench(t)
	b.nobody = small // so that nobody waits for hashes
	n := passed(150, func(i int) error {
		_, err := b.Password(t.Context(), fmt.Sprintf("user-%d", i), "guess", anywhere(0))
		return err
	})
	if n != networkGuesses.burst {
		t.Errorf("%d guesses of one network were looked at", n)
	}
	_, err := b.Password(t.Context(), "user-200", "guess", anywhere(1))
	b.wants(err, bonded.Unauthorized, "wrong")
	// A browser that the account knows gets in from there all the same.
	w, seed, _ := b.withCode("alice")
	w.network = anywhere(0).Network
	_, err = w.withPassword("alice", good, b.code(seed))
	b.must(err)
	// Behind a proxy everybody comes from one private network.
	for i, network := range []string{"127.0.0.0/24", "fd00::/48"} {
		n := passed(120, func(j int) error {
			_, err := b.Password(t.Context(), fmt.Sprintf("behind-%d-%d", i, j), "guess", Visit{Network: network})
			return err
		})
		if n != 120 {
			t.Errorf("%d guesses from %q were looked at", n, network)
		}
	}
}

// TestGuessesAtOnce: guesses made at the same moment count as well.
func TestGuessesAtOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.withCode("alice")
		var mu sync.Mutex
		var wg sync.WaitGroup
		looked := 0
		for i := range 16 {
			wg.Go(func() {
				_, err := b.Password(b.t.Context(), "alice", "guess", anywhere(i))
				mu.Lock()
				defer mu.Unlock()
				if kind, _, _ := bonded.Explain(err); kind == bonded.Unauthorized {
					looked++
				} else if kind != bonded.TooMany {
					b.t.Error(err)
				}
			})
		}
		wg.Wait()
		if looked != 8 {
			b.t.Errorf("%d guesses of 16 at once were looked at", looked)
		}
	})
}

// TestHashingIsBounded: when all places are taken, and stay so, the answer is to
// try again, and a passkey needs no place.
func TestHashingIsBounded(t *testing.T) {
	b := newBench(t)
	w := b.withKey("alice")
	for range hashesAtOnce {
		b.hashing <- struct{}{}
	}
	b.must(w.passkey())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := b.hash(ctx, func() { t.Error("it was hashed") })
	b.wants(err, bonded.Unavailable, "too many passwords")
}
