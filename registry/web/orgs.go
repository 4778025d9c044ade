package web

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/people"
)

// orgRoutes are organisations, for those who are in them: for everybody else
// there is none. Only administrators of the repository give namespaces.
func (p *Pages) orgRoutes() []Route {
	const org = "/orgs/{org}"
	return []Route{
		{Method: "GET", Path: "/orgs", Need: Full, Do: p.orgs},
		{Method: "POST", Path: "/orgs", Need: Fresh, Events: "org.add", Keep: true, Do: p.addOrg},
		{Method: "GET", Path: org, Need: Full, Do: p.org},
		{Method: "POST", Path: org + "/invite", Need: Fresh, Events: "invite.make", Keep: true, Do: p.inviteToOrg},
		{Method: "POST", Path: org + "/withdraw", Need: Full, Events: "invite.end", Do: p.withdrawFromOrg},
		{Method: "POST", Path: org + "/two-person", Need: Fresh, Events: "org.set org.ask", Do: p.orgTwoPerson},
		{Method: "POST", Path: org + "/changes/{id}/cancel", Need: Full, Events: "change.cancel", Do: p.cancelOfOrg},
		{Method: "POST", Path: org + "/teams", Need: Fresh, Events: "org.team", Do: p.addTeam},
		{Method: "POST", Path: org + "/teams/{team}/add", Need: Fresh, Events: "org.team", Do: p.addToTeam},
		{Method: "POST", Path: org + "/teams/{team}/take", Need: Fresh, Events: "org.team", Do: p.takeFromTeam},
		{Method: "POST", Path: org + "/teams/{team}/remove", Need: Fresh, Events: "org.team", Do: p.removeTeam},
		{Method: "GET", Path: org + "/members/{user}", Need: Full, Do: p.orgMember},
		{Method: "POST", Path: org + "/members/{user}/remove", Need: Fresh, Events: "org.remove-member org.ask-remove", Do: p.removeMember},
		{Method: "POST", Path: org + "/namespaces", Need: Operator, Events: "org.namespace", Do: p.addNamespace},
		{Method: "POST", Path: org + "/namespaces/remove", Need: Operator, Events: "org.namespace", Do: p.removeNamespace},
	}
}

func (p *Pages) orgs(a *Ask) error {
	list, err := p.People.Orgs(a.Context(), a.Session.User)
	if err != nil {
		return err
	}
	return a.Show("orgs", View{"Orgs": list, "Name": a.Form("name"), "User": a.Session.User})
}

func (p *Pages) addOrg(a *Ask) error {
	name := strings.TrimPrefix(a.Form("name"), "@")
	if err := p.People.AddOrg(a.Context(), a.Session.User, name); err != nil {
		list, wrong := p.People.Orgs(a.Context(), a.Session.User)
		if wrong != nil {
			return wrong
		}
		return a.Again(err, "orgs", View{"Orgs": list, "Name": name, "User": a.Session.User})
	}
	a.Done(placeOf("@"+name), "The organisation was made. You are its owner; invite a second one, so that losing your account does not lose it.")
	return nil
}

// owner says if a user is an owner of an organisation.
func owner(o people.Org, user string) bool {
	return slices.ContainsFunc(o.Members, func(m people.Member) bool { return m.User == user && m.Owner })
}

func (p *Pages) org(a *Ask) error {
	o, err := p.People.Org(a.Context(), a.Session.User, a.PathValue("org"))
	if err != nil {
		return err
	}
	v := View{"Org": o, "Owner": owner(o, a.Session.User), "Me": a.Session.User, "Base": placeOf("@" + o.Name),
		"Operator": a.operator(), "Fresh": a.Session.Fresh(p.Now()), "User": a.Form("user"), "As": inviteAs(o, a.Form("as"))}
	if v["Packages"], err = p.People.OrgPackages(a.Context(), a.Session.User, o.Name); err != nil {
		return err
	}
	if owner(o, a.Session.User) {
		if v["Sent"], err = p.orgSent(a, o); err != nil {
			return err
		}
	}
	rows, err := p.Book.WaitingOfAccount(a.Context(), "@"+o.Name)
	if err != nil {
		return err
	}
	var waits []wait
	for _, w := range rows {
		waits = append(waits, wait{ID: w.ID, Says: people.Describe(w) + ".", Actor: w.Actor, Created: w.Created, Due: w.Due})
	}
	v["Waiting"] = waits
	var ecos []option
	for i, s := range p.Setups {
		ecos = append(ecos, option{s.ID, s.Clients, "", i == 0})
	}
	v["Ecosystems"] = ecos
	return a.Show("org", v)
}

