package drill_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// tongue is a dialect that has a name and nothing else.
type tongue struct {
	visit.Dialect
	id string
}

func (t tongue) ID() string { return t.id }

// toy is a victim that attacks look at.
type toy struct {
	drill.Foreign
	without []string
	closed  *int
	closing error
}

func (v *toy) Close() error { *v.closed++; return v.closing }

// theatre stages toys and counts them.
type theatre struct {
	kinds    []string
	fixed    []string // controls that cannot be taken out
	closing  error
	started  [][]string
	finished int
}

func (t *theatre) stage(_ context.Context, without []string) (drill.Victim, error) {
	for _, id := range t.fixed {
		if slices.Contains(without, id) {
			return nil, fmt.Errorf("staging: %w", drill.BuiltIn{Control: id})
		}
	}
	t.started = append(t.started, without)
	v := &toy{without: without, closed: &t.finished, closing: t.closing}
	for _, k := range t.kinds {
		v.Speaks = append(v.Speaks, &visit.Site{Dialect: tongue{id: k}, Base: "http://victim.example.invalid/", Root: "http://victim.example.invalid/" + k + "/"})
	}
	return v, nil
}

// attack plays what say does.
func attack(name string, say func(s *drill.Scene) (drill.Result, error), kinds ...string) drill.Attack {
	return drill.Attack{Name: name, Kinds: kinds, Play: func(_ context.Context, s *drill.Scene) (drill.Result, error) { return say(s) }}
}

