package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

// A recovery needs the mailbox and one thing more: a recovery code, or the word
// of two owners of an organisation. Then it waits, everybody concerned has a
// link that cancels it, and no administrator can shorten that or do without it.
// It ends with at least as many factors as before.

// asked is what the link of a recovery carries.
type asked struct {
	ID       string   `json:"id,omitempty"` // for the owners who vouch; empty: nobody was asked
	Vouchers []string `json:"vouchers,omitempty"`
}

// collected is what a recovery must end with, and what it has so far. Nothing of
// it is the account's before Finish.
type collected struct {
	Keys     int              `json:"keys"` // at least so many passkeys
	All      int              `json:"all"`  // and so many factors
	Passkeys []record.Passkey `json:"passkeys,omitempty"`
	TOTP     *record.TOTP     `json:"totp,omitempty"`
	Password *record.Password `json:"password,omitempty"`
	Codes    []bonded.Digest  `json:"codes,omitempty"`
}

func (c collected) text() (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("keep what a recovery has: %w", err)
	}
	return string(b), nil
}

func collectedIn(row record.Session) (c collected, err error) {
	if err := json.Unmarshal([]byte(row.About), &c); err != nil {
		return c, fmt.Errorf("read what a recovery has: %w", err)
	}
	return c, nil
}

func (c collected) factors() Factors {
	f := Factors{Passkeys: c.Passkeys, Codes: len(c.Codes), Email: true}
	if c.TOTP != nil {
		f.TOTP = c.TOTP.Created
	}
	if c.Password != nil {
		f.Password = c.Password.Changed
	}
	return f
}

// collect adds a factor to what a recovery has.
func (r *Room) collect(tx *record.Tx, row record.Session, add func(*collected)) error {
	c, err := collectedIn(row)
	if err != nil {
		return err
	}
	add(&c)
	if row.About, err = c.text(); err != nil {
		return err
	}
	return tx.PutSession(row)
}

func frozen() error {
	return bonded.Refusal(bonded.Forbidden, "lapsed-domains",
		"the domain of this account's address has lapsed, so whoever reads its mail now may be somebody else: it cannot be recovered by mail; sign in with a passkey and prove another address")
}

// reachable says if a mail to the account's address reaches its user.
func reachable(u record.User) bool {
	return !u.Verified.IsZero() && u.Frozen.IsZero() && u.Disabled.IsZero() && u.Erased.IsZero()
}

// AskRecovery mails a link to the account's address, whoever asks; the answer
// does not say if there is such an account.
func (r *Room) AskRecovery(ctx context.Context, user string, v Visit) error {
	if r.Send == nil {
		return bonded.Errorf(bonded.Unsupported, "this repository sends no mail, so no account can be recovered; use a second passkey or a recovery code to sign in")
	}
	if err := r.ofNetwork(ctx, "letter", v.Network, networkLetters); err != nil {
		return err
	}
	var u record.User
	var link string
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		link = ""
		if u, err = tx.Account(user); err != nil {
			if kind, _, _ := bonded.Explain(err); kind == bonded.NotFound {
				return tx.MeterReset("nobody") // a write, as for somebody
			}
			return err
		}
		may, err := r.letters(tx, "recover", user)
		if err != nil || !may || !reachable(u) {
			return err
		}
		link, err = r.begin(tx, kindRecover, user, asked{}, recoverLife)
		return err
	})
	if err == nil && link != "" {
		r.sendLater(ctx, Letter{Kind: "recover", To: u.Email, User: u.Name, Path: "recover/" + link, Where: v.Label})
	}
	return err
}

// Recovery is how far a recovery has come.
type Recovery struct {
	User     string
	ID       string // to give to the owners who vouch; empty: nobody was asked
	Vouchers []string
	Due      time.Time // zero: it does not wait yet
}

