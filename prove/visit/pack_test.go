package visit_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"testing"

	"bonded.dev/prove/visit"
)

// odd is what archives are made to hold: everything that an honest tool would
// not write, between two honest members.
func odd() []visit.Member {
	return []visit.Member{
		{Name: "a/first", Body: []byte("first")},
		{Name: "../up", Body: []byte("up")},
		{Name: "/etc/absolute", Body: []byte("absolute")},
		{Name: "a/first", Body: []byte("first again")},
		{Name: "zeros", Body: []byte("before"), Zeros: 3<<20 + 7},
		{Name: "link", Kind: visit.Symlink, Link: "/etc/passwd"},
		{Name: "folder/", Kind: visit.Directory},
		{Name: "último", Body: []byte("first, first, first")},
	}
}

func whole(m visit.Member) []byte { return append(bytes.Clone(m.Body), make([]byte, m.Zeros)...) }

func TestTarGzHoldsWhatItWasTold(t *testing.T) {
	want := append(odd(), visit.Member{Name: "hard", Kind: visit.Hardlink, Link: "a/first"})
	b, err := visit.TarGz(want...)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(z)
	for _, m := range want {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		if h.Name != m.Name || h.Linkname != m.Link || m.Kind == visit.Regular && !bytes.Equal(body, whole(m)) {
			t.Errorf("%s: read %s -> %q with %d bytes", m.Name, h.Name, h.Linkname, len(body))
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
	if _, err := io.Copy(io.Discard, z); err != nil {
		t.Errorf("checksum: %v", err)
	}
}

func TestZipHoldsWhatItWasTold(t *testing.T) {
	b, err := visit.Zip(odd()...)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		t.Fatal(err)
	}
	if len(r.File) != len(odd()) {
		t.Fatalf("%d members", len(r.File))
	}
	for i, m := range odd() {
		f := r.File[i]
		if f.Name != m.Name || (f.Mode()&fs.ModeSymlink != 0) != (m.Kind == visit.Symlink) {
			t.Errorf("%s: read %s, %v", m.Name, f.Name, f.Mode())
		}
		if m.Kind == visit.Symlink {
			m.Body = []byte(m.Link)
		}
		rc, err := f.Open()
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		body, err := io.ReadAll(rc)
		if err != nil || !bytes.Equal(body, whole(m)) {
			t.Errorf("%s: %d bytes, %v", m.Name, len(body), err)
		}
	}
	if _, err := visit.Zip(visit.Member{Name: "hard", Kind: visit.Hardlink}); !errors.Is(err, visit.ErrNotSpoken) {
		t.Errorf("a hard link: %v", err)
	}
}

// TestZerosCostNothing packs more than a machine may have, and more than a zip
// of 32 bits can say; it would run into the time limit of the tests if the zeros
// were compressed one by one.
func TestZerosCostNothing(t *testing.T) {
	const size = 5 << 30
	bomb := visit.Member{Name: "zeros", Zeros: size}
	b, err := visit.TarGz(visit.Member{Name: "zeros", Zeros: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 2<<20 {
		t.Errorf("%d bytes", len(b))
	}
	b, err = visit.Zip(bomb)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.File[0].UncompressedSize64; got != size {
		t.Errorf("the zip says %d bytes", got)
	}
	if r.File[0].CRC32 == crc32.ChecksumIEEE(nil) {
		t.Error("the zip has no checksum")
	}
}

// TestManyMembersCostLittle packs what a bomb of entries has; as above, it is
// the time limit of the tests that would be noticed.
func TestManyMembersCostLittle(t *testing.T) {
	many := make([]visit.Member, 100_000)
	for i := range many {
		many[i].Name = fmt.Sprintf("many/%06d", i)
	}
	for _, pack := range []func(...visit.Member) ([]byte, error){visit.TarGz, visit.Zip} {
		b, err := pack(many...)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d members in %d bytes", len(many), len(b))
	}
}

func TestCredentialHabits(t *testing.T) {
	for _, c := range []struct {
		as            visit.Credential
		bearer, basic string
	}{
		{"", "", ""},
		{"tok", "Bearer tok", "Basic X190b2tlbl9fOnRvaw=="},
		{"u:p", "Basic dTpw", "Basic dTpw"},
	} {
		if got := c.as.Bearer(); got != c.bearer {
			t.Errorf("%q as bearer: %q", c.as, got)
		}
		if got := c.as.Basic("__token__"); got != c.basic {
			t.Errorf("%q as basic: %q", c.as, got)
		}
	}
}
