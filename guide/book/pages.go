package book

import (
	"fmt"
	"slices"
	"strings"

	"bonded.dev/guide"
)

// threatDoc is the page of a threat.
func (p *Printer) threatDoc(t *guide.Threat) (*doc, error) {
	stage := term(guide.Stages(), t.Stage)
	d := p.blank(address{"threat", t.ID}, t.Title, t.Lead)
	d.kicker = "Threat"
	d.crumbs = []crumb{{address{"page", "threats"}, "Threats"}}
	d.marks = []mark{{"stage", stage.Name}, playable(t)}
	d.glance = []fact{
		{"Where", stage.Name + ": " + stage.Means},
		{"Seen", seen(t.Incidents)},
		{"Coverage", coverage(t)},
		{"Drill", played(t)},
	}
	if len(t.Stops) > 0 {
		d.glance = append(d.glance, fact{"Build first", ref(address{"control", t.Stops[0].ID}, t.Stops[0].Title)})
	}
	for _, s := range t.Sections {
		if err := p.section(d, s); err != nil {
			return nil, err
		}
		switch s.Heading {
		case "How it goes":
			if len(t.Incidents) > 0 {
				d.parts = append(d.parts, heading{2, "It has happened"}, p.incidentEntries(t.Incidents))
			}
		case "What stops it":
			d.parts = append(d.parts, p.controlEntries(t.Stops))
		case "The drill":
			if t.Drilled {
				d.parts = append(d.parts, command("bonded drill "+t.ID))
			}
			switch {
			case t.Open != "":
				d.parts = append(d.parts, prose(missing(t)+"."))
			case !t.Drilled:
				d.parts = append(d.parts, prose(upper(strings.TrimSuffix(played(t), "."))+"."))
			}
		}
	}
	if maps := p.mappings(t); len(maps.rows) > 0 {
		d.parts = append(d.parts, heading{2, "In other models"}, maps)
	}
	p.tell(d, t.Stops...)
	for _, c := range t.Stops {
		d.related = append(d.related, address{"control", c.ID})
	}
	for _, i := range t.Incidents {
		d.related = append(d.related, address{"incident", i.ID})
	}
	return d, nil
}

// blank is a page with its neighbours.
func (p *Printer) blank(a address, title, lead string) *doc {
	d := &doc{at: a, title: title, lead: lead}
	i := slices.IndexFunc(p.order, func(o address) bool { return o.path() == a.path() })
	if i > 0 && kin(p.order[i-1], a) {
		d.prev = p.order[i-1]
	}
	if i >= 0 && i+1 < len(p.order) && kin(p.order[i+1], a) {
		d.next = p.order[i+1]
	}
	return d
}

// kin reports whether two pages that follow each other tell of the same kind of
// thing, so that a reader would turn from one to the other.
func kin(x, y address) bool { return x.kind == y.kind && x.kind != "page" }

func term(list []guide.Term, id string) guide.Term {
	for _, t := range list {
		if t.ID == id {
			return t
		}
	}
	return guide.Term{ID: id, Name: id}
}

func playable(t *guide.Threat) mark {
	switch {
	case t.Drilled && t.Open != "":
		return mark{"drilled open", "drilled in part"}
	case t.Drilled:
		return mark{"drilled", "drilled"}
	case t.Open != "":
		return mark{"open", "no drill yet"}
	}
	return mark{"undrilled", "cannot be drilled"}
}

// played says how a threat can be tried out, or why not.
func played(t *guide.Threat) string {
	switch {
	case t.Drilled && t.Open != "":
		return "`bonded drill " + t.ID + "` plays it. " + missing(t)
	case t.Drilled:
		return "`bonded drill " + t.ID + "` plays it"
	case t.Open != "":
		return missing(t)
	case t.Undrilled != "":
		return "No program plays it: " + t.Undrilled
	}
	return "Not drilled"
}

// missing says what bonded still lacks against a threat.
func missing(t *guide.Threat) string {
	return "An open hole in bonded: " + strings.TrimSuffix(t.Open, ".")
}

func seen(list []*guide.Incident) string {
	if len(list) == 0 {
		return "No incident in this guide"
	}
	s := fmt.Sprintf("%s here, %d since %s", count(len(list), "incident", "incidents"), guide.Recent(list), guide.Since)
	return s + "; last in " + ref(address{"incident", list[0].ID}, list[0].Date)
}

