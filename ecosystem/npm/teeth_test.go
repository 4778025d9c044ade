package npm_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/ecosystem/ecosystemtest"
	"bonded.dev/ecosystem/npm"
)

// mutant is the dialect with one thing wrong.
type mutant struct {
	npm.Ecosystem
	wrong string
	count *int
}

// mutants are the ways to be wrong, each with the part of the suite that must see it.
var mutants = map[string]string{
	"name":    "names",
	"compare": "versions",
	"blind":   "lies", "suspicious": "history", "deaf": "storage",
	"careless": "cut",
	"lazy":     "history", "restless": "history", "samekey": "history", "lost": "history", "homeless": "history",
	"indiscreet": "reply", "polite": "reply", "mute": "reply",
}

func (m mutant) Name(raw string) (bonded.Name, error) {
	n, err := m.Ecosystem.Name(raw)
	if m.wrong == "name" && n.Key != "" {
		n.Key += "x"
	}
	return n, err
}

func (m mutant) Compare(a, b string) int {
	if m.wrong == "compare" {
		return strings.Compare(a, b)
	}
	return m.Ecosystem.Compare(a, b)
}

func (m mutant) Draft(ctx context.Context, a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	keep := up.Keep
	d, err := m.Ecosystem.Draft(ctx, a, up)
	switch m.wrong {
	case "blind":
		d.Anomalies = nil
	case "suspicious":
		d.Anomalies = append(d.Anomalies, bonded.Anomaly{Kind: bonded.Shape, Rule: "x"})
	case "deaf":
		if kind, _, _ := bonded.Explain(err); kind == bonded.Unavailable {
			err = bonded.Errorf(bonded.Invalid, "something is wrong with the upload")
		}
	case "careless":
		if kind, _, _ := bonded.Explain(err); kind == bonded.Invalid && keep != nil {
			err = nil
		}
	}
	return d, err
}

func (m mutant) Render(p *bonded.Package, h *bonded.House, docs ecosystem.Docs, since uint64) ([]ecosystem.Document, error) {
	out, err := m.Ecosystem.Render(p, h, docs, since)
	*m.count++
	for i := range out {
		for k := range out[i].Parts {
			switch part := &out[i].Parts[k]; {
			case m.wrong == "restless" && *m.count%2 == 0:
				made := part.Bytes
				part.Bytes = func() ([]byte, error) { b, err := made(); return append(b, ' '), err }
			case m.wrong == "samekey":
				part.Key = "same"
			}
		}
		if m.wrong == "lost" {
			out[i].URL += "/elsewhere"
		}
	}
	switch {
	case m.wrong == "lazy" && since > 0 && len(out) > 1:
		return out[1:], err
	case m.wrong == "homeless":
		return m.Ecosystem.Render(p, &bonded.House{URL: map[bool]string{true: "https://a.example/", false: "https://b.example/"}[*m.count%2 == 0]}, docs, since)
	}
	return out, err
}

func (m mutant) Reply(o ecosystem.Outcome) ecosystem.Response {
	r := m.Ecosystem.Reply(o)
	switch {
	case m.wrong == "indiscreet" && o.Err != nil:
		r.Header = map[string]string{"X-Why": o.Err.Error()}
	case m.wrong == "polite":
		r.Status = 200
	case m.wrong == "mute" && o.Err != nil:
		r.Body = []byte("{}")
		r.Header = nil
	}
	return r
}

// TestMutant does nothing by itself: TestTheSuiteHasTeeth runs it in a process
// of its own, where it may fail.
func TestMutant(t *testing.T) {
	wrong := os.Getenv("BONDED_TEST_MUTANT")
	if wrong == "" {
		return
	}
	s := suite()
	s.Bad = nil
	var few []ecosystemtest.Lie
	seen := map[bonded.AnomalyKind]bool{}
	for _, l := range s.Lies {
		if !seen[l.Kind] && len(l.Body) < 1<<20 {
			seen[l.Kind] = true
			few = append(few, l)
		}
	}
	s.Lies = few
	ecosystemtest.Run(t, mutant{wrong: wrong, count: new(int)}, s)
}

// TestTheSuiteHasTeeth wants the suite to fail for each mutant, at the place
// that is there for it, and to pass for the one that is right.
func TestTheSuiteHasTeeth(t *testing.T) {
	run := func(wrong string) (string, error) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestMutant$")
		cmd.Env = append(os.Environ(), "BONDED_TEST_MUTANT="+wrong)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("nothing"); err != nil {
		t.Fatalf("with nothing wrong: %v\n%s", err, out)
	}
	for wrong, place := range mutants {
		if out, err := run(wrong); err == nil || !strings.Contains(out, "--- FAIL: TestMutant/"+place) {
			t.Errorf("%s: %v, want a failure of %s\n%.2000s", wrong, err, place, out)
		}
	}
}
