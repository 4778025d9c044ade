package audit

import (
	"cmp"
	"slices"
	"strings"
)

// Report is what an audit found. As JSON it is described in
// docs/formats/audit.md. Only At differs between two audits of a repository
// that did not change.
type Report struct {
	URL string `json:"url"`
	At  string `json:"at"` // when it began, RFC 3339
	// Stopped says why the audit ended early; empty: it did not.
	Stopped string `json:"stopped"`
	// Stay is what was tried with accounts; nil: there were none.
	Stay     *Stayed    `json:"stay,omitempty"`
	Sections []*Section `json:"sections"`
}

// Section is what was found in one dialect.
type Section struct {
	Kind string `json:"kind"`
	Root string `json:"root"` // where the dialect is spoken
	// Packages were looked at; Missing were asked for and are not there.
	Packages []string `json:"packages"`
	Missing  []string `json:"missing,omitempty"`
	// Trouble is what kept a part of it from being looked at.
	Trouble string  `json:"trouble,omitempty"`
	Stopped string  `json:"stopped,omitempty"`
	Sum     Sum     `json:"sum"`
	Tracks  []Track `json:"tracks"`
	// Principles are the same for the groups of the OpenSSF Principles.
	Principles []Principle `json:"principles"`
	Funding    []Advice    `json:"funding"`
	// Controls in the order of the guide.
	Controls []Judged `json:"controls"`
}

// Judged is a control with what is known of it.
type Judged struct {
	Control  string     `json:"control"`
	Title    string     `json:"title"`
	Track    string     `json:"track"`
	Level    int        `json:"level"`
	State    State      `json:"state"`
	Why      string     `json:"why"`
	Evidence []Evidence `json:"evidence"`
}

// Sum counts controls by state.
type Sum struct {
	Controls   int `json:"controls"`
	Held       int `json:"held"`
	NotHeld    int `json:"notHeld"`
	Documented int `json:"documented"`
	Unknown    int `json:"unknown"`
	Beside     int `json:"notApplicable"`
}

// Track is a column of the maturity model.
type Track struct {
	Track string `json:"track"`
	// Applies: at least one of its controls is for repositories of this kind.
	Applies bool `json:"applies"`
	// Levels are those that have controls which apply.
	Levels []int `json:"levels"`
	// Level is the highest one up to which every control was seen to be held; a
	// level whose controls do not apply is passed over and not reached by it.
	// Documented is the same if what is documented is true, and Possible if
	// everything is held that was not seen to be missing.
	Level      int `json:"level"`
	Documented int `json:"documented"`
	Possible   int `json:"possible"`
	// Next are what keeps it from the next level.
	Next []Gap `json:"next"`
}

// Gap is a control that is missing for a level.
type Gap struct {
	Control string `json:"control"`
	State   State  `json:"state"`
}

// Advice is a control that is worth its money.
type Advice struct {
	Control string `json:"control"`
	Title   string `json:"title"`
	State   State  `json:"state"`
	Track   string `json:"track"`
	Level   int    `json:"level"`
	Effort  string `json:"effort"`
	// Incidents that it would have helped against, Recent ones among them.
	Incidents int `json:"incidents"`
	Recent    int `json:"recent"`
	// Needs are what it builds on and was not seen; Unlocks what builds on it.
	Needs   []string `json:"needs"`
	Unlocks []string `json:"unlocks"`
	// Raises is the level that its track reaches with it; 0: others are missing too.
	Raises int `json:"raises"`
}

// count fills in what follows from the states.
func (s *Section) count(controls []Control) {
	s.Sum = Sum{Controls: len(s.Controls)}
	state := map[string]State{}
	for _, j := range s.Controls {
		state[j.Control] = j.State
		switch j.State {
		case Held:
			s.Sum.Held++
		case NotHeld:
			s.Sum.NotHeld++
		case Documented:
			s.Sum.Documented++
		case Beside:
			s.Sum.Beside++
		default:
			s.Sum.Unknown++
		}
	}
	s.tracks()
	s.principles(controls)
	s.funding(controls, state)
}

