package pypi

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/ecosystem/ecosystemtest"
)

// lies are uploads that a control must be told of. Nothing in them is more
// than text.
func lies(t testing.TB) []ecosystemtest.Lie {
	return append(append(formLies(t), wheelLies(t)...), sdistLies(t)...)
}

func formLies(t testing.TB) []ecosystemtest.Lie {
	good := wheel{name: "foo", version: "1.0", fields: "Requires-Python: >=3.8\nRequires-Dist: bar>=1\n"}
	lie := func(kind bonded.AnomalyKind, rule, field, value string) ecosystemtest.Lie {
		return ecosystemtest.Lie{Request: good.send(t, "the form claims another "+field, member{field, value}), Kind: kind, Rule: rule}
	}
	return []ecosystemtest.Lie{
		lie(bonded.Mismatch, "name", "name", "bar"),
		lie(bonded.Mismatch, "version", "version", "1.0.1"),
		lie(bonded.Mismatch, "version", "version", "latest"),
		lie(bonded.Mismatch, "filetype", "filetype", sdistType),
		lie(bonded.Mismatch, "requires_python", "requires_python", ">=2.7"),
		lie(bonded.Mismatch, "requires_dist", "requires_dist", "baz>=1"),
		lie(bonded.Checksum, "sha256_digest", "sha256_digest", strings.Repeat("0", 64)),
		lie(bonded.Checksum, "blake2_256_digest", "blake2_256_digest", "00"),
		lie(bonded.Checksum, "md5_digest", "md5_digest", strings.Repeat("f", 32)),
		{Request: wheel{name: "foo", version: "1.0", file: "bar-1.0-py3-none-any.whl"}.send(t, "named like another project"), Kind: bonded.Mismatch, Rule: "file-name"},
		{Request: wheel{name: "foo", version: "1.0", file: "foo-1.1-py3-none-any.whl"}.send(t, "named like another version"), Kind: bonded.Mismatch, Rule: "file-name"},
		{Request: wheel{name: "acme-tools", version: "1.0.0"}.send(t, "another spelling of a published version"), Kind: bonded.Mismatch, Rule: "version-spelling"},
		{Request: wheel{name: "acme-tools", version: "1.0+evil"}.send(t, "a local version beside its public one"), Kind: bonded.Mismatch, Rule: "local-version"},
	}
}

