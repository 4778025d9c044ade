// Package pypi says to a repository what pip, twine and uv say.
//
// What is sent and read is taken from the standards (simple API: PEP 503, 592,
// 658, 691, 700, 740, 792; core metadata; wheels: PEP 427) and from twine's
// sources; the registry's adapter was not looked at. Requests, by operation,
// relative to the simple index, which is the root:
//
//	Find     GET   ./
//	Names    GET   ./
//	Package  GET   NAME/, and for small packages FILE.metadata
//	Publish  POST  ../upload/, ../legacy/ or ../, whichever takes uploads
//	Delete   what the server has: see below
//	Yank     what the server has: see below
//
// No standard lets a client yank or delete. Three servers can be asked anyway:
// one that describes a POST of changes in an OpenAPI document, one that takes
// the old form's remove_pkg, and one that takes a DELETE next to its "+simple".
// For all others it is [visit.ErrNotSpoken].
package pypi

import (
	"context"
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"

	"bonded.dev/prove/visit"
)

// Dialect is what the clients of a Python package index speak.
type Dialect struct{}

// ID returns the name of the kind.
func (Dialect) ID() string { return "pypi" }

const (
	typeJSON = "application/vnd.pypi.simple.v1+json"
	typeHTML = "application/vnd.pypi.simple.v1+html"
	// installing is what pip asks for (pip, index/collector.py).
	installing = typeJSON + ", " + typeHTML + "; q=0.1, text/html; q=0.01"
	// nobody is a name that no index has.
	nobody = "no-such-project-for-a-visitor"
	// mostNames bounds how much of a list of all projects is read, bytes: some
	// have a million.
	mostNames = 1 << 20
)

// Find takes a URL for a simple index that says so in JSON, or in an HTML page
// that cannot be much else, and that does not have every project.
func (Dialect) Find(ctx context.Context, w *visit.Web, base string) (string, error) {
	for _, root := range places(base) {
		r, err := index(ctx, w, root)
		if err != nil {
			return "", err
		}
		if !r.OK() || r.URL != root || !isIndex(r) {
			continue
		}
		r, err = w.Do(ctx, visit.Request{
			Method: "GET", URL: root + nobody + "/", Header: map[string]string{"Accept": installing}, NoRedirect: true,
		})
		if err != nil {
			return "", err
		}
		if !r.OK() {
			return root, nil
		}
	}
	return "", nil
}

// places are where an index may be. One that a URL names comes first; else those
// below it do, because some servers show their index above its place too.
func places(base string) []string {
	if strings.HasSuffix(base, "simple/") {
		return []string{base}
	}
	return []string{base + "simple/", base + "+simple/", base + "pypi/simple/", base}
}

// index reads the beginning of a list of all projects.
func index(ctx context.Context, w *visit.Web, root string) (visit.Response, error) {
	return w.Do(ctx, visit.Request{Method: "GET", URL: root, Header: map[string]string{"Accept": installing}, Limit: mostNames})
}

func isIndex(r visit.Response) bool {
	if isJSON(r) {
		_, ok := listJSON(r.Body)
		return ok
	}
	p := parsePage(r)
	if p.metas["pypi:repository-version"] != "" {
		return true
	}
	if len(p.anchors) == 0 {
		title := strings.ToLower(p.title)
		return strings.Contains(title, "simple index") || strings.Contains(title, "simple list")
	}
	if r.Cut {
		p.anchors = p.anchors[:len(p.anchors)-1] // which may be cut too
	}
	for _, a := range p.anchors {
		if !a.isProject(r.URL) {
			return false
		}
	}
	return true
}

func kind(r visit.Response) string {
	k, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return k
}

// isJSON goes by what the server says, as pip does. Some old servers know no
// better than application/json.
func isJSON(r visit.Response) bool { return kind(r) == typeJSON || kind(r) == "application/json" }

// Names returns the first names of the index, sorted. Of a long index, the
// first are those among its first megabyte.
func (Dialect) Names(ctx context.Context, s *visit.Site, limit int) ([]string, error) {
	r, err := index(ctx, s.Web, s.Root)
	if err != nil {
		return nil, err
	}
	if !r.OK() {
		return nil, fmt.Errorf("listing projects: %d %s", r.Status, r.Reason)
	}
	var names []string
	if isJSON(r) {
		names, _ = listJSON(r.Body)
	} else {
		for _, a := range parsePage(r).anchors {
			if a.isProject(r.URL) {
				names = append(names, a.text)
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(limit, len(names))], nil
}

// Tag is nothing that a Python package index knows.
func (Dialect) Tag(context.Context, *visit.Site, visit.Credential, string, string, string) (visit.Answer, error) {
	return visit.Answer{}, fmt.Errorf("tagging a project: %w", visit.ErrNotSpoken)
}

var runs = regexp.MustCompile(`[-_.]+`)

// normal is a name as URLs and comparisons have it (PEP 503).
func normal(name string) string { return strings.ToLower(runs.ReplaceAllString(name, "-")) }

// escaped is a name as file names have it (PEP 427, PEP 625).
func escaped(name string) string { return strings.ReplaceAll(normal(name), "-", "_") }
