// Package webtest plays somebody in front of a browser: a story is written once
// ([Hand]) and played by Chromium ([Chromium]) and by a browser that knows no
// scripts ([Plain]). It also reads pages as somebody who cannot see them
// ([Faults]). Only tests import it.
package webtest

import (
	"net/url"
	"strings"
	"testing"

	"bonded.dev/prove/visit"
)

// Hand is somebody in front of a browser. What goes wrong ends the test.
type Hand interface {
	// Opens an address of the site.
	Opens(path string)
	// Presses the button of the form whose action ends so, with fields filled in;
	// a passkey is shown where it is asked for.
	Presses(action string, fields ...string)
	// At is the path where it ended, without the query.
	At() string
	// Text of the page, its markup left out.
	Text() string
	// HTML is the page.
	HTML() string
}

// Sees ends the test when the page does not hold all texts.
func Sees(t testing.TB, h Hand, texts ...string) {
	t.Helper()
	page := h.Text()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Fatalf("%s does not say %q:\n%s", h.At(), text, page)
		}
	}
}

// IsAt ends the test when the browser is elsewhere.
func IsAt(t testing.TB, h Hand, path string) {
	t.Helper()
	if h.At() != path {
		t.Fatalf("the browser is at %s, want %s:\n%s", h.At(), path, h.Text())
	}
}

// Plain is a browser without scripts whose passkeys are made in this process.
type Plain struct {
	Browser *visit.Browser
	Page    visit.Page
	t       testing.TB
}

// NewPlain opens a browser on a site, whose address has no slash at its end.
func NewPlain(t testing.TB, base string) *Plain {
	return &Plain{t: t, Browser: visit.NewBrowser(visit.NewWeb("Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0", 0), base+"/")}
}

func (p *Plain) Opens(path string) {
	p.t.Helper()
	var err error
	if p.Page, err = p.Browser.Get(p.t.Context(), strings.TrimPrefix(path, "/")); err != nil {
		p.t.Fatal(err)
	}
}

func (p *Plain) Presses(action string, fields ...string) {
	p.t.Helper()
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	page, err := p.Browser.Submit(p.t.Context(), p.Page, action, values)
	if err != nil {
		p.t.Fatalf("press %s: %v\n%s", action, err, p.Page.Text())
	}
	p.Page = page
}

func (p *Plain) At() string {
	path, _, _ := strings.Cut(p.Page.Path, "?")
	return path
}

func (p *Plain) HTML() string { return p.Page.Body }

func (p *Plain) Text() string { return TextIn(p.Page.Body) }
