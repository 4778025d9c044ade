// Package archive is the one reader that looks into uploaded archives. Every
// ecosystem uses it, so that there is one place to be strict in, to bound and
// to fuzz.
//
// An archive is dangerous in two ways. It can cost too much: a few kilobytes
// that unpack to terabytes, a million empty files. And it can mean different
// things to different readers: the registry, the scanner and the installer
// each see another file under the same name, because formats repeat facts
// (a zip names each entry twice) and readers differ in which copy they trust.
// Against the first, [Read] counts real bytes and stops at the first of the
// [Limits]; no size that a header claims decides an allocation. Against the
// second, it accepts one reading only: where two known readers could differ, it
// notes an [Anomaly], whichever of them is right.
//
// Read collects and does not judge. A control refuses for the bounds, another
// one for the shapes ([Rule.Bound] tells them apart), and with both off the
// [Inventory] is still what an ordinary lenient reader would see, which is what
// a drill needs. The bounds hold all the same.
//
// How a walk goes, by file:
//
//	source.go  the bytes, behind one window of 128 KB
//	gzip.go    the gzip layer: one member, nothing behind it, not also a zip
//	tar.go     headers and contents; tarheader.go and pax.go read the headers
//	zip.go     the end records (zipend.go), the central directory, then every
//	           entry in file order (zipentry.go): the entries must tile the
//	           file, local headers (ziplocal.go) and extra fields (zipextra.go)
//	           must agree with the directory, and archive/zip must see the same
//	paths.go   what a path may look like
//	tree.go    what the paths make together: duplicates, collisions, links
//	walk.go    what one walk has spent and found
//	rules.go   the list of rules; limits.go the bounds, and why so high
//
// The readers it is held against, by fuzzing and by mutation, are archive/tar
// and archive/zip, Python's tarfile and zipfile (with what pip does around them)
// and node-tar. Comments name the one that a rule is there for.
//
// Hole: "./" before a path is an anomaly, because npm strips the first segment
// and would strip the dot. Debian packages and image layers are full of it:
// their adapters will need it told apart from other dot segments.
//
// Hole: the padding behind a tar entry's content is not checked to be zero.
// No reader looks at it, but bytes can be carried in it.
//
// Hole: names that Windows reserves (NUL, AUX, COM1) pass, since packages with
// a file aux.js are real; on that system they fail to install.
package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Kind is the kind of container.
type Kind int

// The kinds that Read knows.
const (
	TarGz Kind = iota + 1 // RFC 1952 around POSIX.1-2001 pax, ustar, GNU or v7 tar
	Zip                   // PKWARE APPNOTE 6.3, store and deflate only
	Tar
)

func (k Kind) String() string {
	switch k {
	case TarGz:
		return "tar.gz"
	case Zip:
		return "zip"
	case Tar:
		return "tar"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// EntryType is what an entry becomes when it is extracted.
type EntryType int

// The types of entries.
const (
	File EntryType = iota + 1
	Dir
	Symlink
	Hardlink
	Other // noted as SpecialFile or UnknownType
)

// Entry is one file, directory or link of an archive.
type Entry struct {
	// Path is the name as the archive spells it, less the slash that ends a
	// directory's. It is clean (relative, slashes, no "." or ".." or empty
	// segments) unless an anomaly says otherwise.
	Path string
	Size int64 // bytes unpacked, counted and not claimed
	Mode fs.FileMode
	Type EntryType
	// Link is the target of a link: relative to the entry's folder for a
	// symbolic one, to the archive for a hard one.
	Link string
	// SHA256 is of the content of a regular file, and of its target's for a
	// hard link to an earlier one.
	SHA256 [32]byte
}

// Inventory is everything that a walk saw.
type Inventory struct {
	Kind Kind
	// Entries are in the order of the archive: for zip that of the local
	// headers. After a bound was hit, they are the entries before it.
	Entries   []Entry
	Anomalies []Anomaly
	// Omitted counts anomalies beyond the first few of their rule.
	Omitted    int
	Unpacked   int64 // bytes, for tar with headers and padding
	Compressed int64 // bytes of the archive
	// Wanted holds the contents asked for, by Path. Of duplicates the last one
	// stands, as it does after extraction.
	Wanted map[string][]byte
}

// Has reports whether some anomaly is of the given rule.
func (inv *Inventory) Has(rule Rule) bool {
	for _, a := range inv.Anomalies {
		if a.Rule == rule {
			return true
		}
	}
	return false
}

// Of returns the anomalies about bounds, or those about shape.
func (inv *Inventory) Of(bound bool) []Anomaly {
	var out []Anomaly
	for _, a := range inv.Anomalies {
		if a.Rule.Bound() == bound {
			out = append(out, a)
		}
	}
	return out
}

// errStop ends a walk whose reason is already noted.
var errStop = errors.New("stop reading the archive")

// See gets the contents of regular files while a walk goes over them. It
// returns where the bytes of the file at path go, nil for a file that nobody
// wants to see; Close comes after the last of them. Paths may be hostile. What
// it says of a write ends the walk, as a fault of the reader.
type See func(path string) io.WriteCloser

// Read walks the archive of size bytes in r once, from front to end, and
// reports what it saw. want says which regular files' contents to return,
// nil none; it may be asked about hostile paths and must not fail on them.
//
// The error is about r alone: it could not be read, or had fewer than size
// bytes. Whatever is wrong with the archive is an anomaly.
func Read(r io.ReaderAt, size int64, kind Kind, limits Limits, want func(path string) bool) (Inventory, error) {
	return newWalk(r, size, kind, limits, want).read()
}

// Scan is Read for whoever looks at every file's contents and keeps none.
func Scan(r io.ReaderAt, size int64, kind Kind, limits Limits, see See) (Inventory, error) {
	w := newWalk(r, size, kind, limits, nil)
	w.see = see
	return w.read()
}

func (w *walk) read() (Inventory, error) {
	var err error
	switch w.inv.Kind {
	case TarGz:
		err = w.tarGz()
	case Tar:
		err = w.tar(&span{s: w.src, end: w.src.size})
	case Zip:
		err = w.zip()
	default:
		return Inventory{}, fmt.Errorf("read archive: unknown %v", w.inv.Kind)
	}
	if w.src.err != nil {
		return Inventory{}, fmt.Errorf("read archive: %w", w.src.err)
	}
	if w.seeErr != nil {
		return Inventory{}, fmt.Errorf("look into an archive: %w", w.seeErr)
	}
	if err != nil && !errors.Is(err, errStop) {
		w.note(Unreadable, "", "%s", printable(err.Error()))
	}
	w.tree.resolveLinks(w)
	return w.inv, nil
}
