package pypi

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/ecosystem/ecosystemtest"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// published is a desk after the suite's uploads.
func published(t testing.TB) *ecosystemtest.Desk {
	t.Helper()
	d := ecosystemtest.NewDesk(t, Ecosystem{})
	for _, r := range honest(t) {
		_, draft, err := d.Draft(r)
		if err != nil {
			t.Fatalf("%s: %v", r.Case, err)
		}
		d.Admit(t, draft)
	}
	return d
}

// pages renders a project whole and joins the parts.
func pages(t testing.TB, d *ecosystemtest.Desk, key string) map[string]string {
	t.Helper()
	docs, err := Ecosystem{}.Render(d.Package(project(key)), d.House, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	house, err := Ecosystem{}.RenderHouse(d.House, d)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, doc := range append(docs, house...) {
		if !doc.Gone {
			out[doc.Path] = join(t, doc)
		}
	}
	return out
}

func join(t testing.TB, doc ecosystem.Document) string {
	t.Helper()
	var b bytes.Buffer
	for _, p := range doc.Parts {
		text, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, got)
	}
}

func TestGoldenPages(t *testing.T) {
	d := published(t)
	for _, f := range laterFacts()[:5] {
		d.Admit(t, f)
	}
	p := pages(t, d, "acme-tools")
	golden(t, "project.html", p["pypi/simple/acme-tools/index.html"])
	golden(t, "project.json", p["pypi/simple/acme-tools/index.json"])
	golden(t, "index.html", p["pypi/simple/index.html"])
	golden(t, "index.json", p["pypi/simple/index.json"])
	if got, want := p["pypi/files/acme-tools/acme_tools-1.0-py3-none-any.whl.metadata"], "Metadata-Version: 2.4\nName: Acme.Tools\nVersion: 1.0\nRequires-Python"; !strings.HasPrefix(got, want) {
		t.Errorf("METADATA reads %q", got)
	}
	for path := range p {
		if strings.HasSuffix(path, ".tar.gz.metadata") {
			t.Errorf("%s is served", path)
		}
	}
}

// jsonPage is what a client may rely on (PEP 691, 700, 714, 792).
type jsonPage struct {
	Meta struct {
		APIVersion string `json:"api-version"`
	} `json:"meta"`
	Name   string `json:"name"`
	Status struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	} `json:"project-status"`
	Versions []string `json:"versions"`
	Files    []struct {
		Filename string `json:"filename"`
		Yanked   any    `json:"yanked"`
	} `json:"files"`
}

func readPage(t *testing.T, d *ecosystemtest.Desk, key string) (p jsonPage, html string) {
	t.Helper()
	all := pages(t, d, key)
	text := all["pypi/simple/"+key+"/index.json"]
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return p, all["pypi/simple/"+key+"/index.html"]
}

func TestQuarantineHidesFiles(t *testing.T) {
	d := published(t)
	d.Admit(t, fact("acme-tools", `haunted <by> "ghosts"`+"\n", bonded.Entry{Type: bonded.Status, Status: quarantined}))
	p, html := readPage(t, d, "acme-tools")
	if p.Status.Status != quarantined || p.Status.Reason != `haunted <by> "ghosts"` || len(p.Files) != 0 || len(p.Versions) != 5 {
		t.Errorf("%+v", p)
	}
	if strings.Contains(html, "<a ") || !strings.Contains(html, `<meta name="pypi:project-status-reason" content="haunted &lt;by&gt; &#34;ghosts&#34;">`) {
		t.Error(html)
	}
}

func TestRemovedFilesLeaveAnEmptyPage(t *testing.T) {
	d := published(t)
	d.Admit(t, fact("other", "", bonded.Entry{Type: bonded.Remove, Version: "2!0.1a1", File: "other-2!0.1a1-py3-none-any.whl"}))
	p, html := readPage(t, d, "other")
	if len(p.Files) != 0 || len(p.Versions) != 0 || strings.Contains(html, "<a ") {
		t.Errorf("%+v\n%s", p, html)
	}
	docs, err := Ecosystem{}.Render(d.Package(project("other")), d.House, d, d.Head()-1)
	if err != nil || len(docs) != 3 || !docs[2].Gone || !strings.HasSuffix(docs[2].Path, ".whl.metadata") {
		t.Errorf("%+v, %v", docs, err)
	}
}

func TestUnclaimedHasNoPage(t *testing.T) {
	d := published(t)
	docs, err := Ecosystem{}.Render(d.Package(project("nobody")), d.House, d, 0)
	if err != nil || len(docs) != 0 {
		t.Errorf("%+v, %v", docs, err)
	}
}

// TestDeletedReason deletes the reason of a yank, which no fact tells of: the
// parts must not be taken for the old ones.
func TestDeletedReason(t *testing.T) {
	d := published(t)
	reason := "because"
	d.Admit(t, fact("acme-tools", reason, bonded.Entry{Type: bonded.Yank, Version: "1"}))
	keys := func() string {
		docs, err := Ecosystem{}.Render(d.Package(project("acme-tools")), d.House, d, 0)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, p := range docs[1].Parts {
			b.WriteString(p.Key + "\n")
		}
		return b.String()
	}
	before := keys()
	if p, html := readPage(t, d, "acme-tools"); p.Files[0].Yanked != reason || !strings.Contains(html, `data-yanked="because"`) {
		t.Errorf("%+v", p)
	}
	d.Forget(bonded.DigestOf([]byte(reason)))
	if before == keys() {
		t.Error("the keys do not tell that the reason is gone")
	}
	if p, html := readPage(t, d, "acme-tools"); p.Files[0].Yanked != true || !strings.Contains(html, `data-yanked=""`) {
		t.Errorf("%+v", p)
	}
}

