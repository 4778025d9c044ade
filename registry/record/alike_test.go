package record

import (
	"slices"
	"testing"

	"bonded.dev"
)

// TestAlikeIsTheSkeleton holds the expression in SQL against the one in Go.
func TestAlikeIsTheSkeleton(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		claimed := []string{"left-pad", "Left_Pad", "l0dash", "lodash", "@acme/tool-1", "mail", "100", "ioo", "a.b-c_d", "abcd", "-", "x"}
		update(t, b, func(tx *Tx) error {
			for i, key := range claimed {
				if err := tx.Claim(npm(key), uint64(i)); err != nil {
					return err
				}
			}
			if err := tx.Claim(bonded.Name{Ecosystem: "pypi", Key: "leftpad", Display: "leftpad"}, 99); err != nil {
				return err
			}
			return tx.AddOwner(npm("mail"), "alice")
		})
		for _, key := range append([]string{"left.pad", "LEFTPAD", "1odash", "@ac.me/too11", "mall", "nothing"}, claimed...) {
			for _, user := range []string{"alice", "bob"} {
				var want []string
				for _, c := range claimed {
					if c != key && npm(c).Skeleton() == npm(key).Skeleton() && !(c == "mail" && user == "alice") {
						want = append(want, c)
					}
				}
				slices.Sort(want)
				got, err := b.Alike(t.Context(), npm(key), user)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%s by %s: %q, %v; want %q", key, user, got, err, want)
				}
			}
		}
	})
}
