package archive

import (
	"bytes"
	"io"
	"strings"
)

// tarReader walks the blocks of a tar.
type tarReader struct {
	w     *walk
	in    meter
	block [blockSize]byte
	next  pending
	// global says that a global pax header still waits for an entry.
	global bool
}

// pending is what extension headers say about the entry that follows.
type pending struct {
	pax                   paxRecords
	hasPAX                bool
	longName, longLink    string
	hasLongName, hasLongL bool
}

// tar walks the tar in r to the very end of r: what stands behind the archive
// counts, and so does the checksum of the compression around it.
func (w *walk) tar(r io.Reader) error {
	t := &tarReader{w: w, in: meter{w, r}}
	for {
		more, err := t.readBlock()
		if err != nil {
			return err
		}
		if !more {
			// All readers take the end of the file for the end of the archive,
			// but so ends a truncated one, too.
			w.note(Truncated, "", "no end-of-archive blocks")
			break
		}
		if zero(t.block[:]) {
			if err := t.end(); err != nil {
				return err
			}
			break
		}
		if err := t.entry(); err != nil {
			return err
		}
	}
	if t.next != (pending{}) || t.global {
		w.note(PAXHeader, "", "an extension header without an entry")
	}
	return nil
}

// readBlock reads the next block; false when r ends before it.
func (t *tarReader) readBlock() (bool, error) {
	_, err := io.ReadFull(&t.in, t.block[:])
	if err == io.EOF {
		return false, nil
	}
	if err != nil {
		return false, t.w.broken("", err)
	}
	return true, nil
}

// end reads from the first zero block on. Two of them end an archive, and
// writers pad it with more. After a single one node-tar goes on, others stop.
func (t *tarReader) end() error {
	more, err := t.readBlock()
	if err != nil {
		return err
	}
	if !more {
		t.w.note(Truncated, "", "a single zero block at the end")
		return nil
	}
	for rest := t.block[:]; ; {
		if !zero(rest) {
			return t.w.stop(TrailingData, "", "data after the end of the archive")
		}
		n, err := t.in.Read(t.w.buf)
		if err != nil && err != io.EOF {
			return t.w.broken("", err)
		}
		if n == 0 && err == io.EOF {
			return nil
		}
		rest = t.w.buf[:n]
	}
}

// entry reads the header in t.block, and what belongs to it.
func (t *tarReader) entry() error {
	h, err := t.w.parseHeader(t.block[:])
	if err != nil {
		return err
	}
	switch h.typ {
	case 'x', 'g':
		return t.extended(h)
	case 'L', 'K':
		return t.longName(h)
	}
	return t.member(h)
}

// body reads the content of an extension header.
func (t *tarReader) body(h tarHeader) (string, error) {
	if h.link != "" {
		t.w.note(HeaderFormat, h.name, "an extension header with a link target")
	}
	if h.size > extendedHeader {
		return "", t.w.stop(HeaderTooLarge, h.name, "an extension header of %d bytes", h.size)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, &t.in, h.size); err != nil {
		return "", t.w.broken(h.name, err)
	}
	// tarfile parses the last block to its end: records and names can be
	// continued in the padding, for it alone.
	body := b.Len()
	if _, err := io.CopyN(&b, &t.in, padding(h.size)); err != nil {
		return "", t.w.broken(h.name, err)
	}
	if !zero(b.Bytes()[body:]) {
		t.w.note(HeaderFormat, h.name, "data in the padding of an extension header")
	}
	return b.String()[:body], nil
}

func padding(size int64) int64 { return -size & (blockSize - 1) }

func (t *tarReader) skip(n int64) error {
	if _, err := io.CopyN(io.Discard, &t.in, n); err != nil {
		return t.w.broken("", err)
	}
	return nil
}

// extended takes a pax header, for the next entry or (g) for all that follow.
func (t *tarReader) extended(h tarHeader) error {
	body, err := t.body(h)
	if err != nil {
		return err
	}
	global := h.typ == 'g'
	records, err := t.w.parsePAX(body, global)
	if err != nil {
		return err
	}
	if t.next != (pending{}) {
		// Whether they add up, and in which order, differs.
		t.w.note(ConflictingNames, "", "a pax header after another extension header")
	}
	if t.global = t.global || global; !global {
		t.next.pax, t.next.hasPAX = records, true
	}
	return nil
}

