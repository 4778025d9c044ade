// Package trustedpublishing looks for releases that a build system published
// without a stored secret.
package trustedpublishing

import (
	"context"
	"fmt"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe looks where each dialect shows it: the address at which publishing
// tools ask for the audience, or a mark on releases.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	s, err := v.Security(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	if s != nil && s.Jobs != nil && v.SameHost(s.Jobs.Exchange) {
		return exchange(ctx, v, s.Jobs.Exchange)
	}
	switch v.Kind() {
	case "pypi":
		return audience(ctx, v)
	case "npm":
		return marked(ctx, v, func(p *visit.Package, r *visit.Release) (string, []string) {
			return v.Site.Root + url.PathEscape(p.Name), []string{"versions", r.Version, "_npmUser", "trustedPublisher"}
		})
	case "cargo":
		return marked(ctx, v, func(p *visit.Package, r *visit.Release) (string, []string) {
			return v.Site.Base + "api/v1/crates/" + url.PathEscape(p.Name) + "/" + url.PathEscape(r.Version), []string{"version", "trustpub_data"}
		})
	}
	return audit.Say(audit.Unknown, "this kind of repository shows nowhere how a release was published")
}

// exchange shows no identity where the repository says that they are taken.
func exchange(ctx context.Context, v *audit.Visit, at string) (audit.Finding, error) {
	r, err := v.Ask(ctx, visit.Request{Method: "POST", URL: at, Body: []byte(`{"token":"none"}`), Header: map[string]string{"Content-Type": "application/json"}})
	if err != nil {
		return audit.Finding{}, err
	}
	saw := audit.Evidence{URL: at, Saw: fmt.Sprintf("%d for an identity token that is none", r.Status)}
	switch r.Status {
	case 400, 401, 403, 422:
		return audit.Say(audit.Held, "the address at which a build system's identity is exchanged takes questions, and not this one; what it checks beyond that cannot be seen", saw)
	}
	return audit.Say(audit.NotHeld, "the repository names an address for a build system's identity, and it does not answer as one", saw)
}

// audience is what the publishing tools of Python ask first.
func audience(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	at := visit.Resolve(v.Site.Base, "/_/oidc/audience")
	r, err := v.Get(ctx, at, "application/json")
	if err != nil {
		return audit.Finding{}, err
	}
	var told struct {
		Audience string `json:"audience"`
	}
	if r.OK() && json.Unmarshal(r.Body, &told) == nil && told.Audience != "" {
		return audit.Say(audit.Held, "the repository names the audience for which a build system's identity must be made out; what it checks beyond that cannot be seen",
			audit.Evidence{URL: at, Saw: "audience " + told.Audience})
	}
	return audit.Say(audit.NotHeld, "publishing tools find no address that takes a build system's identity",
		audit.Evidence{URL: at, Saw: fmt.Sprintf("%d, no audience", r.Status)})
}

// marked looks for a mark in a document about the newest release.
func marked(ctx context.Context, v *audit.Visit, where func(*visit.Package, *visit.Release) (string, []string)) (audit.Finding, error) {
	looked := 0
	for _, p := range v.Packages {
		r := audit.Newest(p)
		if r == nil {
			continue
		}
		looked++
		at, path := where(p, r)
		res, err := v.Get(ctx, at, "application/json")
		if err != nil {
			return audit.Finding{}, err
		}
		if res.OK() && has(res.Body, path) {
			return audit.Say(audit.Held, "a release says that a build system published it by its own identity; what was checked cannot be seen",
				audit.Evidence{URL: at, Saw: p.Name + " " + r.Version + ": a trusted publisher"})
		}
	}
	if looked == 0 {
		return audit.NoPackage()
	}
	return audit.Say(audit.Unknown, fmt.Sprintf("none of %s says that it was published that way; whether one could be cannot be seen", audit.Count(looked, "newest release")))
}

// has reports whether a member stands in a document and is not null.
func has(doc jsontext.Value, path []string) bool {
	for _, name := range path {
		var o map[string]jsontext.Value
		if json.Unmarshal(doc, &o) != nil {
			return false
		}
		doc = o[name]
	}
	return doc.Kind() == '{' || doc.Kind() == '"'
}
