// Package maintainersocialengineering publishes with rights that were given freely.
package maintainersocialengineering

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bonded.dev/prove/drill"
)

// Attacks play the threat. The owner has let a helpful stranger in, who may
// publish.
var Attacks = []drill.Attack{
	attack("the newcomer releases at once, and nobody is told", drill.Rules{}, untold),
	attack("the newcomer releases, where a release needs two people", drill.Rules{TwoPeople: true}, alone),
	attack("... and approves it", drill.Rules{TwoPeople: true}, approves),
	attack("the newcomer lets an accomplice in, who approves", drill.Rules{TwoPeople: true}, accomplice),
}

// project is a package with its owner and the newcomer.
type project struct {
	*drill.Scene
	kind, name      string
	owner, newcomer *drill.Person
}

func attack(name string, rules drill.Rules, play func(context.Context, project) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		p := project{Scene: s, kind: s.Site.Dialect.ID(), name: s.Name("helped")}
		var err error
		if p.owner, err = s.Somebody(ctx, drill.Passkey); err != nil {
			return drill.Result{}, err
		}
		if p.newcomer, err = s.Somebody(ctx, drill.Passkey); err != nil {
			return drill.Result{}, err
		}
		if err := s.Publishes(ctx, p.owner, p.name); err != nil {
			return drill.Result{}, err
		}
		if rules != (drill.Rules{}) {
			if err := p.owner.Rule(ctx, p.kind, p.name, rules); err != nil {
				return drill.Result{}, err
			}
		}
		if err := s.Shares(ctx, p.owner, p.newcomer, p.name, "publish"); err != nil {
			return drill.Result{}, err
		}
		return play(ctx, p)
	}}
}

const version = "1.1.0"

// release publishes as the newcomer.
func (p project) release(ctx context.Context) (drill.Result, error) {
	if err := p.newcomer.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	as, page, err := drill.MakesToken(ctx, p.newcomer.Browser, p.kind, p.name)
	if err != nil {
		return drill.Result{}, err
	}
	return p.Takes(ctx, as, page, p.name, version, "rights that were given freely")
}

// untold is a package that asks for nothing: what is left is that its owner
// hears of the release while there are few who have it.
func untold(ctx context.Context, p project) (drill.Result, error) {
	// What was told a moment ago is not told again at once.
	if err := errors.Join(p.Due(ctx), p.Later(ctx, time.Hour), p.Due(ctx), p.Later(ctx, time.Hour)); err != nil {
		return drill.Result{}, err
	}
	r, err := p.release(ctx)
	if err != nil {
		return r, err
	}
	if r.Harm == "" {
		return r, fmt.Errorf("whoever may publish cannot: %s", r.Stopped)
	}
	// Several releases in a moment become one mail.
	if err := errors.Join(p.Due(ctx), p.Later(ctx, time.Minute)); err != nil {
		return r, err
	}
	told, err := p.Told(ctx, p.owner, p.name, version)
	if err != nil {
		return r, err
	}
	if !told {
		return drill.Harmed("%s, and its owner hears nothing of it", r.Harm)
	}
	return drill.Stopped("the owner has a mail about the release within a minute [publish-notify]")
}

func alone(ctx context.Context, p project) (drill.Result, error) { return p.release(ctx) }

func approves(ctx context.Context, p project) (drill.Result, error) {
	return p.approved(ctx, p.newcomer)
}

// approved releases, and lets somebody approve it.
func (p project) approved(ctx context.Context, by *drill.Person) (drill.Result, error) {
	r, err := p.release(ctx)
	if err != nil || r.Harm != "" {
		return r, err
	}
	id, err := p.newcomer.Waiting(ctx, p.name, version)
	if err != nil {
		return r, err
	}
	if err := by.Confirms(ctx); err != nil {
		return r, err
	}
	page, err := drill.Try(ctx, by.Browser, "/review/"+id, "/review/"+id+"/approve", nil)
	if err != nil {
		return r, err
	}
	got, err := p.Install(ctx, p.name, version)
	if err != nil {
		return r, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever installs %s gets what a newcomer released and %s approved", p.name, by.Name)
	}
	return drill.Stopped("%s [two-person-publish]", drill.Told(page))
}

// accomplice tries with the right to publish alone to bring a second person.
func accomplice(ctx context.Context, p project) (drill.Result, error) {
	other, err := p.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	if err := p.newcomer.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	page, err := drill.Invite(ctx, p.newcomer.Browser, p.kind, p.name, other.Name, "publish")
	if err != nil {
		return drill.Result{}, err
	}
	if _, err := other.Accepts(ctx); err != nil {
		return drill.Result{}, err
	}
	r, err := p.approved(ctx, other)
	if err == nil && r.Harm == "" {
		r.Stopped += "; the invitation: " + drill.Told(page)
	}
	return r, err
}