// Recovery returns how far the recovery of a link has come.
func (r *Room) Recovery(ctx context.Context, link string) (v Recovery, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		var a asked
		c, err := r.look(tx, kindRecover, link, &a)
		v = Recovery{User: c.User, ID: a.ID, Vouchers: a.Vouchers}
		if err == nil {
			v.Due, err = pending(tx, v.User, "recovery", nil)
		}
		return err
	})
	return v, err
}

// Recover takes the link and a recovery code, and then the recovery waits.
// Without a code it begins to collect the vouchers of two owners of an
// organisation: due is zero, and Room.Recovery says the id that they need.
func (r *Room) Recover(ctx context.Context, link, code string) (due time.Time, err error) {
	var c record.Ceremony
	var u record.User
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		if c, err = r.look(tx, kindRecover, link, &asked{}); err != nil {
			return err
		}
		if u, err = tx.Account(c.User); err != nil {
			return err
		}
		due, err = pending(tx, c.User, "recovery", nil)
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	if !reachable(u) {
		return time.Time{}, frozen()
	}
	if !due.IsZero() {
		return due, nil
	}
	if code == "" && !r.without("recovery-policy") {
		return due, r.askOwners(ctx, link)
	}
	forget, err := r.attempt(ctx, "recovery code", c.User, Visit{})
	if err != nil {
		return due, err
	}
	good := false
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		good = true
		if due, err = pending(tx, c.User, "recovery", nil); err != nil || !due.IsZero() {
			return err // another one was quicker: the link and the code stay
		}
		good, err = r.takeCode(tx, c.User, "recovery code", plain(code))
		if good = good || r.without("recovery-policy"); err != nil || !good {
			return err
		}
		if _, err := r.take(tx, kindRecover, link, &asked{}); err != nil {
			return err
		}
		if err := forget(tx); err != nil {
			return err
		}
		due, err = r.recoveryWaits(tx, c.User, "with a recovery code")
		return err
	})
	if err == nil && !good {
		err = r.refused(ctx, c.User, "recovery", Visit{}, "the recovery code is wrong, or was used before")
	}
	return due, err
}

// recoveryWaits lets a recovery wait, unless one does already.
func (r *Room) recoveryWaits(tx *record.Tx, user, how string) (time.Time, error) {
	if due, err := pending(tx, user, "recovery", nil); err != nil || !due.IsZero() {
		return due, err
	}
	f, err := factors(tx, user)
	if err != nil {
		return time.Time{}, err
	}
	w, err := r.waits(tx, "recovery", user, "recovery.ask", how, collected{Keys: len(f.Passkeys), All: f.all()})
	return w.Due, err
}

// askOwners opens a recovery for vouchers.
func (r *Room) askOwners(ctx context.Context, link string) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		var a asked
		c, err := r.look(tx, kindRecover, link, &a)
		if err != nil || a.ID != "" {
			return err
		}
		a.ID = randomID()
		c.Code, c.Expires = a.ID, r.Now().Add(vouchLife)
		if err := r.put(tx, c, a); err != nil {
			return err
		}
		return event.Record(tx, record.Audit{At: r.Now(), Actor: "somebody", Action: "recovery.ask", Subject: c.User, Account: c.User,
			Detail: "by the word of two owners of an organisation"})
	})
}

// vouchersNeeded is a quorum: one owner alone may be the thief.
const vouchersNeeded = 2

// Vouch is an organisation owner's word, after step-up, for a recovery. With the
// second one the recovery waits, and due says until when.
func (r *Room) Vouch(ctx context.Context, s *Session, id string) (due time.Time, err error) {
	if s.Enrolling || !s.Fresh(r.Now()) {
		return due, stepUp("vouching for somebody needs a fresh touch of your passkey")
	}
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		due = time.Time{}
		c, a, err := r.askedFor(tx, s, id)
		if err != nil {
			return err
		}
		a.Vouchers = append(a.Vouchers, s.User)
		err = event.Record(tx, record.Audit{At: r.Now(), Actor: s.User, Action: "recovery.vouch", Subject: c.User, Account: c.User})
		if err != nil {
			return err
		}
		enough, err := quorum(tx, c.User, a.Vouchers)
		if err != nil {
			return err
		}
		if !enough {
			return r.put(tx, c, a)
		}
		if _, _, err := tx.TakeCeremony(kindRecover, c.Hash, r.Now()); err != nil {
			return err
		}
		due, err = r.recoveryWaits(tx, c.User, "by the word of two owners of an organisation")
		return err
	})
	return due, err
}

