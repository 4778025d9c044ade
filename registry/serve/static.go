package serve

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"net/http"
	"net/textproto"
	"strings"
	"sync/atomic"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/blob"
)

// page is what a request target was found to mean. It is remembered under the
// target as it was sent, so that the second request for it asks no adapter.
type page struct {
	room   *room
	ask    ecosystem.Ask
	plain  *place
	packed *place                // nil: never compressed
	count  atomic.Pointer[count] // of downloads, for an artifact
}

// target is all of a request that an adapter may look at for a Fetch.
type target struct{ uri, accept string }

// Targets longer than these are served and not remembered.
const (
	longestURI    = 1024
	longestAccept = 256
)

// pages remembers targets. There are several caches so that many cores do
// not meet at one lock.
type pages struct {
	seed   maphash.Seed
	shards [16]*cache[target, *page]
}

const pagesMemory = 8 << 20

func newPages() *pages {
	p := &pages{seed: maphash.MakeSeed()}
	for i := range p.shards {
		p.shards[i] = newCache[target, *page](pagesMemory/len(p.shards), nil)
	}
	return p
}

func (p *pages) shard(t target) *cache[target, *page] {
	return p.shards[maphash.String(p.seed, t.uri)%uint64(len(p.shards))]
}

func (p *pages) get(t target) (*page, bool) { return p.shard(t).get(t) }

func (p *pages) put(t target, pg *page) {
	if len(t.uri) > longestURI || len(t.accept) > longestAccept {
		return
	}
	t = target{strings.Clone(t.uri), strings.Clone(t.accept)}
	p.shard(t).put(t, pg, overhead+len(t.uri)+len(t.accept))
}

// accept is the Accept header as one string.
func accept(h http.Header) string {
	switch v := h["Accept"]; len(v) {
	case 0:
		return ""
	case 1:
		return v[0]
	default:
		return strings.Join(v, ",")
	}
}

// How long what may be kept. Documents are asked for again each time, which
// costs a 304; artifacts and full tiles never change.
const (
	forEver   = "public, max-age=31536000, immutable"
	askAgain  = "no-cache"
	aMoment   = "public, max-age=60"
	partial   = ".p/"
	plainText = "text/plain; charset=utf-8"
)

// fetch makes the page for an Ask whose answer is a blob.
func (h *Handler) fetch(rm *room, a ecosystem.Ask, varies bool) *page {
	key := blob.Public + a.Path
	kind := a.Type
	if kind == "" {
		kind = typeOf(a.Path)
	}
	if a.Artifact {
		p := &policy{mediaType: kind, cache: forEver, memory: memoryArtifact, fixed: true, ranges: true}
		return &page{room: rm, ask: a, plain: h.shelf.place(key, p)}
	}
	vary := "Accept-Encoding"
	if varies {
		vary = "Accept, Accept-Encoding"
	}
	plain := &policy{mediaType: kind, cache: askAgain, vary: vary, memory: memoryDocument}
	packed := *plain
	packed.encoding = "gzip"
	return &page{room: rm, ask: a, plain: h.shelf.place(key, plain), packed: h.shelf.place(key+".gz", &packed)}
}

// logFile makes the page for a path below /log/, C2SP tlog-tiles.
func (h *Handler) logFile(path string) *page {
	p := &policy{mediaType: typeOf(path), cache: askAgain, memory: memoryArtifact}
	switch {
	case path == "log/checkpoint":
		p.mediaType = plainText
	case strings.HasPrefix(path, "log/tile/") && !strings.Contains(path, partial):
		p.cache, p.fixed = forEver, true
	case strings.HasPrefix(path, "log/doc/"):
		p.cache = aMoment // its text may be deleted
	}
	return &page{room: h.log, plain: h.shelf.place(blob.Public+path, p)}
}

func typeOf(path string) string {
	switch {
	case strings.HasSuffix(path, ".json"):
		return "application/json"
	case strings.HasSuffix(path, ".html"):
		return "text/html; charset=utf-8"
	}
	return "application/octet-stream"
}

// serve answers GET and HEAD of a page.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, pg *page) {
	takes := coding{identity: true}
	if pg.packed != nil {
		takes = codings(r.Header["Accept-Encoding"])
	}
	var b *body
	var err error
	if takes.gzip {
		b, err = h.shelf.body(r.Context(), pg.packed)
	}
	if err == nil && (b == nil || b.absent) {
		b, err = h.shelf.body(r.Context(), pg.plain)
		if err == nil && !b.absent && !takes.identity {
			h.notAcceptable(w, r, pg)
			return
		}
	}
	switch {
	case err != nil:
		h.answer(w, r, pg.room, ecosystem.Outcome{Ask: pg.ask, Err: storageError(err)})
	case b.absent:
		h.answer(w, r, pg.room, ecosystem.Outcome{Ask: pg.ask, Err: absent(pg)})
	case b.data == nil:
		h.stream(w, r, pg, b)
	default:
		h.send(w, r, pg, b)
	}
	if h.LogReads && err == nil && !b.absent {
		h.logRead(r)
	}
}

func storageError(err error) error {
	return &bonded.Error{Kind: bonded.Unavailable, Public: "the repository's storage does not answer; try again", Err: err}
}

