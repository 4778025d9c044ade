package trustedpublishing_test

import (
	"testing"

	trustedpublishing "bonded.dev/controls/trusted-publishing"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	p := &visit.Package{Name: "@acme/a", Releases: []visit.Release{{Version: "1.0.0"}}}
	json := "application/json"
	for _, c := range []struct {
		name, kind string
		pages      audittest.Pages
		want       audit.State
		packages   []*visit.Package
	}{
		{"audience", "pypi", audittest.Pages{"/_/oidc/audience": {Type: json, Body: `{"audience":"acme"}`}}, audit.Held, nil},
		{"a page for everything", "pypi", audittest.Pages{"/_/oidc/audience": {Body: `<html>`}}, audit.NotHeld, nil},
		{"no audience", "pypi", audittest.Pages{}, audit.NotHeld, nil},
		{"marked", "npm", audittest.Pages{"/@acme%2Fa": {Type: json, Body: `{"versions":{"1.0.0":{"_npmUser":{"trustedPublisher":{"id":"x"}}}}}`}}, audit.Held, []*visit.Package{p}},
		{"not marked", "npm", audittest.Pages{"/@acme%2Fa": {Type: json, Body: `{"versions":{"1.0.0":{"_npmUser":{"name":"x"}}}}`}}, audit.Unknown, []*visit.Package{p}},
		{"marked", "cargo", audittest.Pages{"/api/v1/crates/a/1.0.0": {Type: json, Body: `{"version":{"trustpub_data":{"provider":"x"}}}`}}, audit.Held,
			[]*visit.Package{{Name: "a", Releases: p.Releases}}},
		{"not marked", "cargo", audittest.Pages{"/api/v1/crates/a/1.0.0": {Type: json, Body: `{"version":{"trustpub_data":null}}`}}, audit.Unknown,
			[]*visit.Package{{Name: "a", Releases: p.Releases}}},
		{"nothing there", "npm", audittest.Pages{}, audit.Unknown, nil},
		{"no place", "oci", audittest.Pages{}, audit.Unknown, nil},
	} {
		t.Run(c.kind+" "+c.name, func(t *testing.T) {
			audittest.Look(t, trustedpublishing.Probe, audittest.Visit(t, c.kind, c.pages, c.packages...), c.want)
		})
	}
}

// TestExchange asks where the repository says, in every dialect.
func TestExchange(t *testing.T) {
	for status, want := range map[int]audit.State{401: audit.Held, 400: audit.Held, 404: audit.NotHeld, 200: audit.NotHeld} {
		pages := audittest.Pages{"POST /exchange": {Status: status}}
		v := audittest.Visit(t, "npm", pages)
		pages["/.well-known/repository-security.json"] = audittest.Page{Body: `{"format":"repository-security/v1","trustedPublishing":{"exchange":"` + v.Site.Base + `exchange"}}`}
		audittest.Look(t, trustedpublishing.Probe, v, want)
	}
}
