package book

import (
	"fmt"
	"slices"
	"strings"

	"bonded.dev/guide"
)

// The words of bonded drill and bonded audit that the records repeat.
const (
	harmed  = "harmed"
	stopped = "stopped"
	unknown = "unknown"
)

// peers are repositories of others under drill and audit, as they were recorded.
func (p *Printer) peers() []part {
	if len(p.Peers) == 0 {
		return []part{prose("No repository of others has a record here yet.")}
	}
	who := table{caption: "Who was visited, and what came of it", class: "plain numbers",
		head: []string{"Repository", "Recorded", "Dialects", "Harmed", "Stopped", "Not played", "Unknown"}}
	for _, x := range p.Peers {
		n := map[string]int{}
		for _, o := range x.Drill {
			n[o.Outcome]++
		}
		who.rows = append(who.rows, row{text("%s", peerName(x)), text("%s", x.Recorded), text("%s", strings.Join(x.Kinds, ", ")),
			text("%d", n[harmed]), text("%d", n[stopped]), text("%d", len(x.Drill)-n[harmed]-n[stopped]-n[unknown]), text("%d", n[unknown])})
	}
	var how strings.Builder
	how.WriteString("How each was set up:\n\n")
	for _, x := range p.Peers {
		fmt.Fprintf(&how, "- **%s**: %s\n", peerName(x), verbatim(x.Setup))
	}
	out := []part{who, prose(how.String()), p.peerThreats()}
	for _, x := range p.Peers {
		if t := p.peerHarm(x); len(t.rows) > 0 {
			out = append(out, folded{t.caption, []part{t}})
		}
	}
	if t := p.peerControls(); len(t.rows) > 0 {
		out = append(out, t)
	}
	return out
}

func peerName(x *guide.Peer) string { return verbatim(x.Name + " " + x.Version) }

func (p *Printer) peerHead(what string) []string {
	head := []string{what}
	for _, x := range p.Peers {
		head = append(head, x.Name)
	}
	return head
}

// peerThreats shows, for each threat that was played somewhere, who was harmed.
func (p *Printer) peerThreats() table {
	out := table{caption: "Who was harmed by what: attacks that did harm, of those that could be played", class: "plain peers", head: p.peerHead("Threat")}
	for _, t := range p.Threats {
		r := row{text("%s", ref(address{"threat", t.ID}, t.Title))}
		played := 0
		for _, x := range p.Peers {
			hurt, held, open := 0, 0, 0
			for _, o := range x.Drill {
				switch {
				case o.Threat != t.ID:
				case o.Outcome == harmed:
					hurt++
				case o.Outcome == stopped:
					held++
				case o.Outcome == unknown:
					open++
				}
			}
			played += hurt + held
			r = append(r, peerCell(hurt, held, open))
		}
		if played > 0 {
			out.rows = append(out.rows, r)
		}
	}
	return out
}

func peerCell(hurt, held, open int) cell {
	switch {
	case hurt > 0:
		return cell{class: "has has-no", text: fmt.Sprintf("harmed by %d of %d", hurt, hurt+held)}
	case held > 0:
		return cell{class: "has has-yes", text: "stopped"}
	case open > 0:
		return cell{class: "has has-unknown", text: "unknown"}
	}
	return cell{class: "has has-unknown", text: "–"}
}

// peerHarm lists what was lost at one repository; an attack that did the same in
// several dialects stands there once.
func (p *Printer) peerHarm(x *guide.Peer) table {
	out := table{caption: "What harmed " + x.Name + " " + x.Version, quiet: true, class: "plain harm", head: []string{"Threat", "Attack", "What was lost"}}
	kinds := map[[2]string][]string{}
	for _, o := range x.Drill {
		if key := [2]string{o.Threat, o.Attack}; o.Outcome == harmed && !slices.Contains(kinds[key], o.Kind) {
			kinds[key] = append(kinds[key], o.Kind)
		}
	}
	done := map[[2]string]bool{}
	for _, o := range x.Drill {
		key := [2]string{o.Threat, o.Attack}
		if o.Outcome != harmed || done[key] {
			continue
		}
		done[key] = true
		name, attack := verbatim(o.Threat), verbatim(o.Attack)
		if t := p.Threat(o.Threat); t != nil {
			name = ref(address{"threat", t.ID}, t.Title)
		}
		if len(x.Kinds) > 1 {
			attack += " (" + strings.Join(kinds[key], ", ") + ")"
		}
		out.rows = append(out.rows, row{text("%s", name), text("%s", attack), text("%s", verbatim(o.Why))})
	}
	return out
}

// peerControls shows what an audit saw.
func (p *Printer) peerControls() table {
	out := table{caption: "What an audit from outside saw", class: "plain peers", head: p.peerHead("Control")}
	for _, c := range p.Controls {
		r := row{text("%s", ref(address{"control", c.ID}, c.Title))}
		told := false
		for _, x := range p.Peers {
			var states []string
			for _, s := range x.Audit {
				if s.Control == c.ID && !slices.Contains(states, s.State) {
					states = append(states, s.State)
				}
			}
			at := cell{class: "has has-unknown", text: cond(len(states) > 0, strings.Join(states, ", "), "–")}
			switch {
			case slices.Contains(states, "not held"):
				at.class = "has has-no"
			case slices.Contains(states, "held"):
				at.class = "has has-yes"
			}
			told = told || at.class != "has has-unknown" || slices.Contains(states, "documented")
			r = append(r, at)
		}
		if told {
			out.rows = append(out.rows, r)
		}
	}
	return out
}
