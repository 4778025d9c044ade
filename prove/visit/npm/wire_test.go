package npm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/npm"
	"bonded.dev/prove/visit/visittest"
)

// received is a publish as a registry reads it.
type received struct {
	ID, Name string
	path     string
	token    string
	tags     map[string]string
	versions map[string]map[string]any
	file     string
	tarball  []byte
	length   int
	members  []tar.Header
	inside   map[string]any // package/package.json, the first
	bodies   map[string]string
}

func publish(t *testing.T, as visit.Credential, up visit.Upload) received {
	t.Helper()
	wire := visittest.Listen(t, nil)
	if a, err := wire.Site(t, npm.Dialect{}, "").Publish(t.Context(), as, up); err != nil || !a.Taken() {
		t.Fatalf("%s, %v", a, err)
	}
	sent := wire.Sent()
	if len(sent) != 1 || sent[0].Method != "PUT" {
		t.Fatalf("npm publishes with one PUT; sent were %d requests", len(sent))
	}
	var doc struct {
		ID   string `json:"_id"`
		Name string
		Tags map[string]string         `json:"dist-tags"`
		All  map[string]map[string]any `json:"versions"`
		Att  map[string]struct {
			Data   []byte
			Length int
		} `json:"_attachments"`
	}
	if err := json.Unmarshal(sent[0].Body, &doc); err != nil {
		t.Fatal(err)
	}
	r := received{
		ID: doc.ID, Name: doc.Name, path: sent[0].Path, token: sent[0].Header.Get("Authorization"),
		tags: doc.Tags, versions: doc.All, bodies: map[string]string{},
	}
	for file, a := range doc.Att {
		r.file, r.tarball, r.length = file, a.Data, a.Length
	}
	r.unpack(t)
	return r
}

