// Package guide is the guide as data: the pages of threats, controls and
// incidents with what they say of each other, the chapters, and the taxonomies
// they are mapped to. [Open] reads them, [Book.Check] holds every reference, and
// the room guide/book prints them.
//
// A page is a Markdown file: front matter in YAML, one title, a paragraph that
// says the thing in short, and sections with fixed headings. What one page says
// of another stands in one place: a threat names the controls that stop it, an
// incident the threats it was and the controls that would have helped. Everything
// else is computed from that.
package guide

import (
	"io/fs"
	"slices"
	"time"
)

// Section is a heading and the Markdown below it.
type Section struct{ Heading, Text string }

// Page is what every page has.
type Page struct {
	ID    string
	Title string
	Lead  string // Markdown: the first paragraph or two
	// Sections in the order of the file.
	Sections []Section
}

// Section returns the text below a heading; "" when there is none.
func (p *Page) Section(heading string) string {
	for _, s := range p.Sections {
		if s.Heading == heading {
			return s.Text
		}
	}
	return ""
}

// Ident is the page's id.
func (p *Page) Ident() string { return p.ID }

// Threat is one way in which people are harmed.
type Threat struct {
	Page `yaml:"-"`
	// Stage is where it strikes; see [Stages].
	Stage string `yaml:"stage"`
	// Controls stop it or make it smaller, the most important ones first.
	Controls []string `yaml:"controls"`
	// Maps are ids in other taxonomies, by taxonomy.
	Maps map[string][]string `yaml:"maps"`
	// Open says why no drill plays it yet, or what its drill cannot show: a hole.
	Open string `yaml:"open"`
	// Undrilled says why no program can play it.
	Undrilled string `yaml:"undrilled"`

	// Drilled: there are attacks. Computed, like what follows.
	Drilled   bool        `yaml:"-"`
	Incidents []*Incident `yaml:"-"` // newest first
	Stops     []*Control  `yaml:"-"` // Controls, resolved
}

// Control is one defence.
type Control struct {
	Page `yaml:"-"`
	// Track and Level place it in the maturity model; see [Tracks].
	Track string `yaml:"track"`
	Level int    `yaml:"level"`
	// Principle is its item in the Principles for Package Repository Security
	// v0.1, "Authentication 1"; empty: beyond them.
	Principle string `yaml:"principle"`
	// Applies says to which kinds of repository.
	Applies []string `yaml:"applies"`
	// Requires are controls that it builds on.
	Requires []string `yaml:"requires"`
	// Adoption is how widely public registries have it: several, few, none seen,
	// not public.
	Adoption string `yaml:"adoption"`
	// Registries tell what each one has; values begin with yes, no, partly, n/a
	// or unknown.
	Registries map[string]string `yaml:"registries"`
	Effort     string            `yaml:"effort"`   // hours, days, weeks, months
	Friction   string            `yaml:"friction"` // none, low, some, high
	Privacy    string            `yaml:"privacy"`  // none, low, some, high
	// Here is what bonded has: held, partly, open or beside (not a
	// repository's to hold).
	Here string `yaml:"here"`
	// Where names the room that enforces it, when no judgement does.
	Where string `yaml:"where"`
	// Why says what is missing when Here is not held.
	Why string `yaml:"why"`
	// Unseen says why no probe looks for it.
	Unseen string `yaml:"unseen"`
	// Checked is the day on which what registries have was last looked up,
	// YYYY-MM-DD.
	Checked string `yaml:"checked"`

	Judged    bool        `yaml:"-"` // its folder judges drafts
	Probed    bool        `yaml:"-"` // its folder has a probe
	Builds    []*Control  `yaml:"-"` // Requires, resolved
	Unlocks   []*Control  `yaml:"-"`
	Threats   []*Threat   `yaml:"-"`
	Incidents []*Incident `yaml:"-"` // where it would have helped, newest first
}

// Incident is something that happened.
type Incident struct {
	Page `yaml:"-"`
	// Date is as precise as it is known: 2018, 2018-11, 2018-11-26.
	Date      string   `yaml:"date"`
	Ecosystem Words    `yaml:"ecosystem"`
	Packages  []string `yaml:"packages"`
	Kind      string   `yaml:"kind"` // attack, demonstration, finding, outage, policy
	// Exposure is how long people could come to harm; nil: not known.
	Exposure *Exposure `yaml:"exposure"`
	Threats  []string  `yaml:"threats"`
	Controls []string  `yaml:"controls"` // which would have stopped or shortened it
	// Basis is how far its facts were read in a source: seen, partly, unchecked.
	Basis   string   `yaml:"basis"`
	Sources []string `yaml:"sources"`
	// Checked is the day of the last look into them, YYYY-MM-DD.
	Checked string `yaml:"checked"`

	Was  []*Threat  `yaml:"-"`
	Help []*Control `yaml:"-"`
}

