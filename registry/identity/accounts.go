package identity

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

const (
	// EnrolmentTTL is how long an enrolment link can be used.
	EnrolmentTTL = 24 * time.Hour

	maxScopes  = 32  // of one token
	maxEmail   = 254 // bytes, RFC 5321 section 4.5.3.1.3 less the brackets
	adminActor = "admin"
	houseActor = "bonded" // what falls due by itself
)

// checkUser holds a name to 2 to 39 characters: lower-case ASCII letters,
// digits and single hyphens inside. Names that look alike are thereby alike.
func checkUser(name string) error {
	ok := len(name) >= 2 && len(name) <= 39 &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		name[0] != '-' && name[len(name)-1] != '-' && !strings.Contains(name, "--")
	if !ok {
		return bonded.Errorf(bonded.Invalid,
			"user name %q: take 2 to 39 lower-case letters, digits and single hyphens inside, for example \"alice\" or \"build-bot\"", name)
	}
	return nil
}

func checkEmail(email string) error {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > maxEmail {
		return &bonded.Error{Kind: bonded.Invalid, Public: fmt.Sprintf("e-mail address %q: write it plainly, for example alice@example.org", email), Err: err}
	}
	return nil
}

// User returns an account; none is an error of kind NotFound.
func (k *Keeper) User(ctx context.Context, name string) (record.User, error) {
	return k.book.User(ctx, name)
}

// AddUser makes an account and returns the secret of its enrolment link. A
// name that was ever used is an error of kind Conflict.
func (k *Keeper) AddUser(ctx context.Context, name, email string) (enrolment Secret, err error) {
	if err := checkUser(name); err != nil {
		return Secret{}, err
	}
	if err := checkEmail(email); err != nil {
		return Secret{}, err
	}
	return k.enrolment(ctx, name, "user.add", func(tx *record.Tx, now time.Time) error {
		return tx.AddUser(record.User{Name: name, Email: email, Created: now})
	})
}

// NewEnrolment makes another link for a user; earlier ones end.
func (k *Keeper) NewEnrolment(ctx context.Context, user string) (Secret, error) {
	if _, err := k.book.User(ctx, user); err != nil {
		return Secret{}, err
	}
	return k.enrolment(ctx, user, "user.enrolment", func(*record.Tx, time.Time) error { return nil })
}

func (k *Keeper) enrolment(ctx context.Context, user, action string, first func(*record.Tx, time.Time) error) (Secret, error) {
	secret, now := newSecret(enrolmentPrefix), k.Now()
	err := k.book.Update(ctx, func(tx *record.Tx) error {
		if err := first(tx, now); err != nil {
			return err
		}
		if err := tx.AddEnrolment(record.Enrolment{Hash: secret.hash(), User: user, Expires: now.Add(EnrolmentTTL)}); err != nil {
			return err
		}
		return event.Record(tx, record.Audit{At: now, Actor: adminActor, Action: action, Subject: user, Account: user})
	})
	if err != nil {
		return Secret{}, err
	}
	return secret, nil
}

// DisableUser closes an account, and with it every token of the user. Sessions,
// and what was begun, end for good: whoever opens the account again does not know
// whose they were.
func (k *Keeper) DisableUser(ctx context.Context, name string) error {
	return k.change(ctx, "user.disable", name, func(tx *record.Tx, now time.Time) error {
		if err := tx.SetDisabled(name, now); err != nil {
			return err
		}
		if _, err := tx.EndSessions(name, ""); err != nil {
			return err
		}
		return tx.EndAllCeremonies(name)
	})
}

// EnableUser opens an account again.
func (k *Keeper) EnableUser(ctx context.Context, name string) error {
	return k.change(ctx, "user.enable", name, func(tx *record.Tx, _ time.Time) error { return tx.SetDisabled(name, time.Time{}) })
}

// SetRole makes a user moderator or administrator of the house, or with an empty
// role neither.
func (k *Keeper) SetRole(ctx context.Context, name, role string) error {
	var roles []string
	switch role {
	case "":
	case RoleModerator, RoleAdministrator:
		roles = []string{role}
	default:
		return bonded.Errorf(bonded.Invalid, "there is no role %q; there are %s and %s", role, RoleModerator, RoleAdministrator)
	}
	now := k.Now()
	return k.book.Update(ctx, func(tx *record.Tx) error {
		if err := tx.SetRoles(name, roles); err != nil {
			return err
		}
		detail := "none"
		if role != "" {
			detail = role
		}
		return event.Record(tx, record.Audit{At: now, Actor: adminActor, Action: "user.role", Subject: name, Account: name, Detail: detail})
	})
}

// The roles of the house. None of them may publish anything.
const (
	RoleModerator     = "moderator"
	RoleAdministrator = "administrator"
)

func (k *Keeper) change(ctx context.Context, action, subject string, do func(*record.Tx, time.Time) error) error {
	// Whatever came of it, what is remembered may be wrong now.
	defer k.forget()
	now := k.Now()
	return k.book.Update(ctx, func(tx *record.Tx) error {
		if err := do(tx, now); err != nil {
			return err
		}
		return event.Record(tx, record.Audit{At: now, Actor: adminActor, Action: action, Subject: subject, Account: subject})
	})
}
