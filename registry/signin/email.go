package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// address is what the link that proves an address carries.
type address struct {
	Email string `json:"email"`
	// Proven says that the session which asked for it had shown a passkey.
	Proven bool `json:"proven,omitempty"`
}

// SetEmail asks for another address, or for proving the one that is known: a
// link goes there first. Then another address waits.
func (r *Room) SetEmail(ctx context.Context, s *Session, email string) error {
	if err := identity.CheckEmail(email); err != nil {
		return err
	}
	if r.Send == nil {
		return bonded.Errorf(bonded.Unsupported, "this repository sends no mail, so no address can be proven; ask its administrator")
	}
	var link string
	err := r.Book.Update(ctx, func(tx *record.Tx) error {
		u, err := tx.Account(s.User)
		if err != nil {
			return err
		}
		same := strings.EqualFold(u.Email, email)
		// A session that has something else to do first may prove the address it has.
		if s.Needs == "password" || s.Needs == "factors" && !same {
			return notYet(s)
		}
		if !same {
			free := *s
			free.Needs = ""
			if err := r.sure(tx, &free, "changing the address"); err != nil {
				return err
			}
		}
		may, err := r.letters(tx, "verify", s.User)
		if err != nil {
			return err
		}
		if !may {
			return tooMany(accountLetters.gap, "three mails were sent to prove an address", "")
		}
		link, err = r.begin(tx, kindAddress, s.User, address{email, s.Fresh(r.Now())}, addressLife)
		return err
	})
	if err != nil {
		return err
	}
	return r.send(ctx, Letter{Kind: "verify", To: email, User: s.User, Path: "email/" + link, Where: s.Label})
}

// VerifyEmail takes the link that proves an address. The address that is known is
// proven at once. Another one waits, and the old one hears of it; but where the
// domain of the old one lapsed, whoever reads its mail now must not decide, and
// a passkey is enough.
func (r *Room) VerifyEmail(ctx context.Context, link string) (user string, err error) {
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		var a address
		c, err := r.take(tx, kindAddress, link, &a)
		if err != nil {
			return err
		}
		user = c.User
		u, err := tx.Account(user)
		if err != nil {
			return err
		}
		switch {
		case !u.Disabled.IsZero() || !u.Erased.IsZero():
			return bonded.Errorf(bonded.Forbidden, "this account is closed; ask the administrator of the repository")
		case beforeFreeze(u, c.Created):
			return stale()
		case strings.EqualFold(u.Email, a.Email):
			if !u.Frozen.IsZero() && !a.Proven {
				return stepUp("the domain of this address has lapsed before, so proving it again needs a passkey")
			}
			return r.proven(tx, user, u.Email)
		case !u.Frozen.IsZero() && a.Proven:
			if err := r.note(tx, user, "email.change", ""); err != nil {
				return err
			}
			return r.proven(tx, user, a.Email)
		}
		return r.addressWaits(tx, user, a.Email)
	})
	return user, err
}

// proven writes down that an account's address is its user's.
func (r *Room) proven(tx *record.Tx, user, email string) error {
	if err := tx.SetEmail(user, email, r.Now()); err != nil {
		return err
	}
	thawed, err := tx.SetFrozen(user, time.Time{})
	if err != nil {
		return err
	}
	if thawed {
		if err := r.note(tx, user, "user.unfreeze", ""); err != nil {
			return err
		}
	}
	return r.note(tx, user, "email.verify", "")
}

func (r *Room) addressWaits(tx *record.Tx, user, email string) error {
	return r.wait(tx, "email.change", user, "email.ask", "", address{Email: email})
}

// addressChanges gives an account the address that was proven and has waited.
func (r *Room) addressChanges(ctx context.Context, w record.Waiting) error {
	var a address
	if err := json.Unmarshal(w.Body, &a); err != nil {
		return fmt.Errorf("read a change of address: %w", err)
	}
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := r.Waiting.Made(tx, w); err != nil {
			return err
		}
		u, err := tx.Account(w.Account)
		if err != nil {
			return err
		}
		if beforeFreeze(u, w.Created) {
			return stale()
		}
		if err := event.Record(tx, record.Audit{At: r.Now(), Actor: w.Actor, Action: "email.change", Subject: w.Account, Account: w.Account}); err != nil {
			return err
		}
		return r.proven(tx, w.Account, a.Email)
	})
}

// beforeFreeze says if what was asked for at a time was asked for before the
// account was frozen. It does not end the freeze: nobody knows who asked.
func beforeFreeze(u record.User, asked time.Time) bool {
	return !u.Frozen.IsZero() && asked.Before(u.Frozen)
}

func stale() error {
	return bonded.Refusal(bonded.Forbidden, "lapsed-domains",
		"this change of address was asked for before this account was frozen; sign in with a passkey and ask for it again")
}

// wait lets a change of an account wait, and tells of it.
func (r *Room) wait(tx *record.Tx, kind, user, action, detail string, body any) error {
	_, err := r.waits(tx, kind, user, action, detail, body)
	return err
}

func (r *Room) waits(tx *record.Tx, kind, user, action, detail string, body any) (record.Waiting, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return record.Waiting{}, fmt.Errorf("let a change wait: %w", err)
	}
	w, err := r.Waiting.Put(tx, record.Waiting{Kind: kind, Account: user, Actor: user, Body: b})
	if err != nil {
		return w, err
	}
	return w, event.Record(tx, record.Audit{At: r.Now(), Actor: user, Action: action, Subject: user, Account: user, Detail: detail, Waiting: w.ID})
}

func (r *Room) delay() time.Duration {
	switch {
	case r.Waiting == nil:
		return 72 * time.Hour
	case r.without("credential-change-hold"):
		return 0
	}
	return r.Waiting.Delay
}

// pending finds a change of an account that waits already.
func pending(tx *record.Tx, user, kind string, same func(record.Waiting) bool) (time.Time, error) {
	list, err := tx.Waits(user)
	if err != nil {
		return time.Time{}, err
	}
	for _, w := range list {
		if w.Account == user && w.Kind == kind && (same == nil || same(w)) {
			return w.Due, nil
		}
	}
	return time.Time{}, nil
}
