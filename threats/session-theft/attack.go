// Package sessiontheft uses a cookie that was copied from somebody's browser.
package sessiontheft

import (
	"context"
	"net/url"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. The thief has every cookie of the browser, and neither
// its passkeys nor what its owner knows.
var Attacks = []drill.Attack{
	attack("a stolen cookie makes a token and publishes", makesToken),
	attack("... adds a passkey of the thief's", adds(drill.Passkey)),
	attack("... of an account without a passkey", adds(drill.Codes)),
	attack("... makes recovery codes", codes(drill.Passkey)),
	attack("... of an account without a passkey, for itself", codes(drill.Codes)),
	attack("... sets a password of the thief's", password),
	attack("... leads the account's mail to the thief", email),
	attack("a cookie that was replaced by another one an hour ago", replaced),
	attack("a cookie of somebody who signed out", signedOut),
	attack("a cookie that nobody used for a day", idle),
	attack("a cookie of before the password was changed", changed),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

// cool is longer than a proof of presence counts.
const cool = 10 * time.Minute

// robbed is somebody whose cookies were copied a while after they signed in.
func robbed(ctx context.Context, s *drill.Scene, kit drill.Kit) (p *drill.Person, thief *visit.Browser, err error) {
	if p, err = s.Somebody(ctx, kit); err != nil {
		return nil, nil, err
	}
	if err := s.Later(ctx, cool); err != nil {
		return nil, nil, err
	}
	if _, _, err := drill.SignedIn(ctx, p.Browser); err != nil {
		return nil, nil, err
	}
	return p, p.Steal(), nil
}

func makesToken(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, _, err := robbed(ctx, s, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	name := s.Name("robbed")
	if err := s.Publishes(ctx, p, name); err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, cool); err != nil {
		return drill.Result{}, err
	}
	return s.Thief(ctx, p.Steal(), name)
}

func adds(kit drill.Kit) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		p, thief, err := robbed(ctx, s, kit)
		if err != nil {
			return drill.Result{}, err
		}
		page, err := drill.Try(ctx, thief, "/account/passkeys", "/account/passkeys", url.Values{"label": {"mine"}})
		if err != nil {
			return drill.Result{}, err
		}
		// With it the thief comes back when the cookie has long ended.
		thief.Forget()
		if _, err := thief.Open(ctx, "/signin", "/signin/passkey", nil); err == nil {
			if in, _, err := drill.SignedIn(ctx, thief); err != nil || in {
				return drill.Result{Harm: "whoever had a cookie of " + p.Name + " for a moment signs in with a passkey from now on"}, err
			}
		}
		return honest(ctx, s, p, page, "/account/passkeys", url.Values{"label": {"second"}})
	}
}

// honest shows that what the thief was refused is open to whom it belongs to.
func honest(ctx context.Context, s *drill.Scene, p *drill.Person, page visit.Page, at string, fields url.Values) (drill.Result, error) {
	if err := s.Later(ctx, time.Minute); err != nil { // a code is taken once
		return drill.Result{}, err
	}
	if err := p.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	if _, err := drill.Want(p.Open(ctx, at, at, fields)); err != nil {
		return drill.Result{}, err
	}
	return drill.Stopped("%s", page.Text())
}

func codes(kit drill.Kit) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		p, thief, err := robbed(ctx, s, kit)
		if err != nil {
			return drill.Result{}, err
		}
		page, err := drill.Try(ctx, thief, "/account/codes", "/account/codes", nil)
		if err != nil {
			return drill.Result{}, err
		}
		if found := drill.RecoveryCodes(page); len(found) > 0 {
			return drill.Harmed("the thief has %d recovery codes of %s, and those that their owner keeps are void", len(found), p.Name)
		}
		return honest(ctx, s, p, page, "/account/codes", nil)
	}
}

