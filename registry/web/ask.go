package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/signin"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Ask is one request to a route: who asks, what was sent, and how to answer.
type Ask struct {
	Session *signin.Session // nil: nobody signed in
	Visit   signin.Visit

	pages *Pages
	route Route
	w     http.ResponseWriter
	r     *http.Request
}

// Context is the request's.
func (a *Ask) Context() context.Context { return a.r.Context() }

// Form is a field of the form or the query, without blanks around it.
func (a *Ask) Form(name string) string { return strings.TrimSpace(a.r.Form.Get(name)) }

// FormAll is every value of a field.
func (a *Ask) FormAll(name string) []string { return a.r.Form[name] }

// PathValue is a wildcard of the route's path.
func (a *Ask) PathValue(name string) string { return a.r.PathValue(name) }

// begin reads the cookies.
func (a *Ask) begin(ctx context.Context) {
	a.Visit = signin.Visit{Network: identity.NetworkOf(a.r.RemoteAddr), Label: label(a.r.UserAgent())}
	if c, err := a.r.Cookie(a.pages.cookieName("device")); err == nil {
		a.Visit.Device = c.Value
	}
	c, err := a.r.Cookie(a.pages.cookieName("session"))
	if err != nil || a.pages.session == nil {
		return
	}
	s, rotated, err := a.pages.session(ctx, c.Value)
	if err != nil {
		return // as if nobody had signed in
	}
	a.Session = s
	if rotated != (identity.Secret{}) {
		a.SetSession(rotated)
	}
}

// cookieName binds a cookie to this host where browsers can be made to.
func (p *Pages) cookieName(what string) string {
	if strings.HasPrefix(p.URL, "https://") {
		return "__Host-bonded-" + what
	}
	return "bonded-" + what
}

const year = 365 * 24 * 60 * 60

// SetSession gives the browser its session.
func (a *Ask) SetSession(s identity.Secret) { a.setCookie("session", s.Reveal(), 0) }

// SetDevice lets the browser be known at the next sign-in.
func (a *Ask) SetDevice(s identity.Secret) {
	if s != (identity.Secret{}) {
		a.setCookie("device", s.Reveal(), year)
	}
}

// EndSession takes the session from the browser.
func (a *Ask) EndSession() { a.setCookie("session", "", -1) }

func (a *Ask) setCookie(what, value string, age int) {
	http.SetCookie(a.w, &http.Cookie{
		Name: a.pages.cookieName(what), Value: value, Path: "/", MaxAge: age, HttpOnly: true,
		Secure: strings.HasPrefix(a.pages.URL, "https://"), SameSite: http.SameSiteLaxMode,
	})
}

// Redirect leads the browser to another of our pages (303).
func (a *Ask) Redirect(path string) { http.Redirect(a.w, a.r, path, http.StatusSeeOther) }

// Done leads to another page, which shows a sentence above its content.
func (a *Ask) Done(path, says string) {
	a.setCookie("says", url.QueryEscape(says), 60)
	a.Redirect(path)
}

// says is the sentence that Done left, once.
func (a *Ask) says() string {
	c, err := a.r.Cookie(a.pages.cookieName("says"))
	if err != nil || c.Value == "" {
		return ""
	}
	a.setCookie("says", "", -1)
	text, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	return text
}

// here is where the request came to, to come back to: only paths of our own.
// Of a button it is the page that the button stood on.
func (a *Ask) here() string {
	if a.r.Method == http.MethodGet || a.r.Method == http.MethodHead {
		return a.r.URL.RequestURI()
	}
	u, err := url.Parse(a.r.Referer())
	if err != nil || u.Host != a.r.Host || !local(u.RequestURI()) || !a.pages.Owns(u.Path) {
		return "/account"
	}
	if a.route.Keep {
		u.RawQuery = a.r.PostForm.Encode()
	}
	return u.RequestURI()
}

// next is where a form said to go when it is done.
func (a *Ask) next() string {
	if n := a.Form("next"); local(n) {
		return n
	}
	return "/account"
}

// local says if a path leads nowhere but here. Browsers leave out tabs and ends of
// lines, so that "/<tab>/evil.example" is another host to them.
func local(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") &&
		!strings.ContainsRune(path, '\\') && !strings.ContainsFunc(path, unicode.IsControl)
}

// signIn answers that somebody has to sign in first.
func (a *Ask) signIn() {
	if a.r.Method == http.MethodGet {
		a.Redirect("/signin?next=" + url.QueryEscape(a.here()))
		return
	}
	a.refuse(http.StatusUnauthorized, View{
		"Title": "Sign in first",
		"Text":  "You are not signed in here any more, so nothing was changed. Sign in, then press the button again.",
		"Link":  "/signin?next=" + url.QueryEscape(a.here()), "LinkText": "Sign in",
	})
}

