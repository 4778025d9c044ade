package book

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"bonded.dev/guide"
)

// byIncidents are the threats, most incidents first: recent ones count before
// older ones.
func byIncidents(list []*guide.Threat) []*guide.Threat {
	return slices.SortedStableFunc(slices.Values(list), func(x, y *guide.Threat) int {
		return cmp.Or(guide.Recent(y.Incidents)-guide.Recent(x.Incidents), len(y.Incidents)-len(x.Incidents))
	})
}

// byHelp are the controls, those first that would have helped most.
func byHelp(list []*guide.Control) []*guide.Control {
	return slices.SortedStableFunc(slices.Values(list), func(x, y *guide.Control) int {
		return cmp.Or(guide.Recent(y.Incidents)-guide.Recent(x.Incidents), len(y.Incidents)-len(x.Incidents))
	})
}

// ranking shows the threats of most incidents.
func (p *Printer) ranking(n int) []part {
	var rows []bar
	for _, t := range byIncidents(p.Threats)[:min(n, len(p.Threats))] {
		rows = append(rows, bar{address{"threat", t.ID}, t.Title, guide.Recent(t.Incidents), len(t.Incidents), ""})
	}
	return bars("What attackers use most", "Threats by the number of incidents that they were part of.", "Threat", rows)
}

// helped shows the controls that would have helped most.
func (p *Printer) helped(n int) []part {
	var rows []bar
	for _, c := range byHelp(p.Controls)[:min(n, len(p.Controls))] {
		rows = append(rows, bar{address{"control", c.ID}, c.Title, guide.Recent(c.Incidents), len(c.Incidents), ""})
	}
	return bars("What would have helped most", "Controls by the number of incidents that each would have stopped or shortened.", "Control", rows)
}

// cheapest are the controls that take hours or days and help most.
func (p *Printer) cheapest(n int) []part {
	out := table{caption: "Hours or days of work, by the incidents that each would have helped against", class: "plain numbers-2",
		head: []string{"Control", "Effort", "Friction", "Incidents since " + guide.Since, "All years", "Threats"}}
	for _, c := range byHelp(p.Controls) {
		if (c.Effort == "hours" || c.Effort == "days") && len(out.rows) < n {
			out.rows = append(out.rows, row{text("%s", ref(address{"control", c.ID}, c.Title)), text("%s", c.Effort), text("%s", c.Friction),
				text("%d", guide.Recent(c.Incidents)), text("%d", len(c.Incidents)), text("%d", len(c.Threats))})
		}
	}
	return []part{out}
}

// bar is one line of a bar chart: a part and a whole.
type bar struct {
	to          address
	title       string
	recent, all int
	note        string
}

// bars draws lines whose dark part happened lately.
func bars(title, desc, what string, rows []bar) []part {
	most := 1
	data := table{caption: title, class: "plain numbers", head: []string{what, "Since " + guide.Since, "All years"}}
	for _, r := range rows {
		most = max(most, r.all)
		data.rows = append(data.rows, row{text("%s", ref(r.to, r.title)), text("%d", r.recent), text("%d", r.all)})
	}
	const left, right, step = 330, 60, 26
	draw := func(to linker) string {
		s := newSVG(760, len(rows)*step+34, title, desc+" The dark part of a bar is since "+guide.Since+", the light part before.")
		s.rect("bar-recent", 330, 6, 12, 12)
		s.text("small", 348, 16, "", "since "+guide.Since)
		s.rect("bar-before", 436, 6, 12, 12)
		s.text("small", 454, 16, "", "before")
		unit := float64(s.w-left-right) / float64(most)
		for i, r := range rows {
			y := float64(30 + i*step)
			s.link(to(r.to, ""), func() { s.text("label", left-12, y+13, "end", shorten(r.title, 44)) })
			s.rect("bar-recent", left, y+2, float64(r.recent)*unit, 15)
			s.rect("bar-before", left+float64(r.recent)*unit, y+2, float64(r.all-r.recent)*unit, 15)
			s.text("small", left+float64(r.all)*unit+8, y+14, "", fmt.Sprintf("%d of %d", r.recent, r.all))
		}
		return s.String()
	}
	return []part{figure{title: title, desc: desc, draw: draw, data: data}}
}

// timeline draws the incidents as dots above their years.
func (p *Printer) timeline() []part {
	title := "Incidents by year and kind"
	years := map[string][]*guide.Incident{}
	firstYear, lastYear := 9999, 0
	for _, i := range p.Incidents {
		var y int
		if _, err := fmt.Sscan(i.Year(), &y); err == nil {
			years[i.Year()] = append(years[i.Year()], i)
			firstYear, lastYear = min(firstYear, y), max(lastYear, y)
		}
	}
	data := table{caption: title, class: "plain", head: []string{"Year", "Number", "Incidents"}}
	tallest := 1
	for y := lastYear; y >= firstYear; y-- {
		list := years[itoa(y)]
		tallest = max(tallest, len(list))
		if len(list) == 0 {
			continue
		}
		c := cell{}
		for _, i := range list {
			c.list = append(c.list, ref(address{"incident", i.ID}, i.Title)+", "+i.Kind)
		}
		data.rows = append(data.rows, row{text("%d", y), text("%d", len(list)), c})
	}
	desc := fmt.Sprintf("%d incidents from %d to %d. Each dot is one; a full dot is an attack.", len(p.Incidents), firstYear, lastYear)
	draw := func(to linker) string {
		return drawTimeline(title, desc, years, firstYear, lastYear, tallest, to)
	}
	return []part{figure{title: title, desc: desc, draw: draw, data: data}}
}

