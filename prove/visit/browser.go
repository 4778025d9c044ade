package visit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/descope/virtualwebauthn"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Browser is somebody in front of a browser, on the pages of a repository: it
// keeps cookies, follows links of the site, fills forms as they stand on a page,
// and holds passkeys. It runs no script; a form with data-passkey is what it
// knows of WebAuthn (the options come from the address in data-options, the
// answer goes into the field "response").
type Browser struct {
	// Origin is what passkeys sign for; it differs from the site's own where the
	// person is on a site that only looks like it.
	Origin string

	web     *Web
	base    string // with trailing slash
	cookies map[string]string
	keys    []virtualwebauthn.Credential
	handle  []byte
	last    string // address of the page that was shown last
	given   []string
}

// Page is what a browser shows.
type Page struct {
	Path   string // where it ended up, with its query
	Status int
	Body   string
	forms  []form
}

// Text is the page without its markup, for reports: one line, cut.
func (p Page) Text() string {
	var words []string
	z := html.NewTokenizer(strings.NewReader(p.Body))
	skip := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			text := strings.Join(strings.Fields(strings.Join(words, " ")), " ")
			if len(text) > 300 {
				text = text[:300]
			}
			return fmt.Sprintf("%d %s", p.Status, text)
		case html.StartTagToken:
			name, _ := z.TagName()
			skip = string(name) == "head" || skip && string(name) != "main"
			if string(name) == "header" {
				skip = true
			}
		case html.TextToken:
			if !skip {
				words = append(words, string(z.Text()))
			}
		}
	}
}

// Link is the address of the first link of the page that ends in a path.
func (p Page) Link(end string) (path string, ok bool) {
	z := html.NewTokenizer(strings.NewReader(p.Body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return "", false
		case html.StartTagToken:
			t := z.Token()
			for _, a := range t.Attr {
				if t.DataAtom == atom.A && a.Key == "href" && strings.HasSuffix(a.Val, end) {
					return a.Val, true
				}
			}
		}
	}
}

// NewBrowser opens a browser without cookies.
func NewBrowser(web *Web, base string) *Browser {
	return &Browser{web: web, base: base, Origin: strings.TrimSuffix(base, "/"), cookies: map[string]string{}}
}

// Steal is a thief's browser: it has all cookies and no passkey.
func (b *Browser) Steal() *Browser {
	return &Browser{web: b.web, base: b.base, Origin: b.Origin, cookies: maps.Clone(b.cookies)}
}

// Forget drops all cookies: another device of the same person, who carries the
// passkeys along.
func (b *Browser) Forget() { clear(b.cookies) }

// Given are the Set-Cookie lines that came so far.
func (b *Browser) Given() []string { return b.given }

// Lose drops all passkeys.
func (b *Browser) Lose() { b.keys = nil }

// Get opens a page of the site.
func (b *Browser) Get(ctx context.Context, path string) (Page, error) {
	return b.do(ctx, Request{Method: "GET", URL: Resolve(b.base, path)})
}

// Post sends a form that stands on no page, as a script would.
func (b *Browser) Post(ctx context.Context, path string, fields url.Values) (Page, error) {
	return b.do(ctx, Request{Method: "POST", URL: Resolve(b.base, path), Body: []byte(fields.Encode()),
		Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Referer": b.last}})
}

// ErrNoForm is for a page that does not have the form.
var ErrNoForm = errors.New("the page has no such form")

// Submit fills the form of the page whose address ends in action and sends it.
// Fields that are not named keep what the page gives them. Where the form wants
// a passkey it gets one.
func (b *Browser) Submit(ctx context.Context, p Page, action string, fields url.Values) (Page, error) {
	i := slices.IndexFunc(p.forms, func(f form) bool {
		path, _, _ := strings.Cut(f.action, "?")
		return strings.HasSuffix(path, action)
	})
	if i < 0 {
		return Page{}, fmt.Errorf("%s, %s: %w", p.Path, action, ErrNoForm)
	}
	f := p.forms[i]
	sent := url.Values{}
	for k, v := range f.fields {
		sent[k] = slices.Clone(v)
	}
	maps.Copy(sent, fields)
	if f.passkey != "" {
		// A page that is refused the options shows why, and sends nothing.
		if begun, err := b.show(ctx, f, sent); err != nil || begun.Status >= 400 {
			return begun, err
		}
	}
	if f.method == "GET" {
		path, _, _ := strings.Cut(f.action, "?")
		return b.Get(ctx, path+"?"+sent.Encode())
	}
	return b.Post(ctx, f.action, sent)
}

// Open gets a page and submits one of its forms.
func (b *Browser) Open(ctx context.Context, path, action string, fields url.Values) (Page, error) {
	p, err := b.Get(ctx, path)
	if err != nil {
		return p, err
	}
	return b.Submit(ctx, p, action, fields)
}

// ErrNoPasskey is for whoever is asked for a passkey and has none that fits.
var ErrNoPasskey = errors.New("no passkey here fits")

// show answers a WebAuthn ceremony of a form.
func (b *Browser) show(ctx context.Context, f form, sent url.Values) (begun Page, err error) {
	begun, err = b.Post(ctx, f.options, sent)
	if err != nil || begun.Status >= 400 {
		return begun, err
	}
	var answer struct {
		Options json.RawMessage `json:"options"`
		Secret  string          `json:"secret"`
		Error   string          `json:"error"`
	}
	if err := json.Unmarshal([]byte(begun.Body), &answer); err != nil || answer.Error != "" {
		return begun, fmt.Errorf("%s: %d %s", f.options, begun.Status, answer.Error+begun.Body[:min(len(begun.Body), 200)])
	}
	sent.Set("secret", answer.Secret)
	if f.passkey == "create" {
		return begun, b.create(string(answer.Options), sent)
	}
	o, err := virtualwebauthn.ParseAssertionOptions(string(answer.Options))
	if err != nil {
		return begun, err
	}
	for i := range b.keys {
		if len(o.AllowCredentials) > 0 && !b.keys[i].IsAllowedForAssertion(*o) {
			continue
		}
		rp := virtualwebauthn.RelyingParty{ID: o.RelyingPartyID, Origin: b.Origin}
		b.keys[i].Counter++
		sent.Set("response", virtualwebauthn.CreateAssertionResponse(rp, b.authenticator(), b.keys[i], *o))
		return begun, nil
	}
	return begun, ErrNoPasskey
}

func (b *Browser) create(options string, sent url.Values) error {
	o, err := virtualwebauthn.ParseAttestationOptions(options)
	if err != nil {
		return err
	}
	key := newKey()
	rp := virtualwebauthn.RelyingParty{ID: o.RelyingPartyID, Name: o.RelyingPartyName, Origin: b.Origin}
	b.handle = []byte(o.UserID)
	sent.Set("response", virtualwebauthn.CreateAttestationResponse(rp, b.authenticator(), key, *o))
	b.keys = append(b.keys, key)
	return nil
}

// newKey makes a passkey. A coordinate that begins with a zero byte is written
// too short by the library (RFC 9053 section 7.1.1 wants all 32 bytes), which
// happens to one key in 128; so it is made anew.
func newKey() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key on P-256
	for {
		if key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(key.Key.AttestationData()) == whole {
			return key
		}
	}
}

func (b *Browser) authenticator() virtualwebauthn.Authenticator {
	return virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: b.handle})
}

