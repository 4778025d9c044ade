// Package archivetest builds archives for tests: well-formed ones, and hostile
// ones that no ordinary writer would make.
//
// [TarGz], [Tar] and [Zip] write what they are told, byte by byte, and an
// [Entry] has hooks to tamper with its own headers. [TarGzCases] and [ZipCases]
// are the table of hostile archives, each with the rule that it breaks; a case
// is built around entries of the caller's, so that the same table serves the
// reader's own tests and uploads of otherwise valid packages.
//
// Nothing in them does anything: names and contents are inert.
package archivetest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
)

// Entry is one entry of an archive to build.
type Entry struct {
	Name string
	Body string
	Link string
	// Type is a tar type flag; 0 stands for '0', a regular file. A zip knows
	// '2' and '5' and expresses them in the mode.
	Type byte
	Mode int64 // permission bits; 0 means 0644, or 0755 for a directory

	// For tar.
	PAX      [][2]string        // records of a pax header before the entry
	LongName string             // a GNU long name before the entry
	Header   func(block []byte) // changes the 512 bytes before they are summed

	// For zip.
	Store                    bool // do not compress
	Descriptor               bool // sizes after the content
	Before                   []byte
	LocalName                string // instead of Name, in the local header
	LocalExtra, CentralExtra []byte
	Local, Central           func(record []byte) // change the fixed part
	NoCentral                bool                // only a local header
}

// File is a regular file.
func File(name, body string) Entry { return Entry{Name: name, Body: body} }

// Dir is a directory.
func Dir(name string) Entry { return Entry{Name: name + "/", Type: '5'} }

// Symlink is a symbolic link.
func Symlink(name, target string) Entry { return Entry{Name: name, Link: target, Type: '2'} }

// Hardlink is a hard link, for tar.
func Hardlink(name, target string) Entry { return Entry{Name: name, Link: target, Type: '1'} }

func (e Entry) mode() int64 {
	if e.Mode == 0 && e.Type == '5' {
		return 0o755
	}
	if e.Mode == 0 {
		return 0o644
	}
	return e.Mode
}

// Tar writes entries and an end of archive.
func Tar(entries ...Entry) []byte {
	return append(TarEntries(entries...), make([]byte, 2*blockSize)...)
}

// TarGz compresses Tar.
func TarGz(entries ...Entry) []byte { return Gzip(Tar(entries...)) }

const blockSize = 512

// TarEntries writes entries without an end of archive.
func TarEntries(entries ...Entry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		if e.PAX != nil {
			writeTarEntry(&b, Entry{Name: "PaxHeaders/x", Type: 'x', Body: Records(e.PAX...)})
		}
		if e.LongName != "" {
			writeTarEntry(&b, Entry{Name: "././@LongLink", Type: 'L', Body: e.LongName + "\x00"})
		}
		writeTarEntry(&b, e)
	}
	return b.Bytes()
}

func writeTarEntry(b *bytes.Buffer, e Entry) {
	h := make([]byte, blockSize)
	copy(h[:100], e.Name)
	copy(h[100:], fmt.Sprintf("%07o\x00%07o\x00%07o\x00%011o\x00%011o\x00", e.mode(), 0, 0, len(e.Body), 0))
	h[156] = e.Type
	if e.Type == 0 {
		h[156] = '0'
	}
	copy(h[157:257], e.Link)
	copy(h[257:], "ustar\x0000")
	if e.Header != nil {
		e.Header(h)
	}
	Sum(h)
	b.Write(h)
	b.WriteString(e.Body)
	b.Write(make([]byte, -len(e.Body)&(blockSize-1)))
}

// Sum writes the checksum of a tar header block.
func Sum(block []byte) {
	copy(block[148:156], "        ")
	sum := 0
	for _, c := range block[:blockSize] {
		sum += int(c)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// Records writes pax records.
func Records(kv ...[2]string) string {
	s := ""
	for _, r := range kv {
		s += Record(r[0], r[1])
	}
	return s
}

// Record writes one pax record, whose length counts its own digits.
func Record(key, value string) string {
	n := len(key) + len(value) + 3
	for n < len(fmt.Sprint(n))+len(key)+len(value)+3 {
		n++
	}
	return fmt.Sprintf("%d %s=%s\n", n, key, value)
}

// Gzip compresses b into one member.
func Gzip(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	must(z.Write(b))
	must(0, z.Close())
	return out.Bytes()
}

func deflate(b string) []byte {
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.DefaultCompression)
	must(0, err)
	must(z.Write([]byte(b)))
	must(0, z.Close())
	return out.Bytes()
}

// must stops on errors of writers into memory, which have none.
func must(_ int, err error) {
	if err != nil {
		panic(err)
	}
}
