package serve

import (
	_ "embed"
	"errors"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/publish"
)

// The JSON API of our own, for what no client of an ecosystem has a command
// for. It is described in OpenAPI and served beside itself.

//go:embed openapi.yaml
var openAPI []byte

// proofHeader carries a one-time proof of a person, for what takes more than a
// token.
const proofHeader = "Bonded-Proof"

// maxChange bounds the body of a change, bytes.
const maxChange = 16 << 10

func (h *Handler) serveOpenAPI(w http.ResponseWriter, r *http.Request) {
	h.write(w, r, h.house, ecosystem.Response{Status: http.StatusOK, Type: "application/yaml", Body: openAPI,
		Header: map[string]string{"Cache-Control": "public, max-age=300"}})
}

// change answers POST /api/v1/changes.
func (h *Handler) change(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		h.json(w, r, http.StatusMethodNotAllowed, apiError{Error: "only POST here"})
		return
	}
	receipt, who, c, err := h.submitChange(w, r)
	if err != nil {
		kind, control, public := bonded.Explain(err)
		if kind == bonded.Internal {
			h.Log.Error("a change failed", "err", err)
		}
		if kind == bonded.Unauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="bonded"`)
		}
		if control != "" {
			h.metrics.refusals.WithLabelValues(control).Inc()
		}
		h.json(w, r, ecosystem.StatusOf(kind), apiError{public, control})
		return
	}
	h.Log.Info("change", "user", who, "package", c.Package, "change", c.Kind, "version", c.Version, "entry", receipt.Index)
	h.json(w, r, http.StatusOK, struct {
		OK    bool   `json:"ok"`
		Entry uint64 `json:"entry,omitzero"` // absent: it was so already
		Size  uint64 `json:"size,omitzero"`
	}{true, receipt.Index, receipt.Size})
}

type apiError struct {
	Error   string `json:"error"`
	Control string `json:"control,omitzero"`
}

func (h *Handler) submitChange(w http.ResponseWriter, r *http.Request) (receipt bonded.Receipt, user string, c publish.Change, err error) {
	caller, err := h.authenticate(r, r.Header.Get(proofHeader))
	if err != nil {
		return receipt, "", c, err
	}
	if caller == nil {
		return receipt, "", c, errNoCredential()
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxChange))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return receipt, "", c, bonded.Errorf(bonded.TooLarge, "a change has at most %d bytes", maxChange)
	}
	if err != nil {
		return receipt, "", c, bonded.Errorf(bonded.Invalid, "the request broke off")
	}
	if err := json.Unmarshal(b, &c, json.RejectUnknownMembers(true)); err != nil {
		return receipt, "", c, &bonded.Error{Kind: bonded.Invalid, Err: err,
			Public: `the body is not a change, for example {"package": "pypi/left-pad", "change": "yank", "version": "1.0", "reason": "broken"}`}
	}
	receipt, err = h.Desk.Change(r.Context(), c, caller)
	return receipt, caller.User(), c, err
}
