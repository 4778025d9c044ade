// Package cooldown looks whether a client could let releases age.
package cooldown

import (
	"context"
	"fmt"

	"bonded.dev/prove/audit"
)

// Probe looks for the times that an age rule needs: where the index tells none,
// common clients pass over their rule without a word. To wait is the client's.
var Probe audit.Probe = probe

func probe(_ context.Context, v *audit.Visit) (audit.Finding, error) {
	releases, silent := 0, 0
	for _, p := range v.Packages {
		for _, r := range p.Releases {
			releases++
			if r.Time == "" {
				silent++
			}
		}
	}
	switch {
	case releases == 0:
		return audit.Say(audit.Beside, "a client holds this, not a repository")
	case silent > 0:
		return audit.Say(audit.NotHeld, fmt.Sprintf("the index does not say of %d of %d releases when they came, so that a client's rule about their age cannot hold", silent, releases),
			audit.Evidence{URL: v.Packages[0].Index.URL, Saw: fmt.Sprintf("%d of %d releases without a time", silent, releases)})
	}
	return audit.Say(audit.Beside, "a client holds this, not a repository; the index tells the times that it needs",
		audit.Evidence{URL: v.Packages[0].Index.URL, Saw: audit.Count(releases, "release") + ", each with a time"})
}
