package visit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"bonded.dev/prove/visit"
)

// bank has one page with three forms; what it was sent comes back as text.
func bank(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<html><head><title>x</title></head><body><header>menu</header><main><h1>Bank</h1>
			<form method="post" action="/send"><input name="to" value="bob"><input type="hidden" name="n" value="7">
			<input type="checkbox" name="all" value="yes" checked><input type="checkbox" name="none" value="no">
			<select name="days"><option value="1">1</option><option value="7" selected>7</option></select><button name="b">Send</button></form>
			<form method="post" action="/key" data-passkey="create" data-options="/key/options"><input name="secret"><input name="response"></form>
			<form action="/away"></form></main></body></html>`)
	})
	mux.HandleFunc("POST /send", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
		http.Redirect(w, r, "/done?"+readAll(r), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /done", func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("seen")
		fmt.Fprint(w, r.URL.RawQuery, c)
	})
	mux.HandleFunc("POST /key/options", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"secret":"s1","options":{"challenge":"AAAA","rp":{"id":"bank.example","name":"b"},"user":{"id":"dQ","name":"u","displayName":"u"}}}`)
	})
	mux.HandleFunc("POST /key", func(w http.ResponseWriter, r *http.Request) {
		var made struct {
			Response struct {
				ClientDataJSON []byte `json:"clientDataJSON"`
			} `json:"response"`
		}
		text := r.FormValue("response")
		err := json.Unmarshal([]byte(text), &made)
		fmt.Fprint(w, r.FormValue("secret"), err, strings.Contains(text, "attestationObject"))
	})
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusSeeOther)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func readAll(r *http.Request) string {
	if err := r.ParseForm(); err != nil {
		return err.Error()
	}
	return r.PostForm.Encode()
}

func TestBrowser(t *testing.T) {
	s := bank(t)
	web := visit.NewWeb("test", 0)
	t.Cleanup(web.Close)
	b := visit.NewBrowser(web, s.URL+"/")
	p, err := b.Get(t.Context(), "/")
	if err != nil || p.Text() != "200 Bank 1 7 Send" {
		t.Fatal(p.Text(), err)
	}
	got, err := b.Submit(t.Context(), p, "/send", url.Values{"to": {"eve"}})
	if err != nil || got.Path != "/done?all=yes&days=7&n=7&to=eve" || !strings.HasSuffix(got.Body, "seen=1") {
		t.Errorf("a form with its defaults and one field changed: %+v, %v", got, err)
	}
	thief := b.Steal()
	b.Forget()
	for who, want := range map[*visit.Browser]bool{b: false, thief: true} {
		if got, err := who.Get(t.Context(), "/done"); err != nil || strings.Contains(got.Body, "seen") != want {
			t.Errorf("cookies: %+v, %v, want %v", got, err, want)
		}
	}
	if got, err := b.Submit(t.Context(), p, "/key", nil); err != nil || !strings.HasPrefix(got.Body, "s1") || !strings.HasSuffix(got.Body, "true") {
		t.Errorf("a passkey: %+v, %v", got, err)
	}
	if _, err := b.Submit(t.Context(), p, "/nothing", nil); !errors.Is(err, visit.ErrNoForm) {
		t.Errorf("a form that is not there: %v", err)
	}
	if _, err := b.Submit(t.Context(), p, "/away", nil); err == nil {
		t.Error("it followed a redirect to another site")
	}
}
