package book_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bonded.dev/guide"
	"bonded.dev/guide/book"
)

func served(t *testing.T) http.Handler {
	t.Helper()
	p := real(t)
	return book.Handler("/guide/", func() (*guide.Book, error) { return p.Book, nil })
}

func ask(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHandler(t *testing.T) {
	h := served(t)
	for path, want := range map[string]struct {
		status int
		kind   string
	}{
		"/guide/":                       {200, "text/html; charset=utf-8"},
		"/guide/controls/cooldown.html": {200, "text/html; charset=utf-8"},
		"/guide/style.css":              {200, "text/css; charset=utf-8"},
		"/guide/guide.js":               {200, "text/javascript; charset=utf-8"},
		"/guide/search.js":              {200, "text/javascript; charset=utf-8"},
		"/guide/controls/cooldown":      {301, ""},
		"/guide/controls/none.html":     {404, "text/plain; charset=utf-8"},
		"/guide/../go.mod":              {404, "text/plain; charset=utf-8"},
	} {
		r := ask(t, h, "GET", path)
		if r.StatusCode != want.status || want.kind != "" && r.Header.Get("Content-Type") != want.kind {
			t.Errorf("%s: %d, %s", path, r.StatusCode, r.Header.Get("Content-Type"))
		}
		if csp := r.Header.Get("Content-Security-Policy"); csp != book.Policy || strings.Contains(csp, "unsafe") || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	if to := ask(t, h, "GET", "/guide/controls/cooldown").Header.Get("Location"); to != "/guide/controls/cooldown.html" {
		t.Errorf("moved to %s", to)
	}
	r := ask(t, h, "POST", "/guide/")
	if r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", r.StatusCode)
	}
}

func TestHandlerSparesBytes(t *testing.T) {
	h := served(t)
	plain := ask(t, h, "GET", "/guide/threats.html")
	whole := body(t, plain)
	packed := ask(t, h, "GET", "/guide/threats.html", "Accept-Encoding: gzip, br")
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("headers %v", packed.Header)
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || string(b) != whole {
		t.Errorf("unpacked, it is another page: %v", err)
	}
	etag, gz := plain.Header.Get("ETag"), packed.Header.Get("ETag")
	if etag == "" || etag == gz {
		t.Errorf("tags %s and %s", etag, gz)
	}
	for _, line := range []string{"Accept-Encoding: gzip;q=0", "Accept-Encoding: br", "Accept-Encoding: gzip; q=0.0"} {
		if r := ask(t, h, "GET", "/guide/threats.html", line); r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: packed", line)
		}
	}
	if r := ask(t, h, "GET", "/guide/threats.html", "If-None-Match: "+etag); r.StatusCode != 304 || body(t, r) != "" {
		t.Errorf("asked again: %d", r.StatusCode)
	}
	if r := ask(t, h, "HEAD", "/guide/threats.html"); r.StatusCode != 200 || body(t, r) != "" {
		t.Errorf("HEAD: %d", r.StatusCode)
	}
}

func TestHandlerReadsTheBookWhenItIsAskedFor(t *testing.T) {
	reads := 0
	h := book.Handler("/guide/", func() (*guide.Book, error) {
		reads++
		return nil, errors.New("the secret path is /root")
	})
	if reads != 0 {
		t.Error("read before anybody asked")
	}
	for range 2 {
		if r := ask(t, h, "GET", "/guide/"); r.StatusCode != 500 || strings.Contains(body(t, r), "secret") {
			t.Errorf("a book that cannot be read: %d", r.StatusCode)
		}
	}
	if reads != 1 {
		t.Errorf("read %d times", reads)
	}
}
