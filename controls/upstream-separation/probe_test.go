package upstreamseparation_test

import (
	"testing"

	upstreamseparation "bonded.dev/controls/upstream-separation"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	to := func(url string) audittest.Page {
		return audittest.Page{Status: 303, Header: map[string]string{"Location": url}}
	}
	const at = "/bonded-audit-nobody-has-this-name/"
	look := func(pages audittest.Pages, want audit.State, words ...string) {
		t.Helper()
		audittest.Look(t, upstreamseparation.Probe, audittest.Visit(t, "pypi", pages), want, words...)
	}
	look(audittest.Pages{at: to("https://registry.example/simple/x/")}, audit.NotHeld)
	look(audittest.Pages{at: to("/elsewhere/")}, audit.Unknown)
	look(audittest.Pages{at: {Body: "welcome"}}, audit.Unknown, "something under a name")
	look(audittest.Pages{}, audit.Unknown, "not found")
	p := &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1", Files: []visit.File{{URL: "https://files.example/a.tgz"}}}}}
	audittest.Look(t, upstreamseparation.Probe, audittest.Visit(t, "npm", audittest.Pages{}, p), audit.Unknown, "another host")
}
