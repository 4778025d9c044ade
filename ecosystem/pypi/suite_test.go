package pypi

import (
	"slices"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/ecosystem/ecosystemtest"
)

func TestDialect(t *testing.T) { ecosystemtest.Run(t, Ecosystem{}, suite(t)) }
func FuzzDocuments(f *testing.F) {
	ecosystemtest.FuzzDocuments(f, Ecosystem{}, suite(f))
}
func FuzzAsk(f *testing.F) { ecosystemtest.FuzzAsk(f, Ecosystem{}, suite(f)) }

// FuzzDraft starts from the small uploads only; it is many of them that find something.
func FuzzDraft(f *testing.F) {
	s := suite(f)
	s.Lies = slices.DeleteFunc(s.Lies, func(l ecosystemtest.Lie) bool { return len(l.Body) > 4096 })
	ecosystemtest.FuzzDraft(f, Ecosystem{}, s)
}

func suite(t testing.TB) ecosystemtest.Suite {
	return ecosystemtest.Suite{
		Names: map[string]string{
			"requests": "requests", "Django": "django", "zope.interface": "zope-interface", "Foo_.-Bar": "foo-bar",
			"a": "a", "0": "0", "FrIeNdLy-._.-bArD": "friendly-bard",
		},
		Refused: []string{"", "-a", "a-", ".a", "a_", "a b", "a/b", "..", "ünï", "a\x00b", "K" + "\u212a", "a@b", "a\n", strings.Repeat("a", 101)},
		Order: [][]string{
			{"1.dev0"}, {"1.0.dev456"}, {"1.0a1"}, {"1.0a2.dev456"}, {"1.0a12.dev456"}, {"1.0a12"}, {"1.0b1.dev456"},
			{"1.0b2"}, {"1.0b2.post345.dev456"}, {"1.0b2.post345"}, {"1.0rc1.dev456"}, {"1.0rc1", "1.0c1", "1-RC_1"},
			{"1", "1.0", "1.0.0", "v1"}, {"1.0+abc.5"}, {"1.0+abc.7"}, {"1.0+5"}, {"1.0.post456.dev34"},
			{"1.0.post456", "1.0-456"}, {"1.1.dev1"}, {"1!0.1"},
		},
		Uploads: honest(t),
		Facts:   laterFacts(),
		Lies:    lies(t),
		Bad:     bad(t),
		Asks: []ecosystemtest.Request{
			{Case: "pip search", Method: "POST", URL: "", Header: map[string]string{"Content-Type": "text/xml"}},
			{Case: "the index as upload URL", Method: "POST", URL: "simple/"},
			{Case: "reading the upload URL", Method: "GET", URL: "upload/"},
			{Case: "audience", Method: "GET", URL: "_/oidc/audience"}, {Case: "exchange", Method: "POST", URL: "_/oidc/mint-token"},
			{Case: "exchange of one platform", Method: "POST", URL: "_/oidc/github/mint-token"},
			{Case: "no serialization", Method: "GET", URL: "simple/", Header: map[string]string{"Accept": "image/png"}},
		},
	}
}