// Exposure is a window in hours.
type Exposure struct {
	Hours     float64 `yaml:"hours"`
	Bound     string  `yaml:"bound"` // upper: it was at most this; lower: at least
	Unchecked bool    `yaml:"unchecked"`
}

// Since is the year from which incidents count as recent: what happened before
// was met by other package managers and other habits.
const Since = "2025"

// Year is the year of the incident; "" when it has no date.
func (i *Incident) Year() string { return i.Date[:min(4, len(i.Date))] }

// Recent counts the incidents from [Since] on.
func Recent(list []*Incident) (n int) {
	for _, i := range list {
		if i.Year() >= Since {
			n++
		}
	}
	return n
}

// Cover says how far public registries cover a threat today, by the adoption of
// the controls against it.
func (t *Threat) Cover() string {
	few := 0
	for _, c := range t.Stops {
		switch c.Adoption {
		case "several":
			return Covered
		case "few":
			few++
		}
	}
	if few >= 2 {
		return Thin
	}
	return Bare
}

// What [Threat.Cover] says.
const (
	Covered = "covered" // several registries or clients have a control against it
	Thin    = "thin"    // only a few do
	Bare    = "bare"    // none, or one control that few have
)

// Present reports whether bonded has a control, wholly or in part.
func (c *Control) Present() bool { return c.Here == "held" || c.Here == "partly" }

// Words is a string or a list of strings.
type Words []string

// Chapter is a page that tells rather than lists.
type Chapter struct {
	Page `yaml:"-"`
	// Part groups chapters on the front page; see [Parts].
	Part  string `yaml:"part"`
	Order int    `yaml:"order"`
	// For names the reader of a start page.
	For string `yaml:"for"`
	// Checked is the day on which its facts were last held against their
	// sources, YYYY-MM-DD.
	Checked string   `yaml:"checked"`
	Sources []string `yaml:"sources"`
}

// Stages are where a threat strikes, in the order of a package's way.
func Stages() []Term {
	return []Term{
		{"publisher", "Publisher", "strikes the people and machines that make releases"},
		{"account", "Account", "strikes the accounts and credentials at the repository"},
		{"repository", "Repository", "strikes the repository itself: its servers, its people, its rules"},
		{"client", "Client", "strikes the package manager between repository and disk"},
		{"consumer", "Consumer", "strikes the people who pick and install"},
		{"governance", "Governance", "strikes through money, law, time and power"},
	}
}

// Tracks are the columns of the maturity model.
func Tracks() []Term {
	return []Term{
		{"Authentication", "Authentication", "who is this, and is it still them"},
		{"Publishing", "Publishing", "what may be published, by whom, how"},
		{"Namespace", "Namespace", "what a name means, today and in ten years"},
		{"Distribution", "Distribution", "that the bytes are the bytes"},
		{"Response", "Response", "when something bad got through"},
		{"Operations", "Operations", "running the repository itself"},
		{"Client", "Client", "what the installing side can refuse"},
		{"Information", "Information", "what people can see before they choose"},
	}
}

// Levels are the rows of the maturity model, each with what it means.
func Levels() []Term {
	return []Term{
		{"0", "Nothing yet", "Nobody can tell what was published by whom."},
		{"1", "Basic", "Careless attackers fail, and mistakes can be undone."},
		{"2", "Moderate", "A stolen password or a lapsed domain is not enough, and a bad package is stopped on the day it is found."},
		{"3", "Advanced", "A stolen token or laptop is not enough, and history is public."},
		{"4", "Survives its own takeover", "A stolen pipeline, maintainer or the whole repository for a day harms nobody who installs with default settings, is noticed by outsiders, and can be undone exactly."},
	}
}

// Parts group the chapters.
func Parts() []Term {
	return []Term{
		{"start", "Start here", "two pages for each reader"},
		{"understand", "Understand", "how it goes wrong, and what follows"},
		{"do", "Do", "one subject at a time"},
		{"evidence", "Evidence", "case studies, figures, and what does not work"},
		{"reference", "Reference", "models and mappings"},
	}
}

