package pypi_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/pypi"
	"bonded.dev/prove/visit/visittest"
)

const (
	jsonType   = "application/vnd.pypi.simple.v1+json"
	jsonDetail = `{"meta":{"api-version":"1.4"},"name":"Acme.Tools","project-status":{"status":"quarantined","reason":"x"},"versions":["1.0","2.0"],"files":[
{"filename":"acme_tools-2.0-py3-none-any.whl","url":"../../files/acme_tools-2.0-py3-none-any.whl","hashes":{"sha256":"ABCD"},"size":12,"upload-time":"2024-02-02T00:00:00Z",
 "requires-python":">=3.9","yanked":false,"core-metadata":{"sha256":"ef"},"provenance":"/integrity/2.0/provenance"},
{"filename":"acme.tools-1.0.tar.gz","url":"https://files.example/acme.tools-1.0.tar.gz","hashes":{},"upload-time":"2024-01-02T00:00:00Z","yanked":"broken","provenance":null,"gpg-sig":true},
{"filename":"Acme_Tools-1.0-py2-none-any.whl","url":"x.whl","hashes":{"md5":"0A"},"upload-time":"2024-01-01T00:00:00Z","yanked":true}]}`
	htmlDetail = `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4"><meta name="pypi:project-status" content="archived">
<base href="/files/"></head><body><h1>Links for acme-tools</h1>
<a href="acme_tools-2.0-py3-none-any.whl#sha256=ABCD" data-requires-python="&gt;=3.9" data-core-metadata="sha256=ef" data-provenance="/p">acme_tools-2.0-py3-none-any.whl</a><br/>
<a href="acme-tools-1.0.zip#egg=acme" data-yanked=""><span>acme-tools-1.0</span>.zip</a></body></html>`
	metadataDoc = "Metadata-Version: 2.1\nName: acme-tools\nVersion: 2.0\nSummary: s\nRequires-Dist: Left.Pad>=1\nRequires-Dist: left-pad<2 ; python_version<'3'\nRequires-Dist: x [y] (==1)\nRequires-Python: >=3.9\n\ntext\n"
)

func serving(t *testing.T, kind, page string) (*visittest.Wire, *visit.Site) {
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".metadata") {
			fmt.Fprint(w, metadataDoc)
			return
		}
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, page)
	})
	return wire, wire.Site(t, pypi.Dialect{}, "pypi/simple/")
}

var resolved = visit.Manifest{
	Name: "acme-tools", Version: "2.0", Description: "s", Requires: ">=3.9",
	Dependencies: map[string]string{"left-pad": ">=1, <2 ; python_version<'3'", "x": "[y] (==1)"},
}

func TestReadsAPageInJSON(t *testing.T) {
	wire, s := serving(t, jsonType, jsonDetail)
	p, err := s.Package(t.Context(), "acme.Tools")
	if err != nil {
		t.Fatal(err)
	}
	if sent := wire.Sent(); sent[0].Path != "/pypi/simple/acme-tools/" || !strings.HasPrefix(sent[0].Header.Get("Accept"), jsonType) {
		t.Errorf("asked for %s as %s", sent[0].Path, sent[0].Header.Get("Accept"))
	}
	p.Index = visit.Response{}
	wheel := wire.URL + "pypi/files/acme_tools-2.0-py3-none-any.whl"
	want := &visit.Package{Name: "Acme.Tools", Status: "quarantined", Releases: []visit.Release{
		{Version: "2.0", Time: "2024-02-02T00:00:00Z", Manifest: resolved, Files: []visit.File{{
			Name: "acme_tools-2.0-py3-none-any.whl", URL: wheel, Size: 12, Digests: map[string]string{"sha256": "abcd"},
			Provenance: wire.URL + "integrity/2.0/provenance", Metadata: wheel + ".metadata",
		}}},
		{Version: "1.0", Time: "2024-01-01T00:00:00Z", Yanked: true, Files: []visit.File{
			{Name: "acme.tools-1.0.tar.gz", URL: "https://files.example/acme.tools-1.0.tar.gz", Digests: map[string]string{}},
			{Name: "Acme_Tools-1.0-py2-none-any.whl", URL: wire.URL + "pypi/simple/acme-tools/x.whl", Digests: map[string]string{"md5": "0a"}},
		}},
	}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("read\n%+v\nwant\n%+v", p, want)
	}
}