func password(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, thief, err := robbed(ctx, s, drill.Codes)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := drill.Try(ctx, thief, "/account/password", "/account/password", url.Values{"password": {"six quiet thieves at midnight"}})
	if err != nil {
		return drill.Result{}, err
	}
	elsewhere, err := s.Visitor(ctx)
	if err != nil {
		return drill.Result{}, err
	}
	begun, err := elsewhere.Open(ctx, "/signin", "/signin/password", url.Values{"user": {p.Name}, "password": {p.Password}})
	if err != nil {
		return drill.Result{}, err
	}
	if begun.Status >= 400 {
		return drill.Harmed("the password that %s knows opens nothing any more", p.Name)
	}
	return honest(ctx, s, p, page, "/account/password", url.Values{"password": {"nine brown owls before dawn"}})
}

// email asks for the change, opens the link in the thief's own mailbox, and
// waits; the owner reads mail and cancels.
func email(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	other, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	p, thief, err := robbed(ctx, s, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	n := len(other.Inbox())
	page, err := drill.Try(ctx, thief, "/account/email", "/account/email", url.Values{"email": {other.Email}})
	if err != nil {
		return drill.Result{}, err
	}
	link, ok := other.Posted(ctx, n, "email/")
	if !ok {
		return drill.Stopped("%s", page.Text())
	}
	if page, err = drill.Want(thief.Open(ctx, link, "/email", nil)); err != nil {
		return drill.Result{}, err
	}
	if err := s.Due(ctx); err != nil {
		return drill.Result{}, err
	}
	if _, err := p.Cancels(ctx, thief); err != nil {
		page.Body = err.Error()
	}
	if err := s.Later(ctx, drill.Hold); err != nil {
		return drill.Result{}, err
	}
	if err := s.Due(ctx); err != nil {
		return drill.Result{}, err
	}
	n = len(other.Inbox())
	if _, err := drill.Want(thief.Open(ctx, "/recover", "/recover", url.Values{"user": {p.Name}})); err != nil {
		return drill.Result{}, err
	}
	if _, ok := other.Posted(ctx, n, "recover/"); ok {
		return drill.Harmed("the mail of %s goes to a thief, and with it every way back into the account", p.Name)
	}
	return drill.Stopped("the change of address waited, and its owner was told and cancelled it [credential-change-hold] [security-notify]")
}

// used says what came of a cookie that should be dead.
func used(ctx context.Context, p *drill.Person, thief *visit.Browser) (drill.Result, error) {
	in, page, err := drill.SignedIn(ctx, thief)
	if err != nil {
		return drill.Result{}, err
	}
	if in {
		return drill.Harmed("a cookie of %s that should be dead still opens the account", p.Name)
	}
	return drill.Stopped("%s [session-hygiene]", page.Text())
}

func replaced(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, thief, err := robbed(ctx, s, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, 2*time.Hour); err != nil {
		return drill.Result{}, err
	}
	for range 2 { // the first brings another cookie, the second shows it
		if in, page, err := drill.SignedIn(ctx, p.Browser); err != nil || !in {
			return drill.Result{}, errOr(err, page)
		}
	}
	if err := s.Later(ctx, time.Minute); err != nil {
		return drill.Result{}, err
	}
	return used(ctx, p, thief)
}

func errOr(err error, page visit.Page) error {
	if err != nil {
		return err
	}
	return drill.Refused{Page: page}
}

func signedOut(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, thief, err := robbed(ctx, s, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	if in, page, err := drill.SignedIn(ctx, thief); err != nil || !in {
		return drill.Result{}, errOr(err, page) // the copy is good
	}
	if _, err := drill.Want(p.Post(ctx, "/signout", nil)); err != nil {
		return drill.Result{}, err
	}
	return used(ctx, p, thief)
}

func idle(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, thief, err := robbed(ctx, s, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, 25*time.Hour); err != nil {
		return drill.Result{}, err
	}
	return used(ctx, p, thief)
}

func changed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, thief, err := robbed(ctx, s, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	p.Forget()
	for _, step := range []struct {
		at, action string
		fields     url.Values
	}{{"/signin", "/signin/passkey", nil}, {"/account/password", "/account/password", url.Values{"password": {"nine brown owls before dawn"}}}} {
		if _, err := drill.Want(p.Open(ctx, step.at, step.action, step.fields)); err != nil {
			return drill.Result{}, err
		}
	}
	return used(ctx, p, thief)
}
