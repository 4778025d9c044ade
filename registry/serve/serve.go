// Package serve is the way out, and the door to the way in: it speaks HTTP.
//
// # Reading
//
// Whatever an install needs is a file that registry/project made: a document,
// its compressed twin, an artifact, a tile of the log. A GET of one touches
// neither the database nor an adapter when it was asked for before: the
// request target and the Accept header lead to a page, the page to the bytes
// and to headers that were written once. So reads go on while the database is
// down, and cost about what a static file server costs.
//
//	target ──pages──> page ──> place ──shelf──> body ──> socket
//	                    (first time: Ask of the adapter; blob store)
//
// The memory is exact on a single node: whoever writes a public file calls
// [Handler.Changed]. With several nodes Config.Recheck bounds for how long one
// of them may serve what another has replaced. Artifacts never change, so
// neither rule is about them, except when one is deleted.
//
// # Everything else
//
// Uploads, changes, searches and questions about the caller go to the desk,
// the search and the keeper of identities, which are declared here as far as
// they are used. What comes of them is said by the adapter, in its client's
// own words. A panic anywhere is counted, logged and answered in the same way.
//
// # Limits
//
// Headers: 10 seconds, 64 KiB. Bodies: what the dialect takes, at 8 KiB a
// second or faster. Writes at once: Config.Writes; one more waits a second and
// is then asked to come back. Answers: a client that takes less than 8 KiB a
// second, after half a minute's grace, is let go.
package serve

import (
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// Desk takes requests that change something.
type Desk interface {
	Submit(ctx context.Context, eco ecosystem.Ecosystem, ask ecosystem.Ask, in publish.In) (bonded.Receipt, error)
	Change(ctx context.Context, c publish.Change, actor publish.Actor) (bonded.Receipt, error)
}

// Tally adds up downloads.
type Tally interface {
	AddDownloads(ctx context.Context, list []record.Download) error
}

// Pages are pages that a person opens to act.
type Pages interface {
	http.Handler
	// Owns says if a path is one of theirs.
	Owns(path string) bool
}

// Check is one condition of being ready.
type Check struct {
	Name string
	Do   func(ctx context.Context) error
}

// Config is what a Handler is made of. Blobs and Ecosystems are needed; what
// else is nil is answered with "not here".
type Config struct {
	Ecosystems []ecosystem.Ecosystem
	Blobs      blob.Store
	Desk       Desk
	// Authenticate says who asks: nil for nobody, an error of kind Unauthorized
	// for a bad credential. It is asked about writes and about the caller, never
	// about reads.
	Authenticate func(ctx context.Context, ask identity.Request) (publish.Actor, error)
	Search       func(ctx context.Context, ecosystem string, q ecosystem.Query) (hits []ecosystem.Hit, total int, err error)
	// Prove answers GET /log/prove with JSON.
	Prove func(ctx context.Context, query url.Values) ([]byte, error)
	Tally Tally
	// Pages answers the paths that it owns: pages that a person opens to act.
	Pages Pages
	// Leaks answers /api/v1/leaks and what is below it: reports of tokens that
	// were found where they should not be.
	Leaks http.Handler
	// Exchange gives a build job an upload token for the identity token of its
	// platform; GiveBack ends one before its time. Audience is what such tokens
	// must be made for.
	Exchange func(ctx context.Context, j Job) (identity.Secret, record.Token, error)
	GiveBack func(ctx context.Context, token string) error
	Audience string
	// Logins lets programs in for people, and Tokens ends what they got.
	Logins Logins
	Tokens Tokens
	// Owners changes who looks after a package to these names, for a user who may,
	// and says what came of it.
	Owners func(ctx context.Context, user string, name bonded.Name, names []string) (said string, err error)
	// Guide answers below /guide/: what can happen to a repository, and what
	// stops it.
	Guide http.Handler
	// Security is what the repository says of itself to programs; nil: nothing.
	Security *Security

	Ready   []Check       // asked by /readyz
	LogSize func() uint64 // entries, for the metrics

	URL      string        // public, with trailing slash
	Contact  string        // a mailto: or https: URL for /.well-known/security.txt; empty: none
	Memory   int           // bytes of documents and small artifacts kept; 0: 64 MiB
	Recheck  time.Duration // how stale another node's change may be; 0: there is no other node
	Writes   int           // at once; 0: 64
	Drain    time.Duration // between not being ready and closing; 0: at once
	LogReads bool
	// Without takes a control out of the victim of a drill; nil: everything stands.
	Without func(control string) bool
	// LogClients adds the address of the client to log lines.
	LogClients bool
	Log        *slog.Logger
	Metrics    *prometheus.Registry
	Now        func() time.Time
}

// GuidePrefix is where the guide is mounted.
const GuidePrefix = "/guide/"

// Handler answers HTTP.
type Handler struct {
	Config
	rooms   []*room
	log     *room // files below /log/
	house   *room // everything else of our own
	pages   *pages
	shelf   *shelf
	tally   *tally
	metrics *metrics
	writing chan struct{}
	front   *body
	leaving atomic.Bool
	hatch   hatch
}

// room is a dialect where it is mounted; eco is nil for our own paths.
type room struct {
	id     string
	prefix string
	roots  []string
	eco    ecosystem.Ecosystem
	seen   *reads
}

// New makes a handler.
func New(c Config) *Handler {
	if c.Memory == 0 {
		c.Memory = 64 << 20
	}
	if c.Writes == 0 {
		c.Writes = 64
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	h := &Handler{Config: c, pages: newPages(), writing: make(chan struct{}, c.Writes)}
	h.metrics = newMetrics(c.Metrics, h)
	h.shelf = newShelf(c.Blobs, c.Memory, c.Recheck, c.Now, h.metrics)
	h.tally = newTally(c.Now)
	h.log = &room{id: "log", prefix: "/log/", seen: h.metrics.reads("log")}
	h.house = &room{id: "house", prefix: "/", seen: h.metrics.reads("house")}
	for _, eco := range c.Ecosystems {
		i := eco.Info()
		h.rooms = append(h.rooms, &room{id: i.ID, prefix: i.Prefix, roots: i.Roots, eco: eco, seen: h.metrics.reads(i.ID)})
	}
	h.front = h.frontPage()
	return h
}

// Changed says that public files were written or deleted: paths as in
// ecosystem.Document, without "public/" and ".gz". It must be called after the
// last write; requests that begin later see the new bytes.
func (h *Handler) Changed(paths ...string) {
	for _, p := range paths {
		h.shelf.changed(blob.Public + p)
	}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.recovered(w, r)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if pg, ok := h.pages.get(target{r.RequestURI, accept(r.Header)}); ok {
			h.serve(w, r, pg)
			return
		}
	}
	h.route(w, r)
}

// route finds who answers a request that was not asked before.
func (h *Handler) route(w http.ResponseWriter, r *http.Request) {
	path := sentPath(r)
	if h.leak(w, r, path) || h.jobs(w, r, path) || h.logins(w, r, path) {
		return
	}
	switch {
	case path == "/api/v1/changes" && h.Desk != nil:
		h.change(w, r)
		return
	case h.Pages != nil && h.Pages.Owns(path):
		h.Pages.ServeHTTP(w, r)
		return
	case h.Guide != nil && strings.HasPrefix(path, GuidePrefix):
		h.Guide.ServeHTTP(w, r)
		return
	case h.Guide != nil && path+"/" == GuidePrefix:
		http.Redirect(w, r, GuidePrefix, http.StatusMovedPermanently)
		return
	}
	if do := h.ours(path); do != nil {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			h.text(w, r, http.StatusMethodNotAllowed, "only GET and HEAD here\n")
			return
		}
		do(w, r)
		return
	}
	rm := h.roomOf(path)
	switch {
	case rm.eco != nil:
		h.dialect(w, r, rm, rm.below(path))
	case h.roomOf(path+"/").eco != nil:
		http.Redirect(w, r, path+"/", http.StatusMovedPermanently)
	default:
		h.answer(w, r, h.house, ecosystem.Outcome{Err: bonded.Errorf(bonded.NotFound, "there is nothing here")})
	}
}

