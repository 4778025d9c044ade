package book

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"bonded.dev/guide"

	"github.com/klauspost/compress/gzip"
)

// Policy is the Content-Security-Policy of a served guide: its own style sheet
// and scripts, and nothing else.
const Policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the site below a prefix. It reads the book at the first
// request and prints a page when somebody asks for it, so that a repository
// whose guide nobody reads pays nothing. What was printed is kept.
func Handler(prefix string, open func() (*guide.Book, error)) http.Handler {
	return &handler{prefix: prefix, open: sync.OnceValues(func() (*Printer, error) {
		b, err := open()
		if err != nil {
			return nil, err
		}
		return New(b), nil
	})}
}

type handler struct {
	prefix string
	open   func() (*Printer, error)

	mu    sync.Mutex
	files map[string]*file // printed ones
}

// file is what is sent.
type file struct {
	plain, packed []byte
	mediaType     string
	etag          string
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", Policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD here", http.StatusMethodNotAllowed)
		return
	}
	p, err := h.open()
	if err != nil {
		http.Error(w, "the guide cannot be read", http.StatusInternalServerError)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, h.prefix)
	if name == "" {
		name = "index.html"
	}
	if to, moved := p.moved(name); moved {
		http.Redirect(w, r, h.prefix+to, http.StatusMovedPermanently)
		return
	}
	f, err := h.file(p, name)
	if err != nil {
		http.Error(w, "the guide has no such page; it begins at "+h.prefix, http.StatusNotFound)
		return
	}
	f.send(w, r)
}

// moved is where a page is when somebody left the ending out.
func (p *Printer) moved(name string) (string, bool) {
	_, ok := p.docs[strings.TrimSuffix(name, "/")]
	return strings.TrimSuffix(name, "/") + ".html", ok
}

// file prints a file once. Names that are no file are not remembered, or
// anybody could fill the memory.
func (h *handler) file(p *Printer, name string) (*file, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.files[name]; f != nil {
		return f, nil
	}
	b, err := p.File(name)
	if err != nil {
		return nil, err
	}
	f, err := newFile(name, b)
	if err != nil {
		return nil, err
	}
	if h.files == nil {
		h.files = map[string]*file{}
	}
	h.files[name] = f
	return f, nil
}

func newFile(name string, plain []byte) (*file, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err = z.Write(plain); err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compressing %s: %w", name, err)
	}
	sum := sha256.Sum256(plain)
	f := &file{plain: plain, packed: packed.Bytes(), etag: base64.RawURLEncoding.EncodeToString(sum[:12]), mediaType: "text/html; charset=utf-8"}
	switch {
	case strings.HasSuffix(name, ".css"):
		f.mediaType = "text/css; charset=utf-8"
	case strings.HasSuffix(name, ".js"):
		f.mediaType = "text/javascript; charset=utf-8"
	}
	return f, nil
}

// send lets package http answer conditions and ranges. The two encodings are
// different bytes, so they have different tags.
func (f *file) send(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Type", f.mediaType)
	head.Set("Cache-Control", "public, max-age=300")
	head.Set("Vary", "Accept-Encoding")
	body, etag := f.plain, f.etag
	if takesGzip(r.Header.Values("Accept-Encoding")) {
		head.Set("Content-Encoding", "gzip")
		body, etag = f.packed, etag+"-gz"
	}
	head.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// takesGzip reads Accept-Encoding as far as it matters here: whoever names gzip
// and does not give it the weight 0 gets it.
func takesGzip(header []string) bool {
	for item := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, weight, _ := strings.Cut(item, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.TrimRight(strings.ReplaceAll(weight, " ", ""), "0")
			return weight != "q=" && weight != "q=0." && weight != "q=."
		}
	}
	return false
}
