package drill

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"bonded.dev/prove/visit"
)

// Plan is a threat with the attacks that play it.
type Plan struct {
	Threat, Title string
	// Controls are those that the threat's page names and that stand in a
	// repository of our own. Only [Teeth] reads them: an attack knows none.
	Controls []string
	Attacks  []Attack
}

// Stage starts a victim without some of its controls, or returns the one there
// is. A control that it cannot take out is an error that wraps [BuiltIn].
type Stage func(ctx context.Context, without []string) (Victim, error)

// Options of a run. The zero value is fine.
type Options struct {
	// Without are controls that the victim is to do without.
	Without []string
	// Known are the ids of controls, as refusals may name them.
	Known []string
	// Holes are what no attack plays yet; the report lists them.
	Holes []Hole
	// Patience is how long one attack may take; zero means two minutes.
	Patience time.Duration
	// Progress is told how far it is.
	Progress func(step string, done, total int)
}

// Hole is a threat that could be played and is not, with the reason.
type Hole struct {
	Threat string `json:"threat"`
	Title  string `json:"title"`
	Why    string `json:"why"`
}

// The outcomes of an attack.
const (
	OutcomeHarmed    = "harmed"
	OutcomeStopped   = "stopped"
	OutcomeNotPlayed = "not played" // this victim cannot be played that way
	OutcomeUnknown   = "unknown"    // it could not be found out
)

// Outcome is what came of one attack in one dialect.
type Outcome struct {
	Attack string `json:"attack"`
	// Kind is the dialect; for an attack that no dialect of the victim fits, the
	// first that would.
	Kind    string `json:"kind"`
	Outcome string `json:"outcome"`
	// Why says who lost what, what stopped it, or why nothing is known.
	Why string `json:"why"`
	// StoppedBy are the controls that the refusal named.
	StoppedBy []string `json:"stoppedBy"`

	again bool // it was played once more, by Teeth
}

const defaultPatience = 2 * time.Minute

// Run plays every plan and reports. Each threat gets a victim of its own from
// the stage, because attacks turn its clock. An error means that there was no
// victim to play against.
func Run(ctx context.Context, plans []Plan, stage Stage, opts Options) (*Report, error) {
	p := newPlayer(plans, opts)
	report := &Report{Without: p.opts.Without, Kinds: []string{}, Threats: []Played{}, Holes: p.opts.Holes}
	began := time.Now()
	report.At = began.UTC().Format(time.RFC3339)
	for i, plan := range plans {
		p.opts.Progress(plan.Threat, i, len(plans))
		v, err := stage(ctx, p.opts.Without)
		if err != nil {
			return nil, fmt.Errorf("starting a victim for %s: %w", plan.Threat, err)
		}
		report.saw(v)
		played := Played{Threat: plan.Threat, Title: plan.Title, Outcomes: p.all(ctx, v, plan)}
		if err := errors.Join(ctx.Err(), v.Close()); err != nil {
			return nil, fmt.Errorf("playing %s: %w", plan.Threat, err)
		}
		if len(played.Outcomes) > 0 {
			report.Threats = append(report.Threats, played)
		}
	}
	report.Spared = p.spared
	report.count()
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}

// player plays attacks.
type player struct {
	opts  Options
	known map[string]bool
	seed  string
	n     int
	// spared are attacks on accounts that are not ours to make.
	spared int
}

func newPlayer(plans []Plan, opts Options) *player {
	opts.Patience = cmp.Or(opts.Patience, defaultPatience)
	if opts.Progress == nil {
		opts.Progress = func(string, int, int) {}
	}
	opts.Without, opts.Holes = append([]string{}, opts.Without...), append([]Hole{}, opts.Holes...)
	// Base 32 in lower case: every dialect takes it in a name.
	p := &player{opts: opts, known: map[string]bool{}, seed: strings.ToLower(rand.Text()[:6])}
	for _, id := range opts.Known {
		p.known[id] = true
	}
	for _, plan := range plans {
		for _, id := range plan.Controls {
			p.known[id] = true
		}
	}
	return p
}

// all plays a plan in every dialect that fits.
func (p *player) all(ctx context.Context, v Victim, plan Plan) (list []Outcome) {
	for _, a := range plan.Attacks {
		if _, foreign := v.(*Foreign); foreign && a.Accounts {
			p.spared++
			continue
		}
		n := len(list)
		for _, s := range v.Sites() {
			if len(a.Kinds) == 0 || slices.Contains(a.Kinds, s.Dialect.ID()) {
				list = append(list, p.play(ctx, v, s, a))
			}
		}
		if len(list) == n {
			o := Outcome{Attack: a.Name, Outcome: OutcomeNotPlayed, Why: "the repository speaks no dialect that fits", StoppedBy: []string{}}
			if len(a.Kinds) > 0 {
				o.Kind, o.Why = a.Kinds[0], "the repository does not speak "+strings.Join(a.Kinds, " or ")
			}
			list = append(list, o)
		}
	}
	return list
}

func (p *player) play(ctx context.Context, v Victim, s *visit.Site, a Attack) Outcome {
	p.n++
	scene := NewScene(v, s, p.seed+strconv.Itoa(p.n)) // decimal: no two look alike
	bounded, cancel := context.WithTimeout(ctx, p.opts.Patience)
	defer cancel()
	o := Outcome{Attack: a.Name, Kind: s.Dialect.ID(), StoppedBy: []string{}}
	r, err := perform(bounded, a, scene)
	switch {
	case errors.Is(err, ErrNeeds):
		o.Outcome, o.Why = OutcomeNotPlayed, strings.TrimPrefix(err.Error(), ErrNeeds.Error()+": ")
	case errors.Is(err, visit.ErrNotSpoken):
		o.Outcome, o.Why = OutcomeNotPlayed, err.Error()
	case err != nil:
		o.Outcome, o.Why = OutcomeUnknown, err.Error()
	case r.Harm != "":
		o.Outcome, o.Why = OutcomeHarmed, r.Harm
	case r.Stopped != "":
		o.Outcome, o.Why, o.StoppedBy = OutcomeStopped, r.Stopped, p.named(r.Stopped)
	default:
		o.Outcome, o.Why = OutcomeUnknown, "the attack says neither what was lost nor what stopped it"
	}
	o.Why = plain(o.Why)
	return o
}

// perform keeps a mistake in one attack from ending the drill.
func perform(ctx context.Context, a Attack, s *Scene) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the attack panicked: %v at %s", p, panicked(debug.Stack()))
		}
	}()
	return a.Play(ctx, s)
}

// panicked finds the place in a stack: the first line of code below the panic.
func panicked(stack []byte) string {
	_, below, _ := strings.Cut(string(stack), "\npanic(")
	for line := range strings.Lines(below) {
		if file, ok := strings.CutPrefix(line, "\t"); ok && !strings.Contains(file, "/runtime/") {
			file, _, _ = strings.Cut(strings.TrimSpace(file), " ")
			return file
		}
	}
	return "an unknown place"
}

// control is how a refusal names what refused: "(id)" or "[id]".
var control = regexp.MustCompile(`[(\[]([a-z][a-z0-9-]*)[)\]]`)

func (p *player) named(text string) []string {
	ids := []string{}
	for _, m := range control.FindAllStringSubmatch(text, -1) {
		if p.known[m[1]] && !slices.Contains(ids, m[1]) {
			ids = append(ids, m[1])
		}
	}
	return ids
}