func TestOutcomes(t *testing.T) {
	stopped := func(text string) drill.Attack {
		return attack(text, func(*drill.Scene) (drill.Result, error) { return drill.Stopped("%s", text) })
	}
	fails := func(name string, err error) drill.Attack {
		return attack(name, func(*drill.Scene) (drill.Result, error) { return drill.Result{}, err })
	}
	long := strings.Repeat("x", 5000)
	cases := []struct {
		attack       drill.Attack
		outcome, why string
		by           string
	}{
		{attack("harm", func(*drill.Scene) (drill.Result, error) { return drill.Harmed("all is %s", "lost") }), drill.OutcomeHarmed, "all is lost", ""},
		{attack("both", func(*drill.Scene) (drill.Result, error) { return drill.Result{Harm: "lost", Stopped: "[lock]"}, nil }), drill.OutcomeHarmed, "lost", ""},
		{stopped("403 no [lock]"), drill.OutcomeStopped, "403 no [lock]", "lock"},
		{stopped("403 no (lock), [chain] and (lock)"), drill.OutcomeStopped, "", "lock chain"},
		{stopped("403 no (really) [INFO] [other-lock]"), drill.OutcomeStopped, "", ""},
		{stopped("esc\x1b[31m\r\nbell\a \u202e end"), drill.OutcomeStopped, "esc?[31m? bell? ? end", ""},
		{stopped(long), drill.OutcomeStopped, strings.Repeat("x", 600) + "...", ""},
		{fails("needs", drill.Needs("a %s", "ladder")), drill.OutcomeNotPlayed, "a ladder", ""},
		{fails("needs, wrapped", fmt.Errorf("climbing: %w", drill.Needs("a ladder"))), drill.OutcomeNotPlayed, "climbing: not played: a ladder", ""},
		{fails("not spoken", fmt.Errorf("yanking: %w", visit.ErrNotSpoken)), drill.OutcomeNotPlayed, "yanking: this kind of repository has no such operation", ""},
		{fails("error", errors.New("the line is dead")), drill.OutcomeUnknown, "the line is dead", ""},
		{fails("nothing", nil), drill.OutcomeUnknown, "the attack says neither what was lost nor what stopped it", ""},
		{attack("elsewhere", nil, "b", "c"), drill.OutcomeNotPlayed, "the repository does not speak b or c", ""},
	}
	plan := drill.Plan{Threat: "theft", Title: "Theft", Controls: []string{"lock"}}
	for _, c := range cases {
		plan.Attacks = append(plan.Attacks, c.attack)
	}
	house := &theatre{kinds: []string{"a"}}
	r, err := drill.Run(t.Context(), []drill.Plan{plan}, house.stage, drill.Options{Known: []string{"chain"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		o := r.Threats[0].Outcomes[i]
		if o.Attack != c.attack.Name || o.Outcome != c.outcome || c.why != "" && o.Why != c.why || strings.Join(o.StoppedBy, " ") != c.by {
			t.Errorf("%.40q: %.80q", c.attack.Name, fmt.Sprint(o))
		}
	}
	if o := r.Threats[0].Outcomes; o[0].Kind != "a" || o[len(o)-1].Kind != "b" {
		t.Error("kinds", o[0].Kind, o[len(o)-1].Kind)
	}
	want := drill.Sum{Threats: 1, Attacks: 13, Harmed: 2, Stopped: 5, NotPlayed: 4, Unknown: 2}
	if r.Sum != want || r.OK() || r.Known() {
		t.Errorf("%+v, want %+v", r.Sum, want)
	}
}

// TestOneAttackDoesNotEndTheDrill: whatever an attack does, the next is played.
func TestOneAttackDoesNotEndTheDrill(t *testing.T) {
	plan := drill.Plan{Threat: "chaos", Title: "Chaos", Attacks: []drill.Attack{
		attack("panics", func(*drill.Scene) (drill.Result, error) { panic("oh\x1b[2J") }),
		{Name: "hangs", Play: func(ctx context.Context, _ *drill.Scene) (drill.Result, error) {
			<-ctx.Done()
			return drill.Result{}, ctx.Err()
		}},
		attack("works", func(*drill.Scene) (drill.Result, error) { return drill.Stopped("no") }),
	}}
	house := &theatre{kinds: []string{"a"}}
	r, err := drill.Run(t.Context(), []drill.Plan{plan}, house.stage, drill.Options{Patience: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	o := r.Threats[0].Outcomes
	if o[0].Outcome != drill.OutcomeUnknown || !strings.Contains(o[0].Why, "panicked: oh?[2J at ") || !strings.Contains(o[0].Why, "run_test.go:") {
		t.Error(o[0])
	}
	if o[1].Outcome != drill.OutcomeUnknown || !strings.Contains(o[1].Why, "deadline") {
		t.Error(o[1])
	}
	if o[2].Outcome != drill.OutcomeStopped || !r.OK() || r.Known() {
		t.Error(o[2], r.Sum)
	}
}

// TestVictimsAndNames: each threat has its own victim, which is closed; each
// attack in each dialect has names that no other has.
func TestVictimsAndNames(t *testing.T) {
	names := map[string]bool{}
	name := attack("name", func(s *drill.Scene) (drill.Result, error) {
		for range 2 {
			n := s.Name("x")
			if names[n] || strings.Trim(n, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || !strings.HasPrefix(n, "drill-") {
				t.Error("a name that was used or that some dialect does not take:", n)
			}
			names[n] = true
		}
		o, err := s.Other()
		if err != nil || o.Dialect.ID() == s.Site.Dialect.ID() {
			t.Error("other:", o, err)
		}
		return drill.Stopped("no")
	})
	plans := []drill.Plan{{Threat: "one", Attacks: []drill.Attack{name, name}}, {Threat: "two", Attacks: []drill.Attack{name}}}
	house := &theatre{kinds: []string{"a", "b"}}
	var steps []string
	opts := drill.Options{Without: []string{"lock"}, Progress: func(step string, done, total int) {
		steps = append(steps, fmt.Sprint(step, done, total))
	}}
	r, err := drill.Run(t.Context(), plans, house.stage, opts)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(house.started) != "[[lock] [lock]]" || house.finished != 2 || len(names) != 12 || fmt.Sprint(steps) != "[one0 2 two1 2]" {
		t.Error(house, names, steps)
	}
	if r.Victim != "http://victim.example.invalid/" || fmt.Sprint(r.Kinds, r.Without) != "[a b] [lock]" {
		t.Error(r)
	}
}

func TestNoVictimNoReport(t *testing.T) {
	plans := []drill.Plan{{Threat: "one", Attacks: []drill.Attack{attack("x", func(*drill.Scene) (drill.Result, error) { return drill.Stopped("no") })}}}
	house := &theatre{kinds: []string{"a"}, fixed: []string{"wall"}, closing: errors.New("it will not end")}
	if _, err := drill.Run(t.Context(), plans, house.stage, drill.Options{Without: []string{"wall"}}); !errors.Is(err, drill.ErrBuiltIn) {
		t.Error(err)
	}
	if _, err := drill.Run(t.Context(), plans, house.stage, drill.Options{}); !errors.Is(err, house.closing) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := drill.Run(ctx, plans, (&theatre{kinds: []string{"a"}}).stage, drill.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if house.finished != 1 {
		t.Error("a victim was left behind:", house.finished)
	}
}

// TestText: the table fits a terminal of 80 columns whatever stands in it, and
// shows what was found.
func TestText(t *testing.T) {
	by := func(text string) drill.Attack {
		return attack("how the "+strings.Repeat("long ", 20)+"attack goes", func(*drill.Scene) (drill.Result, error) { return drill.Stopped("%s", text) })
	}
	plans := []drill.Plan{{Threat: "theft", Title: strings.Repeat("A long title ", 10), Controls: []string{"lock"}, Attacks: []drill.Attack{
		by("no [lock]"),
		attack("takes all", func(s *drill.Scene) (drill.Result, error) {
			return drill.Harmed("the people of %s lost everything", s.Site.Dialect.ID())
		}),
		attack("asks", func(*drill.Scene) (drill.Result, error) { return drill.Stopped("%s", strings.Repeat("héhé ", 99)) }),
		attack("waits", func(*drill.Scene) (drill.Result, error) { return drill.Result{}, drill.Needs("patience") }),
		attack("breaks", func(*drill.Scene) (drill.Result, error) { return drill.Result{}, errors.New("glass") }),
	}}}
	opts := drill.Options{Without: []string{"chain"}, Holes: []drill.Hole{{Threat: "fire", Title: "Fire", Why: "there is no water " + strings.Repeat("yet", 40)}}}
	r, err := drill.Run(t.Context(), plans, (&theatre{kinds: []string{"a", "b"}}).stage, opts)
	if err != nil {
		t.Fatal(err)
	}
	text := r.Text()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{"a b       no     lock", "a         YES    nothing", "lost: the people of a lost", "lost: the people of b lost", "told: héhé",
		"a b       -      not played", "needs: patience", "?      could not find out", "because: glass", "played without: chain", "OPEN HOLES: 1,",
		"1 threat, 10 attacks: 2 harmed, 4 stopped, 2 not played, 2 unknown; 1 open hole"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
