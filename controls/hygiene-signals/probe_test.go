package hygienesignals_test

import (
	"testing"

	hygienesignals "bonded.dev/controls/hygiene-signals"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	look := func(want audit.State, releases ...visit.Release) {
		t.Helper()
		audittest.Look(t, hygienesignals.Probe, audittest.Visit(t, "npm", audittest.Pages{}, &visit.Package{Name: "a", Releases: releases}), want)
	}
	look(audit.NotHeld, visit.Release{Version: "1"})
	look(audit.Unknown, visit.Release{Version: "1", Time: "2026-01-01T00:00:00Z"})
	look(audit.Unknown, visit.Release{Version: "1", Files: []visit.File{{Size: 5}}})
	look(audit.Unknown)
}
