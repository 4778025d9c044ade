package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"bonded.dev"
	"bonded.dev/internal/archive"

	"github.com/klauspost/compress/gzip"
)

// Before anything becomes visible, or is staged, its bytes are searched for
// access tokens of this repository: the artifact as it stands, every file inside
// it, and what is inside of archives inside it. What is found ends at once, and
// the upload is refused with the file's name.
//
// This is one place for every dialect, and costs a second reading of the archive:
// an adapter that forgot to look would be a hole that nobody sees.
//
// Hole: an archive inside an archive is searched up to nestedSize bytes packed
// and nestedTotal bytes unpacked, and one more level down it is opaque bytes.
const (
	nestedSize  = 16 << 20
	nestedTotal = 256 << 20
	// mostSuspects is how many different texts are looked up for one upload.
	mostSuspects = 256

	tokenPrefix    = "bnd_"
	tokenRest      = 36 // 30 random characters and 6 of checksum
	narrowedPrefix = "bna_"
	narrowedLeast  = 64
	narrowedMost   = 4096
)

// secrets refuses a draft that holds a token of this repository.
func (d *Desk) secrets(ctx context.Context, e *entrant) error {
	if d.Leaked == nil || d.without("secret-scan-at-publish") {
		return nil
	}
	s := &search{seen: map[string]bool{}}
	err := d.searchDraft(ctx, s, &e.draft)
	if errors.Is(err, errManySuspects) {
		return bonded.Refusal(bonded.Refused, "secret-scan-at-publish",
			"the upload holds more than %d texts that look like access tokens, and each would have to be looked up; leave them out", mostSuspects)
	}
	if err != nil {
		return fmt.Errorf("searching an upload of %s for tokens: %w", e.draft.Name, err)
	}
	where := ""
	for _, x := range s.found {
		leaked, err := d.Leaked(ctx, x.text, "an upload of "+e.draft.Name.String()+", "+x.where)
		if err != nil {
			return fmt.Errorf("looking up what may be a token: %w", err)
		}
		if leaked && where == "" {
			where = x.where
		}
	}
	if where == "" {
		return nil
	}
	return bonded.Refusal(bonded.Refused, "secret-scan-at-publish",
		"an access token of this repository stands in %s; nothing was published and the token is dead now; take it out, make a new one, and publish again", where)
}

func (d *Desk) searchDraft(ctx context.Context, s *search, draft *bonded.Draft) error {
	for _, doc := range draft.Docs {
		if err := s.all("what the upload says of itself", doc); err != nil {
			return err
		}
	}
	for _, k := range draft.Kept {
		if err := d.searchKept(ctx, s, k, fileOf(draft, k.Digest)); err != nil {
			return err
		}
	}
	return nil
}

// fileOf is the name of the file that has these bytes.
func fileOf(draft *bonded.Draft, digest bonded.Digest) string {
	for i := range draft.Facts {
		if f := &draft.Facts[i]; f.Type == bonded.Publish && f.Digest == digest {
			return f.File
		}
	}
	return "the upload"
}

func (d *Desk) searchKept(ctx context.Context, s *search, k bonded.Kept, name string) error {
	r, done, err := d.Blobs.ReaderAt(ctx, k.ID)
	if err != nil {
		return err
	}
	defer done() //nolint:errcheck // opened for reading
	raw := s.in(name)
	if _, err := io.Copy(raw, io.NewSectionReader(r, 0, k.Size)); err != nil {
		return err
	}
	if err := raw.Close(); err != nil {
		return err
	}
	kind, ok := kindOf(r)
	if !ok {
		return nil
	}
	inv, err := archive.Scan(r, k.Size, kind, archive.Limits{}, func(path string) io.WriteCloser {
		return &member{search: s, where: inside(name, path), spotter: s.in(inside(name, path))}
	})
	if err != nil {
		return err
	}
	for _, e := range inv.Entries {
		if err := s.all(name, []byte(e.Path+"\n"+e.Link)); err != nil {
			return err
		}
	}
	return nil
}

// inside names a file of an archive so that it can be printed.
func inside(archive, path string) string {
	const longest = 200
	if len(path) > longest {
		path = path[:longest] + "..."
	}
	return archive + ": " + strings.Trim(strconv.QuoteToASCII(path), `"`)
}

// kindOf tells archives by how they begin.
func kindOf(r io.ReaderAt) (archive.Kind, bool) {
	head := make([]byte, 262)
	n, _ := r.ReadAt(head, 0) // a short file is no archive
	return kindIn(head[:n])
}

