package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/internal/failing"
	"bonded.dev/internal/logwire"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/ledger"
	"bonded.dev/registry/record"
)

// flushEvery is how long documents may stand on the shelf before they are made
// to survive a loss of power. Until then they would be computed again.
const flushEvery = 5 * time.Second

// shelvedMark says on the shelf itself how far the shelf is. It is what another
// node reads to learn whether the last writer got as far as it meant to.
const shelvedMark = blob.Manifest + "log/shelved"

// span is what the facts between two sizes of the log ask of the shelf.
type span struct {
	docs  []bonded.Digest
	names []bonded.Name     // touched, in order of first touch
	blobs map[uint64]string // where in quarantine the bytes of an entry were
	house bool              // documents about the whole repository change
	all   bool              // every document changes, as when the public URL does
}

// project brings the shelf from where it is to the head of the log. It is the
// same after a batch and after a crash: every step can be done twice.
//
// The order matters. Tiles come before the checkpoint that promises them, the
// checkpoint before anything is served under it, artifacts before the
// documents that point to them, and the mark last.
func (d *Desk) project(ctx context.Context) error {
	if d.seq.projected == d.seq.head {
		return nil
	}
	var s span
	err := d.Book.View(ctx, func(tx *record.Tx) (err error) {
		if s, err = read(tx, d.seq.projected, d.seq.head); err != nil {
			return err
		}
		return d.seq.edge.Export(ctx, d.Shelf.Text, tx, d.seq.projected, d.seq.head)
	})
	if err != nil {
		return err
	}
	for _, digest := range s.docs {
		if err := d.shelveDoc(ctx, digest); err != nil {
			return err
		}
	}
	failing.Here("tiles")
	if err := d.checkpoint(ctx); err != nil {
		return err
	}
	failing.Here("sign")
	if err := d.packagesOf(ctx, s); err != nil {
		return err
	}
	failing.Here("documents")
	if err := d.Blobs.Put(ctx, shelvedMark, []byte(strconv.FormatUint(d.seq.head, 10))); err != nil {
		return err
	}
	for prefix := range ledger.Stale(d.seq.projected, d.seq.head) {
		if err := d.sweep(ctx, blob.Public+prefix); err != nil {
			d.Log.Warn("partial tiles stay that nobody needs", "prefix", prefix, "err", err)
		}
	}
	d.seq.projected = d.seq.head
	return nil
}

// read looks through the facts of a stretch of the log.
func read(tx *record.Tx, from, to uint64) (s span, err error) {
	files, err := tx.Files(from, to)
	if err != nil {
		return s, err
	}
	s.blobs = map[uint64]string{}
	for _, f := range files {
		s.blobs[f.Index] = f.Blob
	}
	seen := map[string]bool{}
	for row, err := range tx.Entries(from, to) {
		if err != nil {
			return s, err
		}
		e := row.Entry
		for _, digest := range []bonded.Digest{e.Meta, e.Doc} {
			if !digest.IsZero() {
				s.docs = append(s.docs, digest)
			}
		}
		switch e.Type {
		case bonded.Site:
			s.all = true
		case bonded.Key, bonded.Claim:
			s.house = true
		}
		if !e.Name.IsZero() && !seen[e.Name.String()] {
			seen[e.Name.String()] = true
			s.names = append(s.names, e.Name)
		}
	}
	return s, nil
}

// shelveDoc publishes a document that entries refer to by digest.
func (d *Desk) shelveDoc(ctx context.Context, digest bonded.Digest) error {
	b, err := d.docs(ctx).Doc(digest)
	var known *bonded.Error
	if errors.As(err, &known) && known.Kind == bonded.NotFound {
		return nil // deleted since, as documents may be
	}
	if err != nil {
		return err
	}
	return d.Shelf.Text(ctx, logwire.DocPath(digest), b)
}

