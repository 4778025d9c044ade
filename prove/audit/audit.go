// Package audit measures a repository from outside: which controls it holds,
// which it only says it holds, and which nobody can tell.
//
//	Control  what the guide says of a control, with its probe if there is one
//	Probe    looks for one control with the eyes of a stranger
//	Visit    what a probe may look at; every answer is fetched once and shared
//	Stay     what was tried with accounts that the operator made for the visit
//	Run      asks every probe and reports, for each dialect: states with their
//	         evidence, a level for each track, and what to do first
//
// It reads and changes nothing, but for a stay and drills, which the operator
// allows. What cannot be seen is unknown: an audit that
// guesses is worth less than none. Two audits of a repository that did not
// change in between give the same answer, down to the words.
//
// The sources are kept apart. What a probe saw, or was tried in a stay, is held
// or not held. What the repository says of itself (docs/formats/security.md), or
// its operator points to, is documented, and never more than that, nor does it
// outweigh what was seen. What a drill did, where somebody may play it, counts
// as seen.
package audit

import (
	"context"
	"strconv"
	"strings"
)

// State is what is known of a control.
type State string

const (
	Held       State = "held"       // observed
	NotHeld    State = "not held"   // observed to be missing
	Documented State = "documented" // the operator points to a text that says so
	Unknown    State = "unknown"
	Beside     State = "not applicable"
)

// Finding is what a probe saw.
type Finding struct {
	State State
	// Why is one sentence for a person: what follows from the evidence.
	Why      string
	Evidence []Evidence
}

// Evidence is one thing that was seen.
type Evidence struct {
	URL string `json:"url"` // what was asked
	Saw string `json:"saw"` // what came: a status, a header, a field
}

// Probe looks for one control. Answers that never came are an error; the
// control is then unknown and the error its reason. What it says must not
// change between two visits: no dates, no request ids.
type Probe func(ctx context.Context, v *Visit) (Finding, error)

// Say makes a finding.
func Say(s State, why string, evidence ...Evidence) (Finding, error) {
	return Finding{State: s, Why: why, Evidence: evidence}, nil
}

// Count says how many there are: "1 file", "2 files".
func Count(n int, what string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(what, "y"):
		what = strings.TrimSuffix(what, "y") + "ies"
	default:
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// NoPackage is the finding of a probe that has nothing to look at.
func NoPackage() (Finding, error) {
	return Say(Unknown, "no package could be looked at; name one with --package")
}

// Control is what an audit has to know of one.
type Control struct {
	ID, Title string
	// Track and Level place it in the maturity model.
	Track string
	Level int
	// Applies says to which kinds of repository, in the words of the guide.
	Applies []string
	Effort  string
	// Items are those of the Principles that it answers, such as
	// "Authentication 2.3".
	Items []string
	// Requires are controls that it builds on; Unlocks those that build on it.
	Requires, Unlocks []string
	// Incidents are how many it would have helped against, Recent how many of
	// them are recent.
	Incidents, Recent int
	// Probe looks for it; nil: Unseen says why none does.
	Probe  Probe
	Unseen string
	// Trial is what of a stay speaks for it.
	Trial Trial
	// Told is what a repository's own document says in favour of it; nil: there
	// is no word for it.
	Told func(*Security) string
	// Drills are the threats whose attacks tell whether it is held: one that
	// does harm says that it is not. Enough says that it is held when none does;
	// otherwise there is more to it than the attacks meet.
	Drills []string
	Enough bool
}

// The words of [Control.Applies] that matter here.
const (
	appliesClient  = "client or local proxy"
	appliesAccount = "has accounts"
	appliesUpload  = "accepts uploads"
)

// only reports whether a control is for nothing but these kinds of repository.
func (c *Control) only(kinds ...string) bool {
	for _, a := range c.Applies {
		known := false
		for _, k := range kinds {
			known = known || a == k
		}
		if !known {
			return false
		}
	}
	return len(c.Applies) > 0
}
