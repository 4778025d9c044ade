package publish

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"bonded.dev/internal/archive"

	"pgregory.net/rapid"
)

var (
	aToken    = tokenPrefix + strings.Repeat("aB3", 12)
	aNarrowed = narrowedPrefix + strings.Repeat("x-_9", 40)
)

// TestSpotterFindsAcrossPieces cuts a text anywhere.
func TestSpotterFindsAcrossPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		noise := rapid.SampledFrom([]string{"", "b", "bn", "bnd_", "bna_", "bnd", " ", "\x00", "bnd_short ", "x", "bnd_bnd_", "_"})
		text := noise.Draw(t, "before") + "\n" + aToken + noise.Draw(t, "between") + "\n" + aNarrowed + "\n" + noise.Draw(t, "after")
		var got []string
		s := &spotter{found: func(x string) error { got = append(got, x); return nil }}
		for len(text) > 0 {
			n := rapid.IntRange(1, len(text)).Draw(t, "piece")
			if _, err := io.WriteString(s, text[:n]); err != nil {
				t.Fatal(err)
			}
			text = text[n:]
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{aToken, aNarrowed} {
			if !slices.Contains(got, want) {
				t.Fatalf("found %q and not %q", got, want)
			}
		}
	})
}

func TestSpotterTakesNoPartForAToken(t *testing.T) {
	for _, text := range []string{aToken[:len(aToken)-1], "bnd_" + strings.Repeat("a", 20) + "_" + strings.Repeat("a", 20), "bnd-" + aToken[4:], "bna_short"} {
		s := &search{seen: map[string]bool{}}
		if err := s.all("x", []byte(text)); err != nil || len(s.found) > 0 {
			t.Errorf("%s: %v, %v", text, s.found, err)
		}
	}
}

func TestSearchIsBounded(t *testing.T) {
	s := &search{seen: map[string]bool{}}
	var b bytes.Buffer
	for i := range 300 {
		b.WriteString(aToken[:len(aToken)-3] + string(rune('a'+i/100)) + string(rune('a'+i/10%10)) + string(rune('a'+i%10)) + "\n")
	}
	if err := s.all("x", b.Bytes()); !errors.Is(err, errManySuspects) {
		t.Errorf("300 texts like tokens: %v", err)
	}
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarred(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(b)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(b)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	f, err := z.Create(name)
	if err == nil {
		_, err = f.Write(b)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestMemberIsOpened looks one level down, in each kind of archive.
func TestMemberIsOpened(t *testing.T) {
	compiled := append(bytes.Repeat([]byte{0, 1, 2, 3}, 1000), aToken...)
	for name, body := range map[string][]byte{
		"plain":  compiled,
		"zip":    zipped(t, "inner", compiled),
		"tgz":    gzipped(t, tarred(t, "inner", compiled)),
		"gz":     gzipped(t, compiled),
		"tar":    tarred(t, "inner", compiled),
		"broken": append([]byte("PK\x03\x04"), compiled...),
	} {
		s := &search{seen: map[string]bool{}}
		outer := tarred(t, "outer", body)
		_, err := archive.Scan(bytes.NewReader(outer), int64(len(outer)), archive.Tar, archive.Limits{}, func(path string) io.WriteCloser {
			return &member{search: s, where: inside("file", path), spotter: s.in(inside("file", path))}
		})
		if err != nil || len(s.found) != 1 || s.found[0].text != aToken || !strings.HasPrefix(s.found[0].where, "file: outer") {
			t.Errorf("%s: %v, %v", name, s.found, err)
		}
	}
}

// BenchmarkSpotter is the price of looking at bytes that hold no token; reading
// an archive once more comes on top (package archive's BenchmarkRead).
func BenchmarkSpotter(b *testing.B) {
	text := bytes.Repeat([]byte("module.exports = function bnd(x, y) { return x_y - banana }\n"), 1<<14)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := &search{seen: map[string]bool{}}
		look := s.in("file")
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 32<<10)
			if _, err := look.Write(rest[:n]); err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := look.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
