package archive

import (
	"compress/flate"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"strings"
	"unicode/utf8"
)

// Bits of the general purpose flag (APPNOTE 4.4.4).
const (
	flagEncrypted  = 1 << 0
	flagLevel      = 3 << 1 // how hard the writer tried
	flagDescriptor = 1 << 3
	flagPatch      = 1 << 5
	flagStrong     = 1 << 6
	flagUTF8       = 1 << 11
	flagMasked     = 1 << 13

	flagKnown = flagLevel | flagDescriptor | flagUTF8
)

// Compression methods (APPNOTE 4.4.5).
const (
	methodStore   = 0
	methodDeflate = 8
)

// zipEntry is a record of the central directory.
type zipEntry struct {
	name             string
	version          byte // of the format, needed to extract
	flags, method    uint16
	crc              uint32
	packed, unpacked int64
	offset           int64 // of the local header, base added
	data             int64 // of the content, once the local header was read
	mode             fs.FileMode
}

// readDirectoryRecord reads one record of the central directory (APPNOTE
// 4.3.12) and returns its length.
func (w *walk) readDirectoryRecord(off, end int64) (zipEntry, int64, error) {
	b, ok := w.src.at(off, directoryLen)
	if !ok || off+directoryLen > end || string(b[:4]) != sigDirectory {
		return zipEntry{}, 0, w.stop(Unreadable, "", "no central directory record at byte %d", off)
	}
	e := zipEntry{version: b[6], flags: le.Uint16(b[8:]), method: le.Uint16(b[10:]), crc: le.Uint32(b[16:])}
	packed, unpacked, offset := uint64(le.Uint32(b[20:])), uint64(le.Uint32(b[24:])), uint64(le.Uint32(b[42:]))
	nameLen, extraLen, commentLen := int(le.Uint16(b[28:])), int(le.Uint16(b[30:])), int(le.Uint16(b[32:]))
	disk, host, attrs := le.Uint16(b[34:]), b[5], le.Uint32(b[38:])
	n := int64(directoryLen + nameLen + extraLen + commentLen)
	if n > end-off {
		return e, 0, w.stop(Truncated, "", "the central directory ends in the record at byte %d", off)
	}
	if nameLen > w.limits.NameLength {
		return e, 0, w.stop(NameTooLong, "", "a name of %d bytes, %d are allowed", nameLen, w.limits.NameLength)
	}
	b, ok = w.src.at(off+directoryLen, nameLen+extraLen)
	if !ok {
		return e, 0, w.stop(Truncated, "", "the central directory ends in the record at byte %d", off)
	}
	e.name = string(b[:nameLen])
	if disk != 0 {
		w.note(EntryCount, e.name, "on disk %d", disk)
	}
	w.checkExtra(e.name, b[nameLen:], &unpacked, &packed, &offset)
	if packed > math.MaxInt64/4 || unpacked > math.MaxInt64/4 || offset > math.MaxInt64/4 {
		return e, 0, w.stop(Zip64Mismatch, e.name, "a size or offset of more than 61 bits")
	}
	e.packed, e.unpacked, e.offset = int64(packed), int64(unpacked), int64(offset)
	e.mode = zipMode(host, attrs)
	return e, n, nil
}

// zipMode maps the upper half of the external attributes, where Unix systems
// keep a mode. Python writes one there under the host id of DOS, too, and pip
// and unzip differ in whether they look at the id; so it always counts.
func zipMode(host byte, attrs uint32) fs.FileMode {
	m := int64(attrs >> 16)
	mode := tarMode(m)
	switch m & 0o170000 {
	case 0o120000:
		mode |= fs.ModeSymlink
	case 0o040000:
		mode |= fs.ModeDir
	case 0, 0o100000:
	default:
		mode |= fs.ModeIrregular
	}
	const dosDirectory = 0x10
	if host == 0 && m == 0 && attrs&dosDirectory != 0 {
		mode |= fs.ModeDir
	}
	return mode
}

// zipReader reads entries in file order.
type zipReader struct {
	w     *walk
	dir   directory
	in    span
	meter meter
	flate io.ReadCloser
	end   int64 // of the entry before
}

// entry reads the local header and the content of one entry. next is where the
// following one, or the central directory, begins.
func (z *zipReader) entry(e *zipEntry, next int64) error {
	w := z.w
	if e.offset > z.end {
		rule := HiddenData
		if z.end == z.dir.base {
			rule = PrependedData
		}
		w.note(rule, e.name, "%d bytes before the entry", e.offset-z.end)
	}
	if e.offset < z.end {
		w.note(OverlappingEntries, e.name, "begins %d bytes before the end of the entry before", z.end-e.offset)
	}
	local, err := z.localHeader(e)
	if err != nil {
		return err
	}
	if z.end = e.data + e.packed; z.end > next {
		w.note(OverlappingEntries, e.name, "runs %d bytes into what follows", z.end-next)
	}
	if z.end > z.dir.offset {
		return errStop
	}
	if e.flags&flagDescriptor != 0 {
		z.descriptor(e, next, local)
	}
	return z.member(e)
}

