package archive

import (
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
)

// walk is one reading of one archive: what is left to spend, what was found.
type walk struct {
	limits Limits
	want   func(string) bool
	see    See   // nil: nobody looks
	seeErr error // what a looker said
	src    *source
	inv    Inventory
	seen   map[Rule]int
	tree   tree

	names  int   // bytes of names so far
	wanted int64 // bytes of wanted contents so far
	sum    hash.Hash
	buf    []byte
}

func newWalk(r io.ReaderAt, size int64, kind Kind, limits Limits, want func(string) bool) *walk {
	if want == nil {
		want = func(string) bool { return false }
	}
	return &walk{
		limits: limits.withDefaults(),
		want:   want,
		src:    newSource(r, size),
		inv:    Inventory{Kind: kind, Compressed: size, Wanted: map[string][]byte{}},
		seen:   map[Rule]int{},
		tree:   tree{nodes: map[string]node{}},
		sum:    sha256.New(),
		buf:    make([]byte, 32<<10),
	}
}

// admit takes an entry into the inventory: counts it, checks its path and
// where it stands among the others. The entry's content is filled in later
// through the pointer, which is valid until the next admit.
func (w *walk) admit(e Entry) (*Entry, error) {
	if len(w.inv.Entries) >= w.limits.Entries {
		return nil, w.stop(TooManyEntries, e.Path, "more than %d entries", w.limits.Entries)
	}
	if err := w.checkPath(e.Path); err != nil {
		return nil, err
	}
	w.names += len(e.Path) + len(e.Link)
	if w.names > nameBytes*w.limits.Entries+window {
		return nil, w.stop(NameTooLong, e.Path, "names take more than %d bytes in all", nameBytes*w.limits.Entries+window)
	}
	if e.Type == File && e.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		w.note(Setuid, e.Path, "mode %v", e.Mode)
	}
	w.inv.Entries = append(w.inv.Entries, e)
	if err := w.tree.add(w, len(w.inv.Entries)-1); err != nil {
		return nil, err
	}
	return &w.inv.Entries[len(w.inv.Entries)-1], nil
}

// claim holds the size that a header states against the bounds, so that a
// hopeless entry is not unpacked first. Nothing is allocated by it.
func (w *walk) claim(path string, size int64) error {
	if size > w.limits.EntrySize {
		return w.stop(EntryTooLarge, path, "states %d bytes, %d are allowed", size, w.limits.EntrySize)
	}
	if size > w.limits.TotalSize-w.inv.Unpacked {
		return w.stop(TooLarge, path, "unpacks to more than %d bytes in all", w.limits.TotalSize)
	}
	return nil
}

// content reads r to its end as the content of a regular file: hashes it and
// keeps it when it is wanted. The caller bounds r.
func (w *walk) content(e *Entry, r io.Reader) error {
	keep := w.want(e.Path)
	var kept []byte
	w.sum.Reset()
	look := w.look(e.Path)
	defer look.end()
	for {
		n, err := r.Read(w.buf)
		w.sum.Write(w.buf[:n])
		if !look.write(w.buf[:n]) {
			return errStop
		}
		e.Size += int64(n)
		if keep && n > 0 {
			if w.wanted += int64(n); e.Size > w.limits.Wanted || w.wanted > 4*w.limits.Wanted {
				return w.stop(WantedTooLarge, e.Path, "metadata of more than %d bytes", w.limits.Wanted)
			}
			kept = append(kept, w.buf[:n]...)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	w.sum.Sum(e.SHA256[:0])
	if keep {
		w.inv.Wanted[e.Path] = kept
	}
	return nil
}

// looker hands the contents of one file to whoever wants to see them.
type looker struct {
	w  *walk
	to io.WriteCloser
}

func (w *walk) look(path string) looker {
	if w.see == nil {
		return looker{}
	}
	return looker{w, w.see(path)}
}

func (l looker) write(b []byte) bool {
	if l.to == nil || len(b) == 0 {
		return true
	}
	_, err := l.to.Write(b)
	l.w.seeErr = err
	return err == nil
}

func (l looker) end() {
	if l.to == nil {
		return
	}
	if err := l.to.Close(); err != nil && l.w.seeErr == nil {
		l.w.seeErr = err
	}
}

// meter counts what a decompressor really yields and stops it at the bounds.
type meter struct {
	w *walk
	r io.Reader
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	w := m.w
	w.inv.Unpacked += int64(n)
	if w.inv.Unpacked > w.limits.TotalSize {
		return 0, w.stop(TooLarge, "", "unpacks to more than %d bytes", w.limits.TotalSize)
	}
	if w.inv.Unpacked > RatioFloor && w.inv.Unpacked/w.limits.Ratio > w.inv.Compressed {
		return 0, w.stop(Ratio, "", "unpacks to more than %d times its %d bytes", w.limits.Ratio, w.inv.Compressed)
	}
	return n, err
}

// broken turns what a decompressor says about its input into an anomaly. An
// error of the source passes; Read reports it.
func (w *walk) broken(entry string, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, errStop), w.src.err != nil:
		return err
	case errors.Is(err, gzip.ErrChecksum):
		return w.stop(BadCRC, entry, "checksum or length differs from the data")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return w.stop(Truncated, entry, "data ends early")
	case errors.As(err, &corrupt):
		return w.stop(Unreadable, entry, "compressed data is corrupt")
	}
	return w.stop(Unreadable, entry, "%s", printable(err.Error()))
}
