package book

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
	source "github.com/yuin/goldmark/text"
)

// Width is how wide a text for a terminal is.
const Width = 80

// Text prints the page at a path for a terminal: plain text of [Width] columns,
// with the pages that a reader may want next.
func (p *Printer) Text(path string) (string, error) {
	d, err := p.doc(path)
	if err != nil {
		return "", err
	}
	md := (&mdWriter{brief: true, link: func(a address, _ string) string { return a.String() }}).body(d)
	t := &terminal{width: Width}
	t.title(p.mark.flatten(d.title), d)
	src := []byte(md)
	t.blocks(p.mark.plain.Parser().Parse(source.NewReader(src)), src, "", "")
	if len(d.related) > 0 {
		t.line("")
		t.line("Read on: bonded guide TOPIC, where TOPIC is one of")
		var ids []string
		for _, a := range d.related {
			ids = append(ids, a.id)
		}
		t.wrap(strings.Join(ids, ", "), "  ", "  ")
	}
	return strings.TrimRight(t.out.String(), "\n") + "\n", nil
}

// body is a page without its title and the way to it.
func (w *mdWriter) body(d *doc) string {
	only := *d
	only.crumbs = nil
	_, rest, _ := strings.Cut(w.page(&only), "\n\n")
	return rest
}

// terminal writes plain text in columns.
type terminal struct {
	out   strings.Builder
	width int
}

func (t *terminal) line(s string) { t.out.WriteString(strings.TrimRight(s, " ") + "\n") }

func (t *terminal) title(title string, d *doc) {
	t.wrap(title, "", "")
	t.line(strings.Repeat("=", min(t.width, utf8.RuneCountInString(title))))
	words := []string{strings.ToLower(d.kicker)}
	for _, m := range d.marks {
		words = append(words, m.text)
	}
	t.wrap(strings.Join(words, " · "), "", "")
	t.line("")
}

// wrap breaks a text at spaces; first and rest stand before its lines.
func (t *terminal) wrap(s, first, rest string) {
	at := first
	empty := true
	for _, word := range strings.Fields(s) {
		if !empty && utf8.RuneCountInString(at)+1+utf8.RuneCountInString(word) > t.width {
			t.line(at)
			at, empty = rest, true
		}
		if !empty {
			at += " "
		}
		at += word
		empty = false
	}
	t.line(at)
}

// blocks writes what stands below a node.
func (t *terminal) blocks(n ast.Node, src []byte, first, rest string) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Heading:
			title := strings.TrimSpace(flat(c, src))
			t.wrap(title, first, rest)
			if c.Level == 2 {
				t.line(rest + strings.Repeat("-", min(t.width, utf8.RuneCountInString(title))))
			}
		case *ast.Paragraph, *ast.TextBlock:
			t.wrap(flat(c, src), first, rest)
			if c.Kind() == ast.KindParagraph {
				t.line("")
			}
		case *ast.List:
			t.list(c, src, rest)
			if rest == "" {
				t.line("")
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			for line := range strings.Lines(string(c.Lines().Value(src))) {
				t.line(rest + "    " + strings.TrimRight(line, "\n"))
			}
			t.line("")
		case *ast.Blockquote:
			t.blocks(c, src, rest+"  ", rest+"  ")
		case *tables.Table:
			t.table(c, src)
			t.line("")
		default:
			t.blocks(c, src, first, rest)
		}
		first = rest
	}
}

func (t *terminal) list(l *ast.List, src []byte, indent string) {
	number := l.Start
	for c := l.FirstChild(); c != nil; c = c.NextSibling() {
		sign := "- "
		if l.IsOrdered() {
			sign = fmt.Sprintf("%d. ", number)
			number++
		}
		t.blocks(c, src, indent+sign, indent+strings.Repeat(" ", len(sign)))
	}
}

// table writes columns if they fit, and one line for each value if they do not.
func (t *terminal) table(n *tables.Table, src []byte) {
	var rows [][]string
	for r := n.FirstChild(); r != nil; r = r.NextSibling() {
		var cells []string
		for c := r.FirstChild(); c != nil; c = c.NextSibling() {
			cells = append(cells, strings.TrimSpace(flat(c, src)))
		}
		rows = append(rows, cells)
	}
	widths := columns(rows, t.width)
	if widths == nil {
		t.records(rows)
		return
	}
	for i, r := range rows {
		t.row(r, widths)
		if i == 0 {
			rule := make([]string, len(r))
			for j := range r {
				rule[j] = strings.Repeat("-", widths[j])
			}
			t.row(rule, widths)
		}
	}
}

// columns finds widths that fit, narrowing the widest one but breaking no word;
// nil: there are too many columns to be read.
func columns(rows [][]string, width int) []int {
	const gap, least = 2, 10
	n := len(rows[0])
	widths, words := make([]int, n), make([]int, n)
	for _, r := range rows {
		for j, c := range r[:min(n, len(r))] {
			widths[j] = max(widths[j], utf8.RuneCountInString(c))
			for _, word := range strings.Fields(c) {
				words[j] = max(words[j], utf8.RuneCountInString(word))
			}
		}
	}
	for {
		sum, widest := gap*(n-1), 0
		for j, w := range widths {
			sum += w
			if w-words[j] > widths[widest]-words[widest] {
				widest = j
			}
		}
		if sum <= width {
			return widths
		}
		if widths[widest] <= max(least, words[widest]) || n > 5 {
			return nil
		}
		widths[widest]--
	}
}

// row writes one row, each cell wrapped in its column.
func (t *terminal) row(cells []string, widths []int) {
	wrapped := make([][]string, len(cells))
	tall := 0
	for j, c := range cells {
		w := &terminal{width: widths[j]}
		w.wrap(c, "", "")
		wrapped[j] = strings.Split(strings.TrimSuffix(w.out.String(), "\n"), "\n")
		tall = max(tall, len(wrapped[j]))
	}
	for i := range tall {
		var line strings.Builder
		for j := range cells {
			s := ""
			if i < len(wrapped[j]) {
				s = wrapped[j][i]
			}
			line.WriteString(s + strings.Repeat(" ", max(0, widths[j]-utf8.RuneCountInString(s))) + "  ")
		}
		t.line(line.String())
	}
}

// records writes a table that is too wide: a block for each row.
func (t *terminal) records(rows [][]string) {
	for _, r := range rows[1:] {
		for j, c := range r {
			switch {
			case j == 0:
				t.wrap(c, "", "  ")
			case c != "" && j < len(rows[0]):
				t.wrap(rows[0][j]+": "+c, "  ", "    ")
			}
		}
	}
}