// coverage is how far public registries are today.
func coverage(t *guide.Threat) string {
	switch t.Cover() {
	case guide.Covered:
		return "Several registries or clients have a control against it"
	case guide.Thin:
		return "Thin: few registries or clients have a control against it"
	}
	return "Bare: hardly any registry or client has a control against it"
}

func (p *Printer) mappings(t *guide.Threat) table {
	out := table{caption: "The same threat in other models", quiet: true, head: []string{"Model", "Entries"}, class: "plain"}
	var names []string
	for name := range t.Maps {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		title, ids := verbatim(strings.ToUpper(name)), []string{}
		tax := p.Taxonomy(name)
		if tax != nil {
			title = ref(address{"taxonomy", name}, tax.Name)
		}
		for _, id := range t.Maps[name] {
			s := verbatim(id)
			if tax != nil && tax.Item(id) != nil && tax.Item(id).Name != "" {
				s += " " + verbatim(tax.Item(id).Name)
			}
			ids = append(ids, s)
		}
		out.rows = append(out.rows, row{text("%s", title), {list: ids}})
	}
	return out
}

// controlDoc is the page of a control.
func (p *Printer) controlDoc(c *guide.Control) (*doc, error) {
	d := p.blank(address{"control", c.ID}, c.Title, c.Lead)
	level := term(guide.Levels(), itoa(c.Level))
	d.kicker, d.checked = "Control", c.Checked
	d.crumbs = []crumb{{address{"page", "controls"}, "Controls"}}
	d.marks = []mark{levelMark(c), {"track", c.Track}, hereMark(c)}
	d.glance = []fact{
		{"Level", fmt.Sprintf("%d, %s. %s", c.Level, level.Name, level.Means)},
		{"Track", c.Track + ": " + term(guide.Tracks(), c.Track).Means},
		{"Principle", p.principle(c)},
		{"For", strings.Join(c.Applies, "; ")},
		{"Effort", c.Effort + " to build"},
		{"Friction", c.Friction},
		{"Privacy cost", c.Privacy},
		{"Registries, clients", adopted(c)},
		{"bonded", standing(c)},
	}
	for _, s := range c.Sections {
		if err := p.section(d, s); err != nil {
			return nil, err
		}
	}
	d.parts = append(d.parts, prose(looked(c)))
	p.tryControl(d, c)
	if len(c.Registries) > 0 {
		d.parts = append(d.parts, heading{2, "Who has it"}, registryTable(c))
	}
	if len(c.Builds) > 0 {
		d.parts = append(d.parts, heading{2, "It builds on"}, p.controlEntries(c.Builds))
	}
	if len(c.Unlocks) > 0 {
		d.parts = append(d.parts, heading{2, "It unlocks"}, p.controlEntries(c.Unlocks))
	}
	if len(c.Threats) > 0 {
		d.parts = append(d.parts, heading{2, "Threats it works against"}, p.threatEntries(c.Threats))
	}
	if len(c.Incidents) > 0 {
		d.parts = append(d.parts, heading{2, "Where it would have helped"}, p.incidentEntries(c.Incidents))
	}
	p.tell(d, c.Builds...)
	for _, list := range [][]*guide.Control{c.Builds, c.Unlocks} {
		for _, o := range list {
			d.related = append(d.related, address{"control", o.ID})
		}
	}
	for _, t := range c.Threats {
		d.related = append(d.related, address{"threat", t.ID})
	}
	return d, nil
}

func cond[T any](is bool, yes, no T) T {
	if is {
		return yes
	}
	return no
}

func levelMark(c *guide.Control) mark {
	return mark{fmt.Sprintf("level level-%d", c.Level), fmt.Sprintf("level %d", c.Level)}
}

// hereMark is what bonded has, in a word.
func hereMark(c *guide.Control) mark {
	switch c.Here {
	case "held":
		return mark{"here-held", "in bonded"}
	case "partly":
		return mark{"here-partly", "partly in bonded"}
	case "beside":
		return mark{"here-beside", "not a repository's"}
	}
	return mark{"here-open", "not in bonded yet"}
}

// standing is what bonded has, with where or why.
func standing(c *guide.Control) string {
	s := map[string]string{"held": "Held", "partly": "Partly", "beside": "Not a repository's to hold", "open": "Not yet"}[c.Here]
	if s == "" {
		return "Not said"
	}
	switch {
	case c.Judged:
		s += ": every draft is judged"
	case c.Where != "":
		s += ": " + c.Where
	}
	if c.Why != "" {
		s += cond(strings.Contains(s, ":"), "; ", ": ") + c.Why
	}
	return s
}

