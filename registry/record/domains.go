package record

import (
	"context"
	"time"
)

// Domain is the part of e-mail addresses after the @, as the daily check saw it.
type Domain struct {
	Name       string    `json:"name"` // lower case, ASCII (A-labels)
	Checked    time.Time `json:"checked,omitzero"`
	Registered time.Time `json:"registered,omitzero"` // as the domain's registry says; zero: it does not say
	State      string    `json:"state"`               // well, doubtful, lapsed, unknown
	Since      time.Time `json:"since,omitzero"`      // when it came into this state
	Why        string    `json:"why,omitempty"`
}

// PutDomain writes down what a check saw.
func (t *Tx) PutDomain(d Domain) error {
	_, err := t.exec("write down the domain "+d.Name, `INSERT INTO domain (name, checked, registered, state, since, why)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET checked = excluded.checked,
		registered = excluded.registered, state = excluded.state, since = excluded.since, why = excluded.why`,
		clean(d.Name), micros(d.Checked), micros(d.Registered), d.State, micros(d.Since), clean(d.Why))
	return err
}

// DropDomain forgets a domain that no address is below.
func (t *Tx) DropDomain(name string) error {
	_, err := t.exec("forget the domain "+name, `DELETE FROM domain WHERE name = $1`, name)
	return err
}

// Domains returns every domain that was checked, by name.
func (b *Book) Domains(ctx context.Context) ([]Domain, error) {
	const what = "read the domains"
	var list []Domain
	err := b.View(ctx, func(t *Tx) error {
		list = nil
		rows, err := t.query(what, `SELECT name, checked, registered, state, since, why FROM domain ORDER BY name`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d Domain
			var at [3]int64
			if err := rows.Scan(&d.Name, &at[0], &at[1], &d.State, &at[2], &d.Why); err != nil {
				return b.wrap(what, err)
			}
			d.Checked, d.Registered, d.Since = fromMicros(at[0]), fromMicros(at[1]), fromMicros(at[2])
			list = append(list, d)
		}
		return b.wrap(what, rows.Err())
	})
	return list, err
}

// SetFrozen freezes an account at a time, or thaws it with the zero time; it
// reports false when the account was so already.
func (t *Tx) SetFrozen(user string, at time.Time) (changed bool, err error) {
	n, err := t.exec("freeze or thaw the user "+user,
		`UPDATE user_account SET frozen = $2 WHERE name = $1 AND (frozen = 0) <> (CAST($2 AS BIGINT) = 0)`, user, micros(at))
	return n > 0, err
}
