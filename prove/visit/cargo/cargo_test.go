package cargo_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/cargo"
	"bonded.dev/prove/visit/visittest"
)

// registry answers config.json, and everything else with status and body.
func registry(t *testing.T, status int, body string) (*visittest.Wire, *visit.Site) {
	t.Helper()
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/index/config.json" {
			fmt.Fprintf(w, `{"dl":"http://%s/dl/{prefix}/{lowerprefix}/{crate}/{version}.crate?{sha256-checksum}","api":"http://%[1]s/"}`, r.Host)
			return
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	return wire, wire.Site(t, cargo.Dialect{}, "index/")
}

// published is what arrived of an upload.
func published(t *testing.T, as visit.Credential, up visit.Upload) (sent visittest.Sent, meta map[string]any, crate []byte) {
	t.Helper()
	wire, site := registry(t, 200, `{"warnings":{}}`)
	if a, err := site.Publish(t.Context(), as, up); err != nil || !a.Taken() {
		t.Fatalf("%s, %v", a, err)
	}
	all := wire.Sent()
	sent = all[len(all)-1]
	if sent.Method != "PUT" || sent.Path != "/api/v1/crates/new" {
		t.Fatalf("%s %s", sent.Method, sent.Path)
	}
	rest := sent.Body
	part := func() []byte {
		n := binary.LittleEndian.Uint32(rest)
		p := rest[4 : 4+n]
		rest = rest[4+n:]
		return p
	}
	if err := json.Unmarshal(part(), &meta); err != nil {
		t.Fatal(err)
	}
	crate = part()
	if len(rest) != 0 {
		t.Errorf("%d bytes behind the crate", len(rest))
	}
	return sent, meta, crate
}

func unpacked(t *testing.T, crate []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(crate))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(z); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] += string(b)
	}
}

func TestPublishSendsWhatCargoSends(t *testing.T) {
	sent, meta, crate := published(t, "secret", visit.Upload{
		Name: "drill-a", Version: "1.0.0", Canary: "canary",
		Inside:  visit.Manifest{Description: "it \"is\" \x1b[2K", Dependencies: map[string]string{"dep": "^1"}, Requires: "1.70", Script: "echo x"},
		Members: []visit.Member{{Name: "../out", Body: []byte("x")}},
	})
	if got := sent.Header.Get("Authorization"); got != "secret" {
		t.Errorf("Authorization: %q; Cargo sends the token alone", got)
	}
	deps, _ := meta["deps"].([]any)
	if meta["name"] != "drill-a" || meta["vers"] != "1.0.0" || meta["rust_version"] != "1.70" || len(deps) != 1 {
		t.Errorf("metadata %v", meta)
	}
	files := unpacked(t, crate)
	if files["drill-a-1.0.0/src/lib.rs"] != "// canary\n" || files["../out"] != "x" || !strings.Contains(files["drill-a-1.0.0/build.rs"], "fn main() {}") {
		t.Errorf("%q", files)
	}
	for _, line := range []string{`name = "drill-a"`, `description = "it \"is\" \u001b[2K"`, `"dep" = "^1"`, `rust-version = "1.70"`, `build = "build.rs"`} {
		if !strings.Contains(files["drill-a-1.0.0/Cargo.toml"], line+"\n") {
			t.Errorf("Cargo.toml lacks %s:\n%s", line, files["drill-a-1.0.0/Cargo.toml"])
		}
	}
}

func TestLiesArriveAsTold(t *testing.T) {
	_, meta, crate := published(t, "user:password", visit.Upload{
		Name: "drill-a", Version: "1.0.0", Inside: visit.Manifest{Name: "drill-b", Version: "9.9.9"}, Claimed: &visit.Manifest{Description: "claimed"},
		Mangle: func(b []byte) []byte { return append(b, "tail"...) },
	})
	if meta["name"] != "drill-a" || meta["vers"] != "1.0.0" || meta["description"] != "claimed" {
		t.Errorf("claimed %v", meta)
	}
	if !bytes.HasSuffix(crate, []byte("tail")) {
		t.Error("the archive was not mangled")
	}
	files := unpacked(t, bytes.TrimSuffix(crate, []byte("tail")))
	if text := files["drill-a-1.0.0/Cargo.toml"]; !strings.Contains(text, `name = "drill-b"`) || !strings.Contains(text, `version = "9.9.9"`) {
		t.Errorf("inside:\n%s", text)
	}
	_, site := registry(t, 200, "")
	if _, err := site.Publish(t.Context(), "", visit.Upload{Name: "x", Version: "1.0.0", Lie: true}); !errors.Is(err, visit.ErrNotSpoken) {
		t.Errorf("a false digest: %v", err)
	}
}

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   visit.Answer
		spoken bool
	}{
		"a refusal":              {403, `{"errors":[{"detail":"not an owner"}]}`, visit.Answer{Status: 403, Text: "not an owner"}, true},
		"a refusal under 200":    {200, `{"errors":[{"detail":"one"},{"detail":"two"}]}`, visit.Answer{Status: 400, Text: "one; two"}, true},
		"words":                  {401, `who are you`, visit.Answer{Status: 401, Text: "who are you"}, true},
		"a crate that is absent": {404, `{"errors":[{"detail":"no such crate"}]}`, visit.Answer{Status: 404, Text: "no such crate"}, true},
		"a route that is absent": {404, `404 page not found`, visit.Answer{}, false},
		"a method that is":       {405, ``, visit.Answer{}, false},
	} {
		_, site := registry(t, test.status, test.body)
		a, err := site.Dialect.Yank(t.Context(), site, "secret", "drill-a", "1.0.0")
		if a != test.want || errors.Is(err, visit.ErrNotSpoken) == test.spoken {
			t.Errorf("%s: %s, %v; want %s", name, a, err, test.want)
		}
	}
}

