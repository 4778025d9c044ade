package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/internal/logwire"
	"bonded.dev/internal/statemap"
)

// Snapshot is the log as it was last published: a signed checkpoint, its head,
// and the state map that its seal states.
type Snapshot struct {
	Checkpoint []byte
	Head       Head
	Map        *statemap.Map
}

// Prover answers questions about single records, so that a client need not
// fetch the log. What it says is checked by logwire.Answer.Check; a wrong
// answer can only be refused.
type Prover struct {
	// Current returns the newest published checkpoint; false before the first.
	Current func() (Snapshot, bool)
	// View runs do in a read transaction.
	View func(ctx context.Context, do func(Tx) error) error
	// Package returns a package as the first size entries of the log state it;
	// Head is 0 for one that none of them names.
	Package func(ctx context.Context, name bonded.Name, size uint64) (*bonded.Package, error)
}

// Question and Answer are what Prove speaks, as JSON; see logwire.
type (
	Question = logwire.Question
	Answer   = logwire.Answer
)

// Prove answers a question for the current checkpoint. Errors are *bonded.Error
// where the question is at fault.
func (p *Prover) Prove(ctx context.Context, q Question) (Answer, error) {
	if len(q.Records) == 0 || len(q.Records) > logwire.MaxQueries {
		return Answer{}, bonded.Errorf(bonded.Invalid, "a question asks for 1 to %d records, this one for %d", logwire.MaxQueries, len(q.Records))
	}
	now, ok := p.Current()
	if !ok {
		return Answer{}, bonded.Errorf(bonded.Unavailable, "the log has no checkpoint yet; try again")
	}
	a := Answer{Checkpoint: string(now.Checkpoint), Seal: logwire.Leaf{Index: now.Head.Size - 1}}
	packages := map[string]*bonded.Package{}
	size := 0
	for _, name := range q.Records {
		r, err := p.record(ctx, now, packages, name, q.Chunks)
		if err != nil {
			return Answer{}, err
		}
		if size += weight(r); size > logwire.MaxAnswer {
			return Answer{}, bonded.Errorf(bonded.TooLarge, "the answer would be larger than %d bytes; ask for fewer records at once", logwire.MaxAnswer)
		}
		a.Records = append(a.Records, r)
	}
	leaves := []*logwire.Leaf{&a.Seal}
	for _, r := range a.Records {
		if r.Leaf != nil {
			leaves = append(leaves, r.Leaf)
		}
	}
	err := p.View(ctx, func(tx Tx) error { return fill(tx, now.Head.Size, leaves) })
	if err != nil {
		return Answer{}, fmt.Errorf("prove: %w", err)
	}
	return a, nil
}

// record answers for one name, all but the bytes and the path of its leaf.
func (p *Prover) record(ctx context.Context, now Snapshot, packages map[string]*bonded.Package, name string, chunks bool) (logwire.Record, error) {
	q, err := logwire.ParseQuery(name)
	if err != nil {
		return logwire.Record{}, err
	}
	key := bonded.RecordKey(name)
	r := logwire.Record{Name: name, Proof: now.Map.Prove(key)}
	value, ok := now.Map.Get(key)
	if !ok {
		return r, nil
	}
	pkg := packages[q.Name.String()]
	if pkg == nil {
		if pkg, err = p.Package(ctx, q.Name, now.Head.Size); err != nil {
			return r, fmt.Errorf("prove %q: %w", name, err)
		}
		packages[q.Name.String()] = pkg
	}
	if q.File != "" {
		release, file := pkg.File(q.File)
		if file == nil {
			return r, fmt.Errorf("prove %q: the map holds it, the history does not", name)
		}
		r.State, r.Leaf = string(bonded.FileState(release, file)), &logwire.Leaf{Index: file.Index}
	} else {
		r.State = string(pkg.State())
		if pkg.ClaimIndex != 0 {
			r.Leaf = &logwire.Leaf{Index: pkg.ClaimIndex}
		}
		for _, c := range pkg.Chunks() {
			if chunks {
				r.Chunks = append(r.Chunks, string(bonded.ChunkState(c.Releases)))
			}
		}
	}
	if bonded.DigestOf([]byte(r.State)) != value {
		return r, fmt.Errorf("prove %q: the history says\n%s\nwhich is not what the map holds", name, r.State)
	}
	return r, nil
}

// weight is about how many bytes a record adds to an answer.
func weight(r logwire.Record) int {
	n := len(r.Proof.Bin) + tlog.HashSize*len(r.Proof.Path) + len(r.State)
	for _, c := range r.Chunks {
		n += len(c)
	}
	return n
}

// fill reads the bodies of leaves and their inclusion proofs in a tree of the
// given size. All hashes are read at once: the first round of tlog.ProveRecord
// only says which ones it wants.
func fill(tx Tx, size uint64, leaves []*logwire.Leaf) error {
	var ids []int64
	ask := tlog.HashReaderFunc(func(want []int64) ([]tlog.Hash, error) {
		ids = append(ids, want...)
		return make([]tlog.Hash, len(want)), nil
	})
	for _, l := range leaves {
		for body, err := range tx.Bodies(l.Index, l.Index+1) {
			if err != nil {
				return fmt.Errorf("entry %d: %w", l.Index, err)
			}
			l.Entry = body
		}
		if l.Entry == nil {
			return fmt.Errorf("entry %d is missing", l.Index)
		}
		if _, err := tlog.ProveRecord(int64(size), int64(l.Index), ask); err != nil {
			return fmt.Errorf("entry %d: %w", l.Index, err)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	hashes, err := readHashes(tx, ids)
	if err != nil {
		return err
	}
	give := tlog.HashReaderFunc(func(want []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(want))
		for i, id := range want {
			at, ok := slices.BinarySearch(ids, id)
			if !ok {
				return nil, errors.New("a hash was not asked for")
			}
			out[i] = hashes[at]
		}
		return out, nil
	})
	for _, l := range leaves {
		if l.Path, err = tlog.ProveRecord(int64(size), int64(l.Index), give); err != nil {
			return fmt.Errorf("entry %d: %w", l.Index, err)
		}
	}
	return nil
}
