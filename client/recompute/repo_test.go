package recompute_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"bonded.dev"
	"bonded.dev/client/recompute"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/logwire"
	"bonded.dev/internal/statemap"
	"bonded.dev/registry/ledger"
	"bonded.dev/registry/ledger/ledgertest"
)

const origin = "packages.example/bonded/1"

var when = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// toy is a dialect just large enough to have every kind of document: one that
// depends on the public URL, one chosen by Accept, one that is content-addressed
// and not under log/doc, one about the whole repository.
type toy struct {
	ecosystem.Grammar
	ecosystem.Wire
}

func (toy) Info() ecosystem.Info { return ecosystem.Info{ID: "toy", Prefix: "/toy/"} }

func (toy) ArtifactPath(n bonded.Name, version, file string) string {
	return "toy/" + n.Key + "/-/" + file
}

func (t toy) Render(p *bonded.Package, h *bonded.House, docs ecosystem.Docs, _ uint64) ([]ecosystem.Document, error) {
	url := "toy/" + p.Name.Key
	long := ecosystem.Document{Path: url + "/long.json", Type: "application/json", URL: url, Accept: "application/json"}
	short := ecosystem.Document{Path: url + "/short.txt", Type: "text/plain", URL: url, Accept: "text/plain"}
	out := []ecosystem.Document{long, short}
	if !p.Live() {
		out[0].Gone, out[1].Gone = true, true
		return out, nil
	}
	text := fmt.Sprintf("at %s since %s, modified %s\n", h.URL, p.Claimed, p.Modified)
	for r := range p.Releases() {
		text += fmt.Sprintf("%s yanked=%v %s\n", r.Version, r.Yanked, message(docs, r.Deprecated))
		for _, f := range r.Files {
			if f.Removed {
				out = append(out, ecosystem.Document{Path: t.ArtifactPath(p.Name, r.Version, f.Name) + ".more", URL: t.ArtifactPath(p.Name, r.Version, f.Name) + ".more", Gone: true})
				continue
			}
			meta, err := docs.Doc(f.Meta)
			if err != nil {
				return nil, err
			}
			text += fmt.Sprintf("  %s %s\n", f.Name, meta)
			more := ecosystem.Document{Path: t.ArtifactPath(p.Name, r.Version, f.Name) + ".more", Type: "text/plain"}
			more.URL = more.Path
			more.Parts = []ecosystem.Part{{Bytes: func() ([]byte, error) { return docs.Doc(bonded.DigestOf(moreOf(f.Digest))) }}}
			out = append(out, more)
		}
	}
	out[0].Parts = []ecosystem.Part{ecosystem.Text([]byte("long\n")), ecosystem.Text([]byte(text))}
	out[1].Parts = []ecosystem.Part{ecosystem.Text(p.State())}
	return out, nil
}

// moreOf is a document that only its digest binds to the log.
func moreOf(artifact bonded.Digest) []byte { return []byte("more about " + artifact.Hex() + "\n") }

func message(docs ecosystem.Docs, d bonded.Digest) string {
	b, err := docs.Doc(d)
	if known := (*bonded.Error)(nil); errors.As(err, &known) && known.Kind == bonded.NotFound {
		return "no message"
	}
	return string(b)
}

func (toy) RenderHouse(h *bonded.House, _ ecosystem.Docs) ([]ecosystem.Document, error) {
	var b bytes.Buffer
	for _, run := range h.Names("toy") {
		for _, n := range run {
			fmt.Fprintln(&b, n.Display)
		}
	}
	return []ecosystem.Document{{Path: "toy/all.txt", Type: "text/plain", URL: "toy/all.txt", Parts: []ecosystem.Part{ecosystem.Text(b.Bytes())}}}, nil
}

// repo is an honest repository in memory, until a test says otherwise.
type repo struct {
	t        testing.TB
	signer   note.Signer
	vkey     string
	mu       sync.Mutex // one request or one change at a time
	tx       *ledgertest.Memory
	m        *statemap.Map
	head     ledger.Head
	house    *bonded.House
	packages map[string]*bonded.Package
	docs     map[bonded.Digest][]byte
	bytes    map[bonded.Digest][]byte // artifacts
	pending  []bonded.Entry
	// What is on the shelf: bytes by path, and the path behind URL and Accept.
	files     map[string][]byte
	routes    map[string]ecosystem.Document
	prover    *ledger.Prover
	exported  uint64
	onRequest func(path string, w http.ResponseWriter) (handled bool)
}

