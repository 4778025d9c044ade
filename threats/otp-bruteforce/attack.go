// Package otpbruteforce guesses what people type, until it is right.
package otpbruteforce

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. In each the last guess is right: harm is that it is
// still listened to.
var Attacks = []drill.Attack{
	attack("many passwords for one account", passwords),
	attack("many codes of an app, behind a password that is known", codes(app)),
	attack("many recovery codes, behind a password that is known", codes(recovery)),
	attack("many codes, in a browser whose cookies were stolen", retyped),
	attack("a code once more that was overheard", replayed),
	attack("guessing shuts the owner out", shutOut),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

// guesses are more than anybody mistypes.
const guesses = 15

// somebody has a password and an app, and an intruder in front of another browser.
func somebody(ctx context.Context, s *drill.Scene) (p *drill.Person, intruder *visit.Browser, err error) {
	if p, err = s.Somebody(ctx, drill.Codes); err != nil {
		return nil, nil, err
	}
	intruder, err = s.Visitor(ctx)
	return p, intruder, err
}

func passwords(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, intruder, err := somebody(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := guess(ctx, p, intruder)
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status < 400 {
		return drill.Harmed("%d guesses at the password of %s were listened to, and the last was right", guesses+1, p.Name)
	}
	return drill.Stopped("%s", page.Text())
}

// guess tries passwords, the right one last, and returns what came of that.
func guess(ctx context.Context, p *drill.Person, intruder *visit.Browser) (page visit.Page, err error) {
	for i := range guesses + 1 {
		password := fmt.Sprintf("four grey geese at noon %d", i)
		if i == guesses {
			password = p.Password
		}
		page, err = intruder.Open(ctx, "/signin", "/signin/password", url.Values{"user": {p.Name}, "password": {password}})
		if err != nil {
			return page, err
		}
	}
	return page, nil
}

func app(p *drill.Person) (wrong func(int) string, right string) {
	return func(i int) string { return fmt.Sprintf("%06d", (number(p.App())+7*(i+1))%1_000_000) }, p.App()
}

func recovery(p *drill.Person) (wrong func(int) string, right string) {
	return func(i int) string { return fmt.Sprintf("aaaa-bbbb-cccc-%04d", i) }, p.Recovery[0]
}

func number(code string) (n int) {
	fmt.Sscanf(code, "%d", &n) //nolint:errcheck // then it is zero, and as wrong as any
	return n
}

func codes(of func(*drill.Person) (func(int) string, string)) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		p, intruder, err := somebody(ctx, s)
		if err != nil {
			return drill.Result{}, err
		}
		if err := later(ctx, s); err != nil {
			return drill.Result{}, err
		}
		if _, err := drill.Want(intruder.Open(ctx, "/signin", "/signin/password", url.Values{"user": {p.Name}, "password": {p.Password}})); err != nil {
			return drill.Result{}, err
		}
		wrong, _ := of(p)
		for i := range guesses {
			if _, err := drill.Try(ctx, intruder, "/signin/code", "/signin/code", url.Values{"code": {wrong(i)}}); err != nil {
				return drill.Result{}, err
			}
		}
		_, right := of(p)
		page, err := drill.Try(ctx, intruder, "/signin/code", "/signin/code", url.Values{"code": {right}})
		if err != nil {
			return drill.Result{}, err
		}
		if page.Status < 400 {
			return drill.Harmed("%d guesses at a code of %s were listened to, and the last was right", guesses+1, p.Name)
		}
		return drill.Stopped("%s", page.Text())
	}
}

func retyped(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, _, err := somebody(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	thief := p.Steal()
	if err := later(ctx, s); err != nil {
		return drill.Result{}, err
	}
	const at = "/account/confirm/code"
	wrong, _ := app(p)
	for i := range guesses {
		if _, err := drill.Try(ctx, thief, at, at, url.Values{"password": {p.Password}, "code": {wrong(i)}}); err != nil {
			return drill.Result{}, err
		}
	}
	page, err := drill.Try(ctx, thief, at, at, url.Values{"password": {p.Password}, "code": {p.App()}})
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status < 400 {
		return drill.Harmed("%d guesses at a code of %s were listened to, and the last lets a thief change the account", guesses+1, p.Name)
	}
	return drill.Stopped("%s", page.Text())
}

// replayed types a code that its owner has just used, with blanks in it.
func replayed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, intruder, err := somebody(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if err := later(ctx, s); err != nil {
		return drill.Result{}, err
	}
	code := p.App()
	if err := p.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	page, err := drill.CodeSignIn(ctx, intruder, p.Name, p.Password, code[:3]+" "+code[3:])
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status < 400 {
		return drill.Harmed("a code that %s had used was good a second time", p.Name)
	}
	return drill.Stopped("%s [brute-force-limits]", page.Text())
}

// shutOut is what counting must not do: the owner comes in with the browser that
// the account knows, while somebody guesses.
func shutOut(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, intruder, err := somebody(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if _, err := guess(ctx, p, intruder); err != nil {
		return drill.Result{}, err
	}
	if err := later(ctx, s); err != nil {
		return drill.Result{}, err
	}
	if _, err := drill.Want(p.Post(ctx, "/signout", nil)); err != nil {
		return drill.Result{}, err
	}
	page, err := drill.CodeSignIn(ctx, p.Browser, p.Name, p.Password, p.App())
	if err != nil {
		return drill.Result{}, err
	}
	if in, _, err := drill.SignedIn(ctx, p.Browser); err != nil || !in {
		return drill.Result{Harm: "whoever guesses at an account shuts its owner out: " + strings.TrimSpace(page.Text())}, err
	}
	return drill.Stopped("the owner signs in with a browser that the account knows, whatever strangers guess")
}

// later turns the clock to the next code: each is taken once.
func later(ctx context.Context, s *drill.Scene) error { return s.Later(ctx, time.Minute) }
