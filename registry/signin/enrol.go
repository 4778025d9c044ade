package signin

import (
	"context"
	"strings"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// wanted is the account that a sign-up link makes.
type wanted struct {
	User  string `json:"user"`
	Email string `json:"email"`
}

// SignUp mails a link that makes an account, when Open. What it answers does not
// depend on whether the name or address is known: whoever opens the link hears
// that the name was taken.
func (r *Room) SignUp(ctx context.Context, user, email string, v Visit) error {
	switch {
	case !r.Open:
		return bonded.Errorf(bonded.Forbidden, "accounts are made by the administrator here; ask for an enrolment link")
	case r.Send == nil:
		return bonded.Errorf(bonded.Unsupported, "this repository sends no mail, so nobody can prove an address; its administrator makes accounts")
	}
	if err := identity.CheckUser(user); err != nil {
		return err
	}
	if err := identity.CheckEmail(email); err != nil {
		return err
	}
	if err := r.ofNetwork(ctx, "letter", v.Network, networkLetters); err != nil {
		return err
	}
	var link string
	err := r.Book.Update(ctx, func(tx *record.Tx) error {
		link = ""
		may, err := r.letters(tx, "enrol", strings.ToLower(email))
		if err != nil || !may {
			return err
		}
		link, err = r.begin(tx, kindSignUp, "", wanted{user, email}, signUpLife)
		return err
	})
	if err == nil && link != "" {
		r.sendLater(ctx, Letter{Kind: "enrol", To: email, User: user, Path: "enrol/" + link, Where: v.Label})
	}
	return err
}

// Enrol opens an enrolling session with the secret of a link: the
// administrator's, that of SignUp, or that which ends a recovery. An account
// that is in use is opened by no link of an administrator: nobody but its user,
// and time, recovers it.
func (r *Room) Enrol(ctx context.Context, link string, v Visit) (in SignedIn, err error) {
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		e := entry{kind: enrolling, factors: []string{"enrolment"}, visit: v}
		var err error
		switch {
		case strings.HasPrefix(link, identity.EnrolmentPrefix):
			e.user, err = r.byAdministrator(tx, link)
		default:
			e.user, e.about, err = r.byMail(tx, link)
		}
		if err != nil {
			return err
		}
		in, err = r.open(tx, e)
		return err
	})
	return in, err
}

func (r *Room) byAdministrator(tx *record.Tx, link string) (user string, err error) {
	s, err := identity.ParseSecret(link, identity.EnrolmentPrefix, "enrolment link")
	if err != nil {
		return "", err
	}
	if user, err = tx.UseEnrolment(s.Hash(), r.Now()); err != nil {
		return "", err
	}
	f, err := factors(tx, user)
	if err == nil && (len(f.Passkeys) > 0 || !f.TOTP.IsZero()) && !r.without("recovery-policy") {
		err = bonded.Refusal(bonded.Forbidden, "recovery-policy",
			"the account %s is in use, and no link of an administrator opens it; sign in, or recover it with a recovery code or two owners of your organisation", user)
	}
	return user, err
}

// byMail takes a link that came by mail, so the address is proven.
func (r *Room) byMail(tx *record.Tx, link string) (user, about string, err error) {
	now := r.Now()
	var w wanted
	_, err = r.take(tx, kindSignUp, link, &w)
	if err == nil {
		if err := tx.AddUser(record.User{Name: w.User, Email: w.Email, Created: now}); err != nil {
			return "", "", err
		}
		if err := r.note(tx, w.User, "user.add", ""); err != nil {
			return "", "", err
		}
		return w.User, "", r.proven(tx, w.User, w.Email)
	}
	if kind, _, _ := bonded.Explain(err); kind != bonded.Unauthorized {
		return "", "", err
	}
	var c collected
	kept, err := r.take(tx, kindRecovered, link, &c)
	if err != nil {
		return "", "", err
	}
	if about, err = c.text(); err != nil {
		return "", "", err
	}
	u, err := tx.Account(kept.User)
	if err != nil {
		return "", "", err
	}
	if !u.Frozen.IsZero() {
		return "", "", frozen()
	}
	return kept.User, about, nil
}

// Progress is what the account will have when the session is finished: for a
// recovery what was collected so far, else what the account has.
func (r *Room) Progress(ctx context.Context, s *Session) (f Factors, err error) {
	if !s.recovery {
		return r.Factors(ctx, s.User)
	}
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		row, err := current(tx, s)
		if err != nil {
			return err
		}
		c, err := collectedIn(row)
		f = c.factors()
		return err
	})
	return f, err
}

// Finish turns an enrolling session whose account has Enough factors into a
// full one, with a new cookie. Other sessions of the account end, and after an
// enrolment the tokens that an administrator made for it.
func (r *Room) Finish(ctx context.Context, s *Session) (cookie identity.Secret, err error) {
	if s.Needs != "factors" {
		return cookie, bonded.Errorf(bonded.Conflict, "there is nothing to finish in this session")
	}
	cookie = identity.NewSecret(identity.SessionPrefix)
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		row, err := current(tx, s)
		if err != nil {
			return err
		}
		if row.Kind != enrolling {
			return bonded.Errorf(bonded.Conflict, "there is nothing to finish in this session")
		}
		if row.About != "" {
			err = r.recovered(tx, &row)
		} else {
			err = r.enrolled(tx, &row)
		}
		if err != nil {
			return err
		}
		row.Kind, row.About = full, ""
		if err := tx.PutSession(row); err != nil {
			return err
		}
		if _, err := tx.EndSessions(s.User, s.ID); err != nil {
			return err
		}
		return tx.RotateSession(s.ID, cookie.Hash(), r.Now())
	})
	if err != nil {
		return identity.Secret{}, err
	}
	if r.Keeper != nil {
		r.Keeper.Forget()
	}
	return cookie, nil
}

func (r *Room) enrolled(tx *record.Tx, row *record.Session) error {
	f, err := factors(tx, row.User)
	if err != nil {
		return err
	}
	if !f.Enough() && !r.without("mfa-required-all") {
		return notEnough()
	}
	// An administrator knows them; from now on nobody else acts for this account.
	if r.Keeper != nil {
		if err := r.Keeper.EndAdminTokens(tx, row.User, "an administrator made it before "+row.User+" took the account into use"); err != nil {
			return err
		}
	}
	return r.note(tx, row.User, "user.enrol", "")
}

func notEnough() error {
	return bonded.Refusal(bonded.Conflict, "mfa-required-all", "one step is missing: add a passkey, or a password and an authenticator app")
}
