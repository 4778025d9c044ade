package e2e

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/blake2b"

	at "bonded.dev/internal/archive/archivetest"
)

// wheel is a wheel and the form that twine sends with it, with room for lies.
type wheel struct {
	name, version string
	file          string // its name in the form
	dir           string // its .dist-info directory
	metadata      string // METADATA as a whole
	fields        string // more lines of METADATA
	wheelFile     string // WHEEL as a whole
	record        func(lines []string) []string
	drop          string     // a file of the .dist-info directory that is not there
	more          []at.Entry // listed in RECORD
	hidden        []at.Entry // not listed in RECORD
	build         func(...at.Entry) []byte
	form          func(*form)
}

func escaped(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "_", ".", "_").Replace(name))
}

func (w wheel) entries() []at.Entry {
	if w.dir == "" {
		w.dir = escaped(w.name) + "-" + w.version + ".dist-info"
	}
	if w.metadata == "" {
		w.metadata = coreMetadata(w.name, w.version, w.fields)
	}
	if w.wheelFile == "" {
		w.wheelFile = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
	}
	files := append([]at.Entry{at.File("pkg.py", "print(1)\n")}, w.more...)
	files = append(files, at.File(w.dir+"/METADATA", w.metadata), at.File(w.dir+"/WHEEL", w.wheelFile))
	var lines []string
	for _, f := range files {
		sum := sha256.Sum256([]byte(f.Body))
		lines = append(lines, fmt.Sprintf("%s,sha256=%s,%d", f.Name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.Body)))
	}
	lines = append(lines, w.dir+"/RECORD,,")
	if w.record != nil {
		lines = w.record(lines)
	}
	files = append(files, at.File(w.dir+"/RECORD", strings.Join(lines, "\n")+"\n"))
	files = append(files, w.hidden...)
	return slices.DeleteFunc(files, func(e at.Entry) bool { return w.drop != "" && e.Name == w.dir+"/"+w.drop })
}

func coreMetadata(name, version, fields string) string {
	if fields != "" {
		fields += "\n"
	}
	return "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n" + fields + "\nWhat it is for.\n"
}

func (w wheel) sending() sending {
	if w.build == nil {
		w.build = at.Zip
	}
	if w.file == "" {
		w.file = escaped(w.name) + "-" + w.version + "-py3-none-any.whl"
	}
	f := formFor("bdist_wheel", w.name, w.version, w.file, w.build(w.entries()...))
	for line := range strings.Lines(w.fields) {
		if v, ok := strings.CutPrefix(line, "Requires-Dist: "); ok {
			f.add("requires_dist", strings.TrimSpace(v))
		}
		if v, ok := strings.CutPrefix(line, "Requires-Python: "); ok {
			f.add("requires_python", strings.TrimSpace(v))
		}
	}
	if w.form != nil {
		w.form(f)
	}
	return f.sending()
}

// says has a form that says something else than the wheel.
func (w wheel) says(change func(*form)) wheel { w.form = change; return w }

// sdist is a source distribution and its form.
type sdist struct {
	name, version string
	file          string
	files         []at.Entry // in the place of PKG-INFO
	build         func(...at.Entry) []byte
	form          func(*form)
}

func (s sdist) sending() sending {
	dir := escaped(s.name) + "-" + s.version
	if s.files == nil {
		s.files = []at.Entry{at.File(dir+"/PKG-INFO", coreMetadata(s.name, s.version, "")), at.File(dir+"/pyproject.toml", "[project]\n")}
	}
	if s.build == nil {
		s.build = at.TarGz
	}
	if s.file == "" {
		s.file = dir + ".tar.gz"
	}
	f := formFor("sdist", s.name, s.version, s.file, s.build(s.files...))
	if s.form != nil {
		s.form(f)
	}
	return f.sending()
}

// form is an upload form, field by field.
type form struct {
	parts    []part
	boundary string
	kind     string // Content-Type; "": multipart/form-data
	raw      func([]byte) []byte
}

