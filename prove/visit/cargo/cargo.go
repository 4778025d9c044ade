// Package cargo says to a registry what Cargo says: the sparse index and the
// web API, as the Cargo book documents them under "Registries".
//
//	Find     GET     config.json
//	Names    GET     API/api/v1/crates
//	Package  GET     INDEX/PREFIX/NAME, a line of JSON for each version
//	Fetch    GET     what the template "dl" makes
//	Publish  PUT     API/api/v1/crates/new: metadata, then the .crate
//	Yank     DELETE  API/api/v1/crates/NAME/VERSION/yank
//	Delete   DELETE  API/api/v1/crates/NAME[/VERSION], which few registries have
//
// INDEX is the root of a site; API stands in its config.json, which every
// change reads again, as Cargo does. There are no labels: a client takes the
// highest version that fits.
package cargo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/visit"
)

// Dialect is what Cargo speaks.
type Dialect struct{}

// ID returns the name of the kind.
func (Dialect) ID() string { return "cargo" }

var errShape = errors.New("the answer is not what Cargo reads")

// mostFound is how many crates a page of a search has at most.
const mostFound = 100

// config is an index's config.json.
type config struct {
	DL  string `json:"dl"`
	API string `json:"api"`
}

// Find takes a URL for an index whose config.json says where crates are, or
// which asks for a token in Cargo's own way before it says so.
func (Dialect) Find(ctx context.Context, w *visit.Web, base string) (string, error) {
	for _, below := range []string{"", "index/", "cargo/index/", "cargo/", "api/v1/crates/"} {
		r, err := w.Get(ctx, base+below+"config.json", "")
		if err != nil {
			return "", err
		}
		c, ok := readConfig(r)
		asks := r.Status == 401 && strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Cargo ")
		if r.OK() && ok && isTemplate(c.DL) || asks {
			return base + below, nil
		}
	}
	return "", nil
}

func readConfig(r visit.Response) (c config, ok bool) {
	return c, json.Unmarshal(r.Body, &c) == nil
}

// isTemplate reports whether "dl" can be one: a URL, relative on some registries.
func isTemplate(dl string) bool {
	return strings.HasPrefix(dl, "http://") || strings.HasPrefix(dl, "https://") || strings.HasPrefix(dl, "/")
}

// settings reads config.json; its references become absolute.
func settings(ctx context.Context, s *visit.Site, as visit.Credential) (config, error) {
	at := s.Root + "config.json"
	r, err := s.Web.Do(ctx, visit.Request{Method: "GET", URL: at, Header: headers(as)})
	if err != nil {
		return config{}, err
	}
	c, ok := readConfig(r)
	if !r.OK() || !ok {
		return config{}, fmt.Errorf("reading %s: %d %s: %w", at, r.Status, r.Reason, errShape)
	}
	// No url.Parse here: braces of the template must stay.
	if strings.HasPrefix(c.DL, "/") {
		c.DL = strings.TrimSuffix(visit.Resolve(s.Root, "/"), "/") + c.DL
	}
	if c.API != "" {
		c.API = strings.TrimSuffix(visit.Resolve(s.Root, c.API), "/")
	}
	return c, nil
}

// api is where a registry takes changes; one without has an index alone.
func api(ctx context.Context, s *visit.Site, as visit.Credential) (string, error) {
	c, err := settings(ctx, s, as)
	if err != nil {
		return "", err
	}
	if c.API == "" {
		return "", fmt.Errorf("%sconfig.json names no API: %w", s.Root, visit.ErrNotSpoken)
	}
	return c.API + "/api/v1/crates", nil
}

// Names returns what a search for anything finds, sorted. A registry that finds
// nothing without a word to look for is asked for one letter.
func (Dialect) Names(ctx context.Context, s *visit.Site, limit int) ([]string, error) {
	at, err := api(ctx, s, "")
	if errors.Is(err, visit.ErrNotSpoken) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, text := range []string{"", "a"} {
		r, err := s.Web.Get(ctx, fmt.Sprintf("%s?q=%s&per_page=%d", at, text, mostFound), "application/json")
		if err != nil {
			return nil, err
		}
		if names := found(r); len(names) > 0 {
			return names[:min(limit, len(names))], nil
		}
	}
	return nil, nil
}

