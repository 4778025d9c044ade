package audit

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	columns = 80
	// mostAdvice is how much of the list of what to fund a terminal shows.
	mostAdvice = 10
)

// Text is the report for a person at a terminal 80 characters wide.
func (r *Report) Text() string {
	var b strings.Builder
	for i, s := range r.Sections {
		if i > 0 {
			b.WriteString("\n")
		}
		s.text(&b)
	}
	if r.Stay != nil {
		b.WriteString("\n")
		paragraph(&b, "", r.Stay.text())
	}
	if r.Stopped != "" {
		b.WriteString("\n")
		paragraph(&b, "", "The audit ended early: "+r.Stopped)
	}
	return b.String()
}

// text says how far a stay came.
func (s *Stayed) text() string {
	says := fmt.Sprintf("With an account %s were tried, of which %d went badly.", Count(s.Steps, "thing"), s.Bad)
	if s.Ended != "" {
		says += " It went no further: " + s.Ended
	}
	return says
}

func (s *Section) text(b *strings.Builder) {
	head := s.Kind + " at " + s.Root
	fmt.Fprintf(b, "%s\n%s\n", head, strings.Repeat("=", min(columns, utf8.RuneCountInString(head))))
	switch {
	case len(s.Packages) > 0:
		paragraph(b, "Looked at: ", strings.Join(s.Packages, ", "))
	default:
		paragraph(b, "", "Looked at no package.")
	}
	if len(s.Missing) > 0 {
		paragraph(b, "Not there: ", strings.Join(s.Missing, ", "))
	}
	if s.Trouble != "" {
		paragraph(b, "Trouble: ", s.Trouble)
	}
	s.levels(b)
	for _, t := range s.Tracks {
		s.trackText(b, t)
	}
	s.unseen(b)
	s.fundingText(b)
	n := s.Sum
	b.WriteString("\n")
	paragraph(b, "", fmt.Sprintf("%d controls: %d held, %d not held, %d documented, %d unknown, %d not applicable",
		n.Controls, n.Held, n.NotHeld, n.Documented, n.Unknown, n.Beside))
}

// levels is the table of the maturity model.
func (s *Section) levels(b *strings.Builder) {
	const row = "%-15s%5s%5s%8s  "
	fmt.Fprintf(b, "\n"+row+"%s\n", "LEVELS", "SEEN", "TOLD", "AT MOST", "WHAT KEEPS THE TRACK FROM THE NEXT ONE")
	for _, t := range s.Tracks {
		if !t.Applies {
			fmt.Fprintf(b, row+"%s\n", t.Track, "-", "-", "-", "not a repository's to hold")
			continue
		}
		lead := fmt.Sprintf(row, t.Track, fmt.Sprint(t.Level), fmt.Sprint(t.Documented), fmt.Sprint(t.Possible))
		paragraph(b, lead, t.keeps())
	}
	fmt.Fprintf(b, "\n"+row+"%s\n", "PRINCIPLES", "SEEN", "TOLD", "AT MOST", "ITEMS THAT KEEP FROM THE NEXT LEVEL")
	for _, p := range s.Principles {
		if !p.Applies {
			fmt.Fprintf(b, row+"%s\n", p.Group, "-", "-", "-", "not a repository's to hold")
			continue
		}
		paragraph(b, fmt.Sprintf(row, p.Group, fmt.Sprint(p.Level), fmt.Sprint(p.Documented), fmt.Sprint(p.Possible)), p.Keeps())
	}
}

// keeps says what keeps a track from the next level, what is missing first.
func (t Track) keeps() string {
	var parts []string
	for _, state := range []State{NotHeld, Documented, Unknown} {
		var ids []string
		for _, g := range t.Next {
			if g.State == state {
				ids = append(ids, g.Control)
			}
		}
		if len(ids) > 0 {
			parts = append(parts, string(state)+": "+strings.Join(ids, ", "))
		}
	}
	if len(parts) == 0 {
		return "nothing that applies"
	}
	return strings.Join(parts, "; ")
}

// trackText lists what is known of a track's controls. What nobody looked for
// comes together at the end.
func (s *Section) trackText(b *strings.Builder, t Track) {
	first := true
	for _, j := range s.Controls {
		if j.Track != t.Track || j.quiet() {
			continue
		}
		if first {
			fmt.Fprintf(b, "\n%s\n", strings.ToUpper(t.Track))
			first = false
		}
		fmt.Fprintf(b, "  %d  %-14s %s\n", j.Level, j.State, j.Control)
		paragraph(b, "       ", j.Why)
	}
}

// quiet: nothing was seen, and nothing was expected to be.
func (j *Judged) quiet() bool {
	return (j.State == Unknown || j.State == Beside) && len(j.Evidence) == 0
}

// unseen names those of which nothing is known, without the reasons: they are
// the same at every repository, and stand in the JSON and on the page.
func (s *Section) unseen(b *strings.Builder) {
	for _, state := range []State{Unknown, Beside} {
		var ids []string
		for _, j := range s.Controls {
			if j.State == state && j.quiet() {
				ids = append(ids, j.Control)
			}
		}
		if len(ids) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n%s, WITHOUT EVIDENCE\n", strings.ToUpper(string(state)))
		paragraph(b, "  ", strings.Join(ids, ", "))
	}
}

func (s *Section) fundingText(b *strings.Builder) {
	if len(s.Funding) == 0 {
		return
	}
	fmt.Fprintf(b, "\nWHAT TO FUND NEXT, by the incidents that it would have helped against\n")
	const row = "  %-28s %-9s %-7s %6s %5s  %s\n"
	fmt.Fprintf(b, row, "CONTROL", "STATE", "EFFORT", "RECENT", "ALL", "UNLOCKS")
	for _, a := range s.Funding[:min(mostAdvice, len(s.Funding))] {
		fmt.Fprintf(b, row, a.Control, a.State, a.Effort, fmt.Sprint(a.Recent), fmt.Sprint(a.Incidents), a.unlocks())
	}
	if left := len(s.Funding) - mostAdvice; left > 0 {
		fmt.Fprintf(b, "  and %d more: see --json or --html\n", left)
	}
}

// unlocks says in a few words what comes of it.
func (a Advice) unlocks() string {
	var parts []string
	if a.Raises > 0 {
		parts = append(parts, fmt.Sprintf("level %d", a.Raises))
	}
	if n := len(a.Unlocks); n > 0 {
		parts = append(parts, fmt.Sprintf("%d more", n))
	}
	return strings.Join(parts, ", ")
}

// paragraph prints text whose first line follows lead and whose other lines
// stand below it.
func paragraph(b *strings.Builder, lead, text string) {
	wide := utf8.RuneCountInString(lead)
	for i, line := range wrap(text, columns-wide) {
		if i > 0 {
			lead = strings.Repeat(" ", wide)
		}
		fmt.Fprintln(b, strings.TrimRight(lead+line, " "))
	}
}

// wrap breaks text at blanks into lines of at most width characters; a longer
// word is broken where it has to be.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		for {
			space := width - utf8.RuneCountInString(line)
			if line != "" {
				space--
			}
			r := []rune(word)
			if len(r) <= space {
				line = strings.TrimLeft(line+" "+word, " ")
				break
			}
			if line != "" {
				lines, line = append(lines, line), ""
				continue
			}
			lines, word = append(lines, string(r[:width])), string(r[width:])
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return slices.Clip(lines)
}
