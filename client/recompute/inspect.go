package recompute

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"sync"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/logwire"
)

// maxDoc bounds a document that an entry refers to, bytes.
const maxDoc = 16 << 20

// inspection is a look at one package or at one dialect's documents about the
// whole repository.
type inspection struct {
	run   *run
	ctx   context.Context
	docs  library
	mu    sync.Mutex // guards what follows
	found []Finding
	saw   Counts
}

func (c *inspection) add(kind, place string, problem error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = append(c.found, Finding{Kind: kind, Place: place, Problem: problem.Error(), Unknown: isUnreachable(problem)})
}

func (c *inspection) count(do func(*Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do(&c.saw)
}

// pack checks a package: documents by digest, artifacts, index documents.
func (c *inspection) pack(p *pack) error {
	eco, ok := c.run.ecosystems[p.Name.Ecosystem]
	if !ok {
		c.run.skip("packages of " + p.Name.Ecosystem + ": this program does not speak that dialect")
		return nil
	}
	if err := c.logDocuments(p.Name.String(), p.needs()); err != nil {
		return err
	}
	if err := c.files(eco, p); err != nil {
		return err
	}
	docs, err := eco.Render(p.Package, c.run.log.house, &c.docs, 0)
	if err != nil {
		c.add("document", p.Name.String(), fmt.Errorf("cannot be computed: %w", err))
		return nil
	}
	return c.documents(docs)
}

// house checks the documents about the whole repository.
func (c *inspection) house(eco ecosystem.Ecosystem) error {
	docs, err := eco.RenderHouse(c.run.log.house, &c.docs)
	if err != nil {
		c.add("document", eco.Info().ID, fmt.Errorf("cannot be computed: %w", err))
		return nil
	}
	return c.documents(docs)
}

// library holds the documents of one package. It is an ecosystem.Docs.
type library struct {
	mu    sync.Mutex
	text  map[bonded.Digest][]byte
	wrong map[bonded.Digest]bool // there, and another document
}

// missing is a document that is not there.
type missing struct {
	digest bonded.Digest
	error
}

func (m missing) Unwrap() error { return m.error }

// Doc returns a document that was fetched before.
func (l *library) Doc(d bonded.Digest) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.text[d]; ok {
		return b, nil
	}
	if l.wrong[d] {
		return nil, fmt.Errorf("%s could not be had as it was logged", logwire.DocPath(d))
	}
	return nil, missing{d, bonded.Errorf(bonded.NotFound, "there is no document %s", d.Hex())}
}

func (l *library) put(d bonded.Digest, b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == nil {
		l.text = map[bonded.Digest][]byte{}
	}
	l.text[d] = b
}

func (l *library) refuse(d bonded.Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wrong == nil {
		l.wrong = map[bonded.Digest]bool{}
	}
	l.wrong[d] = true
}

// deletable says of documents that they may be deleted.
func deletable(docs []bonded.Digest) map[bonded.Digest]bool {
	needed := map[bonded.Digest]bool{}
	for _, d := range docs {
		needed[d] = false
	}
	return needed
}

// needs lists every document that the package's entries refer to, true for one
// that has to be there. Messages, reasons, owners and policies may be deleted,
// and so may what was extracted from a file that is removed; what describes a
// file that can be installed may not.
func (p *pack) needs() map[bonded.Digest]bool {
	needed := deletable(p.docs)
	for r := range p.Releases() {
		for _, f := range r.Files {
			needed[f.Meta] = needed[f.Meta] || !f.Removed
		}
	}
	return needed
}

// logDocuments fetches documents by digest; of is what refers to them.
func (c *inspection) logDocuments(of string, needed map[bonded.Digest]bool) error {
	digests := make([]bonded.Digest, 0, len(needed))
	for d := range needed {
		digests = append(digests, d)
	}
	return each(c.ctx, c.run.opts.Workers, digests, func(d bonded.Digest) error {
		b, err := c.run.web.get(c.ctx, logwire.DocPath(d), maxDoc)
		switch {
		case c.ctx.Err() != nil:
			return c.ctx.Err()
		case errors.Is(err, errAbsent) && !needed[d]:
			c.count(func(n *Counts) { n.Deleted++ })
			return nil
		case err != nil:
			c.add("log document", logwire.DocPath(d), fmt.Errorf("of %s: %w", of, err))
			c.docs.refuse(d)
			return nil
		}
		c.count(func(n *Counts) { n.LogDocuments++ })
		if got := bonded.DigestOf(b); got != d {
			c.add("log document", logwire.DocPath(d), fmt.Errorf("of %s: has the SHA-256 %s", of, got.Hex()))
			c.docs.refuse(d)
			return nil
		}
		c.docs.put(d, b)
		return nil
	})
}

// placed is a file with its release's version.
type placed struct {
	version string
	bonded.File
}

func (c *inspection) files(eco ecosystem.Ecosystem, p *pack) error {
	var all []placed
	for r := range p.Releases() {
		for _, f := range r.Files {
			all = append(all, placed{r.Version, f})
		}
	}
	c.count(func(n *Counts) { n.Files += len(all) })
	return each(c.ctx, c.run.opts.Workers, all, func(f placed) error {
		if f.Sig.KeyID != "" && !c.run.log.knowsKey(p.Name.Ecosystem, f.Sig.KeyID) {
			c.add("entry", fmt.Sprint(f.Index), fmt.Errorf("%s %s is signed with the key %s, which is not in the log", p.Name, f.version, f.Sig.KeyID))
		}
		path := eco.ArtifactPath(p.Name, f.version, f.Name)
		var err error
		switch {
		case f.Removed:
			err = c.gone(escape(path), "")
		case c.run.opts.NoArtifacts:
			return nil
		default:
			err = c.artifact(path, f.File)
		}
		if err != nil && c.ctx.Err() == nil {
			c.add("artifact", path, err)
		}
		return c.ctx.Err()
	})
}

