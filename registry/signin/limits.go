package signin

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// limit lets burst attempts through at once and one more for every gap.
type limit struct {
	gap   time.Duration
	burst int
}

// What can be guessed, and how often it may be tried: by browsers that the
// account does not know, all of them together, and by one that it knows. A code
// of six digits needs the longest gap: 24 tries a day at three valid codes of a
// million find one in forty years.
var guesses = map[string]struct{ strange, known limit }{
	"password":      {limit{15 * time.Minute, 8}, limit{time.Minute, 9}},
	"totp":          {limit{time.Hour, 8}, limit{10 * time.Minute, 9}},
	"recovery code": {limit{time.Hour, 5}, limit{10 * time.Minute, 5}},
	"proof":         {limit{10 * time.Minute, 8}, limit{10 * time.Minute, 8}},
}

// Per network, over all accounts, for browsers that the account does not know. An
// office behind one address has enough. Beginning with a passkey is bounded only
// so that nobody fills the book.
var (
	networkGuesses = limit{6 * time.Second, 100}
	networkBegins  = limit{100 * time.Millisecond, 600} // ceremonies with passkeys
	networkLetters = limit{time.Minute, 10}             // what makes us send a mail
	accountLetters = limit{20 * time.Minute, 3}
	slowNotices    = limit{time.Hour, 1}
)

// attempt counts a guess before anybody looks at it, so that guesses made at the
// same moment count as well. It returns what forgets the count when the whole
// sign-in succeeds. The answer does not depend on whether there is such a user.
func (r *Room) attempt(ctx context.Context, what, user string, v Visit) (forget func(*record.Tx) error, err error) {
	if r.without("brute-force-limits") {
		return func(*record.Tx) error { return nil }, nil
	}
	var wait time.Duration
	var key, from string
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		known, err := knows(tx, user, v)
		if err != nil {
			return err
		}
		from = " from devices that the account does not know"
		if !known {
			if wait, err = r.count(tx, "network guess", v.Network, networkGuesses); err != nil || wait > 0 {
				return err
			}
		}
		l := guesses[what].strange
		key = "guess " + what + " " + user
		if known {
			l, from = guesses[what].known, ""
			h := deviceHash(v)
			key += " " + hex.EncodeToString(h[:8])
		}
		if wait, err = tx.Meter(key, r.Now(), l.gap, l.burst); err != nil || wait == 0 {
			return err
		}
		return r.slow(tx, what, user)
	})
	if err == nil && wait > 0 {
		err = tooMany(wait, "there were too many attempts with a "+spoken(what)+from,
			"use a passkey or a device that you have used before, or ")
	}
	return func(tx *record.Tx) error { return tx.MeterReset(key) }, err
}

// slow tells the owner of an account, at most once an hour, that guessing began.
func (r *Room) slow(tx *record.Tx, what, user string) error {
	if _, err := tx.Account(user); err != nil {
		if kind, _, _ := bonded.Explain(err); kind == bonded.NotFound {
			return nil
		}
		return err
	}
	wait, err := tx.Meter("slow "+user, r.Now(), slowNotices.gap, slowNotices.burst)
	if err != nil || wait > 0 {
		return err
	}
	return event.Record(tx, record.Audit{At: r.Now(), Actor: "somebody", Action: "signin.slow", Subject: user, Account: user, Detail: what})
}

// count counts against a network, whose name is not kept. A private one is that
// of a proxy in front of us: everybody comes from there, and counting would let
// one of them lock out all.
func (r *Room) count(tx *record.Tx, what, network string, l limit) (time.Duration, error) {
	if !identity.Tells(network) {
		return 0, nil
	}
	return tx.Meter(what+" "+network, r.Now(), l.gap, l.burst)
}

// ofNetwork holds a network to what it may begin.
func (r *Room) ofNetwork(ctx context.Context, what, network string, l limit) error {
	var wait time.Duration
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		wait, err = r.count(tx, what, network, l)
		return err
	})
	if err == nil && wait > 0 {
		err = tooMany(wait, "too much was begun from your network", "")
	}
	return err
}

// letters says if an account may be written another letter now.
func (r *Room) letters(tx *record.Tx, kind, to string) (bool, error) {
	wait, err := tx.Meter("letter "+kind+" "+to, r.Now(), accountLetters.gap, accountLetters.burst)
	return wait == 0, err
}

func tooMany(wait time.Duration, why, instead string) error {
	until := fmt.Sprintf("%d seconds", int(wait/time.Second)+1)
	if wait > time.Minute {
		until = fmt.Sprintf("%d minutes", int((wait+time.Minute-1)/time.Minute))
	}
	return bonded.Refusal(bonded.TooMany, "brute-force-limits", "%s; %stry again in %s", why, instead, until)
}
