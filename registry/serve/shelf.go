package serve

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bonded.dev"
	"bonded.dev/registry/blob"
)

// Sizes up to which bytes are read and their entity tag is a digest of them.
// They stay in memory, unless they are in a file and larger than memoryFile:
// then the kernel copies them from the file to the socket, which is cheaper
// than copying from memory. What is larger is never read here.
const (
	memoryArtifact = 256 << 10
	memoryDocument = 8 << 20
	memoryFile     = 48 << 10
)

// openWeight is what an open file weighs: 64 MiB of memory hold 512 of them.
const openWeight = 128 << 10

// loadTime bounds one read of the blob store for the memory.
const loadTime = 30 * time.Second

// shelf is the memory of the read path: blobs by key, bounded by weight.
//
// It is exact as long as everyone who writes says so through changed: a load
// that began before a change is never kept after it. Where other nodes write
// too, recheck bounds for how long a changed document may still be served.
type shelf struct {
	blobs   blob.Store
	slots   *cache[string, *slot]
	recheck time.Duration // zero: changed tells everything
	now     func() time.Time
	seen    *metrics
}

// slot is the place of one blob. It outlives its bytes: requests keep a
// pointer to it, and find it empty when the bytes changed or had to go.
type slot struct {
	key    string
	policy *policy
	body   atomic.Pointer[body]
	// load is held by the one request that reads the blob store.
	load sync.Mutex

	mu    sync.Mutex
	turn  int         // counts changes
	ended atomic.Bool // no longer in the cache, so changed does not reach it
}

type entry = cached[string, *slot]

// place finds a slot again after it was evicted.
type place struct {
	key    string
	policy *policy
	entry  atomic.Pointer[entry]
}

// policy is how a kind of blob is answered.
type policy struct {
	mediaType string
	encoding  string // Content-Encoding; "" for identity
	cache     string // Cache-Control
	vary      string
	memory    int64 // kept in memory up to this size, bytes
	fixed     bool  // the bytes under a key never change
	ranges    bool  // say that parts can be asked for
}

// body is what a blob answers with, headers included.
type body struct {
	absent   bool
	data     []byte
	file     *openFile // where the bytes are if they are not in data; may be nil
	etag     string
	modified time.Time
	info     blob.Info
	policy   *policy
	ok       []line // headers of 200
	same     []line // headers of 304
	head200  []byte // the same as sent, for the hatch
	head304  []byte
	checked  atomic.Int64
}

// line is one header, ready to be put into a response.
type line struct {
	name  string
	value []string
}

// overhead is what a slot weighs besides its bytes.
const overhead = 1024

func newShelf(blobs blob.Store, budget int, recheck time.Duration, now func() time.Time, seen *metrics) *shelf {
	s := &shelf{blobs: blobs, recheck: recheck, now: now, seen: seen}
	s.slots = newCache[string](budget, func(sl *slot) {
		sl.mu.Lock()
		defer sl.mu.Unlock()
		sl.ended.Store(true)
		sl.empty()
	})
	return s
}

// empty forgets the bytes; the caller holds mu.
func (sl *slot) empty() {
	if b := sl.body.Swap(nil); b != nil {
		b.file.release()
	}
}

// changed forgets the bytes under public keys that were written or deleted.
func (s *shelf) changed(keys ...string) {
	for _, k := range keys {
		for _, form := range [...]string{k, k + ".gz"} {
			if sl, ok := s.slots.get(form); ok {
				sl.mu.Lock()
				sl.turn++
				sl.empty()
				sl.mu.Unlock()
			}
		}
	}
}

// place returns where the bytes under key are, or will be.
func (s *shelf) place(key string, p *policy) *place {
	pl := &place{key: key, policy: p}
	s.settle(pl)
	return pl
}

func (s *shelf) settle(pl *place) *entry {
	e := s.slots.getOrPut(pl.key, overhead+2*len(pl.key), func() *slot { return &slot{key: pl.key, policy: pl.policy} })
	pl.entry.Store(e)
	return e
}

// body returns what is in the place now, reading the blob store if need be.
// An absent blob is a body too, so that asking again is cheap.
func (s *shelf) body(ctx context.Context, pl *place) (*body, error) {
	e := pl.entry.Load()
	if b := e.value.body.Load(); b != nil && (s.recheck == 0 || s.fresh(ctx, e.value, b)) {
		e.touch()
		s.seen.hits.Inc()
		return b, nil
	}
	s.seen.misses.Inc()
	if e.value.ended.Load() {
		e = s.settle(pl)
	}
	return s.load(ctx, e.value)
}

