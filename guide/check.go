package guide

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Headings are the sections of each kind of page, in order.
var (
	threatHeadings   = []string{"What the attacker wants", "How it goes", "What stops it", "What does not stop it", "The drill"}
	controlHeadings  = []string{"What it does", "What it does not do", "On the bad day", "What it costs", "How to build it elsewhere", "How to tell"}
	incidentHeadings = []string{"What happened", "What it cost", "What would have helped"}
)

// checker collects what is wrong.
type checker struct {
	*Book
	wrong []error
}

// Check returns everything that is wrong in the book: a threat that nothing
// stops, a reference to a page that is not there, a control that is neither
// enforced nor said to be missing, an incident that teaches nothing.
func (b *Book) Check() []error {
	c := &checker{Book: b}
	for _, t := range b.Threats {
		c.threat(t)
	}
	for _, t := range b.Controls {
		c.control(t)
	}
	for _, i := range b.Incidents {
		c.incident(i)
	}
	for _, p := range b.Chapters {
		c.chapter(p)
	}
	for _, t := range b.Taxonomies {
		c.taxonomy(t)
	}
	for _, d := range b.Dated() {
		if _, err := time.Parse(time.DateOnly, d.Checked); err != nil {
			c.say(d.Kind, d.ID, "does not say when its facts were checked: %q", d.Checked)
		}
	}
	return c.wrong
}

func (c *checker) say(kind, id, format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Errorf("%s %s: "+format, append([]any{kind, id}, args...)...))
}

func (c *checker) threat(t *Threat) {
	say := func(format string, args ...any) { c.say("threat", t.ID, format, args...) }
	c.page("threat", &t.Page, threatHeadings)
	if place(Stages(), t.Stage) < 0 {
		say("unknown stage %q", t.Stage)
	}
	if len(t.Controls) == 0 {
		say("is stopped by nothing")
	}
	known(t.Controls, c.controls, func(id string) { say("names the unknown control %s", id) })
	for taxonomy, ids := range t.Maps {
		for _, id := range ids {
			if !c.maps(taxonomy, id) {
				say("is mapped to %s %s, which is not in that taxonomy", taxonomy, id)
			}
		}
	}
	switch {
	case t.Undrilled != "" && (t.Drilled || t.Open != ""):
		say("has a reason why no program can play it, and is played or waits to be")
	case t.Undrilled == "" && !t.Drilled && t.Open == "":
		say("needs attacks, or a reason why it is open, or why no program can play it")
	}
}

// maps reports whether a taxonomy has an id; one that is not in the book is
// taken on trust.
func (c *checker) maps(taxonomy, id string) bool {
	for _, t := range c.Taxonomies {
		if t.ID == taxonomy {
			return slices.ContainsFunc(t.Items, func(i Item) bool { return i.ID == id })
		}
	}
	return len(c.Taxonomies) == 0
}

func (c *checker) control(t *Control) {
	say := func(format string, args ...any) { c.say("control", t.ID, format, args...) }
	c.page("control", &t.Page, controlHeadings)
	if place(Tracks(), t.Track) < 0 || t.Level < 1 || t.Level > 4 {
		say("has no place in the maturity model: track %q, level %d", t.Track, t.Level)
	}
	known(t.Requires, c.controls, func(id string) { say("requires the unknown control %s", id) })
	if c.circular(t, t, nil) {
		say("requires itself")
	}
	oneOf := func(field, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			say("%s is %q, not one of %s", field, value, strings.Join(allowed, ", "))
		}
	}
	oneOf("here", t.Here, "held", "partly", "open", "beside")
	oneOf("effort", t.Effort, "hours", "days", "weeks", "months")
	oneOf("friction", t.Friction, "none", "low", "some", "high")
	oneOf("privacy", t.Privacy, "none", "low", "some", "high")
	oneOf("adoption", t.Adoption, "several", "few", "none seen", "not public")
	for name, state := range t.Registries {
		word, _, _ := strings.Cut(strings.NewReplacer(",", " ", ":", " ", ";", " ").Replace(state), " ")
		if !slices.Contains([]string{"yes", "no", "partly", "n/a", "unknown"}, word) {
			say("%s: %q does not begin with yes, no, partly, n/a or unknown", name, state)
		}
	}
	switch enforced := t.Judged || t.Where != ""; {
	case (t.Here == "held" || t.Here == "partly") && !enforced:
		say("is said to stand here, but nothing judges and no room is named")
	case t.Here != "held" && t.Why == "":
		say("does not say what is missing here")
	case t.Here == "open" && t.Judged:
		say("judges drafts and is said to be open")
	}
	if t.Probed == (t.Unseen != "") {
		say("needs either a probe or a reason why none looks for it")
	}
	if len(t.Threats) == 0 {
		say("no threat names it")
	}
}

