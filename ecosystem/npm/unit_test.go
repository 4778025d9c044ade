package npm

import (
	"bytes"
	"encoding/base64"
	stdjson "encoding/json" // the other parser
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/archive/archivetest"
)

// The right column was made by node-semver 7.7's clean.
func TestCleanVersion(t *testing.T) {
	for raw, want := range map[string]string{
		"1.0.0": "1.0.0", " 1.0.0 ": "1.0.0", "v1.0.0": "1.0.0", "=v1.0.0": "1.0.0", "=1.0.0": "1.0.0",
		"1.0.0+a": "1.0.0", "1.0.0-rc.1+b.2": "1.0.0-rc.1", "1.0.0-0": "1.0.0-0", "1.0.0--": "1.0.0--", "1.0.0-0a": "1.0.0-0a",
		"9007199254740991.0.0": "9007199254740991.0.0",

		"": "", "1": "", "1.0": "", "1.0.0.0": "", "01.0.0": "", "1.0.0-01": "", "1.0.0-": "", "1.0.0+": "", "1.0.0-a..b": "",
		"1.0.0-ä": "", "1.0.0 beta": "", "V1.0.0": "", "9007199254740992.0.0": "", "99999999999999999.0.0": "", "x": "", "1.x": "",
		"1.0.0\n2.0.0": "", strings.Repeat("1", 300) + ".0.0": "", "1.0.0-" + strings.Repeat("a", 300): "",
	} {
		got, ok := cleanVersion(raw)
		if got != want || ok != (want != "") {
			t.Errorf("cleanVersion(%q) = %q, %v, want %q", raw, got, ok, want)
		}
	}
}

func TestTags(t *testing.T) {
	for _, tag := range []string{"latest", "next", "beta", "rc1", "release-2.x", "x-1", "2-x", "v", "a.b", "~a", "it's"} {
		if err := checkTag(tag); err != nil {
			t.Errorf("%q: %v", tag, err)
		}
	}
	for _, tag := range []string{"", "1", "1.0.0", "v1", "=1", "1.x", "x", "X", "*", "01", "~1", "1.0.0-rc", "1.0.0rc", ">1", "a b", "a/b", "ä", "a\n", "%61", "a@b", "a:b", strings.Repeat("a", 215)} {
		if err := checkTag(tag); err == nil {
			t.Errorf("%q was taken for a tag", tag)
		}
	}
}

func TestAccept(t *testing.T) {
	for accept, want := range map[string]bool{
		"application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*": true, // npm, yarn 1
		"application/vnd.npm.install-v1+json":                                      true,
		"APPLICATION/vnd.npm.install-v1+json":                                      true,
		"application/json":                                                         false,
		"*/*":                                                                      false,
		"":                                                                         false,
		"text/html, */*; q=0.01":                                                   false,
		"application/json, application/vnd.npm.install-v1+json; q=0.5":      false,
		"application/vnd.npm.install-v1+json; q=0, application/json":        false,
		"application/vnd.npm.install-v1+json; q=x, application/json; q=0.1": true,
	} {
		if got := wantsAbbreviated(accept); got != want {
			t.Errorf("Accept %q: abbreviated %v, want %v", accept, got, want)
		}
	}
}

