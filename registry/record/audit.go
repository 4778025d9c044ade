package record

import (
	"context"
	"strings"
	"time"
)

// Audit is one line of the private journal: who did what, when. It holds no
// secret and never reaches the log. Package registry/event says which actions
// there are, and is what writes them.
type Audit struct {
	ID      int64 // set by the book, rising
	At      time.Time
	Actor   string // a user, "admin" for a command on the host, "publisher:ID", or "bonded" for what falls due
	Action  string // for example "token.add"
	Subject string // what it was done to: a package as ECOSYSTEM/NAME, "@org", a user
	Detail  string
	Account string // whose account it is about; empty: nobody's
	Waiting string // id of the change that waits because of it; empty: none
	Tell    bool   // somebody is still to be told
}

const auditColumns = `SELECT id, at, actor, action, subject, detail, account, waiting, tell FROM audit `

// Audit adds a line in the transaction that does what the line says.
func (t *Tx) Audit(a Audit) error {
	return t.put(auditTable, micros(a.At), clean(a.Actor), clean(a.Action), clean(a.Subject), clean(a.Detail),
		clean(a.Account), clean(a.Waiting), flag(a.Tell))
}

// Audits returns at most n lines before line id, newest first; id 0 starts
// from the newest.
func (b *Book) Audits(ctx context.Context, before int64, n int) ([]Audit, error) {
	return b.audits(ctx, auditColumns+`WHERE id < $1 OR $1 = 0 ORDER BY id DESC LIMIT $2`, before, n)
}

// AuditsOfAccount is Audits about one account, or done by its user.
func (b *Book) AuditsOfAccount(ctx context.Context, user string, before int64, n int) ([]Audit, error) {
	return b.audits(ctx, auditColumns+`WHERE (id < $1 OR $1 = 0) AND (account = $3 OR actor = $3) ORDER BY id DESC LIMIT $2`, before, n, user)
}

// AuditsOfSubject is Audits about one package or organisation.
func (b *Book) AuditsOfSubject(ctx context.Context, subject string, before int64, n int) ([]Audit, error) {
	return b.audits(ctx, auditColumns+`WHERE (id < $1 OR $1 = 0) AND subject = $3 ORDER BY id DESC LIMIT $2`, before, n, subject)
}

// AuditsToTell returns the n oldest lines that somebody is still to be told of.
func (b *Book) AuditsToTell(ctx context.Context, n int) ([]Audit, error) {
	return b.audits(ctx, auditColumns+`WHERE tell <> 0 ORDER BY id LIMIT $1`, n)
}

// AuditTold notes that everybody was told of a line.
func (b *Book) AuditTold(ctx context.Context, id int64) error {
	return b.Update(ctx, func(t *Tx) error {
		_, err := t.exec("note that a line was told", `UPDATE audit SET tell = 0 WHERE id = $1`, id)
		return err
	})
}

func (b *Book) audits(ctx context.Context, query string, args ...any) ([]Audit, error) {
	const what = "read the audit journal"
	var list []Audit
	err := b.View(ctx, func(t *Tx) error {
		list = nil
		rows, err := t.query(what, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a Audit
			var at, tell int64
			if err := rows.Scan(&a.ID, &at, &a.Actor, &a.Action, &a.Subject, &a.Detail, &a.Account, &a.Waiting, &tell); err != nil {
				return b.wrap(what, err)
			}
			a.At, a.Tell = fromMicros(at), tell != 0
			list = append(list, a)
		}
		return b.wrap(what, rows.Err())
	})
	return list, err
}

// flag is how a yes or no is stored.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func joinWords(words []string) string { return strings.Join(words, " ") }

func splitWords(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Fields(s)
}