// gone checks that there is nothing at a URL.
func (c *inspection) gone(url, accept string) error {
	err := c.run.web.fetch(c.ctx, request{path: url, accept: accept}, func(*answer) error {
		return errors.New("is still served, and was removed")
	})
	if errors.Is(err, errAbsent) {
		return nil
	}
	return err
}

// artifact streams the bytes of a file past its digest.
func (c *inspection) artifact(path string, f bonded.File) error {
	return c.run.web.fetch(c.ctx, request{path: escape(path)}, func(a *answer) error {
		if e := a.Header.Get("Content-Encoding"); e != "" && e != "identity" {
			return fmt.Errorf("is served with the content coding %q", e)
		}
		h := sha256.New()
		size, err := io.Copy(h, io.LimitReader(a.body, f.Size+1))
		if err != nil {
			return err
		}
		c.count(func(n *Counts) { n.Artifacts++; n.ArtifactBytes += size })
		if size > f.Size {
			return fmt.Errorf("has more than the %d bytes that entry %d states", f.Size, f.Index)
		}
		if got := bonded.Digest(h.Sum(nil)); size != f.Size || got != f.Digest {
			return fmt.Errorf("has %d bytes with the sha256 %s, entry %d states %d with %s", size, got.Hex(), f.Index, f.Size, f.Digest.Hex())
		}
		return nil
	})
}

// escape turns a blob key into a URL path: what a key may hold and a path may
// not is percent-encoded (RFC 3986 section 3.3).
func escape(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if ch := path[i]; ch <= ' ' || ch >= 0x7f || strings.IndexByte(`"#%<>?[\]^{|}`+"`", ch) >= 0 {
			fmt.Fprintf(&b, "%%%02X", ch)
		} else {
			b.WriteByte(ch)
		}
	}
	return b.String()
}

func (c *inspection) documents(docs []ecosystem.Document) error {
	return each(c.ctx, c.run.opts.Workers, docs, func(d ecosystem.Document) error {
		err := c.document(d)
		if err != nil && c.ctx.Err() == nil {
			c.add("document", d.Path, err)
		}
		return c.ctx.Err()
	})
}

// document compares what is served with what was computed.
func (c *inspection) document(d ecosystem.Document) error {
	if d.Gone {
		return c.gone(d.URL, d.Accept)
	}
	want, err := assemble(d)
	var m missing
	if errors.As(err, &m) && len(d.Parts) == 1 {
		// All of it is one document that is content-addressed and not kept
		// apart: its digest is in the log and says as much.
		return c.sameDigest(d, m.digest)
	}
	if err != nil {
		return fmt.Errorf("cannot be computed: %w", err)
	}
	for _, packed := range []bool{false, true} {
		got, err := c.read(d, packed, int64(len(want)))
		if err == nil {
			if at := firstDifference(got, want); at >= 0 {
				err = errors.New(differs(at, len(got), len(want)))
			}
		}
		if err != nil {
			return inCoding(err, packed)
		}
	}
	c.count(func(n *Counts) { n.Documents++; n.DocumentBytes += 2 * int64(len(want)) })
	return nil
}

func inCoding(err error, packed bool) error {
	if packed {
		return fmt.Errorf("as gzip: %w", err)
	}
	return err
}

func (c *inspection) sameDigest(d ecosystem.Document, want bonded.Digest) error {
	for _, packed := range []bool{false, true} {
		got, err := c.read(d, packed, maxDoc)
		if err == nil && bonded.DigestOf(got) != want {
			err = fmt.Errorf("has the SHA-256 %s, not %s", bonded.DigestOf(got).Hex(), want.Hex())
		}
		if err != nil {
			return inCoding(err, packed)
		}
	}
	c.count(func(n *Counts) { n.Documents++ })
	return nil
}

func assemble(d ecosystem.Document) ([]byte, error) {
	var b []byte
	for _, p := range d.Parts {
		part, err := p.Bytes()
		if err != nil {
			return nil, err
		}
		b = append(b, part...)
	}
	return b, nil
}

// read fetches a document as a client would and decodes it. More than limit
// bytes are cut off one byte later.
func (c *inspection) read(d ecosystem.Document, packed bool, limit int64) (b []byte, err error) {
	err = c.run.web.fetch(c.ctx, request{path: d.URL, accept: d.Accept, gzip: packed}, func(a *answer) error {
		if err := sameType(a.Header.Get("Content-Type"), d.Type); err != nil {
			return err
		}
		body := a.body
		switch e := a.Header.Get("Content-Encoding"); {
		case e == "gzip" && packed:
			z, err := gzip.NewReader(body)
			if err != nil {
				return err
			}
			body = z
		case e != "" && e != "identity":
			return fmt.Errorf("is served with the content coding %q, which was not asked for", e)
		}
		b, err = io.ReadAll(io.LimitReader(body, limit+1))
		return err
	})
	return b, err
}

func sameType(got, want string) error {
	g, _, err := mime.ParseMediaType(got)
	w, _, wantErr := mime.ParseMediaType(want)
	if err != nil || wantErr != nil || g != w {
		return fmt.Errorf("is served as %q, not as %q", got, want)
	}
	return nil
}
