package book

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
)

// Files of a site beside its pages.
const (
	styleFile  = "style.css"
	scriptFile = "guide.js"
	// searchFile calls a function of guide.js with what there is to find. It is
	// a script, since a page that was opened from a disk may fetch nothing.
	searchFile = "search.js"
)

// Files lists the files of the site.
func (p *Printer) Files() (list []string) {
	for _, a := range p.order {
		list = append(list, a.path()+".html")
	}
	return append(list, styleFile, scriptFile, searchFile)
}

// File prints a file of the site; every name that Files does not list is an
// error.
func (p *Printer) File(name string) ([]byte, error) {
	switch name {
	case styleFile:
		return []byte(p.Style()), nil
	case scriptFile:
		return []byte(guideJS), nil
	case searchFile:
		return p.search()
	}
	path, ok := strings.CutSuffix(name, ".html")
	if !ok {
		return nil, fmt.Errorf("printing %s: the guide has no such file", name)
	}
	return p.HTML(path)
}

// found is a page as the search knows it; short names, for there are hundreds.
type found struct {
	Kind  string `json:"k"`
	Title string `json:"t"`
	Path  string `json:"p"`
	Lead  string `json:"l"`
	Text  string `json:"x"` // everything else that stands on the page
}

func (p *Printer) search() ([]byte, error) {
	var list []found
	for _, a := range p.order {
		d, err := p.doc(a.path())
		if err != nil {
			return nil, err
		}
		f := found{Kind: d.kicker, Title: p.mark.flatten(d.title), Path: a.path() + ".html", Lead: p.mark.flatten(d.lead)}
		var text []string
		for _, m := range d.marks {
			text = append(text, m.text)
		}
		for _, g := range d.glance {
			text = append(text, p.mark.flatten(g.value))
		}
		f.Text = strings.Join(append(text, p.words(d.parts)...), " ")
		list = append(list, f)
	}
	b, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("making the search index: %w", err)
	}
	return []byte("guideFound(" + string(b) + ")\n"), nil
}

// words are what is written on a page, without what other pages say better.
func (p *Printer) words(parts []part) (list []string) {
	for _, x := range parts {
		switch x := x.(type) {
		case prose:
			list = append(list, p.mark.flatten(string(x)))
		case heading:
			if x.level > 2 {
				list = append(list, x.text)
			}
		case table:
			if !strings.HasPrefix(x.class, "plain") {
				continue
			}
			for _, r := range x.rows {
				for _, c := range r {
					list = append(list, p.mark.flatten(strings.Join(append([]string{c.text}, c.list...), " ")))
				}
			}
		}
	}
	return list
}