// Every way in which clients spell what they want.
func TestAsk(t *testing.T) {
	const abbreviatedAccept = "application/vnd.npm.install-v1+json"
	for _, c := range []struct {
		method, url, accept string
		verb                ecosystem.Verb
		op, name, path      string
	}{
		{"GET", "left-pad", "", ecosystem.Fetch, "", "left-pad", "npm/left-pad/full.json"},
		{"GET", "left-pad/", abbreviatedAccept, ecosystem.Fetch, "", "left-pad", "npm/left-pad/abbreviated.json"},
		{"GET", "@acme%2fx", "", ecosystem.Fetch, "", "@acme/x", "npm/@acme/x/full.json"},
		{"GET", "@acme%2Fx", "", ecosystem.Fetch, "", "@acme/x", "npm/@acme/x/full.json"},
		{"GET", "%40acme%2fx", "", ecosystem.Fetch, "", "@acme/x", "npm/@acme/x/full.json"},
		{"HEAD", "@acme/x", abbreviatedAccept, ecosystem.Fetch, "", "@acme/x", "npm/@acme/x/abbreviated.json"},
		{"GET", "@acme/x/latest", "", ecosystem.Fetch, "", "@acme/x", "npm/@acme/x/latest.json"},
		{"GET", "@acme%2fx/-/x-1.0.0.tgz", "", ecosystem.Fetch, "", "@acme/x", "npm/@acme/x/-/x-1.0.0.tgz"},
		{"GET", "@acme/x/-/@acme/x-1.0.0.tgz", "", ecosystem.Fetch, "", "@acme/x", "npm/@acme/x/-/x-1.0.0.tgz"},
		{"GET", "@acme/x/-/@acme%2fx-1.0.0.tgz", "", ecosystem.Fetch, "", "@acme/x", "npm/@acme/x/-/x-1.0.0.tgz"},
		{"PUT", "@acme%2fx", "", ecosystem.Publish, opPut, "@acme/x", ""},
		{"PUT", "@acme%2fx/-rev/3-a", "", ecosystem.Change, opUpdate, "@acme/x", ""},
		{"DELETE", "@acme/x/-rev/3-a", "", ecosystem.Change, opDelete, "@acme/x", ""},
		{"DELETE", "@acme/x/-/x-1.0.0.tgz/-rev/3-a", "", ecosystem.Change, opDeleteFile, "@acme/x", ""},
		{"DELETE", "@acme/x/-/@acme/x-1.0.0.tgz/-rev/3-a", "", ecosystem.Change, opDeleteFile, "@acme/x", ""},
		{"GET", "-/package/@acme%2fx/dist-tags", "", ecosystem.Fetch, "", "@acme/x", "npm/@acme/x/dist-tags.json"},
		{"PUT", "-/package/@acme/x/dist-tags/beta", "", ecosystem.Change, opTag, "@acme/x", ""},
		{"DELETE", "-/package/x/dist-tags/beta", "", ecosystem.Change, opUntag, "x", ""},
		{"GET", "-/package/x/visibility", "", ecosystem.Fetch, "", "x", "npm/x/visibility.json"},
		{"GET", "-/npm/v1/keys", "", ecosystem.Fetch, "", "", keysPath},
		{"POST", "-/npm/v1/security/audits/quick", "", ecosystem.Answer, opAudit, "", ""},
		{"DELETE", "-/user/token/abc", "", ecosystem.Revoke, "", "", ""},
		{"GET", "-/org/acme/package", "", ecosystem.Answer, opUsers, "", ""},
	} {
		a, err := Ecosystem{}.Ask(ecosystem.Request{Method: c.method, Path: c.url, Header: func(k string) string {
			return map[string]string{"Accept": c.accept}[k]
		}})
		if err != nil || a.Verb != c.verb || a.Op != c.op || a.Name.Key != c.name || a.Path != c.path {
			t.Errorf("%s %s: %+v, %v", c.method, c.url, a, err)
		}
		if writes := a.Verb == ecosystem.Publish || a.Verb == ecosystem.Change || a.Verb == ecosystem.Revoke; a.Auth != writes {
			t.Errorf("%s %s: asks for a credential: %v", c.method, c.url, a.Auth)
		}
	}
	a, err := Ecosystem{}.Ask(ecosystem.Request{Method: "GET", Path: "x", Query: map[string][]string{"write": {"true"}}, Header: func(string) string { return abbreviatedAccept }})
	if err != nil || a.Path != "npm/x/full.json" {
		t.Errorf("who reads to write back gets %q, %v", a.Path, err)
	}
}

