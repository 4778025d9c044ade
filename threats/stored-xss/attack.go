// Package storedxss writes markup where a page shows what a publisher wrote. It
// does nothing but be there.
package storedxss

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "markup in a description", Play: markup(visit.Manifest{Description: payload})},
	{Name: "markup in a required language version", Kinds: []string{"npm", "pypi"}, Play: markup(visit.Manifest{Requires: `>=3.0,!=3.1"` + payload})},
	{Name: "markup in a name that is not there", Play: reflected},
	{Name: "a page as the package's file", Play: page},
}

// payload is what must never stand in a page as it is. It runs nothing.
const payload = `<script>/*drill*/</script><img src=x onerror=drill>`

// pages are what a person may open about a package: the index as a browser
// asks for it, and where many repositories have pages.
func pages(s *drill.Scene, name string) []string {
	return []string{
		s.Site.Root + name, s.Site.Root + name + "/", s.Site.Root,
		s.Site.Base, s.Site.Base + name, s.Site.Base + "package/" + name, s.Site.Base + "-/web/detail/" + name,
		s.Site.Base + "search?q=" + name, s.Site.Base + "-/v1/search?text=" + name,
	}
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// acts reports whether a browser would take an answer for a page.
func acts(res visit.Response) bool {
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		return !strings.EqualFold(res.Header.Get("X-Content-Type-Options"), "nosniff")
	}
	return kind == "text/html" || kind == "application/xhtml+xml" || kind == "image/svg+xml"
}

func markup(m visit.Manifest) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name := s.Name("page")
		a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Inside: m})
		if err != nil {
			return drill.Result{}, err
		}
		if a.Refused() {
			return drill.Stopped("%s", a)
		}
		for _, url := range pages(s, name) {
			res, err := s.Site.Web.Get(ctx, url, browser)
			if err != nil {
				return drill.Result{}, err
			}
			if acts(res) && bytes.Contains(res.Body, []byte(payload)) {
				return drill.Harmed("a script of the publisher's runs in the browser of whoever opens %s", strings.TrimPrefix(url, s.Site.Base))
			}
		}
		return drill.Stopped("no page shows it as markup")
	}
}

// reflected needs no package: the name comes out of a link.
func reflected(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	const asked = "%3Cscript%3E%2F*drill*%2F%3C%2Fscript%3E"
	for _, url := range pages(s, asked) {
		res, err := s.Site.Web.Get(ctx, url, browser)
		if err != nil {
			return drill.Result{}, err
		}
		if acts(res) && bytes.Contains(res.Body, []byte("<script>/*drill*/</script>")) {
			return drill.Harmed("a link to %s runs a script in the browser of whoever follows it", strings.TrimPrefix(url, s.Site.Base))
		}
	}
	return drill.Stopped("no page repeats it as markup")
}

// page asks whether a file that a publisher wrote can act as a page of the
// repository's own.
func page(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("page")
	up := visit.Upload{Name: name, Version: "1.0.0", Canary: payload, File: name + "-1.0.0.html",
		Mangle: func([]byte) []byte { return []byte("<!doctype html>" + payload) }}
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	p, err := s.Site.Package(ctx, name)
	if errors.Is(err, visit.ErrNone) {
		return drill.Stopped("%s", a)
	}
	if err != nil {
		return drill.Result{}, err
	}
	r := p.Release("1.0.0")
	if r == nil {
		return drill.Stopped("%s", a)
	}
	for _, f := range r.Files {
		res, err := s.Site.Web.Get(ctx, f.URL, browser)
		if err != nil {
			return drill.Result{}, err
		}
		inert := strings.Contains(res.Header.Get("Content-Disposition"), "attachment") || res.Header.Get("Content-Security-Policy") != ""
		if acts(res) && !inert && bytes.Contains(res.Body, []byte(payload)) {
			return drill.Harmed("%s is a page of a publisher's on the repository's own host", f.Name)
		}
	}
	return drill.Stopped("it is served as a file, not as a page: %s", a)
}
