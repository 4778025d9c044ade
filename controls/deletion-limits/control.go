// Package deletionlimits lets a release be deleted only while nobody can have
// come to rely on it.
package deletionlimits

import (
	"fmt"
	"time"

	"bonded.dev"
	"bonded.dev/registry/screen"
)

const (
	window       = 72 * time.Hour // after the file arrived
	maxDownloads = 100            // of the package in the last 30 days
)

// Check judges drafts that take bytes away.
var Check = screen.Check{ID: "deletion-limits", Judge: judge}

func judge(c screen.Case) (found []bonded.Finding, err error) {
	const instead = "deprecate or yank it instead"
	refuse := func(format string, args ...any) {
		found = append(found, bonded.Finding{Verdict: bonded.Refuse, Reason: fmt.Sprintf(format, args...) + "; " + instead})
	}
	removes := false
	for _, e := range c.Draft.Facts {
		if e.Type != bonded.Remove {
			continue
		}
		removes = true
		_, f := c.Past.File(e.File)
		if f == nil {
			found = append(found, bonded.Finding{Verdict: bonded.Refuse, Kind: bonded.NotFound,
				Reason: fmt.Sprintf("%s has no file %s", c.Draft.Name.Key, e.File)})
			continue
		}
		if age := c.Now.Sub(f.Time); age > window {
			refuse("%s %s can no longer be deleted: it was published %d hours ago, and the limit is %d",
				c.Draft.Name.Key, e.Version, int(age.Hours()), int(window.Hours()))
		}
	}
	if !removes {
		return found, nil
	}
	if n := c.Usage.Dependants; n > 0 {
		refuse("%s cannot be deleted: %d package(s) here depend on it", c.Draft.Name.Key, n)
	}
	if n := c.Usage.Downloads; n > maxDownloads {
		refuse("%s cannot be deleted: it was downloaded %d times in the last 30 days, and the limit is %d", c.Draft.Name.Key, n, maxDownloads)
	}
	return found, nil
}
