package archive

import (
	"hash/crc32"
	"math"
)

// Ids of extra fields (APPNOTE 4.5, 4.6).
const (
	extraZip64       = 0x0001
	extraUnicodePath = 0x7075
)

// eachExtra calls f for each extra field and notes a block that does not
// parse, or names one id twice: readers then differ in which one they take.
func (w *walk) eachExtra(name string, b []byte, f func(id uint16, data []byte)) {
	seen := map[uint16]bool{}
	for len(b) > 0 {
		if len(b) < 4 || int(le.Uint16(b[2:])) > len(b)-4 {
			w.note(ExtraField, name, "%d bytes that are no extra field", len(b))
			return
		}
		id, n := le.Uint16(b), int(le.Uint16(b[2:]))
		if seen[id] {
			w.note(ExtraField, name, "field %#04x twice", id)
		}
		seen[id] = true
		data := b[4 : 4+n]
		b = b[4+n:]
		if id == extraUnicodePath {
			w.checkUnicodePath(name, data)
			continue
		}
		f(id, data)
	}
}

// checkExtra reads the extra fields of a central directory record. A zip64
// field (APPNOTE 4.5.3) holds a value for each of the fields that has all bits
// set, in this order, and nothing else; each value must be one that needs it.
func (w *walk) checkExtra(name string, b []byte, fields ...*uint64) {
	found := false
	w.eachExtra(name, b, func(id uint16, data []byte) {
		if id != extraZip64 || found {
			return
		}
		found = true
		needed := false
		for _, f := range fields {
			if *f != math.MaxUint32 {
				continue
			}
			if len(data) < 8 {
				w.note(Zip64Mismatch, name, "the extra field lacks a value")
				return
			}
			if *f = le.Uint64(data); *f < math.MaxUint32 {
				w.note(Zip64Mismatch, name, "an 8-byte value that fits in 4 bytes")
			}
			data, needed = data[8:], true
		}
		if len(data) > 0 || !needed {
			w.note(Zip64Mismatch, name, "an extra field with values that no header field asks for")
		}
	})
}

// checkLocalExtra reads the extra fields of a local header. Writers that do
// not know the size yet use zip64 there without need (zipfile's force_zip64),
// which is fine as long as the values are those of the central directory.
func (w *walk) checkLocalExtra(name string, b []byte, h *localHeader) (zip64 bool) {
	w.eachExtra(name, b, func(id uint16, data []byte) {
		if id != extraZip64 || zip64 {
			return
		}
		zip64 = true
		if len(data) != 16 {
			w.note(Zip64Mismatch, name, "an extra field of %d bytes in the local header", len(data))
			return
		}
		unpacked, packed := le.Uint64(data), le.Uint64(data[8:])
		if h.unpacked != math.MaxUint32 && h.unpacked != unpacked || h.packed != math.MaxUint32 && h.packed != packed {
			w.note(Zip64Mismatch, name, "the local header says %d and %d, its extra field %d and %d", h.packed, h.unpacked, packed, unpacked)
		}
		h.unpacked, h.packed = unpacked, packed
	})
	return zip64
}

// checkUnicodePath holds the Info-ZIP Unicode path (APPNOTE 4.6.9: version,
// crc32 of the name it replaces, name) against the name: zipfile and unzip take
// it when the checksum is right, others never do.
func (w *walk) checkUnicodePath(name string, data []byte) {
	if len(data) < 5 || data[0] != 1 || le.Uint32(data[1:]) != crc32.ChecksumIEEE([]byte(name)) || string(data[5:]) != name {
		w.note(UnicodePath, name, "another name in an extra field")
	}
}
