package releaseclose

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe looks for releases that were given a file long after their first. A
// rule may be younger than what it would have stopped, so that only a late file
// of the last weeks says that there is none.
var Probe audit.Probe = probe

const (
	late   = 30 * 24 * time.Hour // more than any registry is known to allow
	lately = 60 * 24 * time.Hour
)

func probe(_ context.Context, v *audit.Visit) (audit.Finding, error) {
	if v.Kind() != "pypi" {
		return audit.Say(audit.Beside, "a release of this kind is one file, so none can join it")
	}
	if len(v.Packages) == 0 {
		return audit.NoPackage()
	}
	told := 0
	for _, p := range v.Packages {
		first := map[string]time.Time{}
		at := times(p)
		for _, r := range p.Releases {
			for _, f := range r.Files {
				if t, ok := at[f.Name]; ok && (first[r.Version].IsZero() || t.Before(first[r.Version])) {
					first[r.Version] = t
				}
			}
		}
		told += len(at)
		for _, r := range p.Releases {
			for _, f := range r.Files {
				t, ok := at[f.Name]
				if !ok || t.Sub(first[r.Version]) < late {
					continue
				}
				saw := audit.Evidence{URL: p.Index.URL, Saw: fmt.Sprintf("%s came %d days after the first file of %s", f.Name, int(t.Sub(first[r.Version]).Hours()/24), r.Version)}
				if v.Now.Sub(t) < lately {
					return audit.Say(audit.NotHeld, "a release took a file long after its first, and not long ago", saw)
				}
				return audit.Say(audit.Unknown, "a release once took a file long after its first; whether one would today shows only an upload", saw)
			}
		}
	}
	if told == 0 {
		return audit.Say(audit.Unknown, "the index does not say when a file came")
	}
	return audit.Say(audit.Unknown, "no release that was looked at took a file long after its first; whether one would shows only an upload")
}

// times reads when each file came (PEP 700).
func times(p *visit.Package) map[string]time.Time {
	var page struct {
		Files []struct {
			Name string `json:"filename"`
			Time string `json:"upload-time"`
		} `json:"files"`
	}
	out := map[string]time.Time{}
	if !strings.Contains(p.Index.Header.Get("Content-Type"), "json") || json.Unmarshal(p.Index.Body, &page) != nil {
		return out
	}
	for _, f := range page.Files {
		if t, err := time.Parse(time.RFC3339, f.Time); err == nil {
			out[f.Name] = t
		}
	}
	return out
}
