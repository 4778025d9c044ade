// Package book prints the guide.
//
//	guide.Book ──page builders──> doc ──┬──> HTML    a site, one file, /guide/
//	                                    ├──> Markdown ──> text for a terminal
//	           ───────────────────────────> JSON    the catalogue as data
//
// A doc is a page before it is printed: a title and parts, which are prose,
// lists, tables and figures. Text inside a part is Markdown, and a link in it
// names its target by kind and id ("control:cooldown"), so that the same doc
// becomes a page with relative links, a section of one long file, or lines of
// eighty columns.
//
// What a page computes stands beside what its author wrote: a threat shows its
// incidents and what stops it, a control who has it and what it unlocks. A
// chapter calls for such things with a paragraph of its own, {{helped 20}}; see
// directive.go for all of them. Figures are drawn here, from the data, and each
// carries its table.
//
// Pages need no script, load nothing from elsewhere and hold no inline style:
// they work under a policy that forbids all three. guide.js adds a search.
package book

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bonded.dev/guide"
)

// Printer prints one book.
type Printer struct {
	*guide.Book
	mark  *marker
	order []address          // every page, in the order of a printed book
	docs  map[string]builder // by path
	told  map[address][]*guide.Chapter
}

// builder makes a doc when it is wanted: a terminal asks for one of hundreds.
type builder func() (*doc, error)

// New makes a printer.
func New(b *guide.Book) *Printer {
	p := &Printer{Book: b, mark: newMarker(), docs: map[string]builder{}}
	for _, place := range guide.Places() {
		p.add(address{"page", place.ID}, p.placeDoc(place.ID))
	}
	for _, c := range b.Chapters {
		p.add(address{"chapter", c.ID}, func() (*doc, error) { return p.chapterDoc(c) })
	}
	for _, t := range b.Threats {
		p.add(address{"threat", t.ID}, func() (*doc, error) { return p.threatDoc(t) })
	}
	for _, c := range b.Controls {
		p.add(address{"control", c.ID}, func() (*doc, error) { return p.controlDoc(c) })
	}
	for _, i := range b.Incidents {
		p.add(address{"incident", i.ID}, func() (*doc, error) { return p.incidentDoc(i) })
	}
	for _, t := range b.Taxonomies {
		p.add(address{"taxonomy", t.ID}, func() (*doc, error) { return p.taxonomyDoc(t) })
	}
	p.sort()
	p.told = told(b.Chapters)
	return p
}

// add takes a page in; a chapter takes the place of a page of the same name.
func (p *Printer) add(a address, make builder) {
	p.order = slices.DeleteFunc(p.order, func(o address) bool { return o.path() == a.path() })
	p.order = append(p.order, a)
	p.docs[a.path()] = make
}

// sort puts the pages in reading order: the front, what tells, what lists.
func (p *Printer) sort() {
	rank := func(a address) int {
		switch {
		case a == address{"page", "index"}:
			return 0
		case a.kind == "chapter":
			return 1
		case a.path() == "threats" || a.kind == "threat":
			return 2
		case a.path() == "controls" || a.kind == "control":
			return 3
		case a.path() == "incidents" || a.kind == "incident":
			return 4
		}
		return 5
	}
	slices.SortStableFunc(p.order, func(x, y address) int { return cmp.Compare(rank(x), rank(y)) })
}

// doc builds the page at a path.
func (p *Printer) doc(path string) (*doc, error) {
	build, ok := p.docs[path]
	if !ok {
		return nil, fmt.Errorf("printing %s: the guide has no such page", path)
	}
	d, err := build()
	if err != nil {
		return nil, fmt.Errorf("printing %s: %w", path, err)
	}
	return d, nil
}

// Check returns what is wrong in the book and what cannot be printed.
func (p *Printer) Check() []error {
	wrong := p.Book.Check()
	for _, a := range p.order {
		if _, err := p.doc(a.path()); err != nil {
			wrong = append(wrong, err)
		}
	}
	return wrong
}

// address names a page.
type address struct{ kind, id string }

func (a address) String() string { return a.kind + ":" + a.id }

// path is where the page stands in a site, without its ending.
func (a address) path() string {
	switch a.kind {
	case "threat":
		return "threats/" + a.id
	case "control":
		return "controls/" + a.id
	case "incident":
		return "incidents/" + a.id
	case "taxonomy":
		return "taxonomies/" + a.id
	}
	return a.id
}

// ours matches the links of guide.Check: kind, id and an anchor.
var ours = regexp.MustCompile(`^(threat|control|incident|chapter|taxonomy|page):([a-z0-9-]+)(#.*)?$`)

// parseAddress reads a link; ok is false when it leads out of the guide.
func parseAddress(link string) (a address, anchor string, ok bool) {
	m := ours.FindStringSubmatch(link)
	if m == nil {
		return address{}, "", false
	}
	return address{m[1], m[2]}, m[3], true
}

// relative is the way from one page to another, both without ending.
func relative(from, to, ending string) string {
	return strings.Repeat("../", strings.Count(from, "/")) + to + ending
}
