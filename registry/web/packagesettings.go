package web

import (
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/people"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// settingsRoutes change who may do what to a package and how it may be
// published. Every change takes a fresh proof, but for those that deny:
// withdrawing an invitation, cancelling a change. What makes a package weaker
// waits, and the page says until when.
func (p *Pages) settingsRoutes() []Route {
	const base = "/packages/{eco}/{name}"
	return []Route{
		{Method: "GET", Path: base + "/settings", Need: Full, Do: p.settings},
		{Method: "POST", Path: base + "/people/invite", Need: Fresh, Events: "invite.make", Keep: true, Do: p.invite},
		{Method: "POST", Path: base + "/people/rights", Need: Fresh, Events: "owner owner.ask-remove", Do: p.setRights},
		{Method: "POST", Path: base + "/people/remove", Need: Fresh, Events: "owner.remove owner.ask-remove", Do: p.removeGrant},
		{Method: "POST", Path: base + "/people/withdraw", Need: Full, Events: "invite.end", Do: p.withdraw},
		{Method: "POST", Path: base + "/transfer", Need: Fresh, Events: "invite.make", Do: p.transfer},
		{Method: "POST", Path: base + "/policy", Need: Fresh, Events: "policy policy.ask", Do: p.setPolicy},
		{Method: "POST", Path: base + "/status", Need: Fresh, Events: "yank", Do: p.setStatus},
		{Method: "POST", Path: base + "/changes/{id}/cancel", Need: Full, Events: "change.cancel", Do: p.cancelOfPackage},
		{Method: "POST", Path: base + "/adopt", Need: Fresh, Events: "adopt.ask", Do: p.adopt},
	}
}

// principal is somebody's line among those who have a right on a package.
type principal struct {
	Name    string
	Rights  []option
	Me      bool // it is who looks
	Changes bool // who looks may change it
}

// rightOptions are the rights as choices, the given ones chosen.
func rightOptions(chosen ...string) (list []option) {
	help := map[people.Right]string{
		people.Publish:  "releases: publish, tag, yank, delete, approve",
		people.People:   "who has which right, and who is invited",
		people.Settings: "how it may be published, and by which build jobs",
	}
	for _, r := range people.Rights() {
		list = append(list, option{Value: string(r), Text: string(r), Help: help[r], Chosen: slices.Contains(chosen, string(r))})
	}
	return list
}

func (p *Pages) settings(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	v := View{"Package": s, "House": p.Desk.TwoPerson, "Fresh": a.Session.Fresh(p.Now()), "Base": s.Path}
	if err := p.whoIsIn(a, s, v); err != nil {
		return err
	}
	if v["Waiting"], err = p.waits(a, s.Name); err != nil {
		return err
	}
	publishers, err := p.Trusted.Of(a.Context(), s.Name)
	if err != nil {
		return err
	}
	v["Publishers"] = p.jobs(publishers)
	v["User"], v["Rights"] = a.Form("user"), rightOptions(a.FormAll("rights")...)
	if len(a.FormAll("rights")) == 0 {
		v["Rights"] = rightOptions(string(people.Publish))
	}
	return a.Show("package-settings", v)
}

// whoIsIn puts the principals and the open invitations into a page.
func (p *Pages) whoIsIn(a *Ask, s *subject, v View) error {
	grants, err := p.People.Grants(a.Context(), s.Name)
	if err != nil {
		return err
	}
	var list []principal
	for _, g := range grants {
		has := make([]string, len(g.Rights))
		for i, r := range g.Rights {
			has[i] = string(r)
		}
		me := g.Principal == a.Session.User
		list = append(list, principal{Name: g.Principal, Rights: rightOptions(has...), Me: me, Changes: me || s.Has("people")})
	}
	v["Principals"] = list
	if s.Has("people") {
		v["Sent"], err = p.People.Sent(a.Context(), a.Session.User, s.Name.String())
	}
	return err
}

// settled leads back to the settings. A change that waits says until when.
func (a *Ask) settled(s *subject, due time.Time, now, later string) error {
	if !due.IsZero() {
		now = later + " It happens on " + moment(due) + ", unless somebody cancels it; everybody with a right here is told."
	}
	a.Done(s.Path+"/settings", now)
	return nil
}

func (p *Pages) invite(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	i, err := p.People.Invite(a.Context(), a.Session.User, "package", s.Name.String(), a.Form("user"), strings.Join(a.FormAll("rights"), " "))
	if err != nil {
		return err
	}
	return a.settled(s, time.Time{}, i.User+" was invited, and has until "+moment(i.Expires)+" to answer.", "")
}

func (p *Pages) setRights(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	rights, err := people.ParseRights(strings.Join(a.FormAll("rights"), " "))
	if err != nil {
		return err
	}
	who := a.Form("principal")
	due, err := p.People.SetRights(a.Context(), a.Session.User, s.Name, who, rights)
	if err != nil {
		return err
	}
	return a.settled(s, due, "The rights of "+who+" were changed.", "You asked to take rights from "+who+".")
}

func (p *Pages) removeGrant(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	who := a.Form("principal")
	due, err := p.People.RemoveGrant(a.Context(), a.Session.User, s.Name, who)
	if err != nil {
		return err
	}
	if due.IsZero() && who == a.Session.User {
		a.Done(s.Path, "You gave up your own rights on "+s.Name.Key+".")
		return nil
	}
	return a.settled(s, due, who+" has no right here any more.", "You asked to remove "+who+".")
}

func (p *Pages) withdraw(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	if err := p.People.Withdraw(a.Context(), a.Session.User, a.Form("id")); err != nil {
		return err
	}
	return a.settled(s, time.Time{}, "The invitation was withdrawn.", "")
}

func (p *Pages) transfer(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	if a.Form("name") != s.Name.Key {
		return bonded.Errorf(bonded.Invalid, "nothing was changed: write the package's name, %s, into the field to say that you mean it", s.Name.Key)
	}
	i, err := p.People.Transfer(a.Context(), a.Session.User, s.Name, a.Form("to"))
	if err != nil {
		return err
	}
	return a.settled(s, time.Time{}, "The package was offered to "+i.User+", who has until "+moment(i.Expires)+" to accept. After that it waits three more days, and can be cancelled all the time.", "")
}

func (p *Pages) setPolicy(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	want := record.Policy{TrustedOnly: a.Form("trusted_only") == "yes", TwoPerson: a.Form("two_person") == "yes"}
	due, err := p.People.SetPolicy(a.Context(), a.Session.User, s.Name, want)
	if err != nil {
		return err
	}
	return a.settled(s, due, "The rules for publishing are what you chose.", "What you made stricter holds already. Weaker rules wait.")
}

func (p *Pages) setStatus(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	c := publish.Change{Package: s.Name.String(), Kind: "status", Status: a.Form("status"), Reason: a.Form("reason")}
	if _, err := p.Desk.Change(a.Context(), c, a.person()); err != nil {
		return err
	}
	return a.settled(s, time.Time{}, "The package is "+c.Status+" now.", "")
}

// cancelOfPackage ends a change that waits for a package, for everybody who has
// a right on it. To deny is easy.
func (p *Pages) cancelOfPackage(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	w, err := p.Book.WaitingByID(a.Context(), a.PathValue("id"))
	if err == nil && !w.Package.Same(s.Name) {
		err = bonded.Errorf(bonded.NotFound, "nothing of %s waits under this address", s.Name)
	}
	if err != nil {
		return err
	}
	if err := p.Waiting.Cancel(a.Context(), w.ID, a.Session.User); err != nil {
		return err
	}
	return a.settled(s, time.Time{}, "It was cancelled: nothing of it will happen.", "")
}

// adopt asks for a package that nobody looks after.
func (p *Pages) adopt(a *Ask) error {
	s, err := p.subject(a)
	if err != nil {
		return err
	}
	due, err := p.People.Adopt(a.Context(), a.Session.User, s.Name)
	if err != nil {
		return err
	}
	a.Done(s.Path, "You asked to adopt this package. Its owners are told and can cancel it. If they do nothing until "+moment(due)+" and an administrator agrees, it is yours.")
	return nil
}
