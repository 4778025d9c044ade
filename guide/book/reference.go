package book

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"bonded.dev/guide"
)

func itoa(n int) string { return strconv.Itoa(n) }

// placeDoc makes the pages that list others.
func (p *Printer) placeDoc(id string) builder {
	switch id {
	case "index":
		return func() (*doc, error) { return p.frontDoc(), nil }
	case "threats":
		return func() (*doc, error) { return p.threatsDoc(), nil }
	case "controls":
		return func() (*doc, error) { return p.controlsDoc(), nil }
	case "incidents":
		return func() (*doc, error) { return p.incidentsDoc(), nil }
	}
	return func() (*doc, error) { return p.modelDoc(id) }
}

// models are the reference pages, for a book whose chapters do not tell them.
var models = map[string]string{
	"matrix": "Which kinds of control work against which threat, and how widely public registries have them.\n\n## Threats and controls\n\n{{matrix}}",
	"maturity": "Four levels, each with a sentence that says what it buys. A repository stands at a level of a track when it holds " +
		"every control up to there that applies to it.\n\n{{maturity}}",
	"timeline": "The incidents of this guide, year by year.\n\n{{timeline}}\n\n## How long people were exposed\n\n{{exposure}}\n\n" +
		"## What would have helped most\n\n{{helped 20}}\n\n## What attackers use most\n\n{{ranking 20}}",
}

// placeTitle names a page that lists others.
func placeTitle(id string) string { return term(guide.Places(), id).Name }

