package book

import (
	"fmt"
	"html"
	"strings"
)

// svg draws. Colours come from the style sheet by class, so that a figure is
// readable in the dark and on paper; geometry stands in attributes, which a
// policy without inline style allows.
type svg struct {
	out  strings.Builder
	w, h int
}

func newSVG(w, h int, title, desc string) *svg {
	s := &svg{w: w, h: h}
	fmt.Fprintf(&s.out, `<svg role="img" viewBox="0 0 %d %d" width="%d" height="%d"><title>%s</title><desc>%s</desc>`,
		w, h, w, h, html.EscapeString(title), html.EscapeString(desc))
	return s
}

func (s *svg) String() string { return s.out.String() + "</svg>" }

// num writes a coordinate.
func num(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.1f", v), "0"), ".")
}

func (s *svg) text(class string, x, y float64, anchor, text string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	fmt.Fprintf(&s.out, `<text class="%s" x="%s" y="%s"%s>%s</text>`, class, num(x), num(y), anchor, html.EscapeString(text))
}

func (s *svg) rect(class string, x, y, w, h float64) {
	if w > 0 {
		fmt.Fprintf(&s.out, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, num(x), num(y), num(w), num(h))
	}
}

// round is a rectangle with round corners.
func (s *svg) round(class string, x, y, w, h, r float64) {
	fmt.Fprintf(&s.out, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, class, num(x), num(y), num(w), num(h), num(r))
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&s.out, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

func (s *svg) circle(class string, x, y, r float64) {
	fmt.Fprintf(&s.out, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`, class, num(x), num(y), num(r))
}

func (s *svg) path(class, d string) { fmt.Fprintf(&s.out, `<path class="%s" d="%s"/>`, class, d) }

// kind is the sign of a kind of incident: it differs in shape, not only in shade.
func (s *svg) kind(kind string, x, y float64) {
	switch kind {
	case "attack":
		s.circle("dot", x, y, 5)
	case "demonstration":
		s.circle("dot-soft", x, y, 4.4)
	case "finding":
		s.path("dot-soft", fmt.Sprintf("M%s %sl5 9h-10z", num(x), num(y-5)))
	case "outage":
		s.rect("dot-grey", x-4, y-4, 8, 8)
	default:
		s.path("dot-grey", fmt.Sprintf("M%s %sl5.5 5.5l-5.5 5.5l-5.5 -5.5z", num(x), num(y-5.5)))
	}
}

// link leads to a page. The keyboard finds the same links in the table that
// belongs to the figure, and need not walk through every dot.
func (s *svg) link(href string, inside func()) {
	fmt.Fprintf(&s.out, `<a href="%s" tabindex="-1">`, html.EscapeString(href))
	inside()
	s.out.WriteString("</a>")
}

// titled shows a text to whoever points at what is inside.
func (s *svg) titled(title string, inside func()) {
	s.out.WriteString("<g><title>" + html.EscapeString(title) + "</title>")
	inside()
	s.out.WriteString("</g>")
}