// history publishes n releases of one project.
func history(t testing.TB, n int) *ecosystemtest.Desk {
	t.Helper()
	d := ecosystemtest.NewDesk(t, Ecosystem{})
	for i := range n {
		release(t, d, i)
	}
	return d
}

func release(t testing.TB, d *ecosystemtest.Desk, i int) {
	t.Helper()
	_, draft, err := d.Draft(wheel{name: "many", version: fmt.Sprintf("1.%d", i), fields: "Requires-Python: >=3.8\n"}.send(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	d.Admit(t, draft)
}

// partsMade renders and makes the parts whose keys are new.
func partsMade(t testing.TB, d *ecosystemtest.Desk, have map[string]bool) (made int) {
	t.Helper()
	docs, err := Ecosystem{}.Render(d.Package(project("many")), d.House, d, d.Head()-1)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range docs {
		for _, p := range doc.Parts {
			key := doc.Path + "\x00" + p.Key
			if have[key] {
				continue
			}
			if _, err := p.Bytes(); err != nil {
				t.Fatal(err)
			}
			have[key] = true
			made++
		}
	}
	return made
}

// TestOneMoreReleaseMakesFewParts counts what is rendered for each release of
// a long history: the release in three lists and its METADATA, and when a
// chunk is full its three lists once more.
func TestOneMoreReleaseMakesFewParts(t *testing.T) {
	d := history(t, 1)
	have := map[string]bool{}
	partsMade(t, d, have)
	for i := 1; i < 3*bonded.ChunkSize; i++ {
		release(t, d, i)
		if made := partsMade(t, d, have); made > 4 {
			t.Fatalf("release %d makes %d parts", i, made)
		}
	}
	p, html := readPage(t, d, "many")
	if len(p.Versions) != 3*bonded.ChunkSize || len(p.Files) != len(p.Versions) || strings.Count(html, "<a ") != len(p.Versions) {
		t.Errorf("%d versions, %d files, %d links", len(p.Versions), len(p.Files), strings.Count(html, "<a "))
	}
	// A yank in an old chunk makes that chunk anew and nothing else.
	d.Admit(t, fact("many", "old", bonded.Entry{Type: bonded.Yank, Version: "1.3"}))
	if made := partsMade(t, d, have); made != 3 {
		t.Errorf("a yank makes %d parts", made)
	}
	if p, _ := readPage(t, d, "many"); p.Files[3].Yanked != "old" {
		t.Errorf("%+v", p.Files[3])
	}
}

// TestEmptyRunsKeepTheCommas removes whole chunks at the front, in the middle
// and at the end.
func TestEmptyRunsKeepTheCommas(t *testing.T) {
	d := history(t, 2*bonded.ChunkSize+3)
	remove := func(i int) {
		version := fmt.Sprintf("1.%d", i)
		file := "many-" + version + pureTags
		if i == 0 {
			version = "1"
		}
		d.Admit(t, fact("many", "", bonded.Entry{Type: bonded.Remove, Version: strings.TrimSuffix(version, ".0"), File: file}))
	}
	left := 2*bonded.ChunkSize + 3
	for _, i := range append(upTo(bonded.ChunkSize), 2*bonded.ChunkSize, 2*bonded.ChunkSize+2) {
		remove(i)
		left--
		p, html := readPage(t, d, "many")
		if len(p.Files) != left || len(p.Versions) != left || strings.Count(html, "<a ") != left {
			t.Fatalf("after removing %d: %d files, %d versions, want %d", i, len(p.Files), len(p.Versions), left)
		}
	}
}

func upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

type failingDocs struct{ ecosystem.Docs }

func (failingDocs) Doc(bonded.Digest) ([]byte, error) { return nil, errors.New("the store is away") }

// TestStoreErrorIsNotAnEmptyPage wants an error where a page would otherwise
// lack what the store did not give.
func TestStoreErrorIsNotAnEmptyPage(t *testing.T) {
	d := published(t)
	p := d.Package(project("other"))
	docs, err := Ecosystem{}.Render(p, d.House, failingDocs{}, p.Head-1)
	for i := range docs {
		for _, part := range docs[i].Parts {
			if _, e := part.Bytes(); e != nil {
				err = e
			}
		}
	}
	if err == nil {
		t.Error("a page was rendered without the store")
	}
	d.Admit(t, fact("other", "x", bonded.Entry{Type: bonded.Yank, Version: "2!0.1a1"}))
	if _, err := (Ecosystem{}).Render(d.Package(project("other")), d.House, failingDocs{}, d.Head()-1); err == nil {
		t.Error("a reason that could not be read is taken for a deleted one")
	}
}
