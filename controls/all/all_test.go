package all_test

import (
	"testing"

	"bonded.dev/controls/all"
	"bonded.dev/guide"
)

func TestEveryControlIsWhole(t *testing.T) {
	for _, err := range guide.Check(all.Controls()) {
		t.Error(err)
	}
}
