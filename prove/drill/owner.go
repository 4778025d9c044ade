package drill

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"bonded.dev/prove/visit"
)

// What a person does on the pages of a package, honestly: a page that refuses
// is an error. A thief takes the same pages by [visit.Browser.Open].

// SettingsOf is the path of the page where a package's owners look after it.
func SettingsOf(kind, name string) string {
	return "/packages/" + kind + "/" + url.PathEscape(name) + "/settings"
}

// Confirm shows the passkey once more, as pages ask before what is dangerous.
func (p *Person) Confirm(ctx context.Context) error {
	_, err := Honest(p.Open(ctx, "/account/confirm?next=/account", "/account/confirm", nil))
	return err
}

// Honest turns a page that refuses into an error.
func Honest(p visit.Page, err error) (visit.Page, error) {
	if err == nil && p.Status >= 400 {
		err = fmt.Errorf("%s, which is honest: %s", p.Path, p.Text())
	}
	return p, err
}

// Rules are how a package may be published.
type Rules struct{ TrustedOnly, TwoPeople bool }

func (r Rules) fields() url.Values {
	yes := map[bool][]string{true: {"yes"}}
	return url.Values{"trusted_only": yes[r.TrustedOnly], "two_person": yes[r.TwoPeople]}
}

// Rule chooses the rules of a package.
func (p *Person) Rule(ctx context.Context, kind, name string, r Rules) error {
	if err := p.Confirm(ctx); err != nil {
		return err
	}
	_, err := Honest(p.Open(ctx, SettingsOf(kind, name), "/policy", r.fields()))
	return err
}

// Loosen asks for other rules with whatever a browser has, which may be stolen.
func Loosen(ctx context.Context, b *visit.Browser, kind, name string, r Rules) (visit.Page, error) {
	p, err := b.Open(ctx, SettingsOf(kind, name), "/policy", r.fields())
	if errors.Is(err, visit.ErrNoForm) {
		return p, fmt.Errorf("the settings of %s have no rules: %w", name, err)
	}
	return p, err
}

// Trust makes a job of the platform the trusted publisher of a name that nobody
// has yet; fields are those of the form.
func (p *Person) Trust(ctx context.Context, i *Issuer, kind, name string, fields url.Values) error {
	if err := p.Confirm(ctx); err != nil {
		return err
	}
	u, err := url.Parse(i.URL)
	if err != nil {
		return err
	}
	all := url.Values{"ecosystem": {kind}, "package": {name}}
	for k, v := range fields {
		all[k] = v
	}
	const page = "/account/publishers"
	_, err = Honest(p.Open(ctx, page+"?profile="+url.QueryEscape("github@"+u.Host), page, all))
	return err
}

var tokenOnPage = regexp.MustCompile(`\bbnd_[0-9A-Za-z]{36}\b`)

// Token makes an access token on the page for it; pattern is a name, or the
// beginning of names and a star.
func (p *Person) Token(ctx context.Context, kind, pattern string, actions ...string) (visit.Credential, error) {
	if err := p.Confirm(ctx); err != nil {
		return "", err
	}
	const page = "/account/tokens/new"
	made, err := Honest(p.Open(ctx, page, page, url.Values{"ecosystem": {kind}, "pattern": {pattern}, "actions": actions}))
	if err != nil {
		return "", err
	}
	token := tokenOnPage.FindString(made.Body)
	if token == "" {
		return "", errors.New("no token stands on the page: " + made.Text())
	}
	return visit.Credential(token), nil
}

// Waiting finds a release that waits for somebody's approval, on the page of
// those who may know of it.
func (p *Person) Waiting(ctx context.Context, name, version string) (id string, err error) {
	page, err := Honest(p.Get(ctx, "/review"))
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`/review/([a-z2-7]+)">` + regexp.QuoteMeta(name+" "+version) + `<`).FindStringSubmatch(page.Body)
	if m == nil {
		return "", fmt.Errorf("%s %s does not wait for an approval: %s", name, version, page.Text())
	}
	return m[1], nil
}

// Approve lets a release go that waits.
func (p *Person) Approve(ctx context.Context, id string) error {
	if err := p.Confirm(ctx); err != nil {
		return err
	}
	_, err := Honest(p.Open(ctx, "/review/"+id, "/approve", nil))
	return err
}
