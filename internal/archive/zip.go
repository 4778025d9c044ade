package archive

import (
	"archive/zip"
	"cmp"
	"slices"
)

// zip reads a zip the strict way: the end records, every record of the central
// directory, then the entries in the order in which they stand in the file.
// Only an archive whose entries fill it from its first byte to the directory,
// without gap or overlap, means the same to a reader that starts at the front
// (uv unpacks a wheel while it streams) and to one that starts at the end.
func (w *walk) zip() error {
	d, err := w.findDirectory()
	if err != nil {
		return err
	}
	entries, err := w.readDirectory(d)
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, func(a, b zipEntry) int { return cmp.Compare(a.offset, b.offset) })
	z := &zipReader{w: w, dir: d, in: span{s: w.src}, meter: meter{w: w}, end: d.base}
	for i := range entries {
		next := d.offset
		if i+1 < len(entries) {
			next = entries[i+1].offset
		}
		if err := z.entry(&entries[i], next); err != nil {
			return err
		}
	}
	if z.end < d.offset {
		w.note(HiddenData, "", "%d bytes before the central directory", d.offset-z.end)
	}
	if len(w.inv.Anomalies) == 0 {
		w.secondOpinion(entries)
	}
	return nil
}

// readDirectory reads the records of the central directory.
func (w *walk) readDirectory(d directory) ([]zipEntry, error) {
	var entries []zipEntry
	names := 0
	for off, end := d.offset, d.offset+d.size; off < end; {
		if len(entries) >= w.limits.Entries {
			return nil, w.stop(TooManyEntries, "", "more than %d entries", w.limits.Entries)
		}
		e, n, err := w.readDirectoryRecord(off, end)
		if err != nil {
			return nil, err
		}
		if names += len(e.name); names > nameBytes*w.limits.Entries+window {
			return nil, w.stop(NameTooLong, e.name, "names take more than %d bytes in all", nameBytes*w.limits.Entries+window)
		}
		e.offset += d.base
		if e.offset < d.base || e.offset > d.offset-localLen {
			return nil, w.stop(LocalHeader, e.name, "no local header at byte %d", e.offset)
		}
		entries = append(entries, e)
		off += n
	}
	if uint64(len(entries)) != d.entries {
		w.note(EntryCount, "", "%d entries, the end record says %d", len(entries), d.entries)
	}
	return entries, nil
}

// secondOpinion asks archive/zip about an archive that has raised nothing: what
// we accept must be what an independent reader of the same bytes sees. It reads
// headers only; contents were held against their checksums already.
func (w *walk) secondOpinion(entries []zipEntry) {
	r, err := zip.NewReader(w.src, w.src.size)
	if err != nil {
		w.note(ParserDisagreement, "", "archive/zip: %s", printable(err.Error()))
		return
	}
	if len(r.File) != len(entries) {
		w.note(ParserDisagreement, "", "archive/zip sees %d entries instead of %d", len(r.File), len(entries))
		return
	}
	byData := make(map[int64]*zip.File, len(r.File))
	for _, f := range r.File {
		off, err := f.DataOffset()
		if err != nil {
			w.note(ParserDisagreement, f.Name, "archive/zip: %s", printable(err.Error()))
			return
		}
		byData[off] = f
	}
	for i := range entries {
		e := &entries[i]
		f := byData[e.data]
		if f == nil || f.Name != e.name || f.Method != e.method || f.Flags != e.flags || f.CRC32 != e.crc ||
			f.CompressedSize64 != uint64(e.packed) || f.UncompressedSize64 != uint64(e.unpacked) {
			w.note(ParserDisagreement, e.name, "archive/zip reads other header fields")
		}
	}
}
