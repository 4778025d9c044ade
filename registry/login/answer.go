package login

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

// Question is what a page shows of what a program asked for.
type Question struct {
	Program string // what it calls itself; empty: nothing
	Where   string
	// Near is "same" or "other": the network in which it was asked for, against
	// that of the browser. Empty: not known.
	Near    string
	Asked   time.Time
	Expires time.Time
	State   string // Waits, Allowed or Refused
	Scopes  []identity.Scope
	// Action and Name are what a proof is asked for; Action is empty otherwise.
	Action bonded.Action
	Name   bonded.Name
}

// Claim is a person who typed the code that a program shows. From then on the
// log-in belongs to that account, and to no other.
func (r *Room) Claim(ctx context.Context, user, code string) error {
	code = ReadCode(code)
	var wait time.Duration
	found, mine := false, false
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		found, mine = false, false
		guesses := "login guess " + user
		if wait, err = tx.Meter(guesses, r.Now(), time.Minute, 10); err != nil || wait > 0 {
			return err
		}
		var c record.Ceremony
		if c, found, err = tx.CeremonyByCode(kindLogin, code, r.Now()); err != nil || !found {
			return err
		}
		if mine = c.User == user; mine || c.User != "" {
			return nil
		}
		b, err := read(c)
		if err != nil {
			return err
		}
		c.User, mine = user, true
		if _, err := tx.PutCeremony(c); err != nil {
			return err
		}
		if err := tx.MeterReset(guesses); err != nil {
			return err
		}
		return r.note(tx, user, "login.ask", user, b.says())
	})
	switch {
	case err != nil:
		return err
	case wait > 0:
		return tooMany(wait, "there were too many wrong codes")
	case !found || !mine:
		return bonded.Errorf(bonded.Invalid, "no program waits for this code; look at it again, or let the program begin again: a code is good for 15 minutes, once")
	}
	return nil
}

// Code finds what a user claimed by its code, and Proof what a user is asked to
// confirm by the last part of its page.
func Code(code string) Key { return Key{kindLogin, ReadCode(code)} }
func Proof(id string) Key  { return Key{kindProof, id} }

// Key finds what a program asked for.
type Key struct{ kind, code string }

// Look returns what was asked of a user; network is the browser's.
func (r *Room) Look(ctx context.Context, user string, k Key, network string) (q Question, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		c, b, err := r.find(tx, user, k)
		if err != nil {
			return err
		}
		q = Question{Program: b.Program, Where: b.Where, Asked: c.Created, Expires: c.Expires, State: b.State, Action: b.Action,
			Name: bonded.Name{Ecosystem: b.Eco, Key: b.Key, Display: b.Display}}
		if here := r.hidden(network); here != "" && b.Network != "" {
			q.Near = "other"
			if here == b.Network {
				q.Near = "same"
			}
		}
		q.Scopes, err = b.scopes()
		return err
	})
	return q, err
}

// find returns what belongs to a user; nothing else is there.
func (r *Room) find(tx *record.Tx, user string, k Key) (c record.Ceremony, b asked, err error) {
	c, found, err := tx.CeremonyByCode(k.kind, k.code, r.Now())
	if err != nil {
		return c, b, err
	}
	if !found || c.User != user || user == "" {
		return c, b, bonded.Errorf(bonded.NotFound, "no program of yours waits here; it may have waited for too long, or is served already")
	}
	b, err = read(c)
	return c, b, err
}

func read(c record.Ceremony) (b asked, err error) {
	if err := json.Unmarshal(c.Body, &b); err != nil {
		return b, fmt.Errorf("read a %s: %w", c.Kind, err)
	}
	return b, nil
}

func (b asked) scopes() (list []identity.Scope, err error) {
	for _, text := range b.Scopes {
		s, err := identity.ParseScope(text)
		if err != nil {
			return nil, fmt.Errorf("read a log-in: %w", err)
		}
		list = append(list, s)
	}
	return list, nil
}

// Allow lets a program have a token with these scopes for so long. They are those
// that it asked for, or less.
func (r *Room) Allow(ctx context.Context, user, code string, scopes []identity.Scope, ttl time.Duration) error {
	if len(scopes) == 0 {
		return bonded.Errorf(bonded.Invalid, "choose at least one thing that the program may do, or refuse it")
	}
	return r.answer(ctx, user, Code(code), "login.allow", func(b *asked) error {
		all, err := b.scopes()
		if err != nil {
			return err
		}
		b.Scopes, b.TTL, b.State = nil, int64(ttl/time.Second), Allowed
		for _, s := range scopes {
			covered := false
			for _, wide := range all {
				covered = covered || wide.Covers(s)
			}
			if !covered {
				return bonded.Errorf(bonded.Invalid, "the program did not ask for %s", s)
			}
			b.Scopes = append(b.Scopes, s.String())
		}
		return nil
	})
}

// Confirm lets a program have the proof that it asked for. Whoever calls it knows
// that the user showed a passkey for it.
func (r *Room) Confirm(ctx context.Context, user, id string) error {
	return r.answer(ctx, user, Proof(id), "login.allow", func(b *asked) error {
		b.State, b.Stepped = Allowed, r.Now()
		return nil
	})
}

