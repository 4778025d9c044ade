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
	person("a token that a scanner found and reported publishes", reported),
	person("a token that its owner published by mistake publishes", packed),
	person("a token that nobody used for a month publishes", idle),
	person("a forgotten token of a package that build jobs alone publish", forgotten),
}

func person(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

const (
	day   = 24 * time.Hour
	month = 31 * day
	year  = 365 * day
)

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

// reported uses it after somebody who found it too has told the repository.
func reported(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, token, err := leaked(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Report(ctx, token, "https://code.example/build.yml")
	if err != nil {
		return drill.Result{}, err
	}
	r, err := publish(ctx, s, token, name, "a token that was reported as leaked")
	if err == nil && r.Harm == "" {
		r.Stopped += " [token-leak-reports], after the report was answered " + a.String()
	}
	return r, err
}

// packed uses one that its owner sent along in a release of another package.
func packed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, token, err := leaked(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: s.Name("careless"), Version: "1.0.0", Canary: "owner",
		Members: []visit.Member{{Name: "package/.env", Body: []byte("TOKEN=" + token + "\n")}}})
	if err != nil {
		return drill.Result{}, err
	}
	r, err := publish(ctx, s, token, name, "a token that its owner had published")
	if err == nil && r.Harm == "" {
		r.Stopped += ", after the upload that held it was answered " + a.String()
	}
	return r, err
}

// idle uses one that would live for three months, had somebody used it.
func idle(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, name, err := owned(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	token, err := p.Token(ctx, s.Site.Dialect.ID(), name, 90)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, month); err != nil {
		return drill.Result{}, err
	}
	if err := s.Due(ctx); err != nil {
		return drill.Result{}, err
	}
	r, err := publish(ctx, s, token, name, "a token that its owner had forgotten")
	if err == nil && r.Harm == "" {
		r.Stopped += " [token-lifetime]"
	}
	return r, err
}

// forgotten uses one whose package went over to build jobs alone.
func forgotten(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, name, err := owned(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	token, err := p.Token(ctx, s.Site.Dialect.ID(), name, 7)
	if err != nil {
		return drill.Result{}, err
	}
	if err := p.Rule(ctx, s.Site.Dialect.ID(), name, drill.Rules{TrustedOnly: true}); err != nil {
		return drill.Result{}, err
	}
	return publish(ctx, s, token, name, "a token of before build jobs published it")
}

// owned is somebody with a package.
func owned(ctx context.Context, s *drill.Scene) (p *drill.Person, name string, err error) {
	if p, err = s.Somebody(ctx, drill.Passkey); err != nil {
		return nil, "", err
	}
	name = s.Name("ci")
	return p, name, s.Publishes(ctx, p, name)
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