func (p *Printer) principle(c *guide.Control) string {
	if c.Principle == "" {
		return "Beyond the Principles v0.1"
	}
	if t := p.Taxonomy("principles"); t != nil {
		return ref(address{"taxonomy", t.ID}, c.Principle)
	}
	return c.Principle
}

// looked says whether an audit sees the control.
func looked(c *guide.Control) string {
	if c.Probed {
		return "`bonded audit URL` looks for it from outside."
	}
	if c.Unseen != "" {
		return "`bonded audit` cannot see it: " + strings.TrimSuffix(c.Unseen, ".") + "."
	}
	return ""
}

// tryControl says which drills show whether it holds.
func (p *Printer) tryControl(d *doc, c *guide.Control) {
	var ids []string
	for _, t := range c.Threats {
		if t.Drilled && len(ids) < 4 {
			ids = append(ids, t.ID)
		}
	}
	if len(ids) > 0 {
		d.parts = append(d.parts, heading{2, "Run it"}, command("bonded drill "+strings.Join(ids, " ")))
	}
}

// incidentDoc is the page of an incident.
func (p *Printer) incidentDoc(i *guide.Incident) (*doc, error) {
	d := p.blank(address{"incident", i.ID}, i.Title, i.Lead)
	d.kicker, d.checked = "Incident", i.Checked
	d.crumbs = []crumb{{address{"page", "incidents"}, "Incidents"}}
	d.marks = append([]mark{{"date", i.Date}, {"kind kind-" + i.Kind, i.Kind}}, basisMark(i)...)
	d.glance = []fact{{"Date", i.Date}, {"Where", strings.Join(i.Ecosystem, ", ")}, {"Kind", kindMeans(i.Kind)}}
	if len(i.Packages) > 0 {
		d.glance = append(d.glance, fact{"What", verbatim(strings.Join(i.Packages, ", "))})
	}
	if i.Exposure != nil {
		d.glance = append(d.glance, fact{"Exposure", exposed(i.Exposure)})
	}
	d.glance = append(d.glance, fact{"Facts", basisMeans(i.Basis)})
	for _, s := range i.Sections {
		if err := p.section(d, s); err != nil {
			return nil, err
		}
		if s.Heading == "What would have helped" {
			d.parts = append(d.parts, p.controlEntries(i.Help))
		}
	}
	if len(i.Was) > 0 {
		d.parts = append(d.parts, heading{2, "The threats in it"}, p.threatEntries(i.Was))
	}
	if len(i.Sources) > 0 {
		var list strings.Builder
		for _, s := range i.Sources {
			list.WriteString("- " + verbatim(s) + "\n")
		}
		d.parts = append(d.parts, heading{2, "Sources"}, prose(list.String()))
	}
	for _, t := range i.Was {
		d.related = append(d.related, address{"threat", t.ID})
	}
	for _, c := range i.Help {
		d.related = append(d.related, address{"control", c.ID})
	}
	return d, nil
}

func basisMark(i *guide.Incident) []mark {
	switch i.Basis {
	case "partly":
		return []mark{{"unchecked", "partly checked"}}
	case "unchecked":
		return []mark{{"unchecked", "unchecked"}}
	}
	return nil
}

func basisMeans(basis string) string {
	switch basis {
	case "seen":
		return "read in the sources below"
	case "partly":
		return "some read in a source, some from general knowledge"
	}
	return "from general knowledge; not held against a source yet"
}

func kindMeans(kind string) string {
	switch kind {
	case "attack":
		return "attack: somebody meant harm"
	case "demonstration":
		return "demonstration: researchers showed that it works"
	case "finding":
		return "finding: a flaw, found before abuse is known"
	case "outage":
		return "outage: harm without an attacker"
	case "policy":
		return "policy: a decision with consequences"
	}
	return kind
}

// exposed is how long people could come to harm.
func exposed(e *guide.Exposure) string {
	s := span(e.Hours)
	switch e.Bound {
	case "upper":
		s = "at most " + s
	case "lower":
		s = "at least " + s
	}
	if e.Unchecked {
		s += " (unchecked)"
	}
	return s
}
