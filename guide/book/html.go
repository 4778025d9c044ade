package book

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"bonded.dev/guide"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed style.css
	styleCSS string
	//go:embed guide.js
	guideJS string
)

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// pageView is what page.html is filled with.
type pageView struct {
	Title, Description string
	Root               string
	Kicker             string
	Heading, Lead      template.HTML
	Crumbs             []viewLink
	Nav                []viewLink
	Marks              []viewMark
	Glance             []viewFact
	Contents           []viewLink
	Body               template.HTML
	Prev, Next         *viewLink
	Minutes            int
	Checked            string
	Wide, Front        bool
	Check              string // where a reader learns to check a repository; may be empty
}

type (
	viewLink struct {
		Href, Title string
		Here        bool
	}
	viewMark struct{ Class, Text string }
	viewFact struct {
		Name  string
		Value template.HTML
	}
)

// HTML prints the page at a path, which has no ending: "controls/cooldown".
func (p *Printer) HTML(path string) ([]byte, error) {
	d, err := p.doc(path)
	if err != nil {
		return nil, err
	}
	w := &htmlWriter{Printer: p, at: place{link: func(a address, anchor string) string { return relative(path, a.path(), ".html") + anchor }}}
	w.parts(d.parts)
	v := p.view(d, w)
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("printing %s: %w", path, err)
	}
	return out.Bytes(), nil
}

func (p *Printer) view(d *doc, w *htmlWriter) pageView {
	path := d.at.path()
	v := pageView{
		Title: p.mark.flatten(d.title), Description: p.mark.flatten(d.lead), Root: strings.Repeat("../", strings.Count(path, "/")),
		Kicker: d.kicker, Heading: w.inline(d.title), Lead: w.blocks(d.lead), Body: template.HTML(w.out.String()), //nolint:gosec // written here
		Minutes: p.minutes(d), Checked: d.checked, Wide: d.wide, Front: path == "index",
	}
	for _, c := range d.crumbs {
		v.Crumbs = append(v.Crumbs, viewLink{Href: w.at.link(c.to, ""), Title: c.title})
	}
	for _, place := range guide.Places()[1:] {
		a := address{"page", place.ID}
		v.Nav = append(v.Nav, viewLink{Href: w.at.link(a, ""), Title: place.Name, Here: a.path() == path})
	}
	for _, m := range d.marks {
		v.Marks = append(v.Marks, viewMark{m.class, m.text})
	}
	for _, f := range d.glance {
		v.Glance = append(v.Glance, viewFact{f.name, w.inline(f.value)})
	}
	if len(w.contents) > 3 && !d.wide {
		v.Contents = w.contents
	}
	if p.Chapter(checking) != nil {
		v.Check = w.at.link(address{"chapter", checking}, "")
	}
	v.Prev, v.Next = p.neighbour(w, d.prev), p.neighbour(w, d.next)
	return v
}

func (p *Printer) neighbour(w *htmlWriter, a address) *viewLink {
	if a.id == "" {
		return nil
	}
	d, err := p.doc(a.path())
	if err != nil {
		return nil
	}
	return &viewLink{Href: w.at.link(a, ""), Title: p.mark.flatten(d.title)}
}

// minutes is how long a page takes to read, at 220 words a minute.
func (p *Printer) minutes(d *doc) int {
	words := len(strings.Fields(d.lead))
	for _, x := range d.parts {
		if t, ok := x.(prose); ok {
			words += len(strings.Fields(string(t)))
		}
	}
	return int(math.Max(1, math.Round(float64(words)/220)))
}

// htmlWriter writes parts.
type htmlWriter struct {
	*Printer
	at       place
	brief    bool // lists name pages and do not repeat what stands there
	out      strings.Builder
	contents []viewLink // headings of level 2
}

func (w *htmlWriter) inline(s string) template.HTML {
	return template.HTML(w.mark.inline(s, w.at)) //nolint:gosec // the renderer escapes
}

