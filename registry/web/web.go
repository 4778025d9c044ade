// Package web serves the pages where a person acts: signs in, looks after
// factors, tokens, packages and organisations, approves a release.
//
// A page is a [Route]: method and path, what it needs ([Need]), which events it
// may write, and a function. One executor, [Pages.ServeHTTP], holds every route
// to what it needs, so that no page can forget to ask. Routes stand in files by
// topic, are joined in routes.go, and are the source of the access table.
//
//	request -> cross-origin protection -> session -> need -> route -> page
//
// Pages are plain HTML and work without JavaScript, but for WebAuthn, which has
// no other way in (assets/passkey.js). Nothing is loaded from elsewhere, nothing
// inline runs, and nothing is cached.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/glass"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/login"
	"bonded.dev/registry/people"
	"bonded.dev/registry/privacy"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
	"bonded.dev/registry/trusted"
	"bonded.dev/registry/waiting"
)

// Need is what a route asks of whoever comes.
type Need int

const (
	Anyone    Need = iota // no session needed; one is seen if it is there
	Enrolling             // a session, also one that may only add factors
	// Adding is an enrolling session, or a fresh proof as for Fresh. An account
	// that has no passkey to prove with types password and code once more, for a
	// cookie alone may be stolen; package signin asks the same, and lets a passkey
	// that was added so wait.
	Adding
	Full     // a session of somebody who may write
	Fresh    // and a phishing-resistant proof within minutes
	Operator // Fresh, by an administrator of the repository
)

func (n Need) String() string {
	return [...]string{"anyone", "enrolling", "adding", "session", "step-up", "operator"}[n]
}

// Route is one page or one button.
type Route struct {
	Method string
	Path   string // pattern of net/http.ServeMux
	Need   Need
	// Events are the ids of the events that the route may write, separated by
	// blanks. A route that changes something names at least one, or "-" and in
	// Why the reason.
	Events string
	Why    string
	// Keep brings the fields of a form back after a confirmation with a passkey,
	// in the address of the page. Only for forms that hold no secret.
	Keep bool
	// JSON routes are asked by assets/passkey.js, errors included.
	JSON bool
	Do   func(*Ask) error
}

// Config is what the pages are made of.
type Config struct {
	Keeper     *identity.Keeper
	SignIn     *signin.Room
	People     *people.Room
	Logins     *login.Room
	Trusted    *trusted.Room
	Desk       *publish.Desk
	Waiting    *waiting.Room
	Privacy    *privacy.Room
	Glass      *glass.Room
	Book       *record.Book
	Ecosystems []ecosystem.Ecosystem
	Setups     []Setup
	URL        string // public, with trailing slash
	Log        *slog.Logger
	Now        func() time.Time
}

// Setup is how one ecosystem's client is pointed here, for pages to show.
type Setup struct {
	ID       string
	Clients  string
	Commands []string
	Install  string // the command that installs the package {name}
	// Token are the commands that give a client its token, written TOKEN.
	Token []string
}

// Pages answers all routes.
type Pages struct {
	Config
	routes []Route
	mux    *http.ServeMux
	guard  *http.CrossOriginProtection
	layout *layout
	// session finds whose a cookie is; a test puts its own here.
	session func(ctx context.Context, cookie string) (*signin.Session, identity.Secret, error)
	factors func(ctx context.Context, user string) (signin.Factors, error)
}

// New makes the pages.
func New(c Config) *Pages {
	if c.Now == nil {
		c.Now = time.Now
	}
	p := &Pages{Config: c, mux: http.NewServeMux(), guard: http.NewCrossOriginProtection(), layout: newLayout()}
	if c.SignIn != nil {
		p.session, p.factors = c.SignIn.Session, c.SignIn.Factors
	}
	p.routes = p.all()
	for _, r := range p.routes {
		p.mux.HandleFunc(r.Method+" "+r.Path, func(w http.ResponseWriter, q *http.Request) { p.answer(w, q, r) })
	}
	p.mux.HandleFunc("GET /assets/{file}", p.layout.asset)
	return p
}

// Routes are all routes, for whoever holds them against a table.
func (p *Pages) Routes() []Route { return p.routes }

// Owns says if a path is one of ours; what is not goes elsewhere.
func (p *Pages) Owns(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if first == "assets" {
		return true
	}
	for _, r := range p.routes {
		if own, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/"); own == first {
			return true
		}
	}
	return false
}

func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.headers(w.Header())
	if p.named(w, r) {
		return
	}
	if err := p.guard.Check(r); err != nil {
		a := &Ask{pages: p, w: w, r: r}
		a.fail(&bonded.Error{Kind: bonded.Forbidden, Err: err,
			Public: "this request came from another web site and was not carried out; open the page here and press the button there"})
		return
	}
	if _, pattern := p.mux.Handler(r); pattern == "" {
		a := &Ask{pages: p, w: w, r: r}
		a.begin(r.Context())
		a.fail(bonded.Errorf(bonded.NotFound, "there is no such page; the address may be cut short, or the page was moved"))
		return
	}
	p.mux.ServeHTTP(w, r)
}

// policy lets scripts and styles of our own files run, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (p *Pages) headers(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	// Not no-referrer: with it browsers send "Origin: null" with our own forms,
	// and where they send no Sec-Fetch-Site (http without TLS) the cross-origin
	// check would refuse these. Other sites learn nothing either way.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()")
	if strings.HasPrefix(p.URL, "https://") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

const maxForm = 64 << 10

// answer holds a request to what its route needs.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request, route Route) {
	a := &Ask{pages: p, w: w, r: r, route: route}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		a.fail(&bonded.Error{Kind: bonded.Invalid, Public: "the form could not be read", Err: err})
		return
	}
	a.begin(r.Context())
	if !a.meets(route.Need) {
		return
	}
	if err := route.Do(a); err != nil {
		a.fail(err)
	}
}

// meets answers itself when the need is not met.
func (a *Ask) meets(need Need) bool {
	s := a.Session
	switch {
	case need == Anyone:
		return true
	case s == nil:
		a.signIn()
	case need == Enrolling, need == Adding && s.Enrolling:
		return true
	case need == Adding:
		now := a.pages.Now()
		if s.Fresh(now) || s.Typed(now) && a.cannotConfirm() {
			return true
		}
		a.confirm()
	case s.Enrolling:
		a.enrolFirst()
	case need == Full:
		return true
	case !s.Fresh(a.pages.Now()):
		a.confirm()
	case need == Operator && !a.operator():
		a.fail(bonded.Errorf(bonded.Forbidden, "this page is for the administrators of the repository"))
	default:
		return true
	}
	return false
}

// cannotConfirm says if an account has no passkey that counts.
func (a *Ask) cannotConfirm() bool {
	f, err := a.pages.factors(a.Context(), a.Session.User)
	if err != nil {
		return false
	}
	can, _ := canConfirm(f, a.pages.Now())
	return !can
}
