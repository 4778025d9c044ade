// Package credentialstuffing signs in with a password that was used elsewhere too.
package credentialstuffing

import (
	"context"
	"errors"
	"net/url"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	attack("a password that is known from elsewhere", reused),
	attack("... of an account that has nothing but a password", weak),
	attack("somebody chooses a password that everybody's list has", common),
	attack("a list is tried on one account", listed),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

// noCode is what somebody types who has no app.
const noCode = "000000"

// enters signs in without what only the owner has.
func enters(ctx context.Context, s *drill.Scene, p *drill.Person, password string) (drill.Result, error) {
	intruder, err := s.Visitor(ctx)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := drill.CodeSignIn(ctx, intruder, p.Name, password, noCode)
	if err != nil {
		return drill.Result{}, err
	}
	return inside(ctx, p, intruder, page)
}

func inside(ctx context.Context, p *drill.Person, intruder *visit.Browser, page visit.Page) (drill.Result, error) {
	in, _, err := drill.SignedIn(ctx, intruder)
	if err != nil {
		return drill.Result{}, err
	}
	if in {
		return drill.Harmed("whoever has a list of leaked passwords is in the account of %s", p.Name)
	}
	control := " [mfa-totp]"
	if page.Path != "/signin/code" {
		control = "" // the page says itself what it wants
	}
	if page.Status < 400 {
		control = " [new-device-login]"
	}
	return drill.Stopped("%s%s", page.Text(), control)
}

func reused(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := s.Somebody(ctx, drill.Codes)
	if err != nil {
		return drill.Result{}, err
	}
	return enters(ctx, s, p, p.Password)
}

func weak(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := s.Somebody(ctx, drill.Weak)
	if refused := (drill.Refused{}); errors.As(err, &refused) {
		return drill.Stopped("%s", refused.Text())
	}
	if err != nil {
		return drill.Result{}, err
	}
	return enters(ctx, s, p, p.Password)
}

// common changes to a password of a list; a good one would be taken.
func common(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	const everybodys = "password1234"
	p, err := s.Somebody(ctx, drill.Codes)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, time.Minute); err != nil { // a code is taken once
		return drill.Result{}, err
	}
	if err := p.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	const at = "/account/password"
	page, err := p.Open(ctx, at, at, url.Values{"password": {everybodys}})
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status < 400 {
		return enters(ctx, s, p, everybodys)
	}
	if _, err := drill.Want(p.Open(ctx, at, at, url.Values{"password": {"nine brown owls before dawn"}})); err != nil {
		return drill.Result{}, err
	}
	return drill.Stopped("%s", page.Text())
}

// listed tries a list whose last line is right.
func listed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := s.Somebody(ctx, drill.Codes)
	if err != nil {
		return drill.Result{}, err
	}
	intruder, err := s.Visitor(ctx)
	if err != nil {
		return drill.Result{}, err
	}
	const lines = 12
	for range lines {
		if _, err := intruder.Open(ctx, "/signin", "/signin/password", url.Values{"user": {p.Name}, "password": {"somebody else's password"}}); err != nil {
			return drill.Result{}, err
		}
	}
	page, err := drill.CodeSignIn(ctx, intruder, p.Name, p.Password, noCode)
	if err != nil {
		return drill.Result{}, err
	}
	return inside(ctx, p, intruder, page)
}
