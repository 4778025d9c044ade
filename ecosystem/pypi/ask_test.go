package pypi

import (
	"net/url"
	"strings"
	"testing"

	"bonded.dev/ecosystem"
)

func askFor(t *testing.T, method, target string, header map[string]string) (ecosystem.Ask, error) {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return Ecosystem{}.Ask(ecosystem.Request{Method: method, Path: path, Query: values, Header: func(k string) string { return header[k] }})
}

func TestAsk(t *testing.T) {
	for target, want := range map[string]ecosystem.Ask{
		"":                         {Verb: ecosystem.Fetch, Redirect: "simple/"},
		"simple":                   {Verb: ecosystem.Fetch, Redirect: "simple/"},
		"simple/":                  {Verb: ecosystem.Fetch, Path: "pypi/simple/index.html", Type: typePage},
		"simple/foo":               {Verb: ecosystem.Fetch, Redirect: "foo/"},
		"simple/Foo.Bar":           {Verb: ecosystem.Fetch, Redirect: "foo-bar/"},
		"simple/Foo.Bar/":          {Verb: ecosystem.Fetch, Redirect: "../foo-bar/"},
		"simple/%46oo/":            {Verb: ecosystem.Fetch, Redirect: "../foo/"},
		"simple/Foo/?format=a&x=y": {Verb: ecosystem.Fetch, Redirect: "../foo/?format=a"},
		"simple/foo/":              {Verb: ecosystem.Fetch, Name: project("foo"), Path: "pypi/simple/foo/index.html", Type: typePage},
		"simple/foo/?format=" + url.QueryEscape(typeJSON): {Verb: ecosystem.Fetch, Name: project("foo"), Path: "pypi/simple/foo/index.json", Type: typeJSON},
		"simple/foo/?format=text/html":                    {Verb: ecosystem.Fetch, Name: project("foo"), Path: "pypi/simple/foo/index.html", Type: typePage},
		"simple/foo/?format=image/png":                    {Verb: ecosystem.Answer, Name: project("foo"), Op: opNotAcceptable},
		"files/foo-bar/foo_bar-1.0.tar.gz": {Verb: ecosystem.Fetch, Name: project("foo-bar"), Version: "1", Artifact: true,
			File: "foo_bar-1.0.tar.gz", Path: "pypi/files/foo-bar/foo_bar-1.0.tar.gz", Type: "application/octet-stream"},
		"files/foo/foo-1%210.1%2Ba-py3-none-any.whl": {Verb: ecosystem.Fetch, Name: project("foo"), Version: "1!0.1+a", Artifact: true,
			File: "foo-1!0.1+a-py3-none-any.whl", Path: "pypi/files/foo/foo-1!0.1+a-py3-none-any.whl", Type: "application/octet-stream"},
		"files/foo/foo-1.0-py3-none-any.whl.metadata": {Verb: ecosystem.Fetch, Name: project("foo"), Version: "1",
			File: "foo-1.0-py3-none-any.whl", Path: "pypi/files/foo/foo-1.0-py3-none-any.whl.metadata", Type: typeMetadata},
		"upload/": {Verb: ecosystem.Answer, Op: opWrongMethod, Form: "POST"},
	} {
		if got, err := askFor(t, "GET", target, nil); err != nil || got != want {
			t.Errorf("GET %s: %+v, %v, want %+v", target, got, err, want)
		}
	}
	for _, target := range []string{"upload", "upload/"} {
		want := ecosystem.Ask{Verb: ecosystem.Publish, Op: opUpload, Auth: true, Form: "multipart/form-data; boundary=x"}
		if got, err := askFor(t, "POST", target, map[string]string{"Content-Type": "multipart/form-data; boundary=x"}); err != nil || got != want {
			t.Errorf("POST %s: %+v, %v", target, got, err)
		}
	}
	for _, target := range []string{"", "simple/", "simple/foo/", "files/foo/foo-1.0.tar.gz"} {
		if got, err := askFor(t, "POST", target, nil); err != nil || got.Verb != ecosystem.Answer || got.Op != opWrongMethod {
			t.Errorf("POST %s: %+v, %v", target, got, err)
		}
	}
}

// TestSerialization holds content negotiation to PEP 691 and to the headers
// that clients send.
func TestSerialization(t *testing.T) {
	const (
		json, html = typeJSON, typeHTML
		v1HTML     = "application/vnd.pypi.simple.v1+html"
	)
	for _, c := range []struct{ about, accept, want string }{
		{"pip", json + ", " + v1HTML + "; q=0.1, text/html; q=0.01", json},
		{"uv", json + ", " + v1HTML + ";q=0.2, text/html;q=0.01", json},
		{"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", html},
		{"curl", "*/*", html},
		{"an old installer", "", html},
		{"HTML alone", "text/html", html},
		{"HTML by its name", v1HTML, html},
		{"the newest JSON", "application/vnd.pypi.simple.latest+json", json},
		{"the newest HTML", "application/vnd.pypi.simple.latest+html", html},
		{"either", "text/html, " + json, json},
		{"HTML rather", "text/html, " + json + ";q=0.9", html},
		{"no JSON", "*/*, " + json + ";q=0", html},
		{"no HTML", "*/*;q=0.1, text/html;q=0, " + v1HTML + ";q=0, application/vnd.pypi.simple.latest+html;q=0", json},
		{"an application", "application/*", json},
		{"a text", "text/*", html},
		{"upper case", "Application/Vnd.PyPI.Simple.V1+JSON", json},
		{"neither", "image/png", ""},
		{"both refused", "*/*;q=0", ""},
		{"a later version", "application/vnd.pypi.simple.v2+json", ""},
		{"plain JSON, which is none of the types", "application/json", ""},
		{"a broken weight", json + ";q=abc", ""},
		{"a weight above one", json + ";q=2, text/html;q=0.1", html},
		{"not a number", json + ";q=NaN, text/html;q=0.1", html},
		{"garbage", ",;,q=,/,", ""},
	} {
		if got := serialization("", c.accept); got != c.want {
			t.Errorf("%s (%q): %q, want %q", c.about, c.accept, got, c.want)
		}
	}
	if got := serialization("text/html", json); got != html {
		t.Errorf("the URL parameter does not come first: %q", got)
	}
}