// Refuse ends what a program asked for.
func (r *Room) Refuse(ctx context.Context, user string, k Key) error {
	return r.answer(ctx, user, k, "login.refuse", func(b *asked) error {
		b.State = Refused
		return nil
	})
}

// answer changes what waits, once.
func (r *Room) answer(ctx context.Context, user string, k Key, action string, change func(*asked) error) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		c, b, err := r.find(tx, user, k)
		if err != nil {
			return err
		}
		if b.State != Waits {
			return bonded.Errorf(bonded.Conflict, "this was answered already: %s", b.State)
		}
		if err := change(&b); err != nil {
			return err
		}
		if c.Body, err = json.Marshal(b); err != nil {
			return fmt.Errorf("answer a %s: %w", c.Kind, err)
		}
		c.Expires = r.Now().Add(fetchWithin)
		if there, err := tx.PutCeremony(c); err != nil || !there {
			return err
		}
		return r.note(tx, user, action, user, b.says())
	})
}

// Answer is what a program learns.
type Answer struct {
	State string
	// Of a log-in that was allowed: the token, once, and what the book keeps of it.
	Token  identity.Secret
	Stored record.Token
	// Of a confirmation that was allowed: the proof, once.
	Proof string
}

// Poll is a program that asks if its person has answered. A paced one is held to
// Every.
func (r *Room) Poll(ctx context.Context, secret string, paced bool) (a Answer, err error) {
	s, err := identity.ParseSecret(secret, identity.CeremonyPrefix, "secret")
	if err != nil {
		return Answer{State: Over}, nil
	}
	hash := s.Hash()
	var c record.Ceremony
	err = r.Book.View(ctx, func(tx *record.Tx) (err error) {
		c, err = r.byHash(tx, hash)
		return err
	})
	if err != nil || c.Kind == "" {
		return Answer{State: Over}, err
	}
	b, err := read(c)
	if err != nil {
		return a, err
	}
	if paced && b.State == Waits {
		if soon, err := r.tooSoon(ctx, hash); err != nil || soon {
			return Answer{State: TooSoon}, err
		}
	}
	switch {
	case b.State != Allowed:
		return Answer{State: b.State}, nil
	case c.Kind == kindProof:
		return r.fetchProof(ctx, c, b)
	}
	return r.fetchToken(ctx, c, b)
}

func (r *Room) byHash(tx *record.Tx, hash bonded.Digest) (c record.Ceremony, err error) {
	for _, kind := range []string{kindLogin, kindProof} {
		c, found, err := tx.Ceremony(kind, hash, r.Now())
		if err != nil || found {
			return c, err
		}
	}
	return record.Ceremony{}, nil
}

func (r *Room) tooSoon(ctx context.Context, hash bonded.Digest) (bool, error) {
	var wait time.Duration
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		// A second less than was told: clocks of programs and ways differ.
		wait, err = tx.Meter("login poll "+hash.Hex(), r.Now(), Every-time.Second, 2)
		return err
	})
	return wait > 0, err
}

// fetchToken makes the token in the transaction that ends the log-in.
func (r *Room) fetchToken(ctx context.Context, c record.Ceremony, b asked) (Answer, error) {
	scopes, err := b.scopes()
	if err != nil {
		return Answer{}, err
	}
	label := b.Program
	if b.Where != "" {
		label += " on " + b.Where
	}
	l := identity.Limits{Scopes: scopes, TTL: time.Duration(b.TTL) * time.Second, Label: strings.TrimSpace(label)}
	secret, t, err := r.Keeper.PrepareToken(c.User, l, identity.OriginLogin)
	if err != nil {
		return Answer{}, err
	}
	taken := false
	err = r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		if _, taken, err = tx.TakeCeremony(c.Kind, c.Hash, r.Now()); err != nil || !taken {
			return err
		}
		if err := inUse(tx, c.User); err != nil {
			return err
		}
		return r.Keeper.StoreToken(tx, t, c.User)
	})
	if err != nil || !taken {
		return Answer{State: Over}, err
	}
	return Answer{State: Allowed, Token: secret, Stored: t}, nil
}

func (r *Room) fetchProof(ctx context.Context, c record.Ceremony, b asked) (Answer, error) {
	taken := false
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		if err := inUse(tx, c.User); err != nil {
			return err
		}
		_, taken, err = tx.TakeCeremony(c.Kind, c.Hash, r.Now())
		return err
	})
	if err != nil || !taken {
		return Answer{State: Over}, err
	}
	proof, err := r.Proof(ctx, c.User, b.Stepped, b.Action, bonded.Name{Ecosystem: b.Eco, Key: b.Key, Display: b.Display})
	return Answer{State: Allowed, Proof: proof}, err
}

// inUse says why an account gets nothing: what happened since it allowed.
func inUse(tx *record.Tx, user string) error {
	u, err := tx.Account(user)
	if err == nil && (!u.Disabled.IsZero() || !u.Erased.IsZero() || !u.Frozen.IsZero()) {
		err = bonded.Errorf(bonded.Forbidden, "the account %s is closed or frozen", user)
	}
	return err
}
