// Package gomod says to a module proxy what the go command says.
//
// The protocol is the one that "go help goproxy" documents. It only reads: what
// a proxy has came from a code host, and nobody uploads to it.
//
//	Find     GET  MODULE/@v/list
//	Names    GET  catalog, index
//	Package  GET  MODULE/@v/list, MODULE/@latest, MODULE/@v/VERSION.info, .mod
//	Fetch    GET  MODULE/@v/VERSION.zip
//	SumDB    GET  sumdb/NAME/supported, lookup/MODULE@VERSION
//
// Three things stand elsewhere than in other dialects. The index is a list of
// versions without digests: those are told by a checksum database, which a proxy
// may pass on (see [Dialect.SumDB]), and by everybody's go.sum; [Sum] computes
// what they would say. A release is retracted by a line in the go.mod of the
// latest one. And a proxy without a module has nothing by which it could be
// told from a web server that knows no page: name one in [Dialect.Known] where
// neither its words nor a well-known module give it away.
package gomod

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"bonded.dev/prove/visit"
)

var _ visit.Landmarks = Dialect{}

// Dialect is what the go command speaks.
type Dialect struct {
	// Known is a module that the repository is said to have: it is recognised by
	// it, and [Dialect.Names] begins with it. Empty: none.
	Known string
	// SumDB is the name of the checksum database whose answers the repository is
	// asked to pass on; empty: none is asked.
	SumDB string
}

// ID returns the name of the kind.
func (Dialect) ID() string { return "go" }

const (
	// nobody is a module that no proxy has; the domain is reserved (RFC 2606).
	nobody = "bonded-visitor.invalid/no/such/module"
	// wellKnown is a module that a proxy with an upstream has.
	wellKnown = "golang.org/x/mod"
	// mostLines is how much of an index is read.
	mostLines = 2000
)

// Find takes a URL for a proxy that lists the versions of a module or says in a
// proxy's words that it has no such module, and does not list versions of one
// that nobody has.
func (d Dialect) Find(ctx context.Context, w *visit.Web, base string) (string, error) {
	for _, root := range []string{base, base + "go/"} {
		none, err := w.Get(ctx, root+nobody+"/@v/list", "")
		if err != nil {
			return "", err
		}
		if none.OK() {
			continue // it says yes to everything
		}
		ok := saysNone(none)
		for _, name := range []string{d.Known, wellKnown} {
			if ok || name == "" {
				continue
			}
			if ok, err = hasList(ctx, w, root, name); err != nil {
				return "", err
			}
		}
		if ok {
			return root, nil
		}
	}
	return "", nil
}

// Landmarks are a version of the module that [Dialect.Find] asks for.
func (Dialect) Landmarks() map[string][]byte {
	return map[string][]byte{wellKnown + "/@v/list": []byte("v0.1.0\n")}
}

// saysNone reports whether an answer to a module that is not there is in the
// words of a proxy: 404 or 410 in plain text, from which the go command prints
// what follows "not found:". That is the habit of the common proxies; the
// protocol asks for the status alone, with which any web server answers.
func saysNone(r visit.Response) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	text := strings.ToLower(string(r.Body))
	return isNone(r) && kind == "text/plain" && strings.HasPrefix(text, "not found: ")
}

// isNone reports the two statuses that send the go command to the next proxy.
func isNone(r visit.Response) bool { return r.Status == 404 || r.Status == 410 }

func hasList(ctx context.Context, w *visit.Web, root, name string) (bool, error) {
	r, err := w.Get(ctx, root+escapePath(name)+"/@v/list", "")
	if err != nil {
		return false, err
	}
	_, err = versions(r)
	return r.OK() && len(bytes.TrimSpace(r.Body)) > 0 && err == nil, nil
}

// versions reads a list: a version a line; what else a line holds is for nobody.
func versions(r visit.Response) ([]string, error) {
	var all []string
	for line := range strings.Lines(string(r.Body)) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if !semver.IsValid(f[0]) {
			return nil, fmt.Errorf("reading the list of versions: %.60q is none", f[0])
		}
		all = append(all, f[0])
	}
	return all, nil
}

