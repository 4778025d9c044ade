// Package releaseclose lets a release take further files only for a while after
// its first.
package releaseclose

import (
	"fmt"
	"time"

	"bonded.dev"
	"bonded.dev/registry/screen"
)

// window is how long after its first file a release takes further ones. A
// matrix of builds needs hours; after that a new file is a way to change what
// installers pick for a version that was reviewed long ago.
const window = 72 * time.Hour

// Check judges the age of the release that a file would join.
var Check = screen.Check{ID: "release-close", Judge: judge}

func judge(c screen.Case) (found []bonded.Finding, err error) {
	for _, e := range c.Draft.Facts {
		if e.Type != bonded.Publish {
			continue
		}
		r := c.Past.Release(e.Version)
		if _, used := c.Past.File(e.File); r == nil || used != nil || !r.Live() {
			continue // a name that was used before is immutable-versions' to refuse
		}
		if age := c.Now.Sub(r.Time); age > window {
			found = append(found, bonded.Finding{Verdict: bonded.Refuse, Kind: bonded.Conflict, Reason: fmt.Sprintf(
				"%s %s was published %d hours ago and takes no further files after %d; publish a new version",
				c.Draft.Name.Key, e.Version, int(age.Hours()), int(window.Hours()))})
		}
	}
	return found, nil
}
