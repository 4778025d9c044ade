package drill_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"bonded.dev/prove/drill"
)

// stoppedBy is an attack that any of the controls stops, if it is in.
func stoppedBy(name string, controls ...string) drill.Attack {
	return attack(name, func(s *drill.Scene) (drill.Result, error) {
		for _, id := range controls {
			if !slices.Contains(s.Victim.(*toy).without, id) {
				return drill.Stopped("no [%s]", id)
			}
		}
		return drill.Harmed("something")
	})
}

func TestTeeth(t *testing.T) {
	broken := attack("broken", func(*drill.Scene) (drill.Result, error) { return drill.Result{}, errors.New("glass") })
	// It is harmed without lock, and cannot be found out with it.
	shaky := attack("shaky", func(s *drill.Scene) (drill.Result, error) {
		if slices.Contains(s.Victim.(*toy).without, "lock") {
			return drill.Harmed("something")
		}
		return drill.Result{}, errors.New("glass")
	})
	never := attack("never", func(*drill.Scene) (drill.Result, error) { return drill.Stopped("nothing happened") })
	elsewhere := attack("elsewhere", nil, "z")
	for _, c := range []struct {
		about   string
		plan    drill.Plan
		state   string
		alone   string // what each control does
		builtIn string
		staged  int
	}{
		{"two locks on one door", drill.Plan{Controls: []string{"lock", "chain"}, Attacks: []drill.Attack{stoppedBy("door", "lock", "chain"), never}},
			drill.Bites, "lock stops, chain stops", "", 3},
		{"a door and a window", drill.Plan{Controls: []string{"lock", "chain", "bars"}, Attacks: []drill.Attack{stoppedBy("door", "lock", "chain", "bars"), stoppedBy("window", "bars")}},
			drill.Bites, "lock partial, chain partial, bars stops", "", 4},
		{"a control that no attack meets", drill.Plan{Controls: []string{"lock", "alarm"}, Attacks: []drill.Attack{stoppedBy("door", "lock")}},
			drill.Bites, "lock stops, alarm stops nothing", "", 3},
		{"a wall that stays", drill.Plan{Controls: []string{"lock", "wall"}, Attacks: []drill.Attack{stoppedBy("door", "lock", "wall")}},
			drill.HeldFast, "", "wall", 1},
		{"a wall beside the door", drill.Plan{Controls: []string{"wall", "lock"}, Attacks: []drill.Attack{stoppedBy("door", "lock")}},
			drill.Bites, "lock stops", "wall", 2},
		{"walls alone", drill.Plan{Controls: []string{"wall"}, Attacks: []drill.Attack{stoppedBy("door", "lock")}}, drill.HeldFast, "", "wall", 1},
		{"nothing there to steal", drill.Plan{Controls: []string{"lock"}, Attacks: []drill.Attack{never}}, drill.Toothless, "", "", 1},
		{"somewhere else", drill.Plan{Controls: []string{"lock"}, Attacks: []drill.Attack{elsewhere}}, drill.OutcomeNotPlayed, "", "", 1},
		{"a guard whom the page forgot", drill.Plan{Controls: []string{"lock"}, Attacks: []drill.Attack{stoppedBy("door", "lock", "guard"), stoppedBy("window", "guard"), stoppedBy("roof", "lock")}},
			drill.Bites, "lock partial, guard partial unnamed", "", 5},
		{"a guard who stays", drill.Plan{Controls: []string{"lock"}, Attacks: []drill.Attack{stoppedBy("door", "rock"), stoppedBy("roof", "lock")}},
			drill.Bites, "lock stops", "", 3},
		{"one after the other", drill.Plan{Controls: []string{"lock"}, Attacks: []drill.Attack{stoppedBy("door", "lock", "guard", "dog")}},
			drill.Bites, "lock stops, guard stops unnamed, dog stops unnamed", "", 8},
		{"nobody knows", drill.Plan{Controls: []string{"lock"}, Attacks: []drill.Attack{broken, never}}, drill.OutcomeUnknown, "", "", 1},
		{"nobody knows with the lock", drill.Plan{Controls: []string{"lock", "chain"}, Attacks: []drill.Attack{shaky}}, drill.Bites, "lock unknown, chain stops nothing", "", 3},
	} {
		c.plan.Threat, c.plan.Title = "theft", c.about
		house := &theatre{kinds: []string{"a"}, fixed: []string{"wall", "rock"}}
		r, err := drill.Teeth(t.Context(), []drill.Plan{c.plan}, house.stage, drill.Options{Known: []string{"guard", "dog", "rock"}})
		if err != nil {
			t.Fatal(err)
		}
		var alone []string
		for _, a := range r.Threats[0].Controls {
			text := a.Control + " " + a.State
			if !a.Named {
				text += " unnamed"
			}
			alone = append(alone, text)
		}
		got := r.Threats[0]
		if got.State != c.state || strings.Join(alone, ", ") != c.alone || strings.Join(got.BuiltIn, " ") != c.builtIn {
			t.Errorf("%s: %s; %v; built in: %v", c.about, got.State, alone, got.BuiltIn)
		}
		if len(house.started) != c.staged || house.finished != c.staged {
			t.Errorf("%s: %d victims, %d ended, want %d", c.about, len(house.started), house.finished, c.staged)
		}
		unknown := c.state == drill.OutcomeUnknown || strings.Contains(c.alone, "unknown")
		if r.OK() != (c.state != drill.Toothless) || r.Known() == unknown {
			t.Errorf("%s: ok %v, known %v", c.about, r.OK(), r.Known())
		}
		for line := range strings.Lines(r.Text()) {
			if utf8.RuneCountInString(line) > 81 {
				t.Errorf("%s: more than 80 columns: %s", c.about, line)
			}
		}
	}
}

// TestTeethPlaysAgainWhatDidHarm, and in the dialect where it did.
func TestTeethPlaysAgainWhatDidHarm(t *testing.T) {
	var played []string
	once := func(name string, in string) drill.Attack {
		return attack(name, func(s *drill.Scene) (drill.Result, error) {
			played = append(played, name+" "+s.Site.Dialect.ID())
			if s.Site.Dialect.ID() == in {
				return drill.Harmed("something")
			}
			return drill.Stopped("no")
		})
	}
	plan := drill.Plan{Threat: "theft", Title: "Theft", Controls: []string{"lock"}, Attacks: []drill.Attack{once("door", "b"), once("roof", "c")}}
	r, err := drill.Teeth(t.Context(), []drill.Plan{plan}, (&theatre{kinds: []string{"a", "b"}}).stage, drill.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(played, ", "); got != "door a, door b, roof a, roof b, door b" {
		t.Error(got)
	}
	want := drill.TeethSum{Threats: 1, Attacks: 4, Harmed: 1, Bites: 1, StopsNothing: 1}
	if r.Sum != want {
		t.Errorf("%+v", r.Sum)
	}
	b, err := json.Marshal(r)
	if err != nil || strings.Contains(string(b), "null") {
		t.Error("a list that is missing instead of empty:", string(b), err)
	}
}
