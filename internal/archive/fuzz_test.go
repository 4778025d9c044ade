package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	at "bonded.dev/internal/archive/archivetest"
)

// small are limits that a fuzzing worker can afford.
var small = Limits{Entries: 500, EntrySize: 1 << 20, TotalSize: 4 << 20, Wanted: 1 << 16}

// shapes are archives that a mutation of may still be accepted.
func shapes() [][]at.Entry {
	long := strings.Repeat("n", 120)
	return [][]at.Entry{
		{},
		base,
		{at.Dir("a"), at.File("a/b", "content"), at.Symlink("a/l", "b"), at.Hardlink("h", "a/b")},
		{{Name: "x", Body: "one", PAX: [][2]string{{"path", long}, {"size", "3"}, {"mtime", "12.5"}}}, at.File("y", "two")},
		{{Name: "x", Body: "one", LongName: long}, at.File("y", "")},
		{{Name: "pax_global_header", Type: 'g', Body: at.Record("comment", "c")}, at.File("y", "two")},
		{{Name: "x", Body: "one", Header: func(b []byte) { copy(b[345:], "prefix/of/it") }}, {Name: "v7", Body: "x", Header: func(b []byte) { clear(b[257:]) }}},
		{{Name: "g", Body: "x", Header: func(b []byte) { copy(b[257:], "ustar  \x00") }}, {Name: "d/", Header: func(b []byte) { b[156] = 0 }}},
	}
}

func FuzzTarGz(f *testing.F) {
	for _, entries := range shapes() {
		f.Add(at.Tar(entries...))
		f.Add(at.TarGz(entries...))
	}
	for _, c := range at.TarGzCases() {
		if b := c.Build(base...); len(b) < 8<<10 {
			f.Add(b)
			if raw := gunzip(b); len(raw) < 16<<10 {
				f.Add(raw)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, read(t, b, TarGz, small))
		// Mutated blocks are summed anew, or all would end at the checksum.
		b = resum(slices.Clone(b))
		z := storedGzip(b)
		inv := read(t, z, TarGz, small)
		bounded(t, inv)
		plain := read(t, b, Tar, small)
		if len(plain.Anomalies) == 0 && len(inv.Anomalies) == 0 && !slices.Equal(plain.Entries, inv.Entries) {
			t.Error("plain tar and tar.gz differ")
		}
		if len(inv.Anomalies) > 0 {
			return
		}
		ours := listing(inv)
		same(t, "archive/tar", ours, stdTar(t, z))
		same(t, "a lenient walk", ours, lenientTar(b))
	})
}

func FuzzZip(f *testing.F) {
	for _, entries := range shapes() {
		f.Add(at.Zip(entries...))
	}
	f.Add(at.Zip(at.Entry{Name: "a", Body: "x", Descriptor: true}, at.Entry{Name: "b", Body: "y", Store: true}))
	for _, c := range at.ZipCases() {
		if b := c.Build(base...); len(b) < 8<<10 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		inv := read(t, b, Zip, small)
		bounded(t, inv)
		if len(inv.Anomalies) > 0 {
			return
		}
		ours := listing(inv)
		same(t, "archive/zip", ours, stdZip(t, b))
		same(t, "a walk from the front", ours, frontZip(t, b))
	})
}

func bounded(t *testing.T, inv Inventory) {
	t.Helper()
	if len(inv.Entries) > small.Entries || inv.Unpacked > small.TotalSize+window || len(inv.Anomalies) > 200 {
		t.Errorf("%d entries, %d bytes, %d anomalies", len(inv.Entries), inv.Unpacked, len(inv.Anomalies))
	}
	for p, b := range inv.Wanted {
		if int64(len(b)) > small.Wanted {
			t.Errorf("%q: %d bytes kept", p, len(b))
		}
	}
}

// listing writes an inventory in the form that other readers are held against:
// one line an entry.
func listing(inv Inventory) []string {
	var out []string
	for _, e := range inv.Entries {
		out = append(out, line(e.Path, e.Type, e.Link, e.Size, e.SHA256))
	}
	slices.Sort(out)
	return out
}

