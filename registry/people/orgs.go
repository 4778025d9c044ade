package people

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// Roles in an organisation.
const (
	owner  = "owner"
	member = "member"
)

// admin is who acts on the host, without an account.
const admin = "admin"

// AddOrg makes an organisation owned by user. A name that was ever used, also
// by a user, is an error of kind Conflict.
func (r *Room) AddOrg(ctx context.Context, user, name string) error {
	if !identity.ValidName(name) {
		return bonded.Errorf(bonded.Invalid, "organisation name %.60q: take 2 to 39 lower-case letters, digits and single hyphens inside, for example \"acme\"", name)
	}
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := inUse(tx, user); err != nil {
			return err
		}
		// Names are taken for ever, so nobody takes many in a day.
		if err := r.slow(tx, "org "+user, 5*time.Hour, 5, "organisations"); err != nil {
			return err
		}
		if err := tx.AddOrg(record.Org{Name: name, Created: r.Now()}); err != nil {
			return err
		}
		if err := tx.PutMember(record.Member{Org: name, User: user, Role: owner, Since: r.Now()}); err != nil {
			return err
		}
		return r.note(tx, user, "org.add", "@"+name, user, "", "")
	})
}

// slow bounds how often a user does something.
func (r *Room) slow(tx *record.Tx, key string, gap time.Duration, burst int, what string) error {
	wait, err := tx.Meter(key, r.Now(), gap, burst)
	if err == nil && wait > 0 {
		err = bonded.Errorf(bonded.TooMany, "that is many %s at once; try again in %s", what, wait.Round(time.Minute)+time.Minute)
	}
	return err
}

// inUse refuses a user who is not there, or whose account is closed or frozen.
func inUse(tx *record.Tx, user string) error {
	u, err := tx.Account(user)
	if err != nil {
		return err
	}
	if !u.Disabled.IsZero() || !u.Frozen.IsZero() || !u.Erased.IsZero() {
		return bonded.Errorf(bonded.Forbidden, "the account %s is closed or frozen", user)
	}
	return nil
}

// operates reports whether somebody is an administrator of the repository.
func operates(tx *record.Tx, actor string) (bool, error) {
	if actor == admin {
		return true, nil
	}
	if err := inUse(tx, actor); err != nil {
		return false, err
	}
	u, err := tx.Account(actor)
	return slices.Contains(u.Roles, "administrator"), err
}

// owns refuses whoever is not an owner of an organisation.
func owns(tx *record.Tx, user, org string) error {
	if _, err := tx.Org(org); err != nil {
		return err
	}
	if err := inUse(tx, user); err != nil {
		return err
	}
	m, err := tx.Membership(org, user)
	if err == nil && m.Role != owner {
		err = bonded.Refusal(bonded.Forbidden, "roles", "%s is not an owner of @%s; one of its owners can do this", user, org)
	}
	return err
}

// Orgs returns the organisations of a user, by name.
func (r *Room) Orgs(ctx context.Context, user string) (list []Org, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		list = nil
		in, err := tx.Memberships(user)
		if err != nil {
			return err
		}
		for _, m := range in {
			o, err := whole(tx, m.Org)
			if err != nil {
				return err
			}
			list = append(list, o)
		}
		return nil
	})
	return list, err
}

// Org returns an organisation for its members and for administrators; for
// everybody else there is none.
func (r *Room) Org(ctx context.Context, user, name string) (o Org, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		m, err := tx.Membership(name, user)
		if err != nil {
			return err
		}
		if m.Role == "" {
			if ok, err := operates(tx, user); err != nil || !ok {
				return errors.Join(err, bonded.Errorf(bonded.NotFound, "there is no organisation @%s that you are in", name))
			}
		}
		o, err = whole(tx, name)
		return err
	})
	return o, err
}

