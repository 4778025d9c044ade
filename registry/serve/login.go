package serve

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/login"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// A program is let in by the person in front of it (package login). Dialects have
// flows of their own for that, which the verbs Login and LoginDone are; for
// everybody else there is the device authorization grant (RFC 8628), and the
// token that it ends in can be asked about and given back:
//
//	POST   /api/v1/device/code    client_id, scope: a code for the person, a secret for the program
//	POST   /api/v1/device/token   grant_type, device_code: the token, or why not yet
//	GET    /api/v1/token          what the token of the request is
//	DELETE /api/v1/token          ends it

const (
	codePath  = "/api/v1/device/code"
	grantPath = "/api/v1/device/token"
	tokenPath = "/api/v1/token"

	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
	// usualScope is what a program asks for that does not say.
	usualScope = "publish,tag,yank:*"
	// clientActions are what a package manager has commands for. Whoever allows
	// it chooses among them.
	clientActions = "publish,tag,yank,delete,owner"
	maxForm       = 16 << 10 // bytes
)

// Logins lets programs act for people.
type Logins interface {
	Begin(ctx context.Context, p login.Program, scopes []identity.Scope) (login.Begun, error)
	Poll(ctx context.Context, secret string, paced bool) (login.Answer, error)
	AskProof(ctx context.Context, user string, p login.Program, action bonded.Action, name bonded.Name) (login.Begun, error)
}

// Tokens knows the tokens of a caller.
type Tokens interface {
	Own(ctx context.Context, c *identity.Caller) (this record.Token, all []record.Token, err error)
	EndOwn(ctx context.Context, c *identity.Caller, which string) error
}

func errNoLogins() error {
	return bonded.Errorf(bonded.Unsupported, "programs cannot log in here")
}

// program is who asks, as far as it says.
func program(r *http.Request, name string) login.Program {
	agent := r.UserAgent()
	if name == "" {
		name, _, _ = strings.Cut(agent, "/")
	}
	lower, where := strings.ToLower(agent), ""
	for _, s := range [][2]string{{"windows", "Windows"}, {"win32", "Windows"}, {"darwin", "macOS"}, {"mac os", "macOS"}, {"linux", "Linux"}} {
		if where == "" && strings.Contains(lower, s[0]) {
			where = s[1]
		}
	}
	return login.Program{Name: name, Where: where, Network: identity.Network(from(r))}
}

// beginLogin is a dialect's beginning of a log-in.
func (h *Handler) beginLogin(r *http.Request, rm *room) (p ecosystem.Pending, err error) {
	if h.Logins == nil {
		return p, errNoLogins()
	}
	scope, err := identity.ParseScope(clientActions + ":" + rm.id + "/*")
	if err != nil {
		return p, err
	}
	b, err := h.Logins.Begin(r.Context(), program(r, ""), []identity.Scope{scope})
	return h.pending(b), err
}

func (h *Handler) pending(b login.Begun) ecosystem.Pending {
	return ecosystem.Pending{Page: h.URL + b.Page, Code: b.Code, Secret: b.Secret.Reveal()}
}

// endLogin tells a dialect's client if its person answered.
func (h *Handler) endLogin(r *http.Request, out *ecosystem.Outcome) error {
	if h.Logins == nil {
		return errNoLogins()
	}
	a, err := h.Logins.Poll(r.Context(), out.Ask.Secret, false)
	if err != nil {
		return err
	}
	switch a.State {
	case login.Allowed:
		out.Token, out.Ends = a.Token.Reveal()+a.Proof, a.Stored.Expires // one of both
	case login.Waits:
		out.Login.State = ecosystem.PendingWaits
	case login.Refused:
		out.Login.State = ecosystem.PendingRefused
	default:
		out.Login.State = ecosystem.PendingOver
	}
	return nil
}

// wants is a caller who was refused for the lack of a proof.
type wants interface {
	Wants() (action bonded.Action, name bonded.Name, ok bool)
}

// askProof begins asking the person behind a token for the proof that an action
// lacked. Without it the refusal is the answer.
func (h *Handler) askProof(r *http.Request, who publish.Actor, err error) (p ecosystem.Pending) {
	c, ok := who.(wants)
	if _, control, _ := bonded.Explain(err); h.Logins == nil || !ok || control != "step-up" {
		return p
	}
	action, name, ok := c.Wants()
	if !ok || who.User() == "" {
		return p
	}
	b, err := h.Logins.AskProof(r.Context(), who.User(), program(r, ""), action, name)
	if err != nil {
		h.Log.Warn("a confirmation could not be asked for", "err", err)
		return p
	}
	return h.pending(b)
}

