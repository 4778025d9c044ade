package serve_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/registry/serve"
)

func TestReadiness(t *testing.T) {
	var broken error
	l := newLab(t, func(c *serve.Config) {
		c.Ready = []serve.Check{
			{Name: "database", Do: func(context.Context) error { return broken }},
			{Name: "blobs", Do: func(context.Context) error { return nil }},
		}
	})
	r := l.do("GET", "/readyz")
	want(t, "status", r.StatusCode, 200)
	if got := text(t, r); !strings.Contains(got, `"ready": true`) || !strings.Contains(got, `"database": "ok"`) {
		t.Errorf("answer %s", got)
	}
	broken = errors.New("password is hunter2")
	r = l.do("GET", "/readyz")
	want(t, "status", r.StatusCode, 503)
	if got := text(t, r); !strings.Contains(got, `"database": "failing"`) || !strings.Contains(got, `"blobs": "ok"`) || strings.Contains(got, "hunter2") {
		t.Errorf("answer %s", got)
	}
	want(t, "alive", l.do("GET", "/healthz").StatusCode, 200)
	l = newLab(t, func(c *serve.Config) {
		c.Ready = []serve.Check{{Name: "bad", Do: func(context.Context) error { panic("x") }}}
	})
	want(t, "a check that panics", l.do("GET", "/readyz").StatusCode, 503)
}

func TestFrontPage(t *testing.T) {
	l := newLab(t)
	r := l.do("GET", "/")
	body := text(t, r)
	if r.StatusCode != 200 || !strings.Contains(body, "toy config http://registry.example/toy/") || !strings.Contains(body, "toy, &lt;b&gt;") {
		t.Errorf("front page: %d\n%s", r.StatusCode, body)
	}
	csp := r.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(body, "<script") || strings.Contains(body, " style=") {
		t.Errorf("policy %q", csp)
	}
	want(t, "again", l.do("GET", "/", "If-None-Match: "+r.Header.Get("Etag")).StatusCode, 304)
}

func TestGuideIsMounted(t *testing.T) {
	l := newLab(t)
	want(t, "no guide", l.do("GET", "/guide/").StatusCode, 404)
	if strings.Contains(text(t, l.do("GET", "/")), "/guide/") {
		t.Error("the front page leads to a guide that is not there")
	}
	l = newLab(t, func(c *serve.Config) {
		c.Guide = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page "+r.URL.Path) })
	})
	want(t, "a page", text(t, l.do("GET", "/guide/controls/cooldown.html")), "page /guide/controls/cooldown.html")
	r := l.do("GET", "/guide")
	want(t, "without a slash", r.StatusCode, 301)
	want(t, "where to", r.Header.Get("Location"), "/guide/")
	if !strings.Contains(text(t, l.do("GET", "/")), `href="/guide/"`) {
		t.Error("the front page does not lead to the guide")
	}
}

// somePages are pages that people come to.
type somePages struct{}

func (somePages) Owns(path string) bool { return path == "/signin" }
func (somePages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "page "+r.URL.Path)
}

func TestFrontPageLeadsToSigningIn(t *testing.T) {
	if body := text(t, newLab(t).do("GET", "/")); strings.Contains(body, "/signin") || !strings.Contains(body, "The administrator of this repository makes one") {
		t.Error("the front page leads to pages that are not there")
	}
	l := newLab(t, func(c *serve.Config) { c.Pages = somePages{} })
	body := text(t, l.do("GET", "/"))
	for _, link := range []string{`href="/signin"`, `href="/account/tokens/new"`, `href="/signup"`} {
		if !strings.Contains(body, link) {
			t.Errorf("the front page has no %s", link)
		}
	}
	want(t, "a page", text(t, l.do("GET", "/signin")), "page /signin")
}

func TestSecurityTxt(t *testing.T) {
	l := newLab(t)
	r := l.do("GET", "/.well-known/security.txt")
	want(t, "type", r.Header.Get("Content-Type"), "text/plain; charset=utf-8")
	want(t, "text", text(t, r), "Contact: mailto:security@registry.example\nExpires: 2027-05-23T00:00:00Z\n"+
		"Canonical: http://registry.example/.well-known/security.txt\nPreferred-Languages: en\n")
	l = newLab(t, func(c *serve.Config) { c.Contact = "" })
	want(t, "without a contact", l.do("GET", "/.well-known/security.txt").StatusCode, 404)
}

func TestMetrics(t *testing.T) {
	l := newLab(t, func(c *serve.Config) { c.LogSize = func() uint64 { return 42 } })
	l.put("toy/a/doc.json", "x")
	tag := l.do("GET", "/toy/a").Header.Get("Etag")
	l.do("GET", "/toy/a", "If-None-Match: "+tag)
	l.do("GET", "/toy/a", "Range: bytes=0-0")
	l.do("GET", "/toy/a", "Range: bytes=9-")
	l.do("GET", "/toy/a", "If-Modified-Since: Mon, 02 Jan 2090 15:04:05 GMT")
	l.do("GET", "/toy/b")
	l.Batch(3, 0)
	got := text(t, l.do("GET", "/metrics"))
	for _, line := range []string{
		`bonded_requests_total{dialect="toy",status="200",verb="fetch"} 1`,
		`bonded_requests_total{dialect="toy",status="304",verb="fetch"} 2`,
		`bonded_requests_total{dialect="toy",status="206",verb="fetch"} 1`,
		`bonded_requests_total{dialect="toy",status="4xx",verb="fetch"} 1`,
		`bonded_requests_total{dialect="toy",status="404",verb="fetch"} 1`,
		`bonded_log_entries 42`,
		`bonded_batch_drafts_sum 3`,
		`bonded_memory_misses_total 2`,
		`bonded_memory_hits_total 4`,
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("metrics lack %s", line)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestProve(t *testing.T) {
	l := newLab(t, func(c *serve.Config) {
		c.Prove = func(_ context.Context, q url.Values) ([]byte, error) {
			switch q.Get("name") {
			case "":
				return nil, bonded.Errorf(bonded.Invalid, "name which package")
			case "broken":
				return nil, errors.New("inner cause")
			}
			return []byte(`{"proof":true}`), nil
		}
	})
	want(t, "proof", text(t, l.do("GET", "/log/prove?name=toy/a")), `{"proof":true}`)
	r := l.do("GET", "/log/prove")
	want(t, "status", r.StatusCode, 400)
	want(t, "error", text(t, r), "{\n\t\"error\": \"name which package\"\n}\n")
	r = l.do("GET", "/log/prove?name=broken")
	if got := text(t, r); r.StatusCode != 500 || strings.Contains(got, "inner") {
		t.Errorf("%d %s", r.StatusCode, got)
	}
	want(t, "without a prover", newLab(t).do("GET", "/log/prove").StatusCode, 422)
}