func absent(pg *page) error {
	switch a := pg.ask; {
	case a.Artifact && a.File != "":
		return bonded.Errorf(bonded.NotFound, "%s has no file %s here", a.Name.Display, a.File)
	case !a.Name.IsZero():
		return bonded.Errorf(bonded.NotFound, "there is no package %s here", a.Name.Display)
	}
	return bonded.Errorf(bonded.NotFound, "there is nothing here")
}

func (h *Handler) notAcceptable(w http.ResponseWriter, r *http.Request, pg *page) {
	w.Header().Set("Vary", "Accept-Encoding")
	h.write(w, r, pg.room, ecosystem.Response{Status: http.StatusNotAcceptable, Type: plainText,
		Body: []byte("this is available without a content coding only\n")})
}

// send answers from memory.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, pg *page, b *body) {
	hd := w.Header()
	if unusual(r.Header) {
		set(hd, b.ok)
		http.ServeContent(w, r, "", b.modified, bytes.NewReader(b.data))
		pg.room.seen.unusual(hd)
		return
	}
	if tags := r.Header["If-None-Match"]; len(tags) > 0 && matches(tags, b.etag) {
		set(hd, b.same)
		w.WriteHeader(http.StatusNotModified)
		pg.room.seen.same.Inc()
		return
	}
	set(hd, b.ok)
	pg.room.seen.ok.Inc()
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	h.tally.add(pg)
	if len(b.data) > 1<<20 {
		allowWrite(w, len(b.data))
	}
	w.Write(b.data) // an error means that the client has gone
}

// sendChunk is how much goes out under one deadline.
const sendChunk = 4 << 20

// stream answers from the blob store. Nothing stands between the file and the
// socket, so that the kernel copies.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, pg *page, b *body) {
	o, err := h.Blobs.Open(r.Context(), b.info.Key)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = absent(pg)
		} else {
			err = storageError(err)
		}
		h.answer(w, r, pg.room, ecosystem.Outcome{Ask: pg.ask, Err: err})
		return
	}
	defer o.Close()
	if i := o.Info(); i.Tag != b.info.Tag || i.Size != b.info.Size {
		// Replaced since we looked; what is open is served under its own tag.
		if b, err = newBody(b.policy, o); err == nil {
			_, err = o.Seek(0, io.SeekStart)
		}
		if err != nil {
			h.answer(w, r, pg.room, ecosystem.Outcome{Ask: pg.ask, Err: storageError(err)})
			return
		}
	}
	hd := w.Header()
	set(hd, b.ok)
	if unusual(r.Header) || len(r.Header["If-None-Match"]) > 0 {
		allowWrite(w, int(b.info.Size))
		http.ServeContent(w, r, "", b.modified, o)
		pg.room.seen.unusual(hd)
		return
	}
	w.WriteHeader(http.StatusOK)
	pg.room.seen.ok.Inc()
	if r.Method == http.MethodHead {
		return
	}
	h.tally.add(pg)
	for left := b.info.Size; left > 0; {
		n := min(left, sendChunk)
		allowWrite(w, int(n))
		if _, err := io.CopyN(w, o, n); err != nil {
			// The length was promised: only closing the connection tells the
			// client that it is not whole.
			panic(http.ErrAbortHandler)
		}
		left -= n
	}
}

// unusual reports whether a request carries a condition or a range that needs
// more than comparing entity tags; package http knows all of it.
func unusual(h http.Header) bool {
	if len(h["Range"]) > 0 || len(h["If-Match"]) > 0 || len(h["If-Unmodified-Since"]) > 0 {
		return true
	}
	return len(h["If-Modified-Since"]) > 0 && len(h["If-None-Match"]) == 0
}

// matches compares weakly, as If-None-Match wants it (RFC 9110 section
// 13.1.2).
func matches(header []string, etag string) bool {
	for _, v := range header {
		if matchesOne(v, etag) {
			return true
		}
	}
	return false
}

// matchesOne needs no parser: a tag is quoted and holds no quote, so it can
// only be found whole.
func matchesOne(v, etag string) bool {
	return v == etag || strings.Contains(v, etag) || textproto.TrimString(v) == "*"
}

func set(h http.Header, lines []line) {
	for i := range lines {
		h[lines[i].name] = lines[i].value
	}
}

// Slow clients are fine, idle ones are not: this many bytes a second, after a
// grace, keep a connection open.
const (
	slowest = 8 << 10
	grace   = 30 * time.Second
)

// allowWrite gives the client time to take n more bytes.
func allowWrite(w http.ResponseWriter, n int) {
	until := time.Now().Add(grace + time.Duration(n)*time.Second/slowest)
	// An error means that the writer has no deadlines, as in some tests.
	_ = http.NewResponseController(w).SetWriteDeadline(until)
}

// seenHeaders tells which headers an adapter looked at.
type seenHeaders struct {
	header http.Header
	accept bool
	others bool
}

func (s *seenHeaders) get(name string) string {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Accept":
		s.accept = true
		return accept(s.header)
	case "Content-Type":
		// Describes a body, and says nothing about what to fetch.
	default:
		s.others = true
	}
	return s.header.Get(name)
}