const maxHops = 10

// do makes a request and follows redirects within the site.
func (b *Browser) do(ctx context.Context, r Request) (Page, error) {
	for range maxHops {
		res, err := b.once(ctx, r)
		if err != nil {
			return Page{}, err
		}
		to := res.Header.Get("Location")
		if res.Status < 300 || res.Status > 399 || to == "" {
			if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
				b.last = r.URL
			}
			return page(r.URL, res)
		}
		next := Resolve(r.URL, to)
		if !strings.HasPrefix(next, b.base) {
			return Page{}, fmt.Errorf("%s leads away from the site, to %s", r.URL, next)
		}
		r = Request{Method: "GET", URL: next}
	}
	return Page{}, fmt.Errorf("%s leads in circles", r.URL)
}

func (b *Browser) once(ctx context.Context, r Request) (Response, error) {
	r.NoRedirect, r.Busy = true, true
	header := map[string]string{"Sec-Fetch-Site": "same-origin"}
	maps.Copy(header, r.Header)
	var cookies []string
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		cookies = append(cookies, name+"="+b.cookies[name])
	}
	if len(cookies) > 0 {
		header["Cookie"] = strings.Join(cookies, "; ")
	}
	r.Header = header
	res, err := b.web.Do(ctx, r)
	if err != nil {
		return res, err
	}
	b.given = append(b.given, res.Header.Values("Set-Cookie")...)
	for _, c := range (&http.Response{Header: res.Header}).Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
	return res, nil
}

// form is a form as it stands on a page.
type form struct {
	action, method   string
	passkey, options string
	fields           url.Values
}

func page(at string, res Response) (Page, error) {
	u, err := url.Parse(at)
	if err != nil {
		return Page{}, err
	}
	p := Page{Path: u.RequestURI(), Status: res.Status, Body: string(res.Body)}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		return p, nil
	}
	doc, err := html.Parse(bytes.NewReader(res.Body))
	if err != nil {
		return p, err
	}
	for n := range doc.Descendants() {
		if n.DataAtom == atom.Form {
			p.forms = append(p.forms, readForm(u, n))
		}
	}
	return p, nil
}

func readForm(at *url.URL, n *html.Node) form {
	f := form{action: Resolve(at.String(), attr(n, "action")), method: strings.ToUpper(attr(n, "method")),
		passkey: attr(n, "data-passkey"), options: attr(n, "data-options"), fields: url.Values{}}
	if f.method != "POST" {
		f.method = "GET"
	}
	for c := range n.Descendants() {
		name := attr(c, "name")
		kind := attr(c, "type")
		switch {
		case name == "" || c.DataAtom == atom.Button:
		case c.DataAtom == atom.Input && (kind == "checkbox" || kind == "radio"):
			if has(c, "checked") {
				f.fields.Add(name, attr(c, "value"))
			}
		case c.DataAtom == atom.Input, c.DataAtom == atom.Textarea:
			f.fields.Add(name, attr(c, "value"))
		case c.DataAtom == atom.Select:
			f.fields.Add(name, selected(c))
		}
	}
	return f
}

// selected is the value of the option that a select begins with.
func selected(n *html.Node) (value string) {
	first := true
	for o := range n.Descendants() {
		if o.DataAtom != atom.Option {
			continue
		}
		if first || has(o, "selected") {
			value = attr(o, "value")
		}
		first = false
	}
	return value
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}