type part struct {
	name, value string
	header      string // in the place of the usual one
}

func formFor(kind, name, version, file string, content []byte) *form {
	sum, blake, old := sha256.Sum256(content), blake2b.Sum256(content), md5.Sum(content)
	f := &form{boundary: "0123456789abcdef"}
	for _, p := range [][2]string{
		{":action", "file_upload"}, {"protocol_version", "1"}, {"metadata_version", "2.1"}, {"filetype", kind}, {"pyversion", "py3"},
		{"name", name}, {"version", version}, {"description", "What it is for."},
		{"sha256_digest", hex.EncodeToString(sum[:])}, {"blake2_256_digest", hex.EncodeToString(blake[:])}, {"md5_digest", hex.EncodeToString(old[:])},
	} {
		f.add(p[0], p[1])
	}
	f.content(file, content)
	return f
}

func (f *form) add(name, value string) { f.parts = append(f.parts, part{name: name, value: value}) }

func (f *form) content(file string, content []byte) {
	f.parts = append(f.parts, part{"content", string(content),
		fmt.Sprintf("Content-Disposition: form-data; name=\"content\"; filename=\"%s\"\r\nContent-Type: application/octet-stream", file)})
}

// set replaces a field.
func (f *form) set(name, value string) {
	f.drop(name)
	f.add(name, value)
}

func (f *form) drop(name string) {
	f.parts = slices.DeleteFunc(f.parts, func(p part) bool { return p.name == name })
}

func (f *form) sending() sending {
	var b bytes.Buffer
	for _, p := range f.parts {
		if p.header == "" {
			p.header = `Content-Disposition: form-data; name="` + p.name + `"`
		}
		fmt.Fprintf(&b, "--%s\r\n%s\r\n\r\n%s\r\n", f.boundary, p.header, p.value)
	}
	fmt.Fprintf(&b, "--%s--\r\n", f.boundary)
	body := b.Bytes()
	if f.raw != nil {
		body = f.raw(body)
	}
	kind := f.kind
	if kind == "" {
		kind = "multipart/form-data; boundary=" + f.boundary
	}
	return sending{method: "POST", path: "/pypi/upload/", token: "alice", header: []string{"Content-Type: " + kind}, body: body}
}

// wheelArchives uploads the whole table of hostile zips.
func wheelArchives() (list []hostile) {
	for i, c := range at.ZipCases() {
		w := wheel{name: fmt.Sprintf("zip-%d", i), version: "1.0", build: c.Build}
		list = append(list, hostile{"pypi, zip: " + c.Name, w.sending, 403, judgeOf(c.Rule), c.Rule})
	}
	big := wheel{name: "bomb", version: "1.0", build: func(base ...at.Entry) []byte { return at.ZipBomb(1<<30, base...) }}
	return append(list, hostile{"pypi, zip: a bomb of a gigabyte", big.sending, 403, "bounded-archive", "ratio"})
}

// sdistArchives uploads the whole table of hostile tarballs as source distributions.
func sdistArchives() (list []hostile) {
	for i, c := range at.TarGzCases() {
		s := sdist{name: fmt.Sprintf("sdist-%d", i), version: "1.0", build: c.Build}
		list = append(list, hostile{"pypi, tar: " + c.Name, s.sending, 403, judgeOf(c.Rule), c.Rule})
	}
	return list
}