// load reads the blob store, once for all who ask at the same time.
func (s *shelf) load(ctx context.Context, sl *slot) (*body, error) {
	sl.load.Lock()
	defer sl.load.Unlock()
	if b := sl.body.Load(); b != nil {
		return b, nil // somebody else read it while we waited
	}
	sl.mu.Lock()
	turn := sl.turn
	sl.mu.Unlock()
	// The read serves everyone who waits, so a client that hangs up does not
	// end it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
	defer cancel()
	b, err := s.read(ctx, sl)
	if err != nil {
		return nil, err
	}
	b.checked.Store(s.now().UnixNano())
	sl.mu.Lock()
	keep := !sl.ended.Load() && sl.turn == turn
	if keep {
		sl.body.Store(b)
	}
	sl.mu.Unlock()
	if keep {
		s.slots.reweigh(sl.key, func(now *slot) bool { return now == sl }, overhead+2*len(sl.key)+b.weight())
	} else {
		b.file.release()
	}
	return b, nil
}

// fresh reports whether b still is what the store holds, asking at most once
// in every recheck. When the store cannot be asked, old bytes are better than
// none: they were published, and clients check digests.
func (s *shelf) fresh(ctx context.Context, sl *slot, b *body) bool {
	if sl.policy.fixed && !b.absent {
		return true
	}
	now, before := s.now().UnixNano(), b.checked.Load()
	if now-before < int64(s.recheck) || !b.checked.CompareAndSwap(before, now) {
		return true
	}
	info, err := s.blobs.Stat(ctx, sl.key)
	switch {
	case errors.Is(err, fs.ErrNotExist) && b.absent:
		return true
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return true
	case err == nil && !b.absent && info.Tag == b.info.Tag:
		return true
	}
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if sl.body.Load() == b {
		sl.turn++
		sl.empty()
	}
	return false
}

func (s *shelf) read(ctx context.Context, sl *slot) (*body, error) {
	o, err := s.blobs.Open(ctx, sl.key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, blob.ErrKey) {
		return &body{absent: true}, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := newBody(sl.policy, o)
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	if b.data == nil {
		b.file = keepOpen(o)
	}
	if b.file == nil {
		err = o.Close()
	}
	return b, err
}

// newBody reads an object as far as its policy wants that.
func newBody(p *policy, o blob.Object) (*body, error) {
	info := o.Info()
	b := &body{policy: p, info: info, modified: info.Modified.UTC().Truncate(time.Second)}
	_, inFile := o.(syscall.Conn)
	switch {
	case info.Size > p.memory:
		version := info.Tag
		if p.fixed {
			// Of bytes that never change the size says all, on every node.
			version = strconv.FormatInt(info.Size, 10)
		}
		b.etag = tagOf(bonded.DigestOf([]byte(info.Key + "\x00" + version)))
	case inFile && info.Size > memoryFile:
		h := sha256.New()
		if n, err := io.Copy(h, o); err != nil || n != info.Size {
			return nil, fmt.Errorf("reading %s: %d of %d bytes: %w", info.Key, n, info.Size, err)
		}
		b.etag = tagOf(bonded.Digest(h.Sum(nil)))
	default:
		b.data = make([]byte, info.Size)
		if _, err := io.ReadFull(o, b.data); err != nil {
			return nil, fmt.Errorf("reading %s: %w", info.Key, err)
		}
		b.etag = tagOf(bonded.DigestOf(b.data))
	}
	b.prepare()
	return b, nil
}

// weight is what the body costs besides its slot.
func (b *body) weight() int {
	if b.file != nil {
		return openWeight
	}
	return len(b.data)
}

// tagOf makes a strong entity tag (RFC 9110 section 8.8.3).
func tagOf(d bonded.Digest) string {
	return `"` + base64.RawURLEncoding.EncodeToString(d[:18]) + `"`
}

// prepare writes the headers once for all answers to come.
func (b *body) prepare() {
	p := b.policy
	add := func(name, value string) {
		if value != "" {
			b.ok = append(b.ok, line{name, []string{value}})
		}
	}
	add("Cache-Control", p.cache)
	add("Etag", b.etag)
	add("Vary", p.vary)
	b.same = append(b.same, b.ok...)
	add("Content-Type", p.mediaType)
	add("Content-Length", strconv.FormatInt(b.info.Size, 10))
	add("Content-Encoding", p.encoding)
	if p.ranges {
		add("Accept-Ranges", "bytes")
	}
	add("Last-Modified", b.modified.Format(http.TimeFormat))
	add("X-Content-Type-Options", "nosniff")
	b.head200, b.head304 = headOf(http.StatusOK, b.ok), headOf(http.StatusNotModified, b.same)
}
