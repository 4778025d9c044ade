package book

import (
	"fmt"
	"strings"

	"bonded.dev/guide"
)

// registries tells what one registry has: first what it lacks, then all of it.
func (p *Printer) registries(args []string) ([]part, error) {
	name := strings.Join(args, " ")
	out := table{class: "plain", head: []string{"Control", "Level", "Has it", "Detail"}}
	tally := map[string]int{}
	var lacks []string
	for _, c := range p.byTrack() {
		state := stateOf(c, name)
		if state == "" {
			continue
		}
		word, detail := has(state)
		tally[word]++
		if word == "no" {
			lacks = append(lacks, ref(address{"control", c.ID}, c.Title))
		}
		out.rows = append(out.rows, row{text("%s", ref(address{"control", c.ID}, c.Title)), text("%s %d", c.Track, c.Level),
			{class: "has has-" + slug(word), text: word}, text("%s", detail)})
	}
	if len(out.rows) == 0 {
		return nil, fmt.Errorf("{{registries %s}}: no control says what that registry has", name)
	}
	out.caption = fmt.Sprintf("What %s has: %d yes, %d partly, %d no, %d unknown", name, tally["yes"], tally["partly"], tally["no"], tally["unknown"])
	if len(lacks) == 0 {
		return []part{out}, nil
	}
	return []part{prose("**Recorded as missing:** " + strings.Join(lacks, "; ") + "."), out}, nil
}

// byTrack are the controls in the order of the tracks.
func (p *Printer) byTrack() (list []*guide.Control) {
	for _, t := range guide.Tracks() {
		for _, c := range p.Controls {
			if c.Track == t.ID {
				list = append(list, c)
			}
		}
	}
	return list
}

// stateOf is what is recorded of a registry; "" when nothing is.
func stateOf(c *guide.Control, name string) string {
	for key, state := range c.Registries {
		if strings.EqualFold(key, name) {
			return state
		}
	}
	return ""
}

// compare sets several registries side by side. A row of which only one is
// known compares nothing.
func (p *Printer) compare(args []string) ([]part, error) {
	if len(args) < 2 {
		return nil, fmt.Errorf("{{compare %s}} wants two names or more", strings.Join(args, " "))
	}
	out := table{caption: "Who has what", quiet: true, class: "matrix compare", head: append([]string{"Control"}, args...)}
	known := map[string]bool{}
	for _, c := range p.byTrack() {
		r, n := row{text("%s", ref(address{"control", c.ID}, c.Title))}, 0
		for _, name := range args {
			word := "–"
			if state := stateOf(c, name); state != "" {
				word, _ = has(state)
				known[name] = true
				n++
			}
			r = append(r, cell{class: "has has-" + slug(word), text: word})
		}
		if n > 1 {
			out.rows = append(out.rows, r)
		}
	}
	for _, name := range args {
		if !known[name] {
			return nil, fmt.Errorf("{{compare}}: no control says what %s has", name)
		}
	}
	return []part{out}, nil
}
