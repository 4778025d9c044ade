package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bonded.dev/registry/signin"
)

// TestLoopbackHasAName leads readers, and nobody else, to where passkeys work.
func TestLoopbackHasAName(t *testing.T) {
	s := open(t)
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	ask := func(p *Pages, method, host, path string) string {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(method, "http://"+host+path, nil))
		if to := w.Header().Get("Location"); w.Code == http.StatusTemporaryRedirect {
			return to
		}
		return ""
	}
	for _, c := range [][4]string{
		{"GET", "127.0.0.1" + port, "/enrol/x?next=%2Fa%20b", s.URL + "/enrol/x?next=%2Fa%20b"},
		{"GET", "[::1]" + port, "/signin", s.URL + "/signin"},
		{"GET", "127.0.0.1" + port, "//evil.example/", s.URL + "//evil.example/"},
		{"GET", "localhost" + port, "/signin", ""}, {"GET", "192.0.2.1" + port, "/signin", ""}, {"GET", "127.0.0.1:1", "/signin", ""},
		{"GET", "127.0.0.1", "/signin", ""}, {"POST", "127.0.0.1" + port, "/signout", ""}, {"GET", "packages.example.org", "/signin", ""},
	} {
		if got := ask(s.pages, c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%s %s%s leads to %q, want %q", c[0], c[1], c[2], got, c[3])
		}
	}
	// A proxy that hands on another Host is not led in circles.
	room, err := signin.New(signin.Config{Book: s.book, Keeper: s.keeper, Waiting: s.waiting, URL: "https://packages.example.org/", Seal: []byte("a seal has thirty-two bytes here")})
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(New(Config{SignIn: room, URL: "https://packages.example.org/"}), "GET", "127.0.0.1:443", "/signin"); got != "" {
		t.Errorf("behind a proxy it leads to %q", got)
	}
}
