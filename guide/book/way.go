package book

import (
	"fmt"
	"math"
	"strings"

	"bonded.dev/guide"
)

// way draws the way of a package and where it is attacked: the one picture of
// the front page. Governance surrounds the others, so it is the ground.
func (p *Printer) way() part {
	title := "The way of a package, and where it is attacked"
	data := table{caption: title, class: "plain numbers-2", head: []string{"Stage", "An attack there", "Threats", "Incidents since " + guide.Since}}
	var along []stop
	for _, s := range guide.Stages() {
		list := p.stage(s.ID)
		if len(list) == 0 {
			continue
		}
		seen := map[string]bool{}
		for _, t := range list {
			for _, i := range t.Incidents {
				if i.Year() >= guide.Since {
					seen[i.ID] = true
				}
			}
		}
		along = append(along, stop{s, len(list), len(seen)})
		data.rows = append(data.rows, row{text("[%s](page:threats#%s)", s.Name, slug(s.Name)), text("%s", s.Means), text("%d", len(list)), text("%d", len(seen))})
	}
	desc := "A package goes from its publisher, whose account opens the repository, to a client and the people who install. Attacks strike at every stage, and governance surrounds them all. Incidents are those since " + guide.Since + "."
	return figure{
		title: title, desc: desc, data: data,
		draw:   func(to linker) string { return drawWay(title, desc, along, to, false) },
		narrow: func(to linker) string { return drawWay(title, desc, along, to, true) },
	}
}

// stop is a stage with its numbers.
type stop struct {
	stage     guide.Term
	threats   int
	incidents int
}

func drawWay(title, desc string, along []stop, to linker, narrow bool) string {
	if len(along) < 2 {
		return ""
	}
	line, ground := along[:len(along)-1], along[len(along)-1]
	w, h, box := 1200, 262, size{206, 138}
	if narrow {
		w, h, box = 340, len(line)*72+62, size{338, 48}
	}
	s := newSVG(w, h, title, desc)
	gap := (float64(w) - 2 - float64(len(line))*box.w) / math.Max(1, float64(len(line)-1))
	for i, st := range line {
		x, y := 1+float64(i)*(box.w+gap), 4.0
		if narrow {
			x, y = 1, 4+float64(i)*72
		}
		if i > 0 && narrow {
			s.path("arrow", fmt.Sprintf("M%s %sv16m-5 -6l5 6l5 -6", num(float64(w)/2), num(y-20)))
		} else if i > 0 {
			s.path("arrow", fmt.Sprintf("M%s %sh%sm-6 -5l6 5l-6 5", num(x-gap+6), num(y+box.h/2), num(gap-12)))
		}
		s.station(st, x, y, box, to)
	}
	below := size{float64(w) - 2, cond(narrow, box.h, 92)}
	s.station(ground, 1, float64(h)-below.h-4, below, to)
	return s.String()
}

type size struct{ w, h float64 }

// station is a stage as a box that leads to its threats.
func (s *svg) station(st stop, x, y float64, box size, to linker) {
	s.link(to(address{"page", "threats"}, "#"+slug(st.stage.Name)), func() {
		s.round("station", x, y, box.w, box.h, 8)
		s.text("station-name", x+14, y+29, "", st.stage.Name)
		numbers := count(st.threats, "threat", "threats") + ", " + count(st.incidents, "incident", "incidents")
		if box.h < 60 {
			s.text("small", x+box.w-14, y+29, "end", numbers)
			return
		}
		line := y + 52
		for _, means := range lines(upper(st.stage.Means), int(box.w/8.4)) {
			s.text("small", x+14, line, "", means)
			line += 18
		}
		s.text("small strong", x+14, y+box.h-14, "", numbers)
	})
}

// lines breaks a text at spaces.
func lines(s string, most int) (list []string) {
	at := ""
	for _, word := range strings.Fields(s) {
		if at != "" && len(at)+1+len(word) > most {
			list = append(list, at)
			at = ""
		}
		at += cond(at != "", " ", "") + word
	}
	return append(list, at)
}
