package serve_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/serve"
)

// toy is a dialect with one document for each package, in two forms, and files.
//
//	GET  NAME            toy/NAME/doc.json, or doc.html when Accept asks for HTML
//	GET  NAME/-/FILE     the artifact
//	PUT  NAME            publish; the body is whatever the desk makes of it
//	GET  -/search?q=     search
//	GET  -/whoami        needs a credential
//	GET  -/panic         panics in Ask
type toy struct {
	ecosystem.Ecosystem
	asked *counter
}

func (toy) Info() ecosystem.Info {
	return ecosystem.Info{ID: "toy", Prefix: "/toy/", Clients: "toy, <b>", MaxUpload: 1 << 20, Setup: []string{"toy config {url}"}}
}

func (e toy) Ask(r ecosystem.Request) (ecosystem.Ask, error) {
	e.asked.add()
	get := r.Method == "GET" || r.Method == "HEAD"
	name, file, artifact := strings.Cut(r.Path, "/-/")
	n := bonded.Name{Ecosystem: "toy", Key: name, Display: name}
	switch {
	case r.Path == "-/panic":
		panic("in Ask")
	case r.Path == "-/search":
		return ecosystem.Ask{Verb: ecosystem.Search, Query: ecosystem.Query{Text: r.Query.Get("q"), Size: 20}}, nil
	case r.Path == "-/whoami":
		return ecosystem.Ask{Verb: ecosystem.Whoami, Auth: true}, nil
	case r.Path == "-/agent":
		return ecosystem.Ask{Verb: ecosystem.Fetch, Path: "toy/" + r.Header("User-Agent") + "/doc.json"}, nil
	case strings.HasPrefix(r.Path, "-/token/"):
		return ecosystem.Ask{Verb: ecosystem.Change, Op: "logout", Auth: true}, nil
	case strings.HasPrefix(name, "Old"):
		return ecosystem.Ask{Verb: ecosystem.Fetch, Redirect: "/toy/new"}, nil
	case r.Path == "" || strings.Contains(name, "%"):
		return ecosystem.Ask{}, bonded.Errorf(bonded.NotFound, "no such toy")
	case get && artifact:
		return ecosystem.Ask{Verb: ecosystem.Fetch, Name: n, Artifact: true, Version: "1", File: file, Path: "toy/" + name + "/-/" + file}, nil
	case get && strings.Contains(r.Header("Accept"), "text/html"):
		return ecosystem.Ask{Verb: ecosystem.Fetch, Name: n, Path: "toy/" + name + "/doc.html"}, nil
	case get:
		return ecosystem.Ask{Verb: ecosystem.Fetch, Name: n, Path: "toy/" + name + "/doc.json", Type: "application/toy+json"}, nil
	case r.Method == "PUT":
		return ecosystem.Ask{Verb: ecosystem.Publish, Name: n, Auth: true}, nil
	}
	return ecosystem.Ask{Verb: ecosystem.Fetch, Name: n, Path: "toy/x/doc.json"}, nil
}

