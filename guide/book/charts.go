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
	full := desc + " The dark part of a bar is since " + guide.Since + ", the light part before."
	return []part{figure{
		title: title, desc: desc, data: data,
		draw: func(to linker) string {
			return drawBars(newSVG(680, len(rows)*26+34, title, full), rows, most, barShape{left: 292, right: 62, step: 26, letters: 38}, to)
		},
		narrow: func(to linker) string {
			return drawBars(newSVG(340, len(rows)*44+34, title, full), rows, most, barShape{left: 2, right: 60, step: 44, letters: 44, above: true}, to)
		},
	}}
}

// barShape is how the lines of a bar chart are laid out: their labels stand
// beside the bars or above them.
type barShape struct {
	left, right float64
	step        int
	letters     int
	above       bool
}

func drawBars(s *svg, rows []bar, most int, b barShape, to linker) string {
	s.rect("bar-recent", b.left, 6, 12, 12)
	s.text("small", b.left+18, 16, "", "since "+guide.Since)
	s.rect("bar-before", b.left+106, 6, 12, 12)
	s.text("small", b.left+124, 16, "", "before")
	unit := (float64(s.w) - b.left - b.right) / float64(most)
	for i, r := range rows {
		y := float64(30 + i*b.step)
		x, anchor, at := b.left-12, "end", y+13
		if b.above {
			x, anchor, y = b.left, "", y+18
		}
		s.link(to(r.to, ""), func() { s.text("label", x, at, anchor, shorten(r.title, b.letters)) })
		s.rect("bar-recent", b.left, y+2, float64(r.recent)*unit, 15)
		s.rect("bar-before", b.left+float64(r.recent)*unit, y+2, float64(r.all-r.recent)*unit, 15)
		s.text("small", b.left+float64(r.all)*unit+8, y+14, "", fmt.Sprintf("%d of %d", r.recent, r.all))
	}
	return s.String()
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
	c := calendar{title, desc, years, firstYear, lastYear, tallest}
	return []part{figure{title: title, desc: desc, draw: c.upright, narrow: c.lying, data: data}}
}

var kinds = [][2]string{{"attack", "attack"}, {"demonstration", "demonstration"}, {"finding", "finding"}, {"outage", "outage"}, {"policy", "policy"}}

// calendar is the incidents by year.
type calendar struct {
	title, desc string
	years       map[string][]*guide.Incident
	from, until int
	tallest     int
}

const dotStep = 13.0

// upright stacks the incidents of a year above it.
func (c calendar) upright(to linker) string {
	const top, bottom, side = 40, 26, 12
	s := newSVG(680, int(dotStep*float64(c.tallest))+top+bottom, c.title, c.desc)
	x := 20.0
	for _, k := range kinds {
		s.kind(k[0], x, 14)
		s.text("small", x+11, 18, "", k[1])
		x += 40 + 7.2*float64(len(k[1]))
	}
	width := float64(s.w-2*side) / float64(max(c.until-c.from+1, 1))
	ground := float64(s.h - bottom)
	s.line("axis", side, ground, float64(s.w-side), ground)
	for y := c.from; y <= c.until; y++ {
		middle := side + (float64(y-c.from)+.5)*width
		s.text("small", middle, ground+17, "middle", fmt.Sprintf("%02d", y%100))
		for i, in := range c.year(y) {
			s.incident(in, middle, ground-8-float64(i)*dotStep, to)
		}
	}
	return s.String()
}

// lying sets the incidents of a year beside it, the newest year on top.
func (c calendar) lying(to linker) string {
	const row, left = 19, 46
	rows := 0
	for y := c.from; y <= c.until; y++ {
		rows += min(1, len(c.years[itoa(y)]))
	}
	s := newSVG(max(340, left+int(dotStep*float64(c.tallest))), rows*row+62, c.title, c.desc)
	for i, k := range kinds {
		x, y := 12+float64(i%3)*112, 14+float64(i/3)*22
		s.kind(k[0], x, y)
		s.text("small", x+11, y+4, "", k[1])
	}
	at := 70.0
	for y := c.until; y >= c.from; y-- {
		list := c.year(y)
		if len(list) == 0 {
			continue
		}
		s.text("small", 4, at+4, "", itoa(y))
		for i, in := range list {
			s.incident(in, left+6+float64(i)*(dotStep-1.5), at, to)
		}
		at += row
	}
	return s.String()
}

func (c calendar) year(y int) []*guide.Incident {
	return slices.SortedStableFunc(slices.Values(c.years[itoa(y)]), func(a, b *guide.Incident) int { return cmp.Compare(kindRank(a), kindRank(b)) })
}

// incident is a dot that leads to its page.
func (s *svg) incident(in *guide.Incident, x, y float64, to linker) {
	s.link(to(address{"incident", in.ID}, ""), func() {
		s.titled(in.Date+": "+in.Title, func() { s.kind(in.Kind, x, y) })
	})
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
	note := "Each line is one of the " + what + "; the axis is logarithmic. A ring is a bound or an unchecked figure."
	return []part{prose(desc), figure{
		title: title, desc: note, data: data,
		draw: func(to linker) string {
			return drawExposure(newSVG(680, 84+len(list)*16, title, desc), list, over, windowShape{left: 292, step: 16, letters: 46}, to)
		},
		narrow: func(to linker) string {
			return drawExposure(newSVG(340, 84+len(list)*30, title, desc), list, over, windowShape{left: 4, step: 30, letters: 52, above: true}, to)
		},
	}}, nil
}

// windowShape is how the lines of the exposure chart are laid out.
type windowShape struct {
	left    float64
	step    int
	letters int
	above   bool
}

// moments are what the axis of the exposure chart names; the marked ones are
// the waiting times that people choose.
var moments = []struct {
	hours  float64
	name   string
	marked bool
}{{1, "1 h", false}, {24, "24 h", true}, {72, "72 h", true}, {168, "7 d", true}, {730, "1 month", false}, {8766, "1 year", false}, {87660, "10 years", false}}

func drawExposure(s *svg, list []*guide.Incident, over func(float64) int, shape windowShape, to linker) string {
	const right, top = 24, 54
	low, high := math.Log(.25), math.Log(math.Max(8766, list[len(list)-1].Exposure.Hours)*1.2)
	at := func(hours float64) float64 {
		return shape.left + (math.Log(math.Max(hours, .25))-low)/(high-low)*(float64(s.w-right)-shape.left)
	}
	bottom := float64(s.h - 26)
	for _, m := range moments {
		x := at(m.hours)
		if x > float64(s.w-right) {
			continue
		}
		s.line(cond(m.marked, "marker", "grid"), x, top-8, x, bottom)
		if shape.above && m.hours == 72 {
			s.text("small", x, bottom+16, "middle", "·")
		} else {
			s.text("small", x, bottom+16, "middle", m.name)
		}
		if m.marked {
			s.text("small strong", x, top-26, "middle", itoa(over(m.hours)))
		}
	}
	s.text("small", at(24), top-40, "middle", "over by then:")
	for i, in := range list {
		y, x := float64(top+i*shape.step), at(in.Exposure.Hours)
		label, anchor, base := shape.left-14, "end", y+10
		if shape.above {
			label, anchor, y = shape.left, "", y+13
		}
		s.link(to(address{"incident", in.ID}, ""), func() { s.text("label tiny", label, base, anchor, shorten(in.Title, shape.letters)) })
		s.line("stem", shape.left, y+6, x, y+6)
		s.circle(cond(in.Exposure.Bound != "" || in.Exposure.Unchecked, "dot-soft", "dot"), x, y+6, 4)
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