func line(path string, typ EntryType, link string, size int64, sum [32]byte) string {
	switch typ {
	case File:
		return fmt.Sprintf("%q file %d %x", path, size, sum[:8])
	case Dir:
		return fmt.Sprintf("%q dir", path)
	case Symlink, Hardlink:
		return fmt.Sprintf("%q link %q", path, link)
	}
	return fmt.Sprintf("%q other", path)
}

func same(t *testing.T, who string, ours, theirs []string) {
	t.Helper()
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		t.Errorf("%s reads another archive\nwe:   %s\nthey: %s", who, strings.Join(ours, "\n      "), strings.Join(theirs, "\n      "))
	}
}

func gunzip(b []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(z, 1<<20))
	return out
}

// storedGzip wraps b without compressing it: a compressor would take nearly all
// of the fuzzer's time.
func storedGzip(b []byte) []byte {
	out := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	for rest := b; ; {
		n := min(len(rest), 0xffff)
		last := byte(0)
		if n == len(rest) {
			last = 1
		}
		out = append(out, last, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8))
		out = append(out, rest[:n]...)
		if rest = rest[n:]; last == 1 {
			break
		}
	}
	out = le.AppendUint32(out, crc32.ChecksumIEEE(b))
	return le.AppendUint32(out, uint32(len(b)))
}

// resum writes the right checksum into every block that looks like a header.
func resum(b []byte) []byte {
	for i := 0; i+blockSize <= len(b); i += blockSize {
		if m := string(b[i+257 : i+262]); m == "ustar" || m == "\x00\x00\x00\x00\x00" && b[i] != 0 {
			at.Sum(b[i : i+blockSize])
		}
	}
	return b
}

func stdTar(t *testing.T, b []byte) []string {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Errorf("archive/tar: %v", err)
			return out
		}
		sum := sha256.New()
		n, err := io.Copy(sum, r)
		if err != nil {
			t.Errorf("archive/tar: %v", err)
		}
		typ := map[byte]EntryType{tar.TypeReg: File, tar.TypeDir: Dir, tar.TypeSymlink: Symlink, tar.TypeLink: Hardlink}[h.Typeflag]
		if h.Typeflag != tar.TypeXGlobalHeader {
			out = append(out, line(strings.TrimSuffix(h.Name, "/"), typ, h.Linkname, n, [32]byte(sum.Sum(nil))))
		}
	}
}

// lenientTar reads as the most forgiving readers do, wherever they differ from
// archive/tar: pax records line by line, a prefix whatever the magic says,
// single zero blocks skipped, sizes to the first letter that is no digit.
func lenientTar(b []byte) []string {
	var out []string
	name, link, hasLink := "", "", false
	for len(b) >= blockSize {
		h := b[:blockSize]
		b = b[blockSize:]
		if zero(h) {
			continue
		}
		text := func(from, to int) string { s, _, _ := strings.Cut(string(h[from:to]), "\x00"); return s }
		var size int
		fmt.Sscanf(text(124, 136), "%o", &size)
		if h[156] >= '1' && h[156] <= '6' {
			size = 0
		}
		body := b[:min(size, len(b))]
		b = b[min(len(b), size+int(padding(int64(size)))):]
		switch h[156] {
		case 'g':
			continue
		case 'x':
			for _, l := range strings.Split(string(body), "\n") {
				_, kv, _ := strings.Cut(l, " ")
				switch k, v, _ := strings.Cut(kv, "="); k {
				case "path":
					name = v
				case "linkpath":
					link, hasLink = v, true
				}
			}
			continue
		case 'L':
			name, _, _ = strings.Cut(string(body), "\x00")
			continue
		case 'K':
			link, _, _ = strings.Cut(string(body), "\x00")
			hasLink = true
			continue
		}
		if name == "" {
			if name = text(0, 100); text(345, 500) != "" {
				name = text(345, 500) + "/" + name
			}
		}
		if !hasLink {
			link = text(157, 257)
		}
		typ := map[byte]EntryType{'1': Hardlink, '2': Symlink, '5': Dir}[h[156]]
		if typ == 0 {
			if typ = File; strings.HasSuffix(name, "/") {
				typ = Dir
			}
		}
		out = append(out, line(strings.TrimSuffix(name, "/"), typ, link, int64(len(body)), sha256.Sum256(body)))
		name, link, hasLink = "", "", false
	}
	return out
}

