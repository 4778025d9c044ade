// Package boundedfetch looks whether a client can know how much will come.
package boundedfetch

import (
	"context"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe looks for the sizes that a bounded client needs, in the index or before
// the bytes. To stop there is the client's.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	var seen []audit.Evidence
	for _, p := range v.Packages {
		r := audit.Newest(p)
		if r == nil || len(r.Files) == 0 {
			continue
		}
		f := r.Files[0]
		if f.Size > 0 {
			seen = append(seen, audit.Evidence{URL: p.Index.URL, Saw: "the size of " + f.Name})
			continue
		}
		head, err := v.Ask(ctx, visit.Request{Method: "HEAD", URL: f.URL})
		if err != nil {
			return audit.Finding{}, err
		}
		if !head.OK() {
			continue
		}
		if audit.Length(head) == 0 {
			return audit.Say(audit.NotHeld, "neither the index nor the answer says how large a file is, so that a client has to take whatever comes",
				audit.Evidence{URL: f.URL, Saw: "an answer to HEAD without a length"})
		}
		seen = append(seen, audit.Evidence{URL: f.URL, Saw: "the length before the bytes"})
	}
	if len(seen) == 0 {
		return audit.Say(audit.Beside, "a client holds this, not a repository")
	}
	return audit.Say(audit.Beside, "a client holds this, not a repository; sizes are told before the bytes", seen...)
}
