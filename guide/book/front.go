package book

import (
	"strings"

	"bonded.dev/guide"
)

// Chapters that every reader may need.
const (
	asked    = "questions"   // its headings are the questions that people come with
	checking = "check-yours" // how to audit and drill one's own repository
)

// frontDoc is where a reader begins.
func (p *Printer) frontDoc() *doc {
	d := &doc{at: address{"page", "index"}, title: "How package repositories are attacked, and what stops it", wide: true}
	d.lead = "For the people who run a package repository: every attack with what it did to others, every defence with what it costs, " +
		"and commands that show whether yours holds."
	var start cards
	for _, c := range p.Chapters {
		if c.Part == "start" {
			start = append(start, card{to: address{"chapter", c.ID}, title: cond(c.For != "", upper(c.For), c.Title), text: gist(c.Lead)})
		}
	}
	if len(start) > 0 {
		d.parts = append(d.parts, heading{2, "Who are you?"}, start)
	}
	if c := p.Chapter(asked); c != nil {
		d.parts = append(d.parts, heading{2, "What do you want to know?"}, questions(c))
	}
	d.parts = append(d.parts, heading{2, "Where attacks strike"}, p.way(), heading{2, "Look it up"}, p.catalogues())
	for _, part := range guide.Parts() {
		var list entries
		for _, c := range p.Chapters {
			if c.Part == part.ID && part.ID != "start" && c.ID != asked {
				list = append(list, entry{to: address{"chapter", c.ID}, title: c.Title, text: gist(c.Lead)})
			}
		}
		if part.ID == "reference" {
			list = append(list, p.references()...)
		}
		if len(list) > 0 {
			d.parts = append(d.parts, heading{2, part.Name}, prose(upper(part.Means)+"."), list)
		}
	}
	return d
}

// questions lead to their answers.
func questions(c *guide.Chapter) prose {
	var out strings.Builder
	for _, s := range c.Sections {
		if strings.HasSuffix(s.Heading, "?") {
			out.WriteString("- [" + bracket.Replace(s.Heading) + "](chapter:" + c.ID + "#" + slug(s.Heading) + ")\n")
		}
	}
	return prose(out.String())
}

// references are the models that no chapter tells, and the taxonomies.
func (p *Printer) references() (list entries) {
	for _, id := range []string{"matrix", "maturity", "timeline"} {
		if p.Chapter(id) == nil {
			place := term(guide.Places(), id)
			list = append(list, entry{to: address{"page", id}, title: place.Name, text: upper(place.Means) + "."})
		}
	}
	for _, t := range p.Taxonomies {
		list = append(list, entry{to: address{"taxonomy", t.ID}, title: strings.TrimSpace(t.Name + " " + t.Version), text: cond(t.Note != "", gist(t.Note), "")})
	}
	return list
}

// catalogues lead to the three lists, each with what stands out in it.
func (p *Printer) catalogues() cards {
	var threats, controls, incidents []string
	for _, t := range byIncidents(p.Threats)[:min(3, len(p.Threats))] {
		threats = append(threats, ref(address{"threat", t.ID}, t.Title))
	}
	for _, c := range byHelp(p.Controls)[:min(3, len(p.Controls))] {
		controls = append(controls, ref(address{"control", c.ID}, c.Title))
	}
	for _, i := range p.Incidents[:min(3, len(p.Incidents))] {
		incidents = append(incidents, ref(address{"incident", i.ID}, i.Title))
	}
	return cards{
		{address{"page", "threats"}, count(len(p.Threats), "threat", "threats"), "How people are harmed. Most used since " + guide.Since + ":", threats},
		{address{"page", "controls"}, count(len(p.Controls), "control", "controls"), "What stops it. Would have helped most since " + guide.Since + ":", controls},
		{address{"page", "incidents"}, count(len(p.Incidents), "incident", "incidents"), "What happened to others. The latest:", incidents},
	}
}
