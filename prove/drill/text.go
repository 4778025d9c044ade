package drill

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The columns of a table on a terminal of 80 characters.
const (
	columns    = 80
	wideAttack = 36
	wideKind   = 9
	wideHarmed = 6
	wideBy     = columns - 2 - wideAttack - 1 - wideKind - 1 - wideHarmed - 1
)

// Text is the report for a person at a terminal 80 characters wide.
func (r *Report) Text() string {
	var b strings.Builder
	row(&b, "THREAT and attack", "DIALECT", "HARMED", "STOPPED BY")
	for _, t := range r.Threats {
		heading(&b, t.Threat, t.Title)
		writeOutcomes(&b, t.Outcomes)
	}
	if len(r.Without) > 0 {
		fmt.Fprintf(&b, "\n")
		Paragraph(&b, "", "played without: "+strings.Join(r.Without, ", "))
	}
	if r.Spared > 0 {
		fmt.Fprintf(&b, "\n")
		Paragraph(&b, "", fmt.Sprintf("%s on accounts left out: they need persons whom only a repository of ours lets the drill make", plural(r.Spared, "attack")))
	}
	r.writeHoles(&b)
	fmt.Fprintf(&b, "\n")
	s := r.Sum
	Paragraph(&b, "", fmt.Sprintf("%s, %s: %d harmed, %d stopped, %d not played, %d unknown; %s",
		plural(s.Threats, "threat"), plural(s.Attacks, "attack"), s.Harmed, s.Stopped, s.NotPlayed, s.Unknown, plural(s.Holes, "open hole")))
	return b.String()
}

func (r *Report) writeHoles(b *strings.Builder) {
	if len(r.Holes) == 0 {
		return
	}
	fmt.Fprintf(b, "\nOPEN HOLES: %d, which no attack plays, or not the whole of", len(r.Holes))
	if len(r.Holes) > fewHoles {
		b.WriteString(";\nfor the reasons: bonded drill --list\n")
		var ids []string
		for _, h := range r.Holes {
			ids = append(ids, h.Threat)
		}
		Paragraph(b, "    ", strings.Join(ids, ", "))
		return
	}
	b.WriteByte('\n')
	for _, h := range r.Holes {
		heading(b, h.Threat, h.Title)
		Paragraph(b, "    ", h.Why)
	}
}

// fewHoles are told with their reasons; more would bury what was played.
const fewHoles = 10

// merged is an outcome that several dialects share.
type merged struct {
	Outcome
	kinds []string
}

// merge puts dialects in which the same came of an attack on one line. What
// was lost is told for each.
func merge(list []Outcome) (out []merged) {
	for _, o := range list {
		i := slices.IndexFunc(out, func(m merged) bool {
			told := m.Outcome.Outcome == OutcomeStopped && len(o.StoppedBy) > 0 || m.Why == o.Why
			return m.Attack == o.Attack && m.Outcome.Outcome == o.Outcome && slices.Equal(m.StoppedBy, o.StoppedBy) && told
		})
		if i < 0 {
			out = append(out, merged{o, []string{o.Kind}})
			continue
		}
		out[i].kinds = append(out[i].kinds, o.Kind)
	}
	return out
}

// writeOutcomes prints a threat's outcomes; an attack is named once.
func writeOutcomes(b *strings.Builder, list []Outcome) {
	before := ""
	for _, m := range merge(list) {
		name := m.Attack
		if name == before {
			name = ""
		}
		before = m.Attack
		m.write(b, name)
	}
}

func (m merged) write(b *strings.Builder, name string) {
	kinds := strings.Join(m.kinds, " ")
	switch m.Outcome.Outcome {
	case OutcomeHarmed:
		row(b, name, kinds, "YES", "nothing")
		Paragraph(b, "      lost: ", m.Why)
	case OutcomeStopped:
		row(b, name, kinds, "no", strings.Join(m.StoppedBy, ", "))
		if len(m.StoppedBy) == 0 {
			Paragraph(b, "      told: ", brief(m.Why))
		}
	case OutcomeNotPlayed:
		row(b, name, kinds, "-", "not played")
		Paragraph(b, "      needs: ", m.Why)
	default:
		row(b, name, kinds, "?", "could not find out")
		Paragraph(b, "      because: ", m.Why)
	}
}

// brief is the beginning of what an attacker was told.
func brief(s string) string {
	const most = 200
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "..."
}

// heading starts a group: an id and its title.
func heading(b *strings.Builder, id, title string) {
	for i, line := range wrap(title, columns-len(id)-2) {
		if i > 0 {
			id = strings.Repeat(" ", len(id))
		}
		fmt.Fprintf(b, "%s  %s\n", id, line)
	}
}

// row prints four cells, each wrapped within its column.
func row(b *strings.Builder, cells ...string) {
	widths := []int{wideAttack, wideKind, wideHarmed, wideBy}
	lines, most := make([][]string, len(cells)), 0
	for i, c := range cells {
		lines[i] = wrap(c, widths[i])
		most = max(most, len(lines[i]))
	}
	for n := range most {
		line := " "
		for i := range cells {
			text := ""
			if n < len(lines[i]) {
				text = lines[i][n]
			}
			line += " " + text + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		}
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
}

// Paragraph prints text at most 80 characters wide, whose first line follows lead and whose other lines
// stand below it.
func Paragraph(b *strings.Builder, lead, text string) {
	for _, line := range wrap(text, columns-len(lead)) {
		fmt.Fprintln(b, lead+line)
		lead = strings.Repeat(" ", len(lead))
	}
}

// wrap breaks a text at blanks, and within words that are longer than a line.
func wrap(text string, width int) (lines []string) {
	line := []rune{}
	for word := range strings.FieldsSeq(text) {
		w := []rune(word)
		if len(line) > 0 && len(line)+1+len(w) > width {
			lines, line = append(lines, string(line)), nil
		}
		if len(line) > 0 {
			line = append(line, ' ')
		}
		line = append(line, w...)
		for len(line) > width {
			lines, line = append(lines, string(line[:width])), line[width:]
		}
	}
	if len(line) > 0 || len(lines) == 0 {
		lines = append(lines, string(line))
	}
	return lines
}

// longest is how much of a text from outside a report keeps, characters.
const longest = 600

// plain makes a text from outside fit for a terminal: no control characters,
// nothing that turns the direction of writing, not endless.
func plain(s string) string {
	n := 0
	s = strings.Map(func(r rune) rune {
		n++
		switch {
		case n > longest:
			return -1
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if n > longest {
		s += "..."
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
