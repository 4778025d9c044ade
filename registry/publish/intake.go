package publish

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
	"io"
	"slices"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/blob"

	"golang.org/x/crypto/blake2b"
)

// draft lets the adapter read the request. Whatever it kept is in the draft
// even when it failed half way, so that it can be thrown away.
func (d *Desk) draft(ctx context.Context, eco ecosystem.Ecosystem, ask ecosystem.Ask, body io.Reader) (bonded.Draft, error) {
	k := &intake{store: d.Blobs, checks: eco.Info().Checks}
	defer k.close()
	up := ecosystem.Upload{
		Body: body,
		Keep: func(r io.Reader, limit int64) (bonded.Kept, error) { return k.keep(ctx, r, limit) },
		Open: func(b bonded.Kept) (io.ReaderAt, error) { return k.open(ctx, b) },
		Past: func(n bonded.Name) (*bonded.Package, error) { return d.Past(ctx, n) },
		Docs: d.docs(ctx),
	}
	draft, err := eco.Draft(ctx, ask, up)
	// Only what really is in quarantine counts, whatever the adapter returned.
	draft.Kept = k.kept
	return draft, err
}

// discard throws away quarantined bytes that no fact took up.
func (d *Desk) discard(e *entrant) {
	used := map[bonded.Digest]bool{}
	if e.taken {
		for i := range e.draft.Facts {
			used[e.draft.Facts[i].Digest] = true
		}
	}
	// The client may be gone; its leftovers go all the same.
	ctx := context.Background()
	for _, k := range e.draft.Kept {
		if used[k.Digest] {
			continue
		}
		if err := d.Blobs.Discard(ctx, k.ID); err != nil {
			d.Log.Warn("quarantined bytes stay until the next check", "id", k.ID, "err", err)
		}
	}
}

// intake streams artifacts of one request into quarantine.
type intake struct {
	store   blob.Store
	checks  []ecosystem.Hash
	kept    []bonded.Kept
	closers []func() error
}

func (k *intake) keep(ctx context.Context, r io.Reader, limit int64) (bonded.Kept, error) {
	var none bonded.Kept
	staging, err := k.store.Stage(ctx)
	if err != nil {
		return none, err
	}
	defer staging.Abort() //nolint:errcheck // after Commit it does nothing, before it there is nothing to save
	h := newHasher(k.checks)
	n, err := io.Copy(io.MultiWriter(staging, h), io.LimitReader(r, limit+1))
	if err != nil {
		return none, reading(err)
	}
	if n > limit {
		return none, bonded.Errorf(bonded.TooLarge, "the artifact is larger than the %d MB that this repository takes", limit>>20)
	}
	kept := h.sums()
	kept.Size = n
	if kept.ID, err = staging.Commit(ctx, kept.Digest); err != nil {
		return none, err
	}
	k.kept = append(k.kept, kept)
	return kept, nil
}

// reading keeps errors of the adapter's own reader and turns a broken
// connection into something a person can act on.
func reading(err error) error {
	var known *bonded.Error
	if errors.As(err, &known) {
		return err
	}
	return &bonded.Error{Kind: bonded.Invalid, Public: "the upload broke off before it was complete; nothing was changed; upload again", Err: err}
}

func (k *intake) open(ctx context.Context, b bonded.Kept) (io.ReaderAt, error) {
	r, done, err := k.store.ReaderAt(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	k.closers = append(k.closers, done)
	return r, nil
}

func (k *intake) close() {
	for _, done := range k.closers {
		done() //nolint:errcheck // opened for reading
	}
}

// hasher computes in one pass every digest that a dialect asks for.
type hasher struct {
	io.Writer
	sha256 hash.Hash
	more   map[ecosystem.Hash]hash.Hash
}

func newHasher(checks []ecosystem.Hash) *hasher {
	h := &hasher{sha256: sha256.New(), more: map[ecosystem.Hash]hash.Hash{}}
	all := []io.Writer{h.sha256}
	add := func(c ecosystem.Hash, make func() hash.Hash) {
		if slices.Contains(checks, c) {
			h.more[c] = make()
			all = append(all, h.more[c])
		}
	}
	add(ecosystem.MD5, md5.New)
	add(ecosystem.SHA1, sha1.New)
	add(ecosystem.SHA512, sha512.New)
	add(ecosystem.BLAKE2b, func() hash.Hash {
		b, err := blake2b.New256(nil)
		if err != nil {
			panic(err) // only a key can be wrong, and there is none
		}
		return b
	})
	h.Writer = io.MultiWriter(all...)
	return h
}

func (h *hasher) sums() (k bonded.Kept) {
	h.sha256.Sum(k.Digest[:0])
	for c, m := range h.more {
		switch c {
		case ecosystem.MD5:
			m.Sum(k.MD5[:0])
		case ecosystem.SHA1:
			m.Sum(k.SHA1[:0])
		case ecosystem.SHA512:
			m.Sum(k.SHA512[:0])
		case ecosystem.BLAKE2b:
			m.Sum(k.BLAKE2b[:0])
		}
	}
	return k
}
