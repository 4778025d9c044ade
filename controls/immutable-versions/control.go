// Package immutableversions keeps a version and a file name from ever meaning
// other bytes.
package immutableversions

import (
	_ "embed"
	"fmt"
	"time"

	"bonded.dev"
	"bonded.dev/guide"
	"bonded.dev/registry/screen"
)

// window is how long after its first file a release takes further ones. A
// matrix of builds needs hours; after that a new file is a way to change what
// installers pick for a version that was reviewed long ago.
const window = 72 * time.Hour

//go:embed control.md
var page string

// Control judges files against everything that was ever published under the name.
var Control = guide.Control{ID: "immutable-versions", Title: "Immutable versions", Page: page, Screen: judge}

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
		case release != nil && c.Now.Sub(release.Time) > window:
			reason = fmt.Sprintf("%s %s was published %d hours ago and takes no further files after %d; publish a new version", c.Draft.Name.Key, e.Version, int(c.Now.Sub(release.Time).Hours()), int(window.Hours()))
		}
		mine[e.File] = true
		if reason != "" {
			found = append(found, bonded.Finding{Verdict: bonded.Refuse, Kind: bonded.Conflict, Reason: reason})
		}
	}
	return found, nil
}