func (w *htmlWriter) blocks(s string) template.HTML {
	return template.HTML(w.mark.blocks(s, w.at)) //nolint:gosec // the renderer escapes
}

func (w *htmlWriter) printf(format string, args ...any) { fmt.Fprintf(&w.out, format, args...) }

func (w *htmlWriter) parts(list []part) {
	for _, x := range list {
		switch x := x.(type) {
		case prose:
			w.out.WriteString(string(w.blocks(string(x))))
		case command:
			w.printf("<pre class=\"command\" tabindex=\"0\"><code>%s</code></pre>\n", html.EscapeString(string(x)))
		case heading:
			w.heading(x)
		case group:
			w.printf("<section class=\"group\"%s>\n", tags(x.tags))
			w.parts(x.parts)
			w.printf("</section>\n")
		case folded:
			w.printf("<details class=\"folded\"><summary>%s</summary>\n", html.EscapeString(x.title))
			w.parts(x.parts)
			w.printf("</details>\n")
		case facts:
			w.facts(x)
		case entries:
			w.entries(x)
		case table:
			w.table(x)
		case figure:
			w.figure(x)
		case cards:
			w.cards(x)
		case filters:
			w.filters(x)
		}
	}
}

func (w *htmlWriter) heading(h heading) {
	id := w.at.prefix + slug(w.mark.flatten(h.text))
	level := min(6, h.level+w.at.deeper)
	w.printf("<h%d id=\"%s\">%s</h%d>\n", level, html.EscapeString(id), w.inline(h.text), level)
	if h.level == 2 {
		w.contents = append(w.contents, viewLink{Href: "#" + id, Title: w.mark.flatten(h.text)})
	}
}

func tags(list []tag) string {
	var names []string
	values := map[string][]string{}
	for _, t := range list {
		if values[t.name] == nil {
			names = append(names, t.name)
		}
		values[t.name] = append(values[t.name], t.value)
	}
	var out strings.Builder
	for _, name := range names {
		fmt.Fprintf(&out, ` data-%s="%s"`, name, html.EscapeString(strings.Join(values[name], " ")))
	}
	return out.String()
}

func (w *htmlWriter) facts(list facts) {
	w.printf("<dl class=\"facts\">\n")
	for _, f := range list {
		w.printf("<div><dt>%s</dt><dd>%s</dd></div>\n", html.EscapeString(f.name), w.inline(f.value))
	}
	w.printf("</dl>\n")
}

func (w *htmlWriter) entries(list entries) {
	w.printf("<ul class=\"entries\">\n")
	for _, e := range list {
		w.printf("<li%s><div><a class=\"title\" href=\"%s\">%s</a>", tags(e.tags), html.EscapeString(w.at.link(e.to, "")), w.inline(e.title))
		if e.text != "" && !w.brief {
			w.printf("<p>%s</p>", w.inline(e.text))
		}
		w.printf("</div>")
		if len(e.marks) > 0 {
			w.printf("<ul class=\"marks\">")
			for _, m := range e.marks {
				w.printf("<li class=\"mark %s\">%s</li>", html.EscapeString(m.class), html.EscapeString(m.text))
			}
			w.printf("</ul>")
		}
		w.printf("</li>\n")
	}
	w.printf("</ul>\n")
}

func (w *htmlWriter) table(t table) {
	name := html.EscapeString(t.caption)
	if !t.quiet {
		w.printf("<p class=\"caption\">%s</p>\n", name)
	}
	w.printf("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table class=\"%s\" aria-label=\"%s\">\n<thead><tr>",
		name, html.EscapeString(t.class), name)
	for _, h := range t.head {
		w.printf("<th scope=\"col\">%s</th>", html.EscapeString(h))
	}
	w.printf("</tr></thead>\n<tbody>\n")
	for _, r := range t.rows {
		w.printf("<tr>")
		for i, c := range r {
			name, end := "td", "td"
			if i == 0 {
				name, end = `th scope="row"`, "th"
			} else if len(t.head) > 2 && i < len(t.head) {
				name += ` data-label="` + html.EscapeString(t.head[i]) + `"`
			}
			if c.class != "" {
				name += ` class="` + html.EscapeString(c.class) + `"`
			}
			w.printf("<%s>%s</%s>", name, w.cell(c), end)
		}
		w.printf("</tr>\n")
	}
	w.printf("</tbody></table></div>\n")
}