func honest(t testing.TB) []ecosystemtest.Request {
	first := wheel{name: "Acme.Tools", version: "1.0", fields: "Requires-Python: >=3.8,<4\nRequires-Dist: requests (>=2)\nRequires-Dist: zope.interface; extra == \"z\"\nProvides-Extra: z\nSummary: Tools <of> \"Acme\" & sons\n"}
	return []ecosystemtest.Request{
		first.send(t, "first wheel"),
		upload(t, "its sdist", "acme_tools-1.0.tar.gz", sdistOf(t, "acme_tools-1.0", "Acme.Tools", "1.0", "Requires-Python: >=3.8,<4\n"), []member{{"name", "acme-tools"}, {"version", "1.0"}}),
		wheel{name: "Acme.Tools", version: "1.1.0", file: "Acme.Tools-1.1.0-1-CP39-cp39-Linux_x86_64.whl", dir: "Acme.Tools-1.1.0.dist-info"}.send(t, "old spelling with a build tag"),
		upload(t, "old sdist spelling", "Acme.Tools-1.1.0.tar.gz", sdistOf(t, "Acme.Tools-1.1.0", "acme-tools", "1.1.0", ""), nil),
		wheel{name: "acme-tools", version: "1.2+acme.1"}.send(t, "local version"),
		upload(t, "hyphenated post release", "acme-tools-1.2-1.tar.gz", sdistOf(t, "acme-tools-1.2-1", "acme-tools", "1.2.post1", ""), nil),
		wheel{name: "other", version: "2!0.1a1", more: []member{{"other-2!0.1a1.dist-info/" + entryPoints, "[x.y]\na/b = c\n\n# [console_scripts]\n[console_scripts]\nother-tool_2.0 = pkg:main [extra]\n"}}}.send(t, "another project"),
		wheel{name: "acme-tools", version: "2.0"}.send(t, "a minimal form",
			member{"name", ""}, member{"version", ""}, member{"filetype", ""}, member{"sha256_digest", ""}, member{"blake2_256_digest", ""}, member{"md5_digest", ""}),
	}
}

func project(key string) bonded.Name { return bonded.Name{Ecosystem: id, Key: key, Display: key} }

// laterFacts yank, restore, archive, quarantine and remove.
func laterFacts() []bonded.Draft {
	return []bonded.Draft{
		fact("acme-tools", "broken on <Windows> & \"others\"\nsorry", bonded.Entry{Type: bonded.Yank, Version: "1"}),
		fact("acme-tools", "", bonded.Entry{Type: bonded.Yank, Version: "1.1"}),
		fact("acme-tools", "", bonded.Entry{Type: bonded.Unyank, Version: "1.1"}),
		fact("acme-tools", "", bonded.Entry{Type: bonded.Remove, Version: "1", File: "acme_tools-1.0.tar.gz"}),
		fact("acme-tools", "superseded", bonded.Entry{Type: bonded.Status, Status: "archived"}),
		fact("acme-tools", "haunted", bonded.Entry{Type: bonded.Status, Status: "quarantined"}),
		fact("acme-tools", "", bonded.Entry{Type: bonded.Status, Status: "active"}),
		fact("acme-tools", "", bonded.Entry{Type: bonded.Remove, Version: "2", File: "acme_tools-2.0-py3-none-any.whl"}),
	}
}

// fact is a draft of one fact, with the text of its document if it has one.
func fact(key, doc string, e bonded.Entry) bonded.Draft {
	e.Name = project(key)
	d := bonded.Draft{Name: e.Name}
	if doc != "" {
		e.Doc = bonded.DigestOf([]byte(doc))
		d.Docs = [][]byte{[]byte(doc)}
	}
	d.Facts = []bonded.Entry{e}
	return d
}

