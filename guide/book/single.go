package book

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"bonded.dev/guide"
)

//go:embed single.html
var singleHTML string

var singleTemplate = template.Must(template.New("single").Parse(singleHTML))

// singleView is what single.html is filled with.
type singleView struct {
	Policy   string
	Style    template.CSS
	Script   template.JS
	Title    string
	Lead     template.HTML
	Picture  template.HTML
	Contents []singlePart
	Parts    []singlePart
}

type singlePart struct {
	ID, Title string
	Pages     []singlePage
}

type singlePage struct {
	ID, Title, Kicker string
	Heading, Lead     template.HTML
	Body              template.HTML
	Glance            []viewFact
	Break             bool // begins on a new sheet of paper
}

// Single prints the whole guide as one page that needs nothing else: to be read
// offline, or printed.
func (p *Printer) Single() ([]byte, error) {
	front := p.frontDoc()
	w := &htmlWriter{Printer: p, at: place{link: p.singleLink}}
	w.parts([]part{p.way()})
	v := singleView{
		Style: template.CSS(p.Style()), Script: template.JS(singleScript), //nolint:gosec // both are files of this room
		Title: p.mark.flatten(front.title), Lead: w.blocks(front.lead), Picture: template.HTML(w.out.String()), //nolint:gosec // written here
	}
	v.Policy = "default-src 'none'; style-src '" + hashOf(string(v.Style)) + "'; script-src '" + hashOf(string(v.Script)) + "'; base-uri 'none'; form-action 'none'"
	for _, a := range p.order {
		if !tells(a) {
			continue
		}
		page, err := p.singlePage(a)
		if err != nil {
			return nil, err
		}
		title := p.partOf(a)
		if len(v.Parts) == 0 || v.Parts[len(v.Parts)-1].Title != title {
			v.Parts = append(v.Parts, singlePart{ID: "part-" + slug(title), Title: title})
			page.Break = true
		}
		at := &v.Parts[len(v.Parts)-1]
		at.Pages = append(at.Pages, page)
	}
	var out bytes.Buffer
	if err := singleTemplate.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("printing the guide in one file: %w", err)
	}
	return out.Bytes(), nil
}

// tells reports whether a page belongs into one long text: lists of what stands
// there anyway do not, nor models, which chapters show.
func tells(a address) bool { return a.kind != "page" }

// partOf names the part of a printed book that a page stands in.
func (p *Printer) partOf(a address) string {
	switch a.kind {
	case "chapter":
		return term(guide.Parts(), p.Chapter(a.id).Part).Name
	case "threat":
		return "Threats: " + term(guide.Stages(), p.Threat(a.id).Stage).Name
	case "control":
		return "Controls: " + p.Control(a.id).Track
	case "incident":
		return "Incidents"
	}
	return "Models and mappings"
}

// singleLink leads to a page inside the one file.
func (p *Printer) singleLink(a address, anchor string) string {
	to := "#" + strings.ReplaceAll(a.path(), "/", "-")
	switch {
	case a == address{"page", "threats"} && anchor != "":
		return "#part-threats-" + anchor[1:]
	case a.kind == "page" && p.Chapter(a.id) == nil:
		return "#contents"
	case anchor != "":
		return to + "--" + anchor[1:]
	}
	return to
}

func (p *Printer) singlePage(a address) (singlePage, error) {
	d, err := p.doc(a.path())
	if err != nil {
		return singlePage{}, err
	}
	id := p.singleLink(a, "")[1:]
	w := &htmlWriter{Printer: p, brief: true, at: place{link: p.singleLink, deeper: 2, prefix: id + "--"}}
	w.parts(d.parts)
	page := singlePage{
		ID: id, Title: p.mark.flatten(d.title), Heading: w.inline(d.title), Lead: w.blocks(d.lead),
		Body: template.HTML(w.out.String()), Break: a.kind == "chapter", //nolint:gosec // written here
	}
	var words []string
	for _, m := range d.marks {
		words = append(words, m.text)
	}
	page.Kicker = strings.Join(words, " · ")
	for _, f := range d.glance {
		page.Glance = append(page.Glance, viewFact{f.name, w.inline(f.value)})
	}
	return page, nil
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// singleScript opens what is folded before the file is printed.
const singleScript = `addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details")) d.open = true; });`
