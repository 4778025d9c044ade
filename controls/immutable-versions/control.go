// Package immutableversions keeps a version and a file name from ever meaning
// other bytes.
package immutableversions

import (
	"fmt"

	"bonded.dev"
	"bonded.dev/registry/screen"
)

// Check judges files against everything that was ever published under the name.
var Check = screen.Check{ID: "immutable-versions", Judge: judge}

func judge(c screen.Case) (found []bonded.Finding, err error) {
	mine := map[string]bool{}
	for _, e := range c.Draft.Facts {
		if e.Type != bonded.Publish {
			continue
		}
		reason := ""
		was, used := c.Past.File(e.File)
		release := c.Past.Release(e.Version)
		switch {
		case mine[e.File]:
			reason = fmt.Sprintf("%s stands twice in one upload", e.File)
		case used != nil && used.Removed:
			reason = fmt.Sprintf("%s was published before and deleted; its name stays used for ever; publish a new version", e.File)
		case used != nil && used.Digest == e.Digest:
			reason = fmt.Sprintf("%s %s already exists with exactly these bytes; there is nothing to do", c.Draft.Name.Key, was.Version)
		case used != nil:
			reason = fmt.Sprintf("%s %s already exists and a version never changes; publish a new version", c.Draft.Name.Key, was.Version)
		case release != nil && !release.Live():
			reason = fmt.Sprintf("%s %s was published before and deleted; a version is never used twice; publish a new version", c.Draft.Name.Key, e.Version)
		}
		mine[e.File] = true
		if reason != "" {
			found = append(found, bonded.Finding{Verdict: bonded.Refuse, Kind: bonded.Conflict, Reason: reason})
		}
	}
	return found, nil
}
