package web

import (
	"bytes"
	"encoding/base64"
	"html/template"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// factorRoutes add and remove what an account shows that it is somebody.
// Adding is open to a session that came from an enrolment or recovery link;
// everybody else shows a passkey first, or types password and code where there is
// none that counts.
func (p *Pages) factorRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/account/passkeys", Need: Adding, Do: p.passkeyPage},
		{Method: "POST", Path: "/account/passkeys/options", Need: Adding, Events: "-", Why: began, JSON: true, Do: p.addOptions},
		{Method: "POST", Path: "/account/passkeys", Need: Adding, Events: "passkey.add", Do: p.addPasskey},
		{Method: "GET", Path: "/account/passkeys/{id}/remove", Need: Adding, Do: p.removePasskeyPage},
		{Method: "POST", Path: "/account/passkeys/{id}/remove", Need: Adding, Events: "passkey.ask-remove passkey.remove", Do: p.removePasskey},
		{Method: "GET", Path: "/account/totp", Need: Adding, Do: p.totpPage},
		{Method: "POST", Path: "/account/totp/begin", Need: Adding, Events: "-", Why: began, Do: p.beginTOTP},
		{Method: "POST", Path: "/account/totp", Need: Adding, Events: "totp.add", Do: p.addTOTP},
		{Method: "POST", Path: "/account/totp/remove", Need: Fresh, Events: "totp.ask-remove totp.remove", Do: p.removeTOTP},
		{Method: "GET", Path: "/account/codes", Need: Adding, Do: p.codesPage},
		{Method: "POST", Path: "/account/codes", Need: Adding, Events: "recovery.codes", Do: p.newCodes},
		{Method: "GET", Path: "/account/password", Need: Adding, Do: p.passwordPage},
		{Method: "POST", Path: "/account/password", Need: Adding, Events: "password.set", Do: p.setPassword},
		{Method: "POST", Path: "/account/password/remove", Need: Fresh, Events: "password.remove", Do: p.removePassword},
		{Method: "GET", Path: "/account/email", Need: Adding, Do: p.emailPage},
		{Method: "POST", Path: "/account/email", Need: Adding, Events: "-",
			Why: "only sends a link to the new address; the event is that of using it", Do: p.setEmail},
	}
}

func (p *Pages) passkeyPage(a *Ask) error {
	return a.Show("account-passkey", View{"Label": a.Visit.Label})
}

func (p *Pages) addOptions(a *Ask) error {
	return a.Begin(p.SignIn.BeginAdd(a.Context(), a.Session))
}

func (p *Pages) addPasskey(a *Ask) error {
	label := a.Form("label")
	err := p.SignIn.FinishAdd(a.Context(), a.Session, a.Form("secret"), label, []byte(a.Form("response")))
	if err != nil {
		return a.Again(err, "account-passkey", View{"Label": label})
	}
	a.Done("/account/security", "The passkey was added.")
	return nil
}

// own finds one of the asker's passkeys by the id in the path.
func (a *Ask) own() (k record.Passkey, others int, err error) {
	none := bonded.Errorf(bonded.NotFound, "you have no such passkey; it may have been removed before")
	id, err := base64.RawURLEncoding.DecodeString(a.PathValue("id"))
	if err != nil {
		return k, 0, none
	}
	f, err := a.pages.SignIn.Factors(a.Context(), a.Session.User)
	if err != nil {
		return k, 0, err
	}
	for _, k := range f.Passkeys {
		if bytes.Equal(k.ID, id) {
			return k, len(f.Passkeys) - 1, nil
		}
	}
	return k, 0, none
}

func (p *Pages) removePasskeyPage(a *Ask) error {
	k, others, err := a.own()
	if err != nil {
		return err
	}
	return a.Show("account-remove-passkey", View{"Passkey": k, "Others": others, "ID": a.PathValue("id")})
}

func (p *Pages) removePasskey(a *Ask) error {
	k, others, err := a.own()
	if err != nil {
		return err
	}
	due, err := p.SignIn.RemovePasskey(a.Context(), a.Session, k.ID)
	if err != nil {
		return a.Again(err, "account-remove-passkey", View{"Passkey": k, "Others": others, "ID": a.PathValue("id")})
	}
	if due.IsZero() {
		a.Done("/account/security", "The passkey was removed.")
		return nil
	}
	a.Done("/account/security", "The passkey will be removed on "+moment(due)+". Until then you can cancel it here.")
	return nil
}

