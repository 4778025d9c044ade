package record

import (
	"context"
	"time"

	"bonded.dev"
)

// Org is an organisation.
type Org struct {
	Name      string
	Created   time.Time
	TwoPerson bool // new packages in its namespaces begin with two-person release
}

// Member is a user in an organisation.
type Member struct {
	Org   string
	User  string
	Role  string // owner, member
	Since time.Time
}

// AddOrg makes an organisation. Users and organisations share one set of names:
// one that was ever used, by either, is an error of kind Conflict.
func (t *Tx) AddOrg(o Org) error {
	if err := t.checkErased(o.Name); err != nil {
		return err
	}
	n, err := t.exec("add the organisation "+o.Name,
		`INSERT INTO org (name, created, two_person) SELECT $1, $2, $3
		WHERE NOT EXISTS (SELECT 1 FROM user_account WHERE name = $1) ON CONFLICT DO NOTHING`,
		o.Name, micros(o.Created), flag(o.TwoPerson))
	if err == nil && n == 0 {
		err = bonded.Errorf(bonded.Conflict, "the name %s is taken, by an organisation or a user; choose another", o.Name)
	}
	return err
}

// Org returns an organisation; none is an error of kind NotFound.
func (t *Tx) Org(name string) (o Org, err error) {
	list, err := t.orgs(`WHERE name = $1`, name)
	if err == nil && len(list) == 0 {
		return o, bonded.Errorf(bonded.NotFound, "there is no organisation @%s", name)
	}
	if err != nil {
		return o, err
	}
	return list[0], nil
}

// Orgs returns every organisation, by name.
func (b *Book) Orgs(ctx context.Context) (list []Org, err error) {
	err = b.View(ctx, func(t *Tx) error {
		list, err = t.orgs(`ORDER BY name`)
		return err
	})
	return list, err
}

func (t *Tx) orgs(where string, args ...any) (list []Org, err error) {
	const what = "read the organisations"
	rows, err := t.query(what, `SELECT name, created, two_person <> 0 FROM org `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var o Org
		var created int64
		if err := rows.Scan(&o.Name, &created, &o.TwoPerson); err != nil {
			return nil, t.b.wrap(what, err)
		}
		o.Created = fromMicros(created)
		list = append(list, o)
	}
	return list, t.b.wrap(what, rows.Err())
}

// SetTwoPerson says whether new packages of an organisation begin with
// two-person release.
func (t *Tx) SetTwoPerson(org string, on bool) error {
	_, err := t.exec("set how @"+org+" publishes", `UPDATE org SET two_person = $2 WHERE name = $1`, org, flag(on))
	return err
}

// PutMember takes a user into an organisation, or changes the role, which then
// is held since m.Since.
func (t *Tx) PutMember(m Member) error {
	_, err := t.exec("take somebody into @"+m.Org,
		`INSERT INTO member (org, user_name, role, since) VALUES ($1, $2, $3, $4)
		ON CONFLICT (org, user_name) DO UPDATE SET role = excluded.role,
			since = CASE WHEN member.role = excluded.role THEN member.since ELSE excluded.since END`, m.Org, m.User, m.Role, micros(m.Since))
	return err
}

// RemoveMember takes a user out of an organisation and, with it, out of its
// teams; false: the user was not in it.
func (t *Tx) RemoveMember(org, user string) (bool, error) {
	n, err := t.exec("take somebody out of @"+org, `DELETE FROM member WHERE org = $1 AND user_name = $2`, org, user)
	return n > 0, err
}

// Members returns who is in an organisation, by name.
func (t *Tx) Members(org string) ([]Member, error) {
	return t.members(`WHERE org = $1 ORDER BY user_name`, org)
}

// Memberships returns what a user is a member of, by organisation.
func (t *Tx) Memberships(user string) ([]Member, error) {
	return t.members(`WHERE user_name = $1 ORDER BY org`, user)
}

// Membership returns a user's place in an organisation; the zero Member: none.
func (t *Tx) Membership(org, user string) (m Member, err error) {
	list, err := t.members(`WHERE org = $1 AND user_name = $2`, org, user)
	if len(list) > 0 {
		m = list[0]
	}
	return m, err
}