func whole(tx *record.Tx, name string) (o Org, err error) {
	row, err := tx.Org(name)
	if err != nil {
		return o, err
	}
	o = Org{Name: row.Name, Created: row.Created, TwoPerson: row.TwoPerson}
	members, err := tx.Members(name)
	if err != nil {
		return o, err
	}
	for _, m := range members {
		o.Members = append(o.Members, Member{User: m.User, Owner: m.Role == owner, Since: m.Since})
	}
	teams, err := tx.Teams(name)
	if err != nil {
		return o, err
	}
	for _, t := range teams {
		in, err := tx.TeamMembers(name, t)
		if err != nil {
			return o, err
		}
		o.Teams = append(o.Teams, Team{Name: t, Members: in})
	}
	patterns, err := tx.Namespaces(name)
	for _, p := range patterns {
		eco, pattern, _ := strings.Cut(p, "/")
		o.Namespaces = append(o.Namespaces, Namespace{Ecosystem: eco, Pattern: pattern})
	}
	return o, err
}

// OrgPackages returns what an organisation and its teams have, for its members.
func (r *Room) OrgPackages(ctx context.Context, user, org string) (list []Grant, err error) {
	if _, err := r.Org(ctx, user, org); err != nil {
		return nil, err
	}
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		rows, err := tx.GrantsWithin(org)
		list = grants(rows)
		return err
	})
	return list, err
}

// SetTwoPerson says if new packages in the organisation's namespaces begin with
// two-person release. Turning it on is at once; turning it off waits, and due
// says until when.
func (r *Room) SetTwoPerson(ctx context.Context, user, org string, on bool) (due time.Time, err error) {
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		due = time.Time{}
		if err := owns(tx, user, org); err != nil {
			return err
		}
		o, err := tx.Org(org)
		if err != nil || o.TwoPerson == on {
			return err
		}
		if !on {
			due, err = r.wait(tx, record.Waiting{Kind: waitTwoPerson, Account: "@" + org, Actor: user}, map[string]string{"org": org},
				"org.ask", "@"+org, "", "two-person release off")
			return err
		}
		if err := tx.SetTwoPerson(org, true); err != nil {
			return err
		}
		return r.note(tx, user, "org.set", "@"+org, "", "two-person release on", "")
	})
	return due, err
}

func (r *Room) twoPersonDue(ctx context.Context, w record.Waiting) error {
	var body struct {
		Org string `json:"org"`
	}
	if err := read(w, &body); err != nil {
		return err
	}
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := r.Waiting.Made(tx, w); err != nil {
			return err
		}
		if err := owns(tx, w.Actor, body.Org); err != nil {
			return err
		}
		if err := tx.SetTwoPerson(body.Org, false); err != nil {
			return err
		}
		return r.note(tx, "bonded", "org.set", "@"+body.Org, "", "two-person release off, as "+w.Actor+" asked", "")
	})
}

// AddTeam makes a team, as an owner of the organisation.
func (r *Room) AddTeam(ctx context.Context, user, org, team string) error {
	if !identity.ValidName(team) {
		return bonded.Errorf(bonded.Invalid, "team name %.60q: take 2 to 39 lower-case letters, digits and single hyphens inside, for example \"release\"", team)
	}
	return r.team(ctx, user, org, "made "+team, func(tx *record.Tx) error { return tx.AddTeam(org, team) })
}

// RemoveTeam ends a team, as an owner of the organisation. A team that still has
// rights on packages is an error of kind Conflict: taking rights from a
// principal is done at the package, where it waits.
func (r *Room) RemoveTeam(ctx context.Context, user, org, team string) error {
	return r.team(ctx, user, org, "ended "+team, func(tx *record.Tx) error {
		has, err := tx.GrantsTo("@" + org + "/" + team)
		if err != nil {
			return err
		}
		if len(has) > 0 {
			return bonded.Errorf(bonded.Conflict, "the team @%s/%s has rights on %d packages, among them %s; take them away there first", org, team, len(has), has[0].Package)
		}
		gone, err := tx.RemoveTeam(org, team)
		if err == nil && !gone {
			err = bonded.Errorf(bonded.NotFound, "there is no team @%s/%s", org, team)
		}
		return err
	})
}

// AddToTeam puts a member of the organisation into a team, as one of its owners.
func (r *Room) AddToTeam(ctx context.Context, user, org, team, who string) error {
	return r.team(ctx, user, org, "took "+who+" into "+team, func(tx *record.Tx) error {
		if err := isTeam(tx, org, team); err != nil {
			return err
		}
		m, err := tx.Membership(org, who)
		if err != nil {
			return err
		}
		if m.Role == "" {
			return bonded.Errorf(bonded.NotFound, "%s is not in @%s; invite %s first", who, org, who)
		}
		return tx.AddToTeam(org, team, who, r.Now())
	})
}

