// Package mfawebauthn looks whether security keys are offered.
package mfawebauthn

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe reads the well-known address at which sites say that they take
// passkeys. Few have it, so that its absence says nothing.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
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
