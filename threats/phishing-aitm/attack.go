// Package phishingaitm relays what somebody types and touches on a page that only
// looks like the repository.
package phishingaitm

import (
	"context"
	"errors"
	"net/url"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. Whatever the person types into the false page the
// intruder types into the true one, at once and in a browser of their own.
var Attacks = []drill.Attack{
	attack("password and code are relayed, and change the account", codes(app, false)),
	attack("... with a recovery code", codes(recovery, false)),
	attack("... and the person opens the mail as well", codes(app, true)),
	attack("... twice, so that the intruder adds a passkey", twice),
	attack("a passkey is asked for by the false page", passkey),
	attack("... to confirm in a session that the intruder has", confirm),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

// step is until the app shows another code.
const step = time.Minute

func app(p *drill.Person) string      { return p.App() }
func recovery(p *drill.Person) string { return p.Recovery[0] }

// relayed lets an intruder sign in with what somebody typed. Mails are opened by
// whoever is talked into it.
func relayed(ctx context.Context, s *drill.Scene, code func(*drill.Person) string, mails bool) (p *drill.Person, intruder *visit.Browser, page visit.Page, err error) {
	if p, err = s.Somebody(ctx, drill.Codes); err != nil {
		return p, nil, page, err
	}
	if intruder, err = s.Visitor(ctx); err != nil {
		return p, nil, page, err
	}
	if err := s.Later(ctx, step); err != nil {
		return p, nil, page, err
	}
	n := len(p.Inbox())
	page, err = drill.CodeSignIn(ctx, intruder, p.Name, p.Password, code(p))
	if err != nil || !mails {
		return p, intruder, page, err
	}
	link, ok := p.Posted(ctx, n, "signin/device/")
	if !ok {
		return p, intruder, page, nil // nobody asked, for the control is out
	}
	if _, err := drill.Want(p.Open(ctx, link, "/signin/device", nil)); err != nil {
		return p, intruder, page, err
	}
	page, err = intruder.Open(ctx, "/signin/device", "/signin/resume", nil)
	return p, intruder, page, err
}

// codes changes what locks the owner out, if the intruder gets in.
func codes(code func(*drill.Person) string, mails bool) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		p, intruder, page, err := relayed(ctx, s, code, mails)
		if err != nil {
			return drill.Result{}, err
		}
		if in, _, err := drill.SignedIn(ctx, intruder); err != nil || !in {
			return drill.Result{Stopped: page.Text() + " [new-device-login]"}, err
		}
		page, err = drill.Try(ctx, intruder, "/account/codes", "/account/codes", nil)
		if err != nil {
			return drill.Result{}, err
		}
		if len(drill.RecoveryCodes(page)) > 0 {
			return drill.Harmed("what %s typed into a false page once gave an intruder all recovery codes of the account", p.Name)
		}
		return s.Thief(ctx, intruder, s.Name("phished"))
	}
}

// twice confirms with a second code, and adds a passkey with which the intruder
// comes back when it counts. The owner, once told, removes it.
func twice(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, intruder, page, err := relayed(ctx, s, app, true)
	if err != nil {
		return drill.Result{}, err
	}
	if in, _, err := drill.SignedIn(ctx, intruder); err != nil || !in {
		return drill.Result{Stopped: page.Text()}, err
	}
	if err := s.Later(ctx, step); err != nil {
		return drill.Result{}, err
	}
	const confirm, add = "/account/confirm/code", "/account/passkeys"
	if _, err := drill.Want(intruder.Open(ctx, confirm, confirm, url.Values{"password": {p.Password}, "code": {p.App()}})); err != nil {
		return drill.Result{}, err
	}
	if _, err := drill.Want(drill.Try(ctx, intruder, add, add, url.Values{"label": {"laptop"}})); err != nil {
		return drill.Result{}, err
	}
	name := s.Name("phished")
	if r, err := touches(ctx, s, intruder, name); err != nil || r.Harm != "" {
		return r, err
	}
	if told, err := s.Told(ctx, p, "A passkey was added"); err != nil || told {
		if err != nil {
			return drill.Result{}, err
		}
		if err := removes(ctx, s, p); err != nil {
			return drill.Result{}, err
		}
	}
	if err := s.Later(ctx, drill.Hold); err != nil {
		return drill.Result{}, err
	}
	intruder.Forget()
	if _, err := intruder.Open(ctx, "/signin", "/signin/passkey", nil); err != nil && !errors.Is(err, visit.ErrNoPasskey) {
		return drill.Result{}, err
	}
	r, err := touches(ctx, s, intruder, name)
	if err == nil && r.Harm == "" {
		r.Stopped = "the passkey that the intruder added confirmed nothing for three days, and its owner was told and removed it [credential-change-hold] [security-notify]"
	}
	return r, err
}

// touches confirms with the intruder's passkey and goes on to publish.
func touches(ctx context.Context, s *drill.Scene, intruder *visit.Browser, name string) (drill.Result, error) {
	if _, err := drill.Try(ctx, intruder, "/account/confirm", "/account/confirm", nil); err != nil && !errors.Is(err, visit.ErrNoPasskey) {
		return drill.Result{}, err
	}
	return s.Thief(ctx, intruder, name)
}

// removes takes away the passkeys that the owner never added.
func removes(ctx context.Context, s *drill.Scene, p *drill.Person) error {
	if err := s.Later(ctx, step); err != nil {
		return err
	}
	if err := p.Confirms(ctx); err != nil {
		return err
	}
	page, err := drill.Want(p.Get(ctx, "/account/security"))
	if err != nil {
		return err
	}
	link, ok := page.Link("/remove")
	if !ok {
		return drill.Refused{Page: page}
	}
	_, err = drill.Want(p.Open(ctx, link, "/remove", nil))
	return err
}

// passkey is touched on a site of another name. It signs that name.
func passkey(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	p.Forget()
	genuine := p.Origin
	p.Origin = "http://localhost.example.invalid"
	page, err := p.Open(ctx, "/signin", "/signin/passkey", nil)
	if err != nil {
		return drill.Result{}, err
	}
	if in, _, err := drill.SignedIn(ctx, p.Browser); err != nil || in {
		return drill.Result{Harm: "a passkey that was touched on a false page opened the account of " + p.Name}, err
	}
	p.Origin = genuine
	if _, err := drill.Want(p.Open(ctx, "/signin", "/signin/passkey", nil)); err != nil {
		return drill.Result{}, err
	}
	return drill.Stopped("%s [mfa-webauthn]", page.Text())
}

// confirm is the same for a confirmation, in a session that was stolen.
func confirm(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, 10*step); err != nil {
		return drill.Result{}, err
	}
	p.Origin = "http://localhost.example.invalid"
	page, err := p.Open(ctx, "/account/confirm", "/account/confirm", nil)
	if err != nil {
		return drill.Result{}, err
	}
	r, err := s.Thief(ctx, p.Browser, s.Name("phished"))
	if err == nil && r.Harm == "" {
		r.Stopped = page.Text() + " [mfa-webauthn]; " + r.Stopped
	}
	return r, err
}
