// Package provenancecontinuity looks for releases that lost their proof.
package provenancecontinuity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe follows the releases of each package in the order in which they came:
// one without an attestation after one with it was let through, and nothing in
// an index says that it was announced.
var Probe audit.Probe = probe

func probe(_ context.Context, v *audit.Visit) (audit.Finding, error) {
	with := 0
	for _, p := range v.Packages {
		list := slices.Clone(p.Releases)
		slices.SortStableFunc(list, func(a, b visit.Release) int { return strings.Compare(a.Time, b.Time) })
		last := ""
		for _, r := range list {
			proven := slices.ContainsFunc(r.Files, func(f visit.File) bool { return f.Provenance != "" })
			switch {
			case proven:
				last = r.Version
				with++
			case last != "" && len(r.Files) > 0:
				return audit.Say(audit.NotHeld, fmt.Sprintf("%s %s was published without an attestation after %s had one, and the index says nothing about it", p.Name, r.Version, last),
					audit.Evidence{URL: p.Index.URL, Saw: fmt.Sprintf("attestations of %s, none of %s", last, r.Version)})
			}
		}
	}
	if with == 0 {
		return audit.Say(audit.Unknown, "no release that was looked at has an attestation, so none could lose it")
	}
	return audit.Say(audit.Unknown, fmt.Sprintf("%s with attestations, and none came without after that; whether one would be held shows only an upload", audit.Count(with, "release")))
}
