package visittest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"bonded.dev/prove/visit"
)

// Sent is a request as it came.
type Sent struct {
	Method string
	// Path is as it stands in the request line: escaped, with its query.
	Path   string
	Header http.Header
	Body   []byte
}

// Wire is a server that keeps what it is sent, so that a test can look at what
// a visitor really says.
type Wire struct {
	URL string // with trailing slash

	mu   sync.Mutex
	sent []Sent
}

// Listen starts one; answer is asked for every request, whose body it may not
// read; nil answers 200 and nothing.
func Listen(t *testing.T, answer http.HandlerFunc) *Wire {
	t.Helper()
	wire := &Wire{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request: %v", err)
		}
		wire.mu.Lock()
		wire.sent = append(wire.sent, Sent{r.Method, r.RequestURI, r.Header, body})
		wire.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	wire.URL = s.URL + "/"
	return wire
}

// Sent is what came so far.
func (w *Wire) Sent() []Sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Sent(nil), w.sent...)
}

// Site is the wire as a repository whose root is known.
func (w *Wire) Site(t *testing.T, d visit.Dialect, root string) *visit.Site {
	t.Helper()
	web := visit.NewWeb("bonded-visittest", 0)
	t.Cleanup(web.Close)
	return &visit.Site{Dialect: d, Root: w.URL + root, Base: w.URL, Web: web}
}
