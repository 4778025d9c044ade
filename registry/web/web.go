// Package web serves the few pages that a person opens to act, rather than to
// read. Today that is one: the enrolment link, where a new user gets a first
// token. Pages are plain HTML, need no script, load nothing from elsewhere,
// and are never cached, because a secret stands in their address.
//
// Hole: an enrolment link is a bearer secret, and the first token comes without
// a second factor.
package web

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"bonded.dev"
	"bonded.dev/registry/identity"
)

//go:embed enrol.html
var enrolHTML string

//go:embed web.css
var style string

// Prefix is where the enrolment page is mounted.
const Prefix = "/enrol/"

// Setup is how one ecosystem's client is pointed here, for the page to show.
type Setup struct {
	Clients  string
	Commands []string
}

// Pages answers below Prefix.
type Pages struct {
	keeper *identity.Keeper
	setups []Setup
	log    *slog.Logger
	page   *template.Template
	policy string
}

// New makes the pages.
func New(keeper *identity.Keeper, setups []Setup, log *slog.Logger) *Pages {
	sum := sha256.Sum256([]byte(style))
	return &Pages{
		keeper: keeper, setups: setups, log: log,
		page: template.Must(template.New("enrol").Parse(enrolHTML)),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}
}

// view is what the page shows: a question, a token, or an error.
type view struct {
	Style  template.CSS
	User   string
	Token  string
	Error  string
	Days   int
	Setups []Setup
}

func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	v := view{Style: template.CSS(style), Setups: p.setups, Days: int(identity.DefaultTTL.Hours() / 24)}
	status := http.StatusOK
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		status = p.enrol(r.Context(), strings.TrimPrefix(r.URL.Path, Prefix), &v)
	default:
		h.Set("Allow", "GET, HEAD, POST")
		status, v.Error = http.StatusMethodNotAllowed, "This page can be opened and its button pressed; nothing else."
	}
	w.WriteHeader(status)
	if err := p.page.Execute(w, v); err != nil {
		p.log.Warn("a page was not sent whole", "err", err)
	}
}

// enrol spends the link and makes the first token. Opening the page spends
// nothing: mail programs open links by themselves.
func (p *Pages) enrol(ctx context.Context, secret string, v *view) int {
	user, token, err := p.keeper.Enrol(ctx, secret, []identity.Scope{{
		Actions: []bonded.Action{bonded.ActPublish, bonded.ActTag, bonded.ActYank, bonded.ActDelete}, Pattern: "*",
	}})
	if err != nil {
		return p.failed(err, v)
	}
	v.User, v.Token = user, token.Reveal()
	return http.StatusOK
}

func (p *Pages) failed(err error, v *view) int {
	kind, _, public := bonded.Explain(err)
	v.Error = public
	switch kind {
	case bonded.Unauthorized, bonded.Invalid:
		return http.StatusForbidden
	case bonded.Unavailable:
		return http.StatusServiceUnavailable
	}
	p.log.Error("an enrolment failed", "err", err)
	return http.StatusInternalServerError
}
