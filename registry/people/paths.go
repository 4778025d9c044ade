package people

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// Paths lists every way in which a user can act, or once could and left
// something that acts for them.
func (r *Room) Paths(ctx context.Context, user string) (list []Path, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		list = nil
		for _, look := range []func(*record.Tx, string) ([]Path, error){
			r.accountPaths, r.ownPaths, r.orgPaths, r.credentialPaths, r.openPaths,
		} {
			some, err := look(tx, user)
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		return nil
	})
	return list, err
}

func (r *Room) accountPaths(tx *record.Tx, user string) (list []Path, err error) {
	u, err := tx.Account(user)
	for _, role := range u.Roles {
		list = append(list, Path{Via: "role", What: role, ID: user})
	}
	return list, err
}

func (r *Room) ownPaths(tx *record.Tx, user string) (list []Path, err error) {
	rows, err := tx.GrantsTo(user)
	for _, g := range rows {
		list = append(list, Path{Via: "owner", What: g.Package.String(), ID: strings.Join(g.Rights, " ")})
	}
	return list, err
}

func (r *Room) orgPaths(tx *record.Tx, user string) (list []Path, err error) {
	in, err := tx.Memberships(user)
	if err != nil {
		return nil, err
	}
	for _, m := range in {
		list = append(list, Path{Via: "organisation", What: "@" + m.Org, ID: m.Role})
	}
	teams, err := tx.TeamsOf(user)
	for _, t := range teams {
		list = append(list, Path{Via: "team", What: t, ID: member})
	}
	return list, err
}

func (r *Room) credentialPaths(tx *record.Tx, user string) (list []Path, err error) {
	tokens, err := tx.LiveTokens(user, r.Now())
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		list = append(list, Path{Via: "token", What: t.Label, ID: t.ID})
	}
	sessions, err := tx.Sessions(user)
	if err != nil {
		return nil, err
	}
	for _, s := range sessions {
		list = append(list, Path{Via: "session", What: s.Label, ID: s.ID})
	}
	links, err := tx.Enrolments(user, r.Now())
	for range links {
		list = append(list, Path{Via: "enrolment", What: "a link that was not used yet", ID: user})
	}
	return list, err
}

func (r *Room) openPaths(tx *record.Tx, user string) (list []Path, err error) {
	publishers, err := tx.PublishersBy(user)
	if err != nil {
		return nil, err
	}
	for _, p := range publishers {
		list = append(list, Path{Via: "trusted publisher", What: p.Package.String(), ID: p.ID})
	}
	invitations, err := tx.InvitationsWith(user, r.Now())
	if err != nil {
		return nil, err
	}
	for _, i := range invitations {
		list = append(list, Path{Via: "invitation", What: i.Target, ID: i.ID})
	}
	waits, err := tx.Waits(user)
	for _, w := range waits {
		what := w.Account
		if w.Package.Key != "" {
			what = w.Package.String()
		}
		list = append(list, Path{Via: "waiting", What: what, ID: w.ID})
	}
	return list, err
}

// RemoveMember takes somebody out of an organisation, its teams, and whatever
// they could reach through it. Oneself and members go at once; another owner
// goes after the wait, so that whoever stole one owner's session cannot lock the
// others out; due says until when. The last owner cannot leave.
func (r *Room) RemoveMember(ctx context.Context, user, org, who string) (due time.Time, err error) {
	var later bool
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		due, later = time.Time{}, false
		m, err := tx.Membership(org, who)
		if err != nil {
			return err
		}
		if m.Role == "" {
			return bonded.Errorf(bonded.NotFound, "%s is not in @%s", who, org)
		}
		host, err := operates(tx, user)
		if err != nil {
			return err
		}
		if !host && user != who {
			if err := owns(tx, user, org); err != nil {
				return err
			}
		}
		if later, err = r.later(tx, m, user, host); err != nil || !later {
			return err
		}
		due, err = r.wait(tx, record.Waiting{Kind: waitOffboard, Account: "@" + org, Actor: user}, leaving{Org: org, User: who},
			"org.ask-remove", "@"+org, who, who)
		return err
	})
	if err != nil || later {
		return due, err
	}
	return due, r.leave(ctx, user, org, who, false)
}

// later reports whether somebody leaves an organisation only after the wait: an
// owner whom another one removes, and an owner who goes alone while all others
// came within that time.
func (r *Room) later(tx *record.Tx, m record.Member, actor string, host bool) (bool, error) {
	if host || m.Role != owner {
		return false, nil
	}
	if actor != m.User {
		return true, nil
	}
	members, err := tx.Members(m.Org)
	if err != nil {
		return false, err
	}
	others, settled := false, false
	for _, o := range members {
		if o.Role == owner && o.User != m.User {
			others = true
			settled = settled || !o.Since.After(r.Now().Add(-r.Waiting.Delay))
		}
	}
	return others && !settled, nil
}