func (p *Pages) totpPage(a *Ask) error {
	f, err := p.SignIn.Progress(a.Context(), a.Session)
	if err != nil {
		return err
	}
	return a.Show("account-totp", View{"TOTP": f.TOTP, "Password": f.Password})
}

func (p *Pages) beginTOTP(a *Ask) error {
	uri, png, secret, err := p.SignIn.BeginTOTP(a.Context(), a.Session)
	if err != nil {
		return err
	}
	return a.Show("account-totp-code", totpView(uri, base64.StdEncoding.EncodeToString(png), secret))
}

// totpView carries the picture along, so that a mistyped code does not cost it.
func totpView(uri, picture, secret string) View {
	v := View{"URI": uri, "Picture": picture, "Secret": secret, "Seed": seedOf(uri)}
	if png, err := base64.StdEncoding.DecodeString(picture); err == nil && bytes.HasPrefix(png, []byte("\x89PNG\r\n")) {
		v["Source"] = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
	}
	return v
}

func (p *Pages) addTOTP(a *Ask) error {
	secret := a.Form("secret")
	if err := p.SignIn.FinishTOTP(a.Context(), a.Session, secret, a.Form("code")); err != nil {
		return a.Again(err, "account-totp-code", totpView(a.Form("uri"), a.Form("picture"), secret))
	}
	f, err := p.SignIn.Progress(a.Context(), a.Session)
	if err == nil && f.Password.IsZero() {
		a.Done("/account/password", "The authenticator app was added. It is used together with a password: choose one now.")
		return nil
	}
	a.Done("/account/security", "The authenticator app was added.")
	return nil
}

func (p *Pages) removeTOTP(a *Ask) error {
	due, err := p.SignIn.RemoveTOTP(a.Context(), a.Session)
	if err != nil {
		return err
	}
	if due.IsZero() {
		a.Done("/account/security", "The authenticator app was removed.")
		return nil
	}
	a.Done("/account/security", "The authenticator app will be removed on "+moment(due)+". Until then you can cancel it here.")
	return nil
}

func (p *Pages) codesPage(a *Ask) error {
	f, err := p.SignIn.Progress(a.Context(), a.Session)
	if err != nil {
		return err
	}
	return a.Show("account-codes", View{"Left": f.Codes})
}

func (p *Pages) newCodes(a *Ask) error {
	codes, err := p.SignIn.NewCodes(a.Context(), a.Session)
	if err != nil {
		return err
	}
	return a.Show("account-codes", View{"Codes": codes, "User": a.Session.User, "URL": p.URL})
}

func (p *Pages) passwordView(a *Ask) (View, error) {
	f, err := p.SignIn.Progress(a.Context(), a.Session)
	if err != nil {
		return nil, err
	}
	return View{"User": a.Session.User, "Password": f.Password, "Removable": !f.Password.IsZero() && len(f.Passkeys) > 0 && !a.Session.Enrolling}, nil
}

func (p *Pages) passwordPage(a *Ask) error {
	v, err := p.passwordView(a)
	if err != nil {
		return err
	}
	return a.Show("account-password", v)
}

func (p *Pages) setPassword(a *Ask) error {
	v, err := p.passwordView(a)
	if err != nil {
		return err
	}
	if err := p.SignIn.SetPassword(a.Context(), a.Session, a.r.PostForm.Get("password")); err != nil {
		return a.Again(err, "account-password", v)
	}
	a.Done("/account/security", "The password was set.")
	return nil
}

func (p *Pages) removePassword(a *Ask) error {
	if err := p.SignIn.RemovePassword(a.Context(), a.Session); err != nil {
		return err
	}
	a.Done("/account/security", "The password was removed. Passkeys alone open the account now.")
	return nil
}

func (p *Pages) emailView(a *Ask) (View, error) {
	u, err := p.Keeper.User(a.Context(), a.Session.User)
	if err != nil {
		return nil, err
	}
	return View{"Email": u.Email, "Verified": u.Verified, "Frozen": u.Frozen, "Typed": a.Form("email")}, nil
}

func (p *Pages) emailPage(a *Ask) error {
	v, err := p.emailView(a)
	if err != nil {
		return err
	}
	return a.Show("account-email", v)
}

func (p *Pages) setEmail(a *Ask) error {
	v, err := p.emailView(a)
	if err != nil {
		return err
	}
	if err := p.SignIn.SetEmail(a.Context(), a.Session, a.Form("email")); err != nil {
		return a.Again(err, "account-email", v)
	}
	a.Done("/account/security", "A mail with a link went to "+a.Form("email")+". Open it to prove the address.")
	return nil
}
