package archive

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
)

// tarGz reads a tar inside gzip (RFC 1952).
func (w *walk) tarGz() error {
	w.checkPolyglot()
	m := &members{w: w, in: &span{s: w.src, end: w.src.size}}
	if err := m.open(); err != nil {
		return err
	}
	return w.tar(m)
}

// members reads gzip members one after another, as gzip itself does, and
// notes what a strict reader does not accept about them.
type members struct {
	w  *walk
	in *span
	z  *gzip.Reader
}

// open reads the header of the member at the current offset.
func (m *members) open() error {
	const reserved = 0xe0
	if head, ok := m.w.src.at(m.in.off, 4); ok && head[3]&reserved != 0 {
		m.w.note(GzipHeader, "", "reserved flags %#x", head[3])
	}
	var err error
	if m.z == nil {
		m.z, err = gzip.NewReader(m.in)
	} else {
		err = m.z.Reset(m.in)
	}
	if err != nil {
		return m.w.broken("", err)
	}
	m.z.Multistream(false)
	return nil
}

func (m *members) Read(b []byte) (int, error) {
	for {
		n, err := m.z.Read(b)
		if n > 0 || err == nil {
			return n, nil
		}
		if err != io.EOF {
			return 0, err
		}
		// The checksum of this member was right. What follows is read by some
		// (gzip, node), reported by some, and ignored by some.
		next, ok := m.w.src.at(m.in.off, 2)
		if !ok || next[0] != 0x1f || next[1] != 0x8b {
			if left := m.in.end - m.in.off; left > 0 && !m.padding(left) {
				m.w.note(TrailingData, "", "%d bytes after the gzip stream", left)
			}
			return 0, io.EOF
		}
		m.w.note(GzipMembers, "", "a further member at byte %d", m.in.off)
		if err := m.open(); err != nil {
			return 0, err
		}
	}
}

// padding reports whether the rest of the file is zero bytes that fill a block.
// BSD tar pads compressed output, too, when it writes to a pipe; npm packages
// of 2011 are like that, and every reader here skips it.
func (m *members) padding(left int64) bool {
	const largestBlock = 64 << 10
	if left > largestBlock {
		return false
	}
	b, ok := m.w.src.at(m.in.off, int(left))
	return ok && zero(b)
}

// checkPolyglot looks for a zip behind or inside the gzip stream. pip asks
// zipfile.is_zipfile before it asks what the file is called, and that function
// searches the last 64 KB: a zip in a stored deflate block is enough.
//
// Only what zipfile then would open counts, since the four bytes of the
// signature turn up by chance in one of 65,000 archives.
func (w *walk) checkPolyglot() {
	n := int(min(endLen+maxComment, w.src.size))
	from := w.src.size - int64(n)
	for i := 0; i+endLen <= n; i++ {
		tail, ok := w.src.at(from, n)
		if !ok {
			return
		}
		j := bytes.Index(tail[i:], []byte(sigEnd))
		if j < 0 || i+j+endLen > n {
			return
		}
		i += j
		at, size := from+int64(i), int64(binary.LittleEndian.Uint32(tail[i+12:]))
		if size == 0 || w.src.has(at-size, sigDirectory) || w.src.has(at-locatorLen, sigLocator) {
			w.note(Polyglot, "", "also a zip, with an end record at byte %d", at)
			return
		}
	}
}
