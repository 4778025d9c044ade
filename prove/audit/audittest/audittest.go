// Package audittest makes up repositories for the tests of probes: a page for
// each path, over real HTTP, and a visit to them.
package audittest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Page is one answer. Zero values: status 200, plain text.
type Page struct {
	Status int
	Type   string
	Body   string
	Header map[string]string
}

// Pages are what a repository answers, by "PATH?QUERY", or "METHOD PATH?QUERY"
// for what is not a GET. What is not there is 404 in plain text.
type Pages map[string]Page

func (p Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page, ok := p[r.Method+" "+r.RequestURI]
	if !ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		page, ok = p[r.RequestURI]
	}
	if !ok {
		page = Page{Status: http.StatusNotFound, Body: "not here\n"}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if page.Type != "" {
		w.Header().Set("Content-Type", page.Type)
	}
	for k, v := range page.Header {
		w.Header().Set(k, v)
	}
	if page.Status == 0 {
		page.Status = http.StatusOK
	}
	w.WriteHeader(page.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(page.Body)) // an error means that the client has gone
	}
}

// Now is the moment of every visit.
func Now() time.Time { return time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC) }

// Visit begins a visit to a repository of a kind, whose dialect lives at its
// base URL. Packages may hold URLs relative to it.
func Visit(t *testing.T, kind string, pages http.Handler, packages ...*visit.Package) *audit.Visit {
	t.Helper()
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	web := visit.NewWeb("bonded-audit/test", 0)
	t.Cleanup(web.Close)
	base := server.URL + "/"
	packages = slices.Clone(packages)
	for i, p := range packages {
		packages[i] = absolute(p, base)
	}
	return &audit.Visit{
		Site:     &visit.Site{Dialect: Dialect{Kind: kind, Packages: packages}, Root: base, Base: base, Web: web},
		Packages: packages, Now: Now(),
	}
}

// absolute is a copy of a package with its URLs completed.
func absolute(of *visit.Package, base string) *visit.Package {
	p := *of
	p.Index.URL = visit.Resolve(base, p.Index.URL)
	p.Releases = slices.Clone(p.Releases)
	for i := range p.Releases {
		r := &p.Releases[i]
		r.Files = slices.Clone(r.Files)
		for k := range r.Files {
			f := &r.Files[k]
			for _, ref := range []*string{&f.URL, &f.Provenance, &f.Metadata} {
				if *ref != "" {
					*ref = visit.Resolve(base, *ref)
				}
			}
		}
	}
	return &p
}

// Look asks a probe and holds what it says against the state that is wanted
// and the words that must be in its sentence.
func Look(t *testing.T, p audit.Probe, v *audit.Visit, want audit.State, words ...string) audit.Finding {
	t.Helper()
	f, err := p(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	if f.State != want {
		t.Errorf("says %q: %s; want %q (%+v)", f.State, f.Why, want, f.Evidence)
	}
	if f.Why == "" {
		t.Error("gives no reason")
	}
	for _, word := range words {
		if !strings.Contains(f.Why, word) {
			t.Errorf("says %q, without %q", f.Why, word)
		}
	}
	for _, e := range f.Evidence {
		if e.URL == "" || e.Saw == "" {
			t.Errorf("evidence %+v is not whole", e)
		}
	}
	return f
}

// Dialect is one that knows its packages and cannot change any.
type Dialect struct {
	Kind     string
	Packages []*visit.Package
}

var _ visit.Dialect = Dialect{}

func (d Dialect) ID() string { return d.Kind }

func (d Dialect) Find(_ context.Context, _ *visit.Web, base string) (string, error) { return base, nil }

func (d Dialect) Names(_ context.Context, _ *visit.Site, limit int) (names []string, err error) {
	for _, p := range d.Packages {
		names = append(names, p.Name)
	}
	return names[:min(limit, len(names))], nil
}

func (d Dialect) Package(_ context.Context, _ *visit.Site, name string) (*visit.Package, error) {
	i := slices.IndexFunc(d.Packages, func(p *visit.Package) bool { return p.Name == name })
	if i < 0 {
		return nil, visit.ErrNone
	}
	return d.Packages[i], nil
}

func (d Dialect) Publish(context.Context, *visit.Site, visit.Credential, visit.Upload) (visit.Answer, error) {
	return visit.Answer{}, visit.ErrNotSpoken
}

func (d Dialect) Delete(context.Context, *visit.Site, visit.Credential, string, string) (visit.Answer, error) {
	return visit.Answer{}, visit.ErrNotSpoken
}

func (d Dialect) Yank(context.Context, *visit.Site, visit.Credential, string, string) (visit.Answer, error) {
	return visit.Answer{}, visit.ErrNotSpoken
}

func (d Dialect) Tag(context.Context, *visit.Site, visit.Credential, string, string, string) (visit.Answer, error) {
	return visit.Answer{}, visit.ErrNotSpoken
}
