package pypi_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/blake2b"

	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/pypi"
	"bonded.dev/prove/visit/visittest"
)

// received is an upload as a repository reads it.
type received struct {
	path, authorization string
	fields              map[string][]string
	file                string
	content             []byte
	names               []string          // of members, in order
	members             map[string]string // the first of each name
}

// only answers like a repository that takes uploads at one path.
func only(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			w.WriteHeader(http.StatusNotFound)
		} else if r.Method != "POST" {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	}
}

func publish(t *testing.T, as visit.Credential, up visit.Upload) received {
	t.Helper()
	wire := visittest.Listen(t, only("/pypi/upload/"))
	if a, err := wire.Site(t, pypi.Dialect{}, "pypi/simple/").Publish(t.Context(), as, up); err != nil || !a.Taken() {
		t.Fatalf("%s, %v", a, err)
	}
	all := wire.Sent()
	sent := all[len(all)-1]
	r := received{path: sent.Path, authorization: sent.Header.Get("Authorization"), fields: map[string][]string{}, members: map[string]string{}}
	_, params, err := mime.ParseMediaType(sent.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	form := multipart.NewReader(bytes.NewReader(sent.Body), params["boundary"])
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if part.FormName() == "content" {
			r.file, r.content = part.FileName(), b
			continue
		}
		r.fields[part.FormName()] = append(r.fields[part.FormName()], string(b))
	}
	r.unpack(t)
	return r
}

func (r *received) unpack(t *testing.T) {
	t.Helper()
	keep := func(name string, from io.Reader) {
		b, err := io.ReadAll(from)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r.names = append(r.names, name)
		if _, twice := r.members[name]; !twice {
			r.members[name] = string(b)
		}
	}
	z, err := zip.NewReader(bytes.NewReader(r.content), int64(len(r.content)))
	if err == nil || errors.Is(err, zip.ErrInsecurePath) {
		for _, f := range z.File {
			from, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			keep(f.Name, from)
		}
		return
	}
	g, err := gzip.NewReader(bytes.NewReader(r.content))
	if err != nil {
		return // mangled
	}
	archive := tar.NewReader(g)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		keep(h.Name, archive)
	}
}

func (r received) field(name string) string { return strings.Join(r.fields[name], "|") }

func (r received) digestsHold() bool {
	return r.field("md5_digest") == fmt.Sprintf("%x", md5.Sum(r.content)) &&
		r.field("sha256_digest") == fmt.Sprintf("%x", sha256.Sum256(r.content)) &&
		r.field("blake2_256_digest") == fmt.Sprintf("%x", blake2b.Sum256(r.content))
}

var manifest = visit.Manifest{Description: "d", Requires: ">=3.9", Dependencies: map[string]string{"b": ">=2", "a": "[x]==1"}}

const metadata = "Metadata-Version: 2.1\nName: Acme.Tools\nVersion: 1.2.3\nSummary: d\nRequires-Python: >=3.9\nRequires-Dist: a[x]==1\nRequires-Dist: b>=2\n"

