package record

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"bonded.dev"
)

// User is an account. Its name never reaches the log.
type User struct {
	Name     string
	Email    string
	Created  time.Time
	Disabled time.Time // zero: the account is in use
	Verified time.Time // the address was proven; zero: not yet
	Frozen   time.Time // the address's domain lapsed; zero: it did not
	Erased   time.Time
	Roles    []string // of the house: moderator, administrator
}

// Enrolment is a link that lets a person take over an account, once.
type Enrolment struct {
	Hash    bonded.Digest // of the secret in the link
	User    string
	Expires time.Time
}

// AddUser makes an account. A name that was ever used, also by an organisation,
// is an error of kind Conflict.
func (t *Tx) AddUser(u User) error {
	if err := t.checkErased(u.Name); err != nil {
		return err
	}
	n, err := t.exec("add the user "+u.Name,
		`INSERT INTO user_account (name, email, created, disabled) SELECT $1, $2, $3, $4
		WHERE NOT EXISTS (SELECT 1 FROM org WHERE name = $1) ON CONFLICT DO NOTHING`,
		u.Name, clean(u.Email), micros(u.Created), micros(u.Disabled))
	if err == nil && n == 0 {
		kind := "a user"
		if _, err := t.Org(u.Name); err == nil {
			kind = "an organisation"
		}
		err = bonded.Errorf(bonded.Conflict, "there is %s %s already", kind, u.Name)
	}
	return err
}

// SetDisabled closes an account at a time, or opens it again with the zero time.
func (t *Tx) SetDisabled(user string, at time.Time) error {
	n, err := t.exec("disable the user "+user, `UPDATE user_account SET disabled = $2 WHERE name = $1`, user, micros(at))
	if err == nil && n == 0 {
		err = noUser(user)
	}
	return err
}

// SetRoles sets what a user is in the house: moderator, administrator, or
// nothing.
func (t *Tx) SetRoles(user string, roles []string) error {
	n, err := t.exec("set the roles of "+user, `UPDATE user_account SET roles = $2 WHERE name = $1`, user, joinWords(roles))
	if err == nil && n == 0 {
		err = noUser(user)
	}
	return err
}

func noUser(name string) error { return bonded.Errorf(bonded.NotFound, "there is no user %s", name) }

const userColumns = `SELECT name, email, created, disabled, verified, frozen, erased, roles FROM user_account `

// User returns an account; none is an error of kind NotFound.
func (b *Book) User(ctx context.Context, name string) (User, error) {
	u, err := scanUser(b.read.QueryRowContext(ctx, userColumns+`WHERE name = $1`, name))
	if errors.Is(err, sql.ErrNoRows) {
		return u, noUser(name)
	}
	return u, b.wrap("read the user "+name, err)
}

func scanUser(row interface{ Scan(...any) error }) (u User, err error) {
	var at [5]int64
	var roles string
	if err := row.Scan(&u.Name, &u.Email, &at[0], &at[1], &at[2], &at[3], &at[4], &roles); err != nil {
		return u, err
	}
	u.Created, u.Disabled, u.Verified = fromMicros(at[0]), fromMicros(at[1]), fromMicros(at[2])
	u.Frozen, u.Erased, u.Roles = fromMicros(at[3]), fromMicros(at[4]), splitWords(roles)
	return u, nil
}

// Users returns every account, by name.
func (b *Book) Users(ctx context.Context) ([]User, error) {
	var list []User
	err := b.View(ctx, func(t *Tx) error {
		list = nil
		rows, err := t.query("read the users", userColumns+`ORDER BY name`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			u, err := scanUser(rows)
			if err != nil {
				return b.wrap("read the users", err)
			}
			list = append(list, u)
		}
		return b.wrap("read the users", rows.Err())
	})
	return list, err
}

// AddEnrolment stores a link and ends all earlier ones of the same user: the
// newest is the one that its administrator meant to hand over.
func (t *Tx) AddEnrolment(e Enrolment) error {
	if _, err := t.exec("end older enrolment links", `DELETE FROM enrolment WHERE user_name = $1`, e.User); err != nil {
		return err
	}
	_, err := t.exec("store an enrolment link",
		`INSERT INTO enrolment (hash, user_name, expires) VALUES ($1, $2, $3)`, e.Hash[:], e.User, micros(e.Expires))
	return err
}

// UseEnrolment spends a link and returns whose it was. One that is unknown,
// spent or expired is an error of kind Unauthorized; of two callers at the
// same moment one gets it.
func (t *Tx) UseEnrolment(hash bonded.Digest, now time.Time) (user string, err error) {
	found, err := t.one("use an enrolment link",
		`DELETE FROM enrolment WHERE hash = $1 AND expires > $2 RETURNING user_name`,
		[]any{hash[:], micros(now)}, &user)
	if err == nil && !found {
		err = bonded.Errorf(bonded.Unauthorized, "this enrolment link is not valid any more; ask the administrator for a new one")
	}
	return user, err
}
