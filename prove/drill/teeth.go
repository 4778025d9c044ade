package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bonded.dev/prove/visit"
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
	// Bare is what came of its attacks with everything else out.
	Bare     []Outcome `json:"bare"`
	Controls []Alone   `json:"controls"`
}

// Alone is one control, in while all others of its threat are out.
type Alone struct {
	Control string `json:"control"`
	// Named says that the threat's page names it. One that it does not name, and
	// that all the same stops attacks, is missing there.
	Named bool   `json:"named"`
	State string `json:"state"` // stops, partial, stops nothing, unknown
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
	Unnamed      int `json:"unnamed"` // of these, not named by the threat's page
}

// Teeth shows that drills can fail. For each plan it plays against a victim
// without all of the plan's controls, which must be harmed; when a refusal still
// names a control, without that one too. Then it plays against one victim for
// each control, with it alone; only attacks that did harm are played again.
// Controls that cannot be taken out stay in throughout.
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
	bare, out, err := p.bare(ctx, plan, stage)
	if err != nil {
		return b, err
	}
	b.Bare = bare
	for _, id := range plan.Controls {
		if !slices.Contains(out, id) {
			b.BuiltIn = append(b.BuiltIn, id)
		}
	}
	b.judge()
	if b.State != Bites {
		return b, nil
	}
	for _, id := range out {
		others := slices.DeleteFunc(slices.Clone(out), func(o string) bool { return o == id })
		again, err := p.replay(ctx, plan, stage, others, b.Bare, is(OutcomeHarmed))
		if err != nil {
			return b, err
		}
		a := alone(id, again)
		if a.Named = slices.Contains(plan.Controls, id); a.Named || a.State != StopsNothing {
			b.Controls = append(b.Controls, a)
		}
	}
	return b, nil
}

func (b *Bite) judge() {
	has := func(outcome string) bool { return slices.ContainsFunc(b.Bare, is(outcome)) }
	switch {
	case has(OutcomeHarmed):
		b.State = Bites
	case has(OutcomeUnknown):
		b.State = OutcomeUnknown
	case !has(OutcomeStopped):
		b.State = OutcomeNotPlayed
	case len(b.BuiltIn) > 0:
		b.State = HeldFast
	default:
		b.State = Toothless
	}
}

func is(outcome string) func(Outcome) bool {
	return func(o Outcome) bool { return o.Outcome == outcome }
}

// bare plays a plan without its controls, and then, as long as refusals name
// further ones, without those too. It returns what came of it and which
// controls were out in the end.
func (p *player) bare(ctx context.Context, plan Plan, stage Stage) (list []Outcome, out []string, err error) {
	fixed := map[string]bool{}
	out, v, err := strip(ctx, stage, plan.Controls, fixed)
	if err != nil {
		return nil, nil, err
	}
	list = p.all(ctx, v, plan)
	if err := errors.Join(ctx.Err(), v.Close()); err != nil {
		return nil, nil, err
	}
	for {
		more := func(id string) bool { return !fixed[id] && !slices.Contains(out, id) }
		wanted := slices.Clone(out)
		for _, o := range list {
			for _, id := range o.StoppedBy {
				if more(id) && !slices.Contains(wanted, id) {
					wanted = append(wanted, id)
				}
			}
		}
		if len(wanted) == len(out) {
			return list, out, nil
		}
		// Only a stage can tell what it can do without.
		now, v, err := strip(ctx, stage, wanted, fixed)
		if err != nil {
			return nil, nil, err
		}
		if err := v.Close(); err != nil {
			return nil, nil, err
		}
		if len(now) == len(out) {
			return list, out, nil
		}
		if list, err = p.replay(ctx, plan, stage, now, list, func(o Outcome) bool { return slices.ContainsFunc(o.StoppedBy, more) }); err != nil {
			return nil, nil, err
		}
		out = now
	}
}

// strip starts a victim without as many of the controls as can be, notes which
// cannot, and returns which are out.
func strip(ctx context.Context, stage Stage, controls []string, fixed map[string]bool) ([]string, Victim, error) {
	out := slices.DeleteFunc(slices.Clone(controls), func(id string) bool { return fixed[id] })
	for {
		v, err := stage(ctx, out)
		var b BuiltIn
		if !errors.As(err, &b) || !slices.Contains(out, b.Control) {
			return out, v, err
		}
		fixed[b.Control] = true
		out = slices.DeleteFunc(out, func(id string) bool { return id == b.Control })
	}
}

// replay plays those attacks once more that pick picks.
func (p *player) replay(ctx context.Context, plan Plan, stage Stage, out []string, list []Outcome, pick func(Outcome) bool) ([]Outcome, error) {
	v, err := stage(ctx, out)
	if err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	for i, o := range list {
		if list[i].again = false; !pick(o) {
			continue
		}
		a := slices.IndexFunc(plan.Attacks, func(a Attack) bool { return a.Name == o.Attack })
		s := slices.IndexFunc(v.Sites(), func(s *visit.Site) bool { return s.Dialect.ID() == o.Kind })
		if a < 0 || s < 0 {
			return nil, errors.Join(fmt.Errorf("%s in %s cannot be played again", o.Attack, o.Kind), v.Close())
		}
		list[i] = p.play(ctx, v, v.Sites()[s], plan.Attacks[a])
		list[i].again = true
	}
	return list, errors.Join(ctx.Err(), v.Close())
}

// alone judges a control by the attacks that do harm without it.
func alone(id string, list []Outcome) Alone {
	a := Alone{Control: id, State: Stops, Harm: []Outcome{}}
	stopped, unknown := 0, 0
	for _, o := range list {
		switch {
		case !o.again: // it did no harm before either
			continue
		case o.Outcome == OutcomeStopped:
			stopped++
			continue
		case o.Outcome != OutcomeHarmed:
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
			if !c.Named {
				r.Sum.Unnamed++
			}
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
		Paragraph(&b, "    ", t.say())
		for _, c := range t.Controls {
			Paragraph(&b, "    ", c.say())
		}
	}
	s := r.Sum
	fmt.Fprintln(&b)
	Paragraph(&b, "", fmt.Sprintf("%s, all controls out: %d bite, %d are held by what is built in, %d toothless, %d not played; %d of %s did harm",
		plural(s.Threats, "threat"), s.Bites, s.BuiltIn, s.Toothless, s.NotPlayed, s.Harmed, plural(s.Attacks, "attack")))
	Paragraph(&b, "", fmt.Sprintf("their controls, each alone: %d stop everything, %d something, %d nothing; %d are not named by the page; %d unknown",
		s.Stops, s.Partial, s.StopsNothing, s.Unnamed, s.Unknown))
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
	text := a.Control + " alone: " + a.State
	if !a.Named {
		text += ", and the page does not name it"
	}
	if len(left) > 0 {
		text += "; not stopped: " + strings.Join(left, "; ")
	}
	return text
}
