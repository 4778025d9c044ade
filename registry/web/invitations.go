package web

import "bonded.dev/registry/people"

// invitationRoutes are where somebody answers: yes takes a fresh proof, no takes
// none.
func (p *Pages) invitationRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/invitations", Need: Full, Do: p.invitations},
		{Method: "POST", Path: "/invitations/{id}/accept", Need: Fresh, Events: "invite.accept transfer.ask", Do: p.accept},
		{Method: "POST", Path: "/invitations/{id}/decline", Need: Full, Events: "invite.end", Do: p.decline},
	}
}

// asked is an invitation as a page shows it.
type asked struct {
	people.Invitation
	Place string // empty: nothing there is for somebody who has not joined yet
	Self  bool   // it is for the user, and not for an organisation
}

func (p *Pages) invitations(a *Ask) error {
	list, err := p.People.Invitations(a.Context(), a.Session.User)
	if err != nil {
		return err
	}
	var open []asked
	for _, i := range list {
		one := asked{Invitation: i, Self: i.User == a.Session.User}
		if i.Kind == "package" || i.Kind == "transfer" {
			one.Place = placeOf(i.Target)
		}
		open = append(open, one)
	}
	return a.Show("invitations", View{"Open": open, "Fresh": a.Session.Fresh(p.Now())})
}

func (p *Pages) accept(a *Ask) error {
	i, err := p.invitation(a)
	if err != nil {
		return err
	}
	if err := p.People.Accept(a.Context(), a.Session.User, i.ID); err != nil {
		return err
	}
	if i.Kind == "transfer" {
		a.Done("/invitations", "Accepted. It waits three days, in which those who have the package now can cancel it.")
		return nil
	}
	// Who answers for an organisation need not be somebody who sees the page of
	// the package, but everybody may open it.
	a.Done(placeOf(i.Target), "Accepted.")
	return nil
}

// invitation is the one of the address, if the user can answer it. That is asked
// again when it is answered.
func (p *Pages) invitation(a *Ask) (people.Invitation, error) {
	list, err := p.People.Invitations(a.Context(), a.Session.User)
	for _, i := range list {
		if i.ID == a.PathValue("id") {
			return i, err
		}
	}
	return people.Invitation{ID: a.PathValue("id")}, err // the room says why not
}

func (p *Pages) decline(a *Ask) error {
	if err := p.People.Decline(a.Context(), a.Session.User, a.PathValue("id")); err != nil {
		return err
	}
	a.Done("/invitations", "Declined.")
	return nil
}
