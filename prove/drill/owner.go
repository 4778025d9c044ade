package drill

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"

	"bonded.dev/prove/visit"
)

// What owners do on the pages of a package. A page that refuses them is an error.

// PageOf is the path of a package's page; its owners look after it at SettingsOf.
func PageOf(kind, name string) string     { return "/packages/" + kind + "/" + url.PathEscape(name) }
func SettingsOf(kind, name string) string { return PageOf(kind, name) + "/settings" }

// Rules are how a package may be published.
type Rules struct{ TrustedOnly, TwoPeople bool }

func (r Rules) fields() url.Values {
	yes := map[bool][]string{true: {"yes"}}
	return url.Values{"trusted_only": yes[r.TrustedOnly], "two_person": yes[r.TwoPeople]}
}

// Rule chooses the rules of a package.
func (p *Person) Rule(ctx context.Context, kind, name string, r Rules) error {
	if err := p.Confirms(ctx); err != nil {
		return err
	}
	_, err := Want(p.Open(ctx, SettingsOf(kind, name), "/policy", r.fields()))
	return err
}

// Loosen asks for other rules with whatever a browser has, which may be stolen.
func Loosen(ctx context.Context, b *visit.Browser, kind, name string, r Rules) (visit.Page, error) {
	return Try(ctx, b, SettingsOf(kind, name), PageOf(kind, name)+"/policy", r.fields())
}

// Trust makes a job of the platform the trusted publisher of a name that nobody
// has yet; fields are those of the form.
func (p *Person) Trust(ctx context.Context, i *Issuer, kind, name string, fields url.Values) error {
	if err := p.Confirms(ctx); err != nil {
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
	_, err = Want(p.Open(ctx, page+"?profile="+url.QueryEscape("github@"+u.Host), page, all))
	return err
}

// Token makes an access token on the page, for a package, that lives so many days.
func (p *Person) Token(ctx context.Context, kind, name string, days int) (visit.Credential, error) {
	if err := p.Confirms(ctx); err != nil {
		return "", err
	}
	const at = "/account/tokens/new"
	made, err := Want(p.Open(ctx, at, at, url.Values{"ecosystem": {kind}, "pattern": {name}, "actions": {"publish"}, "days": {strconv.Itoa(days)}}))
	if err != nil {
		return "", err
	}
	as := token.FindString(made.Body)
	if as == "" {
		return "", fmt.Errorf("making a token, which is honest: %w", Refused{made})
	}
	return visit.Credential(as), nil
}

// Waiting finds a release that waits for somebody's approval, on the page of
// those who may know of it.
func (p *Person) Waiting(ctx context.Context, name, version string) (id string, err error) {
	page, err := Want(p.Get(ctx, "/review"))
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
	if err := p.Confirms(ctx); err != nil {
		return err
	}
	_, err := Want(p.Open(ctx, "/review/"+id, "/approve", nil))
	return err
}