func (r *received) unpack(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(r.tarball))
	if err != nil {
		return // mangled
	}
	archive := tar.NewReader(z)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		r.members = append(r.members, *h)
		body, err := io.ReadAll(io.LimitReader(archive, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := r.bodies[h.Name]; !twice {
			r.bodies[h.Name] = string(body)
		}
		if h.Name == "package/package.json" && r.inside == nil {
			if err := json.Unmarshal(body, &r.inside); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (r received) claimed(version string) map[string]any { return r.versions[version] }

func (r received) digestsHold(version string) bool {
	dist := r.claimed(version)["dist"].(map[string]any)
	long, short := sha512.Sum512(r.tarball), sha1.Sum(r.tarball)
	integrity := dist["integrity"] == "sha512-"+base64.StdEncoding.EncodeToString(long[:])
	shasum := dist["shasum"] == fmt.Sprintf("%x", short)
	return integrity && shasum
}

func TestAnHonestPublish(t *testing.T) {
	r := publish(t, "tok", visit.Upload{Name: "@acme/tools", Version: "1.2.3", Canary: "canary", Inside: visit.Manifest{
		Description: "d", Dependencies: map[string]string{"left-pad": "^1.0.0"}, Script: "node x.js", Requires: ">=20",
	}})
	if r.path != "/@acme%2ftools" || r.token != "Bearer tok" || r.ID != "@acme/tools" || r.Name != "@acme/tools" {
		t.Errorf("sent to %s as %s: %s, %s", r.path, r.token, r.ID, r.Name)
	}
	if r.tags["latest"] != "1.2.3" || r.file != "@acme/tools-1.2.3.tgz" || r.length != len(r.tarball) || !r.digestsHold("1.2.3") {
		t.Errorf("tags %v, file %s, %d of %d bytes, digests hold: %v", r.tags, r.file, r.length, len(r.tarball), r.digestsHold("1.2.3"))
	}
	if r.bodies["package/index.js"] != "// canary\n" {
		t.Errorf("index.js: %q", r.bodies["package/index.js"])
	}
	for where, m := range map[string]map[string]any{"inside": r.inside, "claimed": r.claimed("1.2.3")} {
		b, err := json.Marshal([]any{m["name"], m["version"], m["description"], m["dependencies"], m["scripts"], m["engines"]})
		if err != nil {
			t.Fatal(err)
		}
		const want = `["@acme/tools","1.2.3","d",{"left-pad":"^1.0.0"},{"postinstall":"node x.js"},{"node":"\u003e=20"}]`
		if string(b) != want {
			t.Errorf("%s it says\n%s, not\n%s", where, b, want)
		}
	}
}

func TestLiesArriveAsTold(t *testing.T) {
	up := visit.Upload{Name: "liar", Version: "1.0.0", Canary: "c"}
	with := func(change func(*visit.Upload)) received {
		lying := up
		change(&lying)
		return publish(t, "", lying)
	}
	if r := publish(t, "", up); r.token != "" {
		t.Errorf("nobody sends %q", r.token)
	}
	r := with(func(up *visit.Upload) {
		up.Inside = visit.Manifest{Name: "other", Version: "9.9.9", Script: "hidden"}
		up.Claimed = &visit.Manifest{Dependencies: map[string]string{"shown": "1"}}
	})
	said := r.claimed("1.0.0")
	if r.inside["name"] != "other" || r.inside["version"] != "9.9.9" || r.inside["dependencies"] != nil {
		t.Errorf("inside: %v", r.inside)
	}
	if said["name"] != "liar" || said["version"] != "1.0.0" || said["scripts"] != nil || said["dependencies"] == nil {
		t.Errorf("claimed: %v", said)
	}
	if r = with(func(up *visit.Upload) { up.Lie = true }); r.digestsHold("1.0.0") {
		t.Error("the stated digests are those of the bytes")
	}
	if r = with(func(up *visit.Upload) { up.File, up.Tag = "x.tgz", "next" }); r.file != "x.tgz" || r.tags["next"] != "1.0.0" || r.tags["latest"] != "" {
		t.Errorf("file %s, tags %v", r.file, r.tags)
	}
	mangled := []byte("not an archive")
	r = with(func(up *visit.Upload) { up.Mangle = func([]byte) []byte { return mangled } })
	if !bytes.Equal(r.tarball, mangled) || !r.digestsHold("1.0.0") {
		t.Errorf("mangled: %q, digests of it: %v", r.tarball, r.digestsHold("1.0.0"))
	}
	r = with(func(up *visit.Upload) {
		up.Members = []visit.Member{
			{Name: "package/../../up", Body: []byte("x")},
			{Name: "package/link", Kind: visit.Symlink, Link: "/etc/passwd"},
			{Name: "package/package.json", Body: []byte("{}")},
			{Name: "package/zeros", Zeros: 2 << 20},
		}
	})
	var got []string
	for _, h := range r.members[2:] {
		got = append(got, fmt.Sprintf("%c %s %s %d", h.Typeflag, h.Name, h.Linkname, h.Size))
	}
	if s := strings.Join(got, "\n"); s != "0 package/../../up  1\n2 package/link /etc/passwd 0\n0 package/package.json  2\n0 package/zeros  2097152" {
		t.Errorf("members:\n%s", s)
	}
}

// TestUnpublish holds the requests of npm unpublish against what libnpmpublish
// sends.
func TestUnpublish(t *testing.T) {
	const doc = `{"_id":"p","_rev":"7-a","name":"p","custom":{"kept":true},"_attachments":{},
		"dist-tags":{"latest":"2.0.0","old":"1.9.0","gone":"2.0.0"},
		"versions":{"1.9.0":{"dist":{"tarball":"%[1]sp/-/p-1.9.0.tgz"}},"1.10.0":{},"2.0.0":{"dist":{"tarball":"%[1]sp/-/p-2.0.0.tgz"}}}}`
	var wire *visittest.Wire
	wire = visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == "GET" {
			fmt.Fprintf(w, doc, wire.URL)
		}
	})
	s := wire.Site(t, npm.Dialect{}, "")
	if a, err := s.Dialect.Delete(t.Context(), s, "tok", "p", "2.0.0"); err != nil || !a.Taken() {
		t.Fatalf("%s, %v", a, err)
	}
	var lines []string
	for _, r := range wire.Sent() {
		lines = append(lines, r.Method+" "+r.Path)
		if r.Header.Get("Authorization") != "Bearer tok" {
			t.Errorf("%s %s as %q", r.Method, r.Path, r.Header.Get("Authorization"))
		}
	}
	want := "GET /p?write=true\nPUT /p/-rev/7-a\nGET /p?write=true\nDELETE /p/-/p-2.0.0.tgz/-rev/7-a"
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("sent:\n%s\nwant:\n%s", got, want)
	}
	const left = `{"_id":"p","_rev":"7-a","custom":{"kept":true},"dist-tags":{"latest":"1.10.0","old":"1.9.0"},"name":"p","versions":{"1.10.0":{},"1.9.0":{"dist":{"tarball":"URLp/-/p-1.9.0.tgz"}}}}`
	if got := strings.ReplaceAll(string(wire.Sent()[1].Body), wire.URL, "URL"); got != left {
		t.Errorf("left is\n%s", got)
	}
}
