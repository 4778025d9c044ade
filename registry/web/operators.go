package web

import (
	"cmp"
	"slices"
	"time"

	"bonded.dev/registry/record"
)

// operatorRoutes are for the administrators of the repository. They look; what
// they may do to somebody's packages they may do only together.
func (p *Pages) operatorRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/admin", Need: Operator, Do: p.admin},
		{Method: "GET", Path: "/admin/glass", Need: Operator, Do: p.glassPage},
		{Method: "POST", Path: "/admin/glass", Need: Operator, Events: "glass.ask", Keep: true, Do: p.askGlass},
		{Method: "POST", Path: "/admin/glass/{id}/agree", Need: Operator, Events: "glass.agree", Do: p.agreeGlass},
	}
}

func (p *Pages) admin(a *Ask) error {
	users, err := p.Book.Users(a.Context())
	if err != nil {
		return err
	}
	slices.SortStableFunc(users, func(x, y record.User) int { return -cmp.Compare(len(x.Roles), len(y.Roles)) })
	orgs, err := p.Book.Orgs(a.Context())
	if err != nil {
		return err
	}
	domains, err := p.Book.Domains(a.Context())
	if err != nil {
		return err
	}
	return a.Show("admin", View{"Users": users, "Orgs": orgs, "Domains": domains})
}

// pane is an override as the page shows it.
type pane struct {
	record.Override
	State string // waits, open, used, over
	Mine  bool   // who looks has asked
}

func (p *Pages) glassPage(a *Ask) error {
	list, err := p.Book.Overrides(a.Context())
	if err != nil {
		return err
	}
	panes := make([]pane, len(list))
	for i, o := range list {
		panes[i] = pane{o, paneState(o, p.Now()), o.Operator == a.Session.User}
	}
	return a.Show("admin-glass", View{"Panes": panes, "Account": a.Form("account")})
}

func paneState(o record.Override, now time.Time) string {
	switch {
	case !o.Used.IsZero():
		return "used"
	case !o.Until.After(now):
		return "over"
	case o.Agreed.IsZero():
		return "waits"
	}
	return "open"
}

func (p *Pages) askGlass(a *Ask) error {
	o, err := p.Glass.Ask(a.Context(), a.Session.User, a.Form("account"), a.Form("reason"))
	if err != nil {
		return err
	}
	a.Done("/admin/glass", "Asked. Another administrator has to agree before "+moment(o.Until)+".")
	return nil
}

func (p *Pages) agreeGlass(a *Ask) error {
	o, _, err := p.Glass.Agree(a.Context(), a.Session.User, a.PathValue("id"))
	if err != nil {
		return err
	}
	a.Done("/admin/glass", "Agreed, and written into the public log. Until "+moment(o.Until)+" one token can be made on the host.")
	return nil
}