// leaving is what waits: somebody leaves an organisation, or, without one, what
// is left of an account that was closed.
type leaving struct {
	Org  string `json:"org,omitempty"`
	User string `json:"user"`
}

// leave closes the ways through an organisation: what the user has alone on its
// packages first, so that a failure leaves something that can be done again.
// waited says that those who could cancel it had the time to.
func (r *Room) leave(ctx context.Context, actor, org, who string, waited bool) error {
	if actor != who {
		if err := r.dropGrants(ctx, actor, org, who, waited); err != nil {
			return err
		}
	}
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		m, err := tx.Membership(org, who)
		if err != nil || m.Role == "" {
			return err
		}
		teams, err := tx.TeamsOf(who)
		if err != nil {
			return err
		}
		principals := slices.DeleteFunc(teams, func(t string) bool { return !strings.HasPrefix(t, "@"+org+"/") })
		if m.Role == owner {
			principals = append(principals, "@"+org)
		}
		err = r.keeping(tx, principals, func() error {
			_, err := tx.RemoveMember(org, who)
			return err
		})
		if err != nil {
			return err
		}
		if err := ownersLeft(tx, m, actor); err != nil {
			return err
		}
		if err := r.endInvitations(tx, actor, who, func(i record.Invitation) bool { o, _ := split(i.Target); return o == org }); err != nil {
			return err
		}
		return r.note(tx, actor, "org.remove-member", "@"+org, who, m.Role, "")
	})
}

func ownersLeft(tx *record.Tx, m record.Member, actor string) error {
	if m.Role != owner || actor == admin {
		return nil
	}
	left, err := tx.Behind("@" + m.Org)
	if err == nil && len(left) == 0 {
		err = bonded.Errorf(bonded.Conflict, "%s is the last owner of @%s; make somebody else an owner first", m.User, m.Org)
	}
	return err
}

func (r *Room) endInvitations(tx *record.Tx, actor, who string, which func(record.Invitation) bool) error {
	list, err := tx.InvitationsWith(who, r.Now())
	if err != nil {
		return err
	}
	for _, i := range list {
		if !which(i) {
			continue
		}
		if _, err := tx.EndInvitation(i.ID); err != nil {
			return err
		}
		if err := r.note(tx, actor, "invite.end", i.Target, account(i.User), i.Kind+": "+who+" was offboarded", ""); err != nil {
			return err
		}
	}
	return nil
}

