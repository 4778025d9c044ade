package e2e

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"

	"github.com/go-json-experiment/json"

	"bonded.dev/internal/archive"
	at "bonded.dev/internal/archive/archivetest"
)

type object = map[string]any

// npmUpload is what npm publish sends, with room for lies.
type npmUpload struct {
	name, version string
	pkg           string // package.json
	tarball       []byte
	url           string                      // in the place of the name, as it stands in the request line
	edit          func(doc, manifest object)  // what the request says
	body          func(honest []byte) []byte  // the JSON itself
	more          []at.Entry                  // in the tarball
	build         func(...at.Entry) []byte    // the tarball, around package.json
	files         func(pkg string) []at.Entry // in the place of package.json
}

// npmPackage is honest, and small.
func npmPackage(name, version string) npmUpload { return npmUpload{name: name, version: version} }

// with has more members in its package.json, and in the request.
func (u npmUpload) with(members string) npmUpload {
	u.pkg = fmt.Sprintf(`{"name":%q,"version":%q,%s}`, u.name, u.version, members)
	return u
}

// says has a request that says something else than the tarball.
func (u npmUpload) says(edit func(doc, manifest object)) npmUpload { u.edit = edit; return u }

// inside has another package.json in the tarball than the request repeats.
func (u npmUpload) inside(pkg string) npmUpload {
	u.files = func(string) []at.Entry { return []at.Entry{at.File("package/package.json", pkg)} }
	return u
}

func (u npmUpload) sending() sending {
	if u.pkg == "" {
		u.pkg = fmt.Sprintf(`{"name":%q,"version":%q}`, u.name, u.version)
	}
	if u.files == nil {
		u.files = func(pkg string) []at.Entry { return []at.Entry{at.File("package/package.json", pkg)} }
	}
	if u.build == nil {
		u.build = at.TarGz
	}
	if u.tarball == nil {
		u.tarball = u.build(append(u.files(u.pkg), u.more...)...)
	}
	if u.url == "" {
		u.url = strings.Replace(u.name, "/", "%2f", 1)
	}
	body := u.json()
	if u.body != nil {
		body = u.body(body)
	}
	return sending{method: "PUT", path: "/npm/" + u.url, token: "alice", header: []string{"Content-Type: application/json"}, body: body}
}

func (u npmUpload) json() []byte {
	manifest := object{}
	if err := json.Unmarshal([]byte(u.pkg), &manifest); err != nil {
		manifest = object{"name": u.name, "version": u.version}
	}
	s1, s512 := sha1.Sum(u.tarball), sha512.Sum512(u.tarball)
	manifest["_id"] = u.name + "@" + u.version
	manifest["dist"] = object{
		"integrity": "sha512-" + base64.StdEncoding.EncodeToString(s512[:]), "shasum": hex.EncodeToString(s1[:]),
		"tarball": "http://registry.example/" + u.name + "/-/" + u.name + "-" + u.version + ".tgz",
	}
	doc := object{
		"_id": u.name, "name": u.name, "access": nil, "dist-tags": object{"latest": u.version}, "versions": object{u.version: manifest},
		"_attachments": object{u.name + "-" + u.version + ".tgz": attached(u.tarball)},
	}
	if u.edit != nil {
		u.edit(doc, manifest)
	}
	return toJSON(doc)
}

func attached(tarball []byte) object {
	return object{"content_type": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(tarball), "length": len(tarball)}
}

func toJSON(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return b
}

// attachment is the one that an honest request carries.
func attachment(doc object) object {
	for _, v := range doc["_attachments"].(object) {
		return v.(object)
	}
	return nil
}

