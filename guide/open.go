package guide

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"
)

// Open reads a book. What is wrong with single files comes back as one joined
// error; what is wrong between pages is Check's to find.
func Open(p Pages, c Code) (*Book, error) {
	b := &Book{
		threats: map[string]*Threat{}, controls: map[string]*Control{},
		incidents: map[string]*Incident{}, chapters: map[string]*Chapter{},
	}
	var wrong []error
	each(p.Threats, "*/threat.md", &wrong, func(id string, src []byte) error {
		t := &Threat{Drilled: slices.Contains(c.Drills, id)}
		err := read(src, t, &t.Page, id)
		b.threats[id] = t
		b.Threats = append(b.Threats, t)
		return err
	})
	each(p.Controls, "*/control.md", &wrong, func(id string, src []byte) error {
		t := &Control{Judged: slices.Contains(c.Checks, id), Probed: slices.Contains(c.Probes, id)}
		err := read(src, t, &t.Page, id)
		b.controls[id] = t
		b.Controls = append(b.Controls, t)
		return err
	})
	each(p.Incidents, "*.md", &wrong, func(id string, src []byte) error {
		t := &Incident{}
		err := read(src, t, &t.Page, id)
		b.incidents[id] = t
		b.Incidents = append(b.Incidents, t)
		return err
	})
	each(p.Chapters, "*.md", &wrong, func(id string, src []byte) error {
		t := &Chapter{}
		err := read(src, t, &t.Page, id)
		b.chapters[id] = t
		b.Chapters = append(b.Chapters, t)
		return err
	})
	each(p.Taxonomies, "*.yaml", &wrong, func(id string, src []byte) error {
		t := &Taxonomy{ID: id}
		b.Taxonomies = append(b.Taxonomies, t)
		return decode(src, t)
	})
	each(p.Peers, "*.json", &wrong, func(id string, src []byte) error {
		t := &Peer{ID: id}
		b.Peers = append(b.Peers, t)
		return json.Unmarshal(src, t, json.RejectUnknownMembers(true))
	})
	b.sort()
	b.link()
	return b, errors.Join(wrong...)
}

// each reads the files that match a pattern; their id is the name of the
// folder, or of the file without its ending.
func each(files fs.FS, pattern string, wrong *[]error, take func(id string, src []byte) error) {
	if files == nil {
		return
	}
	names, err := fs.Glob(files, pattern)
	if err != nil {
		*wrong = append(*wrong, err)
	}
	for _, name := range names {
		src, err := fs.ReadFile(files, name)
		if err == nil {
			id := path.Dir(name)
			if id == "." {
				id = strings.TrimSuffix(name, path.Ext(name))
			}
			err = take(id, src)
		}
		if err != nil {
			*wrong = append(*wrong, fmt.Errorf("%s: %w", name, err))
		}
	}
}

// read takes a page apart: front matter into meta, the rest into the page.
func read(src []byte, meta any, page *Page, id string) error {
	page.ID = id
	text := string(src)
	rest, ok := strings.CutPrefix(text, "---\n")
	front, body, found := strings.Cut(rest, "\n---\n")
	if !ok || !found {
		return errors.New("no front matter between two lines of ---")
	}
	if err := decode([]byte(front), meta); err != nil {
		return fmt.Errorf("front matter: %w", err)
	}
	body = strings.TrimLeft(body, "\n")
	title, body, _ := strings.Cut(body, "\n")
	if page.Title, ok = strings.CutPrefix(title, "# "); !ok {
		return errors.New("the front matter is not followed by a title")
	}
	page.Lead, page.Sections = sections(body)
	return nil
}

// sections cuts a text at its second-level headings. A line of a code block is
// no heading, even if it begins like one.
func sections(body string) (lead string, list []Section) {
	var at Section
	var text strings.Builder
	end := func() {
		at.Text = strings.TrimSpace(text.String())
		text.Reset()
		if at.Heading == "" {
			lead = at.Text
			return
		}
		list = append(list, at)
	}
	code := false
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if heading, ok := strings.CutPrefix(line, "## "); ok && !code {
			end()
			at = Section{Heading: strings.TrimSpace(heading)}
			continue
		}
		text.WriteString(line)
	}
	end()
	return lead, list
}

// decode refuses keys that nothing reads: a typing error would be a fact lost.
func decode(src []byte, into any) error {
	d := yaml.NewDecoder(strings.NewReader(string(src)))
	d.KnownFields(true)
	return d.Decode(into)
}

// UnmarshalYAML takes a word or a list of words.
func (w *Words) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*w = Words{n.Value}
		return nil
	}
	var list []string
	err := n.Decode(&list)
	*w = list
	return err
}

func (b *Book) sort() {
	slices.SortFunc(b.Threats, func(x, y *Threat) int {
		return cmp.Or(cmp.Compare(place(Stages(), x.Stage), place(Stages(), y.Stage)), strings.Compare(x.ID, y.ID))
	})
	slices.SortFunc(b.Controls, func(x, y *Control) int {
		return cmp.Or(cmp.Compare(place(Tracks(), x.Track), place(Tracks(), y.Track)), cmp.Compare(x.Level, y.Level), strings.Compare(x.ID, y.ID))
	})
	slices.SortFunc(b.Incidents, func(x, y *Incident) int {
		return cmp.Or(strings.Compare(y.Date, x.Date), strings.Compare(x.ID, y.ID))
	})
	slices.SortFunc(b.Chapters, func(x, y *Chapter) int {
		return cmp.Or(cmp.Compare(place(Parts(), x.Part), place(Parts(), y.Part)), cmp.Compare(x.Order, y.Order), strings.Compare(x.ID, y.ID))
	})
}

func place(terms []Term, id string) int {
	return slices.IndexFunc(terms, func(t Term) bool { return t.ID == id })
}

// link resolves what pages say of each other; what is not there is left out.
func (b *Book) link() {
	for _, t := range b.Threats {
		for _, id := range t.Controls {
			if c := b.controls[id]; c != nil {
				t.Stops = append(t.Stops, c)
				c.Threats = append(c.Threats, t)
			}
		}
	}
	for _, c := range b.Controls {
		for _, id := range c.Requires {
			if r := b.controls[id]; r != nil {
				c.Builds = append(c.Builds, r)
				r.Unlocks = append(r.Unlocks, c)
			}
		}
	}
	for _, i := range b.Incidents {
		for _, id := range i.Threats {
			if t := b.threats[id]; t != nil {
				i.Was = append(i.Was, t)
				t.Incidents = append(t.Incidents, i)
			}
		}
		for _, id := range i.Controls {
			if c := b.controls[id]; c != nil {
				i.Help = append(i.Help, c)
				c.Incidents = append(c.Incidents, i)
			}
		}
	}
}
