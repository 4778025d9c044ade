package boundedfetch_test

import (
	"net/http"
	"testing"

	boundedfetch "bonded.dev/controls/bounded-fetch"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	look := func(length string, size int64, want audit.State) {
		t.Helper()
		p := &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1", Files: []visit.File{{Name: "a.tgz", URL: "a.tgz", Size: size}}}}}
		audittest.Look(t, boundedfetch.Probe, audittest.Visit(t, "npm", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if length == "gone" {
				http.NotFound(w, r)
			} else if length != "" {
				w.Header().Set("Content-Length", length)
			}
		}), p), want)
	}
	look("5", 0, audit.Beside)
	look("", 5, audit.Beside)
	look("", 0, audit.NotHeld)
	look("gone", 0, audit.Beside)
	audittest.Look(t, boundedfetch.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.Beside)
}
