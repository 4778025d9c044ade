package visit

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"time"
	"unicode/utf8"
)

// packed is when everything in an archive was last changed, whoever packs it
// and when, so that the same upload is the same bytes. It is the date that npm
// uses, for zip knows no time before 1980.
func packed() time.Time { return time.Date(1985, 10, 26, 8, 15, 0, 0, time.UTC) }

// TarGz packs members in their order. It keeps no more in memory than the
// compressed archive, however many zeros a member has.
func TarGz(members ...Member) ([]byte, error) {
	z := newSqueezer([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}) // RFC 1952 section 2.3
	t := tar.NewWriter(z)
	for _, m := range members {
		if err := t.WriteHeader(m.tarHeader()); err != nil {
			return nil, fmt.Errorf("packing %q: %w", m.Name, err)
		}
		if m.Kind != Regular {
			continue
		}
		if err := m.Pour(t); err != nil {
			return nil, fmt.Errorf("packing %q: %w", m.Name, err)
		}
	}
	if err := t.Close(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	if err := z.finish(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	end := binary.LittleEndian.AppendUint32(z.out.Bytes(), z.sum)
	return binary.LittleEndian.AppendUint32(end, uint32(z.size)), nil
}

func (m Member) tarHeader() *tar.Header {
	h := &tar.Header{Name: m.Name, Linkname: m.Link, Mode: 0o644, ModTime: packed(), Typeflag: tar.TypeReg}
	switch m.Kind {
	case Symlink:
		h.Typeflag = tar.TypeSymlink
	case Hardlink:
		h.Typeflag = tar.TypeLink
	case Directory:
		h.Typeflag, h.Mode = tar.TypeDir, 0o755
	case Regular:
		h.Size = int64(len(m.Body)) + m.Zeros
	}
	return h
}

// Zip packs members in their order, in as little memory as [TarGz]. A zip knows
// no hard links: one is an error that wraps [ErrNotSpoken].
func Zip(members ...Member) ([]byte, error) {
	var out bytes.Buffer
	z, s := zip.NewWriter(&out), newSqueezer(nil)
	for _, m := range members {
		if err := m.zipInto(z, s); err != nil {
			return nil, fmt.Errorf("packing %q: %w", m.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return out.Bytes(), nil
}

// zipInto compresses first and writes then, so that the sizes stand before the
// content, as the tools of the field write it. What zip64 is needed for says
// its size behind it.
func (m Member) zipInto(z *zip.Writer, s *squeezer) error {
	h, content, err := m.zipHeader()
	if err != nil {
		return err
	}
	var squeezed []byte
	if len(content.Body) > 0 || content.Zeros > 0 {
		if squeezed, err = s.squeeze(content); err != nil {
			return err
		}
		h.Method, h.CRC32, h.CompressedSize64, h.UncompressedSize64 = zip.Deflate, s.sum, uint64(len(squeezed)), s.size
	}
	if h.UncompressedSize64 >= math.MaxUint32 {
		h.Flags |= 0x8 // sizes in a descriptor behind the content
	}
	w, err := z.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = w.Write(squeezed)
	return err
}

// zipHeader is what stands before a member, and what it contains.
func (m Member) zipHeader() (h *zip.FileHeader, content Member, err error) {
	h = &zip.FileHeader{Name: m.Name, Method: zip.Store, ReaderVersion: 20} // knows Deflate and folders
	h.SetMode(0o644)
	//lint:ignore SA1019 what CreateRaw writes is this and not Modified
	h.SetModTime(packed())
	if utf8.ValidString(h.Name) && utf8.RuneCountInString(h.Name) < len(h.Name) {
		h.Flags |= 0x800 // the name is UTF-8
	}
	switch m.Kind {
	case Symlink:
		h.SetMode(fs.ModeSymlink | 0o777)
		return h, Member{Body: []byte(m.Link)}, nil
	case Hardlink:
		return nil, m, fmt.Errorf("a hard link in a zip: %w", ErrNotSpoken)
	case Directory:
		h.SetMode(fs.ModeDir | 0o755)
		return h, Member{}, nil
	case Regular:
	}
	return h, m, nil
}

// Pour writes what a member holds: its body and its zeros.
func (m Member) Pour(w io.Writer) error {
	if _, err := w.Write(m.Body); err != nil {
		return err
	}
	zeros := make([]byte, min(m.Zeros, slab))
	for left := m.Zeros; left > 0; left -= int64(len(zeros)) {
		zeros = zeros[:min(left, slab)]
		if _, err := w.Write(zeros); err != nil {
			return err
		}
	}
	return nil
}

// slab is how many zeros are written at once, bytes.
const slab = 1 << 20

// squeezer compresses into memory. A slab of zeros costs what it takes to copy
// its compressed form, so that gigabytes take no time.
type squeezer struct {
	out  bytes.Buffer
	w    *flate.Writer
	sum  uint32
	size uint64
	slab []byte // a slab of zeros, compressed; nil until one is met
	err  error  // of NewWriter, which has none at this level
}

func newSqueezer(head []byte) *squeezer {
	z := &squeezer{}
	z.out.Write(head)
	z.w, z.err = flate.NewWriter(&z.out, flate.DefaultCompression)
	return z
}

func (z *squeezer) Write(p []byte) (int, error) {
	if z.err != nil {
		return 0, z.err
	}
	z.sum = crc32.Update(z.sum, crc32.IEEETable, p)
	z.size += uint64(len(p))
	if len(p) == slab && bytes.Count(p, []byte{0}) == slab {
		return len(p), z.repeat(p)
	}
	return z.w.Write(p)
}

// repeat writes a slab of zeros. Between two flushes a stream is a sequence of
// whole blocks that ends at a byte (RFC 1951 section 3.2.4). Those of a slab
// refer to nothing before it, so they may stand anywhere; and the writer starts
// afresh behind them, because what it remembers is no longer what precedes.
func (z *squeezer) repeat(zeros []byte) error {
	if err := z.w.Flush(); err != nil {
		return err
	}
	if z.slab == nil {
		z.w.Reset(&z.out)
		from := z.out.Len()
		if _, err := z.w.Write(zeros); err != nil {
			return err
		}
		if err := z.w.Flush(); err != nil {
			return err
		}
		z.slab = bytes.Clone(z.out.Bytes()[from:])
	} else {
		z.out.Write(z.slab)
	}
	z.w.Reset(&z.out)
	return nil
}

// squeeze starts again and returns a member, good until the next; making a
// writer for each costs more than most of them do.
func (z *squeezer) squeeze(m Member) ([]byte, error) {
	if z.err != nil {
		return nil, z.err
	}
	z.out.Reset()
	z.w.Reset(&z.out)
	z.sum, z.size = 0, 0
	if err := m.Pour(z); err != nil {
		return nil, err
	}
	err := z.finish()
	return z.out.Bytes(), err
}

func (z *squeezer) finish() error {
	if z.err != nil {
		return z.err
	}
	return z.w.Close()
}
