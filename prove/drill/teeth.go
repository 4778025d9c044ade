package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What Teeth says of a threat.
const (
	Bites     = "bites"     // with all its controls out the victim is harmed
	HeldFast  = "built in"  // what cannot be taken out stops it alone
	Toothless = "toothless" // nothing was in the way, and still no harm: a drill that proves nothing
)

// What Teeth says of a control, alone against the attacks that did harm.
const (
	Stops        = "stops"         // none of them did harm
	Partial      = "partial"       // some still did
	StopsNothing = "stops nothing" // all still did: none of them meets it
)

// Bite is a threat with what its controls do against its attacks.
type Bite struct {
	Threat string `json:"threat"`
	Title  string `json:"title"`
	State  string `json:"state"` // bites, built in, toothless, not played, unknown
	// BuiltIn are its controls that cannot be taken out.
	BuiltIn []string `json:"builtIn"`
	// Bare is what came of its attacks with all others out.
	Bare     []Outcome `json:"bare"`
	Controls []Alone   `json:"controls"`
}

// Alone is one control, in while all others of its threat are out.
type Alone struct {
	Control string `json:"control"`
	State   string `json:"state"` // stops, partial, stops nothing, unknown
	// Harm is what came of attacks that it did not stop.
	Harm []Outcome `json:"harm"`
}

// TeethReport says which drills can fail, and which controls make them pass.
type TeethReport struct {
	At      string   `json:"at"`
	Threats []Bite   `json:"threats"`
	Sum     TeethSum `json:"sum"`
	Seconds float64  `json:"seconds"`
}

// TeethSum counts threats by state, attacks that were played and those of them
// that did harm, and pairs of threat and control.
type TeethSum struct {
	Threats      int `json:"threats"`
	Attacks      int `json:"attacks"`
	Harmed       int `json:"harmed"`
	Bites        int `json:"bites"`
	BuiltIn      int `json:"builtIn"`
	Toothless    int `json:"toothless"`
	NotPlayed    int `json:"notPlayed"`
	Unknown      int `json:"unknown"` // threats and controls
	Stops        int `json:"stops"`
	Partial      int `json:"partial"`
	StopsNothing int `json:"stopsNothing"`
}

// Teeth shows that drills can fail. For each plan it plays against a victim
// without all of the plan's controls, which must be harmed, and then against
// one victim for each control, with it alone; only attacks that did harm are
// played again. Controls that cannot be taken out stay in throughout.
func Teeth(ctx context.Context, plans []Plan, stage Stage, opts Options) (*TeethReport, error) {
	p := newPlayer(plans, opts)
	began := time.Now()
	report := &TeethReport{At: began.UTC().Format(time.RFC3339), Threats: []Bite{}}
	for i, plan := range plans {
		p.opts.Progress(plan.Threat, i, len(plans))
		bite, err := p.bite(ctx, plan, stage)
		if err != nil {
			return nil, fmt.Errorf("playing %s: %w", plan.Threat, err)
		}
		report.Threats = append(report.Threats, bite)
	}
	report.count()
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}

func (p *player) bite(ctx context.Context, plan Plan, stage Stage) (Bite, error) {
	b := Bite{Threat: plan.Threat, Title: plan.Title, BuiltIn: []string{}, Controls: []Alone{}}
	out := slices.Clone(plan.Controls)
	var err error
	if b.Bare, out, err = p.bare(ctx, plan, stage, out); err != nil {
		return b, err
	}
	for _, id := range plan.Controls {
		if !slices.Contains(out, id) {
			b.BuiltIn = append(b.BuiltIn, id)
		}
	}
	switch {
	case slices.ContainsFunc(b.Bare, is(OutcomeHarmed)):
		b.State = Bites
	case slices.ContainsFunc(b.Bare, is(OutcomeUnknown)):
		b.State = OutcomeUnknown
	case !slices.ContainsFunc(b.Bare, is(OutcomeStopped)):
		b.State = OutcomeNotPlayed
	case len(b.BuiltIn) > 0:
		b.State = HeldFast
	default:
		b.State = Toothless
	}
	if b.State != Bites {
		return b, nil
	}
	for _, id := range out {
		others := slices.DeleteFunc(slices.Clone(out), func(o string) bool { return o == id })
		again, err := p.again(ctx, plan, stage, others, b.Bare)
		if err != nil {
			return b, err
		}
		b.Controls = append(b.Controls, alone(id, again))
	}
	return b, nil
}

func is(outcome string) func(Outcome) bool {
	return func(o Outcome) bool { return o.Outcome == outcome }
}

