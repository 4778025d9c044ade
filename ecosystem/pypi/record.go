package pypi

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bonded.dev"
	"bonded.dev/internal/archive"
)

// checkRecord holds RECORD against the archive (recording installed projects;
// binary distribution format, "The .dist-info directory"): every file is
// listed with a SHA-256 that is its own, and nothing else is listed. Installers
// that believe RECORD and installers that believe the archive then install the
// same files.
func checkRecord(text []byte, path string, entries []archive.Entry, found *findings) {
	rows := readRecord(text, path, found)
	exempt := map[string]bool{path: true, path + ".jws": true, path + ".p7s": true}
	for i := range entries {
		e := &entries[i]
		if e.Type != archive.File {
			continue
		}
		row, listed := rows[e.Path]
		delete(rows, e.Path)
		switch {
		case exempt[e.Path]:
		case !listed:
			found.add(bonded.Shape, "record-missing", e.Path, "RECORD does not list the file")
		default:
			row.check(e, found)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(rows)) {
		if !exempt[p] {
			found.add(bonded.Shape, "record-extra", p, "RECORD lists a file that is not in the wheel")
		}
	}
}

type recordRow struct{ hash, size string }

func (r recordRow) check(e *archive.Entry, found *findings) {
	if want := "sha256=" + base64.RawURLEncoding.EncodeToString(e.SHA256[:]); r.hash != want {
		// Stronger algorithms are allowed and nobody writes them; a digest that
		// is not checked here would be a promise nobody keeps.
		found.add(bonded.Shape, "record-hash", e.Path, "RECORD says \"%s\", the file is %s", show(r.hash), want)
	}
	if r.size != "" && r.size != strconv.FormatInt(e.Size, 10) {
		found.add(bonded.Shape, "record-size", e.Path, "RECORD says \"%s\" bytes, the file has %d", show(r.size), e.Size)
	}
}

// readRecord reads the CSV. Two rows of one path are an anomaly only when they
// differ; some tools list RECORD twice.
func readRecord(text []byte, path string, found *findings) map[string]recordRow {
	rows := map[string]recordRow{}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	for n := 1; ; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil || len(row) != 3 || strings.ContainsAny(strings.Join(row, ""), "\r\n\x00") {
			found.add(bonded.Shape, "record-syntax", path, "row %d is not path, hash and size in CSV", n)
			return rows
		}
		p := strings.ReplaceAll(strings.Clone(row[0]), `\`, "/") // as Windows tools wrote it
		now := recordRow{strings.Clone(row[1]), strings.Clone(row[2])}
		if was, twice := rows[p]; twice && was != now {
			found.add(bonded.Shape, "record-duplicate", p, "RECORD lists the file twice and differently")
		}
		rows[p] = now
	}
}