func TestSearchBounds(t *testing.T) {
	for q, want := range map[[2]string]ecosystem.Query{
		{"", ""}: {Size: 20}, {"5", "7"}: {From: 5, Size: 7}, {"-1", "x"}: {Size: 20}, {"99999999", "9999"}: {From: 1 << 20, Size: 250},
	} {
		if got := askSearch(map[string][]string{"from": {q[0]}, "size": {q[1]}}).Query; got != want {
			t.Errorf("from %q size %q: %+v", q[0], q[1], got)
		}
	}
}

// Git addresses are equal when hosted-git-info writes them alike.
func TestSameSpec(t *testing.T) {
	for _, row := range [][]string{
		{"acme/dep", "github:acme/dep", "git+https://github.com/acme/dep.git", "https://github.com/acme/dep", "git@github.com:acme/dep.git",
			"git+ssh://git@github.com/acme/dep.git", "git://github.com/acme/dep.git", "ssh://git@github.com/acme/dep.git"},
		{"acme/dep#semver:^1", "github:acme/dep#semver:^1", "git+https://github.com/acme/dep.git#semver:^1"},
		{"gitlab:acme/dep", "git+https://gitlab.com/acme/dep.git", "git@gitlab.com:acme/dep.git"},
		{"bitbucket:acme/dep", "git+https://bitbucket.org/acme/dep.git"},
		{"acme/other"}, {"^1.0.0"}, {"1"}, {"npm:acme@1"}, {"npm:@acme/dep@1"}, {"https://example.invalid/dep.tgz"}, {"file:dep"}, {"*"}, {""},
	} {
		for _, a := range row {
			for _, b := range row {
				if !sameSpec(a, b) {
					t.Errorf("%q and %q differ", a, b)
				}
			}
			for _, b := range []string{"evil/dep", "gitlab:evil/dep", "git@evil.example:acme/dep.git", "https://evil.example/acme/dep.git", "2", "npm:evil@1"} {
				if sameSpec(a, b) {
					t.Errorf("%q passes for %q", b, a)
				}
			}
		}
	}
}

