package dataminimise_test

import (
	"testing"

	dataminimise "bonded.dev/controls/data-minimise"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	p := &visit.Package{Name: "a"}
	look := func(doc string, want audit.State) {
		t.Helper()
		audittest.Look(t, dataminimise.Probe, audittest.Visit(t, "npm", audittest.Pages{"/a": {Type: "application/json", Body: doc}}, p), want)
	}
	look(`{"maintainers":[{"name":"alice"}],"versions":{"1.0.0":{"_npmUser":{"name":"alice"}}}}`, audit.Unknown)
	look(`{"maintainers":[{"name":"alice","email":"alice@example.invalid"}]}`, audit.NotHeld)
	look(`{"versions":{"1.0.0":{"_npmUser":{"name":"alice","email":"alice@example.invalid"}}}}`, audit.NotHeld)
	look(`<html>`, audit.Unknown)
	audittest.Look(t, dataminimise.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.Unknown)
	audittest.Look(t, dataminimise.Probe, audittest.Visit(t, "pypi", audittest.Pages{}), audit.Unknown)
}
