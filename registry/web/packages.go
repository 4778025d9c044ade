package web

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/people"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// packageRoutes are packages as everybody sees them. A name may hold a slash:
// in an address it is one segment, with the slash as %2F, so that what follows
// is always a page of the package and never a part of its name. An address that
// somebody typed with a plain slash leads to the right one.
func (p *Pages) packageRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/packages", Need: Anyone, Do: p.packages},
		{Method: "GET", Path: "/packages/{eco}/{name}", Need: Anyone, Do: p.packagePage},
		{Method: "GET", Path: "/packages/{eco}/{scope}/{name}", Need: Anyone, Do: p.packageTyped},
		{Method: "GET", Path: "/packages/{eco}/{name}/releases/{version}", Need: Anyone, Do: p.releasePage},
		{Method: "POST", Path: "/packages/{eco}/{name}/releases/{version}/change", Need: Full, Events: "yank", Do: p.changeRelease},
		{Method: "POST", Path: "/packages/{eco}/{name}/releases/{version}/delete", Need: Fresh, Events: "delete", Do: p.deleteRelease},
	}
}

// pathOf is where a package's page is.
func pathOf(name bonded.Name) string {
	return "/packages/" + url.PathEscape(name.Ecosystem) + "/" + url.PathEscape(name.Key)
}

// placeOf is the page of whatever an invitation or a change names: npm/left-pad,
// @acme, @acme/release.
func placeOf(target string) string {
	if org, ok := strings.CutPrefix(target, "@"); ok {
		org, _, _ = strings.Cut(org, "/")
		return "/orgs/" + url.PathEscape(org)
	}
	eco, key, _ := strings.Cut(target, "/")
	return pathOf(bonded.Name{Ecosystem: eco, Key: key})
}

// person is who is signed in, as the desk knows people: what they may do is
// asked there too.
func (a *Ask) person() *identity.Person {
	return a.pages.Keeper.Person(a.Session.User, a.Session.Fresh(a.pages.Now()))
}

// reader is whose page it is: somebody signed in who may do more than enrol.
func (a *Ask) reader() string {
	if a.Session == nil || a.Session.Enrolling {
		return ""
	}
	return a.Session.User
}

// mine is one package in somebody's list.
type mine struct {
	Name   bonded.Name
	Rights []string
	Via    []string // principals other than the user
}

const hitsOnPage = 50

func (p *Pages) packages(a *Ask) error {
	v := View{"Text": a.Form("q"), "User": a.reader()}
	if a.reader() != "" {
		grants, err := p.People.Packages(a.Context(), a.reader())
		if err != nil {
			return err
		}
		v["Mine"] = mineOf(grants, a.reader())
	}
	if _, asked := a.r.Form["q"]; asked || a.reader() == "" {
		hits, more, err := p.found(a)
		if err != nil {
			return err
		}
		v["Hits"], v["More"], v["Asked"] = hits, more, true
	}
	return a.Show("packages", v)
}

// found searches every dialect.
func (p *Pages) found(a *Ask) (hits []record.Hit, more int, err error) {
	for _, e := range p.Ecosystems {
		some, total, err := p.Book.Search(a.Context(), e.Info().ID, a.Form("q"), 0, hitsOnPage)
		if err != nil {
			return nil, 0, err
		}
		hits, more = append(hits, some...), more+total-len(some)
	}
	return hits, more, nil
}

func mineOf(grants []people.Grant, user string) (list []mine) {
	for _, g := range grants {
		i := slices.IndexFunc(list, func(m mine) bool { return m.Name.Same(g.Package) })
		if i < 0 {
			list, i = append(list, mine{Name: g.Package}), len(list)
		}
		for _, r := range g.Rights {
			if !slices.Contains(list[i].Rights, string(r)) {
				list[i].Rights = append(list[i].Rights, string(r))
			}
		}
		if g.Principal != user {
			list[i].Via = append(list[i].Via, g.Principal)
		}
	}
	return list
}

// packageTyped leads to a package whose name was written with its slash.
func (p *Pages) packageTyped(a *Ask) error {
	name := bonded.Name{Ecosystem: a.PathValue("eco"), Key: a.PathValue("scope") + "/" + a.PathValue("name")}
	a.Redirect(pathOf(name))
	return nil
}