func TestManifestSpellings(t *testing.T) {
	for in, want := range map[string]string{
		`{"name":"@a/b","bin":"./x.js"}`:                                  `{"bin":{"b":"x.js"},"name":"@a/b"}`,
		`{"bin":["a/x.js","../../y"]}`:                                    `{"bin":{"x.js":"a/x.js","y":"y"}}`,
		`{"bin":{"../evil":"..\\..\\x","dir/c":"/etc/passwd","z":7}}`:     `{"bin":{"c":"etc/passwd","evil":"x"}}`,
		`{"bin":{"..":"x","a":""}}`:                                       `{}`,
		`{"bin":7,"scripts":7,"engines":7,"keywords":7,"dependencies":7}`: `{"keywords":[]}`,
		`{"dependencies":["a@1","b"," @s/c@2 ","d>=1"]}`:                  `{"dependencies":{"a":"1","b":"","d":">=1"}}`,
		`{"dependencies":"a@1, b"}`:                                       `{"dependencies":{"a":"1","b":""}}`,
		`{"dependencies":{"a":1,"b":"2"}}`:                                `{"dependencies":{"b":"2"}}`,
		`{"bundledDependencies":{"a":"1"}}`:                               `{"bundleDependencies":["a"]}`,
		`{"bundledDependencies":["x"],"bundleDependencies":false}`:        `{}`,
		`{"bundleDependencies":true,"dependencies":{"b":"1","a":"1"}}`:    `{"bundleDependencies":["a","b"],"dependencies":{"a":"1","b":"1"}}`,
		`{"engines":["node >= 0.6","npm"]}`:                               `{"engines":{"node":">= 0.6","npm":""}}`,
		`{"author":"Ann","contributors":["Bo <b@x> (u)",{"name":"C"}]}`:   `{"author":{"name":"Ann"},"contributors":[{"email":"b@x","name":"Bo","url":"u"},{"name":"C"}]}`,
		`{"bugs":"b@x.example","repository":"acme/r","keywords":"a, b"}`:  `{"bugs":{"email":"b@x.example"},"keywords":["a","b"],"repository":{"type":"git","url":"git+https://github.com/acme/r.git"}}`,
		`{"_id":"x","_resolved":"x","dist":{},"deprecated":"x","maintainers":[],"time":{},"versions":{},"dist-tags":{},"users":{},"readme":"x","hasInstallScript":true,"_hasShrinkwrap":true}`: `{}`,
		`{"scripts":{"install":"x"}}`: `{"hasInstallScript":true,"scripts":{"install":"x"}}`,
		`{"scripts":{"test":"x"}}`:    `{"scripts":{"test":"x"}}`,
	} {
		f, err := parseFields([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		m := (&meta{pkg: f}).manifest()
		delete(m, "_hasShrinkwrap")
		if got := string(m.encode()); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	gyp := (&meta{pkg: fields{}, Gyp: true}).manifest()
	if string(gyp["scripts"]) != `{"install":"node-gyp rebuild"}` || string(gyp["hasInstallScript"]) != "true" {
		t.Errorf("binding.gyp: %s", gyp.encode())
	}
}

func TestMembersThatAreMisread(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"b":{"A":1,"a":2},"c":["A",{"x":"__proto__"}]}`: "",
		`{"scripts":{},"Scripts":{}}`:                           "differ in case alone",
		"{\"scripts\":{},\"\u017fcripts\":{}}":                  "differ in case alone",
		"{\"license\":{},\"LICEN\u017fE\":{}}":                  "differ in case alone",
		`{"__proto__":1}`:                                       "__proto__",
		`{"a":[{"b":{"__proto__":{}}}]}`:                        "__proto__",
		`{"__Proto__":1}`:                                       "",
	} {
		if got := misread(jsontext.Value(text)); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestCommandsThatClimbOut(t *testing.T) {
	for text, climbs := range map[string]bool{
		`{"name":"a","bin":"./cli.js"}`:           false,
		`{"bin":{"@acme/x":"/bin/x.js"}}`:         false,
		`{"bin":{"x":"lib/../x.js"}}`:             false,
		`{"bin":["a/b","c"]}`:                     false,
		`{"bin":{"..x":"..y"}}`:                   false,
		`{"directories":{"bin":"./b","man":"m"}}`: false,
		`{"bin":{"../x":"x.js"}}`:                 true,
		`{"bin":{"a/../../x":"x.js"}}`:            true,
		`{"bin":{"..":"x.js"}}`:                   true,
		`{"bin":{"x":"../../x"}}`:                 true,
		`{"bin":{"x":"..\\..\\x"}}`:               true,
		`{"bin":{"x":"/../x"}}`:                   true,
		`{"bin":["../x"]}`:                        true,
		`{"name":"../x","bin":"x.js"}`:            true,
		`{"directories":{"bin":".."}}`:            true,
		`{"directories":{"man":"a/../../b"}}`:     true,
	} {
		f, err := parseFields([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.climbs(); (got != "") != climbs {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestReadmeIsCutBetweenLetters(t *testing.T) {
	for _, pad := range []int{0, 1, 2, 3} {
		got := readme([]byte(strings.Repeat("x", maxReadme-pad) + "€€"))
		if len(got) > maxReadme || strings.Trim(got, "x€") != "" {
			t.Errorf("pad %d: %q", pad, got[len(got)-8:])
		}
	}
	if got := readme([]byte("a\xffb")); got != "a\ufffdb" {
		t.Errorf("%q", got)
	}
	if !better("README.md", "README") || !better("README", "README.txt") || better("readme.txt", "README.md") || !better("README.a", "README.b") {
		t.Error("the order of readme files")
	}
}

// splitText takes every base64 string of more than threshold letters out of a text.
func splitText(text []byte, threshold int) (rest []byte, ends []int, kept [][]byte, err error) {
	s := splitter{threshold: threshold, most: 1 << 20, keep: func(r io.Reader) error {
		b, err := io.ReadAll(r)
		kept = append(kept, b)
		return err
	}}
	err = s.split(iotest.OneByteReader(bytes.NewReader(text)))
	return s.rest, s.ends, kept, err
}

// FuzzSplit holds the splitter against a plain parser: what is left and what
// was taken out together are the text, string by string.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		`{"a":"AAAAAAAAAAAA"}`, `{"a":"AAAAAAAAAAA="}`, `["\"AAAAAAAAAAAAAAAA","\\","AAAAAAAAAAAAAAAA\\"]`, `"AAAAAAAAAAAAAAAA`, `"AAAAAAAAAAAAAAA?"`,
		`{"AAAAAAAAAAAAAAAA":1}`, `["AAA=AAA=AAA=AAA="]`, `["AAAAAAAAAAAAAAAB\n"]`, "[\"AAAAAAAAAAAA\nAAAA\"]", `{"a":"\u0041AAAAAAAAAAAAAAA"}`, `"AAAAAAAAAAAAAAA"`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		const threshold = 10
		rest, ends, kept, err := splitText(text, threshold)
		if err != nil {
			if kind, _, _ := bonded.Explain(err); kind != bonded.Invalid && kind != bonded.TooLarge {
				t.Errorf("%v", err)
			}
			return
		}
		if !jsontext.Value(text).IsValid() {
			if jsontext.Value(rest).IsValid() {
				t.Errorf("%q is no JSON, %q is", text, rest)
			}
			return
		}
		want, got := tokens(t, text), tokens(t, rest)
		if len(want) != len(got) {
			t.Fatalf("%d tokens became %d", len(want), len(got))
		}
		for i, w := range want {
			g := got[i]
			if len(ends) > 0 && g.end == int64(ends[0]) {
				decoded, err := base64.StdEncoding.Strict().DecodeString(w.text)
				if err != nil || !bytes.Equal(decoded, kept[0]) || len(w.text) <= threshold {
					t.Fatalf("kept %q of %q, %v", kept[0], w.text, err)
				}
				ends, kept = ends[1:], kept[1:]
				continue
			}
			if w.text != g.text || w.kind != g.kind {
				t.Fatalf("token %d: %q became %q", i, w.text, g.text)
			}
		}
		if len(ends) != 0 {
			t.Fatal("a string was taken out that no token stands for")
		}
	})
}

