package web

import (
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
)

// accountRoutes are the overview, the page about signing in, and the
// confirmation with a passkey that whatever changes authority asks for.
func (p *Pages) accountRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/account", Need: Full, Do: p.overview},
		{Method: "GET", Path: "/account/security", Need: Enrolling, Do: p.security},
		{Method: "GET", Path: "/account/confirm", Need: Full, Do: p.confirmPage},
		{Method: "POST", Path: "/account/confirm/options", Need: Full, Events: "-", Why: began, JSON: true, Do: p.confirmOptions},
		{Method: "POST", Path: "/account/confirm", Need: Full, Events: "stepup.ok", Do: p.confirmed},
		{Method: "GET", Path: "/account/confirm/code", Need: Full, Do: p.retypePage},
		{Method: "POST", Path: "/account/confirm/code", Need: Full, Events: "stepup.ok signin.refuse signin.slow recovery.code-used", Do: p.retyped},
		{Method: "POST", Path: "/account/changes/{id}/cancel", Need: Full, Events: "change.cancel", Do: p.cancelChange},
		{Method: "GET", Path: "/account/sessions", Need: Full, Do: p.sessions},
		{Method: "POST", Path: "/account/sessions/{id}/end", Need: Full, Events: "session.end", Do: p.endSession},
		{Method: "POST", Path: "/account/sessions/end-others", Need: Full, Events: "session.end-all", Do: p.endOthers},
	}
}

// Step is the one thing that somebody should do next for their account.
type Step struct {
	Title, Text    string
	Link, LinkText string
	// Finish says that the button ends the set-up instead of opening a page.
	Finish bool
}

const fewCodes = 3

// nextStep picks one: what is dangerous first, then what is missing, then what
// would hurt on the day that a device is lost. nil: nothing is left to do. Where
// no mail is sent nobody can prove an address.
func nextStep(f signin.Factors, u record.User, s *signin.Session, mail bool) *Step {
	passkey := Step{Title: "Add a passkey", Link: "/account/passkeys", LinkText: "Add a passkey",
		Text: "A passkey is your device, unlocked as always. It cannot be guessed, phished or taken from our database, and it is what confirms every change of importance."}
	codes := Step{Title: "Keep recovery codes", Link: "/account/codes", LinkText: "Make recovery codes",
		Text: "Ten codes on paper bring you back when your devices are gone. Without them, nobody can."}
	enrolling := s.Enrolling
	switch {
	case s.Needs == "address" || !u.Frozen.IsZero():
		return &Step{Title: "Prove your e-mail address again", Link: "/account/email", LinkText: "Prove an address",
			Text: "The domain of your address lapsed, so somebody else may read your mail. The account is frozen until you prove an address that you hold."}
	case s.Needs == "password" || !f.Breached.IsZero():
		return &Step{Title: "Choose another password", Link: "/account/password", LinkText: "Choose a password",
			Text: "Yours stands in a list of stolen passwords. Whoever has the list tries it first."}
	case len(f.Passkeys) == 0 && (enrolling || !f.Enough()):
		passkey.Text += " Without one you can have a password and an authenticator app, but some changes will stay closed to you."
		return &passkey
	case f.Codes == 0:
		return &codes
	case enrolling:
		return &Step{Title: "Finish", LinkText: "Finish the set-up", Finish: true,
			Text: "Your account has what it needs. You can add another passkey now, on a second device, or later."}
	case len(f.Passkeys) == 0:
		return &passkey
	case len(f.Passkeys) == 1:
		return &Step{Title: "Add a second passkey", Link: "/account/passkeys", LinkText: "Add a passkey",
			Text: "On another device, so that losing this one does not lock you out."}
	case f.Codes < fewCodes:
		codes.Text = "You have few left. New ones replace those."
		return &codes
	case !f.Email && mail:
		return &Step{Title: "Prove your e-mail address", Link: "/account/email", LinkText: "Prove the address",
			Text: "Warnings about your account go there, and recovery needs it."}
	}
	return nil
}

// standing is what the overview and the page about signing in have in common.
func (a *Ask) standing() (View, error) {
	p, s := a.pages, a.Session
	u, err := p.Keeper.User(a.Context(), s.User)
	if err != nil {
		return nil, err
	}
	f, err := p.SignIn.Progress(a.Context(), s)
	if err != nil {
		return nil, err
	}
	waits, err := p.Book.WaitingOfAccount(a.Context(), s.User)
	if err != nil {
		return nil, err
	}
	return View{
		"User": u, "Factors": f, "Waiting": waits, "Step": nextStep(f, u, s, p.SignIn.Send != nil),
		"Mail": p.SignIn.Send != nil, "Needs": s.Needs,
		"Enrolling": s.Enrolling, "Enough": f.Enough(), "Now": p.Now(),
	}, nil
}