func (toy) Reply(o ecosystem.Outcome) ecosystem.Response {
	if o.Err == nil {
		body := "toy says yes to " + o.User
		for _, h := range o.Hits {
			body += " " + h.Name.Key
		}
		return ecosystem.Response{Status: 200, Type: "text/toy", Body: []byte(body)}
	}
	kind, _, public := bonded.Explain(o.Err)
	return ecosystem.Response{Status: ecosystem.StatusOf(kind), Type: "text/toy", Body: []byte("toy says no: " + public), Header: map[string]string{"X-Toy": "1"}}
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() { c.mu.Lock(); c.n++; c.mu.Unlock() }
func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// alice is a caller who may everything.
type alice struct{}

func (alice) User() string                                        { return "alice" }
func (a alice) Name() string                                      { return a.User() }
func (a alice) Heir(context.Context, bonded.Name) (string, error) { return a.User(), nil }
func (a alice) Limits(*bonded.Draft) error                        { return nil }
func (a alice) Spend(*record.Tx) error                            { return nil }

func (alice) May(context.Context, bonded.Action, bonded.Name) error { return nil }

const goodToken = "bnd_goodtokengoodtoken"

func authenticate(_ context.Context, ask identity.Request) (publish.Actor, error) {
	switch ask.Authorization {
	case "":
		return nil, nil
	case "Bearer " + goodToken:
		return alice{}, nil
	case "Bearer down":
		return nil, &bonded.Error{Kind: bonded.Unavailable, Public: "the database does not answer", Err: errors.New("no route to " + goodToken)}
	}
	return nil, bonded.Errorf(bonded.Unauthorized, "this token is not valid")
}

// desk is a Desk made of a function.
type desk func(ctx context.Context, ask ecosystem.Ask, in publish.In) error

func (d desk) Submit(ctx context.Context, _ ecosystem.Ecosystem, ask ecosystem.Ask, in publish.In) (bonded.Receipt, error) {
	return bonded.Receipt{Index: 7, Size: 9}, d(ctx, ask, in)
}

func (d desk) Change(context.Context, publish.Change, publish.Actor) (bonded.Receipt, error) {
	return bonded.Receipt{}, bonded.Errorf(bonded.Unsupported, "not at this desk")
}

// swallow reads the body and is content.
func swallow(_ context.Context, _ ecosystem.Ask, in publish.In) error {
	_, err := io.Copy(io.Discard, in.Body)
	return err
}

// watched is a store that counts and can fail.
type watched struct {
	blob.Store
	opens, stats counter
	mu           sync.Mutex
	broken       error
	during       func() // runs inside Open, after the bytes were found
}

func (w *watched) Open(ctx context.Context, key string) (blob.Object, error) {
	w.opens.add()
	w.mu.Lock()
	broken, during := w.broken, w.during
	w.mu.Unlock()
	if broken != nil {
		return nil, broken
	}
	o, err := w.Store.Open(ctx, key)
	if during != nil {
		during()
	}
	return o, err
}

func (w *watched) Stat(ctx context.Context, key string) (blob.Info, error) {
	w.stats.add()
	w.mu.Lock()
	broken := w.broken
	w.mu.Unlock()
	if broken != nil {
		return blob.Info{}, broken
	}
	return w.Store.Stat(ctx, key)
}

func (w *watched) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

// lab is a handler with all around it in reach of the test.
type lab struct {
	*serve.Handler
	t       testing.TB
	store   *watched
	asked   *counter
	log     *strings.Builder
	logMu   *sync.Mutex
	metrics *prometheus.Registry
	now     time.Time
}

func newLab(t testing.TB, change ...func(*serve.Config)) *lab {
	t.Helper()
	dir, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	l := &lab{t: t, store: &watched{Store: dir}, asked: &counter{}, log: &strings.Builder{}, logMu: &sync.Mutex{},
		metrics: prometheus.NewRegistry(), now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	c := serve.Config{
		Ecosystems:   []ecosystem.Ecosystem{toy{asked: l.asked}},
		Blobs:        l.store,
		Desk:         desk(swallow),
		Authenticate: authenticate,
		URL:          "http://registry.example/",
		Contact:      "mailto:security@registry.example",
		Metrics:      l.metrics,
		Now:          func() time.Time { return l.now },
		Log:          slog.New(slog.NewTextHandler(lockedWriter{l.log, l.logMu}, nil)),
	}
	for _, f := range change {
		f(&c)
	}
	l.Handler = serve.New(c)
	return l
}

type lockedWriter struct {
	w  io.Writer
	mu *sync.Mutex
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (l *lab) logged() string {
	l.logMu.Lock()
	defer l.logMu.Unlock()
	return l.log.String()
}

// put writes a public file and says so.
func (l *lab) put(path, content string) {
	l.t.Helper()
	if err := l.store.Put(l.t.Context(), "public/"+path, []byte(content)); err != nil {
		l.t.Fatal(err)
	}
	l.Changed(strings.TrimSuffix(path, ".gz"))
}

// do asks; headers are "Name: value".
func (l *lab) do(method, uri string, headers ...string) *http.Response {
	l.t.Helper()
	return l.send(method, uri, nil, headers...)
}

func (l *lab) send(method, uri string, body io.Reader, headers ...string) *http.Response {
	l.t.Helper()
	r := httptest.NewRequest(method, uri, body)
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		r.Header.Add(name, v)
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	return w.Result()
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

type tallied struct {
	mu   sync.Mutex
	err  error
	list []record.Download
}

func (k *tallied) AddDownloads(_ context.Context, list []record.Download) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	k.list = append(k.list, list...)
	return nil
}
