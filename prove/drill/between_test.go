package drill_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// shop is a repository that writes its own address into its documents.
func shop(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	say := func(path, kind, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, body)
		})
	}
	say("/repo/index", "text/html", `<a href="`+s.URL+`/repo/file">file</a>`)
	say("/repo/json", "application/json", `{"url":"`+strings.ReplaceAll(s.URL, "/", `\/`)+`\/repo\/file"}`)
	say("/repo/file", "application/octet-stream", s.URL)
	say("/repo/raw", "text/plain", s.URL+"\xff\x00")
	mux.HandleFunc("/repo/packed", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") == "gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "text/plain")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "the file is at "+s.URL)
			z.Close()
			return
		}
		_, _ = io.WriteString(w, "plain")
	})
	mux.HandleFunc("/repo/away", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", s.URL+"/repo/index")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/repo/echo", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.Header.Get(drill.Verbatim) != "" {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, r.Method+" "+r.Host+" "+r.Header.Get("Authorization")+" "+r.URL.RawQuery+" "+string(b))
	})
	return s
}

// through starts somebody in between and returns the base URL and a client.
func through(t *testing.T, s *httptest.Server, change func(string, visit.Response) visit.Response) (string, *visit.Web) {
	t.Helper()
	base, stop, err := drill.Between(t.Context(), &visit.Site{Base: s.URL + "/repo/"}, change)
	if err != nil {
		t.Fatal(err)
	}
	web := visit.NewWeb("test", 0)
	t.Cleanup(func() { web.Close(); stop() })
	if !strings.HasSuffix(base, "/repo/") || strings.HasPrefix(base, s.URL) {
		t.Fatalf("base %s of %s", base, s.URL)
	}
	return base, web
}

func TestBetweenPassesOn(t *testing.T) {
	s := shop(t)
	base, web := through(t, s, nil)
	own := strings.TrimSuffix(base, "/repo/")
	for path, want := range map[string]string{
		"index":  `<a href="` + own + `/repo/file">file</a>`,
		"json":   `{"url":"` + strings.ReplaceAll(own, "/", `\/`) + `\/repo\/file"}`,
		"file":   s.URL,              // an artifact, whatever it looks like
		"raw":    s.URL + "\xff\x00", // no text
		"away":   `<a href="` + own + `/repo/file">file</a>`,
		"packed": "the file is at " + own,
	} {
		r, err := web.Do(t.Context(), visit.Request{Method: "GET", URL: base + path})
		if err != nil || !r.OK() || string(r.Body) != want {
			t.Errorf("%s: %d %q, %v; want %q", path, r.Status, r.Body, err, want)
		}
		if !strings.HasPrefix(r.URL, own) {
			t.Errorf("%s led back to %s", path, r.URL)
		}
	}
	r, err := web.Do(t.Context(), visit.Request{Method: "PUT", URL: base + "echo?a=b", Body: []byte("hello"), Header: map[string]string{"Authorization": "Bearer x", drill.Verbatim: "1"}})
	if want := "PUT " + strings.TrimPrefix(s.URL, "http://") + " Bearer x a=b hello"; err != nil || r.Status != 200 || string(r.Body) != want {
		t.Errorf("%d %s, %v, want %s", r.Status, r.Body, err, want)
	}
	r, err = web.Do(t.Context(), visit.Request{Method: "HEAD", URL: base + "index"})
	if err != nil || !r.OK() || len(r.Body) != 0 || r.Header.Get("Content-Type") != "text/html" {
		t.Error("HEAD", r, err)
	}
	r, err = web.Do(t.Context(), visit.Request{Method: "GET", URL: base + "nowhere"})
	if err != nil || r.Status != 404 {
		t.Error(r, err)
	}
}

// TestBetweenVerbatim: who compares bytes gets them as they are.
func TestBetweenVerbatim(t *testing.T) {
	s := shop(t)
	base, web := through(t, s, nil)
	for path, want := range map[string]string{"index": `<a href="` + s.URL + `/repo/file">file</a>`, "packed": "the file is at " + s.URL} {
		r, err := web.Do(t.Context(), visit.Request{Method: "GET", URL: base + path, Header: map[string]string{drill.Verbatim: "1"}})
		if err != nil || string(r.Body) != want {
			t.Errorf("%s: %q, %v", path, r.Body, err)
		}
	}
}

