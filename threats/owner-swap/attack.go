// Package ownerswap makes somebody else the owner of a package, and its owner
// nobody.
package ownerswap

import (
	"context"
	"errors"
	"net/url"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. The thief sits in front of the owner's browser, or has
// its cookies.
var Attacks = []drill.Attack{
	attack("a stolen cookie makes the thief an owner", invites),
	attack("a session that has just confirmed removes the other owner", removes(reads)),
	attack("... who reads no mail and looks at the package", removes(looks)),
	attack("... hands the package to the thief", transfers),
	attack("... invites an accomplice and leaves in the owner's name", leaves),
	attack("whoever may only publish makes the thief an owner", narrow),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

// cool is longer than a proof of presence counts.
const cool = 10 * time.Minute

// set is an owner with a package, and somebody else.
func set(ctx context.Context, s *drill.Scene) (owner, other *drill.Person, name string, err error) {
	name = s.Name("swapped")
	if owner, err = s.Somebody(ctx, drill.Passkey); err != nil {
		return owner, nil, name, err
	}
	if other, err = s.Somebody(ctx, drill.Passkey); err != nil {
		return owner, nil, name, err
	}
	return owner, other, name, s.Publishes(ctx, owner, name)
}

// settings sends a form of the package's settings.
func settings(ctx context.Context, s *drill.Scene, b *visit.Browser, name, action string, fields url.Values) (visit.Page, error) {
	at := drill.PageOf(s.Site.Dialect.ID(), name)
	return drill.Try(ctx, b, at+"/settings", at+action, fields)
}

// rules says if a person can release the package.
func rules(ctx context.Context, s *drill.Scene, p *drill.Person, name, version string) (bool, string, error) {
	if err := p.Confirms(ctx); err != nil {
		return false, "", err
	}
	as, page, err := drill.MakesToken(ctx, p.Browser, s.Site.Dialect.ID(), name)
	if err != nil || as == "" {
		return false, page.Text(), err
	}
	done, a, err := s.Publishable(ctx, as, name, version)
	return done, a.String(), err
}

func invites(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	owner, thief, name, err := set(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, cool); err != nil {
		return drill.Result{}, err
	}
	return admits(ctx, s, owner.Steal(), thief, name)
}

// admits invites the thief from a browser; harm is what the thief then releases.
func admits(ctx context.Context, s *drill.Scene, from *visit.Browser, thief *drill.Person, name string) (drill.Result, error) {
	page, err := settings(ctx, s, from, name, "/people/invite", url.Values{"user": {thief.Name}, "rights": drill.EveryRight})
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status >= 400 {
		return drill.Stopped("%s", page.Text())
	}
	if err := thief.MustAccept(ctx); err != nil {
		return drill.Result{}, err
	}
	done, said, err := rules(ctx, s, thief, name, "1.1.0")
	if err != nil || !done {
		return drill.Result{Stopped: said}, err
	}
	return drill.Harmed("a thief is an owner of %s, and whoever installs it gets the thief's release", name)
}

// objects is how an owner who is to go comes to know of it, and says no.
type objects func(ctx context.Context, s *drill.Scene, p *drill.Person, name string) error

func reads(ctx context.Context, s *drill.Scene, p *drill.Person, _ string) error {
	visitor, err := s.Visitor(ctx)
	if err != nil {
		return err
	}
	_, err = p.Cancels(ctx, visitor)
	return err
}

func looks(ctx context.Context, s *drill.Scene, p *drill.Person, name string) error {
	_, err := drill.Want(p.Open(ctx, drill.SettingsOf(s.Site.Dialect.ID(), name), "/cancel", nil))
	return err
}

// outlasts lets an owner object and wait; harm is that they rule no more.
func outlasts(ctx context.Context, s *drill.Scene, gone *drill.Person, name string, object objects) (drill.Result, error) {
	if err := s.Due(ctx); err != nil {
		return drill.Result{}, err
	}
	// Where nothing waits, it is done before anybody can object.
	if err := object(ctx, s, gone, name); err != nil && !errors.As(err, &drill.Refused{}) && !errors.Is(err, visit.ErrNoForm) {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, drill.Hold); err != nil {
		return drill.Result{}, err
	}
	if err := s.Due(ctx); err != nil {
		return drill.Result{}, err
	}
	again, err := s.Person(ctx, gone.Name, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := again.Get(ctx, drill.SettingsOf(s.Site.Dialect.ID(), name))
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status >= 400 {
		return drill.Harmed("%s looked after %s and is shut out: %s", gone.Name, name, page.Text())
	}
	return drill.Stopped("it waited, whoever was to go came to know of it and cancelled it [credential-change-hold] [security-notify]")
}

func removes(object objects) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		owner, other, name, err := set(ctx, s)
		if err != nil {
			return drill.Result{}, err
		}
		if err := s.Shares(ctx, owner, other, name, drill.EveryRight...); err != nil {
			return drill.Result{}, err
		}
		page, err := settings(ctx, s, owner.Browser, name, "/people/remove", url.Values{"principal": {other.Name}})
		if err != nil || page.Status >= 400 {
			return drill.Result{Stopped: page.Text()}, err
		}
		return outlasts(ctx, s, other, name, object)
	}
}

func transfers(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	owner, thief, name, err := set(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := settings(ctx, s, owner.Browser, name, "/transfer", url.Values{"to": {thief.Name}, "name": {name}})
	if err != nil || page.Status >= 400 {
		return drill.Result{Stopped: page.Text()}, err
	}
	if err := thief.MustAccept(ctx); err != nil {
		return drill.Result{}, err
	}
	return outlasts(ctx, s, owner, name, reads)
}

func leaves(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	owner, thief, name, err := set(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Shares(ctx, owner, thief, name, drill.EveryRight...); err != nil {
		return drill.Result{}, err
	}
	page, err := settings(ctx, s, owner.Browser, name, "/people/remove", url.Values{"principal": {owner.Name}})
	if err != nil || page.Status >= 400 {
		return drill.Result{Stopped: page.Text()}, err
	}
	return outlasts(ctx, s, owner, name, reads)
}

func narrow(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	owner, other, name, err := set(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Shares(ctx, owner, other, name, "publish"); err != nil {
		return drill.Result{}, err
	}
	thief, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	return admits(ctx, s, other.Browser, thief, name)
}