// npmArchives uploads the whole table of hostile tarballs.
func npmArchives() (list []hostile) {
	for i, c := range at.TarGzCases() {
		u := npmPackage(fmt.Sprintf("tar-%d", i), "1.0.0")
		u.build = c.Build
		list = append(list, hostile{"npm, tar: " + c.Name, u.sending, 403, judgeOf(c.Rule), c.Rule})
	}
	return append(list,
		hostile{"npm, tar: a bomb of a gigabyte", bomb("bomb", func(base ...at.Entry) []byte { return at.Bomb(1<<30, base...) }), 403, "bounded-archive", "ratio"},
		hostile{"npm, tar: a bomb in front of package.json", bomb("bomb-first", func(base ...at.Entry) []byte {
			return at.Gzip(at.Tar(append([]at.Entry{at.File("package/a", strings.Repeat("\x00", 40<<20))}, base...)...))
		}), 403, "bounded-archive", "ratio"},
	)
}

func bomb(name string, build func(...at.Entry) []byte) func() sending {
	return func() sending {
		u := npmPackage(name, "1.0.0")
		u.build = build
		return u.sending()
	}
}

// judgeOf is the control that refuses for a rule of the archive reader.
func judgeOf(rule string) string {
	if archive.Rule(rule).Bound() {
		return "bounded-archive"
	}
	return "strict-archive"
}

// npmTarballs are wrong for npm, not for tar.
func npmTarballs() []hostile {
	u := npmPackage("tarball", "1.0.0")
	files := func(entries ...at.Entry) func() sending {
		v := u
		v.files = func(string) []at.Entry { return entries }
		return v.sending
	}
	inside := func(text string) func() sending { return u.inside(text).sending }
	const pkg = `{"name":"tarball","version":"1.0.0"}`
	row := func(name string, send func() sending, control, says string) hostile {
		return hostile{"npm, tarball: " + name, send, 403, control, says}
	}
	good := at.File("package/package.json", pkg)
	return []hostile{
		row("no package.json", files(at.File("package/index.js", "x")), "strict-archive", "package-json"),
		row("package.json deeper down", files(at.File("package/lib/package.json", pkg)), "strict-archive", "package-json"),
		row("package.json in no folder", files(at.File("package.json", pkg)), "strict-archive", "no-root"),
		row("two folders with a package.json each", files(good, at.File("zackage/package.json", pkg)), "strict-archive", "2 in its root folders"),
		row("two folders", files(good, at.File("zackage/index.js", "x")), "strict-archive", "several-roots"),
		row("package.json and Package.json", files(good, at.File("package/Package.json", pkg)), "strict-archive", "case-collision"),
		row("a link inside", files(good, at.Symlink("package/a", "package.json")), "strict-archive", "link at"),
		row("package.json is a link", files(at.File("package/x.json", pkg), at.Symlink("package/package.json", "x.json")), "strict-archive", "package-json"),
		row("package.json is a hard link", files(at.File("package/x.json", pkg), at.Hardlink("package/package.json", "package/x.json")), "strict-archive", "link at"),
		row("package.json: one name twice", inside(`{"name":"tarball","version":"1.0.0","scripts":{},"scripts":{"install":"x"}}`), "strict-archive", "duplicate"),
		row("package.json: one name twice, escaped", inside(`{"name":"tarball","version":"1.0.0","scripts":{},"\u0073cripts":{"install":"x"}}`), "strict-archive", "duplicate"),
		row("package.json: one name twice, deep inside", inside(`{"name":"tarball","version":"1.0.0","scripts":{"test":"x","test":"y"}}`), "strict-archive", "duplicate"),
		row("package.json: names that differ in case alone", inside(`{"name":"tarball","version":"1.0.0","Scripts":{"install":"x"},"scripts":{}}`), "strict-archive", "differ in case alone"),
		row("package.json: a member __proto__", inside(`{"name":"tarball","version":"1.0.0","__proto__":{"scripts":{"install":"x"}}}`), "strict-archive", "__proto__"),
		row("package.json: a dependency __proto__", inside(`{"name":"tarball","version":"1.0.0","dependencies":{"__proto__":"1"}}`), "strict-archive", "__proto__"),
		row("package.json: not UTF-8", inside("{\"name\":\"tarball\",\"version\":\"1.0.0\",\"x\":\"\xff\"}"), "strict-archive", "UTF-8"),
		row("package.json: UTF-16", inside("\xff\xfe{\x00}\x00"), "strict-archive", "package-json"),
		row("package.json: half a surrogate pair", inside(`{"name":"tarball","version":"1.0.0","x":"\ud800"}`), "strict-archive", "package-json"),
		row("package.json: a comment", inside(`{"name":"tarball","version":"1.0.0" /* x */}`), "strict-archive", "package-json"),
		row("package.json: trailing garbage", inside(pkg+`{}`), "strict-archive", "package-json"),
		row("package.json: an array", inside(`[]`), "strict-archive", "not an object"),
		row("package.json: empty", inside(``), "strict-archive", "package-json"),
		row("package.json: 10 MB", inside(`{"name":"tarball","version":"1.0.0","x":"`+strings.Repeat("x y ", 10<<18)+`"}`), "bounded-archive", "package.json"),
		row("package.json: 2 MB", inside(`{"name":"tarball","version":"1.0.0","x":"`+strings.Repeat("x y ", 2<<18)+`"}`), "bounded-archive", "package-json"),
		row("package.json: nested 100,000 deep", inside(`{"name":"tarball","version":"1.0.0","x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`), "strict-archive", "depth"),
		row("a command that leaves the folder of commands", u.with(`"bin":{"../../evil":"x.js"}`).sending, "strict-archive", "bin"),
		row("a command whose file is outside", u.with(`"bin":{"evil":"../../../bin/sh"}`).sending, "strict-archive", "bin"),
		row("a folder of commands that is outside", u.with(`"directories":{"bin":"../.."}`).sending, "strict-archive", "bin"),
		row("nothing at all", func() sending { v := u; v.tarball = []byte{}; return v.sending() }, "strict-archive", "truncated"),
		row("text", func() sending { v := u; v.tarball = []byte("hello"); return v.sending() }, "strict-archive", ""),
		row("a wheel", func() sending { v := u; v.build = at.Zip; return v.sending() }, "strict-archive", ""),
	}
}

