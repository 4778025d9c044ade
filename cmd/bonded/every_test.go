package main

import (
	"strings"
	"testing"

	"bonded.dev/prove/drill"

	"github.com/go-json-experiment/json"
)

// TestEveryDrill plays all there is against a repository with all its controls:
// nobody is harmed, and everything can be found out.
func TestEveryDrill(t *testing.T) {
	if raced {
		t.Skip("hundreds of repositories: under the race detector TestDrillOverwrite plays a few; run without -race")
	}
	t.Parallel()
	code, out, errs := bondedRun(t, "drill", "--json")
	r := reportOf(t, out)
	for _, p := range r.Threats {
		for _, o := range p.Outcomes {
			if o.Outcome == drill.OutcomeHarmed || o.Outcome == drill.OutcomeUnknown {
				t.Errorf("%s, %s, %s: %s: %s", p.Threat, o.Attack, o.Kind, o.Outcome, o.Why)
			}
		}
	}
	if code != exitOK || errs != "" {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestEveryDrillHasTeeth: without their controls the same attacks do harm. Where
// they do not, what holds is built into the repository and cannot be taken out
// of a running one; e2e/mutation_test.go cuts it out of the source.
func TestEveryDrillHasTeeth(t *testing.T) {
	if raced {
		t.Skip("hundreds of repositories: under the race detector TestDrillOverwrite plays a few; run without -race")
	}
	t.Parallel()
	code, out, errs := bondedRun(t, "drill", "--teeth", "--json")
	valid(t, "drill.schema.json", out)
	var r drill.TeethReport
	if err := json.Unmarshal([]byte(out), &r, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	pages, err := book()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range r.Threats {
		if b.State == drill.Toothless || b.State == drill.OutcomeUnknown {
			t.Errorf("%s: %s: %+v", b.Threat, b.State, b.Bare)
		}
		for _, c := range b.Controls {
			if c.State == drill.OutcomeUnknown {
				t.Errorf("%s, with %s alone: %+v", b.Threat, c.Control, c.Harm)
			}
			// What a page names has to hold alone, or to say that it does not.
			less := c.Named && (c.State == drill.Partial || c.State == drill.StopsNothing)
			if limits := pages.Control(c.Control).Section("What it does not do"); less && !strings.Contains(limits, "partial") {
				t.Errorf("%s alone: %s against %s, and its page does not say that it is a partial defence", c.Control, c.State, b.Threat)
			}
		}
	}
	if code != exitOK || errs != "" || r.Sum.Bites == 0 {
		t.Errorf("exit %d, %d of %d bite, %s", code, r.Sum.Bites, r.Sum.Threats, errs)
	}
	t.Logf("%+v", r.Sum)
}
