package publish

import (
	"context"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/ledger"
	"bonded.dev/registry/record"
)

// Past returns the folded state of a package as this node last knew it. A
// draft that was judged against an older state than it joins is judged again
// inside the batch, so a stale answer here costs time and nothing else.
//
// Only the sequencer remembers packages: a reader that was slow could put an
// older state over a newer one.
func (d *Desk) Past(ctx context.Context, n bonded.Name) (p *bonded.Package, err error) {
	if p, ok := d.packages.Get(n.String()); ok {
		return p, nil
	}
	err = d.Book.View(ctx, func(tx *record.Tx) error {
		p, err = tx.Package(n)
		return err
	})
	return p, err
}

// Prover answers questions about the log as it was last published.
func (d *Desk) Prover() *ledger.Prover {
	return &ledger.Prover{
		Current: d.Published,
		View: func(ctx context.Context, do func(ledger.Tx) error) error {
			return d.Book.View(ctx, func(tx *record.Tx) error { return do(tx) })
		},
		Package: d.at,
	}
}

// at is a package as the first size entries of the log state it.
func (d *Desk) at(ctx context.Context, n bonded.Name, size uint64) (*bonded.Package, error) {
	if p, ok := d.packages.Get(n.String()); ok && p.Head <= size {
		return p, nil
	}
	var p *bonded.Package
	err := d.Book.View(ctx, func(tx *record.Tx) error {
		p = &bonded.Package{Name: n}
		for row, err := range tx.PackageEntries(n, 0) {
			if err != nil || row.Index >= size {
				return err
			}
			if p, err = p.Apply(row.Index, row.Entry); err != nil {
				return err
			}
		}
		return nil
	})
	return p, err
}

// current is Past for the sequencer, who knows that nothing newer exists.
func (d *Desk) current(ctx context.Context, n bonded.Name) (*bonded.Package, error) {
	p, err := d.Past(ctx, n)
	if err == nil {
		d.remember(p)
	}
	return p, err
}

// remember keeps a package for the next draft. Weights are estimates: a
// release with one file takes about half a kilobyte.
func (d *Desk) remember(p *bonded.Package) {
	n := 1024
	for _, c := range p.Chunks() {
		n += len(c.Releases) * 512
	}
	d.packages.Put(p.Name.String(), p, n)
}

// docs looks up content-addressed documents, those of the batch first.
func (d *Desk) docs(ctx context.Context) ecosystem.Docs { return lookup{ctx, d} }

type lookup struct {
	ctx  context.Context
	desk *Desk
}

func (l lookup) Doc(digest bonded.Digest) ([]byte, error) {
	if b, ok := l.desk.documents.Get(digest); ok {
		return b, nil
	}
	b, err := l.desk.Book.Doc(l.ctx, digest)
	if err != nil {
		return nil, err
	}
	l.desk.documents.Put(digest, b, len(b))
	return b, nil
}
