package record

import (
	"context"
	"time"

	"bonded.dev"
)

// Override is a broken glass: what two operators agreed that one of them may do
// for an account, for an hour, once.
type Override struct {
	ID       string
	Operator string // who asked
	Second   string // who agreed; empty: nobody yet
	Account  string // for whom a token may be made
	Reason   string // public
	Created  time.Time
	Agreed   time.Time // zero: it waits for the second
	Until    time.Time // of the question, and then of the permission
	Used     time.Time // zero: not yet
}

// Valid says why an override may not be used at a time, for the people at the
// host; empty: it may.
func (o Override) Valid(now time.Time) (why string) {
	switch {
	case o.Agreed.IsZero():
		return "no second administrator has agreed to it yet"
	case !o.Used.IsZero():
		return "it was used already"
	case !o.Until.After(now):
		return "its hour is over"
	}
	return ""
}

const overrideColumns = `SELECT id, operator, second, account, reason, created, agreed, until, used FROM override `

// AddOverride stores what an operator asks for.
func (t *Tx) AddOverride(o Override) error {
	_, err := t.exec("ask for an override",
		`INSERT INTO override (id, operator, second, account, reason, created, agreed, until, used) VALUES ($1, $2, '', $3, $4, $5, 0, $6, 0)`,
		o.ID, o.Operator, o.Account, clean(o.Reason), micros(o.Created), micros(o.Until))
	return err
}

// AgreeOverride notes the second operator and until when it is good. Of two
// callers, and of callers after the question's time, at most one gets true; who
// asked never does.
func (t *Tx) AgreeOverride(id, second string, now, until time.Time) (bool, error) {
	n, err := t.exec("agree to an override",
		`UPDATE override SET second = $2, agreed = $3, until = $4 WHERE id = $1 AND agreed = 0 AND until > $3 AND operator <> $2`,
		id, second, micros(now), micros(until))
	return n > 0, err
}

// UseOverride spends an override for an account, once. It is an error of kind
// Forbidden where it may not be used, and of kind NotFound when there is none.
func (t *Tx) UseOverride(id, account string, now time.Time) (Override, error) {
	list, err := t.overrides(`WHERE id = $1`, id)
	if err != nil {
		return Override{}, err
	}
	if len(list) == 0 {
		return Override{}, noOverride(id)
	}
	o := list[0]
	why := o.Valid(now)
	if o.Account != account {
		why = "it is for the account " + o.Account
	}
	if why != "" {
		return o, bonded.Errorf(bonded.Forbidden, "the override %s cannot be used: %s", id, why)
	}
	n, err := t.exec("use an override", `UPDATE override SET used = $2 WHERE id = $1 AND used = 0`, id, micros(now))
	if err == nil && n == 0 {
		err = bonded.Errorf(bonded.Forbidden, "the override %s was used already", id)
	}
	return o, err
}

// Override returns one; none is an error of kind NotFound.
func (b *Book) Override(ctx context.Context, id string) (o Override, err error) {
	err = b.View(ctx, func(t *Tx) error {
		list, err := t.overrides(`WHERE id = $1`, id)
		if err == nil && len(list) == 0 {
			err = noOverride(id)
		}
		if err == nil {
			o = list[0]
		}
		return err
	})
	return o, err
}

// Overrides returns all, newest first.
func (b *Book) Overrides(ctx context.Context) (list []Override, err error) {
	err = b.View(ctx, func(t *Tx) error {
		list, err = t.overrides(`ORDER BY created DESC, id`)
		return err
	})
	return list, err
}

func noOverride(id string) error {
	return bonded.Errorf(bonded.NotFound, "there is no override %s", id)
}

func (t *Tx) overrides(where string, args ...any) ([]Override, error) {
	const what = "read the overrides"
	rows, err := t.query(what, overrideColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Override
	for rows.Next() {
		var o Override
		var at [4]int64
		if err := rows.Scan(&o.ID, &o.Operator, &o.Second, &o.Account, &o.Reason, &at[0], &at[1], &at[2], &at[3]); err != nil {
			return nil, t.b.wrap(what, err)
		}
		o.Created, o.Agreed, o.Until, o.Used = fromMicros(at[0]), fromMicros(at[1]), fromMicros(at[2]), fromMicros(at[3])
		list = append(list, o)
	}
	return list, t.b.wrap(what, rows.Err())
}
