package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"testing"
)

// seen collects what a scan is shown.
type seen struct {
	files map[string]string
	path  string
	buf   bytes.Buffer
	fail  error
}

func (s *seen) Write(b []byte) (int, error) {
	if s.fail != nil {
		return 0, s.fail
	}
	return s.buf.Write(b)
}

func (s *seen) Close() error {
	s.files[s.path] = s.buf.String()
	s.buf.Reset()
	return nil
}

func (s *seen) see(path string) io.WriteCloser {
	if path == "skip" {
		return nil
	}
	s.path = path
	return s
}

func TestScanShowsEveryFile(t *testing.T) {
	files := map[string]string{"a": "first", "d/b": "second", "skip": "nobody looks", "empty": ""}
	var zipped, tarred bytes.Buffer
	z, g := zip.NewWriter(&zipped), gzip.NewWriter(&tarred)
	w := tar.NewWriter(g)
	for _, name := range []string{"a", "d/b", "skip", "empty"} {
		f, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(f, files[name])
		}
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg})
		}
		if err == nil {
			_, err = io.WriteString(w, files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), w.Close(), g.Close()); err != nil {
		t.Fatal(err)
	}
	delete(files, "skip")
	for kind, b := range map[Kind][]byte{Zip: zipped.Bytes(), TarGz: tarred.Bytes()} {
		s := &seen{files: map[string]string{}}
		inv, err := Scan(bytes.NewReader(b), int64(len(b)), kind, Limits{}, s.see)
		if err != nil || len(inv.Entries) != 4 || !maps.Equal(s.files, files) {
			t.Errorf("%v: %v, %d entries, saw %q", kind, err, len(inv.Entries), s.files)
		}
		s.fail = errors.New("the looker is ill")
		if _, err := Scan(bytes.NewReader(b), int64(len(b)), kind, Limits{}, s.see); !errors.Is(err, s.fail) {
			t.Errorf("%v: a failing looker: %v", kind, err)
		}
	}
}
