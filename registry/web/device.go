package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/login"
)

// deviceRoutes are where a person lets a program act: a log-in, whose code is
// typed here, and the confirmation of one action. Opening an address that a
// stranger sent shows nothing that could be pressed: of a log-in the code has to
// be typed first, and a confirmation belongs to the account whose token was used.
//
// The last two are the same proof without a program that can wait for it.
func (p *Pages) deviceRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/device", Need: Full, Do: p.letInPage},
		{Method: "POST", Path: "/device", Need: Full, Events: "login.ask", Do: p.letInCode},
		{Method: "GET", Path: "/device/login/{code}", Need: Fresh, Do: p.loginPage},
		{Method: "POST", Path: "/device/login/{code}/allow", Need: Fresh, Events: "login.allow", Do: p.allowLogin},
		{Method: "POST", Path: "/device/login/{code}/refuse", Need: Full, Events: "login.refuse", Do: p.refuseLogin},
		{Method: "GET", Path: "/device/confirm/{id}", Need: Fresh, Do: p.proofPage},
		{Method: "POST", Path: "/device/confirm/{id}/allow", Need: Fresh, Events: "login.allow", Do: p.allowProof},
		{Method: "POST", Path: "/device/confirm/{id}/refuse", Need: Full, Events: "login.refuse", Do: p.refuseProof},
		{Method: "GET", Path: "/account/proof", Need: Fresh, Do: p.proofCodePage},
		{Method: "POST", Path: "/account/proof", Need: Fresh, Events: "stepup.ok", Keep: true, Do: p.makeProof},
	}
}

func (p *Pages) letInPage(a *Ask) error {
	return a.Show("device", View{"Given": login.ReadCode(a.Form("code")) != ""})
}

// letInCode takes the code from the form alone: one in the address was typed by
// nobody.
func (p *Pages) letInCode(a *Ask) error {
	code := login.ReadCode(a.r.PostForm.Get("code"))
	if code == "" {
		return a.Again(bonded.Errorf(bonded.Invalid, "a code has eight letters, such as BCDF-GHJK"), "device", View{"Given": false})
	}
	if err := p.Logins.Claim(a.Context(), a.Session.User, code); err != nil {
		return a.Again(err, "device", View{"Given": false})
	}
	a.Redirect("/device/login/" + url.PathEscape(code))
	return nil
}

// askedScope is one thing that a program asks for, as a form shows it.
type askedScope struct {
	Actions []option
	Target  string // ECOSYSTEM/PATTERN, or a star
}

// loginView shows a log-in: what is asked for, or what was typed.
func (p *Pages) loginView(a *Ask) (v View, q login.Question, err error) {
	code := login.ReadCode(a.PathValue("code"))
	q, err = p.Logins.Look(a.Context(), a.Session.User, login.Code(code), a.Visit.Network)
	if err != nil {
		return nil, q, err
	}
	typed := a.r.Method == "POST"
	var asked []askedScope
	for i, s := range q.Scopes {
		one := askedScope{Target: targetOf(s)}
		chosen := a.FormAll(fmt.Sprintf("actions%d", i))
		for _, act := range s.Actions {
			o := actionOption(act)
			if typed {
				o.Chosen = slices.Contains(chosen, o.Value)
			}
			one.Actions = append(one.Actions, o)
		}
		if typed {
			one.Target = a.Form(fmt.Sprintf("target%d", i))
		}
		asked = append(asked, one)
	}
	days := []option{{Value: "1", Text: "One day", Chosen: a.Form("days") != "7"}, {Value: "7", Text: "Seven days", Chosen: a.Form("days") == "7"}}
	return View{"Code": code, "Asks": q, "Scopes": asked, "Lives": days, "Waits": q.State == login.Waits, "Ago": ago(p.Now().Sub(q.Asked))}, q, nil
}

func targetOf(s identity.Scope) string {
	_, target, _ := strings.Cut(s.String(), ":")
	return target
}

// actionOption is an action in a form, chosen when daily work needs it.
func actionOption(a bonded.Action) option {
	texts := map[bonded.Action]option{
		bonded.ActRead:    {Text: "Read", Chosen: true},
		bonded.ActPublish: {Text: "Publish new releases", Chosen: true},
		bonded.ActTag:     {Text: "Move tags", Help: "for example which release is “latest”", Chosen: true},
		bonded.ActYank:    {Text: "Yank and deprecate", Help: "and take it back; nothing is deleted", Chosen: true},
		bonded.ActDelete:  {Text: "Delete releases", Help: "in the first 15 minutes; later your passkey confirms each time"},
		bonded.ActOwner:   {Text: "Change owners", Help: "your passkey confirms each time"},
		bonded.ActPolicy:  {Text: "Change how packages may be published", Help: "your passkey confirms each time"},
	}
	o := texts[a]
	o.Value = string(a)
	if o.Text == "" {
		o.Text = o.Value
	}
	return o
}

func ago(d time.Duration) string {
	switch m := int(d / time.Minute); {
	case m < 1:
		return "less than a minute ago"
	case m == 1:
		return "a minute ago"
	default:
		return strconv.Itoa(m) + " minutes ago"
	}
}

func (p *Pages) loginPage(a *Ask) error {
	v, _, err := p.loginView(a)
	if err != nil {
		return err
	}
	return a.Show("device-login", v)
}