type tok struct {
	kind jsontext.Kind
	text string
	end  int64
}

func tokens(t *testing.T, text []byte) (out []tok) {
	t.Helper()
	// A name and its taken-out form may stand twice; that is the strict parser's to refuse.
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	for {
		tk, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		out = append(out, tok{tk.Kind(), tk.String(), dec.InputOffset()})
	}
}

// TestSplitKeepsLittle streams a large tarball by: what stays in memory does
// not grow with it.
func TestSplitKeepsLittle(t *testing.T) {
	const size = 48 << 20
	text := io.MultiReader(
		strings.NewReader(`{"_attachments":{"a.tgz":{"data":"`),
		io.LimitReader(repeat("QUJD"), size),
		strings.NewReader(`"}}}`))
	n := int64(0)
	s := splitter{threshold: diverted, most: 1 << 10, keep: func(r io.Reader) (err error) {
		n, err = io.Copy(io.Discard, r)
		return err
	}}
	// Room for the first letters of a string is all that it may need.
	s.most += diverted + 64<<10
	if err := s.split(text); err != nil || n != size/4*3 || string(s.rest) != `{"_attachments":{"a.tgz":{"data":""}}}` {
		t.Errorf("%d bytes, rest %q, %v", n, s.rest, err)
	}
	if c := cap(s.rest); c > 512<<10 {
		t.Errorf("%d bytes were held for what is left", c)
	}
}

