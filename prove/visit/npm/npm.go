// Package npm says to a repository what npm, pnpm and yarn say.
//
// What is sent and read is taken from the clients' sources (npm's
// libnpmpublish, npm-registry-fetch and pacote) and from what registries
// answer; the registry's adapter was not looked at. Requests, by operation:
//
//	Find     GET  -/v1/search, -/ping
//	Names    GET  -/v1/search, -/all
//	Package  GET  NAME, abbreviated and, for times, full
//	Publish  PUT  NAME with the tarball in _attachments
//	Delete   GET  NAME?write=true, then PUT or DELETE NAME/-rev/REV
//	Yank     GET  NAME?write=true, then PUT NAME: npm deprecate
//	Tag      PUT  -/package/NAME/dist-tags/TAG
//
// A scoped name is one path segment, its slash escaped, as npm sends it.
package npm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev/prove/visit"
)

// Dialect is what npm speaks.
type Dialect struct{}

// ID returns the name of the kind.
func (Dialect) ID() string { return "npm" }

const (
	typeJSON        = "application/json"
	typeAbbreviated = "application/vnd.npm.install-v1+json"
	// installing is what npm install asks for (pacote, lib/registry.js).
	installing = typeAbbreviated + "; q=1.0, application/json; q=0.8, */*"
	// mostFound is how many hits a search gives at once on every registry.
	mostFound = 250
	// nobody is a name that no registry has, and the shape of one that it could.
	nobody = "no-such-package-for-a-visitor"
)

// Find takes a URL for a registry that answers a search in npm's shape, or a
// ping and, in JSON, that it has no such package. A page that answers to
// everything does neither.
func (Dialect) Find(ctx context.Context, w *visit.Web, base string) (string, error) {
	for _, root := range []string{base, base + "npm/"} {
		if _, ok, err := search(ctx, w, root, "a", 1); err != nil || ok {
			return found(root, err)
		}
		r, err := w.Get(ctx, root+"-/ping", typeJSON)
		if err != nil {
			return "", err
		}
		if _, ok := object(r); !ok || !r.OK() {
			continue
		}
		r, err = w.Get(ctx, root+nobody, typeJSON)
		if err != nil {
			return "", err
		}
		if _, ok := object(r); ok && r.Status == 404 {
			return root, nil
		}
	}
	return "", nil
}

func found(root string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return root, nil
}

// object reads a JSON object out of an answer that says that it is JSON.
func object(r visit.Response) (map[string]jsontext.Value, bool) {
	kind := kindOf(r)
	if kind != typeJSON && kind != typeAbbreviated && !strings.HasSuffix(kind, "+json") {
		return nil, false
	}
	var o map[string]jsontext.Value
	return o, json.Unmarshal(r.Body, &o) == nil
}

func kindOf(r visit.Response) string {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind
}

// search asks for packages; ok is whether the answer had the shape of one.
func search(ctx context.Context, w *visit.Web, root, text string, size int) (names []string, ok bool, err error) {
	r, err := w.Get(ctx, fmt.Sprintf("%s-/v1/search?text=%s&size=%d", root, url.QueryEscape(text), size), typeJSON)
	if err != nil {
		return nil, false, err
	}
	o, isObject := object(r)
	hits, has := o["objects"]
	if !r.OK() || !isObject || !has || hits.Kind() != '[' {
		return nil, false, nil
	}
	var list []struct {
		Package struct {
			Name string `json:"name"`
		} `json:"package"`
	}
	if err := json.Unmarshal(hits, &list); err != nil {
		return nil, false, nil
	}
	for _, h := range list {
		if h.Package.Name != "" {
			names = append(names, h.Package.Name)
		}
	}
	return names, true, nil
}

// Names returns what a search for anything finds, sorted. A registry that
// finds nothing without a word to look for is asked for one letter; one without
// a search, for everything (-/all).
func (Dialect) Names(ctx context.Context, s *visit.Site, limit int) ([]string, error) {
	for _, text := range []string{"", "a"} {
		names, _, err := search(ctx, s.Web, s.Root, text, mostFound)
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			return first(names, limit), nil
		}
	}
	r, err := s.Web.Get(ctx, s.Root+"-/all", typeJSON)
	if err != nil {
		return nil, err
	}
	o, ok := object(r)
	if !ok || !r.OK() {
		return nil, nil
	}
	var names []string
	for name := range o {
		if !strings.HasPrefix(name, "_") { // _updated is a time
			names = append(names, name)
		}
	}
	return first(names, limit), nil
}

func first(names []string, limit int) []string {
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(limit, len(names))]
}

// escaped is a name as one segment of a path, written as npm writes it.
func escaped(name string) string {
	return strings.ReplaceAll(url.PathEscape(name), "%2F", "%2f")
}

// send makes a request that changes something and shows what npm would.
func send(ctx context.Context, s *visit.Site, as visit.Credential, method, url string, body []byte) (visit.Answer, error) {
	r, err := s.Web.Do(ctx, visit.Request{Method: method, URL: url, Header: headers(as), Body: body})
	if err != nil {
		return visit.Answer{}, err
	}
	return answer(method, r)
}

func headers(as visit.Credential) map[string]string {
	h := map[string]string{"Content-Type": typeJSON, "Accept": "*/*"}
	if a := as.Bearer(); a != "" {
		h["Authorization"] = a
	}
	return h
}

// answer is what npm prints: of a JSON body the member "error" (npm-registry-fetch,
// lib/errors.js), or whatever else stands there for a person to read.
func answer(method string, r visit.Response) (visit.Answer, error) {
	if r.Status == 405 || r.Status == 501 {
		return visit.Answer{}, fmt.Errorf("%s %s: %d %s: %w", method, r.URL, r.Status, r.Reason, visit.ErrNotSpoken)
	}
	a := visit.Answer{Status: r.Status}
	if o, ok := object(r); ok {
		a.Text = cmp.Or(text(o["error"]), text(o["reason"]), text(o["message"]), text(o["ok"]))
	} else if !r.OK() {
		a.Text = visit.Plain(r)
	}
	a.Text = cmp.Or(a.Text, r.Reason)
	return a, nil
}

// text is the value of a JSON string; "" for anything else.
func text(v jsontext.Value) string {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

var errShape = errors.New("the answer is not what npm reads")
