// Package ledger is the only writer of the log. It turns facts into leaves,
// closes each batch with a seal, and hands out what readers need: checkpoints,
// tiles, bundles and proofs.
//
// [Append] runs inside the caller's SQL transaction, so that facts, leaves, tree
// hashes and map records are committed together or not at all. The order of a
// batch is: the entries, then one seal stating the root of the state map over
// everything before it. So the last leaf under every published checkpoint is a
// seal. Nothing is remembered between two calls: the database holds the
// truth, and any node that holds the sequencer lock can append the next batch.
//
// [Export] writes the static files after the commit. It may be repeated from any
// earlier size: equal input, equal bytes, equal paths. Merkle hashing is
// golang.org/x/mod/sumdb/tlog's; nothing here computes a hash of its own.
package ledger

import (
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/internal/logwire"
	"bonded.dev/internal/statemap"
)

// Tx is what the ledger needs of a database transaction.
type Tx interface {
	// Head is the number of entries in the log.
	Head() (uint64, error)
	// AppendEntry stores entry i, the next one; body is its canonical bytes.
	AppendEntry(i uint64, e bonded.Entry, body []byte) error
	// Bodies yields the canonical bytes of entries from <= i < to in log order;
	// the first error ends it.
	Bodies(from, to uint64) iter.Seq2[[]byte, error]
	// Hashes returns tree hashes by their stored-hash index
	// (tlog.StoredHashIndex), in the order asked.
	Hashes(ids []int64) ([]tlog.Hash, error)
	// PutHashes stores hashes at the indexes from first on.
	PutHashes(first int64, hs []tlog.Hash) error
}

// Head is the log at one size.
type Head struct {
	Size uint64
	Root bonded.Digest // of the tree, RFC 6962 section 2.1
}

// Append adds entries and the seal over them, and stores their hashes. m is the
// state map before the batch and records are what the batch changed in it; the
// map after it is returned. Both results count only if the transaction commits.
// The caller stores the records. Entries carry their time already. The log's
// first entry, and no other, is a genesis.
func Append(tx Tx, m *statemap.Map, entries []bonded.Entry, records []bonded.Record) (Head, *statemap.Map, error) {
	if len(entries) == 0 {
		return Head{}, nil, errors.New("append: no entries")
	}
	size, err := tx.Head()
	if err != nil {
		return Head{}, nil, fmt.Errorf("append: read the head: %w", err)
	}
	if (size == 0) != (entries[0].Type == bonded.Genesis) {
		return Head{}, nil, fmt.Errorf("append: entry %d is %q; a log starts with its genesis and has one", size, entries[0].Type)
	}
	a := &appender{tx: tx, size: size, known: map[int64]tlog.Hash{}}
	if err := a.readEdge(); err != nil {
		return Head{}, nil, fmt.Errorf("append: read the edge of the tree: %w", err)
	}
	for k, e := range entries {
		if e.Type == bonded.Seal || k > 0 && e.Type == bonded.Genesis {
			return Head{}, nil, fmt.Errorf("append: %q is not the caller's to add", e.Type)
		}
		if err := a.add(e); err != nil {
			return Head{}, nil, err
		}
	}
	next := m.Set(records)
	seal := bonded.Entry{Type: bonded.Seal, Leaves: a.size, Root: next.Root(), Bins: next.Bins(), Rules: bonded.RulesVersion}
	if err := a.add(seal); err != nil {
		return Head{}, nil, err
	}
	head, err := a.finish()
	return head, next, err
}

// appender collects the hashes of one batch.
type appender struct {
	tx    Tx
	size  uint64
	known map[int64]tlog.Hash // right edge before the batch, and all new hashes
	fresh []tlog.Hash         // new hashes in storage order
	first int64
}

// readEdge fetches in one go every older hash that the batch can need: appending
// combines only the roots of the complete subtrees that make up the tree now.
func (a *appender) readEdge() error {
	a.first = tlog.StoredHashCount(int64(a.size))
	_, err := tlog.TreeHash(int64(a.size), tlog.HashReaderFunc(func(ids []int64) ([]tlog.Hash, error) {
		hs, err := readHashes(a.tx, ids)
		for i := range hs {
			a.known[ids[i]] = hs[i]
		}
		return hs, err
	}))
	return err
}

