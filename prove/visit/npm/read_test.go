package npm_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/npm"
	"bonded.dev/prove/visit/visittest"
)

// The abbreviated and the full document of one package, with what old and new
// registries put there, in an order that is not that of the versions.
const (
	abbreviated = `{"name":"@acme/tools","modified":"2024-01-01T00:00:00.000Z","dist-tags":{"latest":"2.0.0","broken":null},"versions":{
"2.0.0":{"name":"@acme/tools","version":"2.0.0","dependencies":{"a":"^1"},"optionalDependencies":{"b":"2"},"engines":{"node":">=20"},"hasInstallScript":true,
 "dist":{"shasum":"DA39A3EE5E6B4B0D3255BFEF95601890AFD80709","tarball":"/files/tools-2.0.0.tgz","integrity":"sha512-%s sha256-%s?x","fileCount":3,"unpackedSize":99,
  "signatures":[{"keyid":"SHA256:k","sig":"MEUC"}],"attestations":{"url":"https://registry.example/-/npm/v1/attestations/@acme%%2ftools@2.0.0","provenance":{}}}},
"1.0.0":{"version":"1.0.0","deprecated":"use 2","engines":["node >= 0.6"],"dependencies":[],"dist":{"tarball":"https://elsewhere.example/tools-1.0.0.tgz"}},
"1.1.0":{"version":"1.1.0","deprecated":false,"hasInstallScript":false,"dist":{}},
"1.2.0":{"version":"1.2.0","deprecated":"","dist":{"signatures":null}}}}`
	full = `{"_id":"@acme/tools","name":"@acme/tools","dist-tags":{},"time":{"created":"2019-01-01T00:00:00.000Z","1.0.0":"2020-01-01T00:00:00.000Z","unpublished":{"name":"x"}},
"versions":{"2.0.0":{"description":"Tools","scripts":{"test":"x","install":"node-gyp rebuild"}}},"maintainers":"whoever"}`
)

func TestReadsWhatRegistriesServe(t *testing.T) {
	sum64, sum32 := []byte(strings.Repeat("\x01", 64)), []byte(strings.Repeat("\x02", 32))
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.Header.Get("Accept"), "install-v1") {
			fmt.Fprintf(w, abbreviated, base64.StdEncoding.EncodeToString(sum64), base64.StdEncoding.EncodeToString(sum32))
			return
		}
		fmt.Fprint(w, full)
	})
	s := wire.Site(t, npm.Dialect{}, "npm/")
	p, err := s.Package(t.Context(), "@acme/tools")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(p.Index.Body), "hasInstallScript") {
		t.Error("the index is not what an installing client reads")
	}
	p.Index = visit.Response{}
	want := &visit.Package{Name: "@acme/tools", Tags: map[string]string{"latest": "2.0.0"}, Releases: []visit.Release{
		{
			Version: "2.0.0", Scripts: true,
			Manifest: visit.Manifest{
				Name: "@acme/tools", Version: "2.0.0", Description: "Tools", Script: "node-gyp rebuild", Requires: ">=20",
				Dependencies: map[string]string{"a": "^1", "b": "2"},
			},
			Files: []visit.File{{
				Name: "tools-2.0.0.tgz", URL: wire.URL + "files/tools-2.0.0.tgz",
				Digests: map[string]string{
					"sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha512": strings.Repeat("01", 64), "sha256": strings.Repeat("02", 32),
				},
				Signatures: []visit.Signature{{KeyID: "SHA256:k", Value: "MEUC"}},
				Provenance: "https://registry.example/-/npm/v1/attestations/@acme%2ftools@2.0.0",
			}},
		},
		{
			Version: "1.0.0", Time: "2020-01-01T00:00:00.000Z", Yanked: true, Manifest: visit.Manifest{Version: "1.0.0"},
			Files: []visit.File{{Name: "tools-1.0.0.tgz", URL: "https://elsewhere.example/tools-1.0.0.tgz", Digests: map[string]string{}}},
		},
		{Version: "1.1.0", Manifest: visit.Manifest{Version: "1.1.0"}},
		{Version: "1.2.0", Manifest: visit.Manifest{Version: "1.2.0"}},
	}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("read\n%+v\nwant\n%+v", p, want)
	}
	if sent := wire.Sent(); len(sent) != 2 || sent[0].Path != "/npm/@acme%2ftools" {
		t.Errorf("asked for %d documents, first %s", len(sent), sent[0].Path)
	}
}

// TestOneDocumentIsEnough: a registry that knows one form is asked once.
func TestOneDocumentIsEnough(t *testing.T) {
	wire := visittest.Listen(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, full) })
	p, err := wire.Site(t, npm.Dialect{}, "").Package(t.Context(), "x")
	if err != nil || p.Releases[0].Manifest.Script != "node-gyp rebuild" {
		t.Errorf("%+v, %v", p, err)
	}
	if n := len(wire.Sent()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestAnswersThatAreNoPackage(t *testing.T) {
	for body, status := range map[string]int{"gone": 410, "[]": 200, "<html>": 200, `{"name":"x","name":"y"}`: 200, "down": 500} {
		wire := visittest.Listen(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
		_, err := wire.Site(t, npm.Dialect{}, "").Package(t.Context(), "x")
		if err == nil || errors.Is(err, visit.ErrNone) != (status == 410) {
			t.Errorf("%d %s: %v", status, body, err)
		}
	}
}

func TestAnswersShowWhatNpmWould(t *testing.T) {
	for _, c := range []struct {
		status     int
		kind, body string
		want       string
		unspoken   bool
	}{
		{403, "application/json", `{"error":"no: [roles]","reason":"forbidden"}`, "no: [roles]", false},
		{409, "application/json; charset=utf-8", `{"reason":"taken"}`, "taken", false},
		{400, "application/json", `{"message":"bad name"}`, "bad name", false},
		{403, "text/html", "<html><style>p{}</style><title>403</title><p>Not&nbsp;you\x1b[2J</p>", "403 Not you[2J", false},
		{401, "text/plain", "", "Unauthorized", false},
		{201, "application/json", `{"ok":true,"success":true}`, "Created", false},
		{201, "application/json", `{"ok":"published"}`, "published", false},
		{405, "text/plain", "", "", true},
	} {
		wire := visittest.Listen(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		s := wire.Site(t, npm.Dialect{}, "")
		a, err := s.Dialect.Tag(t.Context(), s, "", "@a/b", "beta/1", "1.0.0")
		if errors.Is(err, visit.ErrNotSpoken) != c.unspoken || !c.unspoken && (a.Status != c.status || a.Text != c.want) {
			t.Errorf("%d %s: %s, %v", c.status, c.body, a, err)
		}
		if got := wire.Sent()[0]; got.Path != "/-/package/@a%2fb/dist-tags/beta%2F1" || string(got.Body) != `"1.0.0"` {
			t.Errorf("sent to %s: %s", got.Path, got.Body)
		}
	}
}

// TestNamesWithoutASearch asks registries that only list everything.
func TestNamesWithoutASearch(t *testing.T) {
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/-/all" {
			fmt.Fprint(w, `{"_updated":1,"b":{},"a":{},"c":{}}`)
			return
		}
		w.WriteHeader(404)
	})
	s := wire.Site(t, npm.Dialect{}, "")
	if names, err := s.Dialect.Names(t.Context(), s, 2); err != nil || strings.Join(names, " ") != "a b" {
		t.Errorf("%q, %v", names, err)
	}
}