// orgSent are the open invitations to an organisation and its teams.
func (p *Pages) orgSent(a *Ask, o people.Org) ([]people.Invitation, error) {
	all, err := p.People.Sent(a.Context(), a.Session.User, "@"+o.Name)
	for _, t := range o.Teams {
		if err != nil {
			return nil, err
		}
		var some []people.Invitation
		some, err = p.People.Sent(a.Context(), a.Session.User, "@"+o.Name+"/"+t.Name)
		all = append(all, some...)
	}
	return all, err
}

const asTeam = "team:"

// inviteAs are what somebody can be invited to be.
func inviteAs(o people.Org, chosen string) []option {
	list := []option{{Value: "member", Text: "a member"}, {Value: "owner", Text: "an owner"}}
	for _, t := range o.Teams {
		list = append(list, option{Value: asTeam + t.Name, Text: "a member, in the team " + t.Name})
	}
	for i := range list {
		list[i].Chosen = list[i].Value == chosen
	}
	return list
}

// inOrg leads back to an organisation's page. A change that waits says until when.
func (a *Ask) inOrg(due time.Time, err error, now, later string) error {
	if err != nil {
		return err
	}
	if !due.IsZero() {
		now = later + " It happens on " + moment(due) + ", unless an owner cancels it; all of them are told."
	}
	a.Done(placeOf("@"+a.PathValue("org")), now)
	return nil
}

func (p *Pages) inviteToOrg(a *Ask) error {
	kind, target, role := "org", "@"+a.PathValue("org"), a.Form("as")
	if team, ok := strings.CutPrefix(role, asTeam); ok {
		kind, target, role = "team", target+"/"+team, ""
	}
	i, err := p.People.Invite(a.Context(), a.Session.User, kind, target, a.Form("user"), role)
	return a.inOrg(time.Time{}, err, i.User+" was invited, and has until "+moment(i.Expires)+" to answer.", "")
}

func (p *Pages) withdrawFromOrg(a *Ask) error {
	err := p.People.Withdraw(a.Context(), a.Session.User, a.Form("id"))
	return a.inOrg(time.Time{}, err, "The invitation was withdrawn.", "")
}

func (p *Pages) orgTwoPerson(a *Ask) error {
	on := a.Form("two_person") == "yes"
	due, err := p.People.SetTwoPerson(a.Context(), a.Session.User, a.PathValue("org"), on)
	return a.inOrg(due, err, "The rules for new packages are what you chose.", "Weaker rules wait.")
}

// cancelOfOrg ends a change that waits for an organisation, for its owners.
func (p *Pages) cancelOfOrg(a *Ask) error {
	o, err := p.People.Org(a.Context(), a.Session.User, a.PathValue("org"))
	if err != nil {
		return err
	}
	if !owner(o, a.Session.User) {
		return bonded.Refusal(bonded.Forbidden, "roles", "only an owner of @%s cancels its changes", o.Name)
	}
	w, err := p.Book.WaitingByID(a.Context(), a.PathValue("id"))
	if err == nil && w.Account != "@"+o.Name {
		err = bonded.Errorf(bonded.NotFound, "nothing of @%s waits under this address", o.Name)
	}
	if err != nil {
		return err
	}
	return a.inOrg(time.Time{}, p.Waiting.Cancel(a.Context(), w.ID, a.Session.User), "It was cancelled: nothing of it will happen.", "")
}

func (p *Pages) addTeam(a *Ask) error {
	err := p.People.AddTeam(a.Context(), a.Session.User, a.PathValue("org"), a.Form("team"))
	return a.inOrg(time.Time{}, err, "The team was made. Give it rights on the page of a package, by inviting @"+a.PathValue("org")+"/"+a.Form("team")+" there.", "")
}