func (w *htmlWriter) cell(c cell) string {
	if c.list == nil {
		return string(w.inline(c.text))
	}
	var out strings.Builder
	out.WriteString("<ul>")
	for _, s := range c.list {
		out.WriteString("<li>" + string(w.inline(s)) + "</li>")
	}
	return out.String() + "</ul>"
}

func (w *htmlWriter) figure(f figure) {
	w.printf("<figure>\n<div class=\"scroll drawing%s\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">%s</div>\n",
		cond(f.narrow != nil, " wide-only", ""), html.EscapeString(f.title), f.draw(w.at.link))
	if f.narrow != nil {
		w.printf("<div class=\"drawing narrow-only\">%s</div>\n", f.narrow(w.at.link))
	}
	w.printf("<figcaption>%s</figcaption>\n<details><summary>The figures as a table</summary>\n", html.EscapeString(f.desc))
	w.table(f.data)
	w.printf("</details>\n</figure>\n")
}

func (w *htmlWriter) cards(list cards) {
	w.printf("<ul class=\"cards\">\n")
	for _, c := range list {
		w.printf("<li><a class=\"title\" href=\"%s\">%s</a><p>%s</p>", html.EscapeString(w.at.link(c.to, "")), w.inline(c.title), w.inline(c.text))
		if len(c.links) > 0 {
			w.printf("<ul>")
			for _, l := range c.links {
				w.printf("<li>%s</li>", w.inline(l))
			}
			w.printf("</ul>")
		}
		w.printf("</li>\n")
	}
	w.printf("</ul>\n")
}

// filters are radio buttons; the style sheet does the filtering, see Style.
func (w *htmlWriter) filters(list filters) {
	w.printf("<form class=\"filters\" aria-label=\"Filter\">\n")
	for _, f := range list {
		w.printf("<fieldset><legend>%s</legend>\n", html.EscapeString(f.label))
		for i, o := range append([][2]string{{"all", "all"}}, f.options...) {
			id := html.EscapeString("f-" + f.name + "-" + o[0])
			w.printf("<span><input type=\"radio\" name=\"%s\" id=\"%s\" value=\"%s\"%s><label for=\"%s\">%s</label></span>\n",
				f.name, id, html.EscapeString(o[0]), cond(i == 0, " checked", ""), id, html.EscapeString(o[1]))
		}
		w.printf("</fieldset>\n")
	}
	w.printf("<button type=\"reset\">Show all</button> <output aria-live=\"polite\"></output>\n</form>\n")
}

// Style is the style sheet, with a rule for each choice that a filter offers:
// what lacks the chosen word is not shown, nor a group in which nothing is left.
func (p *Printer) Style() string {
	var out strings.Builder
	out.WriteString(styleCSS)
	done := map[string]bool{}
	for _, d := range []*doc{p.threatsDoc(), p.controlsDoc(), p.incidentsDoc()} {
		for _, x := range d.parts {
			list, _ := x.(filters)
			for _, f := range list {
				for _, o := range f.options {
					id := "f-" + f.name + "-" + o[0]
					if !done[id] {
						done[id] = true
						fmt.Fprintf(&out, ".filters:has(#%s:checked) ~ .group > .entries > li:not([data-%s~=%q]),\n", id, f.name, o[0])
						fmt.Fprintf(&out, ".filters:has(#%s:checked) ~ .group:not(:has([data-%s~=%q])) { display: none; }\n", id, f.name, o[0])
					}
				}
			}
		}
	}
	return out.String()
}
