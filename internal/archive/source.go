package archive

import (
	"errors"
	"io"
)

// window is how much of the archive is held at once. It must hold an end
// record with the longest comment, 65,557 bytes: that is searched in one piece.
const window = 1 << 17

// source is the archive's bytes behind one moving buffer. It keeps the first
// real read error, so that a broken disk is never mistaken for a broken
// archive: the former is our fault and an error, the latter is an anomaly.
type source struct {
	r    io.ReaderAt
	size int64
	err  error

	buf []byte
	off int64 // of buf[0]
}

func newSource(r io.ReaderAt, size int64) *source {
	return &source{r: r, size: size, buf: make([]byte, 0, max(0, min(window, size)))}
}

// at returns n bytes from off on, or false when the archive has none there.
// They are valid until the next call. n must not exceed window.
func (s *source) at(off int64, n int) ([]byte, bool) {
	if off < 0 || n < 0 || int64(n) > s.size || off > s.size-int64(n) {
		return nil, false
	}
	if off < s.off || off+int64(n) > s.off+int64(len(s.buf)) {
		if !s.fill(off) || len(s.buf) < n {
			return nil, false
		}
	}
	i := int(off - s.off)
	return s.buf[i : i+n], true
}

// has reports whether sig stands at off.
func (s *source) has(off int64, sig string) bool {
	b, ok := s.at(off, len(sig))
	return ok && string(b) == sig
}

// fill moves the buffer to start at off.
func (s *source) fill(off int64) bool {
	if s.err != nil {
		return false
	}
	want := int(min(int64(cap(s.buf)), s.size-off))
	n, _ := s.ReadAt(s.buf[:want], off)
	if s.err != nil {
		n = 0
	}
	s.buf, s.off = s.buf[:n], off
	return s.err == nil
}

// ReadAt reads past the window, for readers that look about.
func (s *source) ReadAt(b []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(b, off)
	if n == len(b) {
		return n, nil
	}
	if off+int64(len(b)) > s.size && errors.Is(err, io.EOF) {
		return n, err
	}
	// Fewer bytes than the caller promised is a fault of the caller's file.
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	s.err = err
	return n, err
}

// span reads part of a source in order. It is an io.ByteReader, so that a
// decompressor takes exactly the bytes it needs and what is left over shows.
type span struct {
	s        *source
	off, end int64
}

func (p *span) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	chunk, err := p.chunk()
	if err != nil {
		return 0, err
	}
	n := copy(b, chunk)
	p.off += int64(n)
	return n, nil
}

func (p *span) ReadByte() (byte, error) {
	i := p.off - p.s.off
	if p.off < p.end && i >= 0 && i < int64(len(p.s.buf)) {
		p.off++
		return p.s.buf[i], nil
	}
	chunk, err := p.chunk()
	if err != nil {
		return 0, err
	}
	p.off++
	return chunk[0], nil
}

// chunk is what the window holds of the span from its offset on, at least one byte.
func (p *span) chunk() ([]byte, error) {
	if p.off >= p.end {
		return nil, io.EOF
	}
	if _, ok := p.s.at(p.off, 1); !ok {
		if p.s.err != nil {
			return nil, p.s.err
		}
		return nil, io.ErrUnexpectedEOF
	}
	i := p.off - p.s.off
	return p.s.buf[i:min(int64(len(p.s.buf)), i+p.end-p.off)], nil
}