func (a *appender) add(e bonded.Entry) error {
	body, err := e.Marshal()
	if err != nil {
		return fmt.Errorf("append: entry %d: %w", a.size, err)
	}
	hs, err := tlog.StoredHashes(int64(a.size), body, a)
	if err != nil {
		return fmt.Errorf("append: entry %d: %w", a.size, err)
	}
	if err := a.tx.AppendEntry(a.size, e, body); err != nil {
		return fmt.Errorf("append: store entry %d: %w", a.size, err)
	}
	for _, h := range hs {
		a.known[a.first+int64(len(a.fresh))] = h
		a.fresh = append(a.fresh, h)
	}
	a.size++
	return nil
}

func (a *appender) finish() (Head, error) {
	if err := a.tx.PutHashes(a.first, a.fresh); err != nil {
		return Head{}, fmt.Errorf("append: store hashes: %w", err)
	}
	root, err := tlog.TreeHash(int64(a.size), a)
	if err != nil {
		return Head{}, fmt.Errorf("append: %w", err)
	}
	return Head{a.size, bonded.Digest(root)}, nil
}

// ReadHashes is a tlog.HashReader over what readEdge fetched and add made.
func (a *appender) ReadHashes(ids []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ids))
	for i, id := range ids {
		h, ok := a.known[id]
		if !ok {
			return nil, fmt.Errorf("tree hash %d is not on the edge", id)
		}
		out[i] = h
	}
	return out, nil
}

// ReadHead computes the log's head from the stored hashes. The head of an empty
// log has size zero and no root.
func ReadHead(tx Tx) (Head, error) {
	size, err := tx.Head()
	if err != nil || size == 0 {
		return Head{}, err
	}
	root, err := tlog.TreeHash(int64(size), reader(tx))
	if err != nil {
		return Head{}, fmt.Errorf("tree of %d entries: %w", size, err)
	}
	return Head{size, bonded.Digest(root)}, nil
}

// CheckSeal holds a map that was loaded from the database against the newest
// seal. A node that starts with a map the log does not state must not serve.
func CheckSeal(tx Tx, m *statemap.Map) error {
	size, err := tx.Head()
	if err != nil || size == 0 {
		return err
	}
	for body, err := range tx.Bodies(size-1, size) {
		if err != nil {
			return fmt.Errorf("check seal: %w", err)
		}
		e, err := bonded.ParseEntry(body)
		switch {
		case err != nil:
			return fmt.Errorf("check seal: %w", err)
		case e.Type != bonded.Seal || e.Leaves != size-1:
			return fmt.Errorf("check seal: entry %d is not a seal over all before it", size-1)
		case e.Root != m.Root() || e.Bins != m.Bins():
			return fmt.Errorf("check seal: the stored map has root %s in 2^%d bins, the seal states %s in 2^%d", m.Root(), m.Bins(), e.Root, e.Bins)
		}
		return nil
	}
	return fmt.Errorf("check seal: entry %d is missing", size-1)
}

// Checkpoint returns the signed checkpoint for a head, in the form of C2SP
// tlog-checkpoint.
func Checkpoint(origin string, h Head, signer note.Signer) ([]byte, error) {
	return logwire.Checkpoint{Origin: origin, Size: h.Size, Root: h.Root}.Sign(signer)
}

func reader(tx Tx) tlog.HashReader {
	return tlog.HashReaderFunc(func(ids []int64) ([]tlog.Hash, error) { return readHashes(tx, ids) })
}

func readHashes(tx Tx, ids []int64) ([]tlog.Hash, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	hs, err := tx.Hashes(ids)
	if err == nil && len(hs) != len(ids) {
		err = fmt.Errorf("asked for %d hashes, got %d", len(ids), len(hs))
	}
	return hs, err
}
