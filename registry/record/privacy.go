package record

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"time"

	"bonded.dev"
)

// NameKey says with which key the names of erased accounts are marked. Without
// it a book in which somebody was erased makes no new accounts.
func (b *Book) NameKey(key []byte) { b.nameKey = key }

// markOf is all that is kept of a name that was erased.
func (b *Book) markOf(name string) []byte {
	m := hmac.New(sha256.New, b.nameKey)
	m.Write([]byte(name)) //nolint:errcheck // a hash takes everything
	return m.Sum(nil)
}

// checkErased refuses a name whose account was erased: names are not used twice.
func (t *Tx) checkErased(name string) error {
	var n int64
	if _, err := t.one("look for erased names", `SELECT count(*) FROM erased_name`, nil, &n); err != nil || n == 0 {
		return err
	}
	if t.b.nameKey == nil {
		return bonded.Errorf(bonded.Unavailable, "accounts were erased here, and without the keys of the repository nobody can say if %s was one of them", name)
	}
	if _, err := t.one("look for an erased name", `SELECT count(*) FROM erased_name WHERE mark = $1`, []any{t.b.markOf(name)}, &n); err != nil || n == 0 {
		return err
	}
	return bonded.Errorf(bonded.Conflict, "there is a user %s already", name)
}

// Personal returns every row that is kept about a user, by table; secrets and
// their hashes are left out. Times are RFC 3339, a time that never was is
// absent, and so is empty text.
func (b *Book) Personal(ctx context.Context, user string) (map[string][]map[string]any, error) {
	all := map[string][]map[string]any{}
	err := b.View(ctx, func(t *Tx) error {
		clear(all)
		for _, h := range personal {
			persons := h.of(who, by)
			if len(persons) == 0 {
				continue
			}
			rows, err := t.personalRows(h, h.any(persons), user)
			if err != nil {
				return err
			}
			all[h.table] = rows
		}
		return nil
	})
	return all, err
}

// Shown are the columns that Personal may show, by table.
func Shown() map[string][]string {
	all := map[string][]string{}
	for _, h := range personal {
		if len(h.of(who, by)) > 0 {
			all[h.table] = h.of(who, by, words, text, number, flagged, moment)
		}
	}
	return all
}

func (t *Tx) personalRows(h holding, where, user string) ([]map[string]any, error) {
	what := "read what is kept about " + user
	shown := h.of(who, by, words, text, number, flagged, moment)
	rows, err := t.query(what, `SELECT `+strings.Join(shown, ", ")+` FROM `+h.table+` WHERE `+where+` ORDER BY 1, 2`, user)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []map[string]any{}
	for rows.Next() {
		row, err := h.scan(rows, shown)
		if err != nil {
			return nil, t.b.wrap(what, err)
		}
		list = append(list, row)
	}
	return list, t.b.wrap(what, rows.Err())
}

func (h holding) scan(rows *sql.Rows, shown []string) (map[string]any, error) {
	values := make([]any, len(shown))
	for i := range values {
		values[i] = new(any)
	}
	if err := rows.Scan(values...); err != nil {
		return nil, err
	}
	row := map[string]any{}
	for i, name := range shown {
		kind := h.kind(name)
		switch v := (*values[i].(*any)).(type) {
		case int64:
			if kind == moment && v != 0 {
				row[name] = fromMicros(v).Format(time.RFC3339)
			} else if kind != moment {
				row[name] = v
			}
		case string:
			if v != "" {
				row[name] = v
			}
		case []byte:
			if len(v) > 0 {
				row[name] = string(v)
			}
		default:
			return nil, fmt.Errorf("column %s of %s holds a %T", name, h.table, v)
		}
	}
	return row, nil
}

func (h holding) kind(name string) string {
	for _, c := range h.columns {
		if c.name == name {
			return c.kind
		}
	}
	return ""
}

