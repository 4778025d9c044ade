// Package hygienesignals looks for facts by which a package can be chosen.
package hygienesignals

import (
	"context"
	"strings"

	"bonded.dev/prove/audit"
)

// Probe lists which facts the index tells that a publisher cannot make up. Their
// absence can be seen; that they are honest and lead to good choices cannot.
var Probe audit.Probe = probe

func probe(_ context.Context, v *audit.Visit) (audit.Finding, error) {
	told := map[string]bool{}
	releases := 0
	for _, p := range v.Packages {
		told["states"] = told["states"] || p.Status != ""
		for _, r := range p.Releases {
			releases++
			told["times"] = told["times"] || r.Time != ""
			told["dependencies"] = told["dependencies"] || len(r.Manifest.Dependencies) > 0
			told["install code"] = told["install code"] || r.Scripts
			told["states"] = told["states"] || r.Yanked
			for _, f := range r.Files {
				told["sizes"] = told["sizes"] || f.Size > 0
				told["provenance"] = told["provenance"] || f.Provenance != ""
			}
		}
	}
	if releases == 0 {
		return audit.NoPackage()
	}
	var list []string
	for _, what := range []string{"times", "sizes", "dependencies", "install code", "provenance", "states"} {
		if told[what] {
			list = append(list, what)
		}
	}
	if len(list) == 0 {
		return audit.Say(audit.NotHeld, "the index tells nothing by which releases could be compared: no time, no size, no dependency, no warning",
			audit.Evidence{URL: v.Packages[0].Index.URL, Saw: audit.Count(releases, "release") + ", names alone"})
	}
	return audit.Say(audit.Unknown, "the index tells some facts; whether pages add others, and say where each comes from, has to be read by a person",
		audit.Evidence{URL: v.Packages[0].Index.URL, Saw: "told of releases: " + strings.Join(list, ", ")})
}
