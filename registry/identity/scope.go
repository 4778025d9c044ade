package identity

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"bonded.dev"
)

// Scope is a right that a token carries: actions on the names that a pattern
// matches. Written: ACTION:ECOSYSTEM/NAME-PATTERN, or ACTION:* for every name;
// several actions are joined by commas.
//
//	publish:npm/@acme/*       every name in @acme, however deep
//	publish:pypi/acme-tools   this name alone
//	publish,yank:pypi/acme-*  every name that starts with acme-
//	yank:npm/*                every npm name
//	read:*                    everything
//
// A star stands only at the end. As a whole segment it matches one or more
// segments; after other characters it stays within its segment, so "@acme*"
// does not reach into "@acme-evil/x".
//
// The pattern is compared with canonical names: whoever makes a scope from
// what a person typed puts Pattern into its ecosystem's canonical form first.
type Scope struct {
	Actions   []bonded.Action
	Ecosystem string // empty: every ecosystem, and then Pattern is "*"
	Pattern   string
}

const (
	maxScope     = 300 // bytes
	scopeExample = `for example "publish:npm/@acme/*", "publish,yank:pypi/acme-tools" or "read:*"`
)

func badScope(text, format string, args ...any) error {
	return bonded.Errorf(bonded.Invalid, "scope %q: "+format+"; "+scopeExample, append([]any{text}, args...)...)
}

// ParseScope reads one scope. Errors are of kind Invalid and show examples.
func ParseScope(text string) (Scope, error) {
	if len(text) > maxScope {
		return Scope{}, badScope(text[:40]+"...", "it has %d bytes, more than %d", len(text), maxScope)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable) {
		return Scope{}, badScope(text, "blanks and unprintable characters have no place in it")
	}
	actions, target, ok := strings.Cut(text, ":")
	if !ok {
		return Scope{}, badScope(text, "write ACTION:ECOSYSTEM/NAME-PATTERN")
	}
	var s Scope
	for a := range strings.SplitSeq(actions, ",") {
		action := bonded.Action(a)
		if a == "*" {
			return Scope{}, badScope(text, "name each action; there are %s", allActions())
		}
		if !slices.Contains(bonded.Actions[:], action) {
			return Scope{}, badScope(text, "there is no action %q; there are %s", a, allActions())
		}
		if slices.Contains(s.Actions, action) {
			return Scope{}, badScope(text, "the action %s stands twice", a)
		}
		s.Actions = append(s.Actions, action)
	}
	if target == "*" {
		s.Pattern = "*"
		return s, nil
	}
	s.Ecosystem, s.Pattern, ok = strings.Cut(target, "/")
	if !ok || s.Pattern == "" {
		return Scope{}, badScope(text, "after the colon comes an ecosystem, a slash and a name, or a star alone")
	}
	if s.Ecosystem == "" || strings.Trim(s.Ecosystem, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return Scope{}, badScope(text, "%q is no ecosystem: lower-case letters and digits", s.Ecosystem)
	}
	if star := strings.IndexByte(s.Pattern, '*'); star >= 0 && star != len(s.Pattern)-1 {
		return Scope{}, badScope(text, "a star stands only at the end")
	}
	for segment := range strings.SplitSeq(s.Pattern, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return Scope{}, badScope(text, "the name has a segment %q", segment)
		}
	}
	return s, nil
}

// unprintable also holds for every blank: scopes are stored one after another.
func unprintable(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }

func allActions() string {
	names := make([]string, len(bonded.Actions))
	for i, a := range bonded.Actions {
		names[i] = string(a)
	}
	return strings.Join(names, ", ")
}

// String is the form that ParseScope reads.
func (s Scope) String() string {
	names := make([]string, len(s.Actions))
	for i, a := range s.Actions {
		names[i] = string(a)
	}
	target := s.Pattern
	if s.Ecosystem != "" {
		target = s.Ecosystem + "/" + s.Pattern
	}
	return strings.Join(names, ",") + ":" + target
}

// Allows reports whether the scope covers an action on a name.
func (s Scope) Allows(action bonded.Action, name bonded.Name) bool {
	return slices.Contains(s.Actions, action) && s.matches(name)
}

func (s Scope) matches(name bonded.Name) bool {
	if name.Ecosystem == "" || name.Key == "" {
		return false
	}
	if s.Ecosystem == "" {
		return s.Pattern == "*"
	}
	if s.Ecosystem != name.Ecosystem {
		return false
	}
	prefix, star := strings.CutSuffix(s.Pattern, "*")
	if !star {
		return name.Key == s.Pattern
	}
	rest, ok := strings.CutPrefix(name.Key, prefix)
	whole := prefix == "" || strings.HasSuffix(prefix, "/")
	return ok && rest != "" && (whole || !strings.Contains(rest, "/"))
}