func kindIn(head []byte) (archive.Kind, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return archive.TarGz, true
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return archive.Zip, true
	case len(head) >= 262 && string(head[257:262]) == "ustar":
		return archive.Tar, true
	}
	return 0, false
}

// member looks at one file of an archive, and into it when it is one itself.
type member struct {
	*spotter
	search *search
	where  string
	body   []byte
	opaque bool // no archive, or too large a one
}

func (m *member) Write(b []byte) (int, error) {
	if !m.opaque {
		m.body = append(m.body, b...)
		_, archived := kindIn(m.body)
		if len(m.body) > nestedSize || len(m.body) >= 262 && !archived {
			m.body, m.opaque = nil, true
		}
	}
	return m.spotter.Write(b)
}

func (m *member) Close() error {
	err := m.spotter.Close()
	kind, archived := kindIn(m.body)
	if err != nil || m.opaque || !archived {
		return err
	}
	switch kind {
	case archive.Zip:
		limits := archive.Limits{TotalSize: nestedTotal, EntrySize: nestedTotal, Entries: 20_000}
		r := bytes.NewReader(m.body)
		_, err = archive.Scan(r, r.Size(), kind, limits, func(path string) io.WriteCloser { return m.search.in(inside(m.where, path)) })
	case archive.TarGz:
		err = m.search.unzipped(m.where, m.body)
	}
	return err
}

// unzipped looks at what is gzipped, a tar with its headers or anything else.
// What cannot be unzipped was looked at as it stands.
func (s *search) unzipped(where string, body []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	look := s.in(where)
	buf := make([]byte, 32<<10)
	for total := 0; total < nestedTotal; {
		n, err := z.Read(buf)
		total += n
		if _, err := look.Write(buf[:n]); err != nil {
			return err
		}
		if err != nil {
			break
		}
	}
	return look.Close()
}

// search is what was found in one upload.
type search struct {
	seen  map[string]bool
	found []suspect
}

type suspect struct{ text, where string }

var errManySuspects = errors.New("too many texts that look like tokens")

func (s *search) add(text, where string) error {
	if s.seen[text] {
		return nil
	}
	if len(s.found) == mostSuspects {
		return errManySuspects
	}
	s.seen[text] = true
	s.found = append(s.found, suspect{text, where})
	return nil
}

func (s *search) in(where string) *spotter {
	return &spotter{found: func(text string) error { return s.add(text, where) }}
}

func (s *search) all(where string, b []byte) error {
	look := s.in(where)
	_, err := look.Write(b)
	return errors.Join(err, look.Close())
}

// spotter finds texts with the shape of a token in bytes that come in pieces.
// Whether they are any is for the keeper of tokens to say.
type spotter struct {
	found func(text string) error
	buf   []byte // what may be the beginning of one
}

func (s *spotter) Write(b []byte) (int, error) {
	s.buf = append(s.buf, b...)
	return len(b), s.look(false)
}

// Close looks at what is left: no more bytes come.
func (s *spotter) Close() error {
	err := s.look(true)
	s.buf = nil
	return err
}

// shapes of tokens: what they begin with, and how many characters may follow.
var shapes = [...]struct {
	prefix      string
	least, most int
	is          func(c byte) bool
}{
	{tokenPrefix, tokenRest, tokenRest, alphanumeric},
	{narrowedPrefix, narrowedLeast, narrowedMost, func(c byte) bool { return alphanumeric(c) || c == '-' || c == '_' }},
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

func (s *spotter) look(last bool) error {
	keep := max(0, len(s.buf)-len(tokenPrefix)+1) // from here on something may begin
	for _, shape := range shapes {
		for at := 0; ; {
			i := bytes.Index(s.buf[at:], []byte(shape.prefix))
			if i < 0 {
				break
			}
			from := at + i
			end := from + len(shape.prefix)
			for most := end + shape.most; end < min(most, len(s.buf)) && shape.is(s.buf[end]); {
				end++
			}
			n := end - from - len(shape.prefix)
			if end == len(s.buf) && n < shape.most && !last {
				keep = min(keep, from)
				break
			}
			if n >= shape.least {
				if err := s.found(string(s.buf[from:end])); err != nil {
					return err
				}
			}
			at = end
		}
	}
	s.buf = append(s.buf[:0], s.buf[keep:]...)
	return nil
}
