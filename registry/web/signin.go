package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/signin"
)

// began says why a route that stores something has no event of its own.
const began = "begins what expires within minutes; the event is that of its end"

// signInRoutes are signing in and out.
//
//	/signin            a passkey, and that is all; or
//	/signin/password   -> /signin/code (a code, a recovery code, or a passkey)
//	                   -> /signin/device, when the device is new: a mail is opened,
//	                      and the sign-in goes on in the browser where it began
//
// What a sign-in that is under way needs to go on is the cookie "begun", so that
// its pages can be opened again and nobody who sees an address can take it over.
func (p *Pages) signInRoutes() []Route {
	const events = "signin.ok signin.device signin.refuse signin.slow"
	return []Route{
		{Method: "GET", Path: "/signin", Need: Anyone, Do: p.signInPage},
		{Method: "POST", Path: "/signin/passkey/options", Need: Anyone, Events: "-", Why: began, JSON: true, Do: p.passkeyOptions},
		{Method: "POST", Path: "/signin/passkey", Need: Anyone, Events: events, Do: p.passkey},
		{Method: "POST", Path: "/signin/password", Need: Anyone, Events: events + " password.breached", Do: p.password},
		{Method: "GET", Path: "/signin/code", Need: Anyone, Do: p.codePage},
		{Method: "POST", Path: "/signin/code", Need: Anyone, Events: events + " recovery.code-used", Do: p.code},
		{Method: "POST", Path: "/signin/key/options", Need: Anyone, Events: "-", Why: began, JSON: true, Do: p.keyOptions},
		{Method: "POST", Path: "/signin/key", Need: Anyone, Events: events, Do: p.key},
		{Method: "GET", Path: "/signin/device", Need: Anyone, Do: p.devicePage},
		{Method: "POST", Path: "/signin/resume", Need: Anyone, Events: events, Do: p.resume},
		{Method: "GET", Path: "/signin/device/{link}", Need: Anyone, Do: p.deviceLink},
		{Method: "POST", Path: "/signin/device", Need: Anyone, Events: "signin.device", Do: p.confirmDevice},
		{Method: "POST", Path: "/signout", Need: Anyone, Events: "session.end", Do: p.signOut},
	}
}

func (p *Pages) signInPage(a *Ask) error {
	if a.Session != nil {
		a.Redirect(a.next())
		return nil
	}
	return a.Show("signin", a.signInView())
}

func (a *Ask) signInView() View {
	return View{"Next": a.next(), "User": a.Form("user"), "Open": a.pages.SignIn.Open}
}

func (p *Pages) passkeyOptions(a *Ask) error {
	return a.Begin(p.SignIn.BeginPasskey(a.Context(), a.Visit))
}

func (p *Pages) passkey(a *Ask) error {
	in, err := p.SignIn.FinishPasskey(a.Context(), a.Form("secret"), []byte(a.Form("response")), a.Visit)
	if err != nil {
		return a.Again(err, "signin", a.signInView())
	}
	return a.signedIn(in)
}

// signedIn gives the browser its cookies and leads on.
func (a *Ask) signedIn(in signin.SignedIn) error {
	a.SetSession(in.Cookie)
	a.SetDevice(in.Device)
	a.begun(signin.Next{})
	a.Redirect(a.next())
	return nil
}

// begunLife is how long a sign-in may be under way, seconds.
const begunLife = 15 * 60

// begun remembers a sign-in that needs one thing more; the zero Next forgets it.
func (a *Ask) begun(n signin.Next) {
	if n.Secret == "" {
		a.setCookie("begun", "", -1)
		return
	}
	a.setCookie("begun", strings.Join(n.Want, ".")+"~"+n.Secret, begunLife)
}

// under is the sign-in that is under way in this browser.
func (a *Ask) under() (signin.Next, bool) {
	c, err := a.r.Cookie(a.pages.cookieName("begun"))
	if err != nil {
		return signin.Next{}, false
	}
	want, secret, ok := strings.Cut(c.Value, "~")
	return signin.Next{Secret: secret, Want: strings.Split(want, ".")}, ok && secret != ""
}

