package book

import (
	"slices"
	"strings"

	"bonded.dev/guide"
)

// The lists in which pages name each other, and the three catalogues.

func (p *Printer) threatEntries(list []*guide.Threat) (out entries) {
	for _, t := range list {
		out = append(out, entry{
			to: address{"threat", t.ID}, title: t.Title, text: gist(t.Section("What the attacker wants")),
			marks: []mark{{"count", recent(t.Incidents)}, playable(t)},
			tags:  []tag{{"stage", t.Stage}, {"drill", playable(t).class}, {"cover", t.Cover()}},
		})
	}
	return out
}

// recent says how often something happened.
func recent(list []*guide.Incident) string {
	switch n := guide.Recent(list); {
	case n > 0:
		return count(n, "incident", "incidents") + " since " + guide.Since
	case len(list) > 0:
		return "last in " + list[0].Year()
	}
	return "no incident here"
}

func (p *Printer) controlEntries(list []*guide.Control) (out entries) {
	for _, c := range list {
		out = append(out, entry{
			to: address{"control", c.ID}, title: c.Title, text: gist(c.Lead),
			marks: []mark{levelMark(c), {"effort", c.Effort}, {"friction", cond(c.Friction == "none", "no", c.Friction) + " friction"}, {"adoption", adopted(c)}, hereMark(c)},
			tags:  []tag{{"track", strings.ToLower(c.Track)}, {"level", levelMark(c).text[len("level "):]}, {"effort", c.Effort}, {"here", c.Here}},
		})
	}
	return out
}

// adopted is how many public registries or clients have a control.
func adopted(c *guide.Control) string {
	switch c.Adoption {
	case "several":
		return "several have it"
	case "few":
		return "few have it"
	case "none seen":
		return "seen nowhere"
	}
	return c.Adoption
}

func (p *Printer) incidentEntries(list []*guide.Incident) (out entries) {
	for _, i := range list {
		e := entry{
			to: address{"incident", i.ID}, title: i.Title, text: gist(i.Lead),
			marks: []mark{{"date", i.Date}, {"ecosystem", strings.Join(i.Ecosystem, ", ")}, {"kind kind-" + i.Kind, i.Kind}},
			tags:  []tag{{"kind", i.Kind}, {"year", i.Year()}},
		}
		if i.Exposure != nil {
			e.marks = append(e.marks, mark{"exposure", span(i.Exposure.Hours)})
		}
		e.marks = append(e.marks, basisMark(i)...)
		for _, eco := range i.Ecosystem {
			e.tags = append(e.tags, tag{"ecosystem", slug(eco)})
		}
		out = append(out, e)
	}
	return out
}

// threatsDoc lists every threat by stage.
func (p *Printer) threatsDoc() *doc {
	d := &doc{at: address{"page", "threats"}, title: "Threats", kicker: "Catalogue", wide: true}
	d.lead = "Every way we know in which people are harmed through a package repository, by where it strikes. " +
		"Each page tells how it goes, what it has done to others, what stops it, and what only seems to. Within a stage, what was used most since " + guide.Since + " comes first."
	holes := len(p.Holes())
	d.glance = []fact{{"Threats", itoa(len(p.Threats))}, {"Played by a drill", itoa(drilled(p.Threats))}, {"Open holes in bonded", itoa(holes)}}
	d.parts = append(d.parts, filters{
		{"stage", "Where it strikes", options(guide.Stages())},
		{"drill", "Drill", [][2]string{{"drilled", "there is one"}, {"open", "missing, or in part"}, {"undrilled", "cannot be played"}}},
		{"cover", "Public registries", [][2]string{{guide.Covered, "covered"}, {guide.Thin, "thin"}, {guide.Bare, "bare"}}},
	})
	for _, s := range guide.Stages() {
		list := byIncidents(p.stage(s.ID))
		if len(list) == 0 {
			continue
		}
		d.parts = append(d.parts, group{[]tag{{"stage", s.ID}}, []part{heading{2, s.Name}, prose(upper(s.Means) + "."), p.threatEntries(list)}})
	}
	return d
}

