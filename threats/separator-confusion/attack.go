// Package separatorconfusion claims a name that somebody holds, in another
// spelling.
package separatorconfusion

import (
	"context"
	"errors"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. Container registries have no such folding: a name
// there is a path.
var Attacks = []drill.Attack{
	{Name: "a stranger claims the name with underscores", Kinds: kinds(), Play: spelled(func(n string) string { return strings.ReplaceAll(n, "-", "_") })},
	{Name: "a stranger claims the name with dots", Kinds: kinds(), Play: spelled(func(n string) string { return strings.ReplaceAll(n, "-", ".") })},
	{Name: "a stranger claims the name in capitals", Kinds: kinds(), Play: spelled(strings.ToUpper)},
	{Name: "a stranger claims the name with doubled dashes", Kinds: kinds(), Play: spelled(func(n string) string { return strings.ReplaceAll(n, "-", "--") })},
}

func kinds() []string { return []string{"npm", "pypi", "cargo"} }

// spelled lets a stranger publish under another spelling. It is harm when
// whoever asks for that spelling gets the stranger's package while the plain
// one is the owner's, or when the plain one is not the owner's any more.
func spelled(variant func(string) string) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name := s.Name("two-words")
		if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "owner"}); err != nil {
			return drill.Result{}, err
		}
		other := variant(name)
		a, err := s.Attempt(ctx, drill.Stranger, visit.Upload{Name: other, Version: "1.1.0", Canary: "stranger"})
		if err != nil {
			return drill.Result{}, err
		}
		for _, asked := range []string{name, other} {
			p, err := s.Site.Package(ctx, asked)
			if errors.Is(err, visit.ErrNone) {
				continue
			}
			if err != nil {
				return drill.Result{}, err
			}
			if p.Release("1.1.0") != nil {
				return drill.Harmed("whoever writes %s gets a stranger's package, and %s is somebody else's", asked, name)
			}
		}
		return drill.Stopped("%s", a)
	}
}
