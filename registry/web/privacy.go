package web

import (
	"io"
	"slices"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// dataRoutes are what is kept about a person: seeing it, and erasing it.
func (p *Pages) dataRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/account/data", Need: Full, Do: p.data},
		{Method: "POST", Path: "/account/data/export", Need: Full, Events: "user.export", Do: p.exportData},
		{Method: "POST", Path: "/account/data/erase", Need: Fresh, Events: "user.ask-erase", Keep: true, Do: p.askErase},
	}
}

func (p *Pages) data(a *Ask) error {
	packages, orgs, err := p.Book.SoleOwner(a.Context(), a.Session.User)
	if err != nil {
		return err
	}
	waits, err := p.Book.WaitingOfAccount(a.Context(), a.Session.User)
	if err != nil {
		return err
	}
	waits = slices.DeleteFunc(waits, func(w record.Waiting) bool { return w.Kind != "erase" })
	return a.Show("data", View{"User": a.Session.User, "Packages": packages, "Orgs": orgs, "Waiting": waits})
}

func (p *Pages) exportData(a *Ask) error {
	b, err := p.Privacy.Export(a.Context(), a.Session.User, a.Session.User)
	if err != nil {
		return err
	}
	return a.Download(a.Session.User+".json", "application/json", func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

func (p *Pages) askErase(a *Ask) error {
	if a.Form("name") != a.Session.User {
		return bonded.Errorf(bonded.Invalid, "nothing was changed: write your user name, %s, into the field to say that you mean it", a.Session.User)
	}
	due, err := p.Privacy.AskErase(a.Context(), a.Session.User, a.Session.User, a.Form("orphan") == "yes", false)
	if err != nil {
		return err
	}
	a.Done("/account/data", "Your account will be erased on "+moment(due)+", unless you cancel it.")
	return nil
}