// npmLies are requests that say something else than the tarball.
func npmLies() []hostile {
	u := npmPackage("liar", "1.0.0").with(`"dependencies":{"a":"1"},"scripts":{"postinstall":"node x.js"},"bin":{"liar":"x.js"},"engines":{"node":">=20"},"os":["linux"]`)
	manifest := func(key string, v any) func() sending {
		return u.says(func(_, m object) {
			if v == nil {
				delete(m, key)
				return
			}
			m[key] = v
		}).sending
	}
	doc := func(edit func(doc, m object)) func() sending { return u.says(edit).sending }
	dist := func(key string, v any) func() sending {
		return doc(func(_, m object) { m["dist"].(object)[key] = v })
	}
	const digests, metadata = "upload-digests", "artifact-metadata"
	row := func(name string, send func() sending, control, says string) hostile {
		return hostile{"npm, lie: " + name, send, 403, control, says}
	}
	rename := func(to string) func() sending {
		return doc(func(d, _ object) { d["_attachments"] = object{to: attachment(d)} })
	}
	return []hostile{
		row("another name inside", u.inside(`{"name":"honest","version":"1.0.0"}`).sending, metadata, "name"),
		row("another version inside", u.inside(`{"name":"liar","version":"1.0.1"}`).sending, metadata, "version"),
		row("another URL", func() sending { v := u; v.url = "other"; return v.sending() }, metadata, "the URL"),
		row("another _id", doc(func(d, _ object) { d["_id"] = "other" }), metadata, "_id"),
		row("another name in the document", doc(func(d, _ object) { d["name"] = "other" }), metadata, "name"),
		row("another version in the document", doc(func(d, m object) { d["versions"] = object{"1.0.1": m} }), metadata, "versions"),
		row("a version __proto__", doc(func(d, m object) { d["versions"] = object{"__proto__": m} }), metadata, "versions"),
		row("a tag on another version", doc(func(d, _ object) { d["dist-tags"] = object{"latest": "0.9.0"} }), metadata, "dist-tags"),
		row("an empty manifest", doc(func(d, _ object) { d["versions"] = object{"1.0.0": object{}} }), metadata, "dependencies"),
		row("dependencies hidden", manifest("dependencies", nil), metadata, "dependencies"),
		row("dependencies added", manifest("dependencies", object{"a": "1", "b": "1"}), metadata, "dependencies"),
		row("a dependency at another address", manifest("dependencies", object{"a": "github:evil/a"}), metadata, "dependencies"),
		row("optional dependencies added", manifest("optionalDependencies", object{"b": "1"}), metadata, "optionalDependencies"),
		row("peers added", manifest("peerDependencies", object{"b": "1"}), metadata, "peerDependencies"),
		row("bundled dependencies added", manifest("bundleDependencies", []string{"a"}), metadata, "bundleDependencies"),
		row("scripts hidden", manifest("scripts", nil), metadata, "scripts"),
		row("scripts changed", manifest("scripts", object{"postinstall": "true"}), metadata, "scripts"),
		row("another command", manifest("bin", object{"ls": "x.js"}), metadata, "bin"),
		row("other engines", manifest("engines", object{"node": "*"}), metadata, "engines"),
		row("another system", manifest("os", []string{"win32"}), metadata, "os"),
		row("another processor", manifest("cpu", []string{"x64"}), metadata, "cpu"),
		row("another file name", rename("liar-1.0.1.tgz"), metadata, "attachment"),
		row("a file name that climbs out", rename("../../liar-1.0.0.tgz"), metadata, "attachment"),
		row("a file name of another package", rename("left-pad-1.0.0.tgz"), metadata, "attachment"),
		row("wrong integrity", dist("integrity", "sha512-"+strings.Repeat("A", 86)+"=="), digests, "integrity"),
		row("a wrong second integrity", doc(func(_, m object) {
			d := m["dist"].(object)
			d["integrity"] = d["integrity"].(string) + " sha256-AAAA"
		}), digests, "integrity"),
		row("wrong shasum", dist("shasum", strings.Repeat("0", 40)), digests, "shasum"),
		row("a shasum that is none", dist("shasum", 7), digests, "shasum"),
		row("wrong length", doc(func(d, _ object) { attachment(d)["length"] = 7 }), digests, "length"),
		row("a length below zero", doc(func(d, _ object) { attachment(d)["length"] = -1 }), digests, "length"),
	}
}