// errNothingBegun is for whoever comes in the middle of a sign-in without its
// beginning.
func errNothingBegun() error {
	return bonded.Errorf(bonded.Unauthorized, "no sign-in is under way in this browser, or it took too long; begin again at /signin")
}

func (p *Pages) password(a *Ask) error {
	// A password may begin or end with a blank.
	next, err := p.SignIn.Password(a.Context(), a.Form("user"), a.r.PostForm.Get("password"), a.Visit)
	if err != nil {
		return a.Again(err, "signin", a.signInView())
	}
	return a.goOn(next)
}

// goOn leads to the page for what a sign-in still wants.
func (a *Ask) goOn(next signin.Next) error {
	a.begun(next)
	page := "/signin/code"
	if slices.Contains(next.Want, "device") {
		page = "/signin/device"
	}
	a.Redirect(page + "?next=" + url.QueryEscape(a.next()))
	return nil
}

func (p *Pages) codePage(a *Ask) error {
	under, ok := a.under()
	if !ok {
		a.Redirect("/signin?next=" + url.QueryEscape(a.next()))
		return nil
	}
	return a.Show("signin-code", a.codeView(under))
}

func (a *Ask) codeView(n signin.Next) View {
	return View{
		"Next": a.next(), "TOTP": slices.Contains(n.Want, "totp"),
		"Recovery": slices.Contains(n.Want, "recovery-code"), "Key": slices.Contains(n.Want, "passkey"),
	}
}

func (p *Pages) code(a *Ask) error {
	under, ok := a.under()
	if !ok {
		return errNothingBegun()
	}
	in, next, err := p.SignIn.Code(a.Context(), under.Secret, a.Form("code"), a.Visit)
	switch {
	case err != nil:
		return a.Again(err, "signin-code", a.codeView(under))
	case in.Cookie == (identity.Secret{}):
		return a.goOn(next)
	}
	return a.signedIn(in)
}

func (p *Pages) keyOptions(a *Ask) error {
	under, ok := a.under()
	if !ok {
		return errNothingBegun()
	}
	options, err := p.SignIn.BeginKey(a.Context(), under.Secret)
	return a.Begin(options, "", err) // what continues it is the cookie
}

func (p *Pages) key(a *Ask) error {
	under, ok := a.under()
	if !ok {
		return errNothingBegun()
	}
	in, err := p.SignIn.FinishKey(a.Context(), under.Secret, []byte(a.Form("response")), a.Visit)
	if err != nil {
		return a.Again(err, "signin-code", a.codeView(under))
	}
	return a.signedIn(in)
}

func (p *Pages) devicePage(a *Ask) error {
	if _, ok := a.under(); !ok {
		a.Redirect("/signin")
		return nil
	}
	return a.Show("signin-device", View{"Next": a.next()})
}

func (p *Pages) resume(a *Ask) error {
	under, ok := a.under()
	if !ok {
		return errNothingBegun()
	}
	in, err := p.SignIn.Resume(a.Context(), under.Secret, a.Visit)
	if err != nil {
		return a.Again(err, "signin-device", View{"Next": a.next()})
	}
	return a.signedIn(in)
}

// deviceLink is where the link of the mail leads. Mail scanners open links, so
// opening it does nothing; the button does.
func (p *Pages) deviceLink(a *Ask) error {
	return a.Show("signin-link", View{"Link": a.PathValue("link")})
}

func (p *Pages) confirmDevice(a *Ask) error {
	if err := p.SignIn.ConfirmDevice(a.Context(), a.Form("link")); err != nil {
		return err
	}
	if _, ok := a.under(); ok {
		a.Done("/signin/device", "The device is confirmed.")
		return nil
	}
	return a.Show("message", View{
		"Title": "The device is confirmed",
		"Text":  "Go back to the browser where you began to sign in and press “Continue” there. Nothing else happens here.",
	})
}

func (p *Pages) signOut(a *Ask) error {
	a.EndSession()
	if a.Session != nil {
		if err := p.SignIn.SignOut(a.Context(), a.Session, a.Session.ID); err != nil {
			return err
		}
	}
	http.Redirect(a.w, a.r, "/signin", http.StatusSeeOther)
	return nil
}
