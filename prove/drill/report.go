package drill

import (
	"slices"
)

// Report is what a run found. As JSON it is described in docs/formats/drill.md.
type Report struct {
	Victim  string   `json:"victim"`  // base URL; of the first, when each threat had its own
	At      string   `json:"at"`      // when it began, RFC 3339
	Kinds   []string `json:"kinds"`   // dialects that it was played in
	Without []string `json:"without"` // controls that were taken out
	Threats []Played `json:"threats"`
	Holes   []Hole   `json:"holes"`
	Sum     Sum      `json:"sum"`
	Seconds float64  `json:"seconds"`
	// Spared are attacks that need accounts which a foreign repository does not
	// let the drill make.
	Spared int `json:"-"`
}

// Played is a threat with what came of its attacks.
type Played struct {
	Threat   string    `json:"threat"`
	Title    string    `json:"title"`
	Outcomes []Outcome `json:"outcomes"`
}

// Sum counts outcomes; an attack in two dialects counts twice.
type Sum struct {
	Threats   int `json:"threats"`
	Attacks   int `json:"attacks"`
	Harmed    int `json:"harmed"`
	Stopped   int `json:"stopped"`
	NotPlayed int `json:"notPlayed"`
	Unknown   int `json:"unknown"`
	Holes     int `json:"holes"`
}

func (r *Report) saw(v Victim) {
	for _, s := range v.Sites() {
		if r.Victim == "" {
			r.Victim = s.Base
		}
		if !slices.Contains(r.Kinds, s.Dialect.ID()) {
			r.Kinds = append(r.Kinds, s.Dialect.ID())
		}
	}
}

func (r *Report) count() {
	r.Sum = Sum{Threats: len(r.Threats), Holes: len(r.Holes)}
	for _, t := range r.Threats {
		for _, o := range t.Outcomes {
			r.Sum.add(o)
		}
	}
}

func (s *Sum) add(o Outcome) {
	s.Attacks++
	switch o.Outcome {
	case OutcomeHarmed:
		s.Harmed++
	case OutcomeStopped:
		s.Stopped++
	case OutcomeNotPlayed:
		s.NotPlayed++
	default:
		s.Unknown++
	}
}

// OK reports whether nobody was harmed, as far as it is known.
func (r *Report) OK() bool { return r.Sum.Harmed == 0 }

// Known reports whether everything that was played was found out.
func (r *Report) Known() bool { return r.Sum.Unknown == 0 }
