// Package tokenscopeescalation does with a narrow token what it was not made
// for.
package tokenscopeescalation

import (
	"context"
	"errors"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. In each the token may publish one package.
var Attacks = []drill.Attack{
	{Name: "a narrow token publishes its owner's other package", Play: publishes(other)},
	{Name: "... a name that only begins like its own", Play: publishes(longer)},
	{Name: "... the same name in another dialect", Play: dialect},
	{Name: "... its own in the request, another one in the bytes", Kinds: []string{"npm", "pypi", "cargo"}, Play: smuggled},
	{Name: "a token for @drill/* publishes in @drill-evil", Kinds: []string{"npm"}, Play: scope},
	{Name: "a token that may publish deletes", Play: removes},
	{Name: "a token that may publish yanks", Play: yanks},
	{Name: "a token that may publish moves a tag", Play: tags},
	{Name: "a narrow token of long ago, for another package", Play: old},
}

// pair is two packages of one owner; the token may publish the first alone.
type pair struct {
	mine, theirs string
	token        visit.Credential
}

// set publishes both and makes the token.
func set(ctx context.Context, s *drill.Scene, mine, theirs string) (pair, error) {
	p := pair{mine: mine, theirs: theirs}
	for _, name := range []string{mine, theirs} {
		if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "owner"}); err != nil {
			return p, err
		}
	}
	var err error
	p.token, err = s.Token(ctx, drill.Owner, narrow(s, mine))
	return p, err
}

func narrow(s *drill.Scene, pattern string) string {
	return "publish:" + s.Site.Dialect.ID() + "/" + pattern
}

func other(s *drill.Scene) (mine, theirs string) { return s.Name("mine"), s.Name("theirs") }

func longer(s *drill.Scene) (mine, theirs string) {
	mine = s.Name("mine")
	return mine, mine + "-evil"
}

func publishes(names func(*drill.Scene) (string, string)) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		mine, theirs := names(s)
		p, err := set(ctx, s, mine, theirs)
		if err != nil {
			return drill.Result{}, err
		}
		return reach(ctx, s, s.Site, p.token, visit.Upload{Name: theirs, Version: "1.1.0", Canary: "thief"}, theirs)
	}
}

// reach publishes with the token and says whether installers of target get it.
func reach(ctx context.Context, s *drill.Scene, site *visit.Site, token visit.Credential, up visit.Upload, target string) (drill.Result, error) {
	a, err := site.Publish(ctx, token, up)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := drill.Install(ctx, site, target, up.Version)
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever installs %s gets what a thief published with a token for another package", target)
	}
	return drill.Stopped("%s", a)
}

func dialect(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	site, err := s.Other()
	if err != nil {
		return drill.Result{}, err
	}
	mine := s.Name("mine")
	token, err := s.Token(ctx, drill.Owner, narrow(s, mine))
	if err != nil {
		return drill.Result{}, err
	}
	return reach(ctx, s, site, token, visit.Upload{Name: mine, Version: "1.1.0", Canary: "thief"}, mine)
}

func smuggled(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := set(ctx, s, s.Name("mine"), s.Name("theirs"))
	if err != nil {
		return drill.Result{}, err
	}
	up := visit.Upload{Name: p.mine, Version: "1.1.0", Canary: "thief", Inside: visit.Manifest{Name: p.theirs}, Claimed: &visit.Manifest{}}
	return reach(ctx, s, s.Site, p.token, up, p.theirs)
}

func scope(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	family := "@" + s.Name("family")
	token, err := s.Token(ctx, drill.Owner, narrow(s, family+"/*"))
	if err != nil {
		return drill.Result{}, err
	}
	theirs := family + "-evil/tool"
	return reach(ctx, s, s.Site, token, visit.Upload{Name: theirs, Version: "1.1.0", Canary: "thief"}, theirs)
}

func removes(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := set(ctx, s, s.Name("mine"), s.Name("theirs"))
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Site.Dialect.Delete(ctx, s.Site, p.token, p.mine, "1.0.0")
	if err != nil {
		return drill.Result{}, needed(err, "lets an owner delete a release")
	}
	got, err := s.Install(ctx, p.mine, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) == 0 {
		return drill.Harmed("a token that may only publish took %s 1.0.0 away from everybody who builds on it", p.mine)
	}
	return drill.Stopped("%s", a)
}

func yanks(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := set(ctx, s, s.Name("mine"), s.Name("theirs"))
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Site.Dialect.Yank(ctx, s.Site, p.token, p.mine, "1.0.0")
	if err != nil {
		return drill.Result{}, needed(err, "lets an owner yank a release")
	}
	index, err := s.Site.Package(ctx, p.mine)
	if err != nil {
		return drill.Result{}, err
	}
	if r := index.Release("1.0.0"); r == nil || r.Yanked {
		return drill.Harmed("a token that may only publish drove resolvers away from %s 1.0.0", p.mine)
	}
	return drill.Stopped("%s", a)
}

func tags(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := set(ctx, s, s.Name("mine"), s.Name("theirs"))
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: p.mine, Version: "2.0.0", Canary: "newest"}); err != nil {
		return drill.Result{}, err
	}
	const tag = "latest"
	a, err := s.Site.Dialect.Tag(ctx, s.Site, p.token, p.mine, tag, "1.0.0")
	if err != nil {
		return drill.Result{}, needed(err, "has tags")
	}
	index, err := s.Site.Package(ctx, p.mine)
	if err != nil {
		return drill.Result{}, err
	}
	if index.Tags[tag] == "1.0.0" {
		return drill.Harmed("a token that may only publish sends everybody who asks for %s back to 1.0.0", tag)
	}
	return drill.Stopped("%s", a)
}

// needed says what a repository lacks whose dialect has no such operation.
func needed(err error, what string) error {
	if errors.Is(err, visit.ErrNotSpoken) {
		return drill.Needs("a repository that %s", what)
	}
	return err
}

func old(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := set(ctx, s, s.Name("mine"), s.Name("theirs"))
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, 400*24*time.Hour); err != nil {
		return drill.Result{}, err
	}
	return reach(ctx, s, s.Site, p.token, visit.Upload{Name: p.theirs, Version: "1.1.0", Canary: "thief"}, p.theirs)
}
