package closedpackages_test

import (
	"testing"

	"bonded.dev"
	closedpackages "bonded.dev/controls/closed-packages"
	"bonded.dev/registry/screen"
)

func TestOnlyOpenPackagesTakeReleases(t *testing.T) {
	release := &bonded.Draft{Facts: []bonded.Entry{{Type: bonded.Publish}}}
	reopen := &bonded.Draft{Facts: []bonded.Entry{{Type: bonded.Status, Status: "active"}}}
	for _, try := range []struct {
		status string
		draft  *bonded.Draft
		refuse bool
	}{
		{"", release, false}, {"active", release, false}, {"deprecated", release, false},
		{"archived", release, true}, {"quarantined", release, true},
		{"archived", reopen, false},
	} {
		found, err := closedpackages.Check.Judge(screen.Case{Draft: try.draft, Past: &bonded.Package{Status: try.status}})
		if err != nil || (len(found) > 0) != try.refuse {
			t.Errorf("%q, %s: found %v, %v", try.status, try.draft.Facts[0].Type, found, err)
		}
	}
}