// subject is a package of an address, as whoever looks sees it.
type subject struct {
	*bonded.Package
	Path   string
	Rights []string
	Policy record.Policy
	eco    ecosystem.Ecosystem
}

// Has says if whoever looks has a right: publish, people, settings.
func (s *subject) Has(right string) bool { return slices.Contains(s.Rights, right) }

// All says if whoever looks has every right.
func (s *subject) All() bool { return len(s.Rights) == len(people.Rights()) }

// subject reads the package of the address. A name that nobody has is an error
// of kind NotFound.
func (p *Pages) subject(a *Ask) (*subject, error) {
	name, err := p.packageNamed(a)
	if err != nil {
		return nil, err
	}
	past, err := p.Desk.Past(a.Context(), name)
	if err != nil {
		return nil, err
	}
	if past.Claimed.IsZero() {
		return nil, bonded.Errorf(bonded.NotFound, "there is no package %s here", name)
	}
	s := &subject{Package: past, Path: pathOf(past.Name)}
	for _, e := range p.Ecosystems {
		if e.Info().ID == name.Ecosystem {
			s.eco = e
		}
	}
	reach, err := p.Book.Reach(a.Context(), name, a.reader(), "")
	if err != nil {
		return nil, err
	}
	s.Policy = reach.Policy
	if reach.Known && reach.Disabled.IsZero() {
		s.Rights = reach.Rights
	}
	return s, nil
}

// ours is subject for those who have a right on the package.
func (p *Pages) ours(a *Ask) (*subject, error) {
	s, err := p.subject(a)
	if err == nil && len(s.Rights) == 0 {
		err = bonded.Refusal(bonded.Forbidden, "roles", "you have no right on %s; its owners can invite you", s.Name)
	}
	return s, err
}

// version is a release as a page shows it.
type version struct {
	*bonded.Release
	Path string
	Tags []string
	Live bool
	// Yanked and deprecated with these words; Mark says that it came from other
	// owners than those before it.
	YankText, Deprecation, Mark string
}

const versionsOnPage = 30

func (p *Pages) packagePage(a *Ask) error {
	s, err := p.subject(a)
	if err != nil {
		return err
	}
	owners, publishers, err := p.owners(a, s.Name)
	if err != nil {
		return err
	}
	v := View{"Package": s, "Owners": owners, "Publishers": publishers, "House": p.Desk.TwoPerson, "Setup": p.setup(s.Name), "User": a.reader()}
	list, older, err := p.versions(a, s)
	if err != nil {
		return err
	}
	v["Versions"], v["Older"] = list, older
	if v["StatusText"], err = p.text(a, s.StatusDoc); err != nil {
		return err
	}
	if len(s.Rights) > 0 {
		if v["Staged"], err = p.Desk.Waiting(a.Context(), s.Name); err != nil {
			return err
		}
		if v["Waiting"], err = p.waits(a, s.Name); err != nil {
			return err
		}
	}
	return a.Show("package", v)
}

// owners are the principals of a package, and how many build jobs may publish it.
func (p *Pages) owners(a *Ask, name bonded.Name) (owners []string, publishers int, err error) {
	err = p.Book.View(a.Context(), func(tx *record.Tx) error {
		if owners, err = tx.Owners(name); err != nil {
			return err
		}
		list, err := tx.PublishersOf(name)
		publishers = 0
		for _, one := range list {
			if !one.Pending() {
				publishers++
			}
		}
		return err
	})
	return owners, publishers, err
}

// setup are the commands that install a package.
func (p *Pages) setup(name bonded.Name) (s Setup) {
	for _, one := range p.Setups {
		if one.ID == name.Ecosystem {
			s = one
		}
	}
	s.Install = strings.ReplaceAll(s.Install, "{name}", name.Display)
	return s
}

// versions are the newest releases, or those before one; older is where the next
// ones are.
func (p *Pages) versions(a *Ask, s *subject) (list []version, older string, err error) {
	var all []*bonded.Release
	for r := range s.Releases() {
		all = append(all, r)
	}
	slices.Reverse(all)
	if before := a.Form("before"); before != "" {
		if i := slices.IndexFunc(all, func(r *bonded.Release) bool { return r.Version == before }); i >= 0 {
			all = all[i+1:]
		}
	}
	if len(all) > versionsOnPage {
		all = all[:versionsOnPage]
		older = s.Path + "?before=" + url.QueryEscape(all[versionsOnPage-1].Version)
	}
	for _, r := range all {
		one, err := p.version(a, s, r)
		if err != nil {
			return nil, "", err
		}
		list = append(list, one)
	}
	return list, older, nil
}

