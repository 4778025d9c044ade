package web

import "bonded.dev/registry/people"

// adoptionRoutes are packages that somebody wants to look after because nobody
// does: administrators agree, or leave it.
func (p *Pages) adoptionRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/admin/adoptions", Need: Operator, Do: p.adoptions},
		{Method: "POST", Path: "/admin/adoptions/{id}/agree", Need: Operator, Events: "adopt.agree", Do: p.agreeAdoption},
	}
}

// adoption is one as a page shows it.
type adoption struct {
	people.Adoption
	Mine bool // who looks asked for it
}

func (p *Pages) adoptions(a *Ask) error {
	list, err := p.People.Adoptions(a.Context())
	if err != nil {
		return err
	}
	var open []adoption
	for _, one := range list {
		open = append(open, adoption{one, one.To == a.Session.User})
	}
	return a.Show("admin-adoptions", View{"Open": open})
}

func (p *Pages) agreeAdoption(a *Ask) error {
	if err := p.People.Agree(a.Context(), a.Session.User, a.PathValue("id")); err != nil {
		return err
	}
	a.Done("/admin/adoptions", "Agreed. Its owners are told once more, and can cancel it until its time comes.")
	return nil
}
