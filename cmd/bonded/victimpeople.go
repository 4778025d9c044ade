package main

import (
	"context"
	"encoding/base32"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"

	"github.com/pquerna/otp/totp"
)

// resident is what the victim knows of a person whom it enrolled.
type resident struct {
	kit      drill.Kit
	browser  *visit.Browser // with the passkeys
	password string
	seed     string
	codes    []string
}

// Person goes in through the real pages: the enrolment link that an
// administrator hands over, and after that signing in.
func (v *victim) Person(ctx context.Context, actor string, kit drill.Kit) (*drill.Person, error) {
	if _, err := v.account(ctx, actor); err != nil {
		return nil, err
	}
	v.mu.Lock()
	r := v.residents[actor]
	v.mu.Unlock()
	var err error
	if r == nil {
		if r, err = v.enrol(ctx, actor, kit); err != nil {
			return nil, fmt.Errorf("enrolling the %s: %w", actor, err)
		}
		v.mu.Lock()
		v.residents[actor] = r
		v.mu.Unlock()
	} else if err := v.signIn(ctx, actor, r); err != nil {
		return nil, fmt.Errorf("signing in the %s: %w", actor, err)
	}
	email := address(actor)
	return &drill.Person{
		Browser: r.browser, Name: actor, Email: email, Password: r.password, Recovery: r.codes,
		App:   func() string { return v.app(r) },
		Inbox: func() []drill.Mail { return v.town.post.inbox(email) },
	}, nil
}

// address gives each actor a domain of their own, so that one can lapse alone.
func address(actor string) string { return actor + "@" + actor + ".invalid" }

// account makes sure that there is one.
func (v *victim) account(ctx context.Context, actor string) (bool, error) {
	if _, err := v.r.keeper.User(ctx, actor); err == nil {
		return true, nil
	}
	_, err := v.r.keeper.AddUser(ctx, actor, address(actor))
	if err == nil && actor == drill.Admin {
		err = v.r.keeper.SetRole(ctx, actor, "administrator")
	}
	return false, err
}

func (v *victim) app(r *resident) string {
	if r.seed == "" {
		return ""
	}
	code, err := totp.GenerateCode(r.seed, v.now())
	if err != nil {
		return ""
	}
	return code
}

func (v *victim) enrol(ctx context.Context, actor string, kit drill.Kit) (*resident, error) {
	link, err := v.r.keeper.NewEnrolment(ctx, actor)
	if err != nil {
		return nil, err
	}
	r := &resident{kit: kit, browser: visit.NewBrowser(v.web, v.url), password: "four grey herons at dusk 7"}
	b := r.browser
	if _, err := want(b.Open(ctx, "/enrol/"+link.Reveal(), "/enrol", nil)); err != nil {
		return nil, err
	}
	switch kit {
	case drill.Passkey:
		r.password = ""
		_, err = want(b.Open(ctx, "/account/passkeys", "/account/passkeys", url.Values{"label": {"key of the " + actor}}))
	case drill.Codes:
		err = v.addCodes(ctx, r)
	case drill.Weak:
		_, err = want(b.Open(ctx, "/account/password", "/account/password", url.Values{"password": {r.password}}))
	}
	if err != nil {
		return nil, err
	}
	p, err := want(b.Open(ctx, "/account/codes", "/account/codes", nil))
	if err != nil {
		return nil, err
	}
	r.codes = recoveryCode.FindAllString(p.Body, -1)
	if err := v.proveAddress(ctx, actor, b); err != nil {
		return nil, err
	}
	_, err = want(b.Post(ctx, "/account/finish", nil))
	return r, err
}

// proveAddress asks for the mail that proves the actor's address and opens it.
func (v *victim) proveAddress(ctx context.Context, actor string, b *visit.Browser) error {
	email := address(actor)
	if _, err := want(b.Open(ctx, "/account/email", "/account/email", url.Values{"email": {email}})); err != nil {
		return err
	}
	link, ok := drill.LinkIn(v.town.post.inbox(email), "email/")
	if !ok {
		return fmt.Errorf("no mail came to prove %s", email)
	}
	_, err := want(b.Open(ctx, link, "/email", nil))
	return err
}

var (
	recoveryCode = regexp.MustCompile(`\b[0-9a-z]{4}(?:-[0-9a-z]{4}){3}\b`)
	seedOfPage   = regexp.MustCompile(`secret=([A-Z2-7]+)`)
)

// addCodes adds a password and an authenticator app.
func (v *victim) addCodes(ctx context.Context, r *resident) error {
	b := r.browser
	if _, err := want(b.Open(ctx, "/account/password", "/account/password", url.Values{"password": {r.password}})); err != nil {
		return err
	}
	p, err := want(b.Open(ctx, "/account/totp", "/account/totp/begin", nil))
	if err != nil {
		return err
	}
	m := seedOfPage.FindStringSubmatch(p.Body)
	if m == nil {
		return fmt.Errorf("the page for an authenticator app shows no key: %s", p.Text())
	}
	if _, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(m[1]); err != nil {
		return err
	}
	r.seed = m[1]
	_, err = want(b.Submit(ctx, p, "/account/totp", url.Values{"code": {v.app(r)}}))
	return err
}

// signIn comes back with the browser that is known.
func (v *victim) signIn(ctx context.Context, actor string, r *resident) error {
	p, err := r.browser.Get(ctx, "/account")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(p.Path, "/signin") {
		return nil // still signed in
	}
	if r.kit == drill.Passkey {
		_, err := want(r.browser.Open(ctx, "/signin", "/signin/passkey", nil))
		return err
	}
	// A code is taken once: the next one is half a minute away.
	if err := v.Later(ctx, time.Minute); err != nil {
		return err
	}
	p, err = want(r.browser.Open(ctx, "/signin", "/signin/password", url.Values{"user": {actor}, "password": {r.password}}))
	if err != nil {
		return err
	}
	_, err = want(r.browser.Submit(ctx, p, "/signin/code", url.Values{"code": {v.app(r)}}))
	return err
}

// want turns a page that refuses into an error: the honest way must work.
func want(p visit.Page, err error) (visit.Page, error) { return drill.Want(p, err) }

func (v *victim) Visitor(context.Context) (*visit.Browser, error) {
	return visit.NewBrowser(v.web, v.url), nil
}

func (v *victim) Issuer(context.Context) (*drill.Issuer, error) { return v.town.issuer, nil }

// Due does what the repository does by itself every minute and every day.
func (v *victim) Due(ctx context.Context) error {
	for _, work := range []func(context.Context) error{v.r.waiting.Due, v.r.desk.ExpireStaged, v.r.notice.Pass} {
		if err := work(ctx); err != nil {
			return err
		}
	}
	if v.out("token-lifetime") {
		return nil
	}
	return v.r.keeper.EndUnused(ctx)
}

// Lapse lets the registration of a domain end. What DNS does not know on two days
// is taken for lapsed. Whoever buys it then reads what comes to the inbox.
func (v *victim) Lapse(ctx context.Context, domain string) error {
	if err := v.r.lapse.Look(ctx); err != nil {
		return err
	}
	v.town.lapse(domain)
	for range 2 {
		if err := v.Later(ctx, 24*time.Hour); err != nil {
			return err
		}
		if err := v.r.lapse.Look(ctx); err != nil {
			return err
		}
	}
	return v.Due(ctx)
}
