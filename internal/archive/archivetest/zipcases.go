package archivetest

import (
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// ZipCases are the hostile zips.
func ZipCases() []Case {
	cases := nameCases(Zip)
	cases = append(cases, zipEntryCases()...)
	cases = append(cases, zipHeaderCases()...)
	return append(cases, zipLayoutCases()...)
}

func zipEntryCases() []Case {
	c := func(name, rule string, more ...Entry) Case { return with(name, rule, Zip, more...) }
	e := Entry{Name: "t", Body: "content"}
	return []Case{
		c("empty name", "empty-path", File("", "x")),
		c("zero byte in a name", "control-character", File("good\x00evil", "x")),
		c("symlink out", "link-escapes", Symlink("l", "../x")),
		c("symlink inside", "link-in-zip", Symlink("l", "d")),
		c("file through a symlink", "through-link", Symlink("l", "d"), File("l/x", "x")),
		c("fifo by its mode", "special-file", e.central(Put32(CentralAttrs, 0o010644<<16))),
		c("directory by its mode only", "type-conflict", e.central(Put32(CentralAttrs, 0o040755<<16))),
		c("setuid file", "setuid", Entry{Name: "su", Mode: 0o4755}),
		c("directory with content", "directory-with-data", Entry{Name: "d/", Type: '5', Body: "hidden"}),
		c("encrypted", "encrypted", e.both(LocalFlags, CentralFlags, 1)),
		c("strong encryption", "encrypted", e.both(LocalFlags, CentralFlags, 1<<6|1)),
		c("masked headers", "encrypted", e.both(LocalFlags, CentralFlags, 1<<13)),
		c("patched data", "unknown-flag", e.both(LocalFlags, CentralFlags, 1<<5)),
		c("reserved flag", "unknown-flag", e.both(LocalFlags, CentralFlags, 1<<14)),
		c("version that nobody reads", "unknown-version", e.both(LocalVersion, CentralVersion, 99)),
		c("bzip2", "unknown-compression", e.both(LocalMethod, CentralMethod, 12)),
		c("deflate64", "unknown-compression", e.both(LocalMethod, CentralMethod, 9)),
		c("a name in no declared code page", "name-encoding", Entry{Name: "caf\u00e9", Body: "x"}.both(LocalFlags, CentralFlags, 0)),
		c("wrong checksum in both headers", "bad-crc", e.both32(LocalCRC, CentralCRC, 1)),
		c("more content than stated", "size-mismatch", e.both32(LocalUnpacked, CentralUnpacked, 3)),
		c("less content than stated", "size-mismatch", e.both32(LocalUnpacked, CentralUnpacked, 300)),
		c("stored with two sizes", "size-mismatch", Entry{Name: "t", Body: "content", Store: true}.both32(LocalUnpacked, CentralUnpacked, 5)),
		c("entry larger than allowed", "entry-too-large", e.both32(LocalUnpacked, CentralUnpacked, math.MaxUint32-1)),
		{"bomb", "ratio", func(base ...Entry) []byte { return ZipBomb(64<<20, base...) }},
		{"too many entries", "too-many-entries", func(base ...Entry) []byte { return ManyZipEntries(100_001, base...) }},
	}
}

func zipHeaderCases() []Case {
	c := func(name, rule string, more ...Entry) Case { return with(name, rule, Zip, more...) }
	e := Entry{Name: "t", Body: "content"}
	d := Entry{Name: "t", Body: "content", Descriptor: true}
	return []Case{
		c("other name in the local header", "local-header-mismatch", LocalName("t", "u")),
		c("longer name in the local header", "local-header-mismatch", LocalName("t", "../evil")),
		c("other method in the local header", "local-header-mismatch", e.local(Put16(LocalMethod, 0))),
		c("other flags in the local header", "local-header-mismatch", e.local(Put16(LocalFlags, 1<<3))),
		c("other checksum in the local header", "local-header-mismatch", e.local(Put32(LocalCRC, 1))),
		c("other packed size in the local header", "local-header-mismatch", e.local(Put32(LocalPacked, 1))),
		c("other size in the local header", "local-header-mismatch", e.local(Put32(LocalUnpacked, 1))),
		c("sizes of zero in the local header", "local-header-mismatch", e.local(func(b []byte) { clear(b[LocalCRC : LocalCRC+12]) })),
		c("no local header at the offset", "local-header-mismatch", e.central(Put32(CentralOffset, 1))),
		c("offset behind the directory", "local-header-mismatch", e.central(Put32(CentralOffset, 1<<30))),
		c("descriptor with other sizes", "data-descriptor", d, Entry{Name: "u", Body: "x", Before: make([]byte, 4)}),
		c("descriptor on a stored entry", "data-descriptor", Entry{Name: "t", Body: "content", Store: true, Descriptor: true}),
		c("zip64 lie in the directory", "zip64-mismatch", Zip64Lie("t", "content")),
		c("zip64 without need", "zip64-mismatch", Entry{Name: "t", Body: "content", CentralExtra: Zip64Extra(7)}),
		c("zip64 with other sizes in the local header", "local-header-mismatch", Entry{Name: "t", Body: "content",
			LocalExtra: Zip64Extra(1<<33, 1<<33), Local: func(b []byte) { copy(b[LocalPacked:], "\xff\xff\xff\xff\xff\xff\xff\xff") }}),
		c("zip64 with one value in the local header", "zip64-mismatch", Entry{Name: "t", Body: "content", LocalExtra: Zip64Extra(7)}),
		c("unicode path in the directory", "unicode-path", Entry{Name: "t", Body: "x", CentralExtra: UnicodePath("t", "../evil")}),
		c("unicode path in the local header", "unicode-path", Entry{Name: "t", Body: "x", LocalExtra: UnicodePath("t", "u")}),
		c("extra field twice", "extra-field", Entry{Name: "t", Body: "x", CentralExtra: append(Extra(0xcafe, nil), Extra(0xcafe, nil)...)}),
		c("extra field cut", "extra-field", Entry{Name: "t", Body: "x", CentralExtra: []byte{1, 0, 200, 0}}),
		c("bytes after the compressed data", "hidden-data", HiddenTail("t", "content")),
		c("compressed data cut", "truncated", ShortData("t", "content")),
		c("bytes between entries", "hidden-data", File("t", "x"), Entry{Name: "u", Body: "x", Before: []byte("hidden")}),
		c("entry without a directory record", "hidden-data", Entry{Name: "secret", Body: "x", NoCentral: true}, File("u", "x")),
	}
}

func zipLayoutCases() []Case {
	lay := func(name, rule string, f func(p Parts) []byte) Case {
		return Case{name, rule, func(base ...Entry) []byte { return f(ZipParts(base...)) }}
	}
	return []Case{
		whole("data after the archive", "trailing-data", Zip, func(b []byte) []byte { return append(b, "hidden"...) }),
		whole("data before the archive", "prepended-data", Zip, func(b []byte) []byte { return append([]byte("#!/bin/sh\n"), b...) }),
		{"data before the archive, offsets adjusted", "prepended-data", func(base ...Entry) []byte {
			base = join(base)
			base[0].Before = []byte("#!/bin/sh\n")
			return Zip(base...)
		}},
		whole("two archives", "prepended-data", Zip, func(b []byte) []byte { return append(b, Zip(File("evil", "x"))...) }),
		lay("end record in the comment", "second-directory", func(p Parts) []byte {
			return p.Join(string(EndRecord(0, 0, 0, "")))
		}),
		lay("end record in the comment with the right length", "second-directory", TwoEnds),
		lay("local header in the comment", "second-directory", func(p Parts) []byte { return p.Join("PK\x03\x04") }),
		lay("count too small", "entry-count", func(p Parts) []byte { p.Count--; return p.Join("") }),
		lay("count too large", "entry-count", func(p Parts) []byte { p.Count++; return p.Join("") }),
		whole("on a second disk", "entry-count", Zip, func(b []byte) []byte { b[len(b)-18] = 1; return b }),
		lay("a gap before the directory", "hidden-data", func(p Parts) []byte {
			p.Entries = append(p.Entries, "hidden"...)
			return p.Join("")
		}),
		lay("a gap behind the directory", "unreadable", func(p Parts) []byte {
			b := append(append(append([]byte{}, p.Entries...), p.Directory...), "hidden"...)
			return append(b, EndRecord(p.Count, len(p.Directory), len(p.Entries), "")...)
		}),
		lay("zip64 end record that is not needed", "zip64-mismatch", func(p Parts) []byte {
			return joinZip64(p, p.Count, EndRecord(p.Count, len(p.Directory), len(p.Entries), ""), 0)
		}),
		lay("zip64 end record with another count", "zip64-mismatch", func(p Parts) []byte {
			return joinZip64(p, p.Count+1, EndRecord(p.Count, len(p.Directory), len(p.Entries), ""), 0)
		}),
		lay("zip64 locator that points elsewhere", "zip64-mismatch", func(p Parts) []byte {
			return joinZip64(p, p.Count, EndRecord(math.MaxUint16, -1, -1, ""), 1)
		}),
		lay("zip64 locator alone", "zip64-mismatch", func(p Parts) []byte {
			b := append(append([]byte{}, p.Entries...), p.Directory...)
			b = append(b, End64(0, 0, 0, 0)[56:]...)
			return append(b, EndRecord(p.Count, len(p.Directory), len(p.Entries), "")...)
		}),
		{"overlapping entries", "overlapping-entries", Overlapping},
		{"one content for two entries", "overlapping-entries", func(base ...Entry) []byte {
			at := uint32(len(ZipParts(base...).Entries))
			return Zip(join(base, File("twin", "x"), File("twin", "x").central(Put32(CentralOffset, at)))...)
		}},
		whole("cut", "truncated", Zip, func(b []byte) []byte { return b[:len(b)-1] }),
		whole("not a zip", "truncated", Tar, func(b []byte) []byte { return b }),
	}
}

func (e Entry) local(f func([]byte)) Entry   { e.Local = f; return e }
func (e Entry) central(f func([]byte)) Entry { e.Central = f; return e }

func (e Entry) both(local, central int, v uint16) Entry {
	return e.local(Put16(local, v)).central(Put16(central, v))
}

func (e Entry) both32(local, central int, v uint32) Entry {
	return e.local(Put32(local, v)).central(Put32(central, v))
}

// LocalName is a file that its local header calls otherwise.
func LocalName(name, local string) Entry {
	return Entry{Name: name, LocalName: local, Body: "content"}
}

// Zip64Lie is a file whose directory record defers to a zip64 field that
// says another size than the local header.
func Zip64Lie(name, body string) Entry {
	return Entry{Name: name, Body: body, CentralExtra: Zip64Extra(3), Central: Put32(CentralUnpacked, math.MaxUint32)}
}

// HiddenTail is a file with bytes behind its compressed data that both headers
// count as part of it.
func HiddenTail(name, body string) Entry {
	packed := deflate(body)
	tail := string(packed) + "hidden"
	e := Entry{Name: name, Body: tail, Store: true}
	return e.rewrite(body)
}

// ShortData is a file whose compressed data ends early.
func ShortData(name, body string) Entry {
	packed := deflate(body)
	return Entry{Name: name, Body: string(packed[:len(packed)/2]), Store: true}.rewrite(body)
}

// rewrite makes an entry whose stored body is compressed data look deflated.
func (e Entry) rewrite(body string) Entry {
	fix := func(method, crc, unpacked int) func([]byte) {
		return func(b []byte) {
			le.PutUint16(b[method:], 8)
			le.PutUint32(b[crc:], crc32.ChecksumIEEE([]byte(body)))
			le.PutUint32(b[unpacked:], uint32(len(body)))
		}
	}
	return e.local(fix(LocalMethod, LocalCRC, LocalUnpacked)).central(fix(CentralMethod, CentralCRC, CentralUnpacked))
}

// TwoEnds has a comment that is itself an end record, which reaches to the end
// of the file like the true one.
func TwoEnds(p Parts) []byte {
	other := EndRecord(0, 0, len(p.Entries)+len(p.Directory)+endRecordLen, "")
	return p.Join(string(other))
}

const endRecordLen = 22

func joinZip64(p Parts, count int, end []byte, shift int) []byte {
	b := append(append([]byte{}, p.Entries...), p.Directory...)
	b = append(b, End64(count, len(p.Directory), len(p.Entries), len(b)+shift)...)
	return append(b, end...)
}

// Overlapping has a stored file whose content is another entry: to the
// directory there are two files, to who reads from the front one.
func Overlapping(base ...Entry) []byte {
	inner := ZipParts(File("inner", "x"))
	outer := Entry{Name: "outer", Body: string(inner.Entries), Store: true}
	at := len(ZipParts(base...).Entries) + 30 + len(outer.Name)
	p := ZipParts(join(base, outer)...)
	le.PutUint32(inner.Directory[CentralOffset:], uint32(at))
	p.Directory = append(p.Directory, inner.Directory...)
	p.Count++
	return p.Join("")
}

// ZipBomb ends with a file of size zero bytes.
func ZipBomb(size int64, base ...Entry) []byte {
	var packed bytes.Buffer
	z, err := flate.NewWriter(&packed, flate.DefaultCompression)
	must(0, err)
	sum := crc32.NewIEEE()
	_, err = io.CopyN(io.MultiWriter(z, sum), zeros{}, size)
	must(0, err)
	must(0, z.Close())
	fix := func(method, crc, unpacked int) func([]byte) {
		return func(b []byte) {
			le.PutUint16(b[method:], 8)
			le.PutUint32(b[crc:], sum.Sum32())
			le.PutUint32(b[unpacked:], uint32(size))
		}
	}
	bomb := Entry{Name: "bomb", Body: packed.String(), Store: true}
	bomb = bomb.local(fix(LocalMethod, LocalCRC, LocalUnpacked)).central(fix(CentralMethod, CentralCRC, CentralUnpacked))
	return Zip(join(base, bomb)...)
}

// ManyZipEntries ends with n empty files.
func ManyZipEntries(n int, base ...Entry) []byte {
	entries := join(base)
	for i := range n {
		entries = append(entries, Entry{Name: fmt.Sprintf("many/%07d", i), Store: true})
	}
	p := ZipParts(entries...)
	b := append(append([]byte{}, p.Entries...), p.Directory...)
	b = append(b, End64(p.Count, len(p.Directory), len(p.Entries), len(b))...)
	return append(b, EndRecord(math.MaxUint16, len(p.Directory), len(p.Entries), "")...)
}