func newRepo(t testing.TB) *repo {
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	r := &repo{t: t, signer: signer, vkey: vkey, tx: &ledgertest.Memory{}, m: statemap.New(), house: &bonded.House{}, packages: map[string]*bonded.Package{},
		docs: map[bonded.Digest][]byte{}, bytes: map[bonded.Digest][]byte{}, files: map[string][]byte{}, routes: map[string]ecosystem.Document{}}
	r.add(bonded.Entry{Type: bonded.Genesis, Origin: origin})
	r.add(bonded.Entry{Type: bonded.Site, URL: "https://packages.example/"})
	r.add(bonded.Entry{Type: bonded.Key, Key: bonded.RegistryKey{Ecosystem: "toy", ID: "key1", Public: []byte("public")}})
	return r
}

func toyName(key string) bonded.Name {
	return bonded.Name{Ecosystem: "toy", Key: key, Display: strings.ToUpper(key)}
}

func (r *repo) add(e bonded.Entry) {
	e.Time = when.Add(time.Duration(len(r.pending)) * time.Second)
	r.pending = append(r.pending, e)
}

func (r *repo) doc(text string) bonded.Digest {
	d := bonded.DigestOf([]byte(text))
	r.docs[d] = []byte(text)
	return d
}

// publish adds a release, and the claim of a new name.
func (r *repo) publish(key, version string) {
	n := toyName(key)
	if r.packages[n.String()] == nil && !r.isPending(n) {
		r.add(bonded.Entry{Type: bonded.Claim, Name: n})
		r.add(bonded.Entry{Type: bonded.Owners, Name: n, Doc: r.doc("owners of " + key), Count: 1})
	}
	b := []byte("artifact " + key + " " + version)
	d := bonded.DigestOf(b)
	r.bytes[d] = b
	e := bonded.Entry{Type: bonded.Publish, Name: n, Version: version, File: key + "-" + version + ".tgz", Digest: d, Size: int64(len(b)),
		Meta: r.doc("meta of " + key + " " + version), Sig: bonded.Signature{KeyID: "key1", Bytes: []byte("sig")}}
	r.add(e)
	r.add(bonded.Entry{Type: bonded.SetTag, Name: n, Tag: "latest", Version: version})
}

func (r *repo) isPending(n bonded.Name) bool {
	for _, e := range r.pending {
		if e.Name.Same(n) {
			return true
		}
	}
	return false
}

// seal appends what is pending as one batch.
func (r *repo) seal() {
	r.t.Helper()
	at := r.head.Size
	var records []bonded.Record
	var err error
	for i, e := range r.pending {
		if !e.Name.IsZero() {
			p := r.packages[e.Name.String()]
			if p == nil {
				p = &bonded.Package{Name: e.Name}
			}
			if p, err = p.Apply(at+uint64(i), e); err != nil {
				r.t.Fatal(err)
			}
			r.packages[e.Name.String()] = p
			records = append(records, p.Records(e)...)
		}
		if r.house, err = r.house.Apply(at+uint64(i), e); err != nil {
			r.t.Fatal(err)
		}
	}
	if r.head, r.m, err = ledger.Append(r.tx, r.m, r.pending, records); err != nil {
		r.t.Fatal(err)
	}
	r.pending = nil
}

// putLog exports tiles and the checkpoint.
func (r *repo) putLog() {
	r.t.Helper()
	put := func(_ context.Context, path string, b []byte) error {
		r.files[path] = bytes.Clone(b)
		return nil
	}
	if err := ledger.Export(context.Background(), put, r.tx, r.exported, r.head.Size); err != nil {
		r.t.Fatal(err)
	}
	for prefix := range ledger.Stale(r.exported, r.head.Size) {
		for path := range r.files {
			if strings.HasPrefix(path, prefix) {
				delete(r.files, path)
			}
		}
	}
	r.exported = r.head.Size
	for d, b := range r.docs {
		r.files[logwire.DocPath(d)] = bytes.Clone(b)
	}
	msg, err := ledger.Checkpoint(origin, r.head, r.signer)
	if err != nil {
		r.t.Fatal(err)
	}
	r.files[logwire.CheckpointPath] = msg
	r.files[logwire.KeyPath] = []byte(r.vkey + "\n")
	now := ledger.Snapshot{Checkpoint: bytes.Clone(msg), Head: r.head, Map: r.m}
	packages := map[string]*bonded.Package{}
	for k, v := range r.packages {
		packages[k] = v
	}
	r.prover = &ledger.Prover{
		Current: func() (ledger.Snapshot, bool) { return now, true },
		View:    func(_ context.Context, do func(ledger.Tx) error) error { return do(r.tx) },
		Package: func(_ context.Context, n bonded.Name, _ uint64) (*bonded.Package, error) {
			return packages[n.String()], nil
		},
	}
}

