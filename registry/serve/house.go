package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/blob"
)

// The paths of our own: the front page, the state of the process, the log's
// proofs, and where to report a security problem.

var (
	//go:embed front.html
	frontHTML string
	//go:embed front.css
	frontCSS string
)

// frontPage is rendered once; nothing on it changes while the process runs.
func (h *Handler) frontPage() *body {
	type dialect struct {
		ID, Clients, URL string
		Setup            []string
	}
	var page struct {
		URL, Contact string
		Guide, Pages bool
		Style        template.CSS
		Dialects     []dialect
	}
	page.URL, page.Contact, page.Style = h.URL, h.Contact, template.CSS(frontCSS)
	page.Guide, page.Pages = h.Guide != nil, h.Pages != nil
	for _, rm := range h.rooms {
		i := rm.eco.Info()
		d := dialect{ID: i.ID, Clients: i.Clients, URL: h.URL + strings.TrimPrefix(i.Prefix, "/")}
		for _, s := range i.Setup {
			d.Setup = append(d.Setup, strings.ReplaceAll(s, "{url}", d.URL))
		}
		page.Dialects = append(page.Dialects, d)
	}
	var out bytes.Buffer
	if err := template.Must(template.New("front").Parse(frontHTML)).Execute(&out, page); err != nil {
		panic(err) // the template is part of this program
	}
	p := &policy{mediaType: "text/html; charset=utf-8", cache: "public, max-age=300"}
	b := &body{policy: p, info: blob.Info{Size: int64(out.Len())}, modified: h.Now().UTC().Truncate(time.Second)}
	b.data, b.etag = out.Bytes(), tagOf(bonded.DigestOf(out.Bytes()))
	b.prepare()
	return b
}

func (h *Handler) serveFront(w http.ResponseWriter, r *http.Request) {
	style := sha256.Sum256([]byte(frontCSS))
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(style[:])+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	h.send(w, r, &page{room: h.house}, h.front)
}

// healthz says that the process lives, which is all that a supervisor may
// restart it for.
func (h *Handler) healthz(w http.ResponseWriter, r *http.Request) {
	h.text(w, r, http.StatusOK, "ok\n")
}

// checkTime bounds all checks of readiness together.
const checkTime = 3 * time.Second

// readyz runs the checks and says what came of each. Causes are in the log:
// the answer may be read by anyone.
func (h *Handler) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTime)
	defer cancel()
	results := make([]string, len(h.Ready))
	var wg sync.WaitGroup
	for i, c := range h.Ready {
		wg.Go(func() {
			results[i] = "ok"
			if err := h.check(ctx, c); err != nil {
				results[i] = "failing"
				h.Log.Warn("not ready", "check", c.Name, "err", err)
			}
		})
	}
	wg.Wait()
	answer := struct {
		Ready    bool              `json:"ready"`
		Draining bool              `json:"draining"`
		Checks   map[string]string `json:"checks"`
	}{true, h.leaving.Load(), map[string]string{}}
	for i, c := range h.Ready {
		answer.Checks[c.Name] = results[i]
		answer.Ready = answer.Ready && results[i] == "ok"
	}
	answer.Ready = answer.Ready && !answer.Draining
	status := http.StatusOK
	if !answer.Ready {
		status = http.StatusServiceUnavailable
	}
	h.json(w, r, status, answer)
}

func (h *Handler) check(ctx context.Context, c Check) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the check panicked: %v", p)
		}
	}()
	return c.Do(ctx)
}

func (h *Handler) json(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.Multiline(true))
	if err != nil {
		panic(err)
	}
	h.write(w, r, h.house, ecosystem.Response{Status: status, Type: "application/json", Body: append(b, '\n')})
}

// prove answers with proofs against the newest checkpoint.
func (h *Handler) prove(w http.ResponseWriter, r *http.Request) {
	err := error(bonded.Errorf(bonded.Unsupported, "there are no proofs here"))
	var b []byte
	if h.Prove != nil {
		b, err = h.Prove(r.Context(), r.URL.Query())
	}
	if err != nil {
		kind, _, public := bonded.Explain(err)
		if kind == bonded.Internal && !errors.Is(err, context.Canceled) {
			h.Log.Error("a proof could not be made", "err", err)
		}
		h.json(w, r, ecosystem.StatusOf(kind), map[string]string{"error": public})
		return
	}
	h.write(w, r, h.house, ecosystem.Response{Status: http.StatusOK, Type: "application/json", Body: b,
		Header: map[string]string{"Cache-Control": askAgain}})
}

// securityValid is how far ahead security.txt expires; RFC 9116 section 2.5.5
// recommends less than a year.
const securityValid = 180 * 24 * time.Hour

// securityTxt is RFC 9116.
func (h *Handler) securityTxt(w http.ResponseWriter, r *http.Request) {
	if h.Contact == "" {
		h.text(w, r, http.StatusNotFound, "no contact is configured\n")
		return
	}
	expires := h.Now().UTC().Truncate(24 * time.Hour).Add(securityValid).Format(time.RFC3339)
	h.write(w, r, h.house, ecosystem.Response{Status: http.StatusOK, Type: plainText,
		Header: map[string]string{"Cache-Control": "public, max-age=86400"},
		Body: []byte("Contact: " + h.Contact + "\nExpires: " + expires + "\nCanonical: " + h.URL +
			".well-known/security.txt\nPreferred-Languages: en\n")})
}