func (c *checker) circular(start, at *Control, seen []string) bool {
	for _, r := range at.Builds {
		if r == start {
			return true
		}
		if !slices.Contains(seen, r.ID) && c.circular(start, r, append(seen, r.ID)) {
			return true
		}
	}
	return false
}

func (c *checker) incident(i *Incident) {
	say := func(format string, args ...any) { c.say("incident", i.ID, format, args...) }
	c.page("incident", &i.Page, incidentHeadings)
	if len(i.Threats) == 0 || len(i.Controls) == 0 {
		say("maps to no threat or no control")
	}
	known(i.Threats, c.threats, func(id string) { say("names the unknown threat %s", id) })
	known(i.Controls, c.controls, func(id string) { say("names the unknown control %s", id) })
	if !date.MatchString(i.Date) {
		say("date %q", i.Date)
	}
	if !slices.Contains([]string{"attack", "demonstration", "finding", "outage", "policy"}, i.Kind) {
		say("kind %q", i.Kind)
	}
	if !slices.Contains([]string{"seen", "partly", "unchecked"}, i.Basis) {
		say("basis %q", i.Basis)
	}
	if len(i.Sources) == 0 || len(i.Ecosystem) == 0 {
		say("has no source or no ecosystem")
	}
	if i.Exposure != nil && i.Exposure.Hours <= 0 {
		say("exposure of %v hours", i.Exposure.Hours)
	}
}

func (c *checker) chapter(p *Chapter) {
	c.links("chapter", &p.Page)
	if p.Title == "" || p.Lead == "" {
		c.say("chapter", p.ID, "has no title or does not say the thing in short")
	}
	// The catalogues are made from the pages; the models may be told by a chapter.
	if slices.Contains([]string{"index", "threats", "controls", "incidents", "taxonomies"}, p.ID) {
		c.say("chapter", p.ID, "has the name of a page that lists others")
	}
	if place(Parts(), p.Part) < 0 {
		c.say("chapter", p.ID, "unknown part %q", p.Part)
	}
}

func (c *checker) taxonomy(t *Taxonomy) {
	for _, i := range t.Items {
		known(i.Controls, c.controls, func(id string) { c.say("taxonomy", t.ID, "%s names the unknown control %s", i.ID, id) })
		mapped := len(i.Controls) > 0 || slices.ContainsFunc(c.Threats, func(x *Threat) bool { return slices.Contains(x.Maps[t.ID], i.ID) })
		if !mapped && i.Why == "" {
			c.say("taxonomy", t.ID, "nothing is mapped to %s and no reason is given", i.ID)
		}
	}
}

var (
	date = regexp.MustCompile(`^\d{4}(-\d\d(-\d\d)?)?$`)
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

func (c *checker) page(kind string, p *Page, headings []string) {
	if p.Title == "" || p.Lead == "" {
		c.say(kind, p.ID, "has no title or does not say the thing in short")
	}
	var have []string
	for _, s := range p.Sections {
		have = append(have, s.Heading)
		if s.Text == "" {
			c.say(kind, p.ID, "nothing stands below %q", s.Heading)
		}
	}
	if !slices.Equal(have, headings) {
		c.say(kind, p.ID, "sections are %q, not %q", have, headings)
	}
	c.links(kind, p)
}

// links holds every link against what is there. A link to a page is written
// control:ID, threat:ID, incident:ID, chapter:ID, taxonomy:ID, or page:ID for
// one of [Places].
func (c *checker) links(kind string, p *Page) {
	text := p.Lead
	for _, s := range p.Sections {
		text += "\n" + s.Text
	}
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		if !c.there(m[1]) {
			c.say(kind, p.ID, "links to %s, which is not there", m[1])
		}
	}
}

func (c *checker) there(target string) bool {
	family, id, _ := strings.Cut(target, ":")
	id, _, _ = strings.Cut(id, "#")
	switch family {
	case "threat":
		return c.threats[id] != nil
	case "control":
		return c.controls[id] != nil
	case "incident":
		return c.incidents[id] != nil
	case "chapter":
		return c.chapters[id] != nil
	case "taxonomy":
		return c.Taxonomy(id) != nil
	case "page":
		return place(Places(), id) >= 0
	}
	return family == "https" || strings.HasPrefix(target, "#")
}

func known[T any](ids []string, in map[string]*T, unknown func(string)) {
	for _, id := range ids {
		if in[id] == nil {
			unknown(id)
		}
	}
}