// repeat yields a text again and again.
type repeat string

func (r repeat) Read(p []byte) (int, error) {
	n := 0
	for n+len(r) <= len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}

// FuzzManifest takes any package.json and wants that it renders, and that a
// request that repeats it, or repeats what is served of it, tells no lie.
func FuzzManifest(f *testing.F) {
	for _, s := range []string{`{}`, `{"name":"a","version":"1.0.0","bin":"x"}`, `{"bin":["a","b/c"],"scripts":{"install":"x","y":1}}`,
		`{"dependencies":["a@1"],"optionalDependencies":{"a":"1"},"bundleDependencies":true}`, `{"engines":["node >=1"],"os":"x","cpu":["a",1]}`,
		`{"peerDependenciesMeta":{"a":{"optional":true},"b":1},"directories":{"bin":"./b"}}`, `{"version":" =v1.0.0+a","keywords":"a b","author":"x <y> (z)"}`} {
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, gyp bool) {
		v := jsontext.Value(text)
		if v.Canonicalize() != nil || v.Kind() != '{' {
			return
		}
		pkg, err := parseFields(v)
		if err != nil {
			return
		}
		m := &meta{Extractor: extractor, Package: v, pkg: pkg, Gyp: gyp}
		for _, a := range compare(pkg, m) {
			t.Errorf("repeated: %+v", a)
		}
		served := m.manifest()
		if !jsontext.Value(served.encode()).IsValid() {
			t.Fatalf("%s", served.encode())
		}
		for _, a := range compare(served, m) {
			t.Errorf("as served %s: %+v", served.encode(), a)
		}
		b, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseMeta(b)
		if err != nil || !bytes.Equal(back.manifest().encode(), served.encode()) {
			t.Errorf("read back: %v", err)
		}
	})
}

