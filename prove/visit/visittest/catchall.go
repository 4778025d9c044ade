package visittest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// catchAlls are servers that are no repository and say 200 to everything, each
// in another way.
func catchAlls(t *testing.T) map[string]string {
	t.Helper()
	urls := map[string]string{}
	for name, page := range map[string][2]string{
		"a page":                  {"text/html", `<!DOCTYPE html><title>Welcome</title><a href="/about">about</a><a href="https://registry.example/">home</a>`},
		"a page without links":    {"text/html", `<!DOCTYPE html><title>Simple Index</title><p>nothing here`},
		"a page of relative ones": {"text/html", `<!DOCTYPE html><title>Packages</title><a href="one/">one</a><a href="two/">two</a>`},
		"an empty object":         {"application/json", `{}`},
		"a list":                  {"application/json", `[]`},
		"an error":                {"application/json", `{"error":"no","meta":{},"objects":null}`},
		"nothing":                 {"text/plain", ``},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", page[0])
			_, _ = io.WriteString(w, page[1])
		}))
		t.Cleanup(s.Close)
		urls[name] = s.URL + "/"
	}
	return urls
}