// wheelInsides are wheels that are fine for a zip reader.
func wheelInsides() []hostile {
	row := func(name, says string, w wheel) hostile {
		if w.name == "" {
			w.name, w.version = "foo", "1.0"
		}
		return hostile{"pypi, wheel: " + name, w.sending, 403, "strict-archive", says}
	}
	meta := func(lines string) wheel { return wheel{metadata: coreMetadata("foo", "1.0", lines)} }
	line := func(path, other string) wheel {
		return wheel{record: func(lines []string) []string {
			return append(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, path+",") }), other)
		}}
	}
	commands := func(text string) wheel {
		return wheel{more: []at.Entry{at.File("foo-1.0.dist-info/entry_points.txt", text)}}
	}
	const digest = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
	return []hostile{
		row("no METADATA, and another bad thing", "record-missing", wheel{drop: "METADATA", hidden: []at.Entry{at.File("x.py", "x")}}),
		row("no WHEEL", "no WHEEL", wheel{drop: "WHEEL"}),
		row("no RECORD", "no RECORD", wheel{drop: "RECORD"}),
		row("RECORD omits a file", "does not list", wheel{hidden: []at.Entry{at.File("evil.py", "x")}}),
		row("RECORD lists what is not there", "record-extra", line("gone.py", "gone.py,sha256="+digest+",0")),
		row("RECORD has a wrong digest", "record-hash", line("pkg.py", "pkg.py,sha256="+digest+",9")),
		row("RECORD has no digest", "record-hash", line("pkg.py", "pkg.py,,")),
		row("RECORD has a weak digest", "record-hash", line("pkg.py", "pkg.py,md5=X03MO1qnZdYdgyfeuILPmQ,9")),
		row("RECORD contradicts itself", "record-duplicate", line("", "pkg.py,sha256="+digest+",9")),
		row("RECORD is no CSV", "record-syntax", line("", `"pkg`)),
		row("a WHEEL of the future", "Wheel-Version", wheel{wheelFile: "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"}),
		row("two .dist-info directories", "a second .dist-info", wheel{more: []at.Entry{at.File("bar-1.0.dist-info/METADATA", coreMetadata("bar", "1.0", ""))}}),
		row("two .dist-info directories that differ in case", "dist-info", wheel{more: []at.Entry{at.File("FOO-1.0.DIST-INFO/METADATA", coreMetadata("bar", "1.0", ""))}}),
		row("a stray .data directory", "data-directory", wheel{more: []at.Entry{at.File("bar-1.0.data/scripts/x", "x")}}),
		row("METADATA over METADATA", "dist-info", wheel{more: []at.Entry{at.File("foo-1.0.data/purelib/foo-1.0.dist-info/METADATA", coreMetadata("foo", "1.0", ""))}}),
		row("a file over another", "in the place of pkg.py", wheel{more: []at.Entry{at.File("foo-1.0.data/purelib/pkg.py", "x")}}),
		row("a script that climbs out", "path-traversal", wheel{more: []at.Entry{at.File("foo-1.0.data/scripts/../../../x", "x")}}),
		row("a command that climbs out", "entry-point", commands("[console_scripts]\n../../evil = pkg:main\n")),
		row("METADATA: two names", "metadata-duplicate", meta("Name: bar")),
		row("METADATA: two versions", "metadata-duplicate", meta("Version: 2.0")),
		row("METADATA: two Requires-Python", "metadata-duplicate", meta("Requires-Python: >=3\nRequires-Python: >=2")),
		row("METADATA: a header that ends early", "metadata-header", meta("no field\nRequires-Dist: evil")),
		row("METADATA: a bare carriage return", "metadata-control", meta("Summary: x\rRequires-Dist: evil")),
		row("METADATA: a zero byte", "metadata-control", meta("Summary: x\x00")),
		row("METADATA: not UTF-8", "metadata-encoding", meta("Author: Andr\xe9")),
		row("METADATA: a dependency without a name", "requires-dist", meta("Requires-Dist: >=1.0")),
		{"pypi, wheel: METADATA: fields without end", wheel{name: "foo", version: "1.0", metadata: coreMetadata("foo", "1.0", strings.Repeat("Classifier: x\n", 10_001)+"Classifier: x")}.sending, 403, "bounded-archive", "metadata-fields"},
		{"pypi, wheel: METADATA: 10 MB", wheel{name: "foo", version: "1.0", metadata: coreMetadata("foo", "1.0", "Summary: "+strings.Repeat("x y ", 10<<18))}.sending, 403, "bounded-archive", "METADATA"},
		{"pypi, wheel: METADATA: a summary without end", wheel{name: "foo", version: "1.0", metadata: coreMetadata("foo", "1.0", "Summary: "+strings.Repeat("x y ", 2<<18))}.sending, 403, "bounded-archive", "metadata-size"},
		{"pypi, wheel: no METADATA", wheel{name: "foo", version: "1.0", drop: "METADATA", record: func(l []string) []string {
			return slices.DeleteFunc(l, func(s string) bool { return strings.Contains(s, "METADATA") })
		}}.sending, 400, "", "holds no foo-1.0.dist-info/METADATA"},
		{"pypi, wheel: METADATA of the future", wheel{name: "foo", version: "1.0", metadata: "Metadata-Version: 9.9\nName: foo\nVersion: 1.0\n\n"}.sending, 422, "", "reads 1.x and 2.x"},
		{"pypi, wheel: METADATA without a version", wheel{name: "foo", version: "1.0", metadata: "Metadata-Version: 2.1\nName: foo\n\n"}.sending, 400, "", "not one by PEP 440"},
		{"pypi, wheel: METADATA with a path for a name", wheel{name: "foo", version: "1.0", metadata: coreMetadata("../foo", "1.0", "")}.sending, 400, "", "ASCII letters"},
	}
}