// FuzzPackageJSON takes any text for the package.json of a tarball. What no
// control would stop has one reading: a name twice or a command that climbs
// out is not in it, and it renders.
func FuzzPackageJSON(f *testing.F) {
	for _, s := range []string{`{"name":"a","version":"1.0.0"}`, `{"a":1,"A":2}`, `{"a":1,"a":2}`, `{"x":[{"__proto__":1}]}`, `{"bin":{"../x":"y"}}`,
		"\ufeff{}", `[]`, `{"x":"\ud800"}`, `{"directories":{"bin":"b"}}`, `{"x":[[[[]]]]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b := archivetest.TarGz(archivetest.File("package/package.json", string(text)), archivetest.File("package/b/c", "x"))
		m, anomalies, err := inspect(bonded.Kept{Size: int64(len(b))}, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if len(anomalies) > 0 {
			return
		}
		var loose map[string]any
		if err := stdjson.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &loose); err != nil {
			t.Fatalf("%q passes, and to another parser it is no object: %v", text, err)
		}
		for name := range loose {
			for other := range loose {
				if name != other && strings.EqualFold(name, other) || name == prototype {
					t.Errorf("%q passes with the members %q and %q", text, name, other)
				}
			}
		}
		for command, file := range m.bin() {
			if strings.ContainsAny(command, `/\`) || strings.HasPrefix(file, "..") && (len(file) == 2 || file[2] == '/') {
				t.Errorf("%q passes with the command %q: %q", text, command, file)
			}
		}
		if !jsontext.Value(m.manifest().encode()).IsValid() {
			t.Errorf("%q renders as %q", text, m.manifest().encode())
		}
	})
}

// FuzzVersion wants a version to have one clean form, an order that is an
// order, and a form that fits into a file name and the log.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1.0.0", "v1.0.0", " =1.2.3-a.1+b ", "9007199254740991.0.0", "1.0.0-01", "1.0"} {
		f.Add(s, "1.0.0-rc.1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if v, ok := cleanVersion(a); ok {
			if again, ok := cleanVersion(v); !ok || again != v || (Ecosystem{}).Compare(a, v) != 0 {
				t.Errorf("%q is %q, which is %q", a, v, again)
			}
			if err := bonded.CheckWord(v); err != nil || strings.ContainsAny(v, "/\\+") {
				t.Errorf("%q is %q: %v", a, v, err)
			}
		}
		if x, y := (Ecosystem{}).Compare(a, b), (Ecosystem{}).Compare(b, a); x != -y {
			t.Errorf("Compare(%q, %q) = %d and %d", a, b, x, y)
		}
	})
}

// FuzzTag wants a tag to be a word of the log, of a URL and of nothing else.
func FuzzTag(f *testing.F) {
	for _, s := range []string{"latest", "1.x", "v1", "~1", "__proto__", "a/b", "x-y", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		if checkTag(tag) != nil {
			return
		}
		if _, version := cleanVersion(tag); version || bonded.CheckWord(tag) != nil || strings.ContainsAny(tag, "/?#%\\\"<>@:") {
			t.Errorf("%q is a tag", tag)
		}
	})
}

// TestWordsOfAnError holds the two answers that a client reads in its own way.
func TestWordsOfAnError(t *testing.T) {
	said := func(o ecosystem.Outcome) (int, string, string) {
		r := Ecosystem{}.Reply(o)
		var body struct {
			Error string `json:"error"`
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		return r.Status, body.Error, r.Header["WWW-Authenticate"]
	}
	refusal := &bonded.Error{Kind: bonded.Conflict, Control: "immutable-versions", Public: "a 1.0.0 is there already"}
	status, text, _ := said(ecosystem.Outcome{Ask: ecosystem.Ask{Verb: ecosystem.Publish, Op: opPut}, Err: refusal})
	if status != 403 || text != "a 1.0.0 is there already (immutable-versions)" {
		t.Errorf("%d %q: on 409 old clients publish again", status, text)
	}
	status, _, _ = said(ecosystem.Outcome{Ask: ecosystem.Ask{Verb: ecosystem.Change, Op: opUpdate}, Err: refusal})
	if status != 409 {
		t.Errorf("%d, want 409", status)
	}
	status, _, header := said(ecosystem.Outcome{Err: bonded.Errorf(bonded.Unauthorized, "the token \"x\" is over;\nmake one")})
	if status != 401 || header != `bearer error="invalid_token", error_description="the token 'x' is over;'make one"` {
		t.Errorf("%d %q", status, header)
	}
	for k := bonded.Internal; k <= bonded.TooMany; k++ {
		r := (Ecosystem{}).Reply(ecosystem.Outcome{Ask: ecosystem.Ask{Verb: ecosystem.Login}, Err: bonded.Errorf(k, "no")})
		if r.Status < 501 {
			t.Errorf("kind %d: %d: npm asks for a password", k, r.Status)
		}
	}
}

// TestUntouchedVisibility leaves visibility.json alone while a package stays visible.
func TestUntouchedVisibility(t *testing.T) {
	n := bonded.Name{Ecosystem: ID, Key: "a", Display: "a"}
	facts := []bonded.Entry{{Type: bonded.Claim, Name: n}}
	for i := range 3 {
		v := fmt.Sprintf("1.0.%d", i)
		facts = append(facts, bonded.Entry{Type: bonded.Publish, Name: n, Version: v, File: fileName(n, v)})
	}
	for i := range 3 {
		v := fmt.Sprintf("1.0.%d", i)
		facts = append(facts, bonded.Entry{Type: bonded.Remove, Name: n, Version: v, File: fileName(n, v)})
	}
	p := &bonded.Package{Name: n}
	var stands []bool
	for i, e := range facts {
		var err error
		if p, err = p.Apply(uint64(i), e); err != nil {
			t.Fatal(err)
		}
		stands = append(stands, stood(p, uint64(i)))
	}
	if want := []bool{false, false, true, true, true, true, false}; !slices.Equal(stands, want) {
		t.Errorf("%v, want %v", stands, want)
	}
}