func (p *Pages) version(a *Ask, s *subject, r *bonded.Release) (v version, err error) {
	v = version{Release: r, Path: s.Path + "/releases/" + url.PathEscape(r.Version), Live: r.Live(), Mark: people.Mark(s.Package, r)}
	for _, t := range s.Tags {
		if t.Version == r.Version {
			v.Tags = append(v.Tags, t.Name)
		}
	}
	if r.Yanked {
		if v.YankText, err = p.text(a, r.YankDoc); err != nil {
			return v, err
		}
	}
	v.Deprecation, err = p.text(a, r.Deprecated)
	return v, err
}

// text is a document that holds somebody's words; empty where there is none.
func (p *Pages) text(a *Ask, digest bonded.Digest) (string, error) {
	if digest == (bonded.Digest{}) {
		return "", nil
	}
	b, err := p.Book.Doc(a.Context(), digest)
	return string(b), err
}

func (p *Pages) releasePage(a *Ask) error {
	s, r, err := p.release(a)
	if err != nil {
		return err
	}
	v, err := p.version(a, s, r)
	if err != nil {
		return err
	}
	paths := map[string]string{}
	for _, f := range r.Files {
		paths[f.Name] = "/" + s.eco.ArtifactPath(s.Name, r.Version, f.Name)
	}
	return a.Show("release", View{"Package": s, "Version": v, "Setup": p.setup(s.Name), "Paths": paths})
}

// release finds the release of the address.
func (p *Pages) release(a *Ask) (*subject, *bonded.Release, error) {
	s, err := p.subject(a)
	if err != nil {
		return nil, nil, err
	}
	r := s.Release(a.PathValue("version"))
	if r == nil {
		return nil, nil, bonded.Errorf(bonded.NotFound, "%s has no version %.80q", s.Name, a.PathValue("version"))
	}
	return s, r, nil
}

// changeRelease yanks or deprecates a release, or takes that back.
func (p *Pages) changeRelease(a *Ask) error {
	said := map[string]string{
		"yank": "was yanked: installers do not choose it any more, and whoever asked for exactly it still gets it", "unyank": "is not yanked any more",
		"deprecate": "is deprecated: installers print your message", "undeprecate": "is not deprecated any more",
	}
	kind := a.Form("change")
	if said[kind] == "" {
		return bonded.Errorf(bonded.Invalid, "%.40q is no change of a release", kind)
	}
	return p.changed(a, publish.Change{Kind: kind, Reason: a.Form("reason")}, said[kind])
}

func (p *Pages) deleteRelease(a *Ask) error {
	if a.Form("version") != a.PathValue("version") {
		return bonded.Errorf(bonded.Invalid, "nothing was deleted: write the version, %s, into the field to say that you mean it", a.PathValue("version"))
	}
	return p.changed(a, publish.Change{Kind: "delete"}, "was deleted. The version stays used for ever")
}

func (p *Pages) changed(a *Ask, c publish.Change, says string) error {
	s, r, err := p.release(a)
	if err != nil {
		return err
	}
	c.Package, c.Version = s.Name.String(), r.Version
	if _, err := p.Desk.Change(a.Context(), c, a.person()); err != nil {
		return err
	}
	a.Done(s.Path+"/releases/"+url.PathEscape(r.Version), r.Version+" "+says+".")
	return nil
}

// wait is a change that waits, in words.
type wait struct {
	ID, Says, Actor string
	Created, Due    time.Time
}

// waits are the changes that wait for a package.
func (p *Pages) waits(a *Ask, name bonded.Name) (list []wait, err error) {
	rows, err := p.Book.WaitingOfPackage(a.Context(), name)
	for _, w := range rows {
		list = append(list, wait{ID: w.ID, Says: people.Describe(w) + ".", Actor: w.Actor, Created: w.Created, Due: w.Due})
	}
	return list, err
}