// askedFor is the recovery that somebody may vouch for under an id.
func (r *Room) askedFor(tx *record.Tx, s *Session, id string) (c record.Ceremony, a asked, err error) {
	c, found, err := tx.CeremonyByCode(kindRecover, id, r.Now())
	if found && err == nil {
		err = unmarshal(c, &a)
	}
	if err != nil || !found {
		return c, a, orElse(err, bonded.Errorf(bonded.NotFound, "nobody asks for your word under this id; it may be over, or was mistyped"))
	}
	return c, a, mayVouch(tx, s.User, c.User, a)
}

// Asks says whose recovery an id is of, to whoever may vouch for it: nobody gives
// their word for an account that they were not shown.
func (r *Room) Asks(ctx context.Context, s *Session, id string) (user string, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		c, _, err := r.askedFor(tx, s, id)
		user = c.User
		return err
	})
	return user, err
}

func mayVouch(tx *record.Tx, voucher, user string, a asked) error {
	orgs, err := tx.SharedOrgs(voucher, user)
	switch {
	case err != nil:
		return err
	case voucher == user:
		return bonded.Errorf(bonded.Forbidden, "nobody vouches for themselves")
	case len(orgs) == 0:
		return bonded.Errorf(bonded.Forbidden, "only an owner of an organisation that %s is in can vouch", user)
	case slices.Contains(a.Vouchers, voucher):
		return bonded.Errorf(bonded.Conflict, "you have vouched already; another owner of the organisation must do so as well")
	}
	return nil
}

// quorum says if enough owners of one and the same organisation vouched. Who
// is none any more does not count.
func quorum(tx *record.Tx, user string, vouchers []string) (bool, error) {
	votes := map[string]int{}
	for _, v := range vouchers {
		orgs, err := tx.SharedOrgs(v, user)
		if err != nil {
			return false, err
		}
		for _, org := range orgs {
			if votes[org]++; votes[org] >= vouchersNeeded {
				return true, nil
			}
		}
	}
	return false, nil
}

// recoveryIsDue mails the link that opens an enrolling session. A mail that
// cannot be sent is tried again.
func (r *Room) recoveryIsDue(ctx context.Context, w record.Waiting) error {
	var need collected
	if err := json.Unmarshal(w.Body, &need); err != nil {
		return fmt.Errorf("read a recovery: %w", err)
	}
	var u record.User
	var link string
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		if u, err = tx.Account(w.Account); err != nil {
			return err
		}
		if !reachable(u) {
			return frozen()
		}
		if err := tx.EndCeremonies(kindRecovered, w.Account); err != nil {
			return err
		}
		link, err = r.begin(tx, kindRecovered, w.Account, need, recoveredLife)
		return err
	})
	if err != nil {
		return err
	}
	return r.send(ctx, Letter{Kind: "enrol", To: u.Email, User: u.Name, Path: "enrol/" + link})
}