func found(r visit.Response) []string {
	var list struct {
		Crates []struct {
			Name string `json:"name"`
		} `json:"crates"`
	}
	if !r.OK() || json.Unmarshal(r.Body, &list) != nil {
		return nil
	}
	var names []string
	for _, c := range list.Crates {
		if c.Name != "" {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// headers are those of a request with a credential. Cargo sends a token as the
// whole value, without a scheme before it.
func headers(as visit.Credential) map[string]string {
	h := map[string]string{"Accept": "application/json"}
	if a := strings.TrimPrefix(as.Bearer(), "Bearer "); a != "" {
		h["Authorization"] = a
	}
	return h
}

// send makes a request that changes something and shows what Cargo would. A 404
// that is not in the registry's own form comes from a server without the route.
func send(ctx context.Context, s *visit.Site, as visit.Credential, method, at string, body []byte) (visit.Answer, error) {
	h := headers(as)
	if body != nil {
		h["Content-Type"] = "application/octet-stream"
	}
	r, err := s.Web.Do(ctx, visit.Request{Method: method, URL: at, Header: h, Body: body})
	if err != nil {
		return visit.Answer{}, err
	}
	said, own := complaints(r)
	if r.Status == 405 || r.Status == 501 || r.Status == 404 && !own {
		return visit.Answer{}, fmt.Errorf("%s %s: %d %s: %w", method, at, r.Status, r.Reason, visit.ErrNotSpoken)
	}
	a := visit.Answer{Status: r.Status, Text: cmp.Or(said, r.Reason)}
	switch {
	case own && r.OK(): // as older registries refuse
		a.Status = 400
	case !own && !r.OK():
		a.Text = cmp.Or(visit.Plain(r), r.Reason)
	}
	return a, nil
}

// complaints are what Cargo prints; a body that has them is a refusal, whatever
// its status.
func complaints(r visit.Response) (text string, ok bool) {
	var body struct {
		Errors []struct {
			Detail string `json:"detail"`
		} `json:"errors"`
	}
	if json.Unmarshal(r.Body, &body) != nil || len(body.Errors) == 0 {
		return "", false
	}
	var said []string
	for _, e := range body.Errors {
		said = append(said, e.Detail)
	}
	return strings.Join(said, "; "), true
}

// Yank does what cargo yank does.
func (Dialect) Yank(ctx context.Context, s *visit.Site, as visit.Credential, name, version string) (visit.Answer, error) {
	at, err := api(ctx, s, as)
	if err != nil {
		return visit.Answer{}, err
	}
	return send(ctx, s, as, "DELETE", at+"/"+url.PathEscape(name)+"/"+url.PathEscape(version)+"/yank", nil)
}

// Delete asks for what Cargo has no command for and some registries have a
// route for. Where there is none the answer is 404, as for a crate that is not
// there.
func (Dialect) Delete(ctx context.Context, s *visit.Site, as visit.Credential, name, version string) (visit.Answer, error) {
	at, err := api(ctx, s, as)
	if err != nil {
		return visit.Answer{}, err
	}
	at += "/" + url.PathEscape(name)
	if version != "" {
		at += "/" + url.PathEscape(version)
	}
	a, err := send(ctx, s, as, "DELETE", at, nil)
	if err == nil && a.Status == 404 {
		return visit.Answer{}, fmt.Errorf("DELETE %s: 404: %w", at, visit.ErrNotSpoken)
	}
	return a, err
}

// Tag is not in the protocol.
func (Dialect) Tag(context.Context, *visit.Site, visit.Credential, string, string, string) (visit.Answer, error) {
	return visit.Answer{}, fmt.Errorf("tagging a crate: %w", visit.ErrNotSpoken)
}
