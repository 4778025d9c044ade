package outputsanitising_test

import (
	"testing"

	outputsanitising "bonded.dev/controls/output-sanitising"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	look := func(text string, want audit.State) {
		t.Helper()
		p := &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1", Manifest: visit.Manifest{Description: text}}}, Tags: map[string]string{"latest": "1"}}
		audittest.Look(t, outputsanitising.Probe, audittest.Visit(t, "npm", audittest.Pages{}, p), want)
	}
	look("pads\nstrings, and says é", audit.Unknown)
	look("pads \x1b[2Jstrings", audit.NotHeld)
	look("pads \u009bstrings", audit.NotHeld)
	look("pads \u202estrings", audit.NotHeld)
	audittest.Look(t, outputsanitising.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.Unknown)
}