// dropGrants takes away what a user has alone: with an organisation, on the
// packages where it or one of its teams manages people; without, on all where
// somebody else is left to look after them. Beside a running server it is left
// to that. Whoever has all rights on a package is an owner of it, member of an
// organisation or not: that waits, as it does on the page of the package.
func (r *Room) dropGrants(ctx context.Context, actor, org, who string, waited bool) error {
	var names []bonded.Name
	err := r.Book.View(ctx, func(tx *record.Tx) error {
		names = nil
		own, err := tx.GrantsTo(who)
		if err != nil {
			return err
		}
		for _, g := range own {
			if ok, err := within(tx, org, g.Package); err != nil {
				return err
			} else if ok {
				names = append(names, g.Package)
			}
		}
		return nil
	})
	if err != nil || len(names) == 0 {
		return err
	}
	if r.Desk == nil {
		return r.Book.Update(ctx, func(tx *record.Tx) error { return r.leaveToServer(tx, actor, org, who) })
	}
	for _, n := range names {
		_, err := r.Desk.Owners(ctx, n, publish.House{}, func(tx *record.Tx) error {
			has, err := granted(tx, n, who)
			if err != nil {
				return nil //nolint:nilerr // it has gone meanwhile
			}
			host, err := operates(tx, actor)
			if err != nil {
				return err
			}
			if !waited && !host && len(has) == len(Rights()) {
				_, err := r.ask(tx, actor, n, who, nil)
				return err
			}
			// What nobody else looks after is kept: the account is closed and the right
			// is worth nothing, and whoever opens the account again finds it.
			others, err := tx.LookedAfter(n, words(Rights()), who, r.Now())
			if err != nil || org == "" && !others {
				return err
			}
			return r.apply(tx, actor, n, who, nil, " was offboarded")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func within(tx *record.Tx, org string, name bonded.Name) (bool, error) {
	if org == "" {
		return true, nil
	}
	rows, err := tx.Grants(name)
	return slices.ContainsFunc(rows, func(g record.Grant) bool {
		o, _ := split(g.Principal)
		return o == org && slices.Contains(g.Rights, string(People))
	}), err
}

// leaveToServer lets a running server do what has to be logged, within a minute.
func (r *Room) leaveToServer(tx *record.Tx, actor, org, who string) error {
	about := who
	if org != "" {
		about = "@" + org
	}
	w := record.Waiting{Kind: waitOffboard, Account: about, Actor: actor, Due: r.Now()}
	_, err := r.wait(tx, w, leaving{Org: org, User: who}, "offboard", about, account(about), who)
	return err
}

func (r *Room) offboardDue(ctx context.Context, w record.Waiting) error {
	var l leaving
	if err := read(w, &l); err != nil {
		return err
	}
	if l.Org == "" {
		return r.dropGrants(ctx, w.Actor, "", l.User, true)
	}
	err := r.Book.View(ctx, func(tx *record.Tx) error {
		if ok, err := operates(tx, w.Actor); ok || w.Actor == l.User {
			return err
		}
		return owns(tx, w.Actor, l.Org)
	})
	if err != nil {
		return err
	}
	return r.leave(ctx, w.Actor, l.Org, l.User, true)
}

// Offboard closes every way in which a user can act: for an owner of org as far
// as the organisation reaches, and for an administrator (org empty) wholly. It
// returns what is left: of an organisation, nothing that goes through it, unless
// the user is an owner and another owner asked, which waits; of everything,
// packages that nobody else looks after, whose owner's account is closed, and
// trusted publishers that the user made, which belong to their packages now and
// are for these packages' owners to look at. Tokens stay and reach nothing.
func (r *Room) Offboard(ctx context.Context, actor, org, user string) ([]Path, error) {
	var err error
	if org != "" {
		_, err = r.RemoveMember(ctx, actor, org, user)
	} else {
		err = r.closeAll(ctx, actor, user)
	}
	if err != nil {
		return nil, err
	}
	return r.Paths(ctx, user)
}

func (r *Room) closeAll(ctx context.Context, actor, user string) error {
	var in []record.Member
	err := r.Book.Update(ctx, func(tx *record.Tx) error {
		ok, err := operates(tx, actor)
		if err != nil {
			return err
		}
		if !ok || actor == user {
			return bonded.Refusal(bonded.Forbidden, "roles", "another administrator of the repository closes an account; %s is none", actor)
		}
		if in, err = tx.Memberships(user); err != nil {
			return err
		}
		return r.closeAccount(tx, actor, user)
	})
	if err != nil {
		return err
	}
	if err := r.dropGrants(ctx, actor, "", user, true); err != nil {
		return err
	}
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		for _, m := range in {
			if _, err := tx.RemoveMember(m.Org, user); err != nil {
				return err
			}
			if err := r.note(tx, actor, "org.remove-member", "@"+m.Org, user, m.Role+": the account was closed", ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// closeAccount closes what is the account's own.
func (r *Room) closeAccount(tx *record.Tx, actor, user string) error {
	const why = "the account was closed"
	now := r.Now()
	if err := errors.Join(tx.SetDisabled(user, now), tx.SetRoles(user, nil), tx.EndEnrolments(user)); err != nil {
		return err
	}
	if _, err := tx.EndSessions(user, ""); err != nil {
		return err
	}
	if _, err := tx.RevokeTokens(user, why, now); err != nil {
		return err
	}
	if err := tx.ForgetDevices(user); err != nil {
		return err
	}
	if err := r.endInvitations(tx, actor, user, func(record.Invitation) bool { return true }); err != nil {
		return err
	}
	waits, err := tx.Waits(user)
	if err != nil {
		return err
	}
	for _, w := range waits {
		if _, err := tx.EndWaiting(w.ID, "cancelled", now); err != nil {
			return err
		}
		subject := w.Account
		if w.Package.Key != "" {
			subject = w.Package.String()
		}
		if err := r.note(tx, actor, "change.cancel", subject, account(w.Account), w.Kind+": "+why, ""); err != nil {
			return err
		}
	}
	pending, err := tx.PublishersPending(user)
	if err != nil {
		return err
	}
	for _, p := range pending {
		if err := tx.RemovePublisher(p.ID); err != nil {
			return err
		}
		if err := r.note(tx, actor, "publisher.remove", user, user, p.ID+": "+why, ""); err != nil {
			return err
		}
	}
	return r.note(tx, actor, "user.disable", user, user, why, "")
}
