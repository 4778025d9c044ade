package screen_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/registry/decide"
	"bonded.dev/registry/screen"
)

func verdict(t *testing.T, judge screen.Func) (bonded.Verdict, bonded.Finding) {
	t.Helper()
	c := screen.Case{Draft: &bonded.Draft{}, Past: &bonded.Package{}}
	return decide.Decide(screen.Examine(context.Background(), []screen.Check{{ID: "x", Judge: judge}}, c))
}

func TestExamineFailsClosed(t *testing.T) {
	for name, judge := range map[string]screen.Func{
		"error":        func(screen.Case) ([]bonded.Finding, error) { return nil, errors.New("disk") },
		"panic":        func(screen.Case) ([]bonded.Finding, error) { panic("boom") },
		"nil case":     func(c screen.Case) ([]bonded.Finding, error) { _ = c.Draft.Facts[3]; return nil, nil },
		"zero finding": func(screen.Case) ([]bonded.Finding, error) { return []bonded.Finding{{}}, nil },
	} {
		if v, f := verdict(t, judge); v != bonded.Refuse || f.Control != "x" {
			t.Errorf("%s: %v by %q, want refuse by x", name, v, f.Control)
		}
	}
	if v, _ := verdict(t, func(screen.Case) ([]bonded.Finding, error) { return nil, nil }); v != bonded.Admit {
		t.Errorf("nothing found: %v, want admit", v)
	}
}

func TestExamineStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	check := screen.Check{ID: "x", Judge: func(screen.Case) ([]bonded.Finding, error) { return nil, nil }}
	got := screen.Examine(ctx, []screen.Check{check}, screen.Case{})
	if v, _ := decide.Decide(got); v != bonded.Refuse {
		t.Errorf("cancelled: %v, want refuse", v)
	}
}

func TestRefuseBeatsHoldBeatsAdmit(t *testing.T) {
	hold, refuse := bonded.Finding{Control: "h", Verdict: bonded.Hold}, bonded.Finding{Control: "r"}
	for _, order := range [][]bonded.Finding{{hold, refuse}, {refuse, hold}} {
		if v, f := decide.Decide(order); v != bonded.Refuse || f.Control != "r" {
			t.Errorf("%v by %s, want refuse by r", v, f.Control)
		}
	}
	if v, _ := decide.Decide([]bonded.Finding{hold, {Verdict: bonded.Admit}}); v != bonded.Hold {
		t.Errorf("%v, want hold", v)
	}
}

func TestRefusalSpellsOutAFewAnomalies(t *testing.T) {
	d := &bonded.Draft{}
	for range 5 {
		d.Anomalies = append(d.Anomalies, bonded.Anomaly{Kind: bonded.Shape, Rule: "path-traversal", Where: "../x"})
	}
	d.Anomalies = append(d.Anomalies, bonded.Anomaly{Kind: bonded.Bound, Rule: "ratio"})
	found, err := screen.RefuseAnomalies(bonded.Shape, "bad", "fix it")(screen.Case{Draft: d})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	r := found[0].Reason
	if strings.Count(r, "path-traversal") != 3 || !strings.Contains(r, "and 2 more") || strings.Contains(r, "ratio") {
		t.Errorf("reason %q", r)
	}
}

func TestRefusalIsFitForATerminal(t *testing.T) {
	d := &bonded.Draft{Anomalies: []bonded.Anomaly{{Kind: bonded.Shape, Rule: "x", Where: "a\\xff\x1b[2J", Detail: "b\n\u202e"}}}
	found, err := screen.RefuseAnomalies(bonded.Shape, "bad", "fix it")(screen.Case{Draft: d})
	if want := `bad: x at "a\xff?[2J" (b??); fix it`; err != nil || len(found) != 1 || found[0].Reason != want {
		t.Errorf("%v, %v, want %q", found, err, want)
	}
}