// npmNames are names, versions and tags that are none or lead astray.
func npmNames() []hostile {
	u := npmPackage("named", "1.0.0")
	to := func(url string) func() sending { return func() sending { v := u; v.url = url; return v.sending() } }
	of := func(name, version string) func() sending { return npmPackage(name, version).sending }
	tags := func(tags object) func() sending {
		return u.says(func(d, _ object) { d["dist-tags"] = tags }).sending
	}
	many := object{}
	for i := range 17 {
		many[fmt.Sprintf("tag-%c", 'a'+i)] = "1.0.0"
	}
	row := func(name string, send func() sending, status int, says string) hostile {
		return hostile{"npm, name: " + name, send, status, "", says}
	}
	taken := func(name string, send func() sending) hostile {
		return hostile{"npm, name: " + name, send, 403, "immutable-versions", "left-pad 1.0.0 already exists"}
	}
	return []hostile{
		row("dot dot", to(".."), 400, "starts with a dot"),
		row("dot dot, escaped", to("%2e%2e"), 400, "starts with a dot"),
		row("dot dot, escaped twice", to("%252e%252e"), 400, "only letters"),
		row("a scope that climbs out", to("@acme/.."), 400, "starts with a dot"),
		row("a scope that climbs out, escaped", to("@acme%2f..%2f..%2fleft-pad"), 400, ""),
		row("a slash, escaped", to("left%2fpad"), 400, "only letters"),
		row("a backslash", to("left%5cpad"), 400, "only letters"),
		row("a zero byte", to("left%00pad"), 404, "is no path"),
		row("a line break", to("left%0d%0apad"), 404, "is no path"),
		row("not UTF-8", to("left%ffpad"), 404, "is no path"),
		row("upper case", of("Named", "1.0.0"), 400, "lower case"),
		row("a letter that looks like another", of("l\u0435ft-pad", "1.0.0"), 400, `l\u0435ft-pad`),
		row("a letter that looks like another, escaped", func() sending {
			v := npmPackage("l\u0435ft-pad", "1.0.0")
			v.url = "l%d0%b5ft-pad"
			return v.sending()
		}, 400, "only letters"),
		row("a letter that looks like another, inside", u.inside(`{"name":"l`+"\u0435"+`ft-pad","version":"1.0.0"}`).sending, 400, "only letters"),
		row("the kelvin sign", u.inside(`{"name":"`+"\u212a"+`elvin","version":"1.0.0"}`).sending, 400, ""),
		row("too long", of(strings.Repeat("n", 215), "1.0.0"), 400, "214"),
		row("too long with its version", of(strings.Repeat("n", 214), "1.0.0-"+strings.Repeat("a", 100)), 400, "too long"),
		row("node_modules", of("node_modules", "1.0.0"), 400, "reserved"),
		row("favicon.ico", of("favicon.ico", "1.0.0"), 400, "reserved"),
		row("a leading underscore", of("_named", "1.0.0"), 400, "underscore"),
		row("__proto__", of("__proto__", "1.0.0"), 400, "underscore"),
		row("no name inside", u.inside(`{"version":"1.0.0"}`).sending, 400, "empty"),
		row("a name inside that is no text", u.inside(`{"name":["named"],"version":"1.0.0"}`).sending, 400, "empty"),
		row("a path as the name inside", u.inside(`{"name":"../named","version":"1.0.0"}`).sending, 400, "starts with a dot"),
		row("a version of two numbers", of("named", "1.0"), 400, "semver"),
		row("a version with a leading zero", of("named", "1.0.01"), 400, "semver"),
		row("a version beyond numbers", of("named", "99999999999999999999.0.0"), 400, "semver"),
		row("a version in other digits", of("named", "\uff11.0.0"), 400, "semver"),
		row("a version with a path", of("named", "1.0.0-../../x"), 400, "semver"),
		row("a version without end", of("named", "1.0.0-"+strings.Repeat("a", 300)), 400, "semver"),
		row("no version inside", u.inside(`{"name":"named"}`).sending, 400, "semver"),
		taken("a published version, other bytes", npmPackage("left-pad", "1.0.0").with(`"x":1`).sending),
		taken("a published version with build metadata", of("left-pad", "1.0.0+b")),
		taken("a published version with a v", of("left-pad", "v1.0.0")),
		taken("a published version with blanks", of("left-pad", " =1.0.0 ")),
		{"npm, name: a published version, the same bytes", of("left-pad", "1.0.0"), 403, "immutable-versions", "exactly these bytes"},
		{"npm, name: a deleted version", of("left-pad", "2.0.0"), 403, "immutable-versions", "its name stays used for ever"},
		{"npm, name: a deleted version, other bytes", npmPackage("left-pad", "2.0.0").with(`"x":1`).sending, 403, "immutable-versions", "its name stays used for ever"},
		{"npm, name: a deleted package", of("gone", "1.0.0"), 403, "immutable-versions", "its name stays used for ever"},
		{"npm, name: an archived package", of("attic", "1.0.1"), 403, "closed-packages", "archived"},
		row("a tag that is a range", tags(object{"1.x": "1.0.0"}), 400, "as a version"),
		row("a tag that is a version", tags(object{"v1.0.0": "1.0.0"}), 400, "as a version"),
		row("a tag that is a star", tags(object{"*": "1.0.0"}), 400, "as a version"),
		row("a tag with a caret", tags(object{"^1": "1.0.0"}), 400, "cannot be a tag"),
		row("an empty tag", tags(object{"": "1.0.0"}), 400, "cannot be a tag"),
		row("a tag with a slash", tags(object{"../x": "1.0.0"}), 400, "cannot be a tag"),
		row("a tag __proto__", tags(object{"__proto__": "1.0.0"}), 400, "cannot be a tag"),
		row("17 tags", tags(many), 400, "at most 16"),
		row("a tag that points to no text", tags(object{"latest": 1}), 400, "not the JSON of a package"),
	}
}