// Places are the pages that list others; a link to one is written page:ID.
func Places() []Term {
	return []Term{
		{"index", "Start", "who you are, and where to begin"},
		{"threats", "Threats", "every attack, by where it strikes"},
		{"controls", "Controls", "every defence, by track and level"},
		{"incidents", "Incidents", "what really happened, newest first"},
		{"matrix", "Coverage", "which controls stop which threat, and who has them"},
		{"maturity", "Maturity model", "levels and tracks, with what each level buys"},
		{"timeline", "Time line", "the incidents, year by year"},
	}
}

// Term is an id with its name and what it means.
type Term struct{ ID, Name, Means string }

// Code says for which pages there is code, by id.
type Code struct {
	Checks []string // controls that judge
	Probes []string // controls with a probe
	Drills []string // threats with attacks
}

// Pages are the files of a book.
type Pages struct {
	Threats    fs.FS // <id>/threat.md
	Controls   fs.FS // <id>/control.md
	Incidents  fs.FS // <id>.md
	Chapters   fs.FS // <id>.md
	Taxonomies fs.FS // <id>.yaml
	Peers      fs.FS // <id>.json
}

// Book is the whole guide.
type Book struct {
	Threats    []*Threat   // by stage, then id
	Controls   []*Control  // by track, level, id
	Incidents  []*Incident // newest first
	Chapters   []*Chapter  // by part, order
	Taxonomies []*Taxonomy
	Peers      []*Peer // by id

	threats   map[string]*Threat
	controls  map[string]*Control
	incidents map[string]*Incident
	chapters  map[string]*Chapter
}

// Threat finds a threat; nil when there is none. So do the others.
func (b *Book) Threat(id string) *Threat     { return b.threats[id] }
func (b *Book) Control(id string) *Control   { return b.controls[id] }
func (b *Book) Incident(id string) *Incident { return b.incidents[id] }
func (b *Book) Chapter(id string) *Chapter   { return b.chapters[id] }

// Taxonomy finds a taxonomy; nil when there is none.
func (b *Book) Taxonomy(id string) *Taxonomy {
	for _, t := range b.Taxonomies {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// Item finds an entry of a taxonomy; nil when there is none.
func (t *Taxonomy) Item(id string) *Item {
	for i := range t.Items {
		if t.Items[i].ID == id {
			return &t.Items[i]
		}
	}
	return nil
}

// Holes are the threats that nothing plays because nothing stops them yet.
func (b *Book) Holes() []*Threat {
	return slices.DeleteFunc(slices.Clone(b.Threats), func(t *Threat) bool { return t.Open == "" })
}

// Dated is a page and the day on which its facts were last checked.
type Dated struct{ Kind, ID, Checked string }

// Dated lists what ages: chapters, what registries have of each control, and
// incidents.
func (b *Book) Dated() (list []Dated) {
	for _, c := range b.Chapters {
		list = append(list, Dated{"chapter", c.ID, c.Checked})
	}
	for _, c := range b.Controls {
		list = append(list, Dated{"control", c.ID, c.Checked})
	}
	for _, i := range b.Incidents {
		list = append(list, Dated{"incident", i.ID, i.Checked})
	}
	return list
}

// Stale is what was last checked more than half a year before now, or never.
func (b *Book) Stale(now time.Time) []Dated {
	const fresh = 180 * 24 * time.Hour
	return slices.DeleteFunc(b.Dated(), func(d Dated) bool {
		at, err := time.Parse(time.DateOnly, d.Checked)
		return err == nil && now.Sub(at) <= fresh
	})
}

// Taxonomy is a list of ids that others made and the pages are mapped to.
type Taxonomy struct {
	ID      string `yaml:"id"`
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	// Checked says whether the ids were held against a copy of the source, and when.
	Checked string `yaml:"checked"`
	Note    string `yaml:"note"`
	Items   []Item `yaml:"items"`
}

// Item is one entry of a taxonomy.
type Item struct {
	ID    string `yaml:"id"`
	Name  string `yaml:"name"`
	Group string `yaml:"group"`
	// Controls that satisfy it, where the item is a requirement.
	Controls []string `yaml:"controls"`
	// Why says why nothing maps to it.
	Why string `yaml:"why"`
}
