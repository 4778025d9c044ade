// Package cimutabledependency publishes with what a build step could read that
// changed overnight.
package cimutabledependency

import (
	"context"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. The step prints what its job holds, and somebody else
// uses that.
var Attacks = []drill.Attack{
	attack("a token of the pipeline, of a package that build jobs alone publish", closed),
	attack("... that was reported as leaked", reported),
	attack("... eight days after the step was changed", late),
	attack("... where a release needs two people", reviewed),
	attack("what a job without a stored token holds, an hour later", spent),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

const with = "what a changed build step had printed"

// printed is a package, and the token that its pipeline has in its settings.
func printed(ctx context.Context, s *drill.Scene) (p *drill.Person, name string, token visit.Credential, err error) {
	if p, err = s.Somebody(ctx, drill.Passkey); err != nil {
		return p, "", "", err
	}
	name = s.Name("ci")
	if err := s.Publishes(ctx, p, name); err != nil {
		return p, name, "", err
	}
	token, err = p.Token(ctx, s.Site.Dialect.ID(), name, 7)
	return p, name, token, err
}

func ruled(ctx context.Context, s *drill.Scene, r drill.Rules) (drill.Result, error) {
	p, name, token, err := printed(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if err := p.Rule(ctx, s.Site.Dialect.ID(), name, r); err != nil {
		return drill.Result{}, err
	}
	return stolen(ctx, s, token, name)
}

func closed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	return ruled(ctx, s, drill.Rules{TrustedOnly: true})
}

func reviewed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	return ruled(ctx, s, drill.Rules{TwoPeople: true})
}

func stolen(ctx context.Context, s *drill.Scene, token visit.Credential, name string) (drill.Result, error) {
	return s.Reach(ctx, token, visit.Upload{Name: name, Version: "1.1.0", Canary: "thief"}, with)
}

// reported ends it within the same minute, and its owner hears of it.
func reported(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, name, token, err := printed(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Report(ctx, token, "https://ci.example/log/7")
	if err != nil {
		return drill.Result{}, err
	}
	r, err := stolen(ctx, s, token, name)
	if err != nil || r.Harm != "" {
		return r, err
	}
	told, err := s.Told(ctx, p, "was found in public")
	if err == nil && !told {
		return drill.Harmed("%s does not hear that a token of theirs was found in public", p.Name)
	}
	r.Stopped += " [token-leak-reports], and its owner has a mail; the report was answered " + a.String()
	return r, err
}

func late(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	_, name, token, err := printed(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, 8*24*time.Hour); err != nil {
		return drill.Result{}, err
	}
	return stolen(ctx, s, token, name)
}

func spent(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	j, err := s.Job(ctx, true)
	if err != nil {
		return drill.Result{}, err
	}
	if err := j.Released(ctx, "1.0.0"); err != nil {
		return drill.Result{}, err
	}
	identity, err := j.Identity(nil)
	if err != nil {
		return drill.Result{}, err
	}
	token, a, err := j.Exchange(ctx, identity)
	if err != nil {
		return drill.Result{}, err
	}
	if token == "" {
		return drill.Stopped("the job got no token: %s", a)
	}
	if err := s.Later(ctx, time.Hour); err != nil {
		return drill.Result{}, err
	}
	return stolen(ctx, s, token, j.Name)
}
