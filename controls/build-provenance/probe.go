// Package buildprovenance looks for attestations of where files were built.
package buildprovenance

import (
	"context"
	"fmt"

	"bonded.dev/prove/audit"
)

// Probe follows the index to attestations and looks whether they are about the
// file they stand beside. It checks no signature: that takes the keys of whoever
// signed, who is not the repository.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	files, about := 0, 0
	var seen []audit.Evidence
	for _, p := range v.Packages {
		r := audit.Newest(p)
		if r == nil {
			continue
		}
		for _, f := range r.Files {
			files++
			if f.Provenance == "" {
				continue
			}
			res, err := v.Get(ctx, f.Provenance, "application/json")
			if err != nil {
				return audit.Finding{}, err
			}
			fits := 0
			list := audit.Statements(res.Body)
			for _, s := range list {
				if s.About(f) {
					fits++
				}
			}
			seen = append(seen, audit.Evidence{URL: f.Provenance, Saw: fmt.Sprintf("%s, %d about %s", audit.Count(len(list), "statement"), fits, f.Name)})
			if len(list) > fits {
				return audit.Say(audit.NotHeld, "a statement is served beside a file that it is not about", seen...)
			}
			if fits > 0 {
				about++
			}
		}
	}
	switch {
	case files == 0:
		return audit.NoPackage()
	case about == 0 && (v.Kind() == "go" || v.Kind() == "cargo"):
		return audit.Say(audit.NotHeld, "the index of this kind of repository has no place for attestations")
	case about == 0:
		return audit.Say(audit.Unknown, fmt.Sprintf("none of %s of the newest releases has one; whether it would be taken shows only an upload", audit.Count(files, "file")), seen...)
	}
	return audit.Say(audit.Held, fmt.Sprintf(
		"%d of %s of the newest releases with a statement about the digest; its signature was not checked", about, audit.Count(files, "file")), seen...)
}
