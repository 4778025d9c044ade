package gomod_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/gomod"
)

// proxy serves files by path, and says no in the words of text.
func proxy(t *testing.T, text string, files map[string]string) *visit.Site {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := files[r.URL.EscapedPath()]
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = text
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	web := visit.NewWeb("test", 0)
	t.Cleanup(web.Close)
	return &visit.Site{Dialect: gomod.Dialect{}, Root: s.URL + "/", Base: s.URL + "/", Web: web}
}

const words = "not found: module lookup disabled by GOPROXY=off"

func TestFindRecognisesAProxy(t *testing.T) {
	for name, test := range map[string]struct {
		text    string
		files   map[string]string
		dialect gomod.Dialect
		root    string // below the base; "none" for no proxy
	}{
		"by its words":                      {text: words, root: ""},
		"by a module that everybody has":    {text: "no", files: map[string]string{"/golang.org/x/mod/@v/list": "v0.1.0\n"}, root: ""},
		"by one that it is said to have":    {text: "no", files: map[string]string{"/go/example.com/m/@v/list": "v1.0.0\n"}, dialect: gomod.Dialect{Known: "example.com/m"}, root: "go/"},
		"a server that knows no page":       {text: "404 page not found\n", root: "none"},
		"a list of something else":          {text: "no", files: map[string]string{"/golang.org/x/mod/@v/list": "<html>\n"}, root: "none"},
		"a module that is there and no tag": {text: "no", files: map[string]string{"/golang.org/x/mod/@v/list": "\n"}, root: "none"},
	} {
		s := proxy(t, test.text, test.files)
		root, err := test.dialect.Find(t.Context(), s.Web, s.Base)
		want := s.Base + test.root
		if test.root == "none" {
			want = ""
		}
		if err != nil || root != want {
			t.Errorf("%s: found at %q, %v; want %q", name, root, err, want)
		}
	}
}

func TestFindTakesNoYesSayerForAProxy(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("v1.0.0\n"))
	}))
	defer s.Close()
	web := visit.NewWeb("test", 0)
	defer web.Close()
	if root, err := (gomod.Dialect{}).Find(t.Context(), web, s.URL+"/"); root != "" || err != nil {
		t.Errorf("found at %q, %v", root, err)
	}
}

func TestLandmarksAreRecognised(t *testing.T) {
	files := map[string]string{}
	for path, body := range (gomod.Dialect{}).Landmarks() {
		files["/"+path] = string(body)
	}
	s := proxy(t, "no", files)
	if root, err := (gomod.Dialect{}).Find(t.Context(), s.Web, s.Base); root != s.Base || err != nil {
		t.Errorf("found at %q, %v", root, err)
	}
}

// module is one with a release, a retracted one, and one that is no release.
func module() map[string]string {
	at := "/example.com/!upper/m/@v/"
	return map[string]string{
		at + "list":             "v1.0.0\nv1.2.0-rc.1\nv1.1.0 2026-01-02T03:04:05Z\n",
		at + "v1.1.0.info":      `{"Version":"v1.1.0","Time":"2026-01-02T03:04:05Z","Origin":{"VCS":"git"}}`,
		at + "v1.0.0.info":      `{"Version":"v1.0.0","Time":"2025-01-02T03:04:05Z"}`,
		at + "v1.2.0-rc.1.info": `{"Version":"v1.2.0-rc.1","Time":"2026-02-02T03:04:05Z"}`,
		at + "v1.1.0.mod":       "// Deprecated: use example.com/other.\nmodule example.com/Upper/m\n\ngo 1.24\n\nrequire example.com/dep v1.5.0\n\nretract [v1.0.0, v1.0.5] // leaks\n",
		at + "v1.0.0.mod":       "module example.com/Upper/m\n",
		at + "v1.2.0-rc.1.mod":  "this is no go.mod\n",
		"/sumdb/sums/supported": "",
		"/sumdb/sums/lookup/example.com/!upper/m@v1.1.0": "17\nexample.com/Upper/m v1.1.0 h1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nexample.com/Upper/m v1.1.0/go.mod h1:no\n",
	}
}