// RemoveFromTeam takes somebody out of a team, as an owner of the organisation,
// or oneself.
func (r *Room) RemoveFromTeam(ctx context.Context, user, org, team, who string) error {
	do := func(tx *record.Tx) error {
		return r.keeping(tx, []string{"@" + org + "/" + team}, func() error {
			gone, err := tx.RemoveFromTeam(org, team, who)
			if err == nil && !gone {
				err = bonded.Errorf(bonded.NotFound, "%s is not in @%s/%s", who, org, team)
			}
			return err
		})
	}
	if user == who {
		return r.Book.Update(ctx, func(tx *record.Tx) error {
			if err := do(tx); err != nil {
				return err
			}
			return r.note(tx, user, "org.team", "@"+org, "", user+" left "+team, "")
		})
	}
	return r.team(ctx, user, org, "took "+who+" out of "+team, do)
}

func (r *Room) team(ctx context.Context, user, org, detail string, do func(*record.Tx) error) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := owns(tx, user, org); err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		return r.note(tx, user, "org.team", "@"+org, "", detail, "")
	})
}

func isTeam(tx *record.Tx, org, team string) error {
	teams, err := tx.Teams(org)
	if err == nil && !slices.Contains(teams, team) {
		err = bonded.Errorf(bonded.NotFound, "there is no team @%s/%s", org, team)
	}
	return err
}

// keeping makes a change of who is behind some principals and ends it when
// nobody whose account is in use would look after a package any more.
func (r *Room) keeping(tx *record.Tx, principals []string, change func() error) error {
	var live []string
	for _, p := range principals {
		people, err := tx.Behind(p)
		if err != nil {
			return err
		}
		if len(people) > 0 {
			live = append(live, p)
		}
	}
	if err := change(); err != nil {
		return err
	}
	for _, p := range live {
		people, err := tx.Behind(p)
		if err != nil {
			return err
		}
		if len(people) > 0 {
			continue
		}
		has, err := tx.GrantsTo(p)
		if err != nil {
			return err
		}
		for _, g := range has {
			if err := r.lookedAfter(tx, g.Package); err != nil {
				return err
			}
		}
	}
	return nil
}

// AddNamespace gives an organisation a pattern of names, as the repository's
// administrator: it says who may take new names, and takes nobody's away.
func (r *Room) AddNamespace(ctx context.Context, operator, org, ecosystem, pattern string) error {
	if _, err := identity.ParseScope(string(bonded.ActPublish) + ":" + ecosystem + "/" + pattern); err != nil {
		return bonded.Errorf(bonded.Invalid, "%.80q is no namespace; write for example @acme/* or acme-*, a star only at the end", ecosystem+"/"+pattern)
	}
	return r.namespace(ctx, operator, org, "got "+ecosystem+"/"+pattern, func(tx *record.Tx) error {
		return tx.AddNamespace(ecosystem, pattern, org)
	})
}

// RemoveNamespace takes a pattern from an organisation again. Packages that were
// made in it stay whose they are.
func (r *Room) RemoveNamespace(ctx context.Context, operator, org, ecosystem, pattern string) error {
	return r.namespace(ctx, operator, org, "lost "+ecosystem+"/"+pattern, func(tx *record.Tx) error {
		had, err := tx.RemoveNamespace(ecosystem, pattern, org)
		if err == nil && !had {
			err = bonded.Errorf(bonded.NotFound, "@%s does not have the namespace %s/%s", org, ecosystem, pattern)
		}
		return err
	})
}

func (r *Room) namespace(ctx context.Context, operator, org, detail string, do func(*record.Tx) error) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		ok, err := operates(tx, operator)
		if err != nil {
			return err
		}
		if !ok {
			return bonded.Refusal(bonded.Forbidden, "roles", "only an administrator of the repository gives namespaces; %s is none", operator)
		}
		if _, err := tx.Org(org); err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		return r.note(tx, operator, "org.namespace", "@"+org, "", detail, "")
	})
}
