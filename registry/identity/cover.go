package identity

import (
	"slices"
	"strings"

	"bonded.dev"
)

// Covers reports whether a scope allows everything that another one allows.
func (s Scope) Covers(narrower Scope) bool {
	for _, a := range narrower.Actions {
		if !slices.Contains(s.Actions, a) {
			return false
		}
	}
	if s.Ecosystem == "" {
		return s.Pattern == "*"
	}
	if s.Ecosystem != narrower.Ecosystem {
		return false
	}
	beginning, star := strings.CutSuffix(narrower.Pattern, "*")
	if !star {
		return s.matches(bonded.Name{Ecosystem: narrower.Ecosystem, Key: narrower.Pattern})
	}
	prefix, star := strings.CutSuffix(s.Pattern, "*")
	rest, within := strings.CutPrefix(beginning, prefix)
	whole := prefix == "" || strings.HasSuffix(prefix, "/")
	if !star || !within {
		return false
	}
	// Within one segment a star as a whole segment would leave it.
	return whole || !strings.Contains(rest, "/")
}
