package archive

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Signatures and fixed lengths of zip records (APPNOTE 4.3).
const (
	sigLocal      = "PK\x03\x04"
	sigDirectory  = "PK\x01\x02"
	sigEnd        = "PK\x05\x06"
	sigEnd64      = "PK\x06\x06"
	sigLocator    = "PK\x06\x07"
	sigDescriptor = "PK\x07\x08"

	localLen     = 30
	directoryLen = 46
	endLen       = 22
	end64Len     = 56
	locatorLen   = 20
	maxComment   = 0xffff
)

var le = binary.LittleEndian

// directory is where the central directory is and what the end records say
// about it.
type directory struct {
	offset, size int64 // where it really is
	entries      uint64
	// base is added to the offsets in the records: 0, or the length of what
	// stands before the archive.
	base int64
}

// findDirectory reads the end of central directory record and its zip64 form.
func (w *walk) findDirectory() (directory, error) {
	at, err := w.findEnd()
	if err != nil {
		return directory{}, err
	}
	b, _ := w.src.at(at, endLen)
	disk, dirDisk, here, all := le.Uint16(b[4:]), le.Uint16(b[6:]), le.Uint16(b[8:]), le.Uint16(b[10:])
	size, offset := uint64(le.Uint32(b[12:])), uint64(le.Uint32(b[16:]))
	if disk != 0 || dirDisk != 0 || here != all {
		w.note(EntryCount, "", "an archive on several disks")
	}
	d := directory{entries: uint64(all)}
	if w.src.has(at-locatorLen, sigLocator) {
		if at, err = w.zip64(at, &d.entries, &size, &offset); err != nil {
			return d, err
		}
	}
	if size > uint64(at) || offset > uint64(at)-size {
		return d, w.stop(Unreadable, "", "no room for a central directory of %d bytes at byte %d", size, offset)
	}
	// Readers find the directory by its size, backwards from the end record,
	// or by its offset; both must lead to the same place.
	d.offset, d.size = at-int64(size), int64(size)
	d.base = d.offset - int64(offset)
	if d.base > 0 && (w.src.has(int64(offset), sigDirectory) || w.src.has(int64(offset), sigEnd)) {
		// By its offset there is a directory, too.
		w.note(SecondDirectory, "", "central directories at bytes %d and %d", offset, d.offset)
	} else if d.base > 0 {
		w.note(PrependedData, "", "%d bytes before the archive", d.base)
	}
	return d, nil
}

// findEnd finds the end record: the last one whose comment ends with the file.
func (w *walk) findEnd() (int64, error) {
	n := int(min(endLen+maxComment, w.src.size))
	from := w.src.size - int64(n)
	tail, _ := w.src.at(from, n)
	found, lenient, later := -1, -1, false
	for i := bytes.LastIndex(tail, []byte(sigEnd)); i >= 0; i = bytes.LastIndex(tail[:i], []byte(sigEnd)) {
		if i+endLen > n {
			continue
		}
		switch end := i + endLen + int(le.Uint16(tail[i+20:])); {
		case end == n && found >= 0:
			w.note(SecondDirectory, "", "two end records that reach to the end of the file")
		case end == n:
			found, later = i, lenient >= 0
		case end < n && lenient < 0:
			lenient = i
		}
	}
	switch {
	case found >= 0:
		w.checkComment(tail[found+endLen:], later)
	case lenient >= 0:
		found = lenient
		w.note(TrailingData, "", "%d bytes after the archive", n-found-endLen-int(le.Uint16(tail[found+20:])))
	default:
		return 0, w.stop(Truncated, "", "no end of central directory record")
	}
	return from + int64(found), nil
}

// checkComment looks for what a searching reader would take for an end record.
func (w *walk) checkComment(comment []byte, holdsEnd bool) {
	for _, sig := range []string{sigEnd, sigEnd64, sigLocator, sigDirectory, sigLocal} {
		holdsEnd = holdsEnd || bytes.Contains(comment, []byte(sig))
	}
	if holdsEnd {
		w.note(SecondDirectory, "", "zip records in the archive's comment")
	}
}

// zip64 reads the zip64 end record that the locator before the end record at
// byte end stands for, and returns where it begins. It must stand right before
// its locator, since zipfile looks there and others follow the locator; and it
// must be needed, since some look for it always and some only then.
func (w *walk) zip64(end int64, entries, size, offset *uint64) (int64, error) {
	at := end - locatorLen - end64Len
	loc, _ := w.src.at(end-locatorLen, locatorLen)
	disk, disks, points := le.Uint32(loc[4:]), le.Uint32(loc[16:]), le.Uint64(loc[8:])
	if !w.src.has(at, sigEnd64) {
		return 0, w.stop(Zip64Mismatch, "", "no zip64 end record before its locator")
	}
	b, _ := w.src.at(at, end64Len)
	here, all := le.Uint64(b[24:]), le.Uint64(b[32:])
	if points != uint64(at) {
		w.note(Zip64Mismatch, "", "the locator points to byte %d, the record is at %d", points, at)
	}
	if le.Uint64(b[4:]) != end64Len-12 || disk != 0 || disks > 1 || le.Uint32(b[16:]) != 0 || le.Uint32(b[20:]) != 0 || here != all {
		w.note(Zip64Mismatch, "", "an extended record, or one of several disks")
	}
	needed := false
	for _, f := range []struct {
		short        *uint64
		long, escape uint64
	}{
		{entries, all, math.MaxUint16},
		{size, le.Uint64(b[40:]), math.MaxUint32},
		{offset, le.Uint64(b[48:]), math.MaxUint32},
	} {
		if *f.short != f.escape && *f.short != f.long {
			w.note(Zip64Mismatch, "", "end records say %d and %d", *f.short, f.long)
		}
		needed = needed || *f.short == f.escape && f.long >= f.escape
		*f.short = f.long
	}
	if !needed {
		w.note(Zip64Mismatch, "", "a zip64 end record that is not needed")
	}
	return at, nil
}
