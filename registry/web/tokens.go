package web

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// tokenRoutes are a person's access tokens: what there is, ending them, and
// making one. Making takes a fresh proof, ending does not.
func (p *Pages) tokenRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/account/tokens", Need: Full, Do: p.tokens},
		{Method: "POST", Path: "/account/tokens/{id}/revoke", Need: Full, Events: "token.revoke", Do: p.revokeToken},
		{Method: "GET", Path: "/account/tokens/new", Need: Fresh, Do: p.newTokenPage},
		{Method: "POST", Path: "/account/tokens/new", Need: Fresh, Events: "token.add", Keep: true, Do: p.newToken},
	}
}

// tokenRow is a token as its owner sees it.
type tokenRow struct {
	record.Token
	State string // empty: it works
}

func (p *Pages) tokens(a *Ask) error {
	list, err := p.Book.Tokens(a.Context(), a.Session.User)
	if err != nil {
		return err
	}
	var live, ended []tokenRow
	for _, t := range list {
		row := tokenRow{Token: t}
		switch {
		case !t.Revoked.IsZero():
			row.State = "revoked on " + moment(t.Revoked)
			if t.Why != "" {
				row.State += ": " + t.Why
			}
		case !p.Now().Before(t.Expires):
			row.State = "expired on " + moment(t.Expires)
		case t.Uses == 0:
			row.State = "used up"
		}
		if row.State == "" {
			live = append(live, row)
			continue
		}
		ended = append(ended, row)
	}
	return a.Show("account-tokens", View{"Live": live, "Ended": ended[:min(len(ended), 20)]})
}

func (p *Pages) revokeToken(a *Ask) error {
	t, err := p.Book.TokenByID(a.Context(), a.PathValue("id"))
	if err == nil && t.User != a.Session.User {
		err = bonded.Errorf(bonded.NotFound, "you have no such token")
	}
	if err != nil {
		return err
	}
	if err := p.Keeper.RevokeToken(a.Context(), t.ID, a.Session.User, "revoked by its owner"); err != nil {
		return err
	}
	a.Done("/account/tokens", "The token was revoked. It stops working everywhere within seconds.")
	return nil
}

// option is one choice of a form.
type option struct {
	Value, Text, Help string
	Chosen            bool
}

// tokenForm is the form for a token: what was typed, or what is usual.
func (p *Pages) tokenForm(a *Ask) View {
	v := View{"Enough": true}
	for _, name := range []string{"label", "pattern", "versions", "networks", "uses"} {
		v[name] = a.Form(name)
	}
	chosen := a.Form("ecosystem")
	var ecos []option
	for i, s := range p.Setups {
		ecos = append(ecos, option{s.ID, s.Clients, "", s.ID == chosen || chosen == "" && i == 0})
	}
	actions := []option{
		{Value: string(bonded.ActPublish), Text: "Publish new releases"},
		{Value: string(bonded.ActTag), Text: "Move tags", Help: "for example which release is “latest”"},
		{Value: string(bonded.ActYank), Text: "Yank and deprecate", Help: "and take it back; nothing is deleted"},
		{Value: string(bonded.ActDelete), Text: "Delete releases", Help: "only within 15 minutes of making the token"},
	}
	typed := a.FormAll("actions")
	for i := range actions {
		actions[i].Chosen = slices.Contains(typed, actions[i].Value) || len(typed) == 0 && i == 0
	}
	lives := []option{{Value: "1", Text: "1 day"}, {Value: "7", Text: "7 days"}, {Value: "30", Text: "30 days"}, {Value: "90", Text: "90 days"}}
	for i := range lives {
		lives[i].Chosen = lives[i].Value == a.Form("days") || a.Form("days") == "" && lives[i].Value == "7"
	}
	v["Ecosystems"], v["Actions"], v["Lives"] = ecos, actions, lives
	return v
}

func (p *Pages) newTokenPage(a *Ask) error {
	v := p.tokenForm(a)
	f, err := p.SignIn.Factors(a.Context(), a.Session.User)
	if err != nil {
		return err
	}
	v["Enough"] = f.Enough()
	return a.Show("account-token", v)
}

func (p *Pages) newToken(a *Ask) error {
	f, err := p.SignIn.Factors(a.Context(), a.Session.User)
	if err != nil {
		return err
	}
	if !f.Enough() {
		return errFactors()
	}
	limits, err := p.limits(a)
	if err != nil {
		return a.Again(err, "account-token", p.tokenForm(a))
	}
	secret, t, err := p.Keeper.MakeToken(a.Context(), a.Session.User, limits, identity.OriginWeb, a.Session.User)
	if err != nil {
		return a.Again(err, "account-token", p.tokenForm(a))
	}
	v := View{"Secret": secret.Reveal(), "Token": t, "Commands": []string{}}
	for _, s := range p.Setups {
		if s.ID == limits.Scopes[0].Ecosystem {
			v["Clients"], v["Commands"] = s.Clients, slices.Concat(s.Commands, s.Token)
		}
	}
	return a.Show("account-token-made", v)
}

// limits reads the form for a token.
func (p *Pages) limits(a *Ask) (l identity.Limits, err error) {
	scope, err := p.scope(a.Form("ecosystem"), a.Form("pattern"), a.FormAll("actions"))
	if err != nil {
		return l, err
	}
	l = identity.Limits{
		Scopes: []identity.Scope{scope}, Label: a.Form("label"),
		Versions: words(a.Form("versions")), Networks: words(a.Form("networks")),
	}
	n, err := strconv.Atoi(a.Form("days"))
	if err != nil || n < 1 || n > 90 {
		return l, bonded.Errorf(bonded.Invalid, "choose how long the token lives: 1 to 90 days")
	}
	l.TTL = time.Duration(n) * 24 * time.Hour
	if uses := a.Form("uses"); uses != "" {
		if l.Uses, err = strconv.ParseInt(uses, 10, 32); err != nil || l.Uses < 1 {
			return l, bonded.Errorf(bonded.Invalid, "the number of uses is a whole number above zero, or empty for no limit")
		}
	}
	return l, nil
}

// scope puts one together from a form, the name as its ecosystem spells it.
func (p *Pages) scope(eco, pattern string, actions []string) (identity.Scope, error) {
	var s identity.Scope
	i := slices.IndexFunc(p.Ecosystems, func(e ecosystem.Ecosystem) bool { return e.Info().ID == eco })
	switch {
	case i < 0:
		return s, bonded.Errorf(bonded.Invalid, "choose what kind of package it is")
	case len(actions) == 0:
		return s, bonded.Errorf(bonded.Invalid, "choose at least one thing that the token may do")
	case pattern == "":
		return s, bonded.Errorf(bonded.Invalid, "name the package, or write a pattern that ends with a star")
	}
	if !strings.Contains(pattern, "*") {
		n, err := p.Ecosystems[i].Name(pattern)
		if err != nil {
			return s, err
		}
		pattern = n.Key
	}
	return identity.ParseScope(strings.Join(actions, ",") + ":" + eco + "/" + pattern)
}

// words splits what people separate by blanks or commas.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\r' || r == '\t' })
}
