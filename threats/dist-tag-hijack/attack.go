// Package disttaghijack moves the pointer that everybody follows.
package disttaghijack

import (
	"context"
	"errors"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a stranger points latest at an old release", Play: stranger},
	{Name: "a token that may only publish does", Play: narrow},
	{Name: "a token that may only publish withdraws the good release", Play: withdraw},
}

const tag = "latest"

// tagged publishes two releases; the tag stands at the second.
func tagged(ctx context.Context, s *drill.Scene) (string, error) {
	name := s.Name("pointer")
	for _, version := range []string{"0.1.0", "2.0.0"} {
		if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: version, Canary: version}); err != nil {
			return name, err
		}
	}
	as, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return name, err
	}
	_, err = s.Site.Dialect.Tag(ctx, s.Site, as, name, tag, "2.0.0")
	if errors.Is(err, visit.ErrNotSpoken) {
		return name, drill.Needs("a repository that has tags")
	}
	return name, err
}

func stranger(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, err := tagged(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	as, err := s.Credential(ctx, drill.Stranger)
	if err != nil {
		return drill.Result{}, err
	}
	return move(ctx, s, as, name)
}

func narrow(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, err := tagged(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	as, err := s.Token(ctx, drill.Owner, "publish:"+s.Site.Dialect.ID()+"/"+name)
	if err != nil {
		return drill.Result{}, err
	}
	return move(ctx, s, as, name)
}

func move(ctx context.Context, s *drill.Scene, as visit.Credential, name string) (drill.Result, error) {
	a, err := s.Site.Dialect.Tag(ctx, s.Site, as, name, tag, "0.1.0")
	if err != nil {
		return drill.Result{}, err
	}
	p, err := s.Site.Package(ctx, name)
	if err != nil {
		return drill.Result{}, err
	}
	if p.Tags[tag] == "0.1.0" {
		return drill.Harmed("everybody who asks for %s of %s gets 0.1.0 with its known holes", tag, name)
	}
	return drill.Stopped("%s", a)
}

// withdraw pushes from the other side: without the good release only the old
// one is left to choose.
func withdraw(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("pointer")
	for _, version := range []string{"0.1.0", "2.0.0"} {
		if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: version, Canary: version}); err != nil {
			return drill.Result{}, err
		}
	}
	as, err := s.Token(ctx, drill.Owner, "publish:"+s.Site.Dialect.ID()+"/"+name)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Site.Dialect.Yank(ctx, s.Site, as, name, "2.0.0")
	if errors.Is(err, visit.ErrNotSpoken) {
		return drill.Result{}, drill.Needs("a repository that lets an owner yank a release")
	}
	if err != nil {
		return drill.Result{}, err
	}
	p, err := s.Site.Package(ctx, name)
	if err != nil {
		return drill.Result{}, err
	}
	if r := p.Release("2.0.0"); r == nil || r.Yanked {
		return drill.Harmed("resolvers leave %s 2.0.0 alone and take 0.1.0 with its known holes", name)
	}
	return drill.Stopped("%s", a)
}