func (p *Printer) stage(id string) []*guide.Threat {
	return slices.DeleteFunc(slices.Clone(p.Threats), func(t *guide.Threat) bool { return t.Stage != id })
}

func drilled(list []*guide.Threat) (n int) {
	for _, t := range list {
		if t.Drilled {
			n++
		}
	}
	return n
}

func options(terms []guide.Term) (out [][2]string) {
	for _, t := range terms {
		out = append(out, [2]string{strings.ToLower(t.ID), t.Name})
	}
	return out
}

// controlsDoc lists every control by track and level.
func (p *Printer) controlsDoc() *doc {
	d := &doc{at: address{"page", "controls"}, title: "Controls", kicker: "Catalogue", wide: true}
	d.lead = "Every defence, by track and level of the " + ref(address{"page", "maturity"}, "maturity model") +
		". Each page says what it costs, who has it, how to build it elsewhere and how to tell whether it holds."
	held := len(slices.DeleteFunc(slices.Clone(p.Controls), func(c *guide.Control) bool { return !c.Present() }))
	d.glance = []fact{{"Controls", itoa(len(p.Controls))}, {"In bonded, wholly or in part", itoa(held)}}
	d.parts = append(d.parts, filters{
		{"track", "Track", options(guide.Tracks())},
		{"level", "Level", [][2]string{{"1", "1 basic"}, {"2", "2 moderate"}, {"3", "3 advanced"}, {"4", "4 survives"}}},
		{"effort", "Effort", [][2]string{{"hours", "hours"}, {"days", "days"}, {"weeks", "weeks"}, {"months", "months"}}},
		{"here", "In bonded", [][2]string{{"held", "held"}, {"partly", "partly"}, {"open", "not yet"}, {"beside", "not a repository's"}}},
	})
	for _, t := range guide.Tracks() {
		list := slices.DeleteFunc(slices.Clone(p.Controls), func(c *guide.Control) bool { return c.Track != t.ID })
		if len(list) == 0 {
			continue
		}
		d.parts = append(d.parts, group{[]tag{{"track", strings.ToLower(t.ID)}}, []part{heading{2, t.Name}, prose(upper(t.Means) + "."), p.controlEntries(list)}})
	}
	return d
}

// incidentsDoc lists every incident, newest first.
func (p *Printer) incidentsDoc() *doc {
	d := &doc{at: address{"page", "incidents"}, title: "Incidents", kicker: "Catalogue", wide: true}
	d.lead = "What really happened, newest first. Each page says what would have stopped or shortened it, and how far its facts were read in a source. The " +
		ref(address{"page", "timeline"}, "time line") + " shows them at a glance."
	d.glance = []fact{{"Incidents", itoa(len(p.Incidents))}, {"Since " + guide.Since, itoa(guide.Recent(p.Incidents))}}
	var ecosystems, years [][2]string
	for _, i := range p.Incidents {
		for _, eco := range i.Ecosystem {
			if o := [2]string{slug(eco), eco}; !slices.Contains(ecosystems, o) {
				ecosystems = append(ecosystems, o)
			}
		}
		if o := [2]string{i.Year(), i.Year()}; !slices.Contains(years, o) {
			years = append(years, o)
		}
	}
	slices.SortFunc(ecosystems, func(x, y [2]string) int { return strings.Compare(x[0], y[0]) })
	d.parts = append(d.parts, filters{
		{"ecosystem", "Ecosystem", ecosystems},
		{"kind", "Kind", [][2]string{{"attack", "attack"}, {"demonstration", "demonstration"}, {"finding", "finding"}, {"outage", "outage"}, {"policy", "policy"}}},
	})
	for _, y := range years {
		list := slices.DeleteFunc(slices.Clone(p.Incidents), func(i *guide.Incident) bool { return i.Year() != y[0] })
		d.parts = append(d.parts, group{[]tag{{"year", y[0]}}, []part{heading{2, y[0]}, p.incidentEntries(list)}})
	}
	return d
}