func TestBetweenChanges(t *testing.T) {
	s := shop(t)
	var asked []string
	base, web := through(t, s, func(path string, r visit.Response) visit.Response {
		asked = append(asked, path)
		switch {
		case strings.HasPrefix(path, "/repo/file"):
			r.Body = []byte("evil bytes")
		case path == "/repo/index":
			r.Status, r.Body = 404, nil
		case path == "/repo/packed":
			r.Body = bytes.ReplaceAll(r.Body, []byte("file"), []byte("trap"))
		case path == "/repo/json":
			r.Header.Set("X-Evil", s.URL)
		}
		return r
	})
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"file?x=1", 200, "evil bytes"},
		{"index", 404, ""},
		{"packed", 200, "the trap is at " + strings.TrimSuffix(base, "/repo/")},
		{"raw", 200, s.URL + "\xff\x00"},
	} {
		r, err := web.Do(t.Context(), visit.Request{Method: "GET", URL: base + c.path})
		if err != nil || r.Status != c.status || string(r.Body) != c.want {
			t.Errorf("%s: %d %q, %v", c.path, r.Status, r.Body, err)
		}
	}
	r, err := web.Do(t.Context(), visit.Request{Method: "GET", URL: base + "json"})
	if err != nil || r.Header.Get("X-Evil") != strings.TrimSuffix(base, "/repo/") {
		t.Error(r.Header, err)
	}
	if got := strings.Join(asked, " "); got != "/repo/file?x=1 /repo/index /repo/packed /repo/raw /repo/json" {
		t.Error(got)
	}
}

func TestBetweenEnds(t *testing.T) {
	s := shop(t)
	base, stop, err := drill.Between(t.Context(), &visit.Site{Base: s.URL + "/"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	web := visit.NewWeb("test", 0)
	defer web.Close()
	if r, err := web.Get(t.Context(), base+"repo/index", ""); err != nil || !r.OK() {
		t.Fatal(r, err)
	}
	s.Close()
	if r, err := web.Get(t.Context(), base+"repo/index", ""); err != nil || r.Status != http.StatusBadGateway {
		t.Error("the repository is gone:", r, err)
	}
	stop()
	if r, err := web.Get(t.Context(), base+"repo/index", ""); err == nil {
		t.Error("somebody still answers:", r)
	}
}

func TestForeign(t *testing.T) {
	f := &drill.Foreign{
		Credentials: map[string]visit.Credential{drill.Owner: "token"},
		Tokens:      map[string]visit.Credential{"owner read:* yank:*": "narrow"},
	}
	ctx := t.Context()
	if c, err := f.Credential(ctx, drill.Owner); c != "token" || err != nil {
		t.Error(c, err)
	}
	if c, err := f.Token(ctx, drill.Owner, "read:*", "yank:*"); c != "narrow" || err != nil {
		t.Error(c, err)
	}
	_, noCredential := f.Credential(ctx, drill.Stranger)
	_, noToken := f.Token(ctx, drill.Owner, "read:*")
	_, noOrigin := f.Origin(ctx)
	for what, err := range map[string]error{
		"no credential": noCredential, "no token": noToken, "no origin": noOrigin,
		"later": f.Later(ctx, time.Hour), "verify": f.Verify(ctx, "http://x.example.invalid/"), "scanner": f.Scanner(ctx, "x"),
	} {
		if !errors.Is(err, drill.ErrNeeds) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenOrigin(t *testing.T) {
	o, stop, err := drill.ListenOrigin(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := visit.NewWeb("test", 0)
	defer web.Close()
	get := func(path string) visit.Response {
		t.Helper()
		r, err := web.Get(t.Context(), o.URL+path, "")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := get("x/@v/list"); r.Status != 404 {
		t.Error(r)
	}
	o.Put("x/@v/list", []byte("v1.0.0\n"))
	if r := get("x/@v/list"); !r.OK() || string(r.Body) != "v1.0.0\n" {
		t.Error(r)
	}
	o.Put("x/@v/list", nil)
	if r := get("x/@v/list"); r.Status != 404 {
		t.Error(r)
	}
	if got := strings.Join(o.Asked(), " "); got != "x/@v/list x/@v/list x/@v/list" {
		t.Error(got)
	}
	stop()
	if _, err := web.Get(t.Context(), o.URL, ""); err == nil {
		t.Error("the upstream still answers")
	}
	if _, _, err := drill.ListenOrigin(t.Context(), "nowhere"); err == nil {
		t.Error("listening on nothing")
	}
}