var kinds = [][2]string{{"attack", "attack"}, {"demonstration", "demonstration"}, {"finding", "finding"}, {"outage", "outage"}, {"policy", "policy"}}

func drawTimeline(title, desc string, years map[string][]*guide.Incident, from, until, tallest int, to linker) string {
	const dot, top, bottom, side = 13.0, 40, 26, 12
	s := newSVG(760, int(dot*float64(tallest))+top+bottom, title, desc)
	x := 20.0
	for _, k := range kinds {
		s.kind(k[0], x, 14)
		s.text("small", x+11, 18, "", k[1])
		x += 40 + 7.2*float64(len(k[1]))
	}
	n := until - from + 1
	width := float64(s.w-2*side) / float64(max(n, 1))
	ground := float64(s.h - bottom)
	s.line("axis", side, ground, float64(s.w-side), ground)
	for y := from; y <= until; y++ {
		middle := side + (float64(y-from)+.5)*width
		s.text("small", middle, ground+17, "middle", fmt.Sprintf("%02d", y%100))
		list := years[itoa(y)]
		slices.SortStableFunc(list, func(a, b *guide.Incident) int { return cmp.Compare(kindRank(a), kindRank(b)) })
		for i, in := range list {
			s.link(to(address{"incident", in.ID}, ""), func() {
				s.titled(in.Date+": "+in.Title, func() { s.kind(in.Kind, middle, ground-8-float64(i)*dot) })
			})
		}
	}
	return s.String()
}

func kindRank(i *guide.Incident) int {
	return slices.IndexFunc(kinds, func(k [2]string) bool { return k[0] == i.Kind })
}

// exposure draws how long people could come to harm, on a logarithmic axis.
func (p *Printer) exposure(args []string) ([]part, error) {
	all := len(args) == 1 && args[0] == "all"
	if len(args) > 0 && !all {
		return nil, fmt.Errorf("{{exposure %s}}: only \"all\" is known", strings.Join(args, " "))
	}
	var list []*guide.Incident
	for _, i := range p.Incidents {
		if i.Exposure != nil && i.Exposure.Hours > 0 && (all || i.Kind == "attack") {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("{{exposure}}: no incident has a window")
	}
	slices.SortStableFunc(list, func(x, y *guide.Incident) int { return cmp.Compare(x.Exposure.Hours, y.Exposure.Hours) })
	over := func(hours float64) (n int) {
		for _, i := range list {
			if i.Exposure.Hours <= hours {
				n++
			}
		}
		return n
	}
	what := cond(all, "incidents", "attacks")
	title := "How long people were exposed"
	desc := fmt.Sprintf("Of %d %s with a known window, %d were over within 24 hours, %d within 72 hours and %d within 7 days.",
		len(list), what, over(24), over(72), over(168))
	data := table{caption: title, class: "plain", head: []string{"Incident", "Date", "Exposure"}}
	for _, i := range list {
		data.rows = append(data.rows, row{text("%s", ref(address{"incident", i.ID}, i.Title)), text("%s", i.Date), text("%s", exposed(i.Exposure))})
	}
	draw := func(to linker) string { return drawExposure(title, desc, list, over, to) }
	note := "Each line is one of the " + what + "; the axis is logarithmic. A ring is a bound or an unchecked figure."
	return []part{prose(desc), figure{title: title, desc: note, draw: draw, data: data}}, nil
}

func drawExposure(title, desc string, list []*guide.Incident, over func(float64) int, to linker) string {
	const left, right, top, step = 300, 24, 54, 15
	s := newSVG(760, top+len(list)*step+30, title, desc)
	low, high := math.Log(.25), math.Log(math.Max(8766, list[len(list)-1].Exposure.Hours)*1.2)
	at := func(hours float64) float64 {
		return left + (math.Log(math.Max(hours, .25))-low)/(high-low)*float64(s.w-left-right)
	}
	bottom := float64(s.h - 26)
	for _, m := range []struct {
		hours float64
		name  string
	}{{1, "1 h"}, {24, "24 h"}, {72, "72 h"}, {168, "7 d"}, {730, "1 month"}, {8766, "1 year"}, {87660, "10 years"}} {
		x := at(m.hours)
		if x > float64(s.w-right) {
			continue
		}
		marked := m.hours == 24 || m.hours == 72 || m.hours == 168
		s.line(cond(marked, "marker", "grid"), x, top-8, x, bottom)
		s.text("small", x, bottom+16, "middle", m.name)
		if marked {
			s.text("small strong", x, top-24, "middle", itoa(over(m.hours)))
			s.text("small", x, top-12, "middle", cond(m.hours == 24, "over by", ""))
		}
	}
	for i, in := range list {
		y := float64(top + i*step)
		x := at(in.Exposure.Hours)
		s.link(to(address{"incident", in.ID}, ""), func() { s.text("label tiny", left-14, y+10, "end", shorten(in.Title, 46)) })
		s.line("stem", left, y+6, x, y+6)
		soft := in.Exposure.Bound != "" || in.Exposure.Unchecked
		s.circle(cond(soft, "dot-soft", "dot"), x, y+6, 4)
	}
	return s.String()
}

// shorten cuts a label at a word.
func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	cut := string(r[:most])
	if i := strings.LastIndexByte(cut, ' '); i > most/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,:;") + "…"
}
