package record

import (
	"strings"
	"time"

	"bonded.dev"
)

// Grant is what a principal may do to a package: a user ("alice"), the owners of
// an organisation ("@acme") or a team ("@acme/release").
type Grant struct {
	Package   bonded.Name
	Principal string
	Rights    []string  // publish, people, settings
	Since     time.Time // of these rights; zero: since the name was claimed
}

const grantColumns = `SELECT o.eco, o.key, coalesce(p.display, o.key), o.user_name, o.rights, o.since
	FROM owner o LEFT JOIN package p ON p.eco = o.eco AND p.key = o.key `

// Grants returns the principals of a package, sorted.
func (t *Tx) Grants(name bonded.Name) ([]Grant, error) {
	return t.grants(`WHERE o.eco = $1 AND o.key = $2 ORDER BY o.user_name`, name.Ecosystem, name.Key)
}

// GrantsTo returns what a principal itself has, by package.
func (t *Tx) GrantsTo(principal string) ([]Grant, error) {
	return t.grants(`WHERE o.user_name = $1 ORDER BY o.eco, o.key`, principal)
}

// GrantsOf returns what a user has by all ways, by package and principal.
func (t *Tx) GrantsOf(user string) ([]Grant, error) {
	return t.grants(`WHERE `+principals("o.user_name", "$1")+` ORDER BY o.eco, o.key, o.user_name`, user)
}

// GrantsWithin returns what an organisation and its teams have, by package and
// principal.
func (t *Tx) GrantsWithin(org string) ([]Grant, error) {
	return t.grants(`WHERE o.user_name = '@' || $1 OR substr(o.user_name, 1, length($1) + 2) = '@' || $1 || '/'
		ORDER BY o.eco, o.key, o.user_name`, org)
}

func (t *Tx) grants(where string, args ...any) (list []Grant, err error) {
	const what = "read who may do what"
	rows, err := t.query(what, grantColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var g Grant
		var rights string
		var since int64
		if err := rows.Scan(&g.Package.Ecosystem, &g.Package.Key, &g.Package.Display, &g.Principal, &rights, &since); err != nil {
			return nil, t.b.wrap(what, err)
		}
		g.Rights, g.Since = splitWords(rights), fromMicros(since)
		list = append(list, g)
	}
	return list, t.b.wrap(what, rows.Err())
}

// SetGrant makes a principal one of a package with these rights and no others;
// it has them since at, unless it had them before.
func (t *Tx) SetGrant(name bonded.Name, principal string, rights []string, at time.Time) error {
	_, err := t.exec("set who may do what to "+name.String(),
		`INSERT INTO owner (eco, key, user_name, rights, since) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (eco, key, user_name) DO UPDATE SET rights = excluded.rights,
			since = CASE WHEN owner.rights = excluded.rights THEN owner.since ELSE excluded.since END`,
		name.Ecosystem, name.Key, principal, joinWords(rights), micros(at))
	return err
}

// Reach is Book.Reach of a user, as the transaction sees it.
func (t *Tx) Reach(name bonded.Name, user string) (Reach, error) {
	what := "read who may do what to " + name.String()
	rows, err := t.query(what, reach, name.Ecosystem, name.Key, user, "")
	if err != nil {
		return Reach{}, err
	}
	defer rows.Close()
	r, err := scanReach(rows, name, nil)
	return r, t.b.wrap(what, err)
}

// LookedAfter reports whether somebody whose account is in use holds all of
// these rights on a package through one principal, not this one, which has had
// them since before a time.
func (t *Tx) LookedAfter(name bonded.Name, rights []string, not string, before time.Time) (yes bool, err error) {
	grants, err := t.Grants(name)
	if err != nil {
		return false, err
	}
	for _, g := range grants {
		if !holdsAll(g.Rights, rights) || g.Principal == not || g.Since.After(before) {
			continue
		}
		people, err := t.Behind(g.Principal)
		if err != nil || len(people) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

func holdsAll(have, want []string) bool {
	for _, w := range want {
		if !holds(joinWords(have), w) {
			return false
		}
	}
	return true
}

// Behind returns the users behind a principal whose accounts are in use, sorted.
func (t *Tx) Behind(principal string) ([]string, error) {
	what := "read who " + principal + " is"
	const inUse = ` AND u.disabled = 0 AND u.frozen = 0 AND u.erased = 0 ORDER BY u.name`
	org, isOrg := strings.CutPrefix(principal, "@")
	org, team, isTeam := strings.Cut(org, "/")
	switch {
	case isTeam:
		return t.strings(what, `SELECT u.name FROM user_account u JOIN team_member m ON m.user_name = u.name
			WHERE m.org = $1 AND m.team = $2`+inUse, org, team)
	case isOrg:
		return t.strings(what, `SELECT u.name FROM user_account u JOIN member m ON m.user_name = u.name
			WHERE m.org = $1 AND m.role = 'owner'`+inUse, org)
	}
	return t.strings(what, `SELECT u.name FROM user_account u WHERE u.name = $1`+inUse, principal)
}

// PublishingSince returns since when each person has had the right to publish a
// package, by the way that is the oldest. A grant by a team or an organisation
// counts from when the person came into it, if that was later; what came with
// the name counts from claimed for a user, and for the people of an organisation
// from when they came into that.
func (t *Tx) PublishingSince(name bonded.Name, claimed time.Time) (map[string]time.Time, error) {
	what := "read since when people may publish " + name.String()
	rows, err := t.query(what, `SELECT o.user_name, o.rights, CASE WHEN o.since = 0 THEN $3 ELSE o.since END FROM owner o
			WHERE o.eco = $1 AND o.key = $2 AND substr(o.user_name, 1, 1) <> '@'
		UNION ALL SELECT m.user_name, o.rights, CASE WHEN o.since > m.since THEN o.since ELSE m.since END
			FROM owner o JOIN member m ON o.user_name = '@' || m.org AND m.role = 'owner' WHERE o.eco = $1 AND o.key = $2
		UNION ALL SELECT m.user_name, o.rights, CASE WHEN o.since > m.since THEN o.since ELSE m.since END
			FROM owner o JOIN team_member m ON o.user_name = '@' || m.org || '/' || m.team WHERE o.eco = $1 AND o.key = $2`,
		name.Ecosystem, name.Key, micros(claimed))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := map[string]time.Time{}
	for rows.Next() {
		var user, rights string
		var micro int64
		if err := rows.Scan(&user, &rights, &micro); err != nil {
			return nil, t.b.wrap(what, err)
		}
		since, before := fromMicros(micro), list[user]
		if _, had := list[user]; holds(rights, "publish") && (!had || since.Before(before)) {
			list[user] = since
		}
	}
	return list, t.b.wrap(what, rows.Err())
}
