package record

import (
	"context"
	"time"

	"bonded.dev"
)

// Delivery is a mail that is still to be sent: a line of the journal, and who
// hears of it.
type Delivery struct {
	Line  Audit
	User  string
	Tries int       // so often it was tried in vain
	Next  time.Time // not before
}

// Tell takes a line off the list of those that somebody is still to be told of
// and puts one mail for each user on the list of those to send. It reports
// false, and does nothing, when another node was faster.
func (t *Tx) Tell(line int64, users []string, next time.Time) (mine bool, err error) {
	n, err := t.exec("hand a line over to the mails", `UPDATE audit SET tell = 0 WHERE id = $1 AND tell <> 0`, line)
	if err != nil || n == 0 {
		return false, err
	}
	for _, u := range users {
		if _, err := t.exec("note a mail to send", `INSERT INTO delivery (line, user_name, tries, next)
			VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING`, line, u, micros(next)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// DropDelivery takes a mail off the list: it was sent, or given up.
func (t *Tx) DropDelivery(line int64, user string) error {
	_, err := t.exec("take a mail off the list", `DELETE FROM delivery WHERE line = $1 AND user_name = $2`, line, user)
	return err
}

// PutOffDelivery lets a mail wait.
func (t *Tx) PutOffDelivery(line int64, user string, tries int, next time.Time) error {
	_, err := t.exec("put a mail off", `UPDATE delivery SET tries = $3, next = $4 WHERE line = $1 AND user_name = $2`,
		line, user, tries, micros(next))
	return err
}

// DeliveriesDue returns at most n mails whose time has come, the longest waiting first.
func (b *Book) DeliveriesDue(ctx context.Context, now time.Time, n int) ([]Delivery, error) {
	const what = "read the mails to send"
	var list []Delivery
	err := b.View(ctx, func(t *Tx) error {
		list = nil
		rows, err := t.query(what, `SELECT d.user_name, d.tries, d.next,
			a.id, a.at, a.actor, a.action, a.subject, a.detail, a.account, a.waiting
			FROM delivery d JOIN audit a ON a.id = d.line
			WHERE d.next <= $1 ORDER BY d.next, d.line, d.user_name LIMIT $2`, micros(now), n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d Delivery
			var next, at int64
			a := &d.Line
			if err := rows.Scan(&d.User, &d.Tries, &next, &a.ID, &at, &a.Actor, &a.Action, &a.Subject, &a.Detail, &a.Account, &a.Waiting); err != nil {
				return b.wrap(what, err)
			}
			d.Next, a.At = fromMicros(next), fromMicros(at)
			list = append(list, d)
		}
		return b.wrap(what, rows.Err())
	})
	return list, err
}

// PeopleOf returns the users who own a package, by every way there is: by name,
// as an owner of an organisation, or in a team.
func (b *Book) PeopleOf(ctx context.Context, name bonded.Name) (users []string, err error) {
	err = b.View(ctx, func(t *Tx) error {
		users, err = t.strings("read the people of "+name.String(), `
			SELECT u.name FROM user_account u JOIN owner o ON o.user_name = u.name WHERE o.eco = $1 AND o.key = $2
			UNION SELECT m.user_name FROM owner o JOIN member m ON o.user_name = '@' || m.org AND m.role = 'owner'
				WHERE o.eco = $1 AND o.key = $2
			UNION SELECT m.user_name FROM owner o JOIN team_member m ON o.user_name = '@' || m.org || '/' || m.team
				WHERE o.eco = $1 AND o.key = $2
			ORDER BY 1`, name.Ecosystem, name.Key)
		return err
	})
	return users, err
}

// OrgOwners returns the users who own an organisation, sorted; org has no "@".
func (b *Book) OrgOwners(ctx context.Context, org string) (users []string, err error) {
	err = b.View(ctx, func(t *Tx) error {
		users, err = t.strings("read the owners of @"+org,
			`SELECT user_name FROM member WHERE org = $1 AND role = 'owner' ORDER BY user_name`, org)
		return err
	})
	return users, err
}

// FormerLife is how long an address that was replaced hears of the account.
const FormerLife = 30 * 24 * time.Hour

// keepAddress keeps the proven address that an account has now, for notices
// alone: a notice of its change must reach the one who loses by it.
func (t *Tx) keepAddress(user string, now time.Time) error {
	if now.IsZero() {
		now = time.Now()
	}
	_, err := t.exec("keep the former address of "+user, `INSERT INTO former_address (user_name, email, until)
		SELECT name, email, $2 FROM user_account WHERE name = $1 AND email <> '' AND verified <> 0
		ON CONFLICT (user_name, email) DO UPDATE SET until = excluded.until`, user, micros(now.Add(FormerLife)))
	return err
}

// FormerAddresses returns the addresses that an account had and that still hear of it.
func (b *Book) FormerAddresses(ctx context.Context, user string, now time.Time) (list []string, err error) {
	err = b.View(ctx, func(t *Tx) error {
		list, err = t.strings("read former addresses", `SELECT f.email FROM former_address f
			JOIN user_account u ON u.name = f.user_name
			WHERE f.user_name = $1 AND f.until > $2 AND f.email <> u.email ORDER BY f.email`, user, micros(now))
		return err
	})
	return list, err
}

// DropFormerAddresses forgets the former addresses of an account, or with the
// empty name those of all accounts whose time is over.
func (t *Tx) DropFormerAddresses(user string, now time.Time) error {
	_, err := t.exec("forget former addresses",
		`DELETE FROM former_address WHERE user_name = $1 OR $1 = '' AND until <= $2`, user, micros(now))
	return err
}
