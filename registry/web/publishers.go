package web

import (
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/people"
	"bonded.dev/registry/record"
	"bonded.dev/registry/trusted"
)

// publisherRoutes are which build jobs may publish: those of a package, which
// its settings say, and those that wait for a name that nobody has yet, which
// are their maker's own.
func (p *Pages) publisherRoutes() []Route {
	const base = "/packages/{eco}/{name}/publishers"
	return []Route{
		{Method: "GET", Path: base, Need: Full, Do: p.publishers},
		{Method: "POST", Path: base, Need: Fresh, Events: "publisher.add", Keep: true, Do: p.addPublisher},
		{Method: "POST", Path: base + "/{id}/remove", Need: Fresh, Events: "publisher.remove", Do: p.removePublisher},
		{Method: "GET", Path: "/account/publishers", Need: Full, Do: p.pending},
		{Method: "POST", Path: "/account/publishers", Need: Fresh, Events: "publisher.add", Keep: true, Do: p.addPending},
		{Method: "POST", Path: "/account/publishers/{id}/remove", Need: Full, Events: "publisher.remove", Do: p.removePending},
	}
}

// job is a trusted publisher as a page shows it.
type job struct {
	ID, Package, Says, Creator string
	Created, Used, Expires     time.Time
}

func (p *Pages) jobs(list []record.Publisher) (out []job) {
	for _, one := range list {
		out = append(out, job{one.ID, one.Package.String(), p.Trusted.Describe(one), one.Creator, one.Created, one.Used, one.Expires})
	}
	return out
}

// entry is a field of the form for a trusted publisher, with what was typed.
type entry struct {
	trusted.Field
	Value string
	Long  bool // several lines
}

// publisherForm is the form for one CI system, or the choice of one.
func (p *Pages) publisherForm(a *Ask, base string) View {
	v := View{"Base": base, "Chosen": ""}
	var choices []option
	for _, one := range p.Trusted.Profiles() {
		chosen := one.ID == a.Form("profile")
		choices = append(choices, option{Value: one.ID, Text: one.Title, Chosen: chosen})
		if !chosen {
			continue
		}
		var fields []entry
		for _, f := range one.Fields {
			fields = append(fields, entry{f, a.Form(f.Name), f.Claim == trusted.FurtherClaims})
		}
		v["Chosen"], v["Title"], v["Issuer"], v["Fields"] = one.ID, one.Title, one.Issuer, fields
	}
	v["Profiles"] = choices
	return v
}

// typed are the fields of the form, by name.
func (p *Pages) typed(a *Ask) (profile string, fields map[string]string) {
	profile, fields = a.Form("profile"), map[string]string{}
	i := slices.IndexFunc(p.Trusted.Profiles(), func(one trusted.Profile) bool { return one.ID == profile })
	if i < 0 {
		return profile, fields
	}
	for _, f := range p.Trusted.Profiles()[i].Fields {
		fields[f.Name] = a.Form(f.Name)
	}
	return profile, fields
}

func (p *Pages) publishers(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	v := p.publisherForm(a, s.Path+"/publishers")
	v["Package"] = s
	return a.Show("package-publisher", v)
}

// addPublisher lets a build job publish. The right is asked for once more in the
// transaction that adds it.
func (p *Pages) addPublisher(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	profile, fields := p.typed(a)
	_, err = p.Desk.Policy(a.Context(), s.Name, a.person(), func(tx *record.Tx) error {
		if err := p.People.MayIn(tx, a.Session.User, people.Settings, s.Name); err != nil {
			return err
		}
		_, err := p.Trusted.AddTx(tx, a.Session.User, s.Name, profile, fields)
		return err
	})
	if err != nil {
		v := p.publisherForm(a, s.Path+"/publishers")
		v["Package"] = s
		return a.Again(err, "package-publisher", v)
	}
	return a.settled(s, time.Time{}, "The trusted publisher was added. Its next job needs no token.", "")
}

func (p *Pages) removePublisher(a *Ask) error {
	s, err := p.ours(a)
	if err != nil {
		return err
	}
	_, err = p.Desk.Policy(a.Context(), s.Name, a.person(), func(tx *record.Tx) error {
		if err := p.People.MayIn(tx, a.Session.User, people.Settings, s.Name); err != nil {
			return err
		}
		return p.Trusted.RemoveTx(tx, a.Session.User, s.Name, a.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return a.settled(s, time.Time{}, "The trusted publisher was removed, and its upload tokens ended.", "")
}

// pending shows the publishers of names that nobody has yet.
func (p *Pages) pending(a *Ask) error {
	v, err := p.pendingView(a)
	if err != nil {
		return err
	}
	return a.Show("publishers-pending", v)
}

func (p *Pages) pendingView(a *Ask) (View, error) {
	list, err := p.Trusted.Pending(a.Context(), a.Session.User)
	if err != nil {
		return nil, err
	}
	v := p.publisherForm(a, "/account/publishers")
	v["Jobs"], v["Name"] = p.jobs(list), a.Form("package")
	var ecos []option
	for i, s := range p.Setups {
		ecos = append(ecos, option{s.ID, s.Clients, "", s.ID == a.Form("ecosystem") || a.Form("ecosystem") == "" && i == 0})
	}
	v["Ecosystems"] = ecos
	return v, nil
}

func (p *Pages) addPending(a *Ask) error {
	name, err := p.nameOf(a.Form("ecosystem"), a.Form("package"))
	if err == nil {
		profile, fields := p.typed(a)
		_, err = p.Trusted.Add(a.Context(), a.Session.User, name, profile, fields)
	}
	if err != nil {
		v, wrong := p.pendingView(a)
		if wrong != nil {
			return wrong
		}
		return a.Again(err, "publishers-pending", v)
	}
	a.Done("/account/publishers", "The trusted publisher was added. It reserves nothing: its first release takes the name, if nobody else has by then.")
	return nil
}

// nameOf reads a package that somebody named in a form.
func (p *Pages) nameOf(eco, text string) (bonded.Name, error) {
	for _, e := range p.Ecosystems {
		if e.Info().ID == eco {
			return e.Name(strings.TrimSpace(text))
		}
	}
	return bonded.Name{}, bonded.Errorf(bonded.Invalid, "choose what kind of package it is")
}

func (p *Pages) removePending(a *Ask) error {
	if err := p.Trusted.Remove(a.Context(), a.Session.User, a.PathValue("id")); err != nil {
		return err
	}
	a.Done("/account/publishers", "The trusted publisher was removed.")
	return nil
}