// bare plays a plan with everything out that can be, and says what that was.
func (p *player) bare(ctx context.Context, plan Plan, stage Stage, out []string) ([]Outcome, []string, error) {
	for {
		v, err := stage(ctx, out)
		var fixed BuiltIn
		if errors.As(err, &fixed) && slices.Contains(out, fixed.Control) {
			out = slices.DeleteFunc(out, func(id string) bool { return id == fixed.Control })
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		list := p.all(ctx, v, plan)
		return list, out, errors.Join(ctx.Err(), v.Close())
	}
}

// again plays those attacks that did harm.
func (p *player) again(ctx context.Context, plan Plan, stage Stage, out []string, bare []Outcome) (list []Outcome, err error) {
	v, err := stage(ctx, out)
	if err != nil {
		return nil, err
	}
	for _, a := range plan.Attacks {
		for _, s := range v.Sites() {
			same := func(o Outcome) bool {
				return o.Attack == a.Name && o.Kind == s.Dialect.ID() && o.Outcome == OutcomeHarmed
			}
			if slices.ContainsFunc(bare, same) {
				list = append(list, p.play(ctx, v, s, a))
			}
		}
	}
	return list, errors.Join(ctx.Err(), v.Close())
}

// alone judges a control by the attacks that do harm without it.
func alone(id string, list []Outcome) Alone {
	a := Alone{Control: id, State: Stops, Harm: []Outcome{}}
	stopped, unknown := 0, 0
	for _, o := range list {
		switch o.Outcome {
		case OutcomeStopped:
			stopped++
			continue
		case OutcomeHarmed:
		default:
			unknown++
		}
		a.Harm = append(a.Harm, o)
	}
	switch {
	case unknown > 0:
		a.State = OutcomeUnknown
	case stopped == 0:
		a.State = StopsNothing
	case len(a.Harm) > 0:
		a.State = Partial
	}
	return a
}

func (r *TeethReport) count() {
	r.Sum = TeethSum{Threats: len(r.Threats)}
	count := map[string]*int{
		Bites: &r.Sum.Bites, HeldFast: &r.Sum.BuiltIn, Toothless: &r.Sum.Toothless, OutcomeNotPlayed: &r.Sum.NotPlayed, OutcomeUnknown: &r.Sum.Unknown,
		Stops: &r.Sum.Stops, Partial: &r.Sum.Partial, StopsNothing: &r.Sum.StopsNothing,
	}
	for _, t := range r.Threats {
		*count[t.State]++
		for _, o := range t.Bare {
			if o.Outcome != OutcomeNotPlayed {
				r.Sum.Attacks++
			}
			if o.Outcome == OutcomeHarmed {
				r.Sum.Harmed++
			}
		}
		for _, c := range t.Controls {
			*count[c.State]++
		}
	}
}

// OK reports whether every drill that can bite does.
func (r *TeethReport) OK() bool { return r.Sum.Toothless == 0 }

// Known reports whether everything was found out.
func (r *TeethReport) Known() bool { return r.Sum.Unknown == 0 }

// Text is the report for a person at a terminal 80 characters wide.
func (r *TeethReport) Text() string {
	var b strings.Builder
	row(&b, "THREAT and attack", "DIALECT", "HARMED", "")
	for _, t := range r.Threats {
		heading(&b, t.Threat, t.Title)
		writeOutcomes(&b, t.Bare)
		paragraph(&b, "    ", t.say())
		for _, c := range t.Controls {
			paragraph(&b, "    ", c.say())
		}
	}
	s := r.Sum
	fmt.Fprintln(&b)
	paragraph(&b, "", fmt.Sprintf("%s, all controls out: %d bite, %d are held by what is built in, %d toothless, %d not played; %d of %s did harm",
		plural(s.Threats, "threat"), s.Bites, s.BuiltIn, s.Toothless, s.NotPlayed, s.Harmed, plural(s.Attacks, "attack")))
	paragraph(&b, "", fmt.Sprintf("their controls, each alone: %d stop everything, %d something, %d nothing; %d unknown",
		s.Stops, s.Partial, s.StopsNothing, s.Unknown))
	return b.String()
}

func (t Bite) say() string {
	fixed := ""
	if len(t.BuiltIn) > 0 {
		fixed = "; built in: " + strings.Join(t.BuiltIn, ", ")
	}
	switch t.State {
	case Bites:
		return "bites without its controls" + fixed
	case HeldFast:
		return "no harm even so" + fixed
	case OutcomeNotPlayed:
		return "not played" + fixed
	case Toothless:
		return "TOOTHLESS: no harm without any control, so this drill proves nothing"
	}
	return "whether it bites could not be found out" + fixed
}

func (a Alone) say() string {
	var left []string
	for _, o := range a.Harm {
		left = append(left, fmt.Sprintf("%s (%s, %s)", o.Attack, o.Kind, o.Outcome))
	}
	if len(left) == 0 {
		return a.Control + " alone: " + a.State
	}
	return a.Control + " alone: " + a.State + "; not stopped: " + strings.Join(left, "; ")
}
