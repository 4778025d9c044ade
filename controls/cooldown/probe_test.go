package cooldown_test

import (
	"testing"

	"bonded.dev/controls/cooldown"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	look := func(want audit.State, times ...string) {
		t.Helper()
		p := &visit.Package{Name: "a"}
		for _, at := range times {
			p.Releases = append(p.Releases, visit.Release{Version: at, Time: at})
		}
		audittest.Look(t, cooldown.Probe, audittest.Visit(t, "npm", audittest.Pages{}, p), want)
	}
	look(audit.Beside, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
	look(audit.NotHeld, "2026-01-01T00:00:00Z", "")
	look(audit.Beside)
}
