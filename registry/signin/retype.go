package signin

import (
	"context"
	"errors"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"golang.org/x/text/unicode/norm"
)

// typed holds a session of an account without a passkey to password and code. A
// stolen cookie has neither.
func (r *Room) typed(s *Session, what string) error {
	if s.Typed(r.Now()) {
		return nil
	}
	return stepUp(what + " needs your password and a code, typed within the last five minutes: confirm at /account/confirm/code")
}

// Retype confirms a session with the password and a code, of the app or a
// recovery code, for an account that has no passkey to confirm with. For five
// minutes it may then change its own factors ([Session.Typed]); what it does to
// packages and tokens needs a passkey all the same, for what is typed can be
// relayed. The session gets a new cookie, and only that one carries the proof.
func (r *Room) Retype(ctx context.Context, s *Session, password, code string, v Visit) (cookie identity.Secret, err error) {
	code = plain(code)
	what := kindOf(code)
	kept, f, err := r.kept(ctx, s.User)
	switch {
	case err != nil:
		return cookie, err
	case s.Needs != "":
		return cookie, notYet(s)
	case f.counting(r.Now()) > 0:
		return cookie, bonded.Errorf(bonded.Conflict, "your account has a passkey, which confirms better than anything that is typed: use it at /account/confirm")
	}
	forgetPassword, err := r.attempt(ctx, "password", s.User, v)
	if err != nil {
		return cookie, err
	}
	forgetCode, err := r.attempt(ctx, what, s.User, v)
	if err != nil {
		return cookie, err
	}
	knows, err := r.is(ctx, kept.Hash, password)
	if err != nil {
		return cookie, err
	}
	cookie = identity.NewSecret(identity.SessionPrefix)
	good := false
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		if good = false; !knows || f.Password.IsZero() {
			return nil
		}
		row, err := current(tx, s)
		if err != nil {
			return err
		}
		if good, err = r.takeCode(tx, s.User, what, code); err != nil || !good {
			return err
		}
		row.Retyped = r.Now()
		if err := errors.Join(tx.PutSession(row), tx.RotateSession(s.ID, cookie.Hash(), r.Now()), forgetPassword(tx), forgetCode(tx)); err != nil {
			return err
		}
		return r.note(tx, s.User, "stepup.ok", "password and "+spoken(what))
	})
	switch {
	case err != nil:
		return identity.Secret{}, err
	case !good:
		return identity.Secret{}, r.refused(ctx, s.User, "confirmation", v, "the password or the code is wrong, or the code was used before")
	}
	return cookie, nil
}

// is says if a password has a hash.
func (r *Room) is(ctx context.Context, hash, password string) (good bool, err error) {
	password = norm.NFC.String(password)
	if utf8.RuneCountInString(password) > maxPassword {
		password = ""
	}
	var wrong error
	err = r.hash(ctx, func() { good, _, wrong = checkPassword(hash, password) })
	return good, errors.Join(err, wrong)
}
