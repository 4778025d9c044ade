// Package upstreamseparation looks where a name leads that is not there.
package upstreamseparation

import (
	"context"
	"fmt"
	"strings"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe asks for a name that nobody has and does not follow where it is sent.
// Whether a hosted name could be shadowed takes an upstream and a claim.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	at := place(v)
	r, err := v.Ask(ctx, visit.Request{Method: "GET", URL: at, NoRedirect: true})
	if err != nil {
		return audit.Finding{}, err
	}
	to := r.Header.Get("Location")
	switch {
	case r.Status >= 300 && r.Status < 400 && !v.SameHost(visit.Resolve(at, to)):
		return audit.Say(audit.NotHeld, "a name that is not here is sent to another repository, so whoever takes it there is installed from there",
			audit.Evidence{URL: at, Saw: fmt.Sprintf("%d to another host", r.Status)})
	case r.OK():
		return audit.Say(audit.Unknown, "the repository has something under a name that nobody has", audit.Evidence{URL: at, Saw: fmt.Sprint(r.Status)})
	}
	seen := []audit.Evidence{{URL: at, Saw: fmt.Sprint(r.Status)}}
	for _, p := range v.Packages {
		for _, rel := range p.Releases {
			for _, f := range rel.Files {
				if !v.SameHost(f.URL) {
					return audit.Say(audit.Unknown, "what is not here is not found; files come from another host, which may be its own store or an upstream",
						append(seen, audit.Evidence{URL: f.URL, Saw: "a file on another host"})...)
				}
			}
		}
	}
	return audit.Say(audit.Unknown, "what is not here is not found; whether there is an upstream that could shadow a name cannot be seen", seen...)
}

// place is where a name is looked up that nobody has.
func place(v *audit.Visit) string {
	const nobodys = "bonded-audit-nobody-has-this-name"
	switch v.Kind() {
	case "pypi":
		return v.Site.Root + nobodys + "/"
	case "go":
		return v.Site.Root + nobodys + ".invalid/x/@v/list"
	case "oci":
		return v.Site.Root + nobodys + "/tags/list"
	case "cargo":
		return v.Site.Root + strings.Join([]string{nobodys[:2], nobodys[2:4], nobodys}, "/")
	}
	return v.Site.Root + nobodys
}
