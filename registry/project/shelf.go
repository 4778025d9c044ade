// Package project computes the documents that package managers read and puts
// them on the shelf: the blob store's public part, under their public path, in
// identity and gzip form, so that serving one is copying bytes.
//
//	public/npm/left-pad/full.json        a document as clients get it
//	public/npm/left-pad/full.json.gz     the same, compressed once (not of tiny ones)
//	manifest/npm/left-pad/full.json      which part stands where (private; of large ones)
//	public/npm/left-pad/-/left-pad-1.3.0.tgz   an artifact, moved here from quarantine
//	public/pypi/simple/left-pad/index.html
//	public/log/checkpoint  public/log/tile/...  public/log/doc/<sha256>
//
// Everything but the artifacts can be computed again from the log; nothing
// here is the truth about anything.
//
// A document is a row of parts. A part that did not change is copied from the
// document that stands on the shelf, and so is the compressed form of a run of
// unchanged parts, so that one more release of a package with 10,000 costs
// about as much as one of a package with ten. The runs are DEFLATE blocks that
// refer to nothing outside themselves; together they make one ordinary gzip
// member (RFC 1952), which every client reads.
package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/recent"
	"bonded.dev/registry/blob"

	"github.com/klauspost/compress/flate"
)

// Shelf writes documents to a blob store.
type Shelf struct {
	Store blob.Store
	// Changed is told the public paths whose bytes changed or went away.
	Changed func(paths ...string)

	once   sync.Once
	packer sync.Pool // of *flate.Writer
	recent *recent.Cache[string, *assembly]
}

// recentBytes bounds the documents kept in memory to be extended.
const recentBytes = 32 << 20

func (s *Shelf) memory() *recent.Cache[string, *assembly] {
	s.once.Do(func() { s.recent = recent.New[string, *assembly](recentBytes) })
	return s.recent
}

// Forget drops what is remembered of documents, as when another node wrote them.
func (s *Shelf) Forget() { s.memory().Clear() }

// Package brings the documents of one package up to date with facts at or
// after log index since.
func (s *Shelf) Package(ctx context.Context, eco ecosystem.Ecosystem, p *bonded.Package, h *bonded.House, docs ecosystem.Docs, since uint64) error {
	list, err := eco.Render(p, h, docs, since)
	if err != nil {
		return fmt.Errorf("rendering %s: %w", p.Name, err)
	}
	return s.put(ctx, list)
}

// House brings the documents about the whole repository up to date.
func (s *Shelf) House(ctx context.Context, eco ecosystem.Ecosystem, h *bonded.House, docs ecosystem.Docs) error {
	list, err := eco.RenderHouse(h, docs)
	if err != nil {
		return fmt.Errorf("rendering the documents of %s: %w", eco.Info().ID, err)
	}
	return s.put(ctx, list)
}

func (s *Shelf) put(ctx context.Context, list []ecosystem.Document) error {
	for _, d := range list {
		if err := s.document(ctx, d); err != nil {
			return fmt.Errorf("document %s: %w", d.Path, err)
		}
	}
	return nil
}

func (s *Shelf) document(ctx context.Context, d ecosystem.Document) error {
	public, manifest := blob.Public+d.Path, blob.Manifest+d.Path
	if d.Gone {
		return s.remove(ctx, d.Path, public, public+".gz", manifest)
	}
	old, err := s.shelved(ctx, d.Path)
	if err != nil {
		return err
	}
	s.memory().Drop(d.Path)
	packer, _ := s.packer.Get().(*flate.Writer)
	if packer == nil {
		packer = newPacker()
	}
	now, err := assemble(old, d.Parts, packer)
	s.packer.Put(packer)
	if err != nil {
		return err
	}
	if old != nil && bytes.Equal(old.identity, now.identity) {
		s.memory().Put(d.Path, old, len(old.identity)+len(old.gzip))
		return nil
	}
	if err := s.write(ctx, d.Path, old, now); err != nil {
		return err
	}
	s.memory().Put(d.Path, now, len(now.identity)+len(now.gzip))
	s.tell(d.Path)
	return nil
}

// Making a file costs more than copying a few kilobytes. A document of one run
// is compressed as a whole whatever changes in it, so a table of its parts
// would save little; and one that fits into a packet need not be compressed.
const (
	withManifest = runSize
	withGzip     = 1 << 10
)

// write puts the files of a document. The manifest goes first and fingerprints
// the bytes it describes: after a crash between these writes, or when it is
// that of a larger document which has shrunk, it fits nothing and everything
// is rendered again, which is slow and right.
func (s *Shelf) write(ctx context.Context, path string, old, now *assembly) error {
	public := blob.Public + path
	if len(now.identity) >= withManifest {
		if err := s.Store.Put(ctx, blob.Manifest+path, now.manifest()); err != nil {
			return err
		}
	}
	if len(now.identity) >= withGzip {
		if err := s.Store.Put(ctx, public+".gz", now.gzip); err != nil {
			return err
		}
	} else if old == nil || len(old.identity) >= withGzip {
		if err := s.Store.Delete(ctx, public+".gz"); err != nil {
			return err
		}
	}
	return s.Store.Put(ctx, public, now.identity)
}

// Text puts a small file that is not rendered by a dialect.
func (s *Shelf) Text(ctx context.Context, path string, b []byte) error {
	if err := s.Store.Put(ctx, blob.Public+path, b); err != nil {
		return fmt.Errorf("file %s: %w", path, err)
	}
	s.tell(path)
	return nil
}

// Artifact moves quarantined bytes to their public path. It never replaces
// what stands there.
func (s *Shelf) Artifact(ctx context.Context, id, path string) error {
	if err := s.Store.Release(ctx, id, blob.Public+path); err != nil {
		return fmt.Errorf("artifact %s: %w", path, err)
	}
	s.tell(path)
	return nil
}

// Withdraw takes an artifact off the shelf.
func (s *Shelf) Withdraw(ctx context.Context, path string) error {
	return s.remove(ctx, path, blob.Public+path)
}

func (s *Shelf) remove(ctx context.Context, path string, keys ...string) error {
	s.memory().Drop(path)
	for _, k := range keys {
		if err := s.Store.Delete(ctx, k); err != nil {
			return fmt.Errorf("removing %s: %w", k, err)
		}
	}
	s.tell(path)
	return nil
}

func (s *Shelf) tell(path string) {
	if s.Changed != nil {
		s.Changed(path)
	}
}

// shelved reads what stands on the shelf, nil when nothing usable does.
func (s *Shelf) shelved(ctx context.Context, path string) (*assembly, error) {
	if a, ok := s.memory().Get(path); ok {
		return a, nil
	}
	table, err := s.Store.Get(ctx, blob.Manifest+path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	identity, err := s.Store.Get(ctx, blob.Public+path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	packed, err := s.Store.Get(ctx, blob.Public+path+".gz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readManifest(table, identity, packed), nil
}
