package quarantine_test

import (
	"testing"

	"bonded.dev/controls/quarantine"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	look := func(want audit.State, packages ...*visit.Package) {
		t.Helper()
		audittest.Look(t, quarantine.Probe, audittest.Visit(t, "pypi", audittest.Pages{}, packages...), want)
	}
	look(audit.Held, &visit.Package{Name: "a"}, &visit.Package{Name: "b", Status: "quarantined"})
	look(audit.Unknown, &visit.Package{Name: "a", Index: visit.Response{Body: []byte(`{"project-status":{"status":"active"}}`)}})
	look(audit.Unknown, &visit.Package{Name: "a", Status: "archived"})
	look(audit.Unknown)
}
