// Package tokenlifetime looks for tokens without an end.
package tokenlifetime

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe reads the list of tokens that npm's protocol has. A list in which all
// end says nothing of what could be made.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	if v.Credential == "" || v.Kind() != "npm" {
		return audit.Say(audit.Unknown, "takes an account that asks for a token without an end")
	}
	at := v.Site.Root + "-/npm/v1/tokens"
	r, err := v.Ask(ctx, visit.Request{Method: "GET", URL: at, Header: map[string]string{"Authorization": v.Credential.Bearer(), "Accept": "application/json"}})
	if err != nil {
		return audit.Finding{}, err
	}
	var told struct {
		Objects []map[string]jsontext.Value `json:"objects"`
	}
	if !r.OK() || json.Unmarshal(r.Body, &told) != nil {
		return audit.Say(audit.Unknown, "the repository lists no tokens to their owner", audit.Evidence{URL: at, Saw: fmt.Sprint(r.Status)})
	}
	endless := 0
	for _, t := range told.Objects {
		if t["expires"].Kind() != '"' && t["expiry"].Kind() != '"' && t["expires"].Kind() != '0' {
			endless++
		}
	}
	saw := audit.Evidence{URL: at, Saw: fmt.Sprintf("%s, %d without an end", audit.Count(len(told.Objects), "token"), endless)}
	if endless > 0 {
		return audit.Say(audit.NotHeld, "the owner of the credential has a token without an end", saw)
	}
	return audit.Say(audit.Unknown, "no token of the owner of the credential is without an end; whether one could be made shows only an attempt", saw)
}
