package record

import (
	"context"
	"strings"
	"time"
)

// Audit is one line of the private journal: who did what, when. It holds no
// secret and never reaches the log.
type Audit struct {
	ID      int64 // set by the book, rising
	At      time.Time
	Actor   string // a user, or "admin" for a command on the host
	Action  string // for example "token.add"
	Subject string // what it was done to
	Detail  string
}

// Audit adds a line in the transaction that does what the line says.
func (t *Tx) Audit(a Audit) error {
	return t.put(auditTable, micros(a.At), clean(a.Actor), clean(a.Action), clean(a.Subject), clean(a.Detail))
}

// Audits returns at most n lines before line id, newest first; id 0 starts
// from the newest.
func (b *Book) Audits(ctx context.Context, before int64, n int) ([]Audit, error) {
	const what = "read the audit journal"
	var list []Audit
	err := b.View(ctx, func(t *Tx) error {
		list = nil
		rows, err := t.query(what, `SELECT id, at, actor, action, subject, detail FROM audit
			WHERE id < $1 OR $1 = 0 ORDER BY id DESC LIMIT $2`, before, n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a Audit
			var at int64
			if err := rows.Scan(&a.ID, &at, &a.Actor, &a.Action, &a.Subject, &a.Detail); err != nil {
				return b.wrap(what, err)
			}
			a.At = fromMicros(at)
			list = append(list, a)
		}
		return b.wrap(what, rows.Err())
	})
	return list, err
}

func joinWords(words []string) string { return strings.Join(words, " ") }

func splitWords(s string) []string { return strings.Fields(s) }