// pypiFiles are files whose names and insides do not belong together.
func pypiFiles() []hostile {
	foo := wheel{name: "foo", version: "1.0"}
	named := func(file string) wheel { w := foo; w.file = file; return w }
	inside := func(name, version string) wheel { w := foo; w.metadata = coreMetadata(name, version, ""); return w }
	row := func(name string, send func() sending, status int, control, says string) hostile {
		return hostile{"pypi, file: " + name, send, status, control, says}
	}
	const metadata, immutable, strict = "artifact-metadata", "immutable-versions", "strict-archive"
	info := func(dir, name, version string) at.Entry {
		return at.File(dir+"/PKG-INFO", coreMetadata(name, version, ""))
	}
	src := func(files ...at.Entry) func() sending {
		return sdist{name: "foo", version: "1.0", files: files}.sending
	}
	srcNamed := func(file string, build func(...at.Entry) []byte) func() sending {
		return sdist{name: "foo", version: "1.0", file: file, build: build}.sending
	}
	local := wheel{name: "acme-tools", version: "1.0.0"}
	return []hostile{
		row("METADATA of another project", inside("bar", "1.0").sending, 403, metadata, "file-name"),
		row("METADATA of another version", inside("foo", "2.0").sending, 403, metadata, "file-name"),
		row("a .dist-info of another project", wheel{name: "foo", version: "1.0", dir: "bar-1.0.dist-info"}.sending, 403, metadata, "dist-info"),
		row("a .dist-info of another version", wheel{name: "foo", version: "1.0", dir: "foo-1.1.dist-info"}.sending, 403, metadata, "dist-info"),
		row("named like another project", named("bar-1.0-py3-none-any.whl").sending, 403, metadata, "file-name"),
		row("named like another version", named("foo-1.1-py3-none-any.whl").sending, 403, metadata, "file-name"),
		row("a name with a path", named("../foo-1.0-py3-none-any.whl").sending, 400, "", "escaped project name"),
		row("a name with a drive", named(`C:\foo-1.0-py3-none-any.whl`).sending, 400, "", ""),
		row("a name with a path in its tags", named("foo-1.0-py3-none-any/../../x.whl").sending, 400, "", "compatibility tags"),
		row("a name with a zero byte", named("foo-1.0-py3-none-any.whl\x00.whl").sending, 400, "", ""),
		row("a name with other letters", named("f\u043eo-1.0-py3-none-any.whl").sending, 400, "", "escaped project name"),
		row("a name in another encoding", foo.says(func(f *form) {
			for i := range f.parts {
				if f.parts[i].name == "content" {
					f.parts[i].header = "Content-Disposition: form-data; name=\"content\"; filename*=UTF-8''..%2ffoo-1.0-py3-none-any.whl"
				}
			}
		}).sending, 400, "", "escaped project name"),
		row("no name", named("").says(func(f *form) {
			for i := range f.parts {
				if f.parts[i].name == "content" {
					f.parts[i].header = `Content-Disposition: form-data; name="content"`
				}
			}
		}).sending, 422, "", "neither a wheel"),
		row("a name without end", named("foo-1.0-"+strings.Repeat("py3.", 100)+"py3-none-any.whl").sending, 400, "", "longer than"),
		row("a wheel without tags", named("foo-1.0.whl").sending, 400, "", "not of the form"),
		row("a wheel of no version", named("foo-latest-py3-none-any.whl").sending, 400, "", "PEP 440"),
		row("an egg", named("foo-1.0-py3.12.egg").sending, 422, "", "eggs, installers"),
		row("an installer", named("foo-1.0.win-amd64.exe").sending, 422, "", "eggs, installers"),
		row("a zip of sources", srcNamed("foo-1.0.zip", at.Zip), 422, "", "eggs, installers"),
		row("sources in bz2", srcNamed("foo-1.0.tar.bz2", at.Tar), 422, "", "eggs, installers"),
		row("a script", named("foo-1.0.sh").sending, 422, "", "neither a wheel"),
		row("a zip of sources under another name", srcNamed("foo-1.0.tar.gz", at.Zip), 403, strict, ""),
		row("a wheel under another name", srcNamed("foo-1.0-py3-none-any.whl", at.TarGz), 403, strict, ""),
		row("sources without PKG-INFO", src(at.File("foo-1.0/setup.py", "")), 400, "", "holds no foo-1.0/PKG-INFO"),
		row("PKG-INFO deeper down", src(info("foo-1.0/foo.egg-info", "foo", "1.0")), 400, "", "holds no foo-1.0/PKG-INFO"),
		row("PKG-INFO in no folder", src(at.File("PKG-INFO", coreMetadata("foo", "1.0", ""))), 403, strict, "top-level"),
		row("PKG-INFO of another project", src(info("foo-1.0", "bar", "1.0")), 403, metadata, "file-name"),
		row("PKG-INFO of another version", src(info("foo-1.0", "foo", "2.0")), 403, metadata, "file-name"),
		row("two folders of sources", src(info("foo-1.0", "foo", "1.0"), at.File("bar/x", "x")), 403, strict, "top-level"),
		row("a folder of another version", src(info("foo-1.1", "foo", "1.0")), 403, metadata, "top-level"),
		row("PKG-INFO is a link", src(at.File("foo-1.0/x", coreMetadata("foo", "1.0", "")), at.Symlink("foo-1.0/PKG-INFO", "x")), 400, "", "holds no foo-1.0/PKG-INFO"),
		row("a published version, other bytes", wheel{name: "acme-tools", version: "1.0", fields: "Summary: other"}.sending, 409, immutable, "already exists"),
		row("a published version, the same bytes", wheel{name: "acme-tools", version: "1.0"}.sending, 409, immutable, "exactly these bytes"),
		row("a published file in another spelling", wheel{name: "acme-tools", version: "1.0", fields: "Summary: other", file: "Acme.Tools-1.0-PY3-none-any.whl"}.sending, 409, immutable, "already exists"),
		row("a published version in another spelling", local.sending, 403, metadata, "version-spelling"),
		row("a local version beside its public one", wheel{name: "acme-tools", version: "1.0+evil"}.sending, 403, metadata, "local-version"),
		row("a deleted file", wheel{name: "acme-tools", version: "2.0"}.sending, 409, immutable, "deleted"),
		row("a deleted version, another file", sdist{name: "acme-tools", version: "2.0"}.sending, 409, immutable, "never used twice"),
		row("a deleted version in another spelling", sdist{name: "acme-tools", version: "2.0.0"}.sending, 409, immutable, "never used twice"),
		row("an archived project", wheel{name: "attic", version: "1.1"}.sending, 403, "closed-packages", "archived"),
	}
}