// longName takes GNU's long names (K for links): the body is the name and a zero byte.
func (t *tarReader) longName(h tarHeader) error {
	body, err := t.body(h)
	if err != nil {
		return err
	}
	name, rest, _ := strings.Cut(body, "\x00")
	if !zero([]byte(rest)) {
		t.w.note(HeaderFormat, name, "data after a long name")
	}
	repeated := t.next.hasLongName
	if h.typ == 'L' {
		t.next.longName, t.next.hasLongName = name, true
	} else {
		repeated = t.next.hasLongL
		t.next.longLink, t.next.hasLongL = name, true
	}
	if repeated {
		t.w.note(ConflictingNames, name, "a long name after another one")
	}
	return nil
}

// apply puts what the extension headers said into the header they precede.
func (t *tarReader) apply(h *tarHeader) {
	p := t.next
	t.next, t.global = pending{}, false
	if p.hasPAX && (p.hasLongName || p.hasLongL) {
		t.w.note(ConflictingNames, p.longName, "both a pax header and a GNU long name")
	}
	if p.pax.hasPath {
		h.name = p.pax.path
	}
	if p.hasLongName {
		h.name = p.longName
	}
	if p.pax.hasLink {
		h.link = p.pax.link
	}
	if p.hasLongL {
		h.link = p.longLink
	}
	if p.pax.hasSize && p.pax.size != h.size {
		// Two sizes are two archives: who believes the smaller one finds
		// headers in the content (tokio-tar, 2025).
		t.w.note(PAXOverride, h.name, "size %d over %d", p.pax.size, h.size)
		h.size = p.pax.size
	}
}

// member reads an entry with its content.
func (t *tarReader) member(h tarHeader) error {
	short := h.name
	t.apply(&h)
	typ, known := entryType(h.typ, short)
	e := Entry{Path: h.name, Type: typ, Mode: tarMode(h.mode), Link: h.link}
	if typ == Dir {
		e.Path = strings.TrimSuffix(h.name, "/")
	}
	if len(h.link) > t.w.limits.NameLength {
		return t.w.stop(NameTooLong, h.name, "a link target of %d bytes", len(h.link))
	}
	if err := t.w.claim(h.name, h.size); err != nil {
		return err
	}
	p, err := t.w.admit(e)
	if err != nil {
		return err
	}
	t.checkType(h, short, known)
	switch {
	case typ == Hardlink:
		t.w.tree.hardLink(t.w, p)
		return nil
	case headerOnly(h.typ) || typ == Dir:
		return nil
	case typ == Other:
		return t.skip(h.size + padding(h.size))
	}
	err = t.w.content(p, &io.LimitedReader{R: &t.in, N: h.size})
	if err == nil && p.Size < h.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return t.w.broken(h.name, err)
	}
	return t.skip(padding(h.size))
}

// headerOnly reports types without content, whatever their size field says.
func headerOnly(flag byte) bool { return flag >= '1' && flag <= '6' }

// checkType notes what does not fit the type flag; short is the name in the
// header itself.
func (t *tarReader) checkType(h tarHeader, short string, known bool) {
	switch {
	case h.typ == '3' || h.typ == '4' || h.typ == '6':
		t.w.note(SpecialFile, h.name, "type %+q", h.typ)
	case !known:
		t.w.note(UnknownType, h.name, "type %+q", h.typ)
	case h.typ == '0' && strings.HasSuffix(h.name, "/"),
		h.typ == 0 && strings.HasSuffix(h.name, "/") != strings.HasSuffix(short, "/"):
		t.w.note(TypeConflict, h.name, "a directory by its name, a file by its type")
	}
	if isLink := h.typ == '1' || h.typ == '2'; isLink == (h.link == "") {
		// node-tar skips the header of such an entry and reads its content as headers.
		t.w.note(HeaderFormat, h.name, "type %+q with link target %s", h.typ, quoted(h.link))
	}
	isDir := headerOnly(h.typ) || h.typ == 0 && strings.HasSuffix(short, "/")
	if isDir && h.size > 0 {
		t.w.note(DirWithData, h.name, "type %+q with %d bytes", h.typ, h.size)
	}
}
