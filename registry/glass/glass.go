// Package glass is how operators act where they otherwise may not.
//
// An administrator of the repository looks after accounts and has no power to
// publish. When somebody's account has to be acted for (its people are gone and
// a release burns) two administrators break the glass:
//
//	Ask      one asks, for one account, with a reason that everybody will read
//	Agree    another one agrees, within a day
//	         -> an entry in the public log, with the reason; the account is named by
//	            a salted hash, so that its owner recognises it and nobody lists them
//	         -> told to the account, to the owners of its packages, to all operators
//	1 hour   one token can be made for the account, on the host
//
// One stolen operator's session or password therefore does nothing but ask, and
// what two do cannot be hidden.
//
// Hole: whoever has the host itself has the database and the keys; what they do
// there stands in no journal. The log that others keep copies of shows it.
package glass

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"time"
	"unicode"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/privacy"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

// Times of a broken glass.
const (
	AskLife  = 24 * time.Hour // within which a second operator agrees
	OpenLife = time.Hour      // within which it is used
)

// Bounds of a reason, bytes.
const (
	minReason = 10
	maxReason = 500
)

// Desk writes the public side.
type Desk interface {
	// Override logs doc and runs note in the same transaction.
	Override(ctx context.Context, doc []byte, note func(*record.Tx) error) (bonded.Receipt, error)
}

// Config is what a room is made of.
type Config struct {
	Book *record.Book
	Desk Desk
	Now  func() time.Time
}

// Room breaks the glass.
type Room struct{ Config }

// New makes a room.
func New(c Config) *Room {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Room{c}
}

// Ask asks to act for an account. The caller has seen a fresh proof of operator.
func (r *Room) Ask(ctx context.Context, operator, account, reason string) (record.Override, error) {
	var o record.Override
	if err := r.operator(ctx, operator); err != nil {
		return o, err
	}
	if err := checkReason(reason); err != nil {
		return o, err
	}
	if err := r.account(ctx, account, operator); err != nil {
		return o, err
	}
	id := make([]byte, 10)
	rand.Read(id) //nolint:errcheck // crypto/rand.Read never fails
	now := r.Now()
	o = record.Override{ID: base64.RawURLEncoding.EncodeToString(id), Operator: operator, Account: account, Reason: reason,
		Created: now, Until: now.Add(AskLife)}
	err := r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := tx.AddOverride(o); err != nil {
			return err
		}
		return event.Record(tx, record.Audit{At: now, Actor: operator, Action: "glass.ask", Subject: account, Account: account, Detail: o.ID + ": " + reason})
	})
	return o, err
}

// Agree is the second operator's word. From then on the override is public and
// good for an hour.
func (r *Room) Agree(ctx context.Context, second, id string) (record.Override, bonded.Receipt, error) {
	var none bonded.Receipt
	if err := r.operator(ctx, second); err != nil {
		return record.Override{}, none, err
	}
	o, err := r.Book.Override(ctx, id)
	if err != nil {
		return o, none, err
	}
	if second == o.Operator {
		return o, none, bonded.Refusal(bonded.Forbidden, "admin-hardening", "another administrator than %s has to agree; one alone cannot break the glass", second)
	}
	if err := r.account(ctx, o.Account, second); err != nil {
		return o, none, err
	}
	// Who asked may have lost the office since.
	if err := r.operator(ctx, o.Operator); err != nil {
		return o, none, err
	}
	doc, err := document(o)
	if err != nil {
		return o, none, err
	}
	packages, err := r.reach(ctx, o.Account)
	if err != nil {
		return o, none, err
	}
	receipt, err := r.Desk.Override(ctx, doc, func(tx *record.Tx) error {
		now := r.Now()
		agreed, err := tx.AgreeOverride(id, second, now, now.Add(OpenLife))
		if err != nil {
			return err
		}
		if !agreed {
			return bonded.Errorf(bonded.Conflict, "this question is a day old or was answered before; ask again")
		}
		return tell(tx, o, second, packages, now)
	})
	if err != nil {
		return o, none, err
	}
	o, err = r.Book.Override(ctx, id)
	return o, receipt, err
}

// tell writes the events: to the account, to the owners of each package that it
// reaches, to all operators.
func tell(tx *record.Tx, o record.Override, second string, packages []bonded.Name, now time.Time) error {
	detail := o.ID + ", asked by " + o.Operator + ": " + o.Reason
	lines := []record.Audit{
		{Action: "glass.agree", Subject: o.Account, Account: o.Account},
		{Action: "glass.told", Detail: "for " + o.Account + ": " + detail},
	}
	for _, n := range packages {
		lines = append(lines, record.Audit{Action: "glass.agree", Subject: n.String()})
	}
	for _, a := range lines {
		a.At, a.Actor, a.Detail = now, second, cmp.Or(a.Detail, detail)
		if err := event.Record(tx, a); err != nil {
			return err
		}
	}
	return nil
}

// reach are the packages that an account owns by its own name.
func (r *Room) reach(ctx context.Context, account string) (list []bonded.Name, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		list, err = tx.Owned(account)
		return err
	})
	return list, err
}

// document is what the public reads.
func document(o record.Override) ([]byte, error) {
	salt := make([]byte, 16)
	rand.Read(salt) //nolint:errcheck // crypto/rand.Read never fails
	text := base64.StdEncoding.EncodeToString(salt)
	return json.Marshal(struct {
		Salt    string `json:"salt"`
		Reason  string `json:"reason"`
		Account string `json:"account"` // HMAC-SHA-256 of the name under the salt, hexadecimal
	}{text, o.Reason, privacy.Blind(text, o.Account)}, json.Deterministic(true))
}

// operator says why somebody is no administrator of this repository.
func (r *Room) operator(ctx context.Context, name string) error {
	u, err := r.Book.User(ctx, name)
	if err != nil {
		return err
	}
	if !u.Disabled.IsZero() || !u.Erased.IsZero() || !slices.Contains(u.Roles, "administrator") {
		return bonded.Errorf(bonded.Forbidden, "%s is not an administrator of this repository", name)
	}
	return nil
}

// account says why nobody can act for an account.
func (r *Room) account(ctx context.Context, name, operator string) error {
	u, err := r.Book.User(ctx, name)
	if err != nil {
		return err
	}
	if !u.Disabled.IsZero() || !u.Erased.IsZero() {
		return bonded.Errorf(bonded.Conflict, "the account %s is closed", name)
	}
	if name == operator {
		return bonded.Errorf(bonded.Invalid, "you can act for yourself without breaking the glass")
	}
	return nil
}

func checkReason(reason string) error {
	if n := len(strings.TrimSpace(reason)); n < minReason || len(reason) > maxReason {
		return bonded.Errorf(bonded.Invalid, "say why in %d to %d characters; everybody will read it in the public log", minReason, maxReason)
	}
	if strings.ContainsFunc(reason, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return bonded.Errorf(bonded.Invalid, "the reason holds characters that cannot be seen; write it in one plain line")
	}
	return nil
}
