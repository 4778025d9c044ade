package archive

import "math"

// localHeader is what the header before an entry's content says, after its
// zip64 extra field was followed.
type localHeader struct {
	packed, unpacked uint64
	zip64            bool
}

// localHeader reads the local header (APPNOTE 4.3.7) of e and holds it against
// the central directory. It sets e.data.
func (z *zipReader) localHeader(e *zipEntry) (localHeader, error) {
	w := z.w
	b, ok := w.src.at(e.offset, localLen)
	if !ok || string(b[:4]) != sigLocal {
		return localHeader{}, w.stop(LocalHeader, e.name, "no local header at byte %d", e.offset)
	}
	z.checkVersion(e, b[4])
	flags, method, crc := le.Uint16(b[6:]), le.Uint16(b[8:]), le.Uint32(b[14:])
	h := localHeader{packed: uint64(le.Uint32(b[18:])), unpacked: uint64(le.Uint32(b[22:]))}
	nameLen, extraLen := int(le.Uint16(b[26:])), int(le.Uint16(b[28:]))
	e.data = e.offset + localLen + int64(nameLen+extraLen)
	b, ok = w.src.at(e.offset+localLen, nameLen+extraLen)
	if !ok || e.data > z.dir.offset {
		return h, w.stop(LocalHeader, e.name, "its local header runs into the central directory")
	}
	if string(b[:nameLen]) != e.name {
		w.note(LocalHeader, e.name, "named %s there", quoted(string(b[:nameLen])))
	}
	h.zip64 = w.checkLocalExtra(e.name, b[nameLen:], &h)
	if flags != e.flags || method != e.method {
		w.note(LocalHeader, e.name, "flags %#04x, method %d; central directory: %#04x, %d", flags, method, e.flags, e.method)
	}
	// With a data descriptor the fields are either empty or already right.
	empty := flags&flagDescriptor != 0 && crc == 0 && h.packed == 0 && h.unpacked == 0
	if !empty && (crc != e.crc || h.packed != uint64(e.packed) || h.unpacked != uint64(e.unpacked)) {
		w.note(LocalHeader, e.name, "crc32 %08x, sizes %d and %d; central directory: %08x, %d, %d",
			crc, h.packed, h.unpacked, e.crc, e.packed, e.unpacked)
	}
	return h, nil
}

// descriptor checks the data descriptor (APPNOTE 4.3.9) between the content
// and what follows, and moves z.end behind it. Its signature is optional and
// its sizes have 4 bytes or, for zip64, 8.
func (z *zipReader) descriptor(e *zipEntry, next int64, local localHeader) {
	w := z.w
	if e.method == methodStore && e.packed > 0 {
		// Who reads from the front cannot know where the content ends: uv
		// refuses it, others search for the signature in the content.
		w.note(DataDescriptor, e.name, "on a stored entry")
	}
	n := next - z.end
	b, ok := w.src.at(z.end, int(max(0, min(n, 24))))
	signed := ok && len(b) >= 4 && string(b[:4]) == sigDescriptor && (n == 16 || n == 24)
	if signed {
		b = b[4:]
	}
	fits := false
	switch {
	case !ok:
	case len(b) == 12 && !local.zip64:
		fits = le.Uint32(b) == e.crc && uint64(le.Uint32(b[4:])) == uint64(e.packed) && uint64(le.Uint32(b[8:])) == uint64(e.unpacked)
	case len(b) == 20 && (local.zip64 || e.packed >= math.MaxUint32 || e.unpacked >= math.MaxUint32):
		fits = le.Uint32(b) == e.crc && le.Uint64(b[4:]) == uint64(e.packed) && le.Uint64(b[12:]) == uint64(e.unpacked)
	}
	if !fits {
		w.note(DataDescriptor, e.name, "%d bytes that do not repeat the headers", n)
	}
	z.end = max(z.end, next)
}