// checkpoint signs the head and publishes it.
func (d *Desk) checkpoint(ctx context.Context) error {
	now, err := d.snapshot(ctx)
	if err != nil {
		return err
	}
	// A lock that was lost while we computed belongs to a writer whose
	// checkpoint is newer than ours.
	if err := d.Book.StillLocked(ctx); err != nil {
		return err
	}
	if err := d.Shelf.Text(ctx, logwire.CheckpointPath, now.Checkpoint); err != nil {
		return err
	}
	d.published.Store(now)
	return nil
}

// snapshot is the log at its head, signed. The signature scheme is
// deterministic: signing one head twice gives the same bytes.
func (d *Desk) snapshot(ctx context.Context) (*ledger.Snapshot, error) {
	now := &ledger.Snapshot{Map: d.seq.records}
	err := d.Book.View(ctx, func(tx *record.Tx) (err error) {
		now.Head, err = ledger.ReadHead(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	now.Checkpoint, err = ledger.Checkpoint(d.Origin, now.Head, d.Keys.Log())
	if err != nil {
		return nil, fmt.Errorf("signing the checkpoint: %w", err)
	}
	return now, nil
}

// packagesOf moves artifacts and renders documents.
func (d *Desk) packagesOf(ctx context.Context, s span) error {
	since, names := d.seq.projected, s.names
	if s.all {
		since, names = 0, nil
		for id := range d.ecosystems {
			for _, run := range d.seq.house.Names(id) {
				names = append(names, run...)
			}
		}
	}
	for _, n := range names {
		p, err := d.current(ctx, n)
		if err != nil {
			return err
		}
		if err := d.shelve(ctx, p, since, s.blobs); err != nil {
			return err
		}
	}
	if !s.house && !s.all {
		return nil
	}
	for _, eco := range d.Ecosystems {
		if err := d.Shelf.House(ctx, eco, d.seq.house, d.docs(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// shelve puts one package where clients find it. Documents are computed for
// facts since that index; artifacts only ever move for facts that are new.
func (d *Desk) shelve(ctx context.Context, p *bonded.Package, since uint64, blobs map[uint64]string) error {
	eco, ok := d.ecosystems[p.Name.Ecosystem]
	if !ok {
		return fmt.Errorf("shelving %s: this binary does not speak that dialect", p.Name)
	}
	for r := range p.Releases() {
		if r.Changed <= d.seq.projected {
			continue
		}
		for _, f := range r.Files {
			path := eco.ArtifactPath(p.Name, r.Version, f.Name)
			var err error
			switch {
			case f.Removed:
				err = d.Shelf.Withdraw(ctx, path)
			case f.Index >= d.seq.projected:
				err = d.artifact(ctx, blobs[f.Index], path)
			}
			if err != nil {
				return err
			}
		}
	}
	failing.Here("artifact")
	return d.Shelf.Package(ctx, eco, p, d.seq.house, d.docs(ctx), since)
}

func (d *Desk) sweep(ctx context.Context, prefix string) error {
	for info, err := range d.Blobs.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if err := d.Blobs.Delete(ctx, info.Key); err != nil {
			return err
		}
	}
	return nil
}

// flush makes everything on the shelf survive a loss of power and remembers
// how far that goes.
func (d *Desk) flush(ctx context.Context) error {
	if d.seq.marked == d.seq.projected {
		return nil
	}
	if err := d.Blobs.Sync(ctx); err != nil {
		return err
	}
	err := d.Book.Update(ctx, func(tx *record.Tx) error { return tx.SetMark(MarkShelved, d.seq.projected) })
	if err == nil {
		d.seq.marked = d.seq.projected
	}
	return err
}

// MarkShelved is the mark up to which the shelf survives a loss of power. A
// start projects from there, so setting it back has everything computed again.
const MarkShelved = "shelved"

// shelvedByOthers reads how far another node brought the shelf.
func (d *Desk) shelvedByOthers(ctx context.Context) (uint64, error) {
	b, err := d.Blobs.Get(ctx, shelvedMark)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}