func TestPackageReadsTheIndex(t *testing.T) {
	wire, site := registry(t, 200, `{"name":"Drill-A","vers":"1.0.0","deps":[{"name":"renamed","package":"real","req":"^1","kind":"normal"},{"name":"test","req":"*","kind":"dev"}],"cksum":"AB","features":{},"yanked":true,"pubtime":"2026-01-02T03:04:05Z"}
{"name":"Drill-A","vers":"1.1.0","deps":[],"cksum":"cd","yanked":false,"rust_version":"1.70","v":2}
`)
	p, err := site.Package(t.Context(), "Drill-A")
	if err != nil || len(p.Releases) != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	all := wire.Sent()
	if got := all[len(all)-1].Path; got != "/index/dr/il/drill-a" {
		t.Errorf("asked for %s", got)
	}
	r := p.Release("1.0.0")
	if !r.Yanked || r.Time != "2026-01-02T03:04:05Z" || len(r.Manifest.Dependencies) != 1 || r.Manifest.Dependencies["real"] != "^1" {
		t.Errorf("%+v", r)
	}
	if f := r.Files[0]; f.Digests["sha256"] != "ab" || f.URL != wire.URL+"dl/Dr/il/dr/il/Drill-A/1.0.0.crate?AB" {
		t.Errorf("%+v", f)
	}
	for name, want := range map[string]string{"a": "/index/1/a", "ab": "/index/2/ab", "Abc": "/index/3/a/abc"} {
		if _, err := site.Package(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		all := wire.Sent()
		if got := all[len(all)-1].Path; got != want {
			t.Errorf("%s: asked for %s, want %s", name, got, want)
		}
	}
}

func TestFindWantsAConfig(t *testing.T) {
	for config, found := range map[string]bool{
		`{"dl":"https://crates.example/{crate}"}`: true,
		`{"dl":"/api/v1/crates","api":"/"}`:       true,
		`{"dl":""}`:                               false,
		`{"dl":"none"}`:                           false,
		`{}`:                                      false,
		`<html>`:                                  false,
	} {
		wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/cargo/index/config.json" {
				_, _ = io.WriteString(w, config)
				return
			}
			w.WriteHeader(http.StatusNotFound)
		})
		site := wire.Site(t, cargo.Dialect{}, "")
		root, err := site.Dialect.Find(t.Context(), site.Web, wire.URL)
		if err != nil || (root == wire.URL+"cargo/index/") != found {
			t.Errorf("%s: found at %q, %v", config, root, err)
		}
	}
}

// TestRelativeTemplate reads a registry that does not say which host it is on.
func TestRelativeTemplate(t *testing.T) {
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "config.json") {
			_, _ = io.WriteString(w, `{"dl":"/api/v1/crates"}`)
			return
		}
		_, _ = io.WriteString(w, `{"name":"abcd","vers":"1.0.0","cksum":"ab"}`)
	})
	site := wire.Site(t, cargo.Dialect{}, "index/")
	p, err := site.Package(t.Context(), "abcd")
	if err != nil || p.Releases[0].Files[0].URL != wire.URL+"api/v1/crates/abcd/1.0.0/download" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := site.Publish(t.Context(), "x", visit.Upload{Name: "abcd", Version: "1.0.0"}); !errors.Is(err, visit.ErrNotSpoken) {
		t.Errorf("an index without an API: %v", err)
	}
	if names, err := site.Dialect.Names(t.Context(), site, 3); len(names) != 0 || err != nil {
		t.Errorf("%q, %v", names, err)
	}
}