// pypiForms are forms that lie or cannot be read.
func pypiForms() []hostile {
	foo := wheel{name: "foo", version: "1.0", fields: "Requires-Python: >=3.8\nRequires-Dist: bar>=1"}
	says := func(field, value string) func() sending {
		return foo.says(func(f *form) { f.set(field, value) }).sending
	}
	change := func(do func(*form)) func() sending { return foo.says(do).sending }
	lie := func(control, field, value string) hostile {
		return hostile{"pypi, form: another " + field + ": " + value[:min(len(value), 20)], says(field, value), 403, control, field}
	}
	row := func(name string, send func() sending, status int, says string) hostile {
		return hostile{"pypi, form: " + name, send, status, "", says}
	}
	raw := func(do func([]byte) []byte) func() sending { return change(func(f *form) { f.raw = do }) }
	const metadata, digests = "artifact-metadata", "upload-digests"
	return []hostile{
		lie(metadata, "name", "bar"),
		lie(metadata, "version", "1.0.1"),
		lie(metadata, "version", "latest"),
		lie(metadata, "filetype", "sdist"),
		lie(metadata, "requires_python", ">=2.7"),
		lie(metadata, "requires_dist", "baz>=1"),
		lie(digests, "md5_digest", strings.Repeat("f", 32)),
		lie(digests, "sha256_digest", strings.Repeat("0", 64)),
		lie(digests, "sha256_digest", "hello"),
		lie(digests, "blake2_256_digest", strings.Repeat("0", 64)),
		row("no file", change(func(f *form) { f.drop("content") }), 400, "no file in the field content"),
		row("two files", change(func(f *form) { f.content("foo-1.0-py2-none-any.whl", []byte("x")) }), 400, "two files"),
		row("two names", change(func(f *form) { f.add("name", "bar") }), 400, "field name twice"),
		row("two digests", change(func(f *form) { f.add("sha256_digest", "00") }), 400, "field sha256_digest twice"),
		row("two actions", change(func(f *form) { f.add(":action", "file_upload") }), 400, "field :action twice"),
		row("no action", change(func(f *form) { f.drop(":action") }), 422, "asks for the action"),
		row("an unknown action", says(":action", "doc_upload"), 422, "doc_upload"),
		row("the action of old tools", says(":action", "submit"), 422, "not registered beforehand"),
		row("an unknown protocol", says("protocol_version", "2"), 422, "speaks 1"),
		row("an unknown kind of file", says("filetype", "bdist_wininst"), 422, "are not taken"),
		row("a name without end", says("name", strings.Repeat("n", 100<<10)), 413, "larger than 64 kB"),
		row("a description of 33 MB", says("description", strings.Repeat("x", 33<<20)), 413, "larger than 32 MB"),
		row("dependencies of 24 MB", change(func(f *form) {
			for range 4000 {
				f.add("requires_dist", strings.Repeat("x", 6000))
			}
		}), 413, "describe the file are larger than 1 MB"),
		row("a million fields", change(func(f *form) {
			for range 600_000 {
				f.add("x", "")
			}
		}), 413, "larger than 32 MB"),
		row("a part without a name", change(func(f *form) { f.parts[0].header = "Content-Disposition: form-data" }), 400, "has no name"),
		row("a part without a header", change(func(f *form) { f.parts[0].header = "X: y" }), 400, "has no name"),
		row("a part with a header of 2 MB", change(func(f *form) { f.parts[0].header = "X: " + strings.Repeat("y", 2<<20) }), 400, "has no name"),
		row("nothing", raw(func([]byte) []byte { return nil }), 400, "cannot be read"),
		row("another boundary", change(func(f *form) { f.kind = "multipart/form-data; boundary=other" }), 400, "cannot be read"),
		row("no boundary", change(func(f *form) { f.kind = "multipart/form-data" }), 400, "multipart/form-data"),
		row("a boundary without end", change(func(f *form) {
			f.boundary = strings.Repeat("b", 5000)
		}), 400, "cannot be read"),
		row("another type", change(func(f *form) { f.kind = "application/json" }), 400, "multipart/form-data"),
		row("no type", change(func(f *form) { f.kind = " " }), 400, "multipart/form-data"),
		row("cut in a field", raw(func(b []byte) []byte { return b[:200] }), 400, "cannot be read"),
		row("cut in the file", raw(func(b []byte) []byte { return b[:len(b)-400] }), 400, "broke off"),
		row("cut before the last boundary", raw(func(b []byte) []byte { return b[:len(b)-8] }), 400, "cannot be read"),
		row("cut in the header of a part", raw(func(b []byte) []byte { return b[:30] }), 400, "cannot be read"),
		row("something behind the form", raw(func(b []byte) []byte { return append(b, "--0123456789abcdef\r\n"...) }), 400, "cannot be read"),
	}
}

