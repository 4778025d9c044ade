package audit_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

// control makes one whose probe says this.
func control(id, track string, level int, state audit.State) audit.Control {
	return audit.Control{ID: id, Title: "The " + id, Track: track, Level: level, Effort: "days", Applies: []string{"any repository"},
		Probe: func(_ context.Context, v *audit.Visit) (audit.Finding, error) {
			return audit.Say(state, "it was seen", audit.Evidence{URL: v.Site.Base, Saw: "a page"})
		}}
}

func runAt(t *testing.T, pages http.Handler, controls []audit.Control, o audit.Options) *audit.Report {
	t.Helper()
	v := audittest.Visit(t, "npm", pages, &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1.0.0"}}})
	o.Now = audittest.Now
	r, err := audit.Run(t.Context(), controls, []*visit.Site{v.Site}, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func only(t *testing.T, r *audit.Report) *audit.Section {
	t.Helper()
	if len(r.Sections) != 1 {
		t.Fatalf("%d sections", len(r.Sections))
	}
	return r.Sections[0]
}

func TestStates(t *testing.T) {
	account := []string{"has accounts", "accepts uploads"}
	controls := []audit.Control{
		control("held", "Publishing", 1, audit.Held),
		{ID: "errs", Track: "Publishing", Level: 1, Probe: func(context.Context, *audit.Visit) (audit.Finding, error) {
			return audit.Finding{}, errors.New("read tcp 127.0.0.1:45678->127.0.0.1:80: reset")
		}},
		{ID: "panics", Track: "Publishing", Level: 1, Probe: func(context.Context, *audit.Visit) (audit.Finding, error) { panic("oh") }},
		{ID: "unseen", Track: "Publishing", Level: 1, Applies: account, Unseen: "takes an account"},
		{ID: "client", Track: "Client", Level: 1, Applies: []string{"client or local proxy"}, Unseen: "not asked"},
		{ID: "hostile", Track: "Publishing", Level: 1, Probe: func(context.Context, *audit.Visit) (audit.Finding, error) {
			return audit.Say(audit.NotHeld, "a\x1b[2J b", audit.Evidence{URL: "u", Saw: "c\x07\nd"})
		}},
	}
	s := only(t, runAt(t, audittest.Pages{}, controls, audit.Options{}))
	for id, want := range map[string]audit.State{
		"held": audit.Held, "errs": audit.Unknown, "panics": audit.Unknown, "unseen": audit.Unknown, "client": audit.Beside, "hostile": audit.NotHeld,
	} {
		if got := s.Find(id).State; got != want {
			t.Errorf("%s is %s, not %s", id, got, want)
		}
	}
	if why := s.Find("errs").Why; why != "it could not be found out: read tcp 127.0.0.1:80: reset" {
		t.Errorf("an error is told as %q", why)
	}
	if why := s.Find("unseen").Why; why != "takes an account" {
		t.Errorf("unseen: %q", why)
	}
	if j := s.Find("hostile"); j.Why != "a[2J b" || j.Evidence[0].Saw != "c d" {
		t.Errorf("a stranger's words come out as %q, %q", j.Why, j.Evidence[0].Saw)
	}
	if s.Sum != (audit.Sum{Controls: 6, Held: 1, NotHeld: 1, Unknown: 3, Beside: 1}) {
		t.Errorf("%+v", s.Sum)
	}
}

type readOnly struct{ audittest.Dialect }

func (readOnly) ReadsOnly() {}

func TestReadOnly(t *testing.T) {
	v := audittest.Visit(t, "go", audittest.Pages{})
	v.Site.Dialect = readOnly{v.Site.Dialect.(audittest.Dialect)}
	controls := []audit.Control{
		{ID: "tokens", Track: "Publishing", Level: 1, Applies: []string{"has accounts", "accepts uploads"}, Unseen: "x"},
		{ID: "any", Track: "Publishing", Level: 1, Applies: []string{"any repository"}, Unseen: "x"},
	}
	r, err := audit.Run(t.Context(), controls, []*visit.Site{v.Site}, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := only(t, r)
	if s.Find("tokens").State != audit.Beside || s.Find("any").State != audit.Unknown {
		t.Errorf("%+v", s.Controls)
	}
}

func TestDocumented(t *testing.T) {
	pages := audittest.Pages{
		"/help":  {Type: "text/html", Body: "<html><head><title>How we\n recover</title></head><body>text"},
		"/plain": {Body: "We do this and that."},
		"/empty": {Type: "text/html", Body: "<html></html>"},
	}
	v := audittest.Visit(t, "npm", pages)
	base := v.Site.Base
	controls := []audit.Control{
		control("unknown", "Operations", 1, audit.Unknown), control("plain", "Operations", 1, audit.Unknown),
		control("held", "Operations", 2, audit.Held), control("missing", "Operations", 3, audit.NotHeld),
		control("gone", "Operations", 2, audit.Unknown), control("empty", "Operations", 2, audit.Unknown),
		control("beside", "Operations", 2, audit.Beside),
	}
	r, err := audit.Run(t.Context(), controls, []*visit.Site{v.Site}, audit.Options{Documented: map[string]string{
		"unknown": base + "help", "plain": base + "plain", "held": base + "help", "missing": base + "help",
		"gone": base + "gone", "empty": base + "empty", "beside": base + "help",
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := only(t, r)
	for id, want := range map[string]audit.State{
		"unknown": audit.Documented, "plain": audit.Documented, "held": audit.Held, "missing": audit.NotHeld,
		"gone": audit.Unknown, "empty": audit.Unknown, "beside": audit.Beside,
	} {
		if got := s.Find(id).State; got != want {
			t.Errorf("%s is %s, not %s", id, got, want)
		}
	}
	last := func(id string) string { e := s.Find(id).Evidence; return e[len(e)-1].Saw }
	for id, want := range map[string]string{
		"unknown": "documented: How we recover", "plain": "documented: We do this and that.",
		"gone": "given as documentation, but it answers 404", "empty": "given as documentation, but it is empty",
	} {
		if last(id) != want {
			t.Errorf("%s: %q, not %q", id, last(id), want)
		}
	}
	if !strings.Contains(s.Find("missing").Why, "says otherwise") {
		t.Errorf("a contradiction is told as %q", s.Find("missing").Why)
	}
	if track := s.TrackOf("Operations"); track.Level != 0 || track.Documented != 1 {
		t.Errorf("%+v", track)
	}
}

func TestDrills(t *testing.T) {
	with := func(c audit.Control, enough bool, threats ...string) audit.Control {
		c.Drills, c.Enough = threats, enough
		return c
	}
	controls := []audit.Control{
		with(control("stopped", "Publishing", 1, audit.Unknown), true, "one"),
		with(control("harmed", "Publishing", 1, audit.Held), true, "one", "two"),
		with(control("more to it", "Publishing", 1, audit.Unknown), false, "one"),
		with(control("not played", "Publishing", 1, audit.Unknown), true, "three"),
		with(control("beside", "Publishing", 1, audit.Beside), true, "two"),
		with(control("already missing", "Publishing", 1, audit.NotHeld), true, "one"),
		control("not about it", "Publishing", 1, audit.Unknown),
		control("named", "Publishing", 1, audit.Unknown),
	}
	s := only(t, runAt(t, audittest.Pages{}, controls, audit.Options{Drill: func(_ context.Context, kind string) ([]audit.Played, error) {
		if kind != "npm" {
			t.Errorf("played in %s", kind)
		}
		return []audit.Played{
			{Threat: "one", Attack: "a", Outcome: "stopped", Why: "409", StoppedBy: []string{"named"}}, {Threat: "one", Attack: "b", Outcome: "not played", Why: "no clock"},
			{Threat: "two", Attack: "c", Outcome: "harmed", Why: "lost"}, {Threat: "three", Attack: "d", Outcome: "unknown", Why: "?"},
		}, nil
	}}))
	for id, want := range map[string]audit.State{
		"stopped": audit.Held, "harmed": audit.NotHeld, "more to it": audit.Unknown, "not played": audit.Unknown,
		"beside": audit.Beside, "already missing": audit.NotHeld, "not about it": audit.Unknown, "named": audit.Held,
	} {
		if got := s.Find(id).State; got != want {
			t.Errorf("%s is %s, not %s", id, got, want)
		}
	}
	if why := s.Find("stopped").Why; why != "the drill was stopped in all of 1 attack; 1 more could not be played" {
		t.Errorf("%q", why)
	}
	if e := s.Find("harmed").Evidence; e[len(e)-1] != (audit.Evidence{URL: "drill:two", Saw: "c: harmed: lost"}) || len(e) != 2 {
		t.Errorf("%+v", e)
	}
	failed := only(t, runAt(t, audittest.Pages{}, controls, audit.Options{Drill: func(context.Context, string) ([]audit.Played, error) {
		return nil, errors.New("no victim")
	}}))
	if failed.Trouble != "the drills could not be played: no victim" || failed.Find("harmed").State != audit.Held {
		t.Errorf("%q, %+v", failed.Trouble, failed.Find("harmed"))
	}
}

func TestLevels(t *testing.T) {
	const h, n, u, b = audit.Held, audit.NotHeld, audit.Unknown, audit.Beside
	for _, c := range []struct {
		name   string
		states map[int][]audit.State
		want   int
		most   int
		next   int // how many are missing
	}{
		{"nothing", map[int][]audit.State{1: {u}, 2: {h}}, 0, 2, 1},
		{"one of two", map[int][]audit.State{1: {h, n}, 2: {h}}, 0, 0, 1},
		{"the first", map[int][]audit.State{1: {h, b}, 2: {u, n}}, 1, 1, 2},
		{"a level without controls", map[int][]audit.State{1: {h}, 3: {h}, 4: {n}}, 3, 3, 1},
		{"a level that does not apply", map[int][]audit.State{1: {h}, 2: {b}}, 1, 1, 0},
		{"all", map[int][]audit.State{1: {h}, 2: {h}, 3: {b}, 4: {h}}, 4, 4, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var controls []audit.Control
			for level := 1; level <= 4; level++ {
				for i, s := range c.states[level] {
					controls = append(controls, control(strings.Repeat("x", level)+"-"+string(rune('a'+i)), "T", level, s))
				}
			}
			track := only(t, runAt(t, audittest.Pages{}, controls, audit.Options{})).TrackOf("T")
			if !track.Applies || track.Level != c.want || track.Possible != c.most || len(track.Next) != c.next {
				t.Errorf("%+v", track)
			}
		})
	}
	if track := only(t, runAt(t, audittest.Pages{}, []audit.Control{control("x", "T", 1, b)}, audit.Options{})).TrackOf("T"); track.Applies {
		t.Errorf("%+v", track)
	}
}

func TestFunding(t *testing.T) {
	make := func(id string, state audit.State, level, recent, all int, effort string) audit.Control {
		c := control(id, "Track "+id, level, state)
		c.Recent, c.Incidents, c.Effort = recent, all, effort
		return c
	}
	controls := []audit.Control{
		make("old", audit.NotHeld, 1, 0, 90, "days"), make("recent", audit.Unknown, 4, 2, 2, "months"),
		make("cheap", audit.NotHeld, 2, 0, 1, "hours"), make("dear", audit.NotHeld, 2, 0, 1, "weeks"),
		make("basic", audit.NotHeld, 1, 0, 1, "months"), make("held", audit.Held, 1, 9, 9, "days"), make("beside", audit.Beside, 1, 9, 9, "days"),
	}
	controls[0].Requires, controls[0].Unlocks = []string{"recent", "held"}, []string{"cheap", "held", "beside"}
	s := only(t, runAt(t, audittest.Pages{}, controls, audit.Options{}))
	var order []string
	for _, a := range s.Funding {
		order = append(order, a.Control)
	}
	if want := []string{"recent", "old", "basic", "cheap", "dear"}; !slices.Equal(order, want) {
		t.Errorf("%v, not %v", order, want)
	}
	if a := s.Funding[1]; !slices.Equal(a.Needs, []string{"recent"}) || !slices.Equal(a.Unlocks, []string{"cheap"}) || a.Raises != 1 {
		t.Errorf("%+v", a)
	}
}

// TestEnough: after a 429 nothing more is asked, and what was seen is reported.
func TestEnough(t *testing.T) {
	asked := 0
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 2 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	asking := func(id string) audit.Control {
		return audit.Control{ID: id, Title: id, Track: "T", Level: 1, Effort: "days", Probe: func(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
			if _, err := v.Get(ctx, id, ""); err != nil {
				return audit.Finding{}, err
			}
			return audit.Say(audit.Held, "it answers")
		}}
	}
	r := runAt(t, pages, []audit.Control{asking("first"), asking("second"), asking("third")}, audit.Options{Drill: func(context.Context, string) ([]audit.Played, error) {
		t.Error("a drill was played after the repository had had enough")
		return nil, nil
	}})
	s := only(t, r)
	if !strings.Contains(r.Stopped, "429") || s.Stopped != r.Stopped || asked != 2 {
		t.Errorf("stopped: %q, after %d requests", r.Stopped, asked)
	}
	if s.Find("first").State != audit.Held || s.Find("second").State != audit.Unknown || s.Find("third").Why != "the audit ended before it could look" {
		t.Errorf("%+v", s.Controls)
	}
	if !strings.Contains(r.Text(), "ended early") {
		t.Error("the text does not say that it ended early")
	}
}

// TestThreeTimes: a repository that stays the same gets the same report, and
// nothing in it tells when it was made but At.
func TestThreeTimes(t *testing.T) {
	asked := 0
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("X-Request-Id", time.Now().String())
	})
	v := audittest.Visit(t, "npm", pages, &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1.0.0"}}})
	fetch := audit.Control{ID: "fetch", Title: "t", Track: "T", Level: 1, Probe: func(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
		for range 3 {
			if _, err := v.Get(ctx, "page", ""); err != nil {
				return audit.Finding{}, err
			}
		}
		return audit.Say(audit.Held, "it answers", audit.Evidence{URL: v.Site.Base, Saw: "a page"})
	}}
	var first string
	for i := range 3 {
		r, err := audit.Run(t.Context(), []audit.Control{fetch, control("b", "U", 2, audit.NotHeld)}, []*visit.Site{v.Site}, audit.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if asked != i+1 {
			t.Errorf("one page was asked for %d times in %d audits", asked, i+1)
		}
		if _, err := time.Parse(time.RFC3339, r.At); err != nil {
			t.Error(err)
		}
		r.At = ""
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(b)
		}
		if string(b) != first {
			t.Errorf("differs:\n%s\n%s", first, b)
		}
	}
}

// TestPrint holds text and page against what a stranger might have put in.
func TestPrint(t *testing.T) {
	c := control("x", "Distribution", 1, audit.NotHeld)
	c.Title, c.Incidents = "Title & <more>", 3
	quiet := audit.Control{ID: "y", Title: "Y", Track: "Operations", Level: 2, Effort: "weeks", Unseen: "takes an account"}
	r := runAt(t, audittest.Pages{}, []audit.Control{c, quiet, control("z", "Client", 1, audit.Beside)}, audit.Options{Packages: []string{"a", "</title><script>alert(1)</script>"}})
	text := r.Text()
	for _, want := range []string{"Looked at: a", "Not there: </title>", "not held: x", "not a repository's to hold", "UNKNOWN, WITHOUT EVIDENCE", "WHAT TO FUND NEXT",
		"3 controls: 0 held, 1 not held, 0 documented, 1 unknown, 1 not applicable"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("more than 80 columns: %s", line)
		}
	}
	b, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, want := range []string{"Title &amp; &lt;more&gt;", "&lt;script&gt;", "2026-06-15", `id="npm-x"`, `href="#npm-x"`, "takes an account"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"<script", "src=", "@import", "url("} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %q", never)
		}
	}
}
