package provenancecontinuity_test

import (
	"testing"

	provenancecontinuity "bonded.dev/controls/provenance-continuity"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	release := func(version, time, provenance string) visit.Release {
		return visit.Release{Version: version, Time: time, Files: []visit.File{{Name: version, Provenance: provenance}}}
	}
	look := func(want audit.State, releases ...visit.Release) {
		t.Helper()
		p := &visit.Package{Name: "a", Releases: releases}
		audittest.Look(t, provenancecontinuity.Probe, audittest.Visit(t, "npm", audittest.Pages{}, p), want)
	}
	look(audit.Unknown, release("1", "2026-01-01T00:00:00Z", ""), release("2", "2026-01-02T00:00:00Z", "p"))
	look(audit.NotHeld, release("1", "2026-01-01T00:00:00Z", "p"), release("2", "2026-01-02T00:00:00Z", ""))
	look(audit.NotHeld, release("2", "2026-01-02T00:00:00Z", ""), release("1", "2026-01-01T00:00:00Z", "p"))
	look(audit.NotHeld, release("1", "", "p"), release("2", "", ""))
	look(audit.Unknown, release("1", "", ""))
}