// pypiRights are uploads by who may not.
func pypiRights() []hostile {
	row := func(name, who string, s sending, status int, control, says string) hostile {
		return hostile{"pypi, rights: " + name, func() sending { return as(who, s) }, status, control, says}
	}
	disguised := wheel{name: "mallorys", version: "3.0", metadata: coreMetadata("acme-tools", "3.0", "")}
	return []hostile{
		row("no token", "none", wheel{name: "rights", version: "1.0"}.sending(), 401, "", "carries none"),
		row("a password", "!Basic YWxpY2U6c2VjcmV0", wheel{name: "rights", version: "1.0"}.sending(), 401, "", "no passwords here"),
		row("a project of another user", "mallory", wheel{name: "acme-tools", version: "3.0"}.sending(), 403, "roles", "not an owner"),
		row("a project of another user, other spelling", "mallory", wheel{name: "Acme_Tools", version: "3.0"}.sending(), 403, "roles", "not an owner"),
		row("a project of another user under a name of one's own", "mallory", disguised.sending(), 403, "roles", "not an owner"),
		row("a deleted project of another user", "mallory", wheel{name: "gone", version: "2.0"}.sending(), 403, "retired-names", "not an owner"),
		row("a project beyond the token", "narrow", wheel{name: "rights", version: "1.0"}.sending(), 403, "scoped-tokens", "its scopes are"),
	}
}

