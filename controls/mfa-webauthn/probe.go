// Package mfawebauthn looks whether security keys are offered.
package mfawebauthn

import (
	"context"
	"fmt"
	"regexp"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe begins a sign-in with a passkey where the repository says that people
// sign in, and reads what a browser would be asked; elsewhere it reads the
// well-known address at which sites say that they take passkeys. Few have
// either, so that their absence says nothing.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	s, err := v.Security(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	if s != nil && v.SameHost(s.Accounts.SignIn) {
		if f, ok, err := begin(ctx, v, s.Accounts.SignIn); ok || err != nil {
			return f, err
		}
	}
	at := visit.Resolve(v.Site.Base, "/.well-known/passkey-endpoints")
	r, err := v.Get(ctx, at, "application/json")
	if err != nil {
		return audit.Finding{}, err
	}
	var told struct {
		Enroll string `json:"enroll"`
		Manage string `json:"manage"`
	}
	if r.OK() && json.Unmarshal(r.Body, &told) == nil && told.Enroll+told.Manage != "" {
		return audit.Say(audit.Held, "the repository says where security keys are enrolled; that they count for every way in shows only an account",
			audit.Evidence{URL: at, Saw: "an address for passkeys"})
	}
	return audit.Say(audit.Unknown, "which factors there are shows only an account", audit.Evidence{URL: at, Saw: fmt.Sprintf("%d, no address for passkeys", r.Status)})
}

// options finds the address at which a form of a sign-in page begins a ceremony.
var options = regexp.MustCompile(`data-passkey="get"[^>]*data-options="([^"]+)"|data-options="([^"]+)"[^>]*data-passkey="get"`)

// begin asks what a browser is asked when somebody signs in with a passkey.
func begin(ctx context.Context, v *audit.Visit, at string) (f audit.Finding, ok bool, err error) {
	page, err := v.Get(ctx, at, "text/html")
	if err != nil {
		return f, false, err
	}
	m := options.FindStringSubmatch(string(page.Body))
	if m == nil {
		return f, false, nil
	}
	where := visit.Resolve(at, m[1]+m[2])
	r, err := v.Ask(ctx, visit.Request{Method: "POST", URL: where, Header: map[string]string{"Sec-Fetch-Site": "same-origin"}})
	if err != nil {
		return f, false, err
	}
	var told struct {
		Options struct {
			Key struct {
				Challenge string `json:"challenge"`
				Host      string `json:"rpId"`
				Verify    string `json:"userVerification"`
			} `json:"publicKey"`
			Challenge string `json:"challenge"`
			Host      string `json:"rpId"`
			Verify    string `json:"userVerification"`
		} `json:"options"`
	}
	if !r.OK() || json.Unmarshal(r.Body, &told) != nil {
		return f, false, nil
	}
	o := told.Options
	challenge, host, verify := o.Challenge+o.Key.Challenge, o.Host+o.Key.Host, o.Verify+o.Key.Verify
	if challenge == "" {
		return f, false, nil
	}
	f, err = audit.Say(audit.Held, "the page for signing in asks the browser for a passkey that is bound to its host name; that it counts for every way in shows only an account",
		audit.Evidence{URL: at, Saw: "a button for a passkey"},
		audit.Evidence{URL: where, Saw: fmt.Sprintf("a challenge for %s, user verification %s", host, verify)})
	return f, true, err
}
