// Package quarantine looks for packages that are put away and not deleted.
package quarantine

import (
	"bytes"
	"context"

	"bonded.dev/prove/audit"
)

// Probe looks for a package in that state, or for the place of one in the index.
var Probe audit.Probe = probe

func probe(_ context.Context, v *audit.Visit) (audit.Finding, error) {
	if len(v.Packages) == 0 {
		return audit.NoPackage()
	}
	place := ""
	for _, p := range v.Packages {
		if p.Status == "quarantined" {
			return audit.Say(audit.Held, "the index says of a package that it is in quarantine; whether single versions could be cannot be seen",
				audit.Evidence{URL: p.Index.URL, Saw: p.Name + " is quarantined"})
		}
		if bytes.Contains(p.Index.Body, []byte(`"project-status"`)) {
			place = p.Index.URL
		}
	}
	if place != "" {
		return audit.Say(audit.Unknown, "the index has a place for the state, and nothing that was looked at is in quarantine", audit.Evidence{URL: place, Saw: "project-status"})
	}
	return audit.Say(audit.Unknown, "nothing that was looked at is in quarantine, and the index has no place that would say so")
}