// npmBodies are bodies that are no publication.
func npmBodies() []hostile {
	u := npmPackage("body", "1.0.0")
	raw := func(change func(honest []byte) []byte) func() sending {
		return func() sending { v := u; v.body = change; return v.sending() }
	}
	is := func(text string) func() sending { return raw(func([]byte) []byte { return []byte(text) }) }
	doc := func(edit func(doc, m object)) func() sending { return u.says(edit).sending }
	attach := func(more object) func() sending {
		return doc(func(d, _ object) { maps.Copy(d["_attachments"].(object), more) })
	}
	long := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("long"), 50<<10))
	row := func(name string, send func() sending, status int, says string) hostile {
		return hostile{"npm, body: " + name, send, status, "", says}
	}
	const noJSON = "not the JSON of a package"
	return []hostile{
		row("nothing", is(""), 400, noJSON),
		row("text", is("hello"), 400, noJSON),
		row("an array", is("[]"), 400, noJSON),
		row("null", is("null"), 422, "neither a tarball nor versions"),
		row("a form", is("--x\r\n\r\n--x--"), 400, noJSON),
		row("one name twice", raw(func(b []byte) []byte { return append([]byte(`{"name":"left-pad",`), b[1:]...) }), 400, "duplicate"),
		row("one name twice, escaped", raw(func(b []byte) []byte { return append([]byte(`{"n\u0061me":"left-pad",`), b[1:]...) }), 400, "duplicate"),
		row("one version twice", raw(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"versions":{`), []byte(`"versions":{"1.0.0":{},`), 1)
		}), 400, "duplicate"),
		row("trailing garbage", raw(func(b []byte) []byte { return append(b, "garbage"...) }), 400, noJSON),
		row("a second document", raw(func(b []byte) []byte { return append(b, b...) }), 400, ""),
		row("cut in the JSON", raw(func(b []byte) []byte { return b[:len(b)-5] }), 400, noJSON),
		row("a byte order mark", raw(func(b []byte) []byte { return append([]byte("\ufeff"), b...) }), 400, noJSON),
		row("not UTF-8", raw(func(b []byte) []byte { return append([]byte("{\"x\":\"\xff\","), b[1:]...) }), 400, noJSON),
		row("nested without end", is(strings.Repeat(`{"x":`, 200_000)), 400, noJSON),
		row("17 MB of JSON", is(`{"readme":"`+strings.Repeat("? ", 17<<19)+`"}`), 413, "more than 16 MB"),
		row("17 MB of blanks", is(strings.Repeat(" ", 17<<20)), 413, "more than 16 MB"),
		row("a million members", is("{"+strings.Repeat(`"":0,`, 1_000_000)+`"x":0}`), 400, "duplicate"),
		row("two tarballs", attach(object{"body-1.0.1.tgz": attached([]byte("x"))}), 400, "2 tarballs"),
		row("two long tarballs", is(`{"_attachments":{"a.tgz":{"data":"`+long+`"},"b.tgz":{"data":"`+long+`"}}}`), 400, "two tarballs"),
		row("a provenance statement", attach(object{"body-1.0.0.sigstore": object{"data": "{}"}}), 422, "without --provenance"),
		row("an attachment __proto__", attach(object{"__proto__": object{"data": "AAAA"}}), 422, ""),
		row("no tarball", doc(func(d, _ object) { delete(d, "_attachments") }), 404, "not in this repository"),
		row("no data", attach(object{"body-1.0.0.tgz": object{}}), 400, "without data"),
		row("data that is a number", attach(object{"body-1.0.0.tgz": object{"data": 1}}), 400, "without data"),
		row("data that is no base64", attach(object{"body-1.0.0.tgz": object{"data": "????"}}), 400, "not whole base64"),
		row("data with line breaks", attach(object{"body-1.0.0.tgz": object{"data": "AA\nAA"}}), 400, "not whole base64"),
		row("data with letters behind its end", attach(object{"body-1.0.0.tgz": object{"data": "AAA=AAAA"}}), 400, "not whole base64"),
		row("a long text that is not the tarball", is(`{"readme":"`+long+`","_attachments":{"a.tgz":{"data":""}}}`), 400, "not its tarball"),
		row("a long text as a name", is(`{"`+long+`":1}`), 400, ""),
		row("two versions", doc(func(d, m object) { d["versions"] = object{"1.0.0": m, "1.0.1": m} }), 400, "publishes 2 versions"),
		row("no version", doc(func(d, _ object) { d["versions"] = object{} }), 400, "publishes 0 versions"),
		row("a manifest that is a number", doc(func(d, _ object) { d["versions"] = object{"1.0.0": 1} }), 400, "not an object"),
		row("a length that is no number", doc(func(d, _ object) { attachment(d)["length"] = "7" }), 400, noJSON),
		row("access restricted", doc(func(d, _ object) { d["access"] = "restricted" }), 422, "no private packages"),
		row("a publish that looks like an unpublish", func() sending { v := u; v.url = "body/-rev/1-0"; return v.sending() }, 400, "is published with PUT"),
	}
}

// npmRights are uploads by who may not.
func npmRights() []hostile {
	row := func(name, who string, u npmUpload, status int, control, says string) hostile {
		return hostile{"npm, rights: " + name, func() sending { return as(who, u.sending()) }, status, control, says}
	}
	disguised := npmPackage("mallorys", "3.0.0").inside(`{"name":"left-pad","version":"3.0.0"}`)
	return []hostile{
		row("no token", "none", npmPackage("rights", "1.0.0"), 401, "", "carries none"),
		row("a token that is none", "!Bearer hello", npmPackage("rights", "1.0.0"), 401, "", "token"),
		row("a password", "!Basic YWxpY2U6c2VjcmV0", npmPackage("rights", "1.0.0"), 401, "", "no passwords here"),
		row("a header without end", "!Bearer "+strings.Repeat("x", 5000), npmPackage("rights", "1.0.0"), 401, "", "too long"),
		row("another scheme", "!Digest x", npmPackage("rights", "1.0.0"), 401, "", "scheme"),
		row("a package of another user", "mallory", npmPackage("left-pad", "3.0.0"), 403, "roles", "not an owner"),
		row("a package of another user under a name of one's own", "mallory", disguised, 403, "roles", "not an owner"),
		row("a deleted package of another user", "mallory", npmPackage("gone", "2.0.0"), 403, "retired-names", "not an owner"),
		row("a package beyond the token", "narrow", npmPackage("left-pad", "3.0.0"), 403, "scoped-tokens", "its scopes are"),
		row("a scope that looks alike", "narrow", npmPackage("@acme-evil/tools", "1.0.0"), 403, "scoped-tokens", "its scopes are"),
	}
}
