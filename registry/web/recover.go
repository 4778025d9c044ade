package web

import (
	"net/url"
	"time"

	"bonded.dev/registry/waiting"
)

// recoverRoutes are the way back for somebody who cannot sign in, and links
// that prove an address. Nobody's staff is part of it: see /policies/recovery.
func (p *Pages) recoverRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/recover", Need: Anyone, Do: p.recoverPage},
		{Method: "POST", Path: "/recover", Need: Anyone, Events: "-",
			Why: "only sends a link to the address of the account; the event is that of using it", Do: p.askRecovery},
		{Method: "GET", Path: "/recover/{link}", Need: Anyone, Do: p.recoverLink},
		{Method: "POST", Path: "/recover/begin", Need: Anyone, Events: "recovery.ask recovery.code-used", Do: p.recover},
		{Method: "GET", Path: "/recover/vouch/{id}", Need: Fresh, Do: p.vouchPage},
		{Method: "POST", Path: "/recover/vouch/{id}", Need: Fresh, Events: "recovery.vouch", Do: p.vouch},
		{Method: "GET", Path: "/email/{link}", Need: Anyone, Do: p.emailLink},
		{Method: "POST", Path: "/email", Need: Anyone, Events: "email.verify email.ask user.unfreeze", Do: p.verifyEmail},
		{Method: "GET", Path: "/policies/recovery", Need: Anyone, Do: func(a *Ask) error {
			return a.Show("policy-recovery", View{"Days": days(waiting.DefaultDelay)})
		}},
	}
}

// days is a waiting time in whole days, for prose.
func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

func (p *Pages) recoverPage(a *Ask) error {
	return a.Show("recover", View{"User": ""})
}

func (p *Pages) askRecovery(a *Ask) error {
	user := a.Form("user")
	if err := p.SignIn.AskRecovery(a.Context(), user, a.Visit); err != nil {
		return a.Again(err, "recover", View{"User": user})
	}
	return a.Show("message", View{
		"Title": "Look into your mail",
		"Text":  "If there is such an account and its address was proven, a mail with a link is on its way to that address. This page says the same for every name.",
	})
}

func (p *Pages) recoverLink(a *Ask) error {
	v, err := p.recoveryView(a, a.PathValue("link"))
	if err != nil {
		return err
	}
	return a.Show("recover-link", v)
}

// recoveryView is how far the recovery of a link has come.
func (p *Pages) recoveryView(a *Ask, link string) (View, error) {
	r, err := p.SignIn.Recovery(a.Context(), link)
	if err != nil {
		return nil, err
	}
	v := View{"Link": link, "Days": days(waiting.DefaultDelay), "Recovery": r, "Vouch": ""}
	if r.ID != "" {
		v["Vouch"] = p.URL + "recover/vouch/" + r.ID
	}
	return v, nil
}

func (p *Pages) recover(a *Ask) error {
	link := a.Form("link")
	due, err := p.SignIn.Recover(a.Context(), link, a.Form("code"))
	if err == nil && due.IsZero() {
		a.Redirect("/recover/" + url.PathEscape(link)) // which shows what the owners need
		return nil
	}
	if err != nil {
		v, gone := p.recoveryView(a, link)
		if gone != nil {
			return err
		}
		return a.Again(err, "recover-link", v)
	}
	return a.Show("message", View{
		"Title": "The recovery has begun",
		"Text":  "On " + moment(due) + " a mail with an enrolment link follows. Until then everybody with access to the account was told and can cancel.",
	})
}

func (p *Pages) vouchPage(a *Ask) error {
	user, err := p.SignIn.Asks(a.Context(), a.Session, a.PathValue("id"))
	if err != nil {
		return err
	}
	return a.Show("recover-vouch", View{"ID": a.PathValue("id"), "User": user})
}

func (p *Pages) vouch(a *Ask) error {
	due, err := p.SignIn.Vouch(a.Context(), a.Session, a.PathValue("id"))
	if err != nil {
		return err
	}
	text := "One more owner has to vouch before the waiting time begins."
	if !due.IsZero() {
		text = "That was the second word. The account is handed over on " + moment(due) + ", unless somebody cancels."
	}
	return a.Show("message", View{"Title": "Your word was taken down", "Text": text})
}

func (p *Pages) emailLink(a *Ask) error {
	return a.Show("email-link", View{"Link": a.PathValue("link")})
}

func (p *Pages) verifyEmail(a *Ask) error {
	user, err := p.SignIn.VerifyEmail(a.Context(), a.Form("link"))
	if err != nil {
		return err
	}
	return a.Show("message", View{
		"Title": "The address is proven",
		"Text":  "It belongs to the account " + user + ". If you asked for a change of address, it takes effect after the waiting time, which the page “Signing in” of the account shows.",
		"Link":  "/account/security", "LinkText": "Go to the account",
	})
}