// SumDB reports whether a proxy passes on what a checksum database says.
func SumDB(ctx context.Context, s *visit.Site, name string) (bool, error) {
	r, err := s.Web.Get(ctx, s.Root+"sumdb/"+url.PathEscape(name)+"/supported", "")
	return r.OK(), err
}

// Names returns the known module and then, sorted, those of the catalog that
// Athens has, or of an index with a line of JSON for each version. The protocol
// itself knows no listing.
func (d Dialect) Names(ctx context.Context, s *visit.Site, limit int) ([]string, error) {
	found, err := catalog(ctx, s)
	if err == nil && len(found) == 0 {
		found, err = index(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(found)
	var names []string
	if d.Known != "" {
		names = append(names, d.Known)
	}
	for _, name := range slices.Compact(found) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names[:min(limit, len(names))], nil
}

func catalog(ctx context.Context, s *visit.Site) ([]string, error) {
	r, err := s.Web.Get(ctx, s.Root+"catalog", "application/json")
	if err != nil || !r.OK() {
		return nil, err
	}
	var list struct {
		Modules []struct {
			Module string `json:"module"`
		} `json:"modules"`
	}
	if json.Unmarshal(r.Body, &list) != nil {
		return nil, nil // some other page of that name
	}
	var names []string
	for _, m := range list.Modules {
		names = append(names, m.Module)
	}
	return names, nil
}

func index(ctx context.Context, s *visit.Site) ([]string, error) {
	r, err := s.Web.Get(ctx, fmt.Sprintf("%sindex?limit=%d", s.Root, mostLines), "application/json")
	if err != nil || !r.OK() {
		return nil, err
	}
	var names []string
	lines := bufio.NewScanner(bytes.NewReader(r.Body))
	for lines.Scan() && len(names) < mostLines {
		var line struct{ Path string }
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.Path == "" {
			return nil, nil // some other page of that name
		}
		names = append(names, line.Path)
	}
	return names, nil
}

// escapePath is a module path in a URL: an upper-case letter becomes "!" and its
// lower case. What is no module path is sent nevertheless, for a repository has
// to bear it.
func escapePath(name string) string {
	if p, err := module.EscapePath(name); err == nil {
		return p
	}
	return bang(name)
}

func escapeVersion(version string) string {
	if v, err := module.EscapeVersion(version); err == nil {
		return v
	}
	return bang(version)
}

func bang(s string) string {
	var out strings.Builder
	for _, c := range s {
		if 'A' <= c && c <= 'Z' {
			out.WriteByte('!')
			c += 'a' - 'A'
		}
		out.WriteRune(c)
	}
	return strings.ReplaceAll(url.PathEscape(out.String()), "%2F", "/")
}

// Publish is not in the protocol.
func (Dialect) Publish(context.Context, *visit.Site, visit.Credential, visit.Upload) (visit.Answer, error) {
	return visit.Answer{}, fmt.Errorf("publishing to a module proxy: %w", visit.ErrNotSpoken)
}

// Delete is not in the protocol.
func (Dialect) Delete(context.Context, *visit.Site, visit.Credential, string, string) (visit.Answer, error) {
	return visit.Answer{}, fmt.Errorf("deleting from a module proxy: %w", visit.ErrNotSpoken)
}

// Yank is not in the protocol: a release is retracted by publishing another.
func (Dialect) Yank(context.Context, *visit.Site, visit.Credential, string, string) (visit.Answer, error) {
	return visit.Answer{}, fmt.Errorf("retracting at a module proxy: %w", visit.ErrNotSpoken)
}

// Tag is not in the protocol.
func (Dialect) Tag(context.Context, *visit.Site, visit.Credential, string, string, string) (visit.Answer, error) {
	return visit.Answer{}, fmt.Errorf("tagging at a module proxy: %w", visit.ErrNotSpoken)
}
