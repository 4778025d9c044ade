// Package leakedlonglivedtoken uses a publish token that somebody lost.
package leakedlonglivedtoken

import (
	"context"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a token that leaked a year ago publishes", Play: aged},
	{Name: "a pipeline's token publishes another package", Play: narrow},
}

const year = 365 * 24 * time.Hour

// aged uses a token for the very package that it was made for.
func aged(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, token, err := leaked(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, year); err != nil {
		return drill.Result{}, err
	}
	return publish(ctx, s, token, name, "a token that leaked a year ago")
}

// narrow uses it on the day it leaks, for what else its owner publishes.
func narrow(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	_, token, err := leaked(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	other := s.Name("other")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: other, Version: "1.0.0", Canary: "owner"}); err != nil {
		return drill.Result{}, err
	}
	return publish(ctx, s, token, other, "the token of another package's pipeline")
}

// leaked publishes a package and makes the token of its pipeline.
func leaked(ctx context.Context, s *drill.Scene) (name string, token visit.Credential, err error) {
	name = s.Name("ci")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "owner"}); err != nil {
		return name, "", err
	}
	token, err = s.Token(ctx, drill.Owner, "publish:"+s.Site.Dialect.ID()+"/"+name)
	return name, token, err
}

func publish(ctx context.Context, s *drill.Scene, token visit.Credential, name, with string) (drill.Result, error) {
	a, err := s.Site.Publish(ctx, token, visit.Upload{Name: name, Version: "1.1.0", Canary: "thief"})
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, "1.1.0")
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever installs %s gets what a thief published with %s", name, with)
	}
	return drill.Stopped("%s", a)
}