// owners reads who should look after a package, and sees to it. The proof that
// this takes is spent only for a list that can be read.
func (h *Handler) owners(w http.ResponseWriter, r *http.Request, a ecosystem.Ask, who publish.Actor) (said string, err error) {
	if h.Owners == nil || who.User() == "" {
		return "", bonded.Errorf(bonded.Unsupported, "owners cannot be changed here")
	}
	var body map[string]jsontext.Value
	if err := readJSON(w, r, &body); err != nil {
		return "", err
	}
	var list []struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(body[a.Member], &list); err != nil || len(list) == 0 {
		return "", bonded.Errorf(bonded.Invalid, "the request does not say who should look after %s", a.Name)
	}
	var names []string
	for _, l := range list {
		names = append(names, l.Name)
	}
	if err := who.May(r.Context(), bonded.ActOwner, a.Name); err != nil {
		return "", err
	}
	return h.Owners(r.Context(), who.User(), a.Name, names)
}

func (h *Handler) caller(who publish.Actor) (*identity.Caller, error) {
	c, ok := who.(*identity.Caller)
	if h.Tokens == nil || !ok || c == nil {
		return nil, bonded.Errorf(bonded.Unsupported, "tokens cannot be looked at or ended here")
	}
	return c, nil
}

func (h *Handler) ownTokens(ctx context.Context, who publish.Actor) (list []ecosystem.Token, err error) {
	c, err := h.caller(who)
	if err != nil {
		return nil, err
	}
	_, all, err := h.Tokens.Own(ctx, c)
	for _, t := range all {
		reads := true
		for _, s := range t.Scopes {
			reads = reads && strings.HasPrefix(s, string(bonded.ActRead)+":")
		}
		list = append(list, ecosystem.Token{ID: t.ID, Label: t.Label, Created: t.Created, Expires: t.Expires, Networks: t.Networks, Reads: reads})
	}
	return list, err
}

func (h *Handler) endToken(ctx context.Context, who publish.Actor, which string) error {
	c, err := h.caller(who)
	if err != nil {
		return err
	}
	return h.Tokens.EndOwn(ctx, c, which)
}

// logins answers the doors of no dialect; false when it is none.
func (h *Handler) logins(w http.ResponseWriter, r *http.Request, path string) bool {
	switch {
	case h.Logins != nil && (path == codePath || path == grantPath):
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST")
			h.json(w, r, http.StatusMethodNotAllowed, apiError{Error: "only POST here"})
			return true
		}
		w.Header().Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if path == codePath {
			h.deviceCode(w, r)
		} else {
			h.deviceToken(w, r)
		}
	case h.Tokens != nil && path == tokenPath:
		h.ownToken(w, r)
	default:
		return false
	}
	return true
}

// oauthError is an error of RFC 6749 section 5.2.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitzero"`
}

func (h *Handler) oauthFailed(w http.ResponseWriter, r *http.Request, err error, code string) {
	kind, control, public := bonded.Explain(err)
	status := http.StatusBadRequest
	switch kind {
	case bonded.Internal:
		h.Log.Error("a log-in failed", "err", err)
		status, code = http.StatusInternalServerError, "server_error"
	case bonded.Unavailable:
		status, code = http.StatusServiceUnavailable, "temporarily_unavailable"
	case bonded.TooMany:
		w.Header().Set("Retry-After", "10")
		status, code = http.StatusTooManyRequests, "temporarily_unavailable"
	case bonded.Forbidden:
		code = "access_denied"
	}
	if control != "" {
		h.metrics.refusals.WithLabelValues(control).Inc()
	}
	h.json(w, r, status, oauthError{code, public})
}