func (p *Pages) addToTeam(a *Ask) error {
	err := p.People.AddToTeam(a.Context(), a.Session.User, a.PathValue("org"), a.PathValue("team"), a.Form("user"))
	return a.inOrg(time.Time{}, err, a.Form("user")+" is in the team.", "")
}

func (p *Pages) takeFromTeam(a *Ask) error {
	err := p.People.RemoveFromTeam(a.Context(), a.Session.User, a.PathValue("org"), a.PathValue("team"), a.Form("user"))
	return a.inOrg(time.Time{}, err, a.Form("user")+" is not in the team any more.", "")
}

func (p *Pages) removeTeam(a *Ask) error {
	err := p.People.RemoveTeam(a.Context(), a.Session.User, a.PathValue("org"), a.PathValue("team"))
	return a.inOrg(time.Time{}, err, "The team is gone.", "")
}

// orgMember shows what somebody can reach through an organisation, before they
// are taken out of it. What is their account's own is nobody's to see.
func (p *Pages) orgMember(a *Ask) error {
	o, err := p.People.Org(a.Context(), a.Session.User, a.PathValue("org"))
	if err != nil {
		return err
	}
	who := a.PathValue("user")
	if who != a.Session.User && !owner(o, a.Session.User) && !a.operator() {
		return bonded.Refusal(bonded.Forbidden, "roles", "only an owner of @%s looks at its members", o.Name)
	}
	i := slices.IndexFunc(o.Members, func(m people.Member) bool { return m.User == who })
	if i < 0 {
		return bonded.Errorf(bonded.NotFound, "%s is not in @%s", who, o.Name)
	}
	paths, err := p.People.Paths(a.Context(), who)
	if err != nil {
		return err
	}
	grants, err := p.People.OrgPackages(a.Context(), a.Session.User, o.Name)
	if err != nil {
		return err
	}
	paths = slices.DeleteFunc(paths, func(path people.Path) bool { return !through(path, o.Name, grants) })
	return a.Show("org-member", View{"Org": o, "Member": o.Members[i], "Me": who == a.Session.User, "Paths": paths,
		"Base": placeOf("@"+o.Name) + "/members/" + url.PathEscape(who), "Fresh": a.Session.Fresh(p.Now())})
}

// through says if a way goes through an organisation, or to its packages.
func through(path people.Path, org string, grants []people.Grant) bool {
	switch path.Via {
	case "organisation", "team", "invitation":
		if path.What == "@"+org || strings.HasPrefix(path.What, "@"+org+"/") {
			return true
		}
		return path.Via == "invitation" && theirs(path.What, grants)
	case "owner", "trusted publisher":
		return theirs(path.What, grants)
	}
	return false
}

func theirs(target string, grants []people.Grant) bool {
	return slices.ContainsFunc(grants, func(g people.Grant) bool { return g.Package.String() == target })
}

func (p *Pages) removeMember(a *Ask) error {
	org, who := a.PathValue("org"), a.PathValue("user")
	due, err := p.People.RemoveMember(a.Context(), a.Session.User, org, who)
	if err == nil && due.IsZero() && who == a.Session.User {
		a.Done("/orgs", "You left @"+org+".")
		return nil
	}
	return a.inOrg(due, err, who+" left @"+org+", and reaches nothing through it any more.", "You asked that "+who+" leaves.")
}

func (p *Pages) addNamespace(a *Ask) error {
	err := p.People.AddNamespace(a.Context(), a.Session.User, a.PathValue("org"), a.Form("ecosystem"), a.Form("pattern"))
	return a.inOrg(time.Time{}, err, "From now on only this organisation takes new names there.", "")
}

func (p *Pages) removeNamespace(a *Ask) error {
	err := p.People.RemoveNamespace(a.Context(), a.Session.User, a.PathValue("org"), a.Form("ecosystem"), a.Form("pattern"))
	return a.inOrg(time.Time{}, err, "The organisation has this namespace no longer. Its packages stay.", "")
}
