package archivetest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
)

// Case is one hostile archive.
type Case struct {
	Name string
	// Rule is the id of the rule that it breaks. It may break others as well,
	// of which the reader need not speak.
	Rule string
	// Build makes it around entries that are fine by themselves.
	Build func(base ...Entry) []byte
}

// with is a case that adds entries to the base.
func with(name, rule string, write func(...Entry) []byte, more ...Entry) Case {
	return Case{name, rule, func(base ...Entry) []byte { return write(join(base, more...)...) }}
}

// raw is a case that changes the tar of the base before it is compressed.
func raw(name, rule string, change func(tar []byte) []byte) Case {
	return Case{name, rule, func(base ...Entry) []byte { return Gzip(change(Tar(base...))) }}
}

// whole is a case that changes the finished archive.
func whole(name, rule string, write func(...Entry) []byte, change func([]byte) []byte) Case {
	return Case{name, rule, func(base ...Entry) []byte { return change(write(base...)) }}
}

func join(base []Entry, more ...Entry) []Entry {
	return append(append([]Entry{}, base...), more...)
}

func set(at int, s string) func([]byte) { return func(b []byte) { copy(b[at:], s) } }

// nameCases are about paths and what they make together. They are the same
// for every kind of archive.
func nameCases(write func(...Entry) []byte) []Case {
	c := func(name, rule string, more ...Entry) Case { return with(name, rule, write, more...) }
	return []Case{
		c("dot dot", "path-traversal", File("../evil", "x")),
		c("dot dot inside", "path-traversal", File("a/../../evil", "x")),
		c("dot dot that stays inside", "path-traversal", File("a/../b", "x")),
		c("absolute", "absolute-path", File("/etc/evil", "x")),
		c("drive letter", "absolute-path", File("C:/evil", "x")),
		c("drive letter after a segment", "absolute-path", File("package/c:/evil", "x")),
		c("backslashes", "backslash-path", File(`..\..\evil`, "x")),
		c("dot segment", "dot-segment", File("./package/x", "x")),
		c("empty segment", "dot-segment", File("package//x", "x")),
		c("line break in a name", "control-character", File("package/a\nb", "x")),
		c("terminal escape in a name", "control-character", File("package/\x1b[2J", "x")),
		c("right-to-left override in a name", "control-character", File("package/a\u202egpj.js", "x")),
		c("not UTF-8", "name-encoding", File("package/\xff\xfe", "x")),
		c("duplicate", "duplicate-entry", File("dup", "one"), File("dup", "two")),
		c("case collision", "case-collision", File("dup", "one"), File("DUP", "two")),
		c("case collision of a folder with a file", "case-collision", File("dup", "one"), File("Dup/x", "two")),
		c("case collision beyond ASCII", "case-collision", File("\u212aelvin", "one"), File("kelvin", "two")),
		c("trailing dot", "case-collision", File("dup", "one"), File("dup.", "two")),
		c("unicode collision", "unicode-collision", File("\u00e9", "one"), File("e\u0301", "two")),
		c("file used as a folder", "type-conflict", File("a.d", "x"), File("a.d/b", "x")),
		c("folder turned into a file", "type-conflict", File("a.d/b", "x"), File("a.d", "x")),
		c("name too long", "name-too-long", named(strings.Repeat("n", 2000))),
		c("too deep", "too-deep", named(strings.Repeat("d/", 80)+"x")),
		c("nothing but a slash", "empty-path", Dir("")),
	}
}

// named is a file with a name that no ustar header holds.
func named(name string) Entry {
	return Entry{Name: name, Body: "x", PAX: [][2]string{{"path", name}}}
}

// TarGzCases are the hostile tar.gz archives.
func TarGzCases() []Case {
	cases := nameCases(TarGz)
	cases = append(cases, tarLinkCases()...)
	cases = append(cases, tarHeaderCases()...)
	cases = append(cases, tarExtensionCases()...)
	return append(cases, gzipCases()...)
}

