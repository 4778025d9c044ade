package namesimilarity_test

import (
	"strings"
	"testing"

	"bonded.dev"
	namesimilarity "bonded.dev/controls/name-similarity"
	"bonded.dev/registry/screen"
)

func TestANameLikeAnotherIsRefused(t *testing.T) {
	d := &bonded.Draft{Name: bonded.Name{Ecosystem: "x", Key: "left_pad", Display: "left_pad"}}
	for _, alike := range [][]string{nil, {"left-pad"}, {"left-pad", "left.pad"}} {
		found, err := namesimilarity.Check.Judge(screen.Case{Draft: d, Alike: alike})
		if err != nil || (len(found) == 1) != (len(alike) > 0) {
			t.Errorf("%q: %v, %v", alike, found, err)
			continue
		}
		if len(found) == 1 && (found[0].Verdict != bonded.Refuse || !strings.Contains(found[0].Reason, "left_pad is too easily taken for "+strings.Join(alike, ", "))) {
			t.Errorf("%q: %+v", alike, found[0])
		}
	}
}
