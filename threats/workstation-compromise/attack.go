// Package workstationcompromise does from another machine what can be done with
// a maintainer's cookies and token file.
package workstationcompromise

import (
	"context"
	"errors"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. The thief has every cookie and the token, and no
// passkey: that stays in the hardware.
var Attacks = []drill.Attack{
	attack("the token, of a package that build jobs alone publish", drill.Rules{TrustedOnly: true}, publishes),
	attack("the token, of a package whose releases need two people", drill.Rules{TwoPeople: true}, publishes),
	attack("... and the cookie approves the release", drill.Rules{TwoPeople: true}, approves),
	attack("the token, eight days later", drill.Rules{}, late),
	attack("the cookie makes a new token", drill.Rules{}, mints),
	attack("the cookie lets an accomplice in", drill.Rules{}, invites),
	attack("the cookie gives the package away", drill.Rules{}, gives),
}

// loot is what was copied from a machine a while ago, and whose it is.
type loot struct {
	*drill.Scene
	owner  *drill.Person
	cookie *visit.Browser
	token  visit.Credential
	kind   string
	name   string // of the owner's package
}

func attack(name string, rules drill.Rules, play func(context.Context, loot) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		l := loot{Scene: s, kind: s.Site.Dialect.ID(), name: s.Name("work")}
		var err error
		if l.owner, err = s.Somebody(ctx, drill.Passkey); err != nil {
			return drill.Result{}, err
		}
		if err := s.Publishes(ctx, l.owner, l.name); err != nil {
			return drill.Result{}, err
		}
		if l.token, err = l.owner.Token(ctx, l.kind, l.name, 7); err != nil {
			return drill.Result{}, err
		}
		if rules != (drill.Rules{}) {
			if err := l.owner.Rule(ctx, l.kind, l.name, rules); err != nil {
				return drill.Result{}, err
			}
		}
		if err := s.Later(ctx, cool); err != nil {
			return drill.Result{}, err
		}
		l.cookie = l.owner.Steal()
		return play(ctx, l)
	}}
}

// cool is longer than a proof of presence counts.
const cool = 10 * time.Minute

func (l loot) up() visit.Upload {
	return visit.Upload{Name: l.name, Version: "1.1.0", Canary: "thief"}
}

func publishes(ctx context.Context, l loot) (drill.Result, error) {
	return l.Reach(ctx, l.token, l.up(), "the token of a stolen machine")
}

func late(ctx context.Context, l loot) (drill.Result, error) {
	if err := l.Later(ctx, 8*24*time.Hour); err != nil {
		return drill.Result{}, err
	}
	return publishes(ctx, l)
}

func approves(ctx context.Context, l loot) (drill.Result, error) {
	r, err := publishes(ctx, l)
	if err != nil || r.Harm != "" {
		return r, err
	}
	id, err := l.owner.Waiting(ctx, l.name, l.up().Version)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := drill.Try(ctx, l.cookie, "/review/"+id, "/review/"+id+"/approve", nil)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := l.Install(ctx, l.name, l.up().Version)
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever installs %s gets what a thief released and approved with what lay on one machine", l.name)
	}
	return drill.Stopped("%s", drill.Told(page))
}

func mints(ctx context.Context, l loot) (drill.Result, error) {
	as, page, err := drill.MakesToken(ctx, l.cookie, l.kind, l.name)
	if err != nil {
		return drill.Result{}, err
	}
	return l.Takes(ctx, as, page, l.name, "1.1.0", "a token made with a stolen cookie")
}

func invites(ctx context.Context, l loot) (drill.Result, error) {
	accomplice, err := l.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := drill.Invite(ctx, l.cookie, l.kind, l.name, accomplice.Name, "publish")
	if err != nil {
		return drill.Result{}, err
	}
	in, err := accomplice.Accepts(ctx)
	if err != nil {
		return drill.Result{}, err
	}
	if !in {
		return drill.Stopped("%s", drill.Told(page))
	}
	as, page, err := drill.MakesToken(ctx, accomplice.Browser, l.kind, l.name)
	if err != nil {
		return drill.Result{}, err
	}
	return l.Takes(ctx, as, page, l.name, "1.1.0", "rights that a stolen cookie gave them")
}

// gives offers all of the package to the accomplice, who waits as long as it takes.
func gives(ctx context.Context, l loot) (drill.Result, error) {
	accomplice, err := l.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := drill.Offer(ctx, l.cookie, l.kind, l.name, accomplice.Name)
	if err != nil {
		return drill.Result{}, err
	}
	in, err := accomplice.Accepts(ctx)
	if err != nil {
		return drill.Result{}, err
	}
	if !in {
		return drill.Stopped("%s", drill.Told(page))
	}
	if err := errors.Join(l.Later(ctx, drill.Hold), l.Due(ctx)); err != nil {
		return drill.Result{}, err
	}
	if accomplice, err = l.Person(ctx, accomplice.Name, drill.Passkey); err != nil { // signs in anew
		return drill.Result{}, err
	}
	if err := accomplice.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	as, page, err := drill.MakesToken(ctx, accomplice.Browser, l.kind, l.name)
	if err != nil {
		return drill.Result{}, err
	}
	return l.Takes(ctx, as, page, l.name, "1.1.0", "a package that a stolen cookie gave away")
}