func stdZip(t *testing.T, b []byte) []string {
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("archive/zip: %v", err)
	}
	var out []string
	for _, f := range r.File {
		c, err := f.Open()
		if err != nil {
			t.Fatalf("archive/zip: %v", err)
		}
		sum := sha256.New()
		n, err := io.Copy(sum, c)
		if err != nil {
			t.Errorf("archive/zip: %v", err)
		}
		out = append(out, zipLine(f.Name, n, [32]byte(sum.Sum(nil))))
	}
	return out
}

func zipLine(name string, n int64, sum [32]byte) string {
	if p, isDir := strings.CutSuffix(name, "/"); isDir {
		return line(p, Dir, "", 0, sum)
	}
	return line(name, File, "", n, sum)
}

// frontZip reads local headers from the front, as an unpacker of a stream
// does, and never looks at the central directory.
func frontZip(t *testing.T, b []byte) []string {
	var out []string
	for len(b) >= localLen && string(b[:4]) == sigLocal {
		flags, method, packed := le.Uint16(b[6:]), le.Uint16(b[8:]), int(le.Uint32(b[18:]))
		n, x := int(le.Uint16(b[26:])), int(le.Uint16(b[28:]))
		name := string(b[localLen : localLen+n])
		if packed == 0xffffffff {
			extra := b[localLen+n : localLen+n+x]
			for le.Uint16(extra) != extraZip64 {
				extra = extra[4+int(le.Uint16(extra[2:])):]
			}
			packed = int(le.Uint64(extra[12:]))
		}
		r := bytes.NewReader(b[localLen+n+x:])
		var src io.Reader = io.LimitReader(r, int64(packed))
		if method == methodDeflate {
			src = flate.NewReader(r)
		}
		body, err := io.ReadAll(src)
		if err != nil {
			t.Errorf("from the front: %q: %v", name, err)
		}
		b = b[len(b)-r.Len():]
		if flags&flagDescriptor != 0 {
			// Where the next record begins is all that a stream can go by.
			i := bytes.Index(b, []byte("PK\x03\x04"))
			if j := bytes.Index(b, []byte(sigDirectory)); i < 0 || j >= 0 && j < i {
				i = j
			}
			b = b[max(i, 0):]
		}
		out = append(out, zipLine(name, int64(len(body)), sha256.Sum256(body)))
	}
	return out
}

// mutations returns n changed archives, the same on every run. Most changes
// are in headers, to values that parsers trip over.
func mutations(n int, seeds [][]byte, fix func([]byte) []byte) [][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	bytes := []byte("\x00\x00 /./\\0123579xgLK\n=\x7f\x80\xffAa")
	var out [][]byte
	for range n {
		b := slices.Clone(seeds[rnd.IntN(len(seeds))])
		for range 1 + rnd.IntN(3) {
			i := rnd.IntN(len(b))
			b[i] = bytes[rnd.IntN(len(bytes))]
		}
		if at := rnd.IntN(len(b)/blockSize+1) * blockSize; rnd.IntN(8) == 0 && at+2*blockSize <= len(b) {
			switch rnd.IntN(3) {
			case 0:
				b = slices.Delete(b, at, at+blockSize)
			case 1:
				b = slices.Insert(b, at, slices.Clone(b[at:at+blockSize])...)
			case 2:
				b = slices.Insert(b, at, make([]byte, blockSize)...)
			}
		}
		out = append(out, fix(b))
	}
	return out
}
