package record

import (
	"context"
	"fmt"
	"time"
)

// old says which rows of a table have grown old at $1, microseconds. How long
// each kind is kept, and why, stands in package privacy.
var old = []struct{ what, table, where string }{
	// First what refers to other rows.
	{"deliveries", "delivery", `next < $1`},
	{"ceremonies", "ceremony", `expires < $1`},
	{"enrolments", "enrolment", `expires < $1`},
	{"addresses", "former_address", `until < $1`},
	{"sessions", "session", `created < $1`},
	{"devices", "device", `last < $1`},
	{"meters", "meter", `tat < $1`},
	{"spent", "spent", `expires < $1`},
	{"invitations", "invitation", `expires < $1`},
	{"publishers", "publisher", `expires <> 0 AND expires < $1`},
	{"tokens", "token", `(expires < $1 OR revoked <> 0 AND revoked < $1)`},
	{"changes", "waiting", `ended <> 0 AND ended < $1`},
	{"staged", "staged", `state <> 'waits' AND expires < $1`},
	{"overrides", "override", `until < $1`},
	{"signins", "audit", `at < $1 AND (action LIKE 'signin.%' OR action LIKE 'session.%' OR action LIKE 'stepup.%'
		OR action LIKE 'login.%' OR action IN ('publisher.exchange', 'publisher.refuse'))`},
	{"journal", "audit", `at < $1`},
}

// OldKinds are the kinds of rows that grow old.
func OldKinds() (list []string) {
	for _, o := range old {
		list = append(list, o.what)
	}
	return list
}

func oldRows(what string) (from string, err error) {
	for _, o := range old {
		if o.what == what {
			return ` FROM ` + o.table + ` WHERE ` + o.where, nil
		}
	}
	return "", fmt.Errorf("record: no rows of the kind %q grow old", what)
}

// BlankOldChanges forgets the contents of changes that ended before a time: what
// a recovery would have set holds hashes of passwords.
func (t *Tx) BlankOldChanges(before time.Time) error {
	_, err := t.exec("forget what changes were", `UPDATE waiting SET body = $2 WHERE ended <> 0 AND ended < $1 AND length(body) > 0`,
		micros(before), []byte{})
	return err
}

// CountOld says how many rows of a kind are older than a time.
func (b *Book) CountOld(ctx context.Context, what string, before time.Time) (n int64, err error) {
	from, err := oldRows(what)
	if err != nil {
		return 0, err
	}
	err = b.read.QueryRowContext(ctx, `SELECT count(*)`+from, micros(before)).Scan(&n)
	return n, b.wrap("count what is old", err)
}

// DropOld deletes the rows of a kind that are older than a time, and says how
// many there were.
func (t *Tx) DropOld(what string, before time.Time) (int64, error) {
	from, err := oldRows(what)
	if err != nil {
		return 0, err
	}
	n, err := t.exec("delete what is old", `DELETE`+from, micros(before))
	if err == nil && what == "sessions" {
		_, err = t.exec("delete what is old", `DELETE FROM session_past WHERE id NOT IN (SELECT id FROM session)`)
	}
	return n, err
}
