package people

import (
	"context"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// Kinds of invitations.
const (
	toPackage  = "package"
	toOrg      = "org"
	toTeam     = "team"
	toTransfer = "transfer"
)

// answerWithin is how long an invitation can be answered.
const answerWithin = 7 * 24 * time.Hour

// Invite asks somebody to join an organisation, a team, or the principals of a
// package. Of a package, invited may be "@acme" or "@acme/release", whose owners
// answer; rights are words as ParseRights reads them. Of an organisation, rights
// is a role, owner or member; of a team it is not looked at.
func (r *Room) Invite(ctx context.Context, user, kind, target, invited, rights string) (Invitation, error) {
	if kind == toTransfer {
		return Invitation{}, bonded.Errorf(bonded.Invalid, "a package is offered to somebody with a transfer, not with an invitation")
	}
	return r.invite(ctx, record.Invitation{Kind: kind, Target: target, User: invited, Rights: rights, Inviter: user})
}

func (r *Room) invite(ctx context.Context, i record.Invitation) (Invitation, error) {
	i.ID = newID()
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		i.Created, i.Expires = r.Now(), r.Now().Add(answerWithin)
		if err := r.mayInvite(tx, &i); err != nil {
			return err
		}
		if err := r.slow(tx, "invite "+i.Inviter, 10*time.Minute, 30, "invitations"); err != nil {
			return err
		}
		if err := tx.AddInvitation(i); err != nil {
			return err
		}
		answer, err := answerers(tx, i.User)
		if err != nil {
			return err
		}
		for _, who := range answer {
			if err := r.note(tx, i.Inviter, "invite.make", i.Target, who, i.Kind+": "+i.Rights, ""); err != nil {
				return err
			}
		}
		return nil
	})
	return Invitation(i), err
}

// answerers are the users who can answer for whoever is invited; none is an
// error of kind NotFound.
func answerers(tx *record.Tx, invited string) ([]string, error) {
	org, team := split(invited)
	if org == "" {
		return []string{invited}, inUse(tx, invited)
	}
	if _, err := tx.Org(org); err != nil {
		return nil, err
	}
	if team != "" {
		if err := isTeam(tx, org, team); err != nil {
			return nil, err
		}
	}
	return tx.Behind("@" + org)
}

// mayInvite holds an invitation to what its inviter may. It is asked when the
// invitation is made and again when it is accepted.
func (r *Room) mayInvite(tx *record.Tx, i *record.Invitation) error {
	org, team := split(i.Target)
	switch {
	case i.Kind == toOrg && org != "" && team == "":
		if i.Rights != owner && i.Rights != member {
			return bonded.Errorf(bonded.Invalid, "in an organisation somebody is owner or member, not %.40q", i.Rights)
		}
		return joins(tx, i, org)
	case i.Kind == toTeam && team != "":
		i.Rights = member
		if err := isTeam(tx, org, team); err != nil {
			return err
		}
		return joins(tx, i, org)
	case i.Kind == toTransfer || i.Kind == toPackage:
		return r.mayGive(tx, i)
	}
	return bonded.Errorf(bonded.Invalid, "%.60q cannot be joined as %.20q; there are package, org and team", i.Target, i.Kind)
}

// joins holds an invitation into an organisation to its owners and to people.
func joins(tx *record.Tx, i *record.Invitation, org string) error {
	if account(i.User) == "" {
		return bonded.Errorf(bonded.Invalid, "only people are in organisations, not %s", i.User)
	}
	return owns(tx, i.Inviter, org)
}

// mayGive holds an invitation to a package to what its inviter has: nobody gives
// more.
func (r *Room) mayGive(tx *record.Tx, i *record.Invitation) error {
	name, err := packageOf(i.Target)
	if err != nil {
		return err
	}
	rights := Rights()
	if i.Kind == toPackage {
		if rights, err = ParseRights(i.Rights); err != nil {
			return err
		}
	}
	i.Rights = join(rights)
	reach, err := may(tx, i.Inviter, People, name)
	if err != nil {
		return err
	}
	if missing := lacks(reach, rights); len(missing) > 0 {
		return bonded.Refusal(bonded.Forbidden, "roles", "%s cannot give the right %q on %s without having it", i.Inviter, missing[0], name)
	}
	if i.Kind == toTransfer {
		return nil
	}
	rows, err := tx.Grants(name)
	if err == nil && slices.ContainsFunc(rows, func(g record.Grant) bool { return g.Principal == i.User }) {
		err = bonded.Errorf(bonded.Conflict, "%s has rights on %s already; change them there", i.User, name)
	}
	return err
}

// packageOf reads ECOSYSTEM/NAME in its canonical spelling.
func packageOf(target string) (bonded.Name, error) {
	eco, key, ok := strings.Cut(target, "/")
	if !ok || eco == "" || key == "" || strings.HasPrefix(eco, "@") {
		return bonded.Name{}, bonded.Errorf(bonded.Invalid, "%.80q names no package; want ECOSYSTEM/NAME", target)
	}
	return bonded.Name{Ecosystem: eco, Key: key, Display: key}, nil
}

