// Package sessionhygiene looks for secrets that a cache or a browser would give
// away.
package sessionhygiene

import (
	"context"
	"fmt"
	"strings"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe looks at the cookies that a stranger gets, and, with a credential, at
// whether a cache may keep an answer about its owner. How secrets are stored
// cannot be seen, so that this is never seen to be held.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	front, err := v.Get(ctx, v.Site.Base, "text/html")
	if err != nil {
		return audit.Finding{}, err
	}
	for _, line := range front.Header.Values("Set-Cookie") {
		name, _, _ := strings.Cut(line, "=")
		if lacks := audit.Careless(line, strings.HasPrefix(v.Site.Base, "https:")); lacks != "" {
			return audit.Say(audit.NotHeld, "a cookie is set that can be read or sent where it should not: without "+lacks,
				audit.Evidence{URL: v.Site.Base, Saw: "the cookie " + name + " without " + lacks})
		}
	}
	seen := []audit.Evidence{{URL: v.Site.Base, Saw: audit.Count(len(front.Header.Values("Set-Cookie")), "cookie") + " for a stranger"}}
	crossed, evidence, err := pressed(ctx, v)
	if err != nil {
		return audit.Finding{}, err
	}
	seen = append(seen, evidence...)
	if crossed {
		return audit.Say(audit.NotHeld, "another site can press the buttons of the page for signing in", seen...)
	}
	if v.Credential == "" || v.Kind() != "npm" {
		return audit.Say(audit.Unknown, "nothing careless was seen by a stranger; how secrets are stored, and what a cache may keep, cannot be seen", seen...)
	}
	at := v.Site.Root + "-/whoami"
	r, err := v.Ask(ctx, visit.Request{Method: "GET", URL: at, Header: map[string]string{"Authorization": v.Credential.Bearer()}})
	if err != nil {
		return audit.Finding{}, err
	}
	if r.OK() && r.Storable(true) {
		return audit.Say(audit.NotHeld, "a shared cache may keep an answer about the owner of a credential and give it to the next who asks",
			append(seen, audit.Evidence{URL: at, Saw: "an answer that may be stored: " + r.Header.Get("Cache-Control")})...)
	}
	return audit.Say(audit.Unknown, "no cache may keep the answer about the owner of a credential; how secrets are stored cannot be seen",
		append(seen, audit.Evidence{URL: at, Saw: fmt.Sprintf("%d, not for a shared cache", r.Status)})...)
}

// pressed sends the form for signing in as a page of another site would. Whoever
// looks at the password has taken the form.
func pressed(ctx context.Context, v *audit.Visit) (taken bool, seen []audit.Evidence, err error) {
	s, err := v.Security(ctx)
	if err != nil || s == nil || !v.SameHost(s.Accounts.SignIn) {
		return false, nil, err
	}
	at := strings.TrimSuffix(s.Accounts.SignIn, "/") + "/password"
	r, err := v.Ask(ctx, visit.Request{Method: "POST", URL: at, NoRedirect: true, Body: []byte("user=nobody&password=nothing"), Header: map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://elsewhere.invalid", "Sec-Fetch-Site": "cross-site",
	}})
	if err != nil {
		return false, nil, err
	}
	return r.Status < 400 || r.Status == 401, []audit.Evidence{{URL: at, Saw: fmt.Sprintf("%d for a form that another site sends", r.Status)}}, nil
}