func (p *Pages) allowLogin(a *Ask) error {
	f, err := p.SignIn.Factors(a.Context(), a.Session.User)
	if err != nil {
		return err
	}
	if !f.Enough() {
		return errFactors()
	}
	v, q, err := p.loginView(a)
	if err != nil {
		return err
	}
	scopes, ttl, err := p.granted(a, q)
	if err == nil {
		err = p.Logins.Allow(a.Context(), a.Session.User, a.PathValue("code"), scopes, ttl)
	}
	if err != nil {
		return a.Again(err, "device-login", v)
	}
	return a.Show("message", View{"Title": "You can go back to your program", "Link": "/account/tokens", "LinkText": "Your tokens",
		"Text": "It fetches its token by itself within seconds. You see the token in your list, and can revoke it there at any time."})
}

func errFactors() error {
	return bonded.Refusal(bonded.Forbidden, "mfa-required-all", "whoever publishes needs a passkey, or a password and an authenticator app; add one at /account/security")
}

// granted reads what the person leaves of what was asked for.
func (p *Pages) granted(a *Ask, q login.Question) (list []identity.Scope, ttl time.Duration, err error) {
	days := a.Form("days")
	if days != "1" && days != "7" {
		return nil, 0, bonded.Errorf(bonded.Invalid, "choose how long the program may act: one day or seven")
	}
	ttl = 24 * time.Hour
	if days == "7" {
		ttl *= 7
	}
	for i := range q.Scopes {
		actions := slices.DeleteFunc(slices.Clone(a.FormAll(fmt.Sprintf("actions%d", i))), func(s string) bool { return s == "" })
		if len(actions) == 0 {
			continue
		}
		s, err := p.target(strings.Join(actions, ","), a.Form(fmt.Sprintf("target%d", i)))
		if err != nil {
			return nil, 0, err
		}
		list = append(list, s)
	}
	return list, ttl, nil
}

// target makes a scope of actions and ECOSYSTEM/PATTERN; a name is spelled as its
// ecosystem does.
func (p *Pages) target(actions, target string) (identity.Scope, error) {
	if eco, name, ok := strings.Cut(target, "/"); ok && !strings.Contains(name, "*") {
		n, err := p.nameOf(eco, name)
		if err != nil {
			return identity.Scope{}, err
		}
		target = n.Ecosystem + "/" + n.Key
	}
	return identity.ParseScope(actions + ":" + target)
}

func (p *Pages) refuseLogin(a *Ask) error {
	return p.refused(a, login.Code(a.PathValue("code")))
}

func (p *Pages) refuseProof(a *Ask) error { return p.refused(a, login.Proof(a.PathValue("id"))) }

func (p *Pages) refused(a *Ask, k login.Key) error {
	if err := p.Logins.Refuse(a.Context(), a.Session.User, k); err != nil {
		return err
	}
	return a.Show("message", View{"Title": "It was refused", "Link": "/account/journal", "LinkText": "Your journal",
		"Text": "The program gets nothing. If you did not start it, somebody tried to make you let them in: tell your administrator what brought you to this page."})
}

func (p *Pages) proofPage(a *Ask) error {
	q, err := p.Logins.Look(a.Context(), a.Session.User, login.Proof(a.PathValue("id")), a.Visit.Network)
	if err != nil {
		return err
	}
	return a.Show("device-confirm", View{"ID": a.PathValue("id"), "Asks": q, "Does": deed(q.Action), "Waits": q.State == login.Waits, "Ago": ago(p.Now().Sub(q.Asked))})
}

// deed says an action in words that come before the name of a package.
func deed(a bonded.Action) string {
	switch a {
	case bonded.ActDelete:
		return "Delete releases of"
	case bonded.ActOwner:
		return "Change the owners of"
	case bonded.ActPolicy:
		return "Change how to publish"
	}
	return "Change (" + string(a) + ")"
}

func (p *Pages) allowProof(a *Ask) error {
	if err := p.Logins.Confirm(a.Context(), a.Session.User, a.PathValue("id")); err != nil {
		return err
	}
	return a.Show("message", View{"Title": "You can go back to your program", "Text": "It goes on by itself within seconds. What you confirmed is good for this one action.",
		"Link": "/account/journal", "LinkText": "Your journal"})
}

// proofForm is the form for a code: what was typed.
func (p *Pages) proofForm(a *Ask) View {
	v := View{"pattern": a.Form("pattern")}
	var ecos, actions []option
	for i, s := range p.Setups {
		ecos = append(ecos, option{s.ID, s.Clients, "", s.ID == a.Form("ecosystem") || a.Form("ecosystem") == "" && i == 0})
	}
	for i, act := range []bonded.Action{bonded.ActDelete, bonded.ActOwner, bonded.ActPolicy} {
		o := actionOption(act)
		o.Help, o.Chosen = "", o.Value == a.Form("action") || a.Form("action") == "" && i == 0
		actions = append(actions, o)
	}
	v["Ecosystems"], v["Actions"] = ecos, actions
	return v
}

func (p *Pages) proofCodePage(a *Ask) error { return a.Show("account-proof", p.proofForm(a)) }

func (p *Pages) makeProof(a *Ask) error {
	action := bonded.Action(a.Form("action"))
	n, err := p.nameOf(a.Form("ecosystem"), a.Form("pattern"))
	if err == nil && action != bonded.ActDelete && action != bonded.ActOwner && action != bonded.ActPolicy {
		err = bonded.Errorf(bonded.Invalid, "choose what the code is for")
	}
	var proof string
	if err == nil {
		proof, err = p.SignIn.IssueProof(a.Context(), a.Session, action, n)
	}
	if err != nil {
		return a.Again(err, "account-proof", p.proofForm(a))
	}
	return a.Show("account-proof-made", View{"Proof": proof, "Does": deed(action), "Package": n.String()})
}
