package identity

import (
	"testing"

	"bonded.dev"
)

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		want         bool
	}{
		{"publish,tag:*", "publish:npm/left-pad", true},
		{"publish,tag:*", "tag,publish:*", true},
		{"publish:*", "publish,tag:npm/x", false},
		{"publish:npm/*", "publish:npm/*", true},
		{"publish:npm/*", "publish:npm/@acme/*", true},
		{"publish:npm/*", "publish:pypi/x", false},
		{"publish:npm/*", "publish:*", false},
		{"publish:npm/@acme/*", "publish:npm/@acme/x", true},
		{"publish:npm/@acme/*", "publish:npm/@acme/x*", true},
		{"publish:npm/@acme/*", "publish:npm/@acme*", false},
		{"publish:npm/@acme/*", "publish:npm/*", false},
		{"publish:npm/acme-*", "publish:npm/acme-x*", true},
		{"publish:npm/acme-*", "publish:npm/acme-x/*", false},
		{"publish:npm/acme-*", "publish:npm/acme-x/y", false},
		{"publish:npm/left-pad", "publish:npm/left-pad", true},
		{"publish:npm/left-pad", "publish:npm/left-pad*", false},
	} {
		wide, err := ParseScope(c.wide)
		if err != nil {
			t.Fatal(err)
		}
		narrow, err := ParseScope(c.narrow)
		if err != nil {
			t.Fatal(err)
		}
		if got := wide.Covers(narrow); got != c.want {
			t.Errorf("%s covers %s: %t", wide, narrow, got)
		}
	}
	// Whatever is covered, the wider one allows.
	wide, narrow := Scope{[]bonded.Action{bonded.ActTag}, "npm", "a/*"}, Scope{[]bonded.Action{bonded.ActTag}, "npm", "a/b*"}
	if n := (bonded.Name{Ecosystem: "npm", Key: "a/bc"}); !wide.Covers(narrow) || !wide.Allows(bonded.ActTag, n) || !narrow.Allows(bonded.ActTag, n) {
		t.Error("a/bc")
	}
}
