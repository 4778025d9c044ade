package drill

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"bonded.dev/prove/visit"
)

// How a package goes from hand to hand, on the pages. A browser may be stolen:
// what is refused is a page and no error.

// Invite offers somebody rights on a package.
func Invite(ctx context.Context, b *visit.Browser, kind, name, who string, rights ...string) (visit.Page, error) {
	return Try(ctx, b, SettingsOf(kind, name), PageOf(kind, name)+"/people/invite", url.Values{"user": {who}, "rights": rights})
}

// Offer offers somebody all of a package.
func Offer(ctx context.Context, b *visit.Browser, kind, name, who string) (visit.Page, error) {
	return Try(ctx, b, SettingsOf(kind, name), PageOf(kind, name)+"/transfer", url.Values{"to": {who}, "name": {name}})
}

// Adopt asks for a package that nobody looks after.
func Adopt(ctx context.Context, b *visit.Browser, kind, name string) (visit.Page, error) {
	return Try(ctx, b, PageOf(kind, name), PageOf(kind, name)+"/adopt", nil)
}

// Accepts accepts the person's newest invitation. false: there is none.
func (p *Person) Accepts(ctx context.Context) (bool, error) {
	if err := p.Confirms(ctx); err != nil {
		return false, err
	}
	page, err := Want(p.Get(ctx, "/invitations"))
	if err != nil {
		return false, err
	}
	_, err = Want(p.Submit(ctx, page, "/accept", nil))
	if errors.Is(err, visit.ErrNoForm) {
		return false, nil
	}
	return err == nil, err
}

// Told is what a page says to whoever wanted something of it. One that asks for a
// passkey first is how step-up refuses.
func Told(p visit.Page) string {
	if strings.HasPrefix(p.Path, "/account/confirm") {
		return p.Text() + " [step-up]"
	}
	return p.Text()
}

// Takes publishes a version with a token, where as is not empty, and says what
// installers get; else what the page said.
func (s *Scene) Takes(ctx context.Context, as visit.Credential, page visit.Page, name, version, with string) (Result, error) {
	if as == "" {
		return Stopped("%s", Told(page))
	}
	return s.Reach(ctx, as, visit.Upload{Name: name, Version: version, Canary: "thief"}, with)
}