func tarLinkCases() []Case {
	c := func(name, rule string, more ...Entry) Case { return with(name, rule, TarGz, more...) }
	return []Case{
		c("symlink to an absolute path", "link-escapes", Symlink("l", "/etc/passwd")),
		c("symlink upwards", "link-escapes", Symlink("d/l", "../../x")),
		c("symlink to a drive", "link-escapes", Symlink("l", "C:/x")),
		c("symlink with backslashes", "backslash-path", Symlink("l", `..\x`)),
		c("symlink that escapes through another", "link-escapes",
			Symlink("a/b/c/up", "../../.."), Symlink("out", "a/b/c/up/../../x")),
		c("symlink that escapes through another in other case", "link-escapes",
			Symlink("a/b/c/UP", "../../.."), Symlink("out", "a/b/c/up/../x")),
		c("symlink loop", "link-escapes", Symlink("l", "m"), Symlink("m", "l")),
		c("file through a symlink", "through-link", Symlink("l", "d"), File("l/x", "x")),
		c("file through a symlink in other case", "through-link", Symlink("l", "d"), File("L/x", "x")),
		c("symlink over a folder", "type-conflict", File("l/x", "x"), Symlink("l", "d")),
		c("symlink, then a file in its place", "duplicate-entry", Symlink("l", "d"), File("l", "x")),
		c("hard link out", "link-escapes", Hardlink("h", "/etc/passwd")),
		c("hard link upwards", "link-escapes", Hardlink("h", "../x")),
		c("hard link to a later file", "hard-link", Hardlink("h", "later"), File("later", "x")),
		c("hard link to a symlink", "hard-link", Symlink("l", "d"), Hardlink("h", "l")),
		c("hard link to itself", "hard-link", Hardlink("h", "h")),
		c("character device", "special-file", Entry{Name: "dev", Type: '3'}),
		c("block device", "special-file", Entry{Name: "dev", Type: '4'}),
		c("fifo", "special-file", Entry{Name: "pipe", Type: '6'}),
		c("contiguous file", "unknown-type", Entry{Name: "c", Type: '7', Body: "x"}),
		c("GNU sparse file", "unknown-type", Entry{Name: "s", Type: 'S', Body: "x"}),
		c("GNU dump directory", "unknown-type", Entry{Name: "D", Type: 'D', Body: "x"}),
		c("setuid file", "setuid", Entry{Name: "su", Mode: 0o4755}),
		c("directory with content", "directory-with-data", Entry{Name: "d/", Type: '5', Body: "hidden"}),
		c("symlink with content", "directory-with-data", Entry{Name: "l", Type: '2', Link: "d", Body: "hidden"}),
		c("regular file named like a directory", "type-conflict", Entry{Name: "d/", Body: "x"}),
		c("regular file with a link target", "header-format", Entry{Name: "f", Link: "g", Body: "x"}),
		c("symlink without a target", "header-format", Entry{Name: "f", Type: '2'}),
	}
}

