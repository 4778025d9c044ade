package signin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

// leaving is a passkey whose removal waits.
type leaving struct {
	ID    []byte `json:"id"`
	Label string `json:"label"`
}

// RemovePasskey asks for the removal of a passkey. It waits, and due says until
// when; one that does not count yet goes at once, for that weakens nothing. The
// last passkey of an account stays: without it only what can be relayed is left.
func (r *Room) RemovePasskey(ctx context.Context, s *Session, id []byte) (due time.Time, err error) {
	same := func(w record.Waiting) bool {
		var l leaving
		return json.Unmarshal(w.Body, &l) == nil && bytes.Equal(l.ID, id)
	}
	err = r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		if due, err = pending(tx, s.User, "passkey.remove", same); err != nil || !due.IsZero() {
			return err
		}
		if s.Enrolling {
			return notYet(s)
		}
		key, err := ofUser(tx, s.User, id)
		if err != nil {
			return err
		}
		if key.Counts.After(r.Now()) {
			if _, err := tx.RemovePasskey(s.User, id); err != nil {
				return err
			}
			return r.note(tx, s.User, "passkey.remove", key.Label)
		}
		if err := r.spare(tx, s.User); err != nil {
			return err
		}
		if err := r.sure(tx, s, "removing a passkey"); err != nil {
			return err
		}
		w, err := r.waits(tx, "passkey.remove", s.User, "passkey.ask-remove", key.Label, leaving{id, key.Label})
		due = w.Due
		return err
	})
	return due, err
}

func ofUser(tx *record.Tx, user string, id []byte) (record.Passkey, error) {
	key, found, err := tx.PasskeyByID(id)
	if err == nil && (!found || key.User != user) {
		err = bonded.Errorf(bonded.NotFound, "the account has no such passkey; it may be gone already")
	}
	return key, err
}

// spare says if an account can do without one of its passkeys.
func (r *Room) spare(tx *record.Tx, user string) error {
	f, err := factors(tx, user)
	if err == nil && f.counting(r.Now()) < 2 {
		err = bonded.Errorf(bonded.Conflict, "this is the last passkey of the account, and it stays; add another one first")
	}
	return err
}

// passkeyGoes removes a passkey whose removal has waited.
func (r *Room) passkeyGoes(ctx context.Context, w record.Waiting) error {
	var l leaving
	if err := json.Unmarshal(w.Body, &l); err != nil {
		return fmt.Errorf("read the removal of a passkey: %w", err)
	}
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := r.Waiting.Made(tx, w); err != nil {
			return err
		}
		if _, err := ofUser(tx, w.Account, l.ID); err != nil {
			return err
		}
		if err := r.spare(tx, w.Account); err != nil {
			return err
		}
		if _, err := tx.RemovePasskey(w.Account, l.ID); err != nil {
			return err
		}
		return r.gone(tx, w, "passkey.remove", l.Label)
	})
}

// gone writes down that a factor was removed; sessions that it opened end.
func (r *Room) gone(tx *record.Tx, w record.Waiting, action, detail string) error {
	if _, err := tx.EndSessions(w.Account, ""); err != nil {
		return err
	}
	return event.Record(tx, record.Audit{At: r.Now(), Actor: w.Actor, Action: action, Subject: w.Account, Account: w.Account, Detail: detail})
}

// RemoveTOTP asks for the removal of the authenticator app. It waits; an account
// without a passkey needs it.
func (r *Room) RemoveTOTP(ctx context.Context, s *Session) (due time.Time, err error) {
	err = r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		if due, err = pending(tx, s.User, "totp.remove", nil); err != nil || !due.IsZero() {
			return err
		}
		if err := r.withoutTOTP(tx, s.User); err != nil {
			return err
		}
		if err := r.sure(tx, s, "removing the authenticator app"); err != nil {
			return err
		}
		w, err := r.waits(tx, "totp.remove", s.User, "totp.ask-remove", "", struct{}{})
		due = w.Due
		return err
	})
	return due, err
}

// withoutTOTP says if an account can do without its authenticator app.
func (r *Room) withoutTOTP(tx *record.Tx, user string) error {
	f, err := factors(tx, user)
	switch {
	case err != nil:
		return err
	case f.TOTP.IsZero():
		return bonded.Errorf(bonded.NotFound, "the account has no authenticator app")
	case f.counting(r.Now()) == 0:
		return bonded.Errorf(bonded.Conflict, "without the authenticator app a password alone would open the account; add a passkey first")
	}
	return nil
}

// totpGoes removes an authenticator app whose removal has waited.
func (r *Room) totpGoes(ctx context.Context, w record.Waiting) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := r.Waiting.Made(tx, w); err != nil {
			return err
		}
		if err := r.withoutTOTP(tx, w.Account); err != nil {
			return err
		}
		if err := tx.RemoveTOTP(w.Account); err != nil {
			return err
		}
		return r.gone(tx, w, "totp.remove", "")
	})
}