func TestAnHonestWheel(t *testing.T) {
	r := publish(t, "tok", visit.Upload{Name: "Acme.Tools", Version: "1.2.3", Canary: "canary", Inside: manifest})
	if r.path != "/pypi/upload/" || r.authorization != "Basic X190b2tlbl9fOnRvaw==" || !r.digestsHold() {
		t.Errorf("to %s as %s, digests hold: %v", r.path, r.authorization, r.digestsHold())
	}
	for name, want := range map[string]string{
		":action": "file_upload", "protocol_version": "1", "name": "Acme.Tools", "version": "1.2.3", "filetype": "bdist_wheel",
		"pyversion": "py3", "summary": "d", "requires_python": ">=3.9", "requires_dist": "a[x]==1|b>=2",
	} {
		if got := r.field(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r.file != "acme_tools-1.2.3-py3-none-any.whl" || r.members["acme_tools.py"] != "# canary\n" || r.members["acme_tools-1.2.3.dist-info/METADATA"] != metadata {
		t.Errorf("%s: %q", r.file, r.members)
	}
}

func TestRecordListsEverything(t *testing.T) {
	r := publish(t, "", visit.Upload{Name: "p", Version: "1", Members: []visit.Member{
		{Name: "p/with, comma", Body: []byte("x"), Zeros: 10},
		{Name: "p/", Kind: visit.Directory},
		{Name: "p/link", Kind: visit.Symlink, Link: "/etc/passwd"},
	}})
	lines, err := csv.NewReader(strings.NewReader(r.members["p-1.dist-info/RECORD"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string][]string{}
	for _, l := range lines {
		listed[l[0]] = l[1:]
	}
	for name, body := range r.members {
		sum := sha256.Sum256([]byte(body))
		want := []string{"sha256=" + base64.RawURLEncoding.EncodeToString(sum[:]), fmt.Sprint(len(body))}
		switch {
		case strings.HasSuffix(name, "/"):
			continue
		case strings.HasSuffix(name, "RECORD"):
			want = []string{"", ""}
		}
		if got := listed[name]; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("%s is listed as %q, want %q", name, got, want)
		}
	}
}

func TestASourceDistribution(t *testing.T) {
	r := publish(t, "", visit.Upload{Name: "Acme.Tools", Version: "1.2.3", Canary: "canary", Form: "sdist", Inside: manifest})
	if r.file != "acme_tools-1.2.3.tar.gz" || r.field("filetype") != "sdist" || r.members["acme_tools-1.2.3/PKG-INFO"] != metadata {
		t.Errorf("%s: %q", r.file, r.members)
	}
	if toml := r.members["acme_tools-1.2.3/pyproject.toml"]; !strings.Contains(toml, `dependencies = ["a[x]==1", "b\u003e=2"]`) {
		t.Errorf("pyproject.toml:\n%s", toml)
	}
	if _, has := r.members["acme_tools-1.2.3/setup.py"]; has {
		t.Error("without a script there is a setup.py")
	}
	r = publish(t, "", visit.Upload{Name: "p", Version: "1", Inside: visit.Manifest{Script: `echo "x"`}})
	if !strings.Contains(r.members["p-1/setup.py"], `subprocess.run("echo \"x\"", shell=True`) {
		t.Errorf("with a script: %s, %q", r.file, r.members)
	}
}

func TestLiesArriveAsTold(t *testing.T) {
	with := func(change func(*visit.Upload)) received {
		up := visit.Upload{Name: "liar", Version: "1.0", Canary: "c"}
		change(&up)
		return publish(t, "", up)
	}
	r := with(func(up *visit.Upload) {
		up.Inside = visit.Manifest{Name: "other", Version: "9.9", Dependencies: map[string]string{"hidden": ""}}
		up.Claimed = &visit.Manifest{Requires: ">=3"}
	})
	if m := r.members["liar-1.0.dist-info/METADATA"]; !strings.Contains(m, "Name: other\nVersion: 9.9\nRequires-Dist: hidden\n") {
		t.Errorf("inside: %s", m)
	}
	if r.field("name") != "liar" || r.field("version") != "1.0" || r.field("requires_dist") != "" || r.field("requires_python") != ">=3" {
		t.Errorf("claimed: %v", r.fields)
	}
	if r := with(func(up *visit.Upload) { up.Inside.Name = "other" }); r.field("name") != "other" {
		t.Errorf("what is claimed is what is inside, unless told: %q", r.field("name"))
	}
	if r := with(func(up *visit.Upload) { up.Lie = true }); r.digestsHold() {
		t.Error("the stated digests are those of the bytes")
	}
	if r := with(func(up *visit.Upload) { up.File = "x-1-py3-none-any.whl" }); r.file != "x-1-py3-none-any.whl" {
		t.Errorf("file %s", r.file)
	}
	r = with(func(up *visit.Upload) { up.Mangle = func(b []byte) []byte { return append(b, "tail"...) } })
	if !bytes.HasSuffix(r.content, []byte("tail")) || !r.digestsHold() {
		t.Errorf("mangled: digests of it: %v", r.digestsHold())
	}
	for _, form := range []string{"wheel", "sdist"} {
		r = with(func(up *visit.Upload) {
			up.Form = form
			up.Members = []visit.Member{{Name: "../up"}, {Name: "/abs"}, {Name: "twice"}, {Name: "twice", Zeros: 9}, {Name: "l", Kind: visit.Symlink, Link: "/"}}
		})
		if got := strings.Join(r.names, " "); !strings.Contains(got, "../up /abs twice twice l") {
			t.Errorf("%s: %s", form, got)
		}
	}
}

func TestWhatIsNotSpoken(t *testing.T) {
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	})
	s := wire.Site(t, pypi.Dialect{}, "simple/")
	for what, try := range map[string]func() (visit.Answer, error){
		"a tag":           func() (visit.Answer, error) { return s.Dialect.Tag(t.Context(), s, "", "p", "t", "1") },
		"a yank":          func() (visit.Answer, error) { return s.Dialect.Yank(t.Context(), s, "", "p", "1") },
		"a deletion":      func() (visit.Answer, error) { return s.Dialect.Delete(t.Context(), s, "", "p", "1") },
		"an upload":       func() (visit.Answer, error) { return s.Publish(t.Context(), "", visit.Upload{Name: "p", Version: "1"}) },
		"under a tag":     func() (visit.Answer, error) { return s.Publish(t.Context(), "", visit.Upload{Tag: "next"}) },
		"an unknown form": func() (visit.Answer, error) { return s.Publish(t.Context(), "", visit.Upload{Form: "egg"}) },
		"a wheel that runs": func() (visit.Answer, error) {
			return s.Publish(t.Context(), "", visit.Upload{Form: "wheel", Inside: visit.Manifest{Script: "x"}})
		},
	} {
		if _, err := try(); !errors.Is(err, visit.ErrNotSpoken) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestAnswersShowWhatTwineWould: some repositories explain themselves in the
// reason phrase, some in the body, some in both.
func TestAnswersShowWhatTwineWould(t *testing.T) {
	for _, c := range []struct{ reason, body, want string }{
		{"Forbidden", "", "Forbidden"},
		{"Forbidden", "no such owner\n", "no such owner"},
		{"Forbidden", "<html><p>Not <b>you</b>!", "Not you !"},
		{"bob is no owner", "bob is no owner\n", "bob is no owner"},
		{"bob is no owner", "<html>bob is no owner of p", "bob is no owner of p"},
		{"bob is no owner", "see the guide", "bob is no owner: see the guide"},
		{"bob is no owner", "", "bob is no owner"},
	} {
		wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			kind := "text/plain"
			if strings.HasPrefix(c.body, "<") {
				kind = "text/html"
			}
			// The standard library writes no reason phrase of one's own.
			conn, out, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(out, "HTTP/1.1 403 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", c.reason, kind, len(c.body), c.body)
			if err := out.Flush(); err != nil {
				t.Error(err)
			}
		})
		a, err := wire.Site(t, pypi.Dialect{}, "simple/").Publish(t.Context(), "u:p", visit.Upload{Name: "p", Version: "1"})
		if err != nil || a.Status != 403 || a.Text != c.want {
			t.Errorf("%q, %q: %s, %v", c.reason, c.body, a, err)
		}
	}
}

// TestDeletionAsOthersHaveIt holds the requests against what two servers that
// nobody here wrote were seen to understand.
func TestDeletionAsOthersHaveIt(t *testing.T) {
	wire := visittest.Listen(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/":
			fmt.Fprint(w, "Welcome to pypiserver!")
		case strings.HasPrefix(r.URL.Path, "/api/"):
			w.WriteHeader(http.StatusNotFound)
		}
	})
	for root, want := range map[string]string{
		"simple/":           "POST / remove_pkg a_b 1.0",
		"root/dev/+simple/": "DELETE /root/dev/a-b/1.0",
	} {
		s := wire.Site(t, pypi.Dialect{}, root)
		if a, err := s.Dialect.Delete(t.Context(), s, "u:p", "A.b", "1.0"); err != nil || !a.Taken() {
			t.Errorf("%s: %s, %v", root, a, err)
		}
		all := wire.Sent()
		sent := all[len(all)-1]
		got := sent.Method + " " + sent.Path
		if _, params, err := mime.ParseMediaType(sent.Header.Get("Content-Type")); err == nil {
			form, err := multipart.NewReader(bytes.NewReader(sent.Body), params["boundary"]).ReadForm(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			got += " " + form.Value[":action"][0] + " " + form.Value["name"][0] + " " + form.Value["version"][0]
		}
		if got != want || sent.Header.Get("Authorization") != "Basic dTpw" {
			t.Errorf("%s: sent %s as %s, want %s", root, got, sent.Header.Get("Authorization"), want)
		}
	}
}
