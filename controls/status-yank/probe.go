// Package statusyank looks for releases and packages that are marked as not to
// be used.
package statusyank

import (
	"bytes"
	"context"
	"fmt"

	"bonded.dev/prove/audit"
)

// Probe looks for a mark, or for the place of one beside every release.
var Probe audit.Probe = probe

func probe(_ context.Context, v *audit.Visit) (audit.Finding, error) {
	if len(v.Packages) == 0 {
		return audit.NoPackage()
	}
	releases, places := 0, 0
	for _, p := range v.Packages {
		if p.Status != "" {
			return audit.Say(audit.Held, "the index tells the state of a package short of deletion", audit.Evidence{URL: p.Index.URL, Saw: p.Name + " is " + p.Status})
		}
		for _, r := range p.Releases {
			releases++
			if r.Yanked {
				return audit.Say(audit.Held, "the index tells which releases are not to be used, and keeps them", audit.Evidence{URL: p.Index.URL, Saw: p.Name + " " + r.Version + " is marked"})
			}
		}
		if bytes.Contains(p.Index.Body, []byte(`"yanked":`)) {
			places++
		}
	}
	switch {
	case v.Kind() == "oci":
		return audit.Say(audit.NotHeld, "this kind of repository knows nothing between there and gone")
	case places == len(v.Packages):
		return audit.Say(audit.Held, "the index says of each release whether it is yanked; none that was looked at is",
			audit.Evidence{URL: v.Packages[0].Index.URL, Saw: "yanked beside each release"})
	}
	return audit.Say(audit.Unknown, fmt.Sprintf("none of %s that were looked at is marked, so that no mark could be seen", audit.Count(releases, "release")))
}
