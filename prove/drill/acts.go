package drill

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"bonded.dev/prove/visit"
)

// What persons do on the pages, for attacks on their accounts. Each goes through
// forms, as a browser sends them.

// Refused is the page on which somebody was refused what is honest, or what the
// stage of an attack needs.
type Refused struct{ visit.Page }

func (r Refused) Error() string { return r.Path + ": " + r.Text() }

// Want makes an error of a page that refuses.
func Want(p visit.Page, err error) (visit.Page, error) {
	if err == nil && p.Status >= 400 {
		err = Refused{p}
	}
	return p, err
}

// Try does what a script does that knows the pages: it opens one, fills its form
// and sends it, and where the page does not show the form, sends it all the same.
// A page that refuses is no error.
func Try(ctx context.Context, b *visit.Browser, at, action string, fields url.Values) (visit.Page, error) {
	p, err := b.Get(ctx, at)
	if err != nil {
		return p, err
	}
	sent, err := b.Submit(ctx, p, action, fields)
	if errors.Is(err, visit.ErrNoForm) {
		return b.Post(ctx, action, fields)
	}
	return sent, err
}

// Somebody is a person of a name that nobody used before, and whom no attack
// before this one has touched.
func (s *Scene) Somebody(ctx context.Context, kit Kit) (*Person, error) {
	return s.Person(ctx, s.Name("person"), kit)
}

// SignedIn says if a browser is let into an account.
func SignedIn(ctx context.Context, b *visit.Browser) (bool, visit.Page, error) {
	p, err := b.Get(ctx, "/account")
	return err == nil && p.Status == 200 && !strings.HasPrefix(p.Path, "/signin"), p, err
}

// Confirms shows what the person has: the passkey, or password and code.
func (p *Person) Confirms(ctx context.Context) error {
	at, fields := "/account/confirm", url.Values(nil)
	if p.Password != "" {
		at, fields = "/account/confirm/code", url.Values{"password": {p.Password}, "code": {p.App()}}
	}
	_, err := Want(p.Open(ctx, at, at, fields))
	return err
}

var token = regexp.MustCompile(`\bbnd_[0-9A-Za-z]{20,}`)

// MakesToken makes a token on the page, for a package of a dialect. as is empty
// when the page shows none.
func MakesToken(ctx context.Context, b *visit.Browser, kind, name string) (as visit.Credential, p visit.Page, err error) {
	const at = "/account/tokens/new"
	p, err = Try(ctx, b, at, at, url.Values{"ecosystem": {kind}, "pattern": {name}, "actions": {"publish"}, "days": {"7"}, "label": {"drill"}})
	return visit.Credential(token.FindString(p.Body)), p, err
}

// Publishes lets a person publish the first release of a name, with a token that
// they make on the page: it shows that the pages work, and that there is
// something to lose.
func (s *Scene) Publishes(ctx context.Context, p *Person, name string) error {
	if err := p.Confirms(ctx); err != nil {
		return err
	}
	as, page, err := MakesToken(ctx, p.Browser, s.Site.Dialect.ID(), name)
	if err != nil {
		return err
	}
	if as == "" {
		return fmt.Errorf("making a token, which is honest: %w", Refused{page})
	}
	a, err := s.Site.Publish(ctx, as, visit.Upload{Name: name, Version: "1.0.0", Canary: "owner"})
	if err == nil && !a.Taken() {
		err = fmt.Errorf("publishing %s, which is honest: %s", name, a)
	}
	return err
}

// Thief tries to make a token in a browser and to publish with it. lost is what
// somebody loses who installs the package; else says is what stopped it.
func (s *Scene) Thief(ctx context.Context, b *visit.Browser, name string) (Result, error) {
	as, page, err := MakesToken(ctx, b, s.Site.Dialect.ID(), name)
	if err != nil {
		return Result{}, err
	}
	if as == "" {
		return Stopped("%s", page.Text())
	}
	a, err := s.Site.Publish(ctx, as, visit.Upload{Name: name, Version: "1.1.0", Canary: "thief"})
	if err != nil {
		return Result{}, err
	}
	got, err := s.Install(ctx, name, "1.1.0")
	if err != nil {
		return Result{}, err
	}
	if len(got) > 0 {
		return Harmed("whoever installs %s gets what a thief published from its owner's account", name)
	}
	return Stopped("%s", a)
}

// CodeSignIn signs in with password and code in a browser. The page is where it ended.
func CodeSignIn(ctx context.Context, b *visit.Browser, user, password, code string) (visit.Page, error) {
	p, err := b.Open(ctx, "/signin", "/signin/password", url.Values{"user": {user}, "password": {password}})
	if err != nil || p.Status >= 400 {
		return p, err
	}
	sent, err := b.Submit(ctx, p, "/signin/code", url.Values{"code": {code}})
	if errors.Is(err, visit.ErrNoForm) {
		return b.Post(ctx, "/signin/code", url.Values{"code": {code}})
	}
	return sent, err
}

// Cancels opens the cancel link of the person's newest mail that has one, and
// presses its button; who has not been told does nothing.
func (p *Person) Cancels(ctx context.Context, visitor *visit.Browser) (told bool, err error) {
	link, ok := LinkIn(p.Inbox(), "changes/")
	if !ok {
		return false, nil
	}
	path, _, _ := strings.Cut(link, "?")
	_, err = Want(visitor.Open(ctx, link, path, nil))
	return err == nil, err
}

// Hold is longer than what waits in a repository like ours.
const Hold = 73 * time.Hour

var recoveryCode = regexp.MustCompile(`\b[0-9a-z]{4}(?:-[0-9a-z]{4}){3}\b`)

// RecoveryCodes are those that a page shows.
func RecoveryCodes(p visit.Page) []string { return recoveryCode.FindAllString(p.Body, -1) }

// EveryRight is all that somebody can have on a package.
var EveryRight = []string{"publish", "people", "settings"}

// Shares gives somebody rights to a package of another person, who both agree.
func (s *Scene) Shares(ctx context.Context, from, to *Person, name string, rights ...string) error {
	if err := from.Confirms(ctx); err != nil {
		return err
	}
	if _, err := Want(Invite(ctx, from.Browser, s.Site.Dialect.ID(), name, to.Name, rights...)); err != nil {
		return err
	}
	return to.MustAccept(ctx)
}

// MustAccept is Accepts for whoever was invited a moment ago.
func (p *Person) MustAccept(ctx context.Context) error {
	ok, err := p.Accepts(ctx)
	if err == nil && !ok {
		err = fmt.Errorf("%s was invited and has no invitation", p.Name)
	}
	return err
}

// Publishable says if installers get a version that is published with a token,
// and what was answered.
func (s *Scene) Publishable(ctx context.Context, as visit.Credential, name, version string) (bool, visit.Answer, error) {
	a, err := s.Site.Publish(ctx, as, visit.Upload{Name: name, Version: version, Canary: "version " + version})
	if err != nil {
		return false, a, err
	}
	got, err := s.Install(ctx, name, version)
	return len(got) > 0, a, err
}
