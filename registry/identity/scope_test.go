package identity

import (
	"slices"
	"strings"
	"testing"

	"bonded.dev"
)

func TestScopeGrammar(t *testing.T) {
	for _, text := range []string{
		"publish:npm/@acme/*", "publish:pypi/acme-tools", "yank:*", "read:*", "publish,tag,yank:npm/left-pad",
		"read,publish,tag,yank,delete,owner:npm/*", "publish:pypi/acme-*", "publish:go/example.org/a/*", "delete:maven/org.acme:tool", "owner:npm/a:b",
	} {
		s, err := ParseScope(text)
		if err != nil || s.String() != text {
			t.Errorf("%s: read as %s, %v", text, s, err)
		}
	}
	for text, why := range map[string]string{
		"":                              "write ACTION:ECOSYSTEM/NAME-PATTERN",
		"publish":                       "write ACTION:ECOSYSTEM/NAME-PATTERN",
		"publish:":                      "after the colon",
		":npm/x":                        `no action ""`,
		"*:npm/x":                       "name each action; there are read, publish, tag, yank, delete, owner",
		"publish,*:npm/x":               "name each action",
		"push:npm/x":                    `no action "push"`,
		"Publish:npm/x":                 `no action "Publish"`,
		"publish,publish:npm/x":         "stands twice",
		"publish,:npm/x":                `no action ""`,
		"publish:npm":                   "after the colon",
		"publish:npm/":                  "after the colon",
		"publish:/x":                    "no ecosystem",
		"publish:*/x":                   "no ecosystem",
		"publish:NPM/x":                 "no ecosystem",
		"publish:np*/x":                 "no ecosystem",
		"publish:npm/*x":                "only at the end",
		"publish:npm/@*/x":              "only at the end",
		"publish:npm/**":                "only at the end",
		"publish:npm/a//b":              `segment ""`,
		"publish:npm//":                 `segment ""`,
		"publish:npm/a/":                `segment ""`,
		"publish:npm/../x":              `segment ".."`,
		"publish:npm/x ":                "blanks",
		"publish: npm/x":                "blanks",
		"publish:npm/a\u00a0b":          "blanks",
		"publish:npm/a\u202eb":          "blanks and unprintable",
		"publish:npm/a\nb":              "blanks",
		"publish:npm/\xff":              "unprintable",
		"publish:npm/\x00":              "unprintable",
		strings.Repeat("publish,", 100): "more than 300",
	} {
		_, err := ParseScope(text)
		kind, _, public := bonded.Explain(err)
		if err == nil || kind != bonded.Invalid || !strings.Contains(public, why) || !strings.Contains(public, `"publish:npm/@acme/*"`) {
			t.Errorf("%q: got %v, want %q and examples in it", text, err, why)
		}
	}
}

func TestScopeReach(t *testing.T) {
	for _, c := range []struct {
		scope string
		name  string // ecosystem, then key
		want  bool
	}{
		{"publish:npm/@acme/*", "npm @acme/x", true},
		{"publish:npm/@acme/*", "npm @acme/x/deep", true},
		{"publish:npm/@acme/*", "npm @acme-evil/x", false},
		{"publish:npm/@acme/*", "npm @acme", false},
		{"publish:npm/@acme/*", "npm @acme/", false},
		{"publish:npm/@acme/*", "npm x@acme/x", false},
		{"publish:npm/@acme/*", "npm @ACME/x", false},
		{"publish:npm/@acme/*", "pypi @acme/x", false},
		{"publish:npm/@acme*", "npm @acme-evil/x", false},
		{"publish:npm/@acme*", "npm @acme2", true},
		{"publish:npm/@acme/x", "npm @acme/x", true},
		{"publish:npm/@acme/x", "npm @acme/xy", false},
		{"publish:npm/@acme/x", "npm @acme/x/y", false},
		{"publish:npm/@acme/x*", "npm @acme/xy", true},
		{"publish:npm/@acme/x*", "npm @acme/x", false},
		{"publish:npm/@acme/x*", "npm @acme/xy/z", false},
		{"publish:npm/*", "npm left-pad", true},
		{"publish:npm/*", "npm @acme/x", true},
		{"publish:npm/*", "npmx left-pad", false},
		{"publish:npm/*", "pypi left-pad", false},
		{"publish:*", "npm left-pad", true},
		{"publish:*", "anything a/b/c", true},
		{"publish:*", "npm ", false},
		{"publish:*", " x", false},
		{"publish:pypi/acme-*", "pypi acme-tools", true},
		{"publish:pypi/acme-*", "pypi acme", false},
		{"publish:pypi/acme-*", "pypi acmetools", false},
		{"publish:go/example.org/a/*", "go example.org/a/b/v2", true},
		{"publish:go/example.org/a/*", "go example.org/ab/c", false},
		{"read:npm/*", "npm left-pad", false},
		{"yank,publish:npm/left-pad", "npm left-pad", true},
	} {
		s, err := ParseScope(c.scope)
		if err != nil {
			t.Fatal(err)
		}
		eco, key, _ := strings.Cut(c.name, " ")
		if got := s.Allows(bonded.ActPublish, bonded.Name{Ecosystem: eco, Key: key}); got != c.want {
			t.Errorf("%s reaches %s: %v, want %v", c.scope, c.name, got, c.want)
		}
	}
	// A Scope put together wrongly reaches nothing.
	for _, s := range []Scope{{}, {Actions: []bonded.Action{bonded.ActPublish}}, {Actions: []bonded.Action{bonded.ActPublish}, Pattern: "left-pad"}} {
		if s.Allows(bonded.ActPublish, bonded.Name{Ecosystem: "npm", Key: "left-pad"}) {
			t.Errorf("%+v reaches something", s)
		}
	}
}

func FuzzParseScope(f *testing.F) {
	f.Add("publish:npm/@acme/*", "@acme-evil/x")
	f.Add("read,publish:*", "x")
	f.Add("publish:pypi/acme-*", "acme-/x")
	f.Fuzz(func(t *testing.T, text, key string) {
		s, err := ParseScope(text)
		if err != nil {
			if kind, _, _ := bonded.Explain(err); kind != bonded.Invalid {
				t.Fatalf("%q: an error of kind %d", text, kind)
			}
			return
		}
		if s.String() != text {
			t.Fatalf("%q is written back as %q", text, s)
		}
		if fields := strings.Fields(text); len(fields) != 1 {
			t.Fatalf("%q cannot be stored among others", text)
		}
		for _, action := range bonded.Actions {
			name := bonded.Name{Ecosystem: s.Ecosystem, Key: key}
			if !s.Allows(action, name) {
				continue
			}
			// What is reached must look like the pattern up to its star.
			literal, star := strings.CutSuffix(s.Pattern, "*")
			if !slices.Contains(s.Actions, action) || !strings.HasPrefix(key, literal) || !star && key != literal {
				t.Fatalf("%q reaches %s of %q", text, action, key)
			}
			dir := literal[:strings.LastIndexByte(literal, '/')+1]
			if star && dir != literal && strings.Contains(key[len(dir):], "/") {
				t.Fatalf("%q leaves its segment for %q", text, key)
			}
		}
	})
}