// putDocuments puts artifacts and documents on the shelf.
func (r *repo) putDocuments() {
	r.t.Helper()
	house, err := toy{}.RenderHouse(r.house, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.shelve(house)
	for _, p := range r.packages {
		for rel := range p.Releases() {
			for _, f := range rel.Files {
				path := toy{}.ArtifactPath(p.Name, rel.Version, f.Name)
				r.files[path] = bytes.Clone(r.bytes[f.Digest])
				if f.Removed {
					delete(r.files, path)
				}
			}
		}
		docs, err := toy{}.Render(p, r.house, shelfDocs{r}, 0)
		if err != nil {
			r.t.Fatal(err)
		}
		r.shelve(docs)
	}
}

// shelfDocs knows all documents, the ones that are not under log/doc too.
type shelfDocs struct{ r *repo }

func (s shelfDocs) Doc(d bonded.Digest) ([]byte, error) {
	if b, ok := s.r.docs[d]; ok {
		return b, nil
	}
	for artifact := range s.r.bytes {
		if b := moreOf(artifact); bonded.DigestOf(b) == d {
			return b, nil
		}
	}
	return nil, bonded.Errorf(bonded.NotFound, "no document")
}

func (r *repo) shelve(docs []ecosystem.Document) {
	for _, d := range docs {
		r.routes[d.URL+" "+d.Accept] = d
		delete(r.files, d.Path)
		delete(r.files, d.Path+".gz")
		if d.Gone {
			continue
		}
		var b []byte
		for _, p := range d.Parts {
			part, err := p.Bytes()
			if err != nil {
				r.t.Fatal(err)
			}
			b = append(b, part...)
		}
		r.files[d.Path] = b
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write(b)
		w.Close()
		r.files[d.Path+".gz"] = z.Bytes()
	}
}

func (r *repo) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := req.URL.Path[1:]
	if r.onRequest != nil && r.onRequest(path, w) {
		return
	}
	if path == logwire.ProvePath {
		r.serveProof(w, req)
		return
	}
	kind := "application/octet-stream"
	if d, ok := r.routes[path+" "+req.Header.Get("Accept")]; ok {
		path, kind = d.Path, d.Type
		if b, ok := r.files[path+".gz"]; ok && req.Header.Get("Accept-Encoding") == "gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", kind)
			w.Write(b)
			return
		}
	}
	b, ok := r.files[path]
	if !ok {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Write(b)
}

func (r *repo) serveProof(w http.ResponseWriter, req *http.Request) {
	q, err := logwire.ParseQuestion(req.URL.Query())
	var a ledger.Answer
	if err == nil {
		a, err = r.prover.Prove(req.Context(), q)
	}
	var b []byte
	if err == nil {
		b, err = a.JSON()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(b)
}

// start serves the repository.
func (r *repo) start(t testing.TB) string {
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return server.URL
}

// options look fast and with the right key.
func (r *repo) options() recompute.Options {
	return recompute.Options{Key: r.vkey, Patience: time.Millisecond}
}

func (r *repo) verify(t testing.TB, url string) *recompute.Report {
	t.Helper()
	report, err := recompute.Verify(t.Context(), url, []ecosystem.Ecosystem{toy{}}, r.options())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// sample is a repository with every kind of fact and more than one full tile.
func sample(t testing.TB) *repo {
	r := newRepo(t)
	r.seal()
	r.publish("many", "0.0.0")
	for i := range 120 { // fills a tile
		r.add(bonded.Entry{Type: []bonded.EntryType{bonded.Yank, bonded.Unyank}[i%2], Name: toyName("many"), Version: "0.0.0"})
		r.seal()
	}
	for i := range 12 {
		r.publish(fmt.Sprint("p", i), "1.0.0")
		r.publish(fmt.Sprint("p", i), "2.0.0")
	}
	r.seal()
	r.putLog() // a checkpoint whose partial tiles stay
	name := toyName("p1")
	r.add(bonded.Entry{Type: bonded.Yank, Name: name, Version: "1.0.0", Doc: r.doc("broken")})
	r.add(bonded.Entry{Type: bonded.Deprecate, Name: name, Version: "2.0.0", Doc: r.doc("use another")})
	r.add(bonded.Entry{Type: bonded.Owners, Name: name, Doc: r.doc("owners of p1, newer"), Count: 2})
	r.add(bonded.Entry{Type: bonded.Policy, Name: name, Doc: r.doc("policy of p1")})
	r.add(bonded.Entry{Type: bonded.Override, Doc: r.doc("glass")})
	r.add(bonded.Entry{Type: bonded.Remove, Name: toyName("p2"), Version: "1.0.0", File: "p2-1.0.0.tgz"})
	r.add(bonded.Entry{Type: bonded.Remove, Name: toyName("p3"), Version: "1.0.0", File: "p3-1.0.0.tgz"})
	r.add(bonded.Entry{Type: bonded.Remove, Name: toyName("p3"), Version: "2.0.0", File: "p3-2.0.0.tgz"})
	r.seal()
	r.putLog()
	r.putDocuments()
	return r
}