// enrolFirst answers that an account has to get its factors first.
func (a *Ask) enrolFirst() {
	if a.r.Method == http.MethodGet {
		a.Redirect("/account/security")
		return
	}
	a.refuse(http.StatusForbidden, View{
		"Title": "Finish setting up first",
		"Text":  "Until your account has what it needs to be safe, you can add to it and do nothing else. Nothing was changed.",
		"Link":  "/account/security", "LinkText": "Go on with the set-up",
	})
}

// confirm asks for a passkey, or where an account changes itself and has none,
// for what it has. A button that was pressed does nothing without it.
func (a *Ask) confirm() {
	if a.route.Need == Adding && a.cannotConfirm() {
		a.confirmAt("/account/confirm/code", "Confirm with password and code",
			"This changes how your account is opened, so it needs your password and a code, typed within the last five minutes.")
		return
	}
	a.confirmAt("/account/confirm", "Confirm with a passkey",
		"This changes who may do what, so it needs your passkey, used within the last five minutes.")
}

func (a *Ask) confirmAt(page, how, why string) {
	target := page + "?next=" + url.QueryEscape(a.here())
	if a.r.Method == http.MethodGet {
		a.Redirect(target)
		return
	}
	a.refuse(http.StatusUnauthorized, View{
		"Title": "Confirm that it is you",
		"Text":  why + " Nothing was changed. Confirm, then press the button again. (step_up_required) [step-up]",
		"Link":  target, "LinkText": how,
	})
}

func (a *Ask) operator() bool {
	u, err := a.pages.Keeper.User(a.Context(), a.Session.User)
	return err == nil && slices.Contains(u.Roles, "administrator")
}

// fail shows an error as a page.
func (a *Ask) fail(err error) {
	kind, _, public := bonded.Explain(err)
	if kind == bonded.Internal {
		// The pattern and not the path, which may hold the secret of a link.
		a.pages.Log.Error("a page failed", "page", a.route.Method+" "+a.route.Path, "err", err)
	}
	a.refuse(status(kind), View{"Title": "That did not work", "Text": sentence(public)})
}

// refuse answers with a message, in the words of whoever asked.
func (a *Ask) refuse(code int, v View) {
	if a.route.JSON {
		a.json(code, map[string]any{"error": v["Text"]})
		return
	}
	a.render(code, "message", v)
}

// Again shows a form once more because of what was typed: an error stands in
// v as "Problem", beside the field that "Field" names. What is no fault of the
// form is shown as a page.
func (a *Ask) Again(err error, page string, v View) error {
	kind, _, public := bonded.Explain(err)
	if kind == bonded.Internal || kind == bonded.NotFound {
		return err
	}
	v["Problem"] = sentence(public)
	a.render(status(kind), page, v)
	return nil
}

// Begin answers passkey.js with what a ceremony needs, or with the error.
func (a *Ask) Begin(options []byte, secret string, err error) error {
	if err != nil {
		return err
	}
	a.json(http.StatusOK, map[string]any{"options": jsontext.Value(options), "secret": secret})
	return nil
}

func (a *Ask) json(code int, v any) {
	a.w.Header().Set("Content-Type", "application/json")
	a.w.WriteHeader(code)
	if err := json.MarshalWrite(a.w, v, json.Deterministic(true)); err != nil {
		a.pages.Log.Warn("an answer was not sent whole", "err", err)
	}
}

// sentence makes an error's text one: errors begin small and end with nothing.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.ContainsRune(".!?)]", rune(text[len(text)-1])) {
		text += "."
	}
	return text
}

// status is what a kind of error is in HTTP.
func status(k bonded.Kind) int {
	switch k {
	case bonded.Invalid:
		return http.StatusBadRequest
	case bonded.Unauthorized:
		return http.StatusUnauthorized
	case bonded.Forbidden, bonded.Refused:
		return http.StatusForbidden
	case bonded.NotFound:
		return http.StatusNotFound
	case bonded.Conflict:
		return http.StatusConflict
	case bonded.TooLarge:
		return http.StatusRequestEntityTooLarge
	case bonded.Unsupported:
		return http.StatusNotImplemented
	case bonded.Unavailable:
		return http.StatusServiceUnavailable
	case bonded.TooMany:
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}

// label says browser and system in a few words, too coarse to follow anybody.
func label(agent string) string {
	first := func(words ...[2]string) string {
		for _, w := range words {
			if strings.Contains(agent, w[0]) {
				return w[1]
			}
		}
		return ""
	}
	browser := first([2]string{"Edg/", "Edge"}, [2]string{"Firefox/", "Firefox"}, [2]string{"Chrome/", "Chrome"}, [2]string{"Safari/", "Safari"})
	system := first([2]string{"Windows", "Windows"}, [2]string{"Android", "Android"}, [2]string{"iPhone", "iOS"}, [2]string{"iPad", "iOS"},
		[2]string{"Mac OS", "macOS"}, [2]string{"Linux", "Linux"})
	switch {
	case browser == "":
		return "a program"
	case system == "":
		return browser
	}
	return browser + " on " + system
}
