package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/signin"
)

// TestOtherSitesPressNoButtons sends every button as a foreign page would.
func TestOtherSitesPressNoButtons(t *testing.T) {
	p := gate(t)
	for _, r := range p.Routes() {
		if r.Method == http.MethodGet {
			continue
		}
		path := strings.NewReplacer("{", "", "}", "").Replace(r.Path)
		for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
			q := httptest.NewRequest(r.Method, "http://example.org"+path, strings.NewReader(""))
			q.AddCookie(&http.Cookie{Name: "bonded-session", Value: "operator"})
			q.Header.Set(header[0], header[1])
			w := httptest.NewRecorder()
			p.ServeHTTP(w, q)
			if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "another web site") {
				t.Errorf("%s %s with %s: %d", r.Method, path, header, w.Code)
			}
		}
	}
}

// TestOwnFormsArePressed is the other half: what browsers send with our own.
func TestOwnFormsArePressed(t *testing.T) {
	p := gate(t)
	for _, header := range [][2]string{{"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://example.org"}} {
		q := httptest.NewRequest("POST", "http://example.org/account/tokens/new", strings.NewReader("label=x"))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.AddCookie(&http.Cookie{Name: "bonded-session", Value: "session"})
		q.Header.Set(header[0], header[1])
		w := httptest.NewRecorder()
		p.ServeHTTP(w, q)
		if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "step_up_required") {
			t.Errorf("with %s: %d, want that the proof is asked for\n%s", header, w.Code, w.Body)
		}
	}
}

// TestHeaders holds what keeps a page to itself.
func TestHeaders(t *testing.T) {
	p := gate(t)
	for _, path := range []string{"/signin", "/account", "/signin/nothing", "/assets/web.css"} {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest("GET", "http://example.org"+path, nil))
		h := w.Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if !strings.HasPrefix(path, "/assets/") && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, h.Get("Cache-Control"))
		}
		if h.Get("Referrer-Policy") != "same-origin" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// TestCookies: nobody but this host gets them, and no script reads them.
func TestCookies(t *testing.T) {
	for base, want := range map[string]string{
		"https://packages.example.org/": "__Host-bonded-session=x; Path=/; HttpOnly; Secure; SameSite=Lax",
		"http://localhost:8420/":        "bonded-session=x; Path=/; HttpOnly; SameSite=Lax",
	} {
		p := New(Config{URL: base})
		w := httptest.NewRecorder()
		a := &Ask{pages: p, w: w, r: httptest.NewRequest("GET", base, nil)}
		a.setCookie("session", "x", 0)
		if got := w.Header().Get("Set-Cookie"); got != want {
			t.Errorf("%s: %q, want %q", base, got, want)
		}
	}
}

// TestNobodyIsLedAway: a link that somebody sends cannot use our pages to lead
// its reader elsewhere.
func TestNobodyIsLedAway(t *testing.T) {
	p := gate(t)
	for _, next := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "evil", "/x\r\nSet-Cookie: a=b", "\t//evil.example", "/\t/evil.example", "/\x00/evil.example"} {
		q := httptest.NewRequest("GET", "http://example.org/signin?next="+url.QueryEscape(next), nil)
		q.AddCookie(&http.Cookie{Name: "bonded-session", Value: "session"})
		w := httptest.NewRecorder()
		p.ServeHTTP(w, q)
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != "/account" {
			t.Errorf("next=%q leads to %q (%d)", next, got, w.Code)
		}
	}
}

// TestComingBack: after a confirmation the reader is on the page of the button,
// with what a form without secrets held, and never with a password in an address.
func TestComingBack(t *testing.T) {
	p := gate(t)
	press := func(route, referer, body string) string {
		for _, r := range p.Routes() {
			if r.Method+" "+r.Path != "POST "+route {
				continue
			}
			q := httptest.NewRequest("POST", "http://example.org"+route, strings.NewReader(body))
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			q.Header.Set("Referer", referer)
			q.AddCookie(&http.Cookie{Name: "bonded-session", Value: "session"})
			w := httptest.NewRecorder()
			p.answer(w, q, r)
			_, rest, _ := strings.Cut(w.Body.String(), `href="/account/confirm?next=`)
			link, _, _ := strings.Cut(rest, `"`)
			text, err := url.QueryUnescape(strings.ReplaceAll(link, "&#43;", "+"))
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		t.Fatalf("there is no route %s", route)
		return ""
	}
	for _, c := range [][4]string{
		{"/account/tokens/new", "http://example.org/account/tokens/new", "label=a+b", "/account/tokens/new?label=a+b"},
		{"/account/password", "http://example.org/account/password", "password=correct", "/account/password"},
		{"/account/password", "https://evil.example/account", "password=correct", "/account"},
		{"/account/password", "http://example.org//evil.example", "", "/account"},
		{"/account/password", "", "", "/account"},
	} {
		if got := press(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%s from %q leads back to %q, want %q", c[0], c[1], got, c[3])
		}
	}
}

// TestErrorsAreSentences reads an error as it stands on a page.
func TestErrorsAreSentences(t *testing.T) {
	for in, want := range map[string]string{
		"the code is wrong": "The code is wrong.", "Already one.": "Already one.", "no [step-up]": "No [step-up]", "äh": "Äh.", "": "",
	} {
		if got := sentence(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// TestScriptsHearErrors: passkey.js is told in its own words.
func TestScriptsHearErrors(t *testing.T) {
	p := gate(t)
	w := httptest.NewRecorder()
	a := &Ask{pages: p, w: w, r: httptest.NewRequest("POST", "/x", nil), route: Route{JSON: true}}
	a.fail(bonded.Errorf(bonded.TooMany, "wait a minute"))
	if w.Code != http.StatusTooManyRequests || strings.TrimSpace(w.Body.String()) != `{"error":"Wait a minute."}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	a.w = w
	fails(t, a.Begin([]byte(`{"challenge":"x"}`), "s", nil))
	if w.Body.String() != `{"options":{"challenge":"x"},"secret":"s"}` {
		t.Errorf("%s", w.Body)
	}
}

// TestWhereTheReaderIs marks one place of the navigation.
func TestWhereTheReaderIs(t *testing.T) {
	p := gate(t)
	for here, want := range map[string]string{
		"/account": "Overview", "/account/security": "Signing in", "/account/passkeys": "Signing in", "/account/passkeys/x/remove": "Signing in",
		"/account/tokens/new": "Access tokens", "/account/elsewhere": "Overview", "/signin": "",
	} {
		got := ""
		for _, l := range p.links(side, here) {
			if l.Current {
				got += l.Text
			}
		}
		if got != want {
			t.Errorf("%s is %q, want %q", here, got, want)
		}
	}
}

// TestASignInUnderWay survives in its cookie.
func TestASignInUnderWay(t *testing.T) {
	p := gate(t)
	w := httptest.NewRecorder()
	a := &Ask{pages: p, w: w, r: httptest.NewRequest("GET", "/", nil)}
	a.begun(signin.Next{Secret: identity.NewSecret(identity.CeremonyPrefix).Reveal(), Want: []string{"totp", "recovery-code"}})
	a.r.Header.Set("Cookie", strings.Split(w.Header().Get("Set-Cookie"), ";")[0])
	n, ok := a.under()
	if !ok || !strings.HasPrefix(n.Secret, "bnc_") || strings.Join(n.Want, " ") != "totp recovery-code" {
		t.Errorf("%v %v", n, ok)
	}
	a.r.Header.Set("Cookie", "bonded-begun=nonsense")
	if _, ok := a.under(); ok {
		t.Error("nonsense is taken for a sign-in")
	}
}