// sentPath is the path as the client wrote it: adapters read escapes themselves.
func sentPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return path
	}
	return r.URL.EscapedPath() // http://host/path
}

func (h *Handler) roomOf(path string) *room {
	for _, rm := range h.rooms {
		if strings.HasPrefix(path, rm.prefix) || rm.root(path) {
			return rm
		}
	}
	return h.house
}

// root says if clients of the dialect ask for a path wherever it is mounted.
func (rm *room) root(path string) bool {
	return slices.ContainsFunc(rm.roots, func(root string) bool { return strings.HasPrefix(path, "/"+root) })
}

// below is a path as the dialect knows it.
func (rm *room) below(path string) string {
	if rm.root(path) {
		return path[1:]
	}
	return strings.TrimPrefix(path, rm.prefix)
}

// ours returns what answers a path of our own, nil when it is a dialect's.
func (h *Handler) ours(path string) http.HandlerFunc {
	switch path {
	case "/":
		return h.serveFront
	case "/healthz":
		return h.healthz
	case "/readyz":
		return h.readyz
	case "/metrics":
		return h.metrics.handler.ServeHTTP
	case "/.well-known/security.txt":
		return h.securityTxt
	case securityPath:
		return h.serveSecurity
	case passkeyPath:
		return h.servePasskeys
	case "/log/prove":
		return h.prove
	case "/api/v1/openapi.yaml":
		return h.serveOpenAPI
	}
	if strings.HasPrefix(path, "/log/") {
		return func(w http.ResponseWriter, r *http.Request) {
			pg := h.logFile(path[1:])
			h.pages.put(target{r.RequestURI, accept(r.Header)}, pg)
			h.serve(w, r, pg)
		}
	}
	return nil
}