// EraseUser puts a word in the place of a user's name and address wherever this
// book has them, and drops what was kept for that user alone. The account stays
// as a closed one under the new word; its name is not given out again.
// Ownerships must have ended before, since the public log tells of them: one
// that is left is an error of kind Conflict.
func (t *Tx) EraseUser(user, as string, at time.Time) error {
	var email string
	found, err := t.one("read the user "+user, `SELECT email FROM user_account WHERE name = $1`, []any{user}, &email)
	if err == nil && !found {
		err = noUser(user)
	}
	if err != nil {
		return err
	}
	if t.b.nameKey == nil {
		return bonded.Errorf(bonded.Unavailable, "erasing an account needs the keys of the repository")
	}
	owned, err := t.Owned(user)
	if err != nil {
		return err
	}
	if len(owned) > 0 {
		return bonded.Errorf(bonded.Conflict, "%s still owns %s", user, owned[0])
	}
	what := "erase a user"
	for _, q := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO user_account (name, email, created, disabled, verified, frozen, erased, roles)
			SELECT $2, '', created, $3, 0, 0, $3, '' FROM user_account WHERE name = $1`, []any{user, as, micros(at)}},
		{`DELETE FROM session_past WHERE id IN (SELECT id FROM session WHERE user_name = $1)`, []any{user}},
		{`DELETE FROM staged WHERE actor = $1 AND state = 'waits'`, []any{user}},
		{`DELETE FROM publisher WHERE creator = $1 AND NOT EXISTS
			(SELECT 1 FROM package WHERE package.eco = publisher.eco AND package.key = publisher.key)`, []any{user}},
		{`INSERT INTO erased_name (mark, erased) VALUES ($1, $2) ON CONFLICT DO NOTHING`, []any{t.b.markOf(user), micros(at)}},
	} {
		if _, err := t.exec(what, q.text, q.args...); err != nil {
			return err
		}
	}
	for _, h := range personal {
		if h.table == "user_account" {
			continue
		}
		if err := t.eraseIn(h, user, email, as); err != nil {
			return err
		}
	}
	if _, err := t.exec(what, `DELETE FROM user_account WHERE name = $1`, user); err != nil {
		return err
	}
	return t.forgetDomain(email)
}

// eraseIn erases a user in one table.
func (t *Tx) eraseIn(h holding, user, email, as string) error {
	what := "erase a user in " + h.table
	if columns := h.of(who); len(columns) > 0 {
		if _, err := t.exec(what, `DELETE FROM `+h.table+` WHERE `+h.any(columns), user); err != nil {
			return err
		}
	}
	for _, c := range h.of(by) {
		if _, err := t.exec(what, `UPDATE `+h.table+` SET `+c+` = $2 WHERE `+c+` = $1`, user, as); err != nil {
			return err
		}
	}
	for _, c := range h.of(words, unsaid) {
		if err := t.eraseWords(h, c, user, email, as); err != nil {
			return err
		}
	}
	return nil
}

// eraseWords looks through one column of text.
func (t *Tx) eraseWords(h holding, c, user, email, as string) error {
	what := "erase a user in " + h.table + "." + c
	rows, err := t.query(what, `SELECT DISTINCT `+c+` FROM `+h.table)
	if err != nil {
		return err
	}
	defer rows.Close()
	type change struct{ old, now any }
	var changes []change
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			return t.b.wrap(what, err)
		}
		switch v := v.(type) {
		case string:
			if now := without(v, user, email, as); now != v {
				changes = append(changes, change{v, now})
			}
		case []byte:
			if now := without(string(v), user, email, as); now != string(v) {
				changes = append(changes, change{v, []byte(now)})
			}
		}
	}
	if err := rows.Err(); err != nil {
		return t.b.wrap(what, err)
	}
	rows.Close() //nolint:errcheck // read to its end
	for _, ch := range changes {
		if _, err := t.exec(what, `UPDATE `+h.table+` SET `+c+` = $2 WHERE `+c+` = $1`, ch.old, ch.now); err != nil {
			return err
		}
	}
	return nil
}

// without puts another word for a user's name, where it stands as a word of its
// own, and for the address. What is part of a package's name stays: npm/alice
// and @alice/tool are no people.
func without(s, user, email, as string) string {
	if email != "" {
		s = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(email)).ReplaceAllLiteralString(s, as)
	}
	if !strings.Contains(s, user) {
		return s
	}
	name := regexp.MustCompile(`(^|[^a-z0-9/@.-])` + regexp.QuoteMeta(user) + `($|[^a-z0-9/@-])`)
	for range 2 { // neighbours share the letter between them
		s = name.ReplaceAllString(s, "${1}"+as+"${2}")
	}
	return s
}

// forgetDomain forgets the domain of an address when no account has one in it.
func (t *Tx) forgetDomain(email string) error {
	_, domain, _ := strings.Cut(email, "@")
	if domain == "" {
		return nil
	}
	_, err := t.exec("forget a domain", `DELETE FROM domain WHERE name = $1 AND NOT EXISTS
		(SELECT 1 FROM user_account WHERE lower(email) LIKE '%@' || $1)`, strings.ToLower(domain))
	return err
}

// SoleOwner returns what nobody would look after without a user: the packages
// that have no other principal, and the organisations that have no other owner.
func (b *Book) SoleOwner(ctx context.Context, user string) (packages []bonded.Name, orgs []string, err error) {
	err = b.View(ctx, func(t *Tx) error {
		packages = nil
		owned, err := t.Owned(user)
		if err != nil {
			return err
		}
		for _, n := range owned {
			owners, err := t.Owners(n)
			if err != nil {
				return err
			}
			if len(owners) == 1 {
				packages = append(packages, n)
			}
		}
		orgs, err = t.strings("read the organisations that only "+user+" owns", `SELECT org FROM member m
			WHERE user_name = $1 AND role = 'owner' AND NOT EXISTS
			(SELECT 1 FROM member o WHERE o.org = m.org AND o.role = 'owner' AND o.user_name <> $1) ORDER BY org`, user)
		return err
	})
	return packages, orgs, err
}

// NamingEntries walks over every entry whose document may name an account: all
// sets of owners that there ever were, and all overrides.
func (t *Tx) NamingEntries() iter.Seq2[Logged, error] {
	return t.entries("read the entries that may name somebody", 0,
		`SELECT idx, body FROM entry WHERE idx >= $1 AND type IN ('owners', 'override') ORDER BY idx LIMIT 1024`)
}

// WaitingDone returns the changes of a kind that were made, or begun.
func (b *Book) WaitingDone(ctx context.Context, kind string) ([]Waiting, error) {
	return b.waiting(ctx, `WHERE kind = $1 AND outcome IN ('doing', 'done') ORDER BY due, id`, kind)
}

// Compact makes the file forget what was deleted: SQLite leaves the bytes of
// deleted rows where they were until the pages are written anew. Meanwhile
// writers wait. PostgreSQL does the same by itself, some time later.
func (b *Book) Compact(ctx context.Context) error {
	if b.path == "" {
		return nil
	}
	for _, q := range []string{`VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		if _, err := b.write.ExecContext(ctx, q); err != nil {
			return b.wrap("compact the database", err)
		}
	}
	return nil
}