// wireTricks are about HTTP itself.
func wireTricks() []hostile {
	npm, pypi := npmPackage("wire", "1.0.0").sending(), wheel{name: "wire", version: "1.0"}.sending()
	row := func(name string, s sending, status int, says string) hostile {
		return hostile{"wire: " + name, func() sending { return s }, status, "", says}
	}
	edit := func(s sending, do func(*sending)) sending {
		s.header = slices.Clone(s.header)
		do(&s)
		return s
	}
	broken := []byte("5\r\nhello\r\nzz\r\n")
	smuggled := []byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	return []hostile{
		row("npm: a body that ends early", edit(npm, func(s *sending) { s.length, s.cut = int64(len(s.body)+10), true }), 400, "ended before it was complete"),
		row("npm: half a body", edit(npm, func(s *sending) { s.length, s.body, s.cut = int64(len(s.body)), s.body[:len(s.body)/2], true }), 400, "ended before it was complete"),
		row("npm: a length too short", edit(npm, func(s *sending) { s.length = int64(len(s.body) - 10) }), 400, "not the JSON of a package"),
		row("npm: a length without end", edit(npm, func(s *sending) { s.length = 1 << 50 }), 413, "larger than"),
		row("npm: chunks that break off", edit(npm, func(s *sending) {
			s.header = append(s.header, "Transfer-Encoding: chunked")
			s.length, s.body = -1, broken
		}), 400, "ended before it was complete"),
		row("npm: chunks that are cut", edit(npm, func(s *sending) {
			s.header = append(s.header, "Transfer-Encoding: chunked")
			s.length, s.body, s.cut = -1, chunked(s.body, 100)[:300], true
		}), 400, "ended before it was complete"),
		row("npm: a compressed body", edit(npm, func(s *sending) {
			s.header, s.body = append(s.header, "Content-Encoding: gzip"), at.Gzip(s.body)
		}), 422, "Content-Encoding"),
		row("npm: a request hidden in a refused body", edit(npm, func(s *sending) { s.token, s.body = "none", smuggled }), 401, "carries none"),
		row("npm: a request hidden behind a body", edit(npm, func(s *sending) { s.length, s.body = 2, append([]byte("{}"), smuggled...) }), 422, "neither a tarball"),
		row("pypi: a body that ends early", edit(pypi, func(s *sending) { s.length, s.cut = int64(len(s.body)+2000), true }), 400, "ended before it was complete"),
		row("pypi: half a body", edit(pypi, func(s *sending) { s.length, s.body, s.cut = int64(len(s.body)), s.body[:len(s.body)/2], true }), 400, "ended before it was complete"),
		row("pypi: a length without end", edit(pypi, func(s *sending) { s.length = 1 << 50 }), 413, "larger than"),
		row("pypi: chunks that are cut", edit(pypi, func(s *sending) {
			s.header = append(s.header, "Transfer-Encoding: chunked")
			s.length, s.body, s.cut = -1, chunked(s.body, 100)[:700], true
		}), 400, "ended before it was complete"),
		row("pypi: a compressed body", edit(pypi, func(s *sending) {
			s.header, s.body = append(s.header, "Content-Encoding: gzip"), at.Gzip(s.body)
		}), 422, "Content-Encoding"),
	}
}

