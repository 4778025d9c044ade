// Package registryauthzbug asks the repository to mistake one account for
// another.
package registryauthzbug

import (
	"context"
	"errors"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a stranger publishes a release of somebody's package", Play: publishes(drill.Stranger, same)},
	{Name: "nobody at all publishes a release of it", Play: publishes("", same)},
	{Name: "a stranger publishes under the name in capitals", Play: publishes(drill.Stranger, strings.ToUpper)},
	{Name: "a stranger publishes under a path that leads there", Play: publishes(drill.Stranger, climbing)},
	{Name: "a stranger's name in the request, the owner's in the bytes", Kinds: []string{"npm", "pypi", "cargo"}, Play: crossed(true)},
	{Name: "the owner's name in the request, a stranger's in the bytes", Kinds: []string{"npm", "pypi", "cargo"}, Play: crossed(false)},
	{Name: "who owns the name in one dialect publishes it in another", Play: dialect},
	{Name: "a stranger yanks a release", Play: yanks},
	{Name: "a stranger deletes a release", Play: deletes},
	{Name: "a stranger moves a tag", Play: tags},
}

func same(name string) string { return name }

// climbing is another way to write the path of a package.
func climbing(name string) string { return "drill/../" + name }

// owned publishes what is attacked.
func owned(ctx context.Context, s *drill.Scene) (string, error) {
	name := s.Name("owned")
	return name, s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "owner"})
}

// as is an actor's credential; nobody shows none.
func as(ctx context.Context, s *drill.Scene, actor string) (visit.Credential, error) {
	if actor == "" {
		return "", nil
	}
	return s.Credential(ctx, actor)
}

func publishes(actor string, spelled func(string) string) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name, err := owned(ctx, s)
		if err != nil {
			return drill.Result{}, err
		}
		who, err := as(ctx, s, actor)
		if err != nil {
			return drill.Result{}, err
		}
		up := visit.Upload{Name: spelled(name), Version: "1.1.0", Canary: "stranger", Inside: visit.Manifest{Name: plain(spelled(name), name)}}
		return sent(ctx, s, who, up, name)
	}
}

// plain keeps a path out of the manifest: only the request climbs.
func plain(spelled, name string) string {
	if strings.Contains(spelled, "/") {
		return name
	}
	return spelled
}

// sent publishes and says whether whoever installs name gets it.
func sent(ctx context.Context, s *drill.Scene, who visit.Credential, up visit.Upload, name string) (drill.Result, error) {
	a, err := s.Site.Publish(ctx, who, up)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, up.Version)
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever installs %s gets what somebody published who has no right to", name)
	}
	if a.Taken() {
		return drill.Stopped("it was taken as a package of the stranger's own, and %s has nothing of it: %s", name, a)
	}
	return drill.Stopped("%s", a)
}

// crossed sends a request that disagrees with itself about whose package it is.
func crossed(inside bool) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name, err := owned(ctx, s)
		if err != nil {
			return drill.Result{}, err
		}
		who, err := s.Credential(ctx, drill.Stranger)
		if err != nil {
			return drill.Result{}, err
		}
		mine := s.Name("mine")
		up := visit.Upload{Name: mine, Version: "1.1.0", Canary: "stranger", Inside: visit.Manifest{Name: name}, Claimed: &visit.Manifest{}}
		if !inside {
			up.Name, up.Inside.Name = name, mine
		}
		return sent(ctx, s, who, up, name)
	}
}

// dialect claims the name elsewhere first: what is owned there is not owned here.
func dialect(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, err := owned(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	other, err := s.Other()
	if err != nil {
		return drill.Result{}, err
	}
	who, err := s.Credential(ctx, drill.Stranger)
	if err != nil {
		return drill.Result{}, err
	}
	if _, err := other.Publish(ctx, who, visit.Upload{Name: name, Version: "1.0.0", Canary: "stranger"}); err != nil {
		return drill.Result{}, err
	}
	return sent(ctx, s, who, visit.Upload{Name: name, Version: "1.1.0", Canary: "stranger"}, name)
}

// spoken says what a repository lacks whose dialect has no such operation.
func spoken(err error, what string) error {
	if errors.Is(err, visit.ErrNotSpoken) {
		return drill.Needs("a repository that %s", what)
	}
	return err
}

func yanks(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, err := owned(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	who, err := s.Credential(ctx, drill.Stranger)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Site.Dialect.Yank(ctx, s.Site, who, name, "1.0.0")
	if err != nil {
		return drill.Result{}, spoken(err, "lets an owner yank a release")
	}
	p, err := s.Site.Package(ctx, name)
	if err != nil {
		return drill.Result{}, err
	}
	if r := p.Release("1.0.0"); r == nil || r.Yanked {
		return drill.Harmed("a stranger drove resolvers away from %s 1.0.0", name)
	}
	return drill.Stopped("%s", a)
}

func deletes(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, err := owned(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	who, err := s.Credential(ctx, drill.Stranger)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Site.Dialect.Delete(ctx, s.Site, who, name, "1.0.0")
	if err != nil {
		return drill.Result{}, spoken(err, "lets an owner delete a release")
	}
	got, err := s.Install(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) == 0 {
		return drill.Harmed("a stranger took %s 1.0.0 away from everybody who builds on it", name)
	}
	return drill.Stopped("%s", a)
}

func tags(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, err := owned(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "2.0.0", Canary: "newest"}); err != nil {
		return drill.Result{}, err
	}
	who, err := s.Credential(ctx, drill.Stranger)
	if err != nil {
		return drill.Result{}, err
	}
	const tag = "latest"
	a, err := s.Site.Dialect.Tag(ctx, s.Site, who, name, tag, "1.0.0")
	if err != nil {
		return drill.Result{}, spoken(err, "has tags")
	}
	p, err := s.Site.Package(ctx, name)
	if err != nil {
		return drill.Result{}, err
	}
	if p.Tags[tag] == "1.0.0" {
		return drill.Harmed("a stranger sends everybody who asks for %s of %s back to 1.0.0", tag, name)
	}
	return drill.Stopped("%s", a)
}
