package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

const (
	// IdleTTL is how long a token may lie about unused before it ends.
	IdleTTL = 30 * 24 * time.Hour

	idleEvery = 24 * time.Hour
	idleLease = "tokens that nobody uses"
	idleBatch = 200
)

// RevokeToken ends a token: here at once, on other nodes within seconds. why is
// what its owner reads of it.
func (k *Keeper) RevokeToken(ctx context.Context, id, actor, why string) error {
	t, err := k.book.TokenByID(ctx, id)
	if isKind(err, bonded.NotFound) {
		return bonded.Errorf(bonded.NotFound, "there is no token %s that could be revoked", id)
	}
	if err != nil {
		return err
	}
	return k.end(ctx, []record.Token{t}, "token.revoke", actor, why)
}

// end revokes tokens in one transaction. One that ended meanwhile spoils nothing
// unless it is the only one.
func (k *Keeper) end(ctx context.Context, list []record.Token, action, actor, why string) error {
	// Whatever came of it, what is remembered may be wrong now.
	defer k.forget()
	now := k.Now()
	return k.book.Update(ctx, func(tx *record.Tx) error {
		for _, t := range list {
			err := tx.RevokeToken(t.ID, why, now)
			if len(list) > 1 && isKind(err, bonded.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if err := event.Record(tx, record.Audit{At: now, Actor: actor, Action: action, Subject: t.ID, Account: t.User, Detail: why}); err != nil {
				return err
			}
		}
		return nil
	})
}

// EndUnused ends every token that was not used for thirty days.
func (k *Keeper) EndUnused(ctx context.Context) error {
	for {
		now := k.Now()
		list, err := k.book.UnusedTokens(ctx, now, now.Add(-IdleTTL), idleBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := k.end(ctx, list, "token.unused", houseActor, "nobody used it for thirty days"); err != nil {
			return err
		}
		if len(list) < idleBatch {
			return nil
		}
	}
}

// idle runs EndUnused once a day on one of all nodes.
func (k *Keeper) idle(ctx context.Context, holder string, last time.Time) (time.Time, error) {
	now := k.Now()
	if now.Sub(last) < idleEvery {
		return last, nil
	}
	got, err := k.book.Lease(ctx, idleLease, holder, now, now.Add(idleEvery))
	if err != nil || !got {
		return last, err
	}
	return now, k.EndUnused(ctx)
}

// Leaked ends a token that somebody found where it should not be, and reports
// whether text is one of this repository's, in whatever form: a token, or a
// narrower one that a holder made of it. The token itself ends then, and with it
// all that were made of it. where is what its owner reads of the place. What is
// dead already stays as it is: telling twice would help nobody.
func (k *Keeper) Leaked(ctx context.Context, text, where string) (found bool, err error) {
	s, err := present(strings.TrimSpace(text))
	if err != nil {
		return false, nil // it has no form that a token has
	}
	t, err := k.book.TokenByHash(ctx, s.hash)
	if isKind(err, bonded.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	steps, err := s.bounds(t.Public)
	if err != nil {
		return false, nil // it names a token, and whoever made it did not have it
	}
	now := k.Now()
	over := !t.Revoked.IsZero() || !now.Before(t.Expires)
	for _, b := range steps {
		over = over || !b.expires.IsZero() && !now.Before(b.expires)
	}
	if over {
		return true, nil
	}
	err = k.end(ctx, []record.Token{t}, "token.leak", houseActor, "found in "+where)
	if isKind(err, bonded.NotFound) {
		return true, nil // somebody else ended it in the same moment
	}
	return err == nil, err
}

func isKind(err error, kind bonded.Kind) bool {
	var known *bonded.Error
	return errors.As(err, &known) && known.Kind == kind
}