// goodUploads are taken, though some of them look odd.
func goodUploads() map[string]sending {
	chunks := npmPackage("chunks", "1.0.0").sending()
	chunks.header, chunks.length, chunks.body = append(chunks.header, "Transfer-Encoding: chunked"), -1, chunked(chunks.body, 100)
	return map[string]sending{
		"npm":            npmPackage("good", "1.0.0").with(`"dependencies":{"left-pad":"1"},"scripts":{"test":"true"}`).sending(),
		"npm, in chunks": chunks,
		"npm, package.json with a byte order mark": npmPackage("mark", "1.0.0").inside("\ufeff" + `{"name":"mark","version":"1.0.0"}`).sending(),
		"npm, a command in a scope":                npmPackage("@acme/command", "1.0.0").with(`"bin":{"@acme/command":"./bin/x.js"}`).sending(),
		"npm, a command from the root":             npmPackage("command", "1.0.0").with(`"bin":"/bin/x.js"`).sending(),
		"pypi, wheel":                              wheel{name: "good", version: "1.0", fields: "Requires-Python: >=3.8\nRequires-Dist: acme-tools>=1"}.sending(),
		"pypi, sources":                            sdist{name: "good", version: "1.0"}.sending(),
		"pypi, a wheel with a .data directory": wheel{name: "good", version: "1.2", more: []at.Entry{
			at.File("good-1.2.data/purelib/more.py", "x"), at.File("good-1.2.data/scripts/good", "#!python\n"),
		}}.sending(),
		"pypi, a local version":                    wheel{name: "good", version: "3.0+acme.1"}.sending(),
		"pypi, a form of another metadata version": wheel{name: "good", version: "1.1"}.says(func(f *form) { f.set("metadata_version", "9.9") }).sending(),
	}
}
