package web

import "bonded.dev"

// enrolRoutes are how an account begins: with a link that an administrator
// made, or by signing up where that is open.
func (p *Pages) enrolRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/signup", Need: Anyone, Do: p.signUpPage},
		{Method: "POST", Path: "/signup", Need: Anyone, Events: "user.add", Do: p.signUp},
		{Method: "GET", Path: "/enrol/{link}", Need: Anyone, Do: p.enrolPage},
		{Method: "POST", Path: "/enrol", Need: Anyone, Events: "user.enrol", Do: p.enrol},
		{Method: "POST", Path: "/account/finish", Need: Enrolling, Events: "user.enrol recovery.done", Do: p.finish},
	}
}

func (p *Pages) signUpPage(a *Ask) error {
	return a.Show("signup", View{"Open": p.SignIn.Open, "User": "", "Email": ""})
}

func (p *Pages) signUp(a *Ask) error {
	if !p.SignIn.Open {
		return bonded.Errorf(bonded.Forbidden, "accounts here are made by the administrator; ask for an enrolment link")
	}
	user, email := a.Form("user"), a.Form("email")
	if err := p.SignIn.SignUp(a.Context(), user, email, a.Visit); err != nil {
		return a.Again(err, "signup", View{"Open": true, "User": user, "Email": email})
	}
	return a.Show("message", View{
		"Title": "Look into your mail",
		"Text": "If that name and address can be used, a mail with a link is on its way to " + email +
			". It is good for 24 hours. If nothing comes, look into the folder for spam, or try another name.",
	})
}

// enrolPage is where an enrolment link leads. Opening it spends nothing.
func (p *Pages) enrolPage(a *Ask) error {
	return a.Show("enrol", View{"Link": a.PathValue("link"), "User": a.user()})
}

// user is who is signed in here, or nobody.
func (a *Ask) user() string {
	if a.Session == nil {
		return ""
	}
	return a.Session.User
}

// enrol spends the link. It comes in the body, so that no log of requests holds it.
func (p *Pages) enrol(a *Ask) error {
	in, err := p.SignIn.Enrol(a.Context(), a.Form("link"), a.Visit)
	if err != nil {
		return err
	}
	a.SetSession(in.Cookie)
	a.SetDevice(in.Device)
	a.Redirect("/account/security")
	return nil
}

func (p *Pages) finish(a *Ask) error {
	cookie, err := p.SignIn.Finish(a.Context(), a.Session)
	if err != nil {
		return err
	}
	a.SetSession(cookie)
	a.Done("/account", "Your account is ready.")
	return nil
}