func tarHeaderCases() []Case {
	c := func(name, rule string, header func([]byte)) Case {
		return with(name, rule, TarGz, Entry{Name: "t", Body: "x", Header: header})
	}
	return []Case{
		c("name of zero bytes", "empty-path", set(0, "\x00")),
		c("negative size", "header-format", set(124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
		c("binary size", "header-format", set(124, "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")),
		c("size with a sign", "header-format", set(124, "-0000000001\x00")),
		c("size with an 0o prefix", "header-format", set(124, "0o00000001\x00\x00")),
		c("size with an underscore", "header-format", set(124, "0000_000001\x00")),
		c("size after a zero byte", "header-format", set(124, "\x000000000001")),
		c("a user id that is no number", "header-format", set(108, "nobody\x00\x00")),
		c("a device number that is no number", "header-format", set(329, "nodev\x00\x00\x00")),
		c("unknown magic", "header-format", set(257, "ustar\x0099")),
		c("GNU magic with a prefix", "header-format", func(b []byte) { copy(b[257:], "ustar  \x00"); copy(b[345:], "hidden") }),
		c("a line break behind the name", "header-format", set(0, "t\x00\nevil")),
		c("a line break behind the prefix", "header-format", set(345, "p\x00\nevil")),
		c("a digit where a long prefix ends", "header-format", set(475, "7")),
		c("a user id of 56 bits", "header-format", set(108, "\x80\xff\xff\xff\xff\xff\xff\xff")),
		c("star trailer", "header-format", set(508, "tar\x00")),
		c("entry larger than allowed", "entry-too-large", set(124, "77777777777\x00")),
		raw("wrong checksum", "bad-checksum", func(b []byte) []byte { b[0] ^= 1; return b }),
		raw("content cut", "truncated", func(b []byte) []byte { return b[:blockSize+100] }),
		raw("no end of archive", "truncated", func(b []byte) []byte { return b[:len(b)-2*blockSize] }),
		raw("data after the end of archive", "trailing-data", func(b []byte) []byte { return append(b, TarEntries(File("late", "x"))...) }),
		raw("entries after a single zero block", "trailing-data", func(b []byte) []byte {
			return append(b[:len(b)-blockSize], Tar(File("late", "x"))...)
		}),
	}
}

func tarExtensionCases() []Case {
	c := func(name, rule string, more ...Entry) Case { return with(name, rule, TarGz, more...) }
	pax := func(kv ...[2]string) Entry { return Entry{Name: "t", Body: "content", PAX: kv} }
	return []Case{
		c("pax size below the header's", "pax-override", pax([2]string{"size", "0"})),
		c("pax size above the header's", "pax-override", pax([2]string{"size", "1024"})),
		c("pax size that is negative", "pax-override", pax([2]string{"size", "-7"})),
		c("pax path upwards", "path-traversal", pax([2]string{"path", "../evil"})),
		c("pax path with a zero byte", "control-character", pax([2]string{"path", "good\x00evil"})),
		c("pax path that is empty", "empty-path", pax([2]string{"path", ""})),
		c("pax link target for a file", "header-format", pax([2]string{"linkpath", "x"})),
		c("pax sparse map", "pax-override", pax([2]string{"GNU.sparse.major", "1"}, [2]string{"GNU.sparse.name", "evil"})),
		c("pax type", "pax-override", pax([2]string{"type", "2"})),
		c("pax character set", "pax-override", pax([2]string{"hdrcharset", "BINARY"})),
		c("pax record in a record", "pax-override", pax([2]string{"comment", "x\n13 path=evil"})),
		c("pax key twice", "pax-header", pax([2]string{"path", "one"}, [2]string{"path", "two"})),
		c("pax record with a wrong length", "pax-header", Entry{Name: "x", Type: 'x', Body: "99 path=evil\n"}, File("t", "x")),
		c("pax header without an entry", "pax-header", Entry{Name: "x", Type: 'x', Body: Record("path", "evil")}),
		c("global pax header without an entry", "pax-header", Entry{Name: "g", Type: 'g', Body: Record("comment", "c")}),
		c("global pax path", "pax-override", Entry{Name: "g", Type: 'g', Body: Record("path", "evil")}, File("t", "x")),
		c("two pax headers", "conflicting-names", Entry{Name: "x", Type: 'x', Body: Record("path", "one")}, pax([2]string{"path", "two"})),
		c("pax and GNU names", "conflicting-names", Entry{Name: "t", Body: "x", PAX: [][2]string{{"path", "one"}}, LongName: "two"}),
		c("two GNU names", "conflicting-names", Entry{Name: "././@LongLink", Type: 'L', Body: "one\x00"}, Entry{Name: "t", LongName: "two"}),
		c("GNU name with a link target", "header-format", Entry{Name: "././@LongLink", Type: 'L', Link: "x", Body: "t\x00"}, File("t", "x")),
		c("GNU name with a tail", "header-format", Entry{Name: "t", LongName: "good\x00evil"}),
		c("GNU name that goes on in the padding", "header-format",
			Entry{Name: "././@LongLink", Type: 'L', Body: "good.evil\x00", Header: set(124, "00000000004\x00")}, File("t", "x")),
		c("pax record in the padding", "header-format",
			Entry{Name: "x", Type: 'x', Body: Record("comment", "c") + Record("path", "evil"), Header: set(124, "00000000015\x00")}, File("t", "x")),
		c("GNU name upwards", "path-traversal", Entry{Name: "t", LongName: "../evil"}),
		c("huge pax header", "header-too-large", Entry{Name: "x", Type: 'x', Body: strings.Repeat("n", 1<<20+1)}, File("t", "x")),
	}
}

func gzipCases() []Case {
	return []Case{
		whole("data after the gzip stream", "trailing-data", TarGz, func(b []byte) []byte { return append(b, "hidden"...) }),
		whole("zip after the gzip stream", "polyglot", TarGz, func(b []byte) []byte { return append(b, Zip(File("evil", "x"))...) }),
		{"two members", "multiple-gzip-members", func(base ...Entry) []byte { return TwoMembers(base...) }},
		{"zip in a stored block", "polyglot", StoredZip},
		whole("reserved gzip flag", "gzip-header", TarGz, func(b []byte) []byte { b[3] |= 0x20; return b }),
		whole("wrong gzip checksum", "bad-crc", TarGz, func(b []byte) []byte { b[len(b)-8] ^= 1; return b }),
		whole("wrong gzip length", "bad-crc", TarGz, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		whole("gzip cut", "truncated", TarGz, func(b []byte) []byte { return b[:len(b)-9] }),
		whole("not gzip", "unreadable", Tar, func(b []byte) []byte { return b }),
		whole("corrupt deflate", "unreadable", TarGz, func(b []byte) []byte { return append(b[:10:10], 7, 7, 7, 7) }),
		{"bomb", "ratio", func(base ...Entry) []byte { return Bomb(64<<20, base...) }},
		{"too many entries", "too-many-entries", func(base ...Entry) []byte { return ManyEntries(100_001, base...) }},
	}
}

// TwoMembers cuts the tar in two and compresses each half.
func TwoMembers(entries ...Entry) []byte {
	t := Tar(entries...)
	return append(Gzip(t[:blockSize]), Gzip(t[blockSize:])...)
}

// StoredZip holds a zip as the last file, in a gzip stream that does not
// compress: the whole file then passes for a zip with something before it.
func StoredZip(base ...Entry) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.NoCompression)
	must(0, err)
	must(z.Write(Tar(join(base, File("fixture.zip", string(Zip(File("evil", "x")))))...)))
	must(0, z.Close())
	return out.Bytes()
}

// Bomb ends with a file of size zero bytes. It never holds more than what it
// returns, about a thousandth.
func Bomb(size int64, base ...Entry) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	must(z.Write(TarEntries(base...)))
	must(z.Write(TarEntries(Entry{Name: "bomb", Header: set(124, fmt.Sprintf("%011o\x00", size))})))
	_, err := io.CopyN(z, zeros{}, size+(-size&(blockSize-1))+2*blockSize)
	must(0, err)
	must(0, z.Close())
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// ManyEntries ends with n empty files.
func ManyEntries(n int, base ...Entry) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	must(0, err)
	must(z.Write(TarEntries(base...)))
	for i := range n {
		must(z.Write(TarEntries(File(fmt.Sprintf("many/%07d", i), ""))))
	}
	must(z.Write(make([]byte, 2*blockSize)))
	must(0, z.Close())
	return out.Bytes()
}