func wheelLies(t testing.TB) []ecosystemtest.Lie {
	lie := func(about, rule string, w wheel) ecosystemtest.Lie {
		w.name, w.version = "foo", "1.0"
		return ecosystemtest.Lie{Request: w.send(t, about), Kind: bonded.Shape, Rule: rule}
	}
	meta := func(lines string) wheel { return wheel{metadata: metadataText("foo", "1.0", lines)} }
	scripts := func(text string) wheel {
		return wheel{more: []member{{"foo-1.0.dist-info/" + entryPoints, text}}}
	}
	out := []ecosystemtest.Lie{
		lie("RECORD leaves a file out", "record-missing", wheel{record: []string{"-pkg.py"}}),
		lie("a file that RECORD never saw", "record-missing", wheel{hidden: []member{{"evil.py", "x"}}}),
		lie("RECORD lists a file that is not there", "record-extra", wheel{record: []string{"gone.py,sha256=AAAA,4"}}),
		lie("RECORD has another digest", "record-hash", wheel{record: []string{"pkg.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,9"}}),
		lie("RECORD has no digest", "record-hash", wheel{record: []string{"pkg.py,,"}}),
		lie("RECORD has a weak digest", "record-hash", wheel{record: []string{"pkg.py,md5=X03MO1qnZdYdgyfeuILPmQ,9"}}),
		lie("RECORD has a padded digest", "record-hash", wheel{record: []string{recordLine("pkg.py", "print(1)\n")[:len("pkg.py,sha256=")+43] + "=,9"}}),
		lie("RECORD has another size", "record-size", wheel{record: []string{strings.TrimSuffix(recordLine("pkg.py", "print(1)\n"), "9") + "10"}}),
		lie("RECORD is not CSV", "record-syntax", wheel{record: []string{`a"b,sha256=AAAA,4`}}),
		lie("RECORD has rows of another shape", "record-syntax", wheel{record: []string{"pkg.py,sha256=AAAA"}}),
		lie("RECORD hides a line break", "record-syntax", wheel{record: []string{"\"a\nb\",sha256=AAAA,4"}}),
		lie("RECORD contradicts itself", "record-duplicate", wheel{record: []string{"foo-1.0.dist-info/RECORD,,\nfoo-1.0.dist-info/RECORD,sha256=AAAA,1"}}),
		lie("no RECORD", "record-missing", wheel{record: nil, dir: "foo-1.0.dist-info", hidden: nil}.without("RECORD")),
		lie("no WHEEL", "wheel-file", wheel{}.without("WHEEL")),
		lie("a WHEEL of the future", "wheel-file", wheel{wheelFile: "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"}),
		lie("a WHEEL that does not say where it goes", "wheel-file", wheel{wheelFile: "Wheel-Version: 1.0\n"}),
		lie("a WHEEL that says it twice", "wheel-file", wheel{wheelFile: "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nRoot-Is-Purelib: false\n"}),
		lie("two .dist-info directories", "dist-info", wheel{more: []member{{"bar-1.0.dist-info/METADATA", metadataText("bar", "1.0", "")}}}),
		lie("two .dist-info directories by case", "dist-info", wheel{more: []member{{"FOO-1.0.DIST-INFO/METADATA", metadataText("bar", "1.0", "")}}}),
		lie("a stray .data directory", "data-directory", wheel{more: []member{{"bar-1.0.data/scripts/x", "#!python\n"}}}),
		lie("a file over another", "data-directory", wheel{more: []member{{"foo-1.0.data/purelib/pkg.py", "print(2)\n"}}}),
		lie("a file over another by case", "data-directory", wheel{more: []member{{"foo-1.0.data/platlib/PKG.py", "print(2)\n"}}}),
		lie("a file over one of the other library", "data-directory", wheel{more: []member{{"foo-1.0.data/platlib/x.py", "1"}, {"foo-1.0.data/purelib/x.py", "2"}}}),
		lie("METADATA over METADATA", "dist-info", wheel{more: []member{{"foo-1.0.data/purelib/foo-1.0.dist-info/METADATA", metadataText("foo", "1.0", "")}}}),
		lie("the .dist-info of another project behind the wheel's", "dist-info", wheel{more: []member{{"foo-1.0.data/platlib/bar-1.0.dist-info/METADATA", metadataText("bar", "1.0", "")}}}),
		lie("a command that climbs out", "entry-point", scripts("[console_scripts]\n../../evil = pkg:main\n")),
		lie("a command with a drive", "entry-point", scripts("[x]\na/b = c\n[gui_scripts]\nC:evil=pkg:main\n")),
		lie("two names", "metadata-duplicate", meta("Name: bar")),
		lie("two versions", "metadata-duplicate", meta("version: 2.0")),
		lie("two Requires-Python", "metadata-duplicate", meta("Requires-Python: >=3\nRequires-Python: >=2")),
		lie("two descriptions", "metadata-duplicate", meta("Description: other")),
		lie("a header that ends early", "metadata-header", meta("no field\nRequires-Dist: evil")),
		lie("a blank before the colon", "metadata-header", meta("Requires-Dist : evil")),
		lie("a bare carriage return", "metadata-control", meta("Summary: x\rRequires-Dist: evil")),
		lie("a NUL", "metadata-control", meta("Summary: x\x00")),
		lie("Latin-1", "metadata-encoding", meta("Author: Andr\xe9")),
		lie("a dependency without a name", "requires-dist", meta("Requires-Dist: >=1.0")),
		{Request: wheel{name: "foo", version: "1.0", metadata: metadataText("foo", "1.0", "Summary: \u009b2Kfine")}.send(t, "a summary that a terminal obeys"), Kind: bonded.Unprintable},
		{Request: wheel{name: "foo", version: "1.0", metadata: metadataText("foo", "1.0", "License: \u202eTIM")}.send(t, "a licence that reads backwards"), Kind: bonded.Unprintable},
		{Request: wheel{name: "foo", version: "1.0", dir: "bar-1.0.dist-info"}.send(t, "a .dist-info of another project"), Kind: bonded.Mismatch, Rule: "dist-info"},
		{Request: wheel{name: "foo", version: "1.0", dir: "foo-1.1.dist-info"}.send(t, "a .dist-info of another version"), Kind: bonded.Mismatch, Rule: "dist-info"},
		lie("a path that climbs out", "path-traversal", wheel{more: []member{{"../evil.py", "x"}}}),
		lie("an absolute path", "absolute-path", wheel{more: []member{{"/evil.py", "x"}}}),
		lie("one path twice", "duplicate-entry", wheel{hidden: []member{{"pkg.py", "print(2)\n"}}}),
		lie("two paths that fall together", "case-collision", wheel{more: []member{{"PKG.py", "x"}}}),
	}
	content := wheel{name: "foo", version: "1.0"}.build(t)
	return append(out,
		ecosystemtest.Lie{Request: upload(t, "no zip at all", "foo-1.0-py3-none-any.whl", []byte("hello"), nil), Kind: bonded.Shape},
		ecosystemtest.Lie{Request: upload(t, "a zip cut short", "foo-1.0-py3-none-any.whl", content[:len(content)-10], nil), Kind: bonded.Shape},
		ecosystemtest.Lie{Request: upload(t, "a tail behind the zip", "foo-1.0-py3-none-any.whl", append(bytes.Clone(content), "tail"...), nil), Kind: bonded.Shape},
		ecosystemtest.Lie{Request: upload(t, "an sdist called wheel", "foo-1.0-py3-none-any.whl", sdistOf(t, "foo-1.0", "foo", "1.0", ""), nil), Kind: bonded.Shape},
		ecosystemtest.Lie{Request: wheel{name: "foo", version: "1.0", more: []member{{"zeros.bin", strings.Repeat("\x00", 40<<20)}}}.send(t, "a bomb"), Kind: bonded.Bound, Rule: "ratio"},
		ecosystemtest.Lie{Request: wheel{name: "foo", version: "1.0", metadata: metadataText("foo", "1.0", strings.Repeat("Requires-Dist: a\n", maxFields+1))}.send(t, "fields without end"), Kind: bonded.Bound, Rule: "metadata-fields"},
		ecosystemtest.Lie{Request: wheel{name: "foo", version: "1.0", metadata: metadataText("foo", "1.0", "Summary: "+randomText(2<<20))}.send(t, "a summary without end"), Kind: bonded.Bound, Rule: "metadata-size"},
	)
}

