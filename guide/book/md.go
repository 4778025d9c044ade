package book

import (
	"fmt"
	"regexp"
	"strings"
)

// mdLink matches a link in Markdown: its text and where it leads.
var mdLink = regexp.MustCompile(`\[((?:[^\]\\]|\\.)*)\]\(([^)\s]+)\)`)

// Markdown prints the page at a path, with links to the other Markdown files.
func (p *Printer) Markdown(path string) ([]byte, error) {
	d, err := p.doc(path)
	if err != nil {
		return nil, err
	}
	w := &mdWriter{link: func(a address, anchor string) string {
		return relative(mdPath(path), mdPath(a.path()), ".md") + anchor
	}}
	return []byte(w.page(d)), nil
}

// mdPath is the name under which code hosts show a folder's front page.
func mdPath(path string) string {
	if path == "index" {
		return "README"
	}
	return path
}

// MarkdownFiles lists the pages as Markdown files, with their paths.
func (p *Printer) MarkdownFiles() map[string]string {
	files := map[string]string{}
	for _, a := range p.order {
		files[mdPath(a.path())+".md"] = a.path()
	}
	return files
}

// mdWriter writes a doc as Markdown.
type mdWriter struct {
	link  func(a address, anchor string) string
	brief bool // lists name pages and do not repeat what stands there
	out   strings.Builder
}

func (w *mdWriter) printf(format string, args ...any) { fmt.Fprintf(&w.out, format, args...) }

// linked rewrites the links of a text.
func (w *mdWriter) linked(s string) string {
	return mdLink.ReplaceAllStringFunc(s, func(m string) string {
		parts := mdLink.FindStringSubmatch(m)
		if a, anchor, ok := parseAddress(parts[2]); ok {
			s := "[" + parts[1] + "](" + w.link(a, anchor) + ")"
			// Plain text shows no link; a chapter is where it goes on, so name it.
			if w.brief && a.kind == "chapter" && !strings.EqualFold(strings.ReplaceAll(parts[1], " ", "-"), a.id) {
				s += ` \[` + a.id + `\]`
			}
			return s
		}
		return m
	})
}

func (w *mdWriter) page(d *doc) string {
	var crumbs []string
	for _, c := range d.crumbs {
		crumbs = append(crumbs, "["+c.title+"]("+w.link(c.to, "")+")")
	}
	if len(crumbs) > 0 {
		w.printf("[Guide](%s) › %s\n\n", w.link(address{"page", "index"}, ""), strings.Join(crumbs, " › "))
	}
	w.printf("# %s\n\n", d.title)
	if d.lead != "" {
		w.printf("%s\n\n", w.linked(d.lead))
	}
	for _, f := range d.glance {
		w.printf("- **%s**: %s\n", f.name, w.linked(f.value))
	}
	if len(d.glance) > 0 {
		w.printf("\n")
	}
	w.parts(d.parts)
	if d.checked != "" {
		w.printf("Facts last held against their sources on %s.\n", d.checked)
	}
	return strings.TrimRight(w.out.String(), "\n") + "\n"
}

func (w *mdWriter) parts(list []part) {
	for _, x := range list {
		switch x := x.(type) {
		case prose:
			if x != "" {
				w.printf("%s\n\n", w.linked(string(x)))
			}
		case command:
			w.printf("```sh\n%s\n```\n\n", x)
		case heading:
			w.printf("%s %s\n\n", strings.Repeat("#", x.level), w.linked(x.text))
		case group:
			w.parts(x.parts)
		case folded:
			w.printf("**%s**\n\n", x.title)
			w.parts(x.parts)
		case facts:
			for _, f := range x {
				w.printf("- **%s**: %s\n", f.name, w.linked(f.value))
			}
			w.printf("\n")
		case entries:
			w.entries(x)
		case table:
			w.table(x)
		case figure:
			w.printf("%s\n\n", x.desc)
			w.table(x.data)
		case cards:
			w.cards(x)
		}
	}
}

// named is a link to a page; plain text shows none, so it says what to ask for.
func (w *mdWriter) named(a address, title string) string {
	if w.brief {
		return title + ` \[` + a.id + `\]`
	}
	return w.linked(ref(a, title))
}

func (w *mdWriter) entries(list entries) {
	for _, e := range list {
		w.printf("- %s", w.named(e.to, e.title))
		var marks []string
		for _, m := range e.marks {
			marks = append(marks, m.text)
		}
		if len(marks) > 0 {
			w.printf(" (%s)", strings.Join(marks, "; "))
		}
		if e.text != "" && !w.brief {
			w.printf(": %s", w.linked(e.text))
		}
		w.printf("\n")
	}
	w.printf("\n")
}

func (w *mdWriter) cards(list cards) {
	for _, c := range list {
		w.printf("- **%s**: %s", w.named(c.to, c.title), w.linked(c.text))
		for i, l := range c.links {
			w.printf("%s %s", cond(i > 0, ";", ""), w.linked(l))
		}
		w.printf("\n")
	}
	w.printf("\n")
}

func (w *mdWriter) table(t table) {
	if !t.quiet {
		w.printf("**%s**\n\n", t.caption)
	}
	w.printf("| %s |\n|%s\n", strings.Join(t.head, " | "), strings.Repeat(" --- |", len(t.head)))
	for _, r := range t.rows {
		w.printf("|")
		for _, c := range r {
			s := c.text
			if c.list != nil {
				s = strings.Join(c.list, "; ")
			}
			w.printf(" %s |", piped(w.linked(strings.Join(strings.Fields(s), " "))))
		}
		w.printf("\n")
	}
	w.printf("\n")
}

// piped keeps a cell in its column.
func piped(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, `\|`, "|"), "|", `\|`)
}
