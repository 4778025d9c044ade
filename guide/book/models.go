package book

import (
	"fmt"
	"slices"

	"bonded.dev/guide"
)

// sign is a control's adoption as one character; legend says what they mean.
func sign(c *guide.Control) string {
	switch c.Adoption {
	case "several":
		return "●"
	case "few":
		return "◐"
	case "none seen":
		return "○"
	}
	return "·"
}

const legend = "● several public registries or clients have it, ◐ few, ○ seen nowhere, · cannot be told from outside."

// matrix sets threats beside the controls against them.
func (p *Printer) matrix() []part {
	out := []part{p.heat(), prose(legend + " Covered: several have a control against the threat; thin: only a few do; bare: hardly anybody does. " +
		"Incidents: since " + guide.Since + " (all years).")}
	for _, s := range guide.Stages() {
		list := table{caption: "Threats that strike the stage " + s.Name + ", and the controls against them", class: "matrix coverage", quiet: true,
			head: []string{"Threat", "Coverage", "Incidents", "Controls, the most important first"}}
		for _, t := range byIncidents(p.stage(s.ID)) {
			var c cell
			for _, x := range t.Stops {
				c.list = append(c.list, sign(x)+" "+ref(address{"control", x.ID}, x.Title))
			}
			list.rows = append(list.rows, row{text("%s", ref(address{"threat", t.ID}, t.Title)), {class: "cover cover-" + t.Cover(), text: t.Cover()},
				text("%d (%d)", guide.Recent(t.Incidents), len(t.Incidents)), c})
		}
		if len(list.rows) > 0 {
			out = append(out, heading{3, s.Name}, list)
		}
	}
	return out
}

// heat counts which tracks work against which stage.
func (p *Printer) heat() part {
	out := table{caption: "How many threats of a stage a track works against", class: "heat numbers", head: []string{"Stage"}}
	for _, t := range guide.Tracks() {
		out.head = append(out.head, t.Name)
	}
	out.head = append(out.head, "Threats", "Bare or thin")
	for _, s := range guide.Stages() {
		list := p.stage(s.ID)
		r := row{text("%s", s.Name)}
		for _, track := range guide.Tracks() {
			n := 0
			for _, t := range list {
				if slices.ContainsFunc(t.Stops, func(c *guide.Control) bool { return c.Track == track.ID }) {
					n++
				}
			}
			shade := 0
			if n > 0 {
				shade = 1 + 3*n/len(list)
			}
			r = append(r, cell{class: fmt.Sprintf("heat-%d", shade), text: itoa(n)})
		}
		weak := 0
		for _, t := range list {
			if t.Cover() != guide.Covered {
				weak++
			}
		}
		out.rows = append(out.rows, append(r, text("%d", len(list)), text("%d", weak)))
	}
	return out
}

// maturity sets controls into levels and tracks.
func (p *Printer) maturity() []part {
	means := table{caption: "What each level buys", class: "plain", head: []string{"Level", "What holds"}}
	for _, l := range guide.Levels() {
		means.rows = append(means.rows, row{text("**%s %s**", l.ID, l.Name), text("%s", l.Means)})
	}
	grid := table{caption: "Controls by track and level", class: "matrix maturity", head: []string{"Track"}}
	for _, l := range guide.Levels()[1:] {
		grid.head = append(grid.head, l.ID+" "+l.Name)
	}
	for _, t := range guide.Tracks() {
		r := row{text("**%s**: %s", t.Name, t.Means)}
		for _, l := range guide.Levels()[1:] {
			var c cell
			for _, x := range p.Controls {
				if x.Track == t.ID && itoa(x.Level) == l.ID {
					c.list = append(c.list, holds(x)+" "+ref(address{"control", x.ID}, x.Title))
				}
			}
			r = append(r, c)
		}
		grid.rows = append(grid.rows, r)
	}
	return []part{means, prose("What bonded itself holds today: ✓ held, ◐ partly, ○ not yet, – not a repository's to hold."), grid}
}

func holds(c *guide.Control) string {
	switch c.Here {
	case "held":
		return "✓"
	case "partly":
		return "◐"
	case "beside":
		return "–"
	}
	return "○"
}

// unlocks shows what builds on what, from the ground up.
func (p *Printer) unlocks() []part {
	depth := map[string]int{}
	var of func(c *guide.Control, seen int) int
	of = func(c *guide.Control, seen int) int {
		if d, ok := depth[c.ID]; ok {
			return d
		}
		d := 0
		for _, b := range c.Builds {
			if seen < len(p.Controls) { // a circle is Check's to report
				d = max(d, of(b, seen+1)+1)
			}
		}
		depth[c.ID] = d
		return d
	}
	deepest := 0
	for _, c := range p.Controls {
		if len(c.Builds)+len(c.Unlocks) > 0 {
			deepest = max(deepest, of(c, 0))
		}
	}
	names := []string{"Needs nothing before it", "Then", "Then", "Then", "Then", "Then"}
	out := table{caption: "What unlocks what: each layer needs the one before", class: "plain", head: []string{"Layer", "Control", "Needs", "Unlocks"}}
	for layer := range deepest + 1 {
		for _, c := range p.Controls {
			if d, in := depth[c.ID]; !in || d != layer {
				continue
			}
			out.rows = append(out.rows, row{text("%d %s", layer+1, names[min(layer, len(names)-1)]),
				text("%s", ref(address{"control", c.ID}, c.Title)), {list: refs(c.Builds)}, {list: refs(c.Unlocks)}})
		}
	}
	return []part{out}
}

func refs(list []*guide.Control) (out []string) {
	for _, c := range list {
		out = append(out, ref(address{"control", c.ID}, c.Title))
	}
	return out
}
