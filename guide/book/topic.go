package book

import (
	"fmt"
	"slices"
	"strings"
)

// Topic is a page that somebody may ask for by name.
type Topic struct {
	Kind  string // threat, control, incident, chapter, taxonomy or page
	ID    string
	Title string // plain text
}

func (t Topic) at() address { return address{t.Kind, t.ID} }

// String is a name that no other topic has.
func (t Topic) String() string { return t.at().String() }

// Topics lists all pages in reading order.
func (p *Printer) Topics() (list []Topic) {
	for _, a := range p.order {
		list = append(list, Topic{a.kind, a.id, p.titleOf(a)})
	}
	return list
}

func (p *Printer) titleOf(a address) string {
	switch a.kind {
	case "threat":
		return p.mark.flatten(p.Threat(a.id).Title)
	case "control":
		return p.mark.flatten(p.Control(a.id).Title)
	case "incident":
		return p.mark.flatten(p.Incident(a.id).Title)
	case "chapter":
		return p.mark.flatten(p.Chapter(a.id).Title)
	case "taxonomy":
		return p.Taxonomy(a.id).Name
	}
	return placeTitle(a.id)
}

// Find returns the topics that a query names: by kind and id, by id, else by a
// part of their titles and ids. A page of that very id hides the others; where
// several kinds share one, the control comes first, for refusals name controls.
func (p *Printer) Find(query string) []Topic {
	all := p.Topics()
	query = strings.ToLower(strings.TrimSpace(query))
	keep := func(fits func(Topic) bool) []Topic {
		return slices.DeleteFunc(slices.Clone(all), func(t Topic) bool { return !fits(t) })
	}
	if list := keep(func(t Topic) bool { return t.String() == query }); len(list) > 0 {
		return list
	}
	if list := keep(func(t Topic) bool { return t.ID == strings.ReplaceAll(query, " ", "-") }); len(list) > 0 {
		slices.SortStableFunc(list, func(x, y Topic) int { return kindRankOf(x) - kindRankOf(y) })
		return list
	}
	words := strings.Fields(query)
	return keep(func(t Topic) bool {
		for _, w := range words {
			if !strings.Contains(strings.ToLower(t.Title), w) && !strings.Contains(t.ID, w) {
				return false
			}
		}
		return len(words) > 0
	})
}

func kindRankOf(t Topic) int {
	return slices.Index([]string{"control", "chapter", "threat", "incident", "taxonomy", "page"}, t.Kind)
}

// Forms in which a topic is printed.
const (
	AsText     = "text"
	AsMarkdown = "md"
	AsJSON     = "json"
)

// Topic prints one page.
func (p *Printer) Topic(t Topic, form string) ([]byte, error) {
	switch form {
	case AsText:
		s, err := p.Text(t.at().path())
		return []byte(s), err
	case AsMarkdown:
		return p.Markdown(t.at().path())
	case AsJSON:
		return p.jsonPage(t.at())
	}
	return nil, fmt.Errorf("printing %s: no form is called %q", t, form)
}

// List prints topics with their titles for a terminal, kind by kind.
func List(topics []Topic) string {
	t := &terminal{width: Width}
	wide := 0
	for _, x := range topics {
		wide = max(wide, len(x.ID))
	}
	last := ""
	for _, x := range topics {
		if x.Kind != last {
			if last != "" {
				t.line("")
			}
			t.line(headings[x.Kind])
			last = x.Kind
		}
		t.wrap(x.Title, "  "+x.ID+strings.Repeat(" ", wide-len(x.ID)+2), strings.Repeat(" ", wide+4))
	}
	return t.out.String()
}

var headings = map[string]string{
	"page": "Overviews", "chapter": "Chapters", "threat": "Threats", "control": "Controls", "incident": "Incidents", "taxonomy": "Taxonomies",
}

// Near are topics whose ids share a word with a query that found nothing.
func (p *Printer) Near(query string) (list []Topic) {
	words := strings.FieldsFunc(strings.ToLower(query), func(r rune) bool { return r == '-' || r == ' ' || r == ':' })
	for _, t := range p.Topics() {
		if slices.ContainsFunc(strings.Split(t.ID, "-"), func(w string) bool { return len(w) > 3 && slices.Contains(words, w) }) {
			list = append(list, t)
		}
	}
	return list[:min(8, len(list))]
}
