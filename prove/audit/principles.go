package audit

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Principle is a group of the OpenSSF Principles for Package Repository
// Security, with the level that it reaches. An item is as well held as the
// weakest of the controls that answer it.
type Principle struct {
	Group string `json:"group"`
	// Applies: one of its items is for repositories of this kind.
	Applies    bool   `json:"applies"`
	Level      int    `json:"level"`
	Documented int    `json:"documented"`
	Possible   int    `json:"possible"`
	Items      []Item `json:"items"`
}

// Item is one line of the Principles.
type Item struct {
	Item  string `json:"item"` // "Authentication 2.3"
	State State  `json:"state"`
	// Controls are those that keep it from being held.
	Controls []string `json:"controls"`
}

// weaker says how much less is known of a control, from held on.
var weaker = []State{Beside, Held, Documented, Unknown, NotHeld}

// principles counts items instead of controls.
func (s *Section) principles(controls []Control) {
	s.Principles = []Principle{}
	items := map[string]*Item{}
	for i, c := range controls {
		for _, id := range c.Items {
			it := items[id]
			if it == nil {
				it = &Item{Item: id, State: Beside, Controls: []string{}}
				items[id] = it
			}
			state := s.Controls[i].State
			if slices.Index(weaker, state) > slices.Index(weaker, it.State) {
				it.State = state
			}
			if state != Held && state != Beside {
				it.Controls = append(it.Controls, c.ID)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(items)) {
		group, _, _ := strings.Cut(id, " ")
		if n := len(s.Principles); n == 0 || s.Principles[n-1].Group != group {
			s.Principles = append(s.Principles, Principle{Group: group, Items: []Item{}})
		}
		p := &s.Principles[len(s.Principles)-1]
		p.Items = append(p.Items, *items[id])
	}
	for i := range s.Principles {
		s.Principles[i].count()
	}
}

// levelOf is the level of an item: its id is GROUP LEVEL.NUMBER.
func levelOf(id string) int {
	_, number, _ := strings.Cut(id, " ")
	level, _, _ := strings.Cut(number, ".")
	n, err := strconv.Atoi(level)
	if err != nil {
		return 0
	}
	return n
}

const highestPrinciple = 3

func (p *Principle) count() {
	seen, told, open := true, true, true
	for level := 1; level <= highestPrinciple; level++ {
		applies := false
		for _, it := range p.Items {
			if levelOf(it.Item) != level || it.State == Beside {
				continue
			}
			applies = true
			seen = seen && it.State == Held
			told = told && (it.State == Held || it.State == Documented)
			open = open && it.State != NotHeld
		}
		if !applies {
			continue
		}
		p.Applies = true
		if seen {
			p.Level = level
		}
		if told {
			p.Documented = level
		}
		if open {
			p.Possible = level
		}
	}
}

// Keeps says what keeps a group from the next level.
func (p *Principle) Keeps() string {
	var parts []string
	for _, it := range p.Items {
		if levelOf(it.Item) == p.Level+1 && len(it.Controls) > 0 {
			_, number, _ := strings.Cut(it.Item, " ")
			parts = append(parts, number+" "+string(it.State)+": "+strings.Join(it.Controls, ", "))
		}
	}
	if len(parts) == 0 {
		return "nothing that applies"
	}
	return strings.Join(parts, "; ")
}
