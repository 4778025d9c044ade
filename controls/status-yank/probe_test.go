package statusyank_test

import (
	"testing"

	statusyank "bonded.dev/controls/status-yank"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	look := func(kind string, want audit.State, packages ...*visit.Package) {
		t.Helper()
		audittest.Look(t, statusyank.Probe, audittest.Visit(t, kind, audittest.Pages{}, packages...), want)
	}
	release := func(yanked bool) []visit.Release { return []visit.Release{{Version: "1", Yanked: yanked}} }
	look("npm", audit.Held, &visit.Package{Name: "a", Releases: release(true)})
	look("npm", audit.Unknown, &visit.Package{Name: "a", Releases: release(false)})
	look("pypi", audit.Held, &visit.Package{Name: "a", Status: "archived"})
	look("pypi", audit.Held, &visit.Package{Name: "a", Releases: release(false), Index: visit.Response{Body: []byte(`{"files":[{"yanked":false}]}`)}})
	look("oci", audit.NotHeld, &visit.Package{Name: "a", Releases: release(false)})
	look("npm", audit.Unknown)
}