// deviceCode is RFC 8628 section 3.1 and 3.2. client_id is what the program calls
// itself; there is nothing to register.
func (h *Handler) deviceCode(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		h.oauthFailed(w, r, bonded.Errorf(bonded.Invalid, "the form could not be read"), "invalid_request")
		return
	}
	asked := r.PostForm.Get("scope")
	if asked == "" {
		asked = usualScope
	}
	var scopes []identity.Scope
	for text := range strings.FieldsSeq(asked) {
		s, err := identity.ParseScope(text)
		if err != nil {
			h.oauthFailed(w, r, err, "invalid_scope")
			return
		}
		scopes = append(scopes, s)
	}
	b, err := h.Logins.Begin(r.Context(), program(r, r.PostForm.Get("client_id")), scopes)
	if err != nil {
		h.oauthFailed(w, r, err, "invalid_scope")
		return
	}
	h.json(w, r, http.StatusOK, struct {
		Device   string `json:"device_code"`
		User     string `json:"user_code"`
		URI      string `json:"verification_uri"`
		Complete string `json:"verification_uri_complete"`
		Expires  int    `json:"expires_in"`
		Interval int    `json:"interval"`
	}{b.Secret.Reveal(), b.Code, h.URL + "device", h.URL + b.Page, int(login.Life / time.Second), int(login.Every / time.Second)})
}

// deviceToken is RFC 8628 section 3.4 and 3.5.
func (h *Handler) deviceToken(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("device_code") == "" {
		h.oauthFailed(w, r, bonded.Errorf(bonded.Invalid, "the form has no device_code"), "invalid_request")
		return
	}
	if r.PostForm.Get("grant_type") != deviceGrant {
		h.oauthFailed(w, r, bonded.Errorf(bonded.Invalid, "grant_type has to be %s", deviceGrant), "unsupported_grant_type")
		return
	}
	a, err := h.Logins.Poll(r.Context(), r.PostForm.Get("device_code"), true)
	switch {
	case err != nil:
		h.oauthFailed(w, r, err, "invalid_grant")
	case a.State == login.Allowed && a.Stored.ID != "":
		h.json(w, r, http.StatusOK, struct {
			Token   string `json:"access_token"`
			Type    string `json:"token_type"`
			Expires int64  `json:"expires_in"`
			Scope   string `json:"scope"`
		}{a.Token.Reveal(), "Bearer", int64(a.Stored.Expires.Sub(h.Now()) / time.Second), strings.Join(a.Stored.Scopes, " ")})
	case a.State == login.Waits:
		h.json(w, r, http.StatusBadRequest, oauthError{"authorization_pending", "nobody has answered yet"})
	case a.State == login.TooSoon:
		h.json(w, r, http.StatusBadRequest, oauthError{"slow_down", "ask every " + strconv.Itoa(int(login.Every/time.Second)) + " seconds, and from now on 5 seconds less often"})
	case a.State == login.Refused:
		h.json(w, r, http.StatusBadRequest, oauthError{"access_denied", "it was refused on the page"})
	default:
		h.json(w, r, http.StatusBadRequest, oauthError{"expired_token", "nobody answered in time, or the token was fetched already; begin again"})
	}
}

// ownToken says what the token of the request is, or ends it.
func (h *Handler) ownToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	var t record.Token
	c, err := h.tokenCaller(r)
	switch {
	case err != nil:
	case r.Method == http.MethodGet:
		t, _, err = h.Tokens.Own(r.Context(), c)
	case r.Method == http.MethodDelete:
		if err = h.Tokens.EndOwn(r.Context(), c, c.TokenID()); err == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	default:
		w.Header().Set("Allow", "GET, DELETE")
		h.json(w, r, http.StatusMethodNotAllowed, apiError{Error: "only GET and DELETE here"})
		return
	}
	if err != nil {
		status, control, public := h.exchangeFailed(w, err)
		h.json(w, r, status, apiError{public, control})
		return
	}
	h.json(w, r, http.StatusOK, struct {
		User    string   `json:"user,omitzero"`
		ID      string   `json:"id"`
		Label   string   `json:"label,omitzero"`
		Scopes  []string `json:"scopes"`
		Created string   `json:"created"`
		Expires string   `json:"expires"`
	}{c.User(), t.ID, t.Label, t.Scopes, t.Created.UTC().Format(time.RFC3339), t.Expires.UTC().Format(time.RFC3339)})
}

func (h *Handler) tokenCaller(r *http.Request) (*identity.Caller, error) {
	who, err := h.authenticate(r, "")
	if err != nil {
		return nil, err
	}
	if who == nil {
		return nil, errNoCredential()
	}
	return h.caller(who)
}
