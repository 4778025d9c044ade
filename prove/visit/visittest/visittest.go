// Package visittest holds a visitor to what it promises, against a real
// repository: what it publishes arrives, lies included, and what it reads is
// what the repository serves.
package visittest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"
	"testing"

	"bonded.dev/prove/visit"
)

// Place is a running repository.
type Place struct {
	Base string
	// Owner and Stranger may publish new names; what the owner has published
	// the stranger may not touch.
	Owner, Stranger visit.Credential
	// Lacks names what this repository does not have: "delete", "yank", "tag",
	// "times" in its index, "owners" of packages, "immutable" versions,
	// "accounts", "names" to look for.
	Lacks map[string]string // operation to the reason
	// Inside is a manifest in the dialect's notation that the index tells back.
	Inside visit.Manifest
}

// Start starts a repository that ends with the test.
type Start func(t *testing.T) Place

// Run runs the suite. The repository is started once; every test has names of
// its own.
func Run(t *testing.T, d visit.Dialect, start Start) {
	place := start(t)
	w := visit.NewWeb("bonded-visittest", 0)
	t.Cleanup(w.Close)
	site, err := visit.At(t.Context(), w, d, place.Base)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{place, site}
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s *stage)
	}{
		{"find", testFind},
		{"none", testNone},
		{"publish and read", testPublish},
		{"second version", testSecond},
		{"manifest", testManifest},
		{"names", testNames},
		{"refusals are answers", testRefusals},
		{"tag", testTag},
		{"yank", testYank},
		{"delete a version", testDelete},
		{"delete a package", testDeleteAll},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

// stage is what a test of the suite gets.
type stage struct {
	Place
	site *visit.Site
}

// spoken skips what the repository or the dialect does not have.
func (s *stage) spoken(t *testing.T, operation string, err error) {
	t.Helper()
	if why := s.Lacks[operation]; why != "" {
		t.Skipf("no %s here: %s", operation, why)
	}
	if errors.Is(err, visit.ErrNotSpoken) {
		t.Skipf("no %s in this dialect: %v", operation, err)
	}
}

func (s *stage) publish(t *testing.T, up visit.Upload) {
	t.Helper()
	a, err := s.site.Publish(t.Context(), s.Owner, up)
	if err != nil {
		t.Fatalf("publishing %s %s: %v", up.Name, up.Version, err)
	}
	if !a.Taken() {
		t.Fatalf("publishing %s %s: %s", up.Name, up.Version, a)
	}
}

func (s *stage) read(t *testing.T, name string) *visit.Package {
	t.Helper()
	p, err := s.site.Package(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *stage) release(t *testing.T, name, version string) *visit.Release {
	t.Helper()
	r := s.read(t, name).Release(version)
	if r == nil {
		t.Fatalf("%s %s was published, and the index does not list it", name, version)
	}
	return r
}

// testFind takes no page that answers to everything for a repository.
func testFind(t *testing.T, s *stage) {
	d := s.site.Dialect
	for _, base := range []string{s.Base, s.site.Root} {
		root, err := d.Find(t.Context(), s.site.Web, base)
		if err != nil || root != s.site.Root {
			t.Errorf("at %s: %q, %v", base, root, err)
		}
	}
	for name, url := range catchAlls(t) {
		root, err := d.Find(t.Context(), s.site.Web, url)
		if err != nil || root != "" {
			t.Errorf("a server that answers every request with %s: found at %q, %v", name, root, err)
		}
	}
}

func testNone(t *testing.T, s *stage) {
	_, err := s.site.Package(t.Context(), "visit-nobody-made-this")
	if !errors.Is(err, visit.ErrNone) {
		t.Errorf("a name that is not there: %v", err)
	}
}

func testPublish(t *testing.T, s *stage) {
	inside := visit.Manifest{Description: "a package for a test"}
	s.publish(t, visit.Upload{Name: "visit-first", Version: "1.0.0", Canary: "canary-1", Inside: inside})
	p := s.read(t, "visit-first")
	r := p.Release("1.0.0")
	if p.Name != "visit-first" || r == nil || len(r.Files) == 0 {
		t.Fatalf("the index says %+v", p.Releases)
	}
	if !p.Index.OK() || len(p.Index.Body) == 0 {
		t.Errorf("the answer that it was read from: %d, %d bytes", p.Index.Status, len(p.Index.Body))
	}
	if r.Yanked || r.Scripts {
		t.Errorf("an ordinary release is told as %+v", r)
	}
	if _, lacks := s.Lacks["times"]; r.Time == "" && !lacks {
		t.Error("the index tells no time")
	}
	for _, f := range r.Files {
		res, err := s.site.Fetch(t.Context(), f)
		if err != nil || !res.OK() {
			t.Fatalf("fetching %s: %d, %v", f.URL, res.Status, err)
		}
		checkDigests(t, f, res.Body)
		if f.Size != 0 && f.Size != int64(len(res.Body)) {
			t.Errorf("%s: the index tells %d bytes, there are %d", f.Name, f.Size, len(res.Body))
		}
	}
}

// checkDigests holds every digest that the index tells against the bytes.
func checkDigests(t *testing.T, f visit.File, b []byte) {
	t.Helper()
	known := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New, "sha384": sha512.New384, "sha1": sha1.New, "md5": md5.New}
	checked := 0
	for kind, told := range f.Digests {
		if known[kind] == nil {
			continue
		}
		h := known[kind]()
		h.Write(b)
		if is := fmt.Sprintf("%x", h.Sum(nil)); is != told {
			t.Errorf("%s: the index tells %s %s, the bytes have %s", f.Name, kind, told, is)
		}
		checked++
	}
	if checked == 0 && f.Digests["h1"] == "" {
		t.Errorf("%s: the index tells no digest that is known: %v", f.Name, f.Digests)
	}
}

func testSecond(t *testing.T, s *stage) {
	for _, v := range []string{"1.0.0", "1.1.0"} {
		s.publish(t, visit.Upload{Name: "visit-second", Version: v, Canary: "canary " + v})
	}
	p := s.read(t, "visit-second")
	if len(p.Releases) != 2 {
		t.Fatalf("two versions were published, the index lists %d", len(p.Releases))
	}
	a, b := s.bytes(t, p.Release("1.0.0")), s.bytes(t, p.Release("1.1.0"))
	if bytes.Equal(a, b) {
		t.Error("two canaries, and the same bytes")
	}
}

func (s *stage) bytes(t *testing.T, r *visit.Release) []byte {
	t.Helper()
	if r == nil || len(r.Files) == 0 {
		t.Fatal("the index lists no file")
	}
	res, err := s.site.Fetch(t.Context(), r.Files[0])
	if err != nil || !res.OK() {
		t.Fatalf("fetching %s: %d, %v", r.Files[0].URL, res.Status, err)
	}
	return res.Body
}

// testManifest reads back what decides an install.
func testManifest(t *testing.T, s *stage) {
	s.publish(t, visit.Upload{Name: "visit-manifest", Version: "1.0.0", Canary: "manifest", Inside: s.Inside})
	got, want := s.release(t, "visit-manifest", "1.0.0"), s.Inside
	if s.Inside.Requires != "" && got.Manifest.Requires != want.Requires {
		t.Errorf("requires %q, the index tells %q", want.Requires, got.Manifest.Requires)
	}
	if !maps.Equal(got.Manifest.Dependencies, want.Dependencies) {
		t.Errorf("dependencies %v, the index tells %v", want.Dependencies, got.Manifest.Dependencies)
	}
	if got.Manifest.Script != want.Script {
		t.Errorf("script %q, the index tells %q", want.Script, got.Manifest.Script)
	}
	if _, lacks := s.Lacks["warning"]; want.Script != "" && !got.Scripts && !lacks {
		t.Error("the index does not warn of the script")
	}
}

func testNames(t *testing.T, s *stage) {
	s.spoken(t, "names", nil)
	for _, name := range []string{"visit-b", "visit-a"} {
		s.publish(t, visit.Upload{Name: name, Version: "1.0.0", Canary: "names"})
	}
	names := func(limit int) []string {
		n, err := s.site.Dialect.Names(t.Context(), s.site, limit)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	all := strings.Join(names(100), " ")
	if !strings.Contains(all, "visit-a") || !strings.Contains(all, "visit-b") {
		t.Errorf("names: %q", all)
	}
	if again := strings.Join(names(100), " "); again != all {
		t.Errorf("names, asked twice: %q, then %q", all, again)
	}
	if n := names(1); len(n) != 1 {
		t.Errorf("one name at most: %q", n)
	}
}

func testRefusals(t *testing.T, s *stage) {
	s.publish(t, visit.Upload{Name: "visit-owned", Version: "1.0.0", Canary: "the owner's"})
	for who, as := range map[string]visit.Credential{
		"nobody": "", "a stranger": s.Stranger, "a wrong token": "visit-wrong-token", "a wrong password": "visit:wrong",
	} {
		if s.Lacks["accounts"] != "" {
			continue
		}
		if _, lacks := s.Lacks["owners"]; lacks && as == s.Stranger {
			continue
		}
		a, err := s.site.Publish(t.Context(), as, visit.Upload{Name: "visit-owned", Version: "1.0.1", Canary: "somebody else's"})
		if err != nil {
			t.Errorf("%s publishes: %v", who, err)
		} else if !a.Refused() || a.Text == "" {
			t.Errorf("%s publishes: %s", who, a)
		}
	}
	if _, lacks := s.Lacks["immutable"]; lacks {
		return
	}
	a, err := s.site.Publish(t.Context(), s.Owner, visit.Upload{Name: "visit-owned", Version: "1.0.0", Canary: "other bytes"})
	if err != nil || !a.Refused() || a.Text == "" {
		t.Errorf("the same version again: %s, %v", a, err)
	}
}

func testTag(t *testing.T, s *stage) {
	for _, v := range []string{"1.0.0", "1.1.0"} {
		s.publish(t, visit.Upload{Name: "visit-tagged", Version: v, Canary: v})
	}
	a, err := s.site.Dialect.Tag(t.Context(), s.site, s.Owner, "visit-tagged", "stable", "1.0.0")
	s.spoken(t, "tag", err)
	if err != nil || !a.Taken() {
		t.Fatalf("tagging: %s, %v", a, err)
	}
	if tags := s.read(t, "visit-tagged").Tags; tags["stable"] != "1.0.0" {
		t.Errorf("the index tells the tags %v", tags)
	}
	s.publish(t, visit.Upload{Name: "visit-tagged", Version: "2.0.0-rc.1", Canary: "rc", Tag: "next"})
	if tags := s.read(t, "visit-tagged").Tags; tags["next"] != "2.0.0-rc.1" {
		t.Errorf("published as next, the index tells the tags %v", tags)
	}
	if s.Lacks["accounts"] != "" {
		return
	}
	if a, err := s.site.Dialect.Tag(t.Context(), s.site, "", "visit-tagged", "stable", "1.1.0"); err != nil || !a.Refused() {
		t.Errorf("nobody tags: %s, %v", a, err)
	}
}

func testYank(t *testing.T, s *stage) {
	for _, v := range []string{"1.0.0", "1.1.0"} {
		s.publish(t, visit.Upload{Name: "visit-yanked", Version: v, Canary: v})
	}
	a, err := s.site.Dialect.Yank(t.Context(), s.site, s.Owner, "visit-yanked", "1.0.0")
	s.spoken(t, "yank", err)
	if err != nil || !a.Taken() {
		t.Fatalf("yanking: %s, %v", a, err)
	}
	p := s.read(t, "visit-yanked")
	if r := p.Release("1.0.0"); r == nil || !r.Yanked {
		t.Errorf("after a yank the index tells %+v", r)
	}
	if r := p.Release("1.1.0"); r == nil || r.Yanked {
		t.Errorf("the other version is told as %+v", r)
	}
	if a, err := s.site.Dialect.Yank(t.Context(), s.site, "", "visit-yanked", "1.1.0"); err != nil || !a.Refused() {
		t.Errorf("nobody yanks: %s, %v", a, err)
	}
	if a, err := s.site.Dialect.Yank(t.Context(), s.site, s.Owner, "visit-yanked", "9.9.9"); err != nil || !a.Refused() {
		t.Errorf("yanking what is not there: %s, %v", a, err)
	}
}

func testDelete(t *testing.T, s *stage) {
	for _, v := range []string{"1.0.0", "1.1.0"} {
		s.publish(t, visit.Upload{Name: "visit-deleted", Version: v, Canary: v})
	}
	files := s.release(t, "visit-deleted", "1.1.0").Files
	if a, err := s.site.Dialect.Delete(t.Context(), s.site, "", "visit-deleted", "1.1.0"); err == nil && !a.Refused() {
		t.Errorf("nobody deletes: %s", a)
	}
	a, err := s.site.Dialect.Delete(t.Context(), s.site, s.Owner, "visit-deleted", "1.1.0")
	s.spoken(t, "delete", err)
	if err != nil || !a.Taken() {
		t.Fatalf("deleting: %s, %v", a, err)
	}
	p := s.read(t, "visit-deleted")
	if r := p.Release("1.1.0"); r != nil && len(r.Files) > 0 {
		t.Errorf("after deletion the index tells %+v", r)
	}
	if p.Release("1.0.0") == nil {
		t.Error("the other version went too")
	}
	if !slices.ContainsFunc(files, func(f visit.File) bool { return s.gone(t, f) }) {
		t.Error("every file of what was deleted is still there")
	}
}

func (s *stage) gone(t *testing.T, f visit.File) bool {
	t.Helper()
	res, err := s.site.Fetch(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return !res.OK()
}

func testDeleteAll(t *testing.T, s *stage) {
	for _, v := range []string{"1.0.0", "1.1.0"} {
		s.publish(t, visit.Upload{Name: "visit-all-deleted", Version: v, Canary: v})
	}
	a, err := s.site.Dialect.Delete(t.Context(), s.site, s.Owner, "visit-all-deleted", "")
	s.spoken(t, "delete", err)
	if err != nil || !a.Taken() {
		t.Fatalf("deleting: %s, %v", a, err)
	}
	p, err := s.site.Package(t.Context(), "visit-all-deleted")
	if err == nil && len(p.Releases) > 0 || err != nil && !errors.Is(err, visit.ErrNone) {
		t.Errorf("after deletion: %+v, %v", p, err)
	}
}