// Invitations are those that a user can answer, also for an organisation.
func (r *Room) Invitations(ctx context.Context, user string) ([]Invitation, error) {
	return r.invitations(ctx, func(tx *record.Tx) ([]record.Invitation, error) { return tx.InvitationsOf(user, r.Now()) })
}

// Sent are those of a target, for whoever may invite to it.
func (r *Room) Sent(ctx context.Context, user, target string) ([]Invitation, error) {
	return r.invitations(ctx, func(tx *record.Tx) ([]record.Invitation, error) {
		if err := manages(tx, user, target); err != nil {
			return nil, err
		}
		return tx.InvitationsTo(target, r.Now())
	})
}

func (r *Room) invitations(ctx context.Context, look func(*record.Tx) ([]record.Invitation, error)) (list []Invitation, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		rows, err := look(tx)
		list = nil
		for _, i := range rows {
			list = append(list, Invitation(i))
		}
		return err
	})
	return list, err
}

// manages refuses whoever may not invite to a target.
func manages(tx *record.Tx, user, target string) error {
	if org, _ := split(target); org != "" {
		return owns(tx, user, org)
	}
	name, err := packageOf(target)
	if err != nil {
		return err
	}
	_, err = may(tx, user, People, name)
	return err
}

// Accept answers yes. The invitation counts for as much as its inviter may now.
// A transfer begins to wait.
func (r *Room) Accept(ctx context.Context, user, id string) error {
	var i record.Invitation
	err := r.Book.View(ctx, func(tx *record.Tx) (err error) {
		i, err = r.answerable(tx, user, id)
		return err
	})
	if err != nil {
		return err
	}
	accept := func(tx *record.Tx) error {
		i, err := r.answerable(tx, user, id)
		if err != nil {
			return err
		}
		if err := r.mayInvite(tx, &i); err != nil {
			_, _, why := bonded.Explain(err)
			return bonded.Errorf(bonded.Conflict, "this invitation is void: %s", why)
		}
		if ended, err := tx.EndInvitation(id); err != nil || !ended {
			return or(err, bonded.Errorf(bonded.Conflict, "this invitation was answered a moment ago"))
		}
		return r.join(tx, user, i)
	}
	if i.Kind != toPackage {
		return r.Book.Update(ctx, accept)
	}
	name, err := packageOf(i.Target)
	if err != nil {
		return err
	}
	_, err = r.Desk.Owners(ctx, name, publish.House{}, accept)
	return err
}

// or is the first error that there is.
func or(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// answerable returns an invitation that a user can answer.
func (r *Room) answerable(tx *record.Tx, user, id string) (record.Invitation, error) {
	i, err := tx.InvitationByID(id, r.Now())
	if err != nil {
		return i, err
	}
	who, err := answerers(tx, i.User)
	if err == nil && !slices.Contains(who, user) {
		err = bonded.Errorf(bonded.NotFound, "there is no such invitation for %s", user)
	}
	return i, err
}

// join does what an accepted invitation says.
func (r *Room) join(tx *record.Tx, user string, i record.Invitation) error {
	org, team := split(i.Target)
	var err error
	switch i.Kind {
	case toOrg:
		err = r.enter(tx, org, i.User, i.Rights)
	case toTeam:
		if err := r.enter(tx, org, i.User, member); err != nil {
			return err
		}
		err = tx.AddToTeam(org, team, i.User, r.Now())
	case toPackage:
		name, err := packageOf(i.Target)
		if err != nil {
			return err
		}
		err = tx.SetGrant(name, i.User, strings.Fields(i.Rights), r.Now())
		if err != nil {
			return err
		}
	case toTransfer:
		return r.offered(tx, user, i)
	}
	if err != nil {
		return err
	}
	return r.note(tx, user, "invite.accept", i.Target, user, i.User+": "+i.Rights+", invited by "+i.Inviter, "")
}

// enter takes somebody into an organisation; an owner stays one.
func (r *Room) enter(tx *record.Tx, org, user, role string) error {
	m, err := tx.Membership(org, user)
	if err != nil || m.Role == owner || m.Role == role {
		return err
	}
	return tx.PutMember(record.Member{Org: org, User: user, Role: role, Since: r.Now()})
}

// Decline answers no.
func (r *Room) Decline(ctx context.Context, user, id string) error {
	return r.end(ctx, user, id, func(tx *record.Tx) (record.Invitation, error) { return r.answerable(tx, user, id) })
}

// Withdraw takes an invitation back, as whoever may invite to its target.
func (r *Room) Withdraw(ctx context.Context, user, id string) error {
	return r.end(ctx, user, id, func(tx *record.Tx) (record.Invitation, error) {
		i, err := tx.InvitationByID(id, r.Now())
		if err != nil || i.Inviter == user {
			return i, err
		}
		return i, manages(tx, user, i.Target)
	})
}

func (r *Room) end(ctx context.Context, user, id string, find func(*record.Tx) (record.Invitation, error)) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		i, err := find(tx)
		if err != nil {
			return err
		}
		if _, err := tx.EndInvitation(id); err != nil {
			return err
		}
		return r.note(tx, user, "invite.end", i.Target, account(i.User), i.Kind, "")
	})
}
