package book

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bonded.dev/guide"
)

// A directive is a paragraph of its own that is replaced by what the data say:
//
//	{{matrix}}               threats and the controls against them, with adoption
//	{{maturity}}             levels and tracks, and what bonded holds
//	{{timeline}}             the incidents, year by year
//	{{exposure}}             how long people were exposed; {{exposure all}}: flaws too
//	{{helped N}}             the controls that would have helped most
//	{{ranking N}}            the threats of most incidents
//	{{cheapest N}}           controls of hours or days that help most
//	{{unlocks}}              which control builds on which
//	{{holes}}                threats that no drill plays yet, and why
//	{{standing}}             what bonded itself has
//	{{registries NAME}}      what a registry has
//	{{compare NAME NAME}}    what several registries have, side by side
//	{{count WHAT}}           a sentence of numbers: covered, beyond, basis, effort
//	{{taxonomy ID}}          a taxonomy beside our pages
//	{{controls TRACK LEVEL}} controls of a track, a level, or both
//	{{threats STAGE}}        threats of a stage
//	{{peers}}                other repositories under drill and audit
func (p *Printer) directive(name string, args []string) ([]part, error) {
	plain := map[string]func() []part{
		"matrix": p.matrix, "maturity": p.maturity, "timeline": p.timeline, "unlocks": p.unlocks,
		"holes": p.holes, "standing": p.standing, "peers": p.peers,
	}
	if make, ok := plain[name]; ok {
		if len(args) > 0 {
			return nil, fmt.Errorf("{{%s}} takes no argument", name)
		}
		return make(), nil
	}
	counted := map[string]func(n int) []part{"helped": p.helped, "ranking": p.ranking, "cheapest": p.cheapest}
	if make, ok := counted[name]; ok {
		n, err := 20, error(nil)
		if len(args) > 0 {
			n, err = strconv.Atoi(args[0])
		}
		if err != nil || n < 1 || len(args) > 1 {
			return nil, fmt.Errorf("{{%s %s}} wants one number", name, strings.Join(args, " "))
		}
		return make(n), nil
	}
	chosen := map[string]func(args []string) ([]part, error){
		"exposure": p.exposure, "registries": p.registries, "taxonomy": p.taxonomy, "controls": p.controlsOf, "threats": p.threatsOf,
		"compare": p.compare, "count": p.count,
	}
	if make, ok := chosen[name]; ok {
		return make(args)
	}
	known := slices.Concat(slices.Collect(maps.Keys(plain)), slices.Collect(maps.Keys(counted)), slices.Collect(maps.Keys(chosen)))
	slices.Sort(known)
	return nil, fmt.Errorf("{{%s}} is none of %s", name, strings.Join(known, ", "))
}

var directive = regexp.MustCompile(`^\{\{([a-z]+)((?: [^{}]+)?)\}\}$`)

func isDirective(paragraph string) bool { return directive.MatchString(strings.TrimSpace(paragraph)) }

// section adds a section of a page to a doc.
func (p *Printer) section(d *doc, s guide.Section) error {
	if s.Heading != "" {
		d.parts = append(d.parts, heading{2, s.Heading})
	}
	var open []string
	flush := func() {
		if len(open) > 0 {
			d.parts = append(d.parts, prose(strings.Join(open, "\n\n")))
			open = nil
		}
	}
	for _, paragraph := range paragraphs(s.Text) {
		m := directive.FindStringSubmatch(paragraph)
		if m == nil {
			open = append(open, paragraph)
			continue
		}
		flush()
		parts, err := p.directive(m[1], strings.Fields(m[2]))
		if err != nil {
			return err
		}
		d.parts = append(d.parts, parts...)
	}
	flush()
	return nil
}

// paragraphs cuts a text at its empty lines, except those of a code block.
func paragraphs(text string) (list []string) {
	var at []string
	code := false
	end := func() {
		if len(at) > 0 {
			list = append(list, strings.Join(at, "\n"))
			at = nil
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		}
		if strings.TrimSpace(line) == "" && !code {
			end()
			continue
		}
		at = append(at, line)
	}
	end()
	return list
}

func (p *Printer) taxonomy(args []string) ([]part, error) {
	t := p.Taxonomy(strings.Join(args, " "))
	if t == nil {
		return nil, fmt.Errorf("{{taxonomy %s}}: there is no such taxonomy", strings.Join(args, " "))
	}
	return p.taxonomyTables(t), nil
}

// controlsOf lists controls of a track, of a level, or of both.
func (p *Printer) controlsOf(args []string) ([]part, error) {
	var list []*guide.Control
	for _, c := range p.Controls {
		fits := true
		for _, a := range args {
			fits = fits && (strings.EqualFold(a, c.Track) || a == itoa(c.Level))
		}
		if fits {
			list = append(list, c)
		}
	}
	if len(list) == 0 || len(args) == 0 {
		return nil, fmt.Errorf("{{controls %s}}: there are none", strings.Join(args, " "))
	}
	return []part{p.controlEntries(list)}, nil
}

func (p *Printer) threatsOf(args []string) ([]part, error) {
	list := p.stage(strings.ToLower(strings.Join(args, " ")))
	if len(list) == 0 {
		return nil, fmt.Errorf("{{threats %s}}: there are none", strings.Join(args, " "))
	}
	return []part{p.threatEntries(list)}, nil
}

// holes are what nobody can try out yet.
func (p *Printer) holes() []part {
	list := p.Holes()
	out := table{caption: count(len(list), "open hole", "open holes"), class: "plain", head: []string{"Threat", "What is missing"}}
	for _, t := range list {
		out.rows = append(out.rows, row{text("%s", ref(address{"threat", t.ID}, t.Title)), text("%s", t.Open)})
	}
	partly := drilled(list)
	s := fmt.Sprintf("%d of %d threats are open holes: the defence or the drill is not there yet. %d of them have a drill that shows a part. This number only falls.",
		len(list), len(p.Threats), partly)
	return []part{prose(s), out}
}

// standing is what bonded itself has.
func (p *Printer) standing() []part {
	sum := table{caption: "What bonded has, by track", class: "plain numbers", head: []string{"Track", "Held", "Partly", "Not yet", "Not a repository's"}}
	list := table{caption: "What bonded has, and where it is enforced", class: "plain", head: []string{"Control", "Level", "State", "Where, or what is missing"}}
	for _, t := range guide.Tracks() {
		n := map[string]int{}
		for _, c := range p.Controls {
			if c.Track != t.ID {
				continue
			}
			n[c.Here]++
			if c.Present() {
				_, why, _ := strings.Cut(standing(c), ": ")
				list.rows = append(list.rows, row{text("%s", ref(address{"control", c.ID}, c.Title)), text("%s %d", c.Track, c.Level),
					{class: "has has-" + map[string]string{"held": "yes", "partly": "partly"}[c.Here], text: c.Here}, text("%s", why)})
			}
		}
		sum.rows = append(sum.rows, row{text("%s", t.Name), text("%d", n["held"]), text("%d", n["partly"]), text("%d", n["open"]), text("%d", n["beside"])})
	}
	return []part{sum, list}
}
