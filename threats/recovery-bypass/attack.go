// Package recoverybypass tries the way back into an account that somebody else has.
package recoverybypass

import (
	"context"
	"net/url"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. The thief reads the mailbox of the account.
var Attacks = []drill.Attack{
	attack("the mailbox alone recovers the account", mailbox),
	attack("the mailbox and a stolen recovery code, while the owner reads mail", code(reads)),
	attack("... while the owner looks at the account", code(looks)),
	attack("a recovery ends with factors that can be relayed, in place of a passkey", lower),
	attack("the last step of a recovery is sent without the one before", skips),
	attack("the link of a recovery is used twice", again),
	attack("the page tells accounts that exist from others", tells),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

// asked is a recovery that a thief asked for, up to the link in the mail.
func asked(ctx context.Context, s *drill.Scene) (p *drill.Person, thief *visit.Browser, link string, err error) {
	if p, err = s.Somebody(ctx, drill.Passkey); err != nil {
		return p, nil, "", err
	}
	if thief, err = s.Visitor(ctx); err != nil {
		return p, nil, "", err
	}
	n := len(p.Inbox())
	page, err := drill.Want(thief.Open(ctx, "/recover", "/recover", url.Values{"user": {p.Name}}))
	if err != nil {
		return p, thief, "", err
	}
	link, ok := p.Posted(ctx, n, "recover/")
	if !ok {
		return p, thief, "", drill.Refused{Page: page}
	}
	return p, thief, link, nil
}

// enrols waits as long as it takes and opens the link that ends a recovery.
func enrols(ctx context.Context, s *drill.Scene, p *drill.Person, thief *visit.Browser) (ok bool, page visit.Page, err error) {
	n := len(p.Inbox())
	if err := s.Due(ctx); err != nil {
		return false, page, err
	}
	link, ok := p.Posted(ctx, n, "enrol/")
	if !ok {
		if err := s.Later(ctx, drill.Hold); err != nil {
			return false, page, err
		}
		if err := s.Due(ctx); err != nil {
			return false, page, err
		}
		if link, ok = p.Posted(ctx, n, "enrol/"); !ok {
			return false, page, nil
		}
	}
	page, err = drill.Want(thief.Open(ctx, link, "/enrol", nil))
	return true, page, err
}

// takes ends a recovery with a passkey of the thief's.
func takes(ctx context.Context, p *drill.Person, thief *visit.Browser) (drill.Result, error) {
	if _, err := drill.Want(thief.Open(ctx, "/account/passkeys", "/account/passkeys", url.Values{"label": {"mine"}})); err != nil {
		return drill.Result{}, err
	}
	return finishes(ctx, p, thief)
}

func finishes(ctx context.Context, p *drill.Person, thief *visit.Browser) (drill.Result, error) {
	page, err := thief.Post(ctx, "/account/finish", nil)
	if err != nil {
		return drill.Result{}, err
	}
	if in, _, err := drill.SignedIn(ctx, thief); err != nil || !in || page.Status >= 400 {
		return drill.Result{Stopped: page.Text()}, err
	}
	return drill.Harmed("the account of %s is a thief's, and its owner is shut out", p.Name)
}

func mailbox(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, thief, link, err := asked(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := thief.Open(ctx, link, "/recover/begin", url.Values{"code": {"aaaa-bbbb-cccc-dddd"}})
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status >= 400 {
		return drill.Stopped("%s [recovery-policy]", page.Text())
	}
	ok, _, err := enrols(ctx, s, p, thief)
	if err != nil || !ok {
		return drill.Result{Stopped: "no link followed"}, err
	}
	return takes(ctx, p, thief)
}

// begun is a recovery with a code that was stolen.
func begun(ctx context.Context, s *drill.Scene) (p *drill.Person, thief *visit.Browser, err error) {
	p, thief, link, err := asked(ctx, s)
	if err != nil {
		return p, thief, err
	}
	_, err = drill.Want(thief.Open(ctx, link, "/recover/begin", url.Values{"code": {p.Recovery[0]}}))
	return p, thief, err
}

// reads is an owner who reads the same mailbox within three days.
func reads(ctx context.Context, p *drill.Person) (objects bool, err error) {
	return p.Cancels(ctx, p.Browser)
}

// looks is an owner who comes by within three days, and has read nothing.
func looks(ctx context.Context, p *drill.Person) (objects bool, err error) {
	page, err := drill.Want(p.Get(ctx, "/account/security"))
	if err != nil {
		return false, err
	}
	_, err = drill.Want(p.Submit(ctx, page, "/cancel", nil))
	return err == nil, err
}

// code is stopped by the owner, who hears or sees it.
func code(objects func(context.Context, *drill.Person) (bool, error)) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) { return stolen(ctx, s, objects) }
}

func stolen(ctx context.Context, s *drill.Scene, objects func(context.Context, *drill.Person) (bool, error)) (drill.Result, error) {
	p, thief, err := begun(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	n := len(p.Inbox())
	if err := s.Due(ctx); err != nil {
		return drill.Result{}, err
	}
	if link, ok := p.Posted(ctx, n, "enrol/"); ok {
		if _, err := drill.Want(thief.Open(ctx, link, "/enrol", nil)); err != nil {
			return drill.Result{}, err
		}
		return takes(ctx, p, thief)
	}
	told, err := objects(ctx, p)
	if err != nil {
		return drill.Result{}, err
	}
	ok, _, err := enrols(ctx, s, p, thief)
	switch {
	case err != nil:
		return drill.Result{}, err
	case ok:
		return takes(ctx, p, thief)
	case !told:
		return drill.Stopped("no link followed")
	}
	return drill.Stopped("the recovery waited, and its owner came to know of it and cancelled it [credential-change-hold] [security-notify]")
}

// lower lets the owner be away, and ends with less than there was.
func lower(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, thief, err := begun(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	ok, _, err := enrols(ctx, s, p, thief)
	if err != nil || !ok {
		return drill.Result{Stopped: "no link followed"}, err
	}
	if _, err := drill.Want(thief.Open(ctx, "/account/password", "/account/password", url.Values{"password": {"six quiet thieves at midnight"}})); err != nil {
		return drill.Result{}, err
	}
	r, err := finishes(ctx, p, thief)
	if err == nil && r.Harm != "" {
		r.Harm = "the account of " + p.Name + " had a passkey, and after a recovery a password opens it"
	}
	return r, err
}

// skips sends what only whoever went through the step before should be able to.
func skips(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, thief, link, err := asked(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	secret := link[len("/recover/"):]
	var said visit.Page
	for _, step := range []struct {
		path   string
		fields url.Values
	}{{"/enrol", url.Values{"link": {secret}}}, {"/account/finish", nil}, {"/account/passkeys/options", nil}, {"/account/codes", nil}} {
		if said, err = thief.Post(ctx, step.path, step.fields); err != nil {
			return drill.Result{}, err
		}
		if in, _, err := drill.SignedIn(ctx, thief); err != nil || in || said.Status < 400 {
			return drill.Result{Harm: step.path + " let somebody into the account of " + p.Name + " who skipped what comes before"}, err
		}
	}
	return drill.Stopped("%s [authorization-matrix]", said.Text())
}

func again(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, thief, link, err := asked(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if _, err := drill.Want(thief.Open(ctx, link, "/recover/begin", url.Values{"code": {p.Recovery[0]}})); err != nil {
		return drill.Result{}, err
	}
	page, err := thief.Post(ctx, "/recover/begin", url.Values{"link": {link[len("/recover/"):]}, "code": {p.Recovery[1]}})
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status < 400 {
		return drill.Harmed("a link in an old mail of %s begins another recovery", p.Name)
	}
	return drill.Stopped("%s", page.Text())
}

func tells(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	thief, err := s.Visitor(ctx)
	if err != nil {
		return drill.Result{}, err
	}
	var said [2]string
	for i, name := range []string{p.Name, s.Name("nobody")} {
		page, err := drill.Want(thief.Open(ctx, "/recover", "/recover", url.Values{"user": {name}}))
		if err != nil {
			return drill.Result{}, err
		}
		said[i] = page.Body
	}
	if said[0] != said[1] {
		return drill.Harmed("whoever asks learns that there is an account %s", p.Name)
	}
	return drill.Stopped("the page says the same for every name")
}
