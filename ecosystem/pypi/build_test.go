package pypi

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"mime/multipart"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/blake2b"

	"bonded.dev/ecosystem/ecosystemtest"
)

// member is one file of an archive to build.
type member struct{ path, text string }

// wheel describes a wheel to build; what is left empty is honest.
type wheel struct {
	name, version string
	file          string   // file name
	dir           string   // .dist-info directory
	metadata      string   // whole METADATA
	fields        string   // lines for the header of METADATA
	record        []string // "PATH,HASH,SIZE" lines that replace those of the same path; "-PATH" drops one
	wheelFile     string   // whole WHEEL
	more          []member // further files, listed in RECORD
	hidden        []member // further files, not listed in RECORD
	drop          string   // a file of the .dist-info directory that is left out
}

const pureTags = "-py3-none-any.whl"

func (w wheel) fileName() string {
	if w.file != "" {
		return w.file
	}
	return strings.ReplaceAll(normalise(w.name), "-", "_") + "-" + w.version + pureTags
}

func (w wheel) distInfo() string {
	if w.dir != "" {
		return w.dir
	}
	return strings.ReplaceAll(normalise(w.name), "-", "_") + "-" + w.version + distInfo
}

func metadataText(name, version, fields string) string {
	if fields != "" {
		fields = strings.TrimSuffix(fields, "\n") + "\n"
	}
	return fmt.Sprintf("Metadata-Version: 2.4\nName: %s\nVersion: %s\n%s\nWhat it is for.\n", name, version, fields)
}

func recordLine(path, text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s,sha256=%s,%d", path, base64.RawURLEncoding.EncodeToString(sum[:]), len(text))
}

func (w wheel) members() []member {
	dir := w.distInfo()
	metadata := w.metadata
	if metadata == "" {
		metadata = metadataText(w.name, w.version, w.fields)
	}
	wheelFile := w.wheelFile
	if wheelFile == "" {
		wheelFile = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
	}
	files := append([]member{{"pkg.py", "print(1)\n"}}, w.more...)
	files = append(files, member{dir + "/METADATA", metadata}, member{dir + "/WHEEL", wheelFile})
	record := map[string]string{dir + "/RECORD": dir + "/RECORD,,"}
	var order []string
	for _, m := range files {
		record[m.path] = recordLine(m.path, m.text)
		order = append(order, m.path)
	}
	order = append(order, dir+"/RECORD")
	for _, line := range w.record {
		path, _, _ := strings.Cut(strings.TrimPrefix(line, "-"), ",")
		if !slices.Contains(order, path) {
			order = append(order, path)
		}
		record[path] = line
	}
	var text strings.Builder
	for _, p := range order {
		if !strings.HasPrefix(record[p], "-") {
			text.WriteString(record[p] + "\n")
		}
	}
	files = append(append(files, member{dir + "/RECORD", text.String()}), w.hidden...)
	return slices.DeleteFunc(files, func(m member) bool { return w.drop != "" && m.path == dir+"/"+w.drop })
}

func (w wheel) build(t testing.TB) []byte { return zipOf(t, w.members()...) }

func zipOf(t testing.TB, files ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range files {
		f, err := zipEntry(z, m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipEntry stores what is not huge, so that golden digests do not hang on the
// compressor of a Go release.
func zipEntry(z *zip.Writer, m member) (io.Writer, error) {
	if len(m.text) > 1<<16 {
		return z.CreateHeader(&zip.FileHeader{Name: m.path, Method: zip.Deflate})
	}
	n := uint64(len(m.text))
	return z.CreateRaw(&zip.FileHeader{
		Name: m.path, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(m.text)), CompressedSize64: n, UncompressedSize64: n,
	})
}

func tarGzOf(t testing.TB, files ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	gz, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(gz)
	for _, m := range files {
		h := &tar.Header{Name: m.path, Mode: 0o644, Size: int64(len(m.text)), Typeflag: tar.TypeReg, ModTime: time.Unix(1935835200, 0)}
		if strings.HasSuffix(m.path, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sdistOf(t testing.TB, dir, name, version, fields string) []byte {
	t.Helper()
	info := metadataText(name, version, fields)
	return tarGzOf(t, member{dir + "/", ""}, member{dir + "/PKG-INFO", info}, member{dir + "/pyproject.toml", "[project]\n"},
		member{dir + "/src/pkg.egg-info/PKG-INFO", "Metadata-Version: 2.4\nName: another\nVersion: 9\n"})
}

// upload is a form as twine sends it; change edits its fields before they are
// written, {"name", ""} drops one.
func upload(t testing.TB, about, file string, content []byte, fields []member, change ...member) ecosystemtest.Request {
	t.Helper()
	sum, blake, old := sha256.Sum256(content), blake2b.Sum256(content), md5.Sum(content)
	kind := wheelType
	if !strings.HasSuffix(file, ".whl") {
		kind = sdistType
	}
	all := append(slices.Clone(fields), member{"filetype", kind}, member{"metadata_version", "2.4"},
		member{"description", strings.Repeat("words ", 20)}, member{"pyversion", "py3"},
		member{"sha256_digest", hex.EncodeToString(sum[:])}, member{"blake2_256_digest", hex.EncodeToString(blake[:])},
		member{"md5_digest", hex.EncodeToString(old[:])},
		member{":action", "file_upload"}, member{"protocol_version", "1"})
	for _, c := range change {
		all = slices.DeleteFunc(all, func(m member) bool { return m.path == c.path })
		if c.text != "" {
			all = append(all, c)
		}
	}
	// Fields stand on both sides of the file.
	half := len(all) / 2
	return formOf(t, about, append(append(slices.Clone(all[:half]), member{"content=" + file, string(content)}), all[half:]...)...)
}

// formOf writes the parts as they are; a path "content=NAME" is a file.
func formOf(t testing.TB, about string, parts ...member) ecosystemtest.Request {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		name, file, isFile := strings.Cut(p.path, "=")
		create := w.CreateFormField
		if isFile {
			create = func(name string) (io.Writer, error) { return w.CreateFormFile(name, file) }
		}
		part, err := create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(p.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return ecosystemtest.Request{
		Case: about, Method: "POST", URL: "upload/",
		Header: map[string]string{"Content-Type": w.FormDataContentType()},
		Body:   bytes.TrimSuffix(b.Bytes(), []byte("\r\n")),
	}
}

// send uploads a wheel with the form that belongs to it.
func (w wheel) send(t testing.TB, about string, change ...member) ecosystemtest.Request {
	t.Helper()
	fields := []member{{"name", w.name}, {"version", w.version}}
	for line := range strings.Lines(w.fields) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "Requires-Dist: "); ok {
			fields = append(fields, member{"requires_dist", v})
		}
		if v, ok := strings.CutPrefix(line, "Requires-Python: "); ok {
			fields = append(fields, member{"requires_python", v})
		}
	}
	return upload(t, about, w.fileName(), w.build(t), fields, change...)
}