func (p *Printer) modelDoc(id string) (*doc, error) {
	d := &doc{at: address{"page", id}, title: placeTitle(id), kicker: "Reference", wide: true}
	var body string
	d.lead, body, _ = strings.Cut(models[id], "\n\n")
	for i, part := range strings.Split("\n\n"+body, "\n\n## ") {
		s := guide.Section{Text: part}
		if i > 0 {
			s.Heading, s.Text, _ = strings.Cut(part, "\n\n")
		}
		if err := p.section(d, s); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// chapterDoc is a page that tells.
func (p *Printer) chapterDoc(c *guide.Chapter) (*doc, error) {
	d := p.blank(address{"chapter", c.ID}, c.Title, "")
	group := term(guide.Parts(), c.Part)
	d.kicker, d.checked = group.Name, c.Checked
	d.crumbs = []crumb{{address{"page", "index"}, group.Name}}
	// What follows the first paragraph of the lead may be a directive.
	lead, rest, _ := strings.Cut(c.Lead, "\n\n")
	if isDirective(lead) {
		lead, rest = "", c.Lead
	}
	d.lead = lead
	if err := p.section(d, guide.Section{Text: rest}); err != nil {
		return nil, err
	}
	for _, s := range c.Sections {
		if err := p.section(d, s); err != nil {
			return nil, err
		}
	}
	if len(c.Sources) > 0 {
		var list strings.Builder
		for _, s := range c.Sources {
			list.WriteString("- " + verbatim(s) + "\n")
		}
		d.parts = append(d.parts, heading{2, "Sources"}, prose(list.String()))
	}
	d.related = mentioned(c)
	// A grid needs more room than a column of text has.
	d.wide = slices.ContainsFunc(d.parts, func(x part) bool {
		t, ok := x.(table)
		return ok && strings.HasPrefix(t.class, "matrix")
	})
	return d, nil
}

// mentioned are the pages that a chapter links to.
func mentioned(c *guide.Chapter) (list []address) {
	for _, a := range linked(c) {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

// linked are the targets of a chapter's links, one by one.
func linked(c *guide.Chapter) (list []address) {
	text := c.Lead
	for _, s := range c.Sections {
		text += "\n" + s.Text
	}
	for _, m := range mdLink.FindAllStringSubmatch(text, -1) {
		if a, _, ok := parseAddress(m[2]); ok {
			list = append(list, a)
		}
	}
	return list
}

// lists are chapters that name nearly every page and tell little of each.
var lists = []string{asked, "who-can-hurt-whom", "matrix", "maturity", "holes"}

// told are the chapters that tell of a page, those first that link there most
// often.
func told(chapters []*guide.Chapter) map[address][]*guide.Chapter {
	out, times := map[address][]*guide.Chapter{}, map[address]map[string]int{}
	for _, c := range chapters {
		if c.Part == "start" || c.Part == "reference" || slices.Contains(lists, c.ID) {
			continue
		}
		for _, a := range linked(c) {
			if times[a] == nil {
				times[a] = map[string]int{}
			}
			if times[a][c.ID]++; times[a][c.ID] == 1 {
				out[a] = append(out[a], c)
			}
		}
	}
	for a, list := range out {
		slices.SortStableFunc(list, func(x, y *guide.Chapter) int { return times[a][y.ID] - times[a][x.ID] })
	}
	return out
}

// tell adds the chapters that tell of a page, or of the first page that some do.
func (p *Printer) tell(d *doc, or ...*guide.Control) {
	const most = 4
	told := p.told[d.at]
	for _, c := range or {
		if len(told) == 0 {
			told = p.told[address{"control", c.ID}]
		}
	}
	var list entries
	for _, c := range told[:min(most, len(told))] {
		list = append(list, entry{to: address{"chapter", c.ID}, title: c.Title, text: gist(c.Lead)})
		d.related = append(d.related, address{"chapter", c.ID})
	}
	if len(list) > 0 {
		d.parts = append(d.parts, heading{2, "Chapters that tell more"}, list)
	}
}

// taxonomyDoc sets the items of somebody else's list beside our pages.
func (p *Printer) taxonomyDoc(t *guide.Taxonomy) (*doc, error) {
	d := p.blank(address{"taxonomy", t.ID}, strings.TrimSpace(t.Name+" "+t.Version), t.Note)
	d.kicker, d.wide = "Taxonomy", true
	d.crumbs = []crumb{{address{"page", "index"}, "Taxonomies"}}
	if d.lead == "" {
		d.lead = "Which pages of this guide answer which entry of " + verbatim(t.Name) + "."
	}
	d.parts = append(d.parts, p.taxonomyTables(t)...)
	if t.Checked != "" {
		d.parts = append(d.parts, prose("Ids: "+verbatim(t.Checked)+"."))
	}
	return d, nil
}

func (p *Printer) taxonomyTables(t *guide.Taxonomy) (out []part) {
	var groups []string
	for _, i := range t.Items {
		if !slices.Contains(groups, i.Group) {
			groups = append(groups, i.Group)
		}
	}
	for _, g := range groups {
		list := table{caption: strings.TrimSpace(t.Name + ": " + g), quiet: g != "", class: "plain listing", head: []string{"Id", "Entry", "In this guide"}}
		if g != "" {
			out = append(out, heading{2, g})
		} else {
			list.caption = t.Name
		}
		for _, i := range t.Items {
			if i.Group == g {
				list.rows = append(list.rows, row{{text: verbatim(i.ID), class: "id"}, text("%s", verbatim(i.Name)), {list: p.answers(t, i)}})
			}
		}
		out = append(out, list)
	}
	return out
}

// answers are the pages that an entry of a taxonomy leads to.
func (p *Printer) answers(t *guide.Taxonomy, i guide.Item) (list []string) {
	for _, id := range i.Controls {
		if c := p.Control(id); c != nil {
			list = append(list, ref(address{"control", id}, c.Title))
		}
	}
	for _, x := range p.Threats {
		if slices.Contains(x.Maps[t.ID], i.ID) {
			list = append(list, ref(address{"threat", x.ID}, x.Title))
		}
	}
	if len(list) == 0 && i.Why != "" {
		list = append(list, "nothing: "+i.Why)
	}
	return list
}

// registryTable is who has a control.
func registryTable(c *guide.Control) table {
	out := table{caption: "Which registries and clients have it", quiet: true, class: "plain", head: []string{"Where", "Has it", "Detail"}}
	var names []string
	for name := range c.Registries {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(x), strings.ToLower(y)), strings.Compare(x, y))
	})
	for _, name := range names {
		word, detail := has(c.Registries[name])
		out.rows = append(out.rows, row{text("%s", verbatim(name)), {class: "has has-" + slug(word), text: word}, text("%s", detail)})
	}
	return out
}

// has takes a registry's state apart: a word, and what there is to add.
func has(state string) (word, detail string) {
	end := strings.IndexAny(state, " ,:;")
	if end < 0 {
		return state, ""
	}
	detail = strings.Trim(state[end:], " ,:;")
	if inner, ok := strings.CutPrefix(detail, "("); ok && detail != "(unchecked)" && strings.Index(inner, ")") == len(inner)-1 {
		detail = strings.TrimSuffix(inner, ")")
	}
	return state[:end], verbatim(detail)
}
