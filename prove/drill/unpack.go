package drill

import (
	"archive/tar"
	zipfile "archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"bonded.dev/prove/visit"
)

// keptOfMember is how much of each member Unpack keeps, bytes.
const keptOfMember = 1 << 20

// Unpack lists what is in an archive as an ordinary tool lists it, in the
// archive's order and with all its oddities: a gzipped tar or a zip, told apart
// by their first bytes, or by the last if there is something before them. Of
// bodies it keeps the beginning.
func Unpack(b []byte) ([]visit.Member, error) {
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		return untar(b)
	}
	z, err := zipfile.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil && !errors.Is(err, zipfile.ErrInsecurePath) {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	var all []visit.Member
	for _, f := range z.File {
		m, err := unzipped(f)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func unzipped(f *zipfile.File) (visit.Member, error) {
	m := visit.Member{Name: f.Name}
	r, err := f.Open()
	if err != nil {
		return m, fmt.Errorf("unpacking %q: %w", f.Name, err)
	}
	defer r.Close()
	if m.Body, err = io.ReadAll(io.LimitReader(r, keptOfMember)); err != nil {
		return m, fmt.Errorf("unpacking %q: %w", f.Name, err)
	}
	switch mode := f.Mode(); {
	case mode&fs.ModeSymlink != 0:
		m.Kind, m.Link, m.Body = visit.Symlink, string(m.Body), nil
	case mode.IsDir():
		m.Kind = visit.Directory
	}
	return m, nil
}

func untar(b []byte) ([]visit.Member, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	var all []visit.Member
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		m := visit.Member{Name: h.Name, Link: h.Linkname}
		switch h.Typeflag {
		case tar.TypeSymlink:
			m.Kind = visit.Symlink
		case tar.TypeLink:
			m.Kind = visit.Hardlink
		case tar.TypeDir:
			m.Kind = visit.Directory
		}
		if m.Body, err = io.ReadAll(io.LimitReader(t, keptOfMember)); err != nil {
			return nil, fmt.Errorf("unpacking %q: %w", h.Name, err)
		}
		all = append(all, m)
	}
}
