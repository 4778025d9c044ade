package audit_test

import (
	"context"
	"strings"
	"testing"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

// TestPrinciples: an item is as well held as the weakest of its controls, and a
// level as its items.
func TestPrinciples(t *testing.T) {
	of := func(id string, s audit.State, items ...string) audit.Control {
		return audit.Control{ID: id, Title: id, Track: "T", Level: 1, Items: items, Probe: func(context.Context, *audit.Visit) (audit.Finding, error) {
			return audit.Say(s, "it is so")
		}}
	}
	v := audittest.Visit(t, "npm", audittest.Pages{})
	r, err := audit.Run(t.Context(), []audit.Control{
		of("a", audit.Held, "Authentication 1.1"), of("b", audit.Held, "Authentication 2.1", "Authentication 3.1"),
		of("c", audit.Documented, "Authentication 2.1"), of("d", audit.Unknown, "Authentication 3.1"),
		of("e", audit.NotHeld, "General 1.1"), of("f", audit.Beside, "CLI 1.1"), of("g", audit.Held),
	}, []*visit.Site{v.Site}, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][3]int{}
	for _, p := range r.Sections[0].Principles {
		if p.Applies != (p.Group != "CLI") {
			t.Errorf("%s applies: %v", p.Group, p.Applies)
		}
		got[p.Group] = [3]int{p.Level, p.Documented, p.Possible}
		if p.Group == "Authentication" && p.Keeps() != "2.1 documented: c" {
			t.Errorf("keeps: %q", p.Keeps())
		}
	}
	if got["Authentication"] != [3]int{1, 2, 3} || got["General"] != [3]int{} || len(got) != 3 {
		t.Errorf("%v", got)
	}
}

// TestDeclared: what a repository says of itself fills a gap and nothing more.
func TestDeclared(t *testing.T) {
	told := func(s *audit.Security) string { return s.Tokens.Prefix }
	one := func(id string, s audit.State) audit.Control {
		return audit.Control{ID: id, Title: id, Track: "T", Level: 1, Told: told, Probe: func(context.Context, *audit.Visit) (audit.Finding, error) {
			return audit.Say(s, "seen")
		}}
	}
	controls := []audit.Control{one("unknown", audit.Unknown), one("held", audit.Held), one("missing", audit.NotHeld)}
	for body, want := range map[string][3]audit.State{
		`{"format":"repository-security/v1","tokens":{"prefix":"x_\u001b"}}`: {audit.Documented, audit.Held, audit.NotHeld},
		`{"format":"repository-security/v1","tokens":{}}`:                    {audit.Unknown, audit.Held, audit.NotHeld},
		`{"format":"other","tokens":{"prefix":"x_"}}`:                        {audit.Unknown, audit.Held, audit.NotHeld},
		`<html>`: {audit.Unknown, audit.Held, audit.NotHeld},
	} {
		v := audittest.Visit(t, "npm", audittest.Pages{audit.SecurityPath: {Body: body}})
		r, err := audit.Run(t.Context(), controls, []*visit.Site{v.Site}, audit.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, j := range r.Sections[0].Controls {
			if j.State != want[i] {
				t.Errorf("%s: %s is %s", body, j.Control, j.State)
			}
			for _, e := range j.Evidence {
				if e.Saw != "says: x_" {
					t.Errorf("evidence %q", e.Saw)
				}
			}
		}
	}
}

// TestStayElsewhere: at a repository with other pages a stay ends, and judges
// nothing.
func TestStayElsewhere(t *testing.T) {
	v := audittest.Visit(t, "npm", audittest.Pages{"/welcome": {Type: "text/html", Body: "<h1>hello"}})
	c := audit.Control{ID: "a", Title: "a", Track: "T", Level: 1, Unseen: "takes an account", Trial: audit.Trial{Steps: []string{"bare.token"}, Held: "so it is"}}
	for link, why := range map[string]string{v.Site.Base + "welcome": "no such form", "https://elsewhere.invalid/enrol": "does not lead to"} {
		r, err := audit.Run(t.Context(), []audit.Control{c}, []*visit.Site{v.Site}, audit.Options{Guest: &audit.Guest{Link: link}})
		if err != nil {
			t.Fatal(err)
		}
		if j := r.Sections[0].Find("a"); j.State != audit.Unknown || j.Why != "takes an account" || len(j.Evidence) != 0 {
			t.Errorf("%+v", j)
		}
		if r.Stay == nil || r.Stay.Steps != 0 || !strings.Contains(r.Stay.Ended, why) || !strings.Contains(r.Text(), "It went no further") {
			t.Errorf("%+v", r.Stay)
		}
	}
}