func bad(t testing.TB) []ecosystemtest.Bad {
	content := wheel{name: "foo", version: "1.0"}.build(t)
	bad := func(kind bonded.Kind, r ecosystemtest.Request) ecosystemtest.Bad {
		return ecosystemtest.Bad{Request: r, Kind: kind}
	}
	named := func(kind bonded.Kind, name string) ecosystemtest.Bad {
		return bad(kind, upload(t, "the file name "+name, name, content, nil))
	}
	meta := func(kind bonded.Kind, about, text string) ecosystemtest.Bad {
		return bad(kind, wheel{name: "foo", version: "1.0", metadata: text}.send(t, about))
	}
	get := func(kind bonded.Kind, about, url string) ecosystemtest.Bad {
		return bad(kind, ecosystemtest.Request{Case: about, Method: "GET", URL: url})
	}
	return append(badForms(t, content),
		named(bonded.Unsupported, "foo-1.0.zip"),
		named(bonded.Unsupported, "foo-1.0.tar.bz2"),
		named(bonded.Unsupported, "foo-1.0-py3.7.egg"),
		named(bonded.Unsupported, ""),
		named(bonded.Invalid, "foo.whl"),
		named(bonded.Invalid, "../../foo-1.0-py3-none-any.whl"),
		named(bonded.Invalid, "foo-1.0-x-py3-none-any.whl"),
		named(bonded.Invalid, "foo-1.0-py3-none-any..whl"),
		named(bonded.Invalid, "foo-latest-py3-none-any.whl"),
		named(bonded.Invalid, "foo-latest.tar.gz"),
		named(bonded.Invalid, "foo-1.0-py3-none-"+strings.Repeat("a", 230)+".whl"),
		bad(bonded.Invalid, upload(t, "a wheel without METADATA", "foo-1.0-py3-none-any.whl", zipOf(t, member{"a.py", ""}), nil)),
		bad(bonded.Invalid, upload(t, "an sdist without PKG-INFO", "foo-1.0.tar.gz", tarGzOf(t, member{"foo-1.0/setup.py", ""}), nil)),
		meta(bonded.Invalid, "no Metadata-Version", "Name: foo\nVersion: 1.0\n"),
		meta(bonded.Unsupported, "metadata of the future", "Metadata-Version: 3.0\nName: foo\nVersion: 1.0\n"),
		meta(bonded.Invalid, "no name", "Metadata-Version: 2.1\nVersion: 1.0\n"),
		meta(bonded.Invalid, "a name that is none", "Metadata-Version: 2.1\nName: ../foo\nVersion: 1.0\n"),
		meta(bonded.Invalid, "a version that is none", "Metadata-Version: 2.1\nName: foo\nVersion: latest\n"),
		get(bonded.NotFound, "nothing here", "nothing/here"),
		get(bonded.NotFound, "the unstandardised JSON", "requests/json"),
		get(bonded.NotFound, "a project that cannot be", "simple/-/"),
		get(bonded.Invalid, "a broken escape", "simple/%zz/"),
		get(bonded.NotFound, "a file of another project", "files/bar/foo-1.0.tar.gz"),
		get(bonded.NotFound, "an unusual spelling of a file", "files/foo/Foo-1.0.tar.gz"),
		get(bonded.NotFound, "PKG-INFO of an sdist", "files/foo/foo-1.0.tar.gz.metadata"),
	)
}

func badForms(t testing.TB, content []byte) []ecosystemtest.Bad {
	file := member{"content=foo-1.0-py3-none-any.whl", string(content)}
	action, protocol := member{":action", "file_upload"}, member{"protocol_version", "1"}
	form := func(kind bonded.Kind, about string, parts ...member) ecosystemtest.Bad {
		return ecosystemtest.Bad{Request: formOf(t, about, parts...), Kind: kind}
	}
	plain := form(bonded.Invalid, "no form", action, protocol, file)
	plain.Header = map[string]string{"Content-Type": "application/octet-stream"}
	return []ecosystemtest.Bad{
		plain,
		form(bonded.Invalid, "no file", action, protocol),
		form(bonded.Invalid, "two files", action, file, file),
		form(bonded.Unsupported, "no action", protocol, file),
		form(bonded.Unsupported, "twine register", member{":action", "submit"}, protocol),
		form(bonded.Unsupported, "another protocol", action, member{"protocol_version", "2"}, file),
		form(bonded.Invalid, "two names", action, file, member{"name", "foo"}, member{"name", "bar"}),
		form(bonded.Unsupported, "an egg", action, member{"filetype", "bdist_egg"}, file),
		form(bonded.TooLarge, "a field without end", action, file, member{"version", strings.Repeat("1", largestField+1)}),
		form(bonded.Invalid, "a part without a name", action, file, member{"", "x"}),
	}
}
