package releaseclose

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	look := func(kind, first, second string, want audit.State) {
		t.Helper()
		p := &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1", Files: []visit.File{{Name: "one"}, {Name: "two"}}}}}
		p.Index = visit.Response{Header: http.Header{"Content-Type": {"application/vnd.pypi.simple.v1+json"}},
			Body: fmt.Appendf(nil, `{"files":[{"filename":"one","upload-time":%q},{"filename":"two","upload-time":%q}]}`, first, second)}
		audittest.Look(t, Probe, audittest.Visit(t, kind, audittest.Pages{}, p), want)
	}
	day := func(n int) string { return audittest.Now().AddDate(0, 0, n).Format(time.RFC3339) }
	look("pypi", day(-100), day(-99), audit.Unknown)
	look("pypi", day(-100), day(-3), audit.NotHeld)
	look("pypi", day(-3), day(-100), audit.NotHeld)
	look("pypi", day(-900), day(-800), audit.Unknown)
	look("pypi", "", "", audit.Unknown)
	look("npm", day(-100), day(-3), audit.Beside)
	audittest.Look(t, Probe, audittest.Visit(t, "pypi", audittest.Pages{}), audit.Unknown)
}