// member takes the entry into the inventory and reads its content.
func (z *zipReader) member(e *zipEntry) error {
	w := z.w
	if err := w.claim(e.name, e.unpacked); err != nil {
		return err
	}
	z.checkVersion(e, e.version)
	readable := z.checkFlags(e)
	m := Entry{Path: e.name, Type: File, Mode: e.mode &^ fs.ModeType}
	isDir := strings.HasSuffix(e.name, "/")
	switch {
	case isDir:
		m.Type, m.Path = Dir, e.name[:len(e.name)-1]
	case e.mode&fs.ModeSymlink != 0:
		m.Type = Symlink
	case e.mode&fs.ModeIrregular != 0:
		m.Type = Other
		w.note(SpecialFile, e.name, "by its mode")
	}
	if e.mode&fs.ModeDir != 0 && !isDir || e.mode&fs.ModeSymlink != 0 && isDir {
		w.note(TypeConflict, e.name, "its mode and its name differ about a directory")
	}
	p, err := w.admit(m)
	if err != nil {
		return err
	}
	if isDir && (e.unpacked != 0 || e.crc != 0) {
		w.note(DirWithData, e.name, "%d bytes", e.unpacked)
	}
	if !readable || isDir && e.packed == 0 {
		return nil
	}
	if m.Type == Symlink {
		return z.link(e, p)
	}
	return z.content(e, p)
}

// link reads a symbolic link's target. unzip makes a link of it, zipfile and
// pip a file: that alone is two archives in one.
func (z *zipReader) link(e *zipEntry, p *Entry) error {
	z.w.note(ZipLink, e.name, "")
	if e.unpacked > int64(z.w.limits.NameLength) {
		return z.w.stop(NameTooLong, e.name, "a link target of %d bytes", e.unpacked)
	}
	var target strings.Builder
	sum := crc32.NewIEEE()
	if err := z.unpack(e, func(r io.Reader) error {
		_, err := io.Copy(&target, io.TeeReader(r, sum))
		p.Size = int64(target.Len())
		return err
	}, p, sum); err != nil {
		return err
	}
	p.Link = target.String()
	return nil
}

func (z *zipReader) content(e *zipEntry, p *Entry) error {
	sum := crc32.NewIEEE()
	return z.unpack(e, func(r io.Reader) error {
		return z.w.content(p, io.TeeReader(r, sum))
	}, p, sum)
}

// unpack has read consume the entry's content and holds what came out, and
// what it was made of, against the headers.
func (z *zipReader) unpack(e *zipEntry, read func(io.Reader) error, p *Entry, sum hash.Hash32) error {
	w := z.w
	z.in.off, z.in.end = e.data, e.data+e.packed
	z.meter.r = &z.in
	if e.method == methodDeflate {
		if z.flate == nil {
			z.flate = flate.NewReader(&z.in)
		} else if err := z.flate.(flate.Resetter).Reset(&z.in, nil); err != nil {
			return w.broken(e.name, err)
		}
		z.meter.r = z.flate
	}
	// One byte more than stated shows that there are more.
	if err := read(&io.LimitedReader{R: &z.meter, N: e.unpacked + 1}); err != nil {
		return w.broken(e.name, err)
	}
	switch {
	case p.Size != e.unpacked:
		w.note(SizeMismatch, e.name, "the headers state %d bytes, the content differs", e.unpacked)
	case z.in.off != z.in.end:
		w.note(HiddenData, e.name, "%d bytes after the compressed data", z.in.end-z.in.off)
	case sum.Sum32() != e.crc:
		w.note(BadCRC, e.name, "crc32 %08x, the headers state %08x", sum.Sum32(), e.crc)
	}
	return nil
}

// checkVersion notes a version that zipfile does not extract. What we read
// needs 2.0, or 4.5 with zip64; writers state a little more at times.
func (z *zipReader) checkVersion(e *zipEntry, version byte) {
	const newest = 63
	if version > newest {
		z.w.note(UnknownVersion, e.name, "version %d.%d", version/10, version%10)
	}
}

// checkFlags notes what the flags and the method ask for beyond the plain
// subset, and reports whether the content can be read at all.
func (z *zipReader) checkFlags(e *zipEntry) bool {
	w := z.w
	if e.flags&(flagEncrypted|flagStrong|flagMasked) != 0 {
		w.note(Encrypted, e.name, "flags %#04x", e.flags)
		return false
	}
	if e.flags&flagPatch != 0 {
		w.note(UnknownFlag, e.name, "patched data")
		return false
	}
	if e.flags&^flagKnown != 0 {
		w.note(UnknownFlag, e.name, "flags %#04x", e.flags)
	}
	if e.flags&flagUTF8 == 0 && strings.IndexFunc(e.name, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		// zipfile reads code page 437, archive/zip UTF-8, unzip what is set up.
		w.note(NameEncoding, e.name, "not declared as UTF-8")
	}
	if e.method != methodStore && e.method != methodDeflate {
		w.note(UnknownCompression, e.name, "method %d", e.method)
		return false
	}
	return true
}