func (t *Tx) members(where string, args ...any) (list []Member, err error) {
	const what = "read who is in which organisation"
	rows, err := t.query(what, `SELECT org, user_name, role, since FROM member `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m Member
		var since int64
		if err := rows.Scan(&m.Org, &m.User, &m.Role, &since); err != nil {
			return nil, t.b.wrap(what, err)
		}
		m.Since = fromMicros(since)
		list = append(list, m)
	}
	return list, t.b.wrap(what, rows.Err())
}

// AddTeam makes a team. One that is there is an error of kind Conflict.
func (t *Tx) AddTeam(org, team string) error {
	n, err := t.exec("add the team @"+org+"/"+team, `INSERT INTO team (org, name) VALUES ($1, $2) ON CONFLICT DO NOTHING`, org, team)
	if err == nil && n == 0 {
		err = bonded.Errorf(bonded.Conflict, "there is a team @%s/%s already", org, team)
	}
	return err
}

// RemoveTeam ends a team and whatever it could reach; false: there was none.
func (t *Tx) RemoveTeam(org, team string) (bool, error) {
	what := "remove the team @" + org + "/" + team
	if _, err := t.exec(what, `DELETE FROM team_member WHERE org = $1 AND team = $2`, org, team); err != nil {
		return false, err
	}
	n, err := t.exec(what, `DELETE FROM team WHERE org = $1 AND name = $2`, org, team)
	return n > 0, err
}

// Teams returns the names of an organisation's teams, sorted.
func (t *Tx) Teams(org string) ([]string, error) {
	return t.strings("read the teams of @"+org, `SELECT name FROM team WHERE org = $1 ORDER BY name`, org)
}

// TeamMembers returns who is in a team, sorted.
func (t *Tx) TeamMembers(org, team string) ([]string, error) {
	return t.strings("read who is in @"+org+"/"+team, `SELECT user_name FROM team_member WHERE org = $1 AND team = $2 ORDER BY user_name`, org, team)
}

// TeamsOf returns the teams that a user is in, as "@org/team", sorted.
func (t *Tx) TeamsOf(user string) ([]string, error) {
	return t.strings("read the teams of "+user,
		`SELECT '@' || org || '/' || team AS name FROM team_member WHERE user_name = $1 ORDER BY name`, user)
}

// AddToTeam puts a member of the organisation into a team; being in it already
// is fine, and is since then.
func (t *Tx) AddToTeam(org, team, user string, at time.Time) error {
	_, err := t.exec("put somebody into @"+org+"/"+team,
		`INSERT INTO team_member (org, team, user_name, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, org, team, user, micros(at))
	return err
}

// RemoveFromTeam takes somebody out of a team; false: the user was not in it.
func (t *Tx) RemoveFromTeam(org, team, user string) (bool, error) {
	n, err := t.exec("take somebody out of @"+org+"/"+team,
		`DELETE FROM team_member WHERE org = $1 AND team = $2 AND user_name = $3`, org, team, user)
	return n > 0, err
}

// AddNamespace gives an organisation a pattern of names. One that another
// organisation has is an error of kind Conflict.
func (t *Tx) AddNamespace(eco, pattern, org string) error {
	n, err := t.exec("give @"+org+" a namespace", `INSERT INTO namespace (eco, pattern, org) VALUES ($1, $2, $3)
		ON CONFLICT (eco, pattern) DO UPDATE SET org = excluded.org WHERE namespace.org = excluded.org`, eco, pattern, org)
	if err == nil && n == 0 {
		err = bonded.Errorf(bonded.Conflict, "%s/%s belongs to another organisation", eco, pattern)
	}
	return err
}

// RemoveNamespace takes a pattern of names from an organisation; false: it had
// it not.
func (t *Tx) RemoveNamespace(eco, pattern, org string) (bool, error) {
	n, err := t.exec("take a namespace from @"+org, `DELETE FROM namespace WHERE eco = $1 AND pattern = $2 AND org = $3`, eco, pattern, org)
	return n > 0, err
}

// Namespaces returns the patterns of an organisation as ECOSYSTEM/PATTERN, sorted.
func (t *Tx) Namespaces(org string) ([]string, error) {
	return t.strings("read the namespaces of @"+org,
		`SELECT eco || '/' || pattern AS name FROM namespace WHERE org = $1 ORDER BY name`, org)
}
