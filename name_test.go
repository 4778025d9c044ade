package bonded_test

import (
	"testing"

	"bonded.dev"
)

func TestSkeleton(t *testing.T) {
	for _, alike := range [][]string{
		{"left-pad", "left_pad", "left.pad", "leftpad", "left--pad", "Left-Pad"},
		{"lodash", "1odash", "l0dash", "iodash"},
		{"@acme/tool", "@ac-me/too1"},
		{"mail", "mall"},
	} {
		for _, key := range alike {
			a, b := bonded.Name{Key: alike[0]}.Skeleton(), bonded.Name{Key: key}.Skeleton()
			if a != b {
				t.Errorf("%s and %s: %q and %q", alike[0], key, a, b)
			}
		}
	}
	for _, other := range []string{"left-pads", "lef-pad", "right-pad", "@left/pad"} {
		if (bonded.Name{Key: other}).Skeleton() == (bonded.Name{Key: "left-pad"}).Skeleton() {
			t.Errorf("%s is taken for left-pad", other)
		}
	}
}
