package identity

import (
	"context"
	"slices"
	"strings"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// Own returns the token that a caller shows, and the ones that work and that it
// may see: all of its user for a token that its user let a program have, which
// stands for the person at that machine, and itself alone for every other, since
// a token of a build job has nothing to learn of the rest. It must not be called
// on a nil Caller.
func (k *Keeper) Own(ctx context.Context, c *Caller) (this record.Token, all []record.Token, err error) {
	this, err = k.book.TokenByID(ctx, c.token)
	if err != nil || this.Origin != OriginLogin || c.narrowed() {
		return this, []record.Token{this}, err
	}
	all, err = k.book.Tokens(ctx, c.user)
	now := k.Now()
	return this, slices.DeleteFunc(all, func(t record.Token) bool {
		return !t.Revoked.IsZero() || !now.Before(t.Expires) || t.Uses == 0
	}), err
}

// EndOwn ends one of the tokens that Own lists, by its id or by the token itself.
// Whoever has a narrower token ends nothing: the one that it comes from belongs
// to somebody else.
func (k *Keeper) EndOwn(ctx context.Context, c *Caller, which string) error {
	if c.narrowed() {
		return bonded.Errorf(bonded.Forbidden, "a narrower token ends with the one that it was made of; whoever has that one can end it")
	}
	_, all, err := k.Own(ctx, c)
	if err != nil {
		return err
	}
	match := func(t record.Token) bool { return t.ID == which }
	if strings.HasPrefix(which, tokenPrefix) {
		s, err := present(which)
		if err != nil {
			return err
		}
		match = func(t record.Token) bool { return sameHash(t.Hash, s.hash) }
	}
	i := slices.IndexFunc(all, match)
	if i < 0 {
		return bonded.Errorf(bonded.NotFound, "this token can end no such token; the page account/tokens can")
	}
	return k.RevokeToken(ctx, all[i].ID, c.Name(), "given back by a program of its owner")
}

// narrowed says if the caller shows a token that somebody made of another one.
func (c *Caller) narrowed() bool { return len(c.bounds) > 1 }

// Wants is the last action that was refused to the caller because more than a
// token is needed; false: none was.
func (c *Caller) Wants() (bonded.Action, bonded.Name, bool) {
	return c.wanted.action, c.wanted.name, c.wanted.action != ""
}

type want struct {
	action bonded.Action
	name   bonded.Name
}
