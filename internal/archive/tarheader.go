package archive

import (
	"bytes"
	"io/fs"
	"strings"
)

const blockSize = 512

// tarHeader is one 512-byte header block: POSIX ustar (IEEE 1003.1-2001), GNU
// or v7. Extension headers (pax, GNU long names) are headers of their own.
type tarHeader struct {
	name, link string
	mode, size int64
	typ        byte
}

// field is where something stands in the block.
type field struct {
	name     string
	from, to int
}

var (
	fieldSize     = field{"size", 124, 136}
	fieldChecksum = field{"checksum", 148, 156}
	fieldMode     = field{"mode", 100, 108}
	fieldName     = field{"name", 0, 100}
	fieldLink     = field{"linkname", 157, 257}
	fieldPrefix   = field{"prefix", 345, 500}
)

// numericFields are those besides size and checksum. All are checked, used or
// not: tarfile takes one that it cannot parse for the end of the archive.
var numericFields = [...]field{
	fieldMode, {"uid", 108, 116}, {"gid", 116, 124}, {"mtime", 136, 148}, {"devmajor", 329, 337}, {"devminor", 337, 345},
}

func (f field) text(b []byte) string {
	s, _, _ := bytes.Cut(b[f.from:f.to], []byte{0})
	return string(s)
}

// parseHeader reads a block that is not all zero. It notes what readers parse
// differently and stops where the next header cannot be found for sure.
func (w *walk) parseHeader(b []byte) (tarHeader, error) {
	h := tarHeader{typ: b[156], link: fieldLink.text(b), name: fieldName.text(b)}
	var sum int64
	for i, c := range b[:blockSize] {
		if i >= fieldChecksum.from && i < fieldChecksum.to {
			c = ' '
		}
		sum += int64(c)
	}
	if got, ok := octal(b[fieldChecksum.from:fieldChecksum.to]); !ok || got != sum {
		return h, w.stop(BadChecksum, h.name, "header block at byte %d of the tar", w.inv.Unpacked-blockSize)
	}
	w.checkMagic(&h, b)
	w.checkSlack(&h, b)
	for _, f := range numericFields {
		v, ok := octal(b[f.from:f.to])
		if !ok && !base256(b[f.from:f.to]) {
			w.note(HeaderFormat, h.name, "field %s is no number", f.name)
		}
		if f == fieldMode {
			h.mode = v
		}
	}
	// The binary form of a size is needed from 8 GB on only, and a negative
	// one sends some readers backwards.
	size, ok := octal(b[fieldSize.from:fieldSize.to])
	if !ok {
		return h, w.stop(HeaderFormat, h.name, "field size is no octal number")
	}
	h.size = size
	return h, nil
}

// checkMagic joins prefix and name where the format has a prefix, and notes
// where readers disagree whether it has one: tarfile joins always, node-tar
// for exactly "ustar\0" "00", and archive/tar knows a shorter prefix of star.
func (w *walk) checkMagic(h *tarHeader, b []byte) {
	const posix, gnu, v7 = "ustar\x0000", "ustar  \x00", "\x00\x00\x00\x00\x00\x00\x00\x00"
	switch string(b[257:265]) {
	case posix:
		if prefix := fieldPrefix.text(b); prefix != "" {
			h.name = prefix + "/" + h.name
		}
		if !zero(b[fieldPrefix.to:blockSize]) {
			w.note(HeaderFormat, h.name, "data after the prefix")
		}
	case gnu, v7:
		if !zero(b[fieldPrefix.from:blockSize]) {
			w.note(HeaderFormat, h.name, "data where only ustar has a prefix")
		}
	default:
		w.note(HeaderFormat, h.name, "magic %s", quoted(string(b[257:265])))
	}
}

// checkSlack looks behind the zero byte that ends a text field. node-tar drops
// what follows only up to a line break, and takes byte 475, the last of a long
// prefix, for a sign that there is one.
func (w *walk) checkSlack(h *tarHeader, b []byte) {
	for _, f := range [...]field{fieldName, fieldLink, fieldPrefix} {
		text, slack, _ := bytes.Cut(b[f.from:f.to], []byte{0})
		if f == fieldPrefix && len(text) <= 130 {
			// Behind a short prefix star and old node-tar keep two dates.
			dates := b[476:500]
			slack = slack[:len(slack)-len(dates)]
			if len(bytes.Trim(dates, " 01234567\x00")) > 0 {
				w.note(HeaderFormat, h.name, "data after the end of field %s", f.name)
			}
		}
		if !zero(slack) {
			w.note(HeaderFormat, h.name, "data after the end of field %s", f.name)
		}
	}
}

// octal parses the one form that all readers take for the same number: spaces,
// octal digits, then spaces and zero bytes; nothing at all is 0.
func octal(b []byte) (int64, bool) {
	b = bytes.TrimLeft(b, " ")
	var v int64
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '7'; i++ {
		v = v<<3 | int64(b[i]-'0') // at most 12 digits
	}
	return v, len(bytes.Trim(b[i:], " \x00")) == 0
}

// base256 reports GNU's binary form, which large user ids and old dates use, as
// far as all read it: two's complement of at most 48 bits, which node-tar's
// numbers hold.
func base256(b []byte) bool {
	fill := b[0]
	if fill != 0x80 && fill != 0xff {
		return false
	}
	if fill == 0x80 {
		fill = 0
	}
	for _, c := range b[1 : len(b)-6] {
		if c != fill {
			return false
		}
	}
	return true
}

func zero(b []byte) bool {
	return len(bytes.TrimLeft(b, "\x00")) == 0
}

// tarMode maps the permission bits of a header. Old writers put the file type
// there too; the type flag is what counts.
func tarMode(m int64) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	if m&0o4000 != 0 {
		mode |= fs.ModeSetuid
	}
	if m&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if m&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// entryType says what a type flag stands for; false for one that readers
// treat differently.
func entryType(flag byte, name string) (EntryType, bool) {
	switch flag {
	case 0: // v7 has no flag for directories
		if strings.HasSuffix(name, "/") {
			return Dir, true
		}
		return File, true
	case '0':
		return File, true
	case '1':
		return Hardlink, true
	case '2':
		return Symlink, true
	case '5':
		return Dir, true
	}
	return Other, false
}