func (p *Pages) overview(a *Ask) error {
	v, err := a.standing()
	if err != nil {
		return err
	}
	for _, l := range nav {
		if p.has(l.Path) {
			v["Places"] = append(places(v["Places"]), l)
		}
	}
	return a.Show("account", v)
}

func places(v any) []link {
	list, _ := v.([]link)
	return list
}

func (p *Pages) security(a *Ask) error {
	v, err := a.standing()
	if err != nil {
		return err
	}
	return a.Show("account-security", v)
}

// confirmPage asks for a passkey and leads back to where it was asked for.
func (p *Pages) confirmPage(a *Ask) error {
	return a.Show("account-confirm", p.confirmView(a))
}

func (p *Pages) confirmView(a *Ask) View {
	v := View{"Next": a.next(), "Can": true}
	f, err := p.SignIn.Factors(a.Context(), a.Session.User)
	if err != nil {
		return v // the button will say why
	}
	v["Can"], v["Since"] = canConfirm(f, p.Now())
	return v
}

// canConfirm says if an account has a passkey that counts, or from when on.
func canConfirm(f signin.Factors, now time.Time) (can bool, since time.Time) {
	for _, k := range f.Passkeys {
		if !k.Counts.After(now) {
			return true, time.Time{}
		}
		if since.IsZero() || k.Counts.Before(since) {
			since = k.Counts
		}
	}
	return false, since
}

func (p *Pages) confirmOptions(a *Ask) error {
	return a.Begin(p.SignIn.BeginStepUp(a.Context(), a.Session))
}

func (p *Pages) confirmed(a *Ask) error {
	cookie, err := p.SignIn.FinishStepUp(a.Context(), a.Session, a.Form("secret"), []byte(a.Form("response")))
	if err != nil {
		return a.Again(err, "account-confirm", p.confirmView(a))
	}
	a.SetSession(cookie)
	a.Redirect(a.next())
	return nil
}

// retypePage asks for password and code where there is no passkey to ask for.
func (p *Pages) retypePage(a *Ask) error {
	return a.Show("account-confirm-code", View{"Next": a.next(), "User": a.Session.User})
}

func (p *Pages) retyped(a *Ask) error {
	cookie, err := p.SignIn.Retype(a.Context(), a.Session, a.r.PostForm.Get("password"), a.Form("code"), a.Visit)
	if err != nil {
		return a.Again(err, "account-confirm-code", View{"Next": a.next(), "User": a.Session.User})
	}
	a.SetSession(cookie)
	a.Redirect(a.next())
	return nil
}

// cancelChange ends a change that waits for one's own account. To deny is easy.
func (p *Pages) cancelChange(a *Ask) error {
	w, err := p.Book.WaitingByID(a.Context(), a.PathValue("id"))
	if err == nil && w.Account != a.Session.User {
		err = bonded.Errorf(bonded.NotFound, "nothing of yours waits under this address")
	}
	if err != nil {
		return err
	}
	if err := p.Waiting.Cancel(a.Context(), w.ID, a.Session.User); err != nil {
		return err
	}
	a.Done("/account/security", "It was cancelled. If you did not ask for it, look at your sessions, and remove passkeys that you do not know.")
	return nil
}

func (p *Pages) sessions(a *Ask) error {
	list, err := p.SignIn.Sessions(a.Context(), a.Session)
	if err != nil {
		return err
	}
	return a.Show("account-sessions", View{"Sessions": list})
}

func (p *Pages) endSession(a *Ask) error {
	if err := p.SignIn.SignOut(a.Context(), a.Session, a.PathValue("id")); err != nil {
		return err
	}
	if a.PathValue("id") == a.Session.ID {
		a.EndSession()
		a.Redirect("/signin")
		return nil
	}
	a.Done("/account/sessions", "The session was ended.")
	return nil
}

func (p *Pages) endOthers(a *Ask) error {
	if err := p.SignIn.SignOutOthers(a.Context(), a.Session); err != nil {
		return err
	}
	a.Done("/account/sessions", "All other sessions were ended.")
	return nil
}