func TestPackageReadsWhatAProxyTells(t *testing.T) {
	s := proxy(t, words, module())
	p, err := gomod.Dialect{SumDB: "sums"}.Package(t.Context(), s, "example.com/Upper/m")
	if err != nil {
		t.Fatal(err)
	}
	if p.Status != "deprecated" || len(p.Releases) != 3 {
		t.Fatalf("%+v", p)
	}
	r := p.Release("v1.1.0")
	if r.Time != "2026-01-02T03:04:05Z" || r.Yanked || r.Manifest.Requires != "1.24" || r.Manifest.Dependencies["example.com/dep"] != "v1.5.0" {
		t.Errorf("%+v", r)
	}
	if f := r.Files[0]; f.URL != s.Root+"example.com/!upper/m/@v/v1.1.0.zip" || !strings.HasPrefix(f.Digests["h1"], "00010203") {
		t.Errorf("%+v", f)
	}
	if r := p.Release("v1.0.0"); !r.Yanked || r.Files[0].Digests["h1"] != "" {
		t.Errorf("retracted, and in no checksum database: %+v", r)
	}
	if r := p.Release("v1.2.0-rc.1"); r.Yanked || r.Time == "" || r.Manifest.Name != "" {
		t.Errorf("a go.mod that nobody can read: %+v", r)
	}
	if ok, err := gomod.SumDB(t.Context(), s, "sums"); !ok || err != nil {
		t.Errorf("a checksum database that is passed on: %v, %v", ok, err)
	}
	if ok, err := gomod.SumDB(t.Context(), s, "others"); ok || err != nil {
		t.Errorf("one that is not: %v, %v", ok, err)
	}
}

func TestPackageWithoutTags(t *testing.T) {
	const v = "v0.0.0-20260102030405-0123456789ab"
	s := proxy(t, words, map[string]string{
		"/example.com/m/@v/list":    "",
		"/example.com/m/@latest":    `{"Version":"` + v + `","Time":"2026-01-02T03:04:05Z"}`,
		"/example.com/html/@v/list": "<!DOCTYPE html>\n",
	})
	p, err := s.Package(t.Context(), "example.com/m")
	if err != nil || len(p.Releases) != 1 || p.Releases[0].Version != v {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := s.Package(t.Context(), "example.com/none"); !errors.Is(err, visit.ErrNone) {
		t.Errorf("what is not there: %v", err)
	}
	if _, err := s.Package(t.Context(), "example.com/html"); err == nil || errors.Is(err, visit.ErrNone) {
		t.Errorf("a page in place of a list: %v", err)
	}
}

func TestNames(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a catalog": {"/catalog": `{"modules":[{"module":"b.example/m","version":"v1"},{"module":"a.example/m","version":"v1"},{"module":"b.example/m","version":"v2"}],"next":""}`},
		"an index":  {"/index": `{"Path":"b.example/m","Version":"v1"}` + "\n" + `{"Path":"a.example/m","Version":"v1"}` + "\n"},
	} {
		s := proxy(t, words, files)
		names, err := gomod.Dialect{Known: "z.example/m"}.Names(t.Context(), s, 2)
		if err != nil || !slices.Equal(names, []string{"z.example/m", "a.example/m"}) {
			t.Errorf("%s: %q, %v", name, names, err)
		}
	}
	s := proxy(t, words, map[string]string{"/catalog": "<html>", "/index": "<html>"})
	if names, err := s.Dialect.Names(t.Context(), s, 5); len(names) != 0 || err != nil {
		t.Errorf("pages: %q, %v", names, err)
	}
}

func TestNobodyPublishes(t *testing.T) {
	s := proxy(t, words, nil)
	_, err := s.Publish(t.Context(), "token", visit.Upload{Name: "example.com/m", Version: "v1.0.0"})
	if !errors.Is(err, visit.ErrNotSpoken) {
		t.Error(err)
	}
}

// TestSumIsTheGoCommands compares with the implementation that go.sum has.
func TestSumIsTheGoCommands(t *testing.T) {
	file, err := visit.Zip(
		visit.Member{Name: "example.com/m@v1.0.0/go.mod", Body: []byte("module example.com/m\n")},
		visit.Member{Name: "example.com/m@v1.0.0/m.go", Body: []byte("package m\n")})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.zip")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := dirhash.HashZip(path, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := gomod.Sum(file)
	if err != nil || len(got) != 64 {
		t.Fatalf("%q, %v", got, err)
	}
	if again, err := gomod.FromH1(want); err != nil || again != got {
		t.Errorf("%s, go.sum has %s (%s), %v", got, want, again, err)
	}
}