func TestReadsAPageInHTML(t *testing.T) {
	wire, s := serving(t, "text/html; charset=utf-8", htmlDetail)
	p, err := s.Package(t.Context(), "acme-tools")
	if err != nil {
		t.Fatal(err)
	}
	p.Index = visit.Response{}
	wheel := wire.URL + "files/acme_tools-2.0-py3-none-any.whl"
	want := &visit.Package{Name: "acme-tools", Status: "archived", Releases: []visit.Release{
		{Version: "2.0", Manifest: resolved, Files: []visit.File{{
			Name: "acme_tools-2.0-py3-none-any.whl", URL: wheel, Digests: map[string]string{"sha256": "abcd"},
			Provenance: wire.URL + "p", Metadata: wheel + ".metadata",
		}}},
		{Version: "1.0", Yanked: true, Files: []visit.File{
			{Name: "acme-tools-1.0.zip", URL: wire.URL + "files/acme-tools-1.0.zip", Digests: map[string]string{}},
		}},
	}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("read\n%+v\nwant\n%+v", p, want)
	}
}

// TestManyReleasesCostOneRequest: what is read file by file is bounded.
func TestManyReleasesCostOneRequest(t *testing.T) {
	var files []string
	for i := range 50 {
		files = append(files, fmt.Sprintf(`{"filename":"p-%d.tar.gz","url":"p","core-metadata":true}`, i))
	}
	wire, s := serving(t, jsonType, `{"files":[`+strings.Join(files, ",")+`]}`)
	p, err := s.Package(t.Context(), "p")
	if err != nil || len(p.Releases) != 50 || p.Releases[7].Version != "7" {
		t.Fatalf("%+v, %v", p, err)
	}
	if n := len(wire.Sent()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestAnswersThatAreNoProject(t *testing.T) {
	for body, status := range map[string]int{"none": 404, "gone": 410, "[]": 200, `{"name":"a","name":"b"}`: 200, "down": 502} {
		wire := visittest.Listen(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
		_, err := wire.Site(t, pypi.Dialect{}, "simple/").Package(t.Context(), "x")
		if err == nil || errors.Is(err, visit.ErrNone) != (status == 404 || status == 410) {
			t.Errorf("%d %s: %v", status, body, err)
		}
	}
}

// TestNamesOfALongIndex reads an index that goes on for ever.
func TestNamesOfALongIndex(t *testing.T) {
	const times = 50_000 // more than what is read
	pages := map[string]string{
		jsonType:    `{"meta":{"api-version":"1.0"},"projects":[{"name":"b"},{"name":"a"}` + strings.Repeat(`,{"name":"project-of-many-000"}`, times),
		"text/html": `<title>Simple index</title><a href="b/">b</a><a href="/simple/a/">A</a>` + strings.Repeat(`<a href="project-of-many-000/">project-of-many-000</a>`, times),
	}
	for kind, page := range pages {
		wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			switch r.URL.Path {
			case "/simple/":
				fmt.Fprint(w, page)
			default:
				w.WriteHeader(http.StatusNotFound)
			}
		})
		s := wire.Site(t, pypi.Dialect{}, "simple/")
		if root, err := s.Dialect.Find(t.Context(), s.Web, s.Base); root != s.Root || err != nil {
			t.Errorf("%s: found at %q, %v", kind, root, err)
		}
		names, err := s.Dialect.Names(t.Context(), s, 3)
		if got := strings.ToLower(strings.Join(names, " ")); got != "a b project-of-many-000" || err != nil {
			t.Errorf("%s: %s, %v", kind, got, err)
		}
	}
}
