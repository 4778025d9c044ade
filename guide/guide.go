// Package guide binds the pages of the guide to the code that makes them true:
// a control is a page plus either a judgement or the place in the house where
// it is enforced. Check fails when one of them is missing.
package guide

import (
	"fmt"
	"strings"

	"bonded.dev/registry/screen"
)

// Control is one defence.
type Control struct {
	ID    string // folder name and the word that refusals carry
	Title string
	Page  string // Markdown
	// Screen is its judgement over a draft; nil when it is enforced elsewhere.
	Screen screen.Func
	// Enforced says where, when there is no judgement: a room of the house.
	Enforced string
}

// Checks returns the controls that judge drafts, in list order.
func Checks(controls []Control) []screen.Check {
	var out []screen.Check
	for _, c := range controls {
		if c.Screen != nil {
			out = append(out, screen.Check{ID: c.ID, Judge: c.Screen})
		}
	}
	return out
}

// Check returns everything that is wrong with a set of controls.
func Check(controls []Control) (wrong []error) {
	seen := map[string]bool{}
	for _, c := range controls {
		if seen[c.ID] {
			wrong = append(wrong, fmt.Errorf("control %s: listed twice", c.ID))
		}
		seen[c.ID] = true
		if !strings.HasPrefix(c.Page, "# "+c.Title+"\n") || c.Title == "" {
			wrong = append(wrong, fmt.Errorf("control %s: its page does not start with its title %q", c.ID, c.Title))
		}
		if (c.Screen == nil) == (c.Enforced == "") {
			wrong = append(wrong, fmt.Errorf("control %s: needs either a judgement or the room that enforces it", c.ID))
		}
	}
	return wrong
}