// tracks puts the controls into the maturity model, in the order of the guide.
func (s *Section) tracks() {
	s.Tracks = []Track{}
	for _, j := range s.Controls {
		if !slices.ContainsFunc(s.Tracks, func(t Track) bool { return t.Track == j.Track }) {
			s.Tracks = append(s.Tracks, s.track(j.Track))
		}
	}
}

func (s *Section) track(name string) Track {
	t := Track{Track: name, Levels: []int{}, Next: []Gap{}}
	levels := map[int][]Judged{}
	for _, j := range s.Controls {
		if j.Track == name {
			levels[j.Level] = append(levels[j.Level], j)
			t.Applies = t.Applies || j.State != Beside
		}
	}
	if !t.Applies {
		return t
	}
	seen, told, open := true, true, true
	for level := 1; level <= 4; level++ {
		var gaps []Gap
		applies := false
		for _, j := range levels[level] {
			applies = applies || j.State != Beside
			if j.State != Held && j.State != Beside {
				gaps = append(gaps, Gap{j.Control, j.State})
			}
		}
		if !applies {
			continue
		}
		t.Levels = append(t.Levels, level)
		told = told && !slices.ContainsFunc(gaps, func(g Gap) bool { return g.State != Documented })
		open = open && !slices.ContainsFunc(gaps, func(g Gap) bool { return g.State == NotHeld })
		if told {
			t.Documented = level
		}
		if open {
			t.Possible = level
		}
		if seen && len(gaps) > 0 {
			seen, t.Next = false, gaps
		}
		if seen {
			t.Level = level
		}
	}
	return t
}

// funding orders what was not seen by what it would have helped against, the
// recent incidents first, then by what is cheap.
func (s *Section) funding(controls []Control, state map[string]State) {
	s.Funding = []Advice{}
	missing := func(id string) bool { return state[id] != Held && state[id] != Beside && state[id] != "" }
	for i, c := range controls {
		j := s.Controls[i]
		if !missing(c.ID) || j.State == Documented {
			continue
		}
		s.Funding = append(s.Funding, Advice{
			Control: c.ID, Title: c.Title, State: j.State, Track: c.Track, Level: c.Level, Effort: c.Effort,
			Incidents: c.Incidents, Recent: c.Recent,
			Needs: those(c.Requires, missing), Unlocks: those(c.Unlocks, missing), Raises: s.raises(j),
		})
	}
	slices.SortStableFunc(s.Funding, func(a, b Advice) int {
		return cmp.Or(cmp.Compare(b.Recent, a.Recent), cmp.Compare(b.Incidents, a.Incidents),
			cmp.Compare(a.Level, b.Level), cmp.Compare(work(a.Effort), work(b.Effort)), strings.Compare(a.Control, b.Control))
	})
}

func those(ids []string, keep func(string) bool) []string {
	out := []string{}
	for _, id := range ids {
		if keep(id) {
			out = append(out, id)
		}
	}
	return out
}

func work(effort string) int {
	return slices.Index([]string{"hours", "days", "weeks", "months"}, effort)
}

// raises is the level that the track of a control reaches when it alone is
// added; 0 when it is not the last one missing.
func (s *Section) raises(j Judged) int {
	for _, t := range s.Tracks {
		if t.Track == j.Track && len(t.Next) == 1 && t.Next[0].Control == j.Control {
			return j.Level
		}
	}
	return 0
}

// Find returns what is known of a control; nil when it was not asked about.
func (s *Section) Find(id string) *Judged {
	for i := range s.Controls {
		if s.Controls[i].Control == id {
			return &s.Controls[i]
		}
	}
	return nil
}

// TrackOf returns a track; nil when there is none of that name.
func (s *Section) TrackOf(name string) *Track {
	for i := range s.Tracks {
		if s.Tracks[i].Track == name {
			return &s.Tracks[i]
		}
	}
	return nil
}
