package book

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extended "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	source "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// marker turns Markdown into HTML and into plain text. Raw HTML in a page is
// left out: pages hold none, and what is not there cannot be unsafe.
type marker struct {
	html  goldmark.Markdown
	plain goldmark.Markdown
}

// place is where a text stands: how links leave it, how deep its headings are.
type place struct {
	link   func(a address, anchor string) string
	deeper int    // added to the levels of headings
	prefix string // of anchors
}

var placeKey = parser.NewContextKey()

func newMarker() *marker {
	tables := extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))
	quotes := extension.NewTypographer(extension.WithTypographicSubstitutions(extension.TypographicSubstitutions{
		// Two dashes stay two dashes: they begin options.
		extension.EnDash: nil, extension.EmDash: nil, extension.Ellipsis: nil,
		extension.LeftAngleQuote: nil, extension.RightAngleQuote: nil,
	}))
	return &marker{
		html: goldmark.New(
			goldmark.WithExtensions(tables, quotes, extension.DefinitionList),
			goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(placing{}, 500))),
		),
		plain: goldmark.New(goldmark.WithExtensions(tables, extension.DefinitionList)),
	}
}

// blocks renders a text of several paragraphs.
func (m *marker) blocks(src string, at place) string {
	ctx := parser.NewContext()
	ctx.Set(placeKey, at)
	var out bytes.Buffer
	if err := m.html.Convert([]byte(src), &out, parser.WithContext(ctx)); err != nil {
		panic(err) // a buffer takes everything
	}
	return whole.ReplaceAllStringFunc(decorate.Replace(out.String()), func(text string) string {
		return percent.ReplaceAllString(day.ReplaceAllString(text, `<span class="day">$0</span>`), "$1\u00a0%")
	})
}

// inline renders a text of one paragraph, without the paragraph.
func (m *marker) inline(src string, at place) string {
	s := strings.TrimSpace(m.blocks(src, at))
	if inner, ok := strings.CutPrefix(s, "<p>"); ok && strings.Count(s, "<p>") == 1 {
		return strings.TrimSuffix(inner, "</p>")
	}
	return s
}

// decorate adds to the renderer's elements what they need here: what is wide
// scrolls in a box that the keyboard reaches. The renderer escapes text, so that
// these can only be its own.
var decorate = strings.NewReplacer(
	"<table>", `<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>`,
	"</table>", "</table></div>",
	"<pre>", `<pre tabindex="0">`,
	"(unchecked)", `<small class="unchecked">(unchecked)</small>`,
)

// whole matches the text between two tags, day and percent a date and a share in
// it, which a narrow column must not break.
var (
	whole   = regexp.MustCompile(`>[^<]+<`)
	day     = regexp.MustCompile(`\b(19|20)\d\d-\d\d(-\d\d)?\b`)
	percent = regexp.MustCompile(`(\d) %`)
)

// placing rewrites links and headings for where a text stands, and tells each
// cell of a wide table its column, for a phone sets a row as lines.
type placing struct{}

func (placing) Transform(root *ast.Document, reader source.Reader, ctx parser.Context) {
	at, _ := ctx.Get(placeKey).(place)
	walk := func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			if a, anchor, ok := parseAddress(string(n.Destination)); ok {
				n.Destination = []byte(at.link(a, anchor))
			} else if own, ok := strings.CutPrefix(string(n.Destination), "#"); ok {
				n.Destination = []byte("#" + at.prefix + own)
			} else {
				n.SetAttributeString("rel", []byte("external noreferrer"))
			}
		case *ast.Heading:
			n.SetAttributeString("id", []byte(at.prefix+slug(flat(n, reader.Source()))))
			n.Level = min(6, n.Level+at.deeper)
		case *extended.Table:
			label(n, reader.Source())
		}
		return ast.WalkContinue, nil
	}
	_ = ast.Walk(root, walk) // walk returns no error
}

func label(t *extended.Table, src []byte) {
	var head []string
	for r := t.FirstChild(); r != nil; r = r.NextSibling() {
		i := 0
		for c := r.FirstChild(); c != nil; c, i = c.NextSibling(), i+1 {
			switch {
			case r == t.FirstChild():
				head = append(head, strings.TrimSpace(flat(c, src)))
			case i > 0 && len(head) > 2 && i < len(head):
				c.SetAttributeString("data-label", []byte(head[i]))
			}
		}
	}
}

// flatten is a text without its marks.
func (m *marker) flatten(src string) string {
	b := []byte(src)
	root := m.plain.Parser().Parse(source.NewReader(b))
	return strings.Join(strings.Fields(flat(root, b)), " ")
}

// flat collects the text below a node.
func flat(n ast.Node, src []byte) string {
	var out strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				out.Write(util.UnescapePunctuations(n.Segment.Value(src)))
				if n.SoftLineBreak() || n.HardLineBreak() {
					out.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				out.Write(n.Value)
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			if entering {
				out.Write(n.Lines().Value(src))
			}
		default:
			if !entering && n.Type() == ast.TypeBlock {
				out.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return out.String()
}
