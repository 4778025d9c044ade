package webisolation_test

import (
	"net/http/httptest"
	"testing"

	webisolation "bonded.dev/controls/web-isolation"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	elsewhere := httptest.NewServer(audittest.Pages{"/a.tgz": {Body: "bytes"}})
	defer elsewhere.Close()
	page := func(csp, frame, sniff string) audittest.Page {
		return audittest.Page{Type: "text/html; charset=utf-8", Body: "<h1>x", Header: map[string]string{
			"Content-Security-Policy": csp, "X-Frame-Options": frame, "X-Content-Type-Options": sniff,
		}}
	}
	good := page("default-src 'none'; frame-ancestors 'none'", "", "nosniff")
	file := func(url string) *visit.Package {
		return &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1", Files: []visit.File{{Name: "a.tgz", URL: url}}}}}
	}
	look := func(front audittest.Page, url string, want audit.State, words ...string) {
		t.Helper()
		pages := audittest.Pages{"/": front, "/a.tgz": {Body: "bytes"}}
		audittest.Look(t, webisolation.Probe, audittest.Visit(t, "npm", pages, file(url)), want, words...)
	}
	far := elsewhere.URL + "/a.tgz"
	look(good, far, audit.Held)
	look(good, "a.tgz", audit.NotHeld, "host of the pages")
	look(page("default-src 'self'", "DENY", "nosniff"), far, audit.Held)
	look(page("", "DENY", "nosniff"), far, audit.NotHeld, "no policy for scripts")
	look(page("script-src 'self' 'unsafe-inline'; frame-ancestors 'self'", "", "nosniff"), far, audit.NotHeld, "no strict policy")
	look(page("default-src 'none'", "", ""), far, audit.NotHeld, "no rule against frames", "no nosniff")
	look(good, "gone.tgz", audit.Unknown)
	look(audittest.Page{Type: "application/json", Body: "{}"}, far, audit.Unknown)
}