// recovered puts what was collected in place of what the account had. Sessions,
// browsers, tokens, and whatever else was asked for meanwhile end.
func (r *Room) recovered(tx *record.Tx, row *record.Session) error {
	c, err := collectedIn(*row)
	if err != nil {
		return err
	}
	u, err := tx.Account(row.User)
	if err != nil {
		return err
	}
	if !u.Frozen.IsZero() {
		return frozen()
	}
	had, err := factors(tx, row.User)
	if err != nil {
		return err
	}
	has := c.factors()
	if keys, all := max(c.Keys, len(had.Passkeys)), max(c.All, had.all()); (!has.Enough() || len(has.Passkeys) < keys || has.all() < all) && !r.without("recovery-policy") {
		return bonded.Refusal(bonded.Conflict, "recovery-policy",
			"a recovery ends with no fewer factors than before: at least %d, of them %d passkeys; you have %d, of them %d passkeys",
			max(all, 1), keys, has.all(), len(has.Passkeys))
	}
	if err := r.replace(tx, row.User, had, c); err != nil {
		return err
	}
	if err := r.endAll(tx, row.User); err != nil {
		return err
	}
	// The link arrived, whatever happened after it was sent: no second one is.
	if err := tx.FinishWaitingOf(row.User, "recovery", r.Now()); err != nil {
		return err
	}
	if len(c.Passkeys) > 0 {
		row.Stepped = c.Passkeys[len(c.Passkeys)-1].Created
	}
	// The link came by mail, so the address is proven once more.
	if err := r.proven(tx, row.User, u.Email); err != nil {
		return err
	}
	return r.note(tx, row.User, "recovery.done", "")
}

// endAll ends what somebody else may have begun or made in the account.
func (r *Room) endAll(tx *record.Tx, user string) error {
	if r.Keeper != nil {
		if _, err := r.Keeper.RevokeAll(tx, user, "the account was recovered", r.Now()); err != nil {
			return err
		}
	}
	if err := tx.ForgetDevices(user); err != nil {
		return err
	}
	// Also those of other rooms: a program that was let in a moment ago would
	// fetch its token yet.
	if err := tx.EndAllCeremonies(user); err != nil {
		return err
	}
	if err := r.endInvitations(tx, user); err != nil {
		return err
	}
	return r.endWaiting(tx, user)
}

// endInvitations withdraws what an account offered to others. Whoever invited is
// asked again when somebody accepts; but the account has all its rights then, and
// it was not its owner who invited.
func (r *Room) endInvitations(tx *record.Tx, user string) error {
	list, err := tx.InvitationsWith(user, r.Now())
	if err != nil {
		return err
	}
	for _, i := range list {
		if i.Inviter != user {
			continue
		}
		if _, err := tx.EndInvitation(i.ID); err != nil {
			return err
		}
		line := record.Audit{At: r.Now(), Actor: user, Action: "invite.end", Subject: i.Target, Account: user,
			Detail: i.Kind + ": the account that invited was recovered"}
		if err := event.Record(tx, line); err != nil {
			return err
		}
	}
	return nil
}

// endWaiting cancels what waits for an account, and what it asked for elsewhere:
// of packages and organisations.
func (r *Room) endWaiting(tx *record.Tx, user string) error {
	list, err := tx.Waits(user)
	if err != nil {
		return err
	}
	for _, w := range list {
		if _, err := tx.EndWaiting(w.ID, "cancelled", r.Now()); err != nil {
			return err
		}
		line := record.Audit{At: r.Now(), Actor: user, Action: "change.cancel", Subject: user, Account: user, Detail: w.Kind + ": the account was recovered"}
		switch {
		case w.Package.Key != "":
			line.Subject = w.Package.String()
		case w.Account != "":
			line.Subject = w.Account
		}
		if err := event.Record(tx, line); err != nil {
			return err
		}
	}
	return nil
}

func (r *Room) replace(tx *record.Tx, user string, had Factors, c collected) error {
	for _, k := range had.Passkeys {
		if _, err := tx.RemovePasskey(user, k.ID); err != nil {
			return err
		}
	}
	if err := tx.RemoveTOTP(user); err != nil {
		return err
	}
	if err := tx.RemovePassword(user); err != nil {
		return err
	}
	for _, k := range c.Passkeys {
		if err := tx.AddPasskey(k); err != nil {
			return err
		}
	}
	if c.TOTP != nil {
		if err := tx.SetTOTP(*c.TOTP); err != nil {
			return err
		}
	}
	if c.Password != nil {
		if err := tx.SetPassword(*c.Password); err != nil {
			return err
		}
	}
	return tx.SetCodes(user, c.Codes, r.Now())
}
