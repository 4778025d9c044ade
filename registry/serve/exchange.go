package serve

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/identity"
)

// Trusted publishing: a build job comes with an identity token of its platform
// and leaves with an upload token. Each client has a flow of its own; a dialect
// says where the token stands, and answers. Two doors are nobody's dialect:
//
//	POST   /api/v1/oidc/exchange               {"token", "package", "digests"}
//	POST   /api/v1/trusted_publishing/tokens   {"jwt"}, as the Rust action asks; PUT is the same
//	DELETE /api/v1/trusted_publishing/tokens   gives the upload token back

const (
	// ExchangePath is where a build job names its package and digests.
	ExchangePath = "/api/v1/oidc/exchange"
	rustPath     = "/api/v1/trusted_publishing/tokens"
	// maxExchange bounds the body of an exchange, bytes.
	maxExchange = 64 << 10
)

// Job is a build job that asks for an upload token.
type Job struct {
	JWT     string
	Prefix  string       // of the audience, before the host
	Only    *bonded.Name // nil: all packages that it may publish
	Digests []string     // of the artifacts that will come; none: any
	Network string       // coarse
}

// audience is what identity tokens must be made for.
func (h *Handler) audience() (string, error) {
	if h.Exchange == nil {
		return "", errNoExchange()
	}
	return h.Audience, nil
}

func errNoExchange() error {
	return bonded.Errorf(bonded.Unsupported, "build jobs cannot exchange identity tokens here")
}

// exchangeFor does what a dialect read: the token stands in a member of the
// JSON body, or is the bearer token of the request.
func (h *Handler) exchangeFor(w http.ResponseWriter, r *http.Request, a ecosystem.Ask) (token string, ends time.Time, err error) {
	j := Job{Prefix: a.Audience}
	if !a.Name.IsZero() {
		j.Only = &a.Name
	}
	if a.Member == "" {
		j.JWT, err = bearer(r)
	} else {
		// Clients may send more than this; one member is asked for.
		var body map[string]any
		err = readJSON(w, r, &body)
		j.JWT, _ = body[a.Member].(string)
	}
	if err != nil {
		return "", ends, err
	}
	return h.exchange(r, j)
}

func (h *Handler) exchange(r *http.Request, j Job) (token string, ends time.Time, err error) {
	if h.Exchange == nil {
		return "", ends, errNoExchange()
	}
	j.Network = identity.Network(from(r))
	secret, t, err := h.Exchange(r.Context(), j)
	return secret.Reveal(), t.Expires, err
}

func bearer(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return "", bonded.Errorf(bonded.Unauthorized, "this needs a token in the header Authorization: Bearer TOKEN")
	}
	return strings.TrimSpace(token), nil
}

func readJSON(w http.ResponseWriter, r *http.Request, into any, opts ...json.Options) error {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxExchange))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return bonded.Errorf(bonded.TooLarge, "this takes at most %d bytes", maxExchange)
	case err != nil:
		return bonded.Errorf(bonded.Invalid, "the request broke off")
	}
	if err := json.Unmarshal(b, into, opts...); err != nil {
		return &bonded.Error{Kind: bonded.Invalid, Err: err, Public: "the body is not the JSON object that is described in /api/v1/openapi.yaml"}
	}
	return nil
}

// jobs answers the two doors of no dialect; false when it is neither.
func (h *Handler) jobs(w http.ResponseWriter, r *http.Request, path string) bool {
	switch {
	case h.Exchange == nil, path != ExchangePath && path != rustPath:
		return false
	case path == ExchangePath && r.Method == http.MethodPost:
		h.ownExchange(w, r)
	case path == rustPath && (r.Method == http.MethodPost || r.Method == http.MethodPut):
		h.rustExchange(w, r)
	case path == rustPath && r.Method == http.MethodDelete:
		h.rustGiveBack(w, r)
	case path == rustPath:
		w.Header().Set("Allow", "POST, PUT, DELETE")
		h.rustError(w, r, http.StatusMethodNotAllowed, "only POST, PUT and DELETE here", "")
	default:
		w.Header().Set("Allow", "POST")
		h.json(w, r, http.StatusMethodNotAllowed, apiError{Error: "only POST here"})
	}
	return true
}

// ownExchange is for whoever names the artifacts before they come.
func (h *Handler) ownExchange(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Token   string   `json:"token"`
		Package string   `json:"package"`
		Digests []string `json:"digests"`
	}
	token, ends, err := "", time.Time{}, readJSON(w, r, &q, json.RejectUnknownMembers(true))
	if err == nil {
		j := Job{JWT: q.Token, Digests: q.Digests}
		if q.Package != "" {
			j.Only, err = h.named(q.Package)
		}
		if err == nil {
			token, ends, err = h.exchange(r, j)
		}
	}
	if err != nil {
		status, control, public := h.exchangeFailed(w, err)
		h.json(w, r, status, apiError{public, control})
		return
	}
	h.json(w, r, http.StatusCreated, struct {
		Token   string `json:"token"`
		Expires string `json:"expires"`
	}{token, ends.UTC().Format(time.RFC3339)})
}

// named reads ECOSYSTEM/NAME, in any spelling that the ecosystem knows.
func (h *Handler) named(text string) (*bonded.Name, error) {
	id, rest, _ := strings.Cut(text, "/")
	for _, rm := range h.rooms {
		if rm.id == id {
			n, err := rm.eco.Name(rest)
			return &n, err
		}
	}
	return nil, bonded.Errorf(bonded.Invalid, "the member package names no package; want ECOSYSTEM/NAME")
}

func (h *Handler) rustExchange(w http.ResponseWriter, r *http.Request) {
	var q struct {
		JWT string `json:"jwt"`
	}
	token, err := "", readJSON(w, r, &q)
	if err == nil {
		token, _, err = h.exchange(r, Job{JWT: q.JWT})
	}
	if err != nil {
		status, control, public := h.exchangeFailed(w, err)
		h.rustError(w, r, status, public, control)
		return
	}
	h.json(w, r, http.StatusOK, struct {
		Token string `json:"token"`
	}{token})
}

func (h *Handler) rustGiveBack(w http.ResponseWriter, r *http.Request) {
	token, err := bearer(r)
	if err == nil && h.GiveBack == nil {
		err = errNoExchange()
	}
	if err == nil {
		err = h.GiveBack(r.Context(), token)
	}
	if err != nil {
		status, control, public := h.exchangeFailed(w, err)
		h.rustError(w, r, status, public, control)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// rustError is the form of errors that cargo and its helpers print.
func (h *Handler) rustError(w http.ResponseWriter, r *http.Request, status int, public, control string) {
	type detail struct {
		Detail  string `json:"detail"`
		Control string `json:"control,omitzero"`
	}
	h.json(w, r, status, struct {
		Errors []detail `json:"errors"`
	}{[]detail{{public, control}}})
}

func (h *Handler) exchangeFailed(w http.ResponseWriter, err error) (status int, control, public string) {
	kind, control, public := bonded.Explain(err)
	switch kind {
	case bonded.Internal:
		h.Log.Error("an exchange failed", "err", err)
	case bonded.Unauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="bonded"`)
	case bonded.Unavailable, bonded.TooMany:
		w.Header().Set("Retry-After", "10")
	}
	if control != "" {
		h.metrics.refusals.WithLabelValues(control).Inc()
	}
	return ecosystem.StatusOf(kind), control, public
}
