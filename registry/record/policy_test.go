package record

import (
	"testing"

	"bonded.dev"
)

func TestPolicyIsWhatWasSaidLast(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		want := func(n bonded.Name, want Policy) {
			t.Helper()
			if got, err := b.Policy(t.Context(), n); err != nil || got != want {
				t.Errorf("%s: %+v, want %+v, %v", n, got, want, err)
			}
		}
		want(npm("a"), Policy{})
		for _, p := range []Policy{{TrustedOnly: true}, {TwoPerson: true}, {TrustedOnly: true, TwoPerson: true}, {}} {
			update(t, b, func(tx *Tx) error { return tx.SetPolicy(npm("a"), p) })
			want(npm("a"), p)
		}
		update(t, b, func(tx *Tx) error { return tx.SetPolicy(npm("a"), Policy{TwoPerson: true}) })
		want(npm("b"), Policy{})
		want(bonded.Name{Ecosystem: "pypi", Key: "a"}, Policy{})
	})
}
