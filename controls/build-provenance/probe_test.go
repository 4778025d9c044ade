package buildprovenance_test

import (
	"encoding/base64"
	"testing"

	buildprovenance "bonded.dev/controls/build-provenance"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	statement := func(sum string) string {
		return base64.StdEncoding.EncodeToString([]byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"` + sum + `"}}],"predicateType":"https://slsa.dev/provenance/v1"}`))
	}
	pages := audittest.Pages{
		// as the two large registries wrap them
		"/one":   {Type: "application/json", Body: `{"attestations":[{"bundle":{"dsseEnvelope":{"payload":"` + statement("aa") + `"}}}]}`},
		"/two":   {Type: "application/json", Body: `{"version":1,"attestation_bundles":[{"publisher":{"kind":"x"},"attestations":[{"envelope":{"statement":"` + statement("aa") + `"}}]}]}`},
		"/other": {Type: "application/json", Body: `{"attestations":[{"bundle":{"dsseEnvelope":{"payload":"` + statement("bb") + `"}}}]}`},
		"/junk":  {Body: "<html>"},
	}
	pkg := func(at string) *visit.Package {
		return &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1", Files: []visit.File{{Name: "a-1", Digests: map[string]string{"sha256": "aa"}, Provenance: at}}}}}
	}
	look := func(kind, at string, want audit.State) {
		t.Helper()
		audittest.Look(t, buildprovenance.Probe, audittest.Visit(t, kind, pages, pkg(at)), want)
	}
	look("npm", "one", audit.Held)
	look("pypi", "two", audit.Held)
	look("npm", "other", audit.NotHeld)
	look("npm", "junk", audit.Unknown)
	look("npm", "", audit.Unknown)
	look("cargo", "", audit.NotHeld)
	audittest.Look(t, buildprovenance.Probe, audittest.Visit(t, "npm", pages), audit.Unknown)
}
