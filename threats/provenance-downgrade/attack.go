// Package provenancedowngrade releases by an older way than the one that a
// package has used.
package provenancedowngrade

import (
	"context"
	"errors"
	"net/url"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. 1.0.0 and 1.0.1 came from a build job, and the owner
// closed every other way.
var Attacks = []drill.Attack{
	attack("a release by a person's token", token),
	attack("a stolen session opens the older way", session),
	attack("... with a proof of a moment ago, and the owner hears of it", fresh),
	attack("... and adds a job of the thief's", adds),
	attack("a release from a job of another repository", elsewhere),
}

// way is a package that build jobs alone publish.
type way struct {
	*drill.Job
	kind string
}

func attack(name string, play func(context.Context, *drill.Scene, way) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		j, err := s.Job(ctx, true)
		if err != nil {
			return drill.Result{}, err
		}
		w := way{j, s.Site.Dialect.ID()}
		if err := j.Released(ctx, "1.0.0"); err != nil {
			return drill.Result{}, err
		}
		if err := j.Owner.Rule(ctx, w.kind, j.Name, drill.Rules{TrustedOnly: true}); err != nil {
			return drill.Result{}, err
		}
		if err := j.Released(ctx, "1.0.1"); err != nil {
			return drill.Result{}, err
		}
		return play(ctx, s, w)
	}}
}

// older publishes with a token of the owner's, which lay on some disk.
func older(ctx context.Context, s *drill.Scene, w way) (drill.Result, error) {
	as, err := s.Token(ctx, drill.Owner, "publish:"+w.kind+"/"+w.Name)
	if err != nil {
		return drill.Result{}, err
	}
	return s.Reach(ctx, as, visit.Upload{Name: w.Name, Version: "1.4.0", Canary: "thief"}, "a token, around the build job")
}

func token(ctx context.Context, s *drill.Scene, w way) (drill.Result, error) { return older(ctx, s, w) }

// cool is longer than a proof of presence counts.
const cool = 10 * time.Minute

// open switches the rule off with a browser that was stolen, and then uses a token.
func open(ctx context.Context, s *drill.Scene, w way, thief *visit.Browser) (drill.Result, error) {
	page, err := drill.Loosen(ctx, thief, w.kind, w.Name, drill.Rules{})
	if err != nil {
		return drill.Result{}, err
	}
	r, err := older(ctx, s, w)
	if err == nil && r.Harm == "" {
		r.Stopped += "; the page of the rules said " + drill.Told(page)
	}
	return r, err
}

func session(ctx context.Context, s *drill.Scene, w way) (drill.Result, error) {
	if err := s.Later(ctx, cool); err != nil {
		return drill.Result{}, err
	}
	r, err := open(ctx, s, w, w.Owner.Steal())
	if err != nil || r.Harm != "" {
		return r, err
	}
	// It would wait; the thief comes back.
	if err := s.Later(ctx, drill.Hold); err != nil {
		return drill.Result{}, err
	}
	if err := s.Due(ctx); err != nil {
		return drill.Result{}, err
	}
	late, err := older(ctx, s, w)
	if err != nil || late.Harm != "" {
		return late, err
	}
	return r, nil
}

// fresh is a thief at the machine while its owner works. What the thief asks for
// waits, and the owner has a mail.
func fresh(ctx context.Context, s *drill.Scene, w way) (drill.Result, error) {
	if err := w.Owner.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	r, err := open(ctx, s, w, w.Owner.Steal())
	if err != nil || r.Harm != "" {
		return r, err
	}
	told, err := s.Told(ctx, w.Owner, w.Name, "changes/")
	if err != nil {
		return drill.Result{}, err
	}
	if told {
		visitor, err := s.Visitor(ctx)
		if err != nil {
			return drill.Result{}, err
		}
		if _, err := w.Owner.Cancels(ctx, visitor); err != nil {
			return drill.Result{}, err
		}
	}
	if err := errors.Join(s.Later(ctx, drill.Hold), s.Due(ctx)); err != nil {
		return drill.Result{}, err
	}
	late, err := older(ctx, s, w)
	if err != nil || late.Harm != "" {
		return late, err
	}
	r.Stopped += "; it waited, and its owner cancelled it by a link in a mail [credential-change-hold]"
	return r, nil
}

// adds makes another repository a trusted publisher, with a stolen session.
func adds(ctx context.Context, s *drill.Scene, w way) (drill.Result, error) {
	if err := s.Later(ctx, cool); err != nil {
		return drill.Result{}, err
	}
	u, err := url.Parse(w.Issuer.URL)
	if err != nil {
		return drill.Result{}, err
	}
	at := drill.PageOf(w.kind, w.Name) + "/publishers"
	page, err := drill.Try(ctx, w.Owner.Steal(), at+"?profile="+url.QueryEscape("github@"+u.Host), at, url.Values{
		"profile": {"github@" + u.Host}, "repository": {"thief/tools"}, "workflow": {drill.Workflow}, "ref": {drill.Release},
	})
	if err != nil {
		return drill.Result{}, err
	}
	r, err := elsewhere(ctx, s, w)
	if err == nil && r.Harm == "" {
		r.Stopped += "; the page of trusted publishers said " + drill.Told(page)
	}
	return r, err
}

// elsewhere is a job of the thief's own repository, whose identity is genuine.
func elsewhere(ctx context.Context, _ *drill.Scene, w way) (drill.Result, error) {
	other := *w.Job
	other.Claims = map[string]any{"repository": "thief/tools", "repository_id": "9001", "repository_owner_id": "9002", "event_name": "push"}
	other.On("refs/tags/v1")
	identity, err := other.Identity(nil)
	if err != nil {
		return drill.Result{}, err
	}
	return other.Thief(ctx, identity, "1.5.0", "a build job of another repository")
}