// without drops one file of the .dist-info directory.
func (w wheel) without(file string) wheel {
	w.name, w.version = "foo", "1.0"
	w.record = append(w.record, "-"+w.distInfo()+"/"+file)
	w.drop = file
	return w
}

// randomText does not compress.
func randomText(n int) string {
	var b strings.Builder
	for x := uint32(1); b.Len() < n; {
		x = x*1664525 + 1013904223
		b.WriteByte('a' + byte(x>>24)%26)
	}
	return b.String()
}

func sdistLies(t testing.TB) []ecosystemtest.Lie {
	info := metadataText("foo", "1.0", "")
	lie := func(about string, kind bonded.AnomalyKind, rule string, files ...member) ecosystemtest.Lie {
		return ecosystemtest.Lie{Request: upload(t, about, "foo-1.0.tar.gz", tarGzOf(t, files...), nil), Kind: kind, Rule: rule}
	}
	return []ecosystemtest.Lie{
		lie("two top-level directories", bonded.Shape, "top-level", member{"foo-1.0/PKG-INFO", info}, member{"bar/x", ""}),
		lie("a file beside the top-level directory", bonded.Shape, "top-level", member{"x", ""}, member{"foo-1.0/PKG-INFO", info}),
		lie("a top-level directory of another version", bonded.Mismatch, "top-level", member{"foo-1.1/PKG-INFO", info}),
		lie("PKG-INFO of another project", bonded.Mismatch, "file-name", member{"foo-1.0/PKG-INFO", metadataText("bar", "1.0", "")}),
		lie("PKG-INFO of another version", bonded.Mismatch, "file-name", member{"foo-1.0/PKG-INFO", metadataText("foo", "2.0", "")}),
		lie("a path that climbs out", bonded.Shape, "path-traversal", member{"foo-1.0/PKG-INFO", info}, member{"foo-1.0/../../evil", ""}),
		{Request: upload(t, "a link out of the tree", "foo-1.0.tar.gz", linkOut(t, info), nil), Kind: bonded.Shape, Rule: "link-escapes"},
		{Request: upload(t, "a wheel called sdist", "foo-1.0.tar.gz", wheel{name: "foo", version: "1.0"}.build(t), nil), Kind: bonded.Shape},
	}
}

func linkOut(t testing.TB, info string) []byte {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	err := w.WriteHeader(&tar.Header{Name: "foo-1.0/PKG-INFO", Size: int64(len(info)), Mode: 0o644})
	if err == nil {
		_, err = w.Write([]byte(info))
	}
	if err == nil {
		err = w.WriteHeader(&tar.Header{Name: "foo-1.0/passwd", Linkname: "../../etc/passwd", Typeflag: tar.TypeSymlink})
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = gz.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
