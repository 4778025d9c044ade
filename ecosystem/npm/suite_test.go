package npm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"bonded.dev"
	"bonded.dev/ecosystem/ecosystemtest"
	"bonded.dev/ecosystem/npm"
)

func TestDialect(t *testing.T) { ecosystemtest.Run(t, npm.Ecosystem{}, suite()) }
func FuzzAsk(f *testing.F)     { ecosystemtest.FuzzAsk(f, npm.Ecosystem{}, suite()) }
func FuzzDraft(f *testing.F)   { ecosystemtest.FuzzDraft(f, npm.Ecosystem{}, suite()) }
func FuzzDocuments(f *testing.F) {
	ecosystemtest.FuzzDocuments(f, npm.Ecosystem{}, suite())
}

func entry(name, text string) tar.Header {
	return tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
}

// tgz packs files: names and texts in turn.
func tgz(files ...string) []byte {
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	tw := tar.NewWriter(gz)
	for i := 0; i < len(files); i += 2 {
		h := entry(files[i], files[i+1])
		if target, ok := strings.CutPrefix(files[i+1], "-> "); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		if err := tw.WriteHeader(&h); err != nil {
			panic(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := tw.Write([]byte(files[i+1])); err != nil {
				panic(err)
			}
		}
	}
	if err := tw.Close(); err != nil {
		panic(err)
	}
	if err := gz.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

type object = map[string]any

// publish makes the request that npm publish makes. edit may change the
// document and the manifest in it.
func publish(name, tag, pkg string, tarball []byte, edit ...func(doc, manifest object)) ecosystemtest.Request {
	var manifest object
	if err := json.Unmarshal([]byte(pkg), &manifest); err != nil {
		panic(err)
	}
	version, _ := manifest["version"].(string)
	s1, s512 := sha1.Sum(tarball), sha512.Sum512(tarball)
	id := name + "@" + version
	manifest["_id"] = id
	manifest["dist"] = object{
		"integrity": "sha512-" + base64.StdEncoding.EncodeToString(s512[:]),
		"shasum":    hex.EncodeToString(s1[:]),
		"tarball":   "http://registry.example/npm/" + name + "/-/" + name + "-" + version + ".tgz",
	}
	doc := object{
		"_id": name, "name": name, "access": nil,
		"dist-tags": object{tag: version}, "versions": object{version: manifest},
		"_attachments": object{name + "-" + version + ".tgz": object{
			"content_type": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(tarball), "length": len(tarball),
		}},
	}
	for _, e := range edit {
		e(doc, manifest)
	}
	return put("publish "+id, strings.Replace(name, "/", "%2f", 1), doc)
}

func put(name, url string, doc any) ecosystemtest.Request {
	b, err := json.Marshal(doc, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return ecosystemtest.Request{Case: name, Method: "PUT", URL: url, Body: b, Header: map[string]string{"Content-Type": "application/json"}}
}

// simple publishes a package that is nothing but its package.json.
func simple(name, version, tag string, more ...string) ecosystemtest.Request {
	pkg := fmt.Sprintf(`{"name":%q,"version":%q%s}`, name, version, strings.Join(append([]string{""}, more...), ","))
	return publish(name, tag, pkg, tgz("package/package.json", pkg, "package/README.md", "# "+name+"\n"))
}

// noise is n bytes that do not compress.
func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

const leftPad = `{"name":"left-pad","version":"1.0.0","description":"pads \"left\" <&>","main":"index.js","license":"WTFPL",` +
	`"bin":"cli.js","scripts":{"postinstall":"node cli.js"},"dependencies":{"repeat":"^1.0.0","alias":"npm:@acme/real@2","git":"acme/git"},` +
	`"peerDependencies":{"host":">=1"},"keywords":["pad","left"],"homepage":"https://left-pad.example","author":"Ann <ann@example.invalid>"}`

func leftPadTarball() []byte {
	return tgz("package/package.json", leftPad, "package/README.md", "# left-pad\n\npads ünïcode\n", "package/cli.js", "//", "package/index.js", "//")
}

func change(name, method, url string, body any) ecosystemtest.Request {
	r := put(name, url, body)
	r.Method = method
	return r
}

func suite() ecosystemtest.Suite {
	return ecosystemtest.Suite{
		Names: map[string]string{
			"left-pad": "left-pad", "@acme/tools": "@acme/tools", "a": "a", "0.x_y-z": "0.x_y-z", "@-a/_b": "@-a/_b",
			"@a/-": "@a/-", strings.Repeat("a", 214): strings.Repeat("a", 214), "http": "http",
		},
		Refused: []string{
			"", "@", "@/", "@a", "@a/", "@/a", "@a/b/c", "a/b", ".a", "_a", "-a", "-", "@a/.b", "@.a/b", "Left-Pad", "a b", " a", "a ", "ä", "a\x00",
			"node_modules", "favicon.ico", "..", ".", "a%2fb", "a~", "a'", "a!", "a(b)", "a*", `a\b`, strings.Repeat("a", 215), "\u212a", "@a@/b",
		},
		Order: [][]string{
			{"0.0.0-0"}, {"0.0.0"}, {"0.9.9"}, {"1.0.0-alpha"}, {"1.0.0-alpha.1"}, {"1.0.0-alpha.2"}, {"1.0.0-alpha.11"},
			{"1.0.0-alpha.beta"}, {"1.0.0-beta"}, {"1.0.0-rc.1"}, {"1.0.0", "v1.0.0", "=1.0.0", "1.0.0+a", "1.0.0+b"},
			{"1.0.1"}, {"1.2.0"}, {"1.10.0"}, {"2.0.0"}, {"10.0.0"}, {"9007199254740991.0.0"},
		},
		Uploads: []ecosystemtest.Request{
			publish("left-pad", "latest", leftPad, leftPadTarball()),
			simple("left-pad", "1.1.0-rc.1", "next", `"deprecated":"spoofed","_resolved":"x","maintainers":["mallory"]`),
			simple("@acme/tools", "2.0.0", "latest"),
			bigPackage(),
			simple("left-pad", "1.2.0", "latest", `"bundleDependencies":["a"],"dependencies":{"a":"1"}`),
		},
		Changes: []ecosystemtest.Request{
			put("deprecate", "left-pad", object{"_id": "left-pad", "name": "left-pad", "versions": object{"1.0.0": object{"deprecated": "too <old>"}, "1.2.0": object{}}}),
			change("tag", "PUT", "-/package/left-pad/dist-tags/stable", "1.0.0"),
			change("retag", "PUT", "-/package/left-pad/dist-tags/latest", "1.0.0"),
			change("untag", "DELETE", "-/package/left-pad/dist-tags/next", nil),
			put("undeprecate", "left-pad", object{"_id": "left-pad", "versions": object{"1.0.0": object{"deprecated": ""}}}),
			put("deprecate again", "left-pad", object{"versions": object{"1.0.0": object{"deprecated": "old"}, "1.2.0": object{"deprecated": "old"}}}),
			{Case: "unpublish the latest", From: unpublish("left-pad", "1.0.0")},
			change("delete its tarball", "DELETE", "left-pad/-/left-pad-1.0.0.tgz/-rev/anything", nil),
			{Case: "unpublish all", From: written("@acme/tools", func(doc object) ecosystemtest.Request {
				return change("", "DELETE", "@acme%2ftools/-rev/"+doc["_rev"].(string), nil)
			})},
			simple("@acme/tools", "2.0.1", "beta"),
		},
		Lies: lies(), Bad: bad(),
		Asks: []ecosystemtest.Request{
			{Case: "ping", Method: "GET", URL: "-/ping"}, {Case: "whoami", Method: "GET", URL: "-/whoami"},
			{Case: "search", Method: "GET", URL: "-/v1/search?text=pad&size=20&from=0"},
			{Case: "profile", Method: "GET", URL: "-/npm/v1/user"}, {Case: "login", Method: "PUT", URL: "-/user/org.couchdb.user:bob"},
			{Case: "web login", Method: "POST", URL: "-/v1/login"}, {Case: "login done", Method: "GET", URL: "-/v1/done?secret=bnc_x"},
			{Case: "token revoke", Method: "DELETE", URL: "-/npm/v1/tokens/token/abc234"}, {Case: "logout", Method: "DELETE", URL: "-/user/token/bnd_x"},
			{Case: "owner add", Method: "PUT", URL: "left-pad/-rev/1-x", Header: map[string]string{"npm-command": "owner"}},
			{Case: "token create", Method: "POST", URL: "-/npm/v1/tokens"}, {Case: "audit", Method: "POST", URL: "-/npm/v1/security/advisories/bulk"},
			{Case: "tokens", Method: "GET", URL: "-/npm/v1/tokens"}, {Case: "user", Method: "GET", URL: "-/user/org.couchdb.user:bob"},
			{Case: "access", Method: "POST", URL: "-/package/left-pad/access"}, {Case: "stage", Method: "POST", URL: "-/stage/package/left-pad"},
			{Case: "exchange", Method: "POST", URL: "-/npm/v1/oidc/token/exchange/package/@acme%2ftools"},
		},
	}
}

// written makes a request as a client does that reads the document first.
func written(name string, make func(doc object) ecosystemtest.Request) func(*ecosystemtest.Desk) ecosystemtest.Request {
	return func(d *ecosystemtest.Desk) ecosystemtest.Request {
		doc := object{"_rev": "1-none", "versions": object{}, "dist-tags": object{}}
		if b := document(d, name, "full.json"); b != nil {
			if err := json.Unmarshal(b, &doc); err != nil {
				panic(err)
			}
		}
		return make(doc)
	}
}

// document renders one document of a package; nil when it is not there.
func document(d *ecosystemtest.Desk, name, doc string) []byte {
	docs, err := d.Eco.Render(d.Package(bonded.Name{Ecosystem: npm.ID, Key: name}), d.House, d, 0)
	if err != nil {
		panic(err)
	}
	for _, x := range docs {
		if x.Path != "npm/"+name+"/"+doc || x.Gone {
			continue
		}
		var out []byte
		for _, p := range x.Parts {
			b, err := p.Bytes()
			if err != nil {
				panic(err)
			}
			out = append(out, b...)
		}
		return out
	}
	return nil
}

// unpublish is the first request of npm unpublish name@version: libnpmpublish
// lib/unpublish.js.
func unpublish(name, version string) func(*ecosystemtest.Desk) ecosystemtest.Request {
	return written(name, func(doc object) ecosystemtest.Request {
		delete(doc["versions"].(object), version)
		tags := doc["dist-tags"].(object)
		for tag, v := range tags {
			if v == version {
				delete(tags, tag)
			}
		}
		if tags["latest"] == nil {
			for v := range doc["versions"].(object) {
				if tags["latest"] == nil || (npm.Ecosystem{}).Compare(tags["latest"].(string), v) < 0 {
					tags["latest"] = v
				}
			}
		}
		return change("", "PUT", strings.Replace(name, "/", "%2f", 1)+"/-rev/"+doc["_rev"].(string), doc)
	})
}

// bigPackage is long enough to be taken out of the body while it streams.
func bigPackage() ecosystemtest.Request {
	const pkg = `{"name":"big","version":"1.0.0"}`
	return publish("big", "latest", pkg, tgz("package/package.json", pkg, "package/noise", noise(100<<10)))
}

func lie(name string, r ecosystemtest.Request, kind bonded.AnomalyKind, rule string) ecosystemtest.Lie {
	r.Case = name
	return ecosystemtest.Lie{Request: r, Kind: kind, Rule: rule}
}

// lies are hostile tarballs, and requests that say something else than the tarball.
func lies() []ecosystemtest.Lie {
	const pkg = `{"name":"liar","version":"1.0.0","dependencies":{"a":"1"}}`
	plain := tgz("package/package.json", pkg)
	edited := func(edit func(doc, manifest object)) ecosystemtest.Request {
		return publish("liar", "latest", pkg, plain, edit)
	}
	manifest := func(key string, v any) ecosystemtest.Request {
		return edited(func(_, m object) { m[key] = v })
	}
	hostile := func(files ...string) ecosystemtest.Request {
		return publish("liar", "latest", pkg, tgz(files...))
	}
	inside := func(json string) ecosystemtest.Request { return hostile("package/package.json", json) }
	return []ecosystemtest.Lie{
		lie("traversal", hostile("package/package.json", pkg, "package/../../evil", "x"), bonded.Shape, "path-traversal"),
		lie("two package.json", hostile("package/package.json", pkg, "package/package.json", `{"name":"other","version":"1.0.0"}`), bonded.Shape, "duplicate-entry"),
		lie("case", hostile("package/package.json", pkg, "package/Package.json", pkg), bonded.Shape, "case-collision"),
		lie("two roots", hostile("package/package.json", pkg, "zackage/index.js", "x"), bonded.Shape, "several-roots"),
		lie("two roots with package.json", hostile("package/package.json", pkg, "zackage/package.json", pkg), bonded.Shape, "package-json"),
		lie("no root", hostile("package/package.json", pkg, "evil.js", "x"), bonded.Shape, "several-roots"),
		lie("file as root", hostile("package", "x"), bonded.Shape, "no-root"),
		lie("link", hostile("package/package.json", pkg, "package/a", "-> package.json"), bonded.Shape, "link"),
		lie("link outside", hostile("package/package.json", pkg, "package/a", "-> ../../../etc"), bonded.Shape, "link-escapes"),
		lie("no package.json", hostile("package/index.js", "x"), bonded.Shape, "package-json"),
		lie("package.json not at the root", hostile("package/lib/package.json", pkg), bonded.Shape, "package-json"),
		lie("no JSON", inside(`{"name":"liar",}`), bonded.Shape, "package-json"),
		lie("a name twice", inside(`{"name":"liar","version":"1.0.0","version":"2.0.0"}`), bonded.Shape, "package-json"),
		lie("broken UTF-8", inside("{\"name\":\"liar\",\"version\":\"1.0.0\",\"x\":\"\xff\"}"), bonded.Shape, "package-json"),
		lie("half a surrogate pair", inside(`{"name":"liar","version":"1.0.0","x":"\ud800"}`), bonded.Shape, "package-json"),
		lie("an array", inside(`[]`), bonded.Shape, "package-json"),
		lie("names that differ in case alone", inside(`{"name":"liar","version":"1.0.0","Scripts":{"install":"x"},"scripts":{}}`), bonded.Shape, "package-json"),
		lie("a member __proto__", inside(`{"name":"liar","version":"1.0.0","__proto__":{"scripts":{"install":"x"}}}`), bonded.Shape, "package-json"),
		lie("a command that climbs out", inside(`{"name":"liar","version":"1.0.0","bin":{"../../x":"x.js"}}`), bonded.Shape, "bin"),
		lie("no tarball at all", publish("liar", "latest", pkg, []byte("no gzip")), bonded.Shape, ""),
		lie("bytes behind it", publish("liar", "latest", pkg, append(bytes.Clone(plain), "behind"...)), bonded.Shape, ""),
		lie("a bomb", hostile("package/package.json", pkg, "package/zeros", strings.Repeat("\x00", 40<<20)), bonded.Bound, "ratio"),
		lie("a huge package.json", inside(`{"name":"liar","version":"1.0.0","x":"`+noise64(2<<20)+`"}`), bonded.Bound, "package-json"),

		lie("another name inside", inside(`{"name":"honest","version":"1.0.0"}`), bonded.Mismatch, "name"),
		lie("another version inside", inside(`{"name":"liar","version":"1.0.1","dependencies":{"a":"1"}}`), bonded.Mismatch, "version"),
		lie("another URL", at("other", edited(func(_, _ object) {})), bonded.Mismatch, "name"),
		lie("another _id", edited(func(d, _ object) { d["_id"] = "other" }), bonded.Mismatch, "name"),
		lie("another name in the document", edited(func(d, _ object) { d["name"] = "other" }), bonded.Mismatch, "name"),
		lie("another key", edited(func(d, m object) { d["versions"] = object{"1.0.1": m} }), bonded.Mismatch, "version"),
		lie("a tag on another version", edited(func(d, _ object) { d["dist-tags"] = object{"latest": "0.9.0"} }), bonded.Mismatch, "version"),
		lie("another file name", edited(func(d, _ object) {
			for _, v := range d["_attachments"].(object) {
				d["_attachments"] = object{"liar-1.0.1.tgz": v}
			}
		}), bonded.Mismatch, "attachment"),
		lie("another manifest name", manifest("name", "other"), bonded.Mismatch, "name"),
		lie("another manifest version", manifest("version", "1.0.1"), bonded.Mismatch, "version"),
		lie("another manifest _id", manifest("_id", "liar@1.0.1"), bonded.Mismatch, "_id"),
		lie("hidden dependencies", manifest("dependencies", object{}), bonded.Mismatch, "dependencies"),
		lie("other dependencies", manifest("dependencies", object{"a": "2"}), bonded.Mismatch, "dependencies"),
		lie("a git dependency elsewhere", manifest("dependencies", object{"a": "github:evil/a"}), bonded.Mismatch, "dependencies"),
		lie("optional dependencies", manifest("optionalDependencies", object{"b": "1"}), bonded.Mismatch, "optionalDependencies"),
		lie("peers", manifest("peerDependencies", object{"b": "1"}), bonded.Mismatch, "peerDependencies"),
		lie("optional peers", manifest("peerDependenciesMeta", object{"b": object{"optional": true}}), bonded.Mismatch, "peerDependenciesMeta"),
		lie("bundled", manifest("bundleDependencies", []string{"a"}), bonded.Mismatch, "bundleDependencies"),
		lie("engines", manifest("engines", object{"node": ">=1"}), bonded.Mismatch, "engines"),
		lie("os", manifest("os", []string{"linux"}), bonded.Mismatch, "os"),
		lie("cpu", manifest("cpu", "x64"), bonded.Mismatch, "cpu"),
		lie("libc", manifest("libc", "musl"), bonded.Mismatch, "libc"),
		lie("bin", manifest("bin", object{"ls": "evil.js"}), bonded.Mismatch, "bin"),
		lie("a shown script", manifest("scripts", object{"test": "true"}), bonded.Mismatch, "scripts"),
		lie("a hidden script", publish("liar", "latest", pkg, tgz("package/package.json",
			`{"name":"liar","version":"1.0.0","dependencies":{"a":"1"},"scripts":{"postinstall":"evil"}}`)), bonded.Mismatch, "scripts"),

		lie("shasum", edited(func(_, m object) { m["dist"].(object)["shasum"] = strings.Repeat("0", 40) }), bonded.Checksum, "shasum"),
		lie("integrity", edited(func(_, m object) { m["dist"].(object)["integrity"] = "sha512-AAAA" }), bonded.Checksum, "integrity"),
		lie("second integrity", edited(func(_, m object) {
			d := m["dist"].(object)
			d["integrity"] = d["integrity"].(string) + "?opt sha1-AAAA"
		}), bonded.Checksum, "integrity"),
		lie("length", edited(func(d, _ object) {
			for _, v := range d["_attachments"].(object) {
				v.(object)["length"] = 7
			}
		}), bonded.Checksum, "length"),

		lie("a description that beeps", inside(`{"name":"liar","version":"1.0.0","description":"x\u0007"}`), bonded.Unprintable, ""),
		lie("a name that erases the line", inside(`{"name":"liar","version":"1.0.0","dependencies":{"a\u001b[2K":"1"}}`), bonded.Unprintable, ""),
		lie("a licence that reads backwards", inside(`{"name":"liar","version":"1.0.0","license":"\u202eTIM"}`), bonded.Unprintable, ""),
		lie("a message that beeps", put("", "left-pad", object{"versions": object{"1.2.0": object{"deprecated": "x\a"}}}), bonded.Unprintable, ""),
	}
}

func noise64(n int) string { return base64.StdEncoding.EncodeToString([]byte(noise(n * 3 / 4))) }

func at(url string, r ecosystemtest.Request) ecosystemtest.Request {
	r.URL = url
	return r
}

// bad requests end in an error.
func bad() []ecosystemtest.Bad {
	const pkg = `{"name":"liar","version":"1.0.0"}`
	plain := tgz("package/package.json", pkg)
	edited := func(edit func(doc, manifest object)) ecosystemtest.Request {
		return publish("liar", "latest", pkg, plain, edit)
	}
	attach := func(more object) ecosystemtest.Request {
		return edited(func(d, _ object) {
			for k, v := range more {
				d["_attachments"].(object)[k] = v
			}
		})
	}
	is := func(name string, r ecosystemtest.Request, k bonded.Kind) ecosystemtest.Bad {
		r.Case = name
		return ecosystemtest.Bad{Request: r, Kind: k}
	}
	raw := func(body string) ecosystemtest.Request {
		return ecosystemtest.Request{Method: "PUT", URL: "liar", Body: []byte(body)}
	}
	long := noise64(200 << 10)
	return []ecosystemtest.Bad{
		is("no JSON", raw(`{`), bonded.Invalid),
		is("an array", raw(`[]`), bonded.Invalid),
		is("nothing", raw(``), bonded.Invalid),
		is("a name twice", raw(`{"name":"liar","name":"liar"}`), bonded.Invalid),
		is("nothing to do", raw(`{}`), bonded.Unsupported),
		is("a star", raw(`{"_id":"liar","_rev":"1","users":{"bob":true}}`), bonded.Unsupported),
		is("no base64", attach(object{"liar-1.0.0.tgz": object{"data": "?"}}), bonded.Invalid),
		is("no data", attach(object{"liar-1.0.0.tgz": object{}}), bonded.Invalid),
		is("data is a number", attach(object{"liar-1.0.0.tgz": object{"data": 1}}), bonded.Invalid),
		is("two tarballs", attach(object{"liar-1.0.1.tgz": object{"data": ""}}), bonded.Invalid),
		is("provenance", attach(object{"liar-1.0.0.sigstore": object{"data": "{}"}}), bonded.Unsupported),
		is("two long tarballs", raw(`{"_attachments":{"a.tgz":{"data":"`+long+`"},"b.tgz":{"data":"`+long+`"}}}`), bonded.Invalid),
		is("a long text elsewhere", raw(`{"readme":"`+long+`","_attachments":{"a.tgz":{"data":""}}}`), bonded.Invalid),
		is("a long text as a name", raw(`{"`+long+`":1}`), bonded.Invalid),
		is("a long text that ends otherwise", raw(`{"x":"`+long+`?"}`), bonded.Invalid),
		is("a long text after padding", raw(`{"_attachments":{"a.tgz":{"data":"`+strings.Repeat("AAA=", 20<<10)+`"}}}`), bonded.Invalid),
		is("too much JSON", raw(`{"readme":"`+strings.Repeat("? ", 9<<20)+`"}`), bonded.TooLarge),
		is("two versions", edited(func(d, m object) { d["versions"] = object{"1.0.0": m, "1.0.1": m} }), bonded.Invalid),
		is("no version", edited(func(d, m object) { d["versions"] = object{} }), bonded.Invalid),
		is("a private package", edited(func(d, m object) { d["access"] = "restricted" }), bonded.Unsupported),
		is("__proto__ as a tag", edited(func(d, m object) { d["dist-tags"] = object{"__proto__": "1.0.0"} }), bonded.Invalid),
		is("a range as a tag", edited(func(d, m object) { d["dist-tags"] = object{"1.x": "1.0.0"} }), bonded.Invalid),
		is("a manifest that is a number", edited(func(d, m object) { d["versions"] = object{"1.0.0": 1} }), bonded.Invalid),
		is("no version inside", publish("liar", "latest", pkg, tgz("package/package.json", `{"name":"liar","version":"1.0"}`)), bonded.Invalid),
		is("a name that is none inside", publish("liar", "latest", pkg, tgz("package/package.json", `{"name":"LIAR","version":"1.0.0"}`)), bonded.Invalid),
		is("a URL that is no name", at("LIAR", edited(func(_, _ object) {})), bonded.Invalid),

		is("deprecate a missing package", put("", "nobody", object{"versions": object{"1.0.0": object{"deprecated": "x"}}}), bonded.NotFound),
		is("deprecate a missing version", put("", "left-pad", object{"versions": object{"7.0.0": object{"deprecated": "x"}}}), bonded.NotFound),
		is("deprecate a deleted version", put("", "left-pad", object{"versions": object{"1.0.0": object{"deprecated": "x"}}}), bonded.NotFound),
		is("deprecate after a change", put("", "left-pad", object{"_rev": "1-0", "versions": object{"1.2.0": object{"deprecated": "x"}}}), bonded.Conflict),
		is("a message that is a number", put("", "left-pad", object{"versions": object{"1.2.0": object{"deprecated": 1}}}), bonded.Invalid),
		is("a message of another package", put("", "left-pad", object{"name": "other", "versions": object{"1.2.0": object{"deprecated": "x"}}}), bonded.Invalid),
		is("tag a missing version", change("", "PUT", "-/package/left-pad/dist-tags/x1", "7.0.0"), bonded.NotFound),
		is("tag a deleted version", change("", "PUT", "-/package/left-pad/dist-tags/x1", "1.0.0"), bonded.NotFound),
		is("tag with a range", change("", "PUT", "-/package/left-pad/dist-tags/1.x", "1.2.0"), bonded.Invalid),
		is("tag with no version", change("", "PUT", "-/package/left-pad/dist-tags/x1", 1), bonded.Invalid),
		is("untag what is not tagged", change("", "DELETE", "-/package/left-pad/dist-tags/x1", nil), bonded.NotFound),
		is("untag latest", change("", "DELETE", "-/package/left-pad/dist-tags/latest", nil), bonded.Invalid),
		is("unpublish after a change", change("", "PUT", "left-pad/-rev/1-0", object{"versions": object{}}), bonded.Conflict),
		is("delete after a change", change("", "DELETE", "left-pad/-rev/1-0", nil), bonded.Conflict),
		is("delete a missing file", change("", "DELETE", "left-pad/-/left-pad-7.0.0.tgz/-rev/1-0", nil), bonded.NotFound),
		is("delete a missing package", change("", "DELETE", "nobody/-rev/1-0", nil), bonded.NotFound),
		is("change owners", change("", "PUT", "left-pad/-rev/1-0", object{"maintainers": []object{{"name": "bob"}}}), bonded.Unsupported),
		is("no such route", change("", "PATCH", "left-pad", nil), bonded.NotFound),
		is("no such registry route", change("", "GET", "-/all", nil), bonded.NotFound),
		is("a file of another package", change("", "GET", "left-pad/-/right-pad-1.0.0.tgz", nil), bonded.NotFound),
		is("a file without a version", change("", "GET", "left-pad/-/left-pad-latest.tgz", nil), bonded.NotFound),
		is("a file with build metadata", change("", "GET", "left-pad/-/left-pad-1.0.0+a.tgz", nil), bonded.NotFound),
		is("read a name that is none", change("", "GET", "LEFT-PAD", nil), bonded.NotFound),
		is("a broken escape", change("", "GET", "left%2", nil), bonded.NotFound),
		is("an escaped control character", change("", "GET", "left%0apad", nil), bonded.NotFound),
	}
}
