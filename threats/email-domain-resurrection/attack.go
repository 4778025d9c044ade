// Package emaildomainresurrection buys the domain of somebody's address and reads
// the mail that still goes there.
package emaildomainresurrection

import (
	"context"
	"net/url"
	"strings"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	attack("whoever bought the domain recovers the account", recovers),
	attack("... confirms a sign-in with a password and a code that were typed elsewhere", confirms),
	attack("... proves the address anew with a stolen cookie", proves),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

// sold is somebody whose domain was bought by whoever sits in front of the browser.
func sold(ctx context.Context, s *drill.Scene, kit drill.Kit) (p *drill.Person, buyer *visit.Browser, err error) {
	if p, err = s.Somebody(ctx, kit); err != nil {
		return nil, nil, err
	}
	if buyer, err = s.Visitor(ctx); err != nil {
		return nil, nil, err
	}
	_, domain, _ := strings.Cut(p.Email, "@")
	return p, buyer, s.Lapse(ctx, domain)
}

func recovers(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, buyer, err := sold(ctx, s, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	n := len(p.Inbox())
	if _, err := drill.Want(buyer.Open(ctx, "/recover", "/recover", url.Values{"user": {p.Name}})); err != nil {
		return drill.Result{}, err
	}
	link, ok := p.Posted(ctx, n, "recover/")
	if !ok {
		return returns(ctx, p, "no mail goes to the domain that lapsed [lapsed-domains]")
	}
	page, err := buyer.Open(ctx, link, "/recover/begin", url.Values{"code": {"aaaa-bbbb-cccc-dddd"}})
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status >= 400 {
		return drill.Stopped("%s [recovery-policy]", page.Text())
	}
	for range 2 {
		if err := s.Due(ctx); err != nil {
			return drill.Result{}, err
		}
		if link, ok = p.Posted(ctx, n, "enrol/"); ok {
			break
		}
		if err := s.Later(ctx, drill.Hold); err != nil {
			return drill.Result{}, err
		}
	}
	if !ok {
		return drill.Stopped("the recovery waited, and no link followed")
	}
	if _, err := drill.Want(buyer.Open(ctx, link, "/enrol", nil)); err != nil {
		return drill.Result{}, err
	}
	if _, err := drill.Want(buyer.Open(ctx, "/account/passkeys", "/account/passkeys", url.Values{"label": {"mine"}})); err != nil {
		return drill.Result{}, err
	}
	page, err = buyer.Post(ctx, "/account/finish", nil)
	if err != nil {
		return drill.Result{}, err
	}
	if in, _, err := drill.SignedIn(ctx, buyer); err != nil || !in {
		return drill.Result{Stopped: page.Text()}, err
	}
	return drill.Harmed("whoever bought the domain of %s has the account", p.Name)
}

// returns shows that the honest owner is not shut out: a passkey opens what mail
// does not.
func returns(ctx context.Context, p *drill.Person, stopped string) (drill.Result, error) {
	p.Forget()
	page, err := drill.Want(p.Open(ctx, "/signin", "/signin/passkey", nil))
	if err != nil {
		return drill.Result{}, err
	}
	if !strings.HasPrefix(page.Path, "/account") {
		return drill.Result{}, drill.Refused{Page: page}
	}
	return drill.Stopped("%s", stopped)
}

// confirms has a password and relays a code; what a strange browser needs is a
// mail, and that comes to the buyer.
func confirms(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, buyer, err := sold(ctx, s, drill.Codes)
	if err != nil {
		return drill.Result{}, err
	}
	n := len(p.Inbox())
	page, err := drill.CodeSignIn(ctx, buyer, p.Name, p.Password, p.App())
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status >= 400 {
		return drill.Stopped("%s [lapsed-domains]", page.Text())
	}
	if link, ok := p.Posted(ctx, n, "signin/device/"); ok {
		if _, err := drill.Want(buyer.Open(ctx, link, "/signin/device", nil)); err != nil {
			return drill.Result{}, err
		}
		if page, err = buyer.Open(ctx, "/signin/device", "/signin/resume", nil); err != nil {
			return drill.Result{}, err
		}
	}
	if in, _, err := drill.SignedIn(ctx, buyer); err != nil || !in {
		return drill.Result{Stopped: page.Text()}, err
	}
	return drill.Harmed("the mail that asks %s whether it is them went to whoever bought the domain, who said yes", p.Name)
}

// proves has a cookie from before, and thaws the account with the mail that the
// buyer gets.
func proves(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, _, err := sold(ctx, s, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	p.Forget()
	if _, err := drill.Want(p.Open(ctx, "/signin", "/signin/passkey", nil)); err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, 10*time.Minute); err != nil {
		return drill.Result{}, err
	}
	thief := p.Steal()
	n := len(p.Inbox())
	page, err := drill.Try(ctx, thief, "/account/email", "/account/email", url.Values{"email": {p.Email}})
	if err != nil {
		return drill.Result{}, err
	}
	if link, ok := p.Posted(ctx, n, "email/"); ok {
		if page, err = thief.Open(ctx, link, "/email", nil); err != nil {
			return drill.Result{}, err
		}
		if page.Status < 400 {
			return drill.Harmed("a mail to the domain that lapsed proves again that it belongs to %s", p.Name)
		}
	}
	return drill.Stopped("%s", page.Text())
}
