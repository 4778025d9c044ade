// Package homoglyphname publishes names and texts that look like something
// else.
package homoglyphname

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a Cyrillic letter in a name", Play: lookalike("i", "\u0456")},
	{Name: "an invisible joiner in a name", Play: lookalike("-", "-\u200d")},
	{Name: "a right-to-left override in a name", Play: lookalike("-", "-\u202e")},
	{Name: "a full-width letter in a name", Play: lookalike("d", "\uff44")},
	{Name: "a capital I where an l belongs", Play: lookalike("l", "I")},
	{Name: "a right-to-left override in a description", Kinds: []string{"npm", "pypi", "cargo"}, Play: described},
}

// lookalike publishes as a stranger what reads like the owner's name.
func lookalike(letter, twin string) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name := s.Name("looks-alike")
		if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "owner"}); err != nil {
			return drill.Result{}, err
		}
		other := strings.Replace(name, letter, twin, 1)
		a, err := s.Attempt(ctx, drill.Stranger, visit.Upload{Name: other, Version: "1.1.0", Canary: "stranger"})
		if err != nil {
			return drill.Result{}, err
		}
		names, err := s.Site.Dialect.Names(ctx, s.Site, 1000)
		if err != nil {
			return drill.Result{}, err
		}
		p, err := s.Site.Package(ctx, other)
		if errors.Is(err, visit.ErrNone) {
			return drill.Stopped("%s", a)
		}
		if err != nil {
			return drill.Result{}, err
		}
		shown := bytes.Contains(p.Index.Body, []byte(other)) || slices.Contains(names, other)
		if p.Release("1.1.0") != nil && shown {
			return drill.Harmed("%+q is a stranger's, and is shown in a form that reads like %s", other, name)
		}
		return drill.Stopped("%s", a)
	}
}

// described hides the end of a sentence: what a person reads is not what
// stands there.
func described(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	const override = "\u202e"
	name := s.Name("reads-backwards")
	up := visit.Upload{Name: name, Version: "1.0.0", Inside: visit.Manifest{Description: "safe " + override + "elpmaxe"}}
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	p, err := s.Site.Package(ctx, name)
	if errors.Is(err, visit.ErrNone) {
		return drill.Stopped("%s", a)
	}
	if err != nil {
		return drill.Result{}, err
	}
	if r := p.Release("1.0.0"); r != nil && strings.Contains(r.Manifest.Description, override) {
		return drill.Harmed("whoever reads the description of %s reads something else than stands there", name)
	}
	return drill.Stopped("the text is shown without the override: %s", a)
}
