package recompute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"bonded.dev"
	"bonded.dev/internal/logwire"
)

// proofSubject is where findings about proofs are kept; no package is called so.
const proofSubject = "/" + logwire.ProvePath

// proofsAtOnce is how many records are asked for at once: a URL of some
// kilobytes passes every proxy.
const proofsAtOnce = 40

// prove asks the repository to prove every record of the state map, and that
// one is not in it. What it answers from is its database, so this is where a
// changed row there shows.
func (r *run) prove(ctx context.Context) error {
	r.mu.Lock()
	delete(r.found, proofSubject)
	r.report.Proofs = 0
	r.mu.Unlock()
	if r.opts.NoProofs {
		r.skip("proofs: not asked for")
		return nil
	}
	asked := []string{"P none/" + bonded.DigestOf([]byte(r.log.root.Hex())).Hex()}
	for name, p := range r.log.packages {
		asked = append(asked, "P "+name)
		for rel := range p.Releases() {
			for _, f := range rel.Files {
				asked = append(asked, bonded.FileRecord(p.Name, rel.Version, f.Name))
			}
		}
	}
	slices.Sort(asked)
	batches := slices.Collect(slices.Chunk(asked, proofsAtOnce))
	done := 0
	return each(ctx, r.opts.Workers, batches, func(records []string) error {
		err := r.proveBatch(ctx, records)
		r.mu.Lock()
		defer r.mu.Unlock()
		done++
		r.opts.Progress("proofs", done, len(batches))
		return err
	})
}

func (r *run) proveBatch(ctx context.Context, records []string) error {
	b, err := r.web.get(ctx, logwire.ProvePath+"?"+logwire.Question{Records: records, Chunks: true}.Query(), 2*logwire.MaxAnswer)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errAbsent) {
		r.skip("proofs: the repository offers none")
		return nil
	}
	var proven logwire.Proven
	if err == nil {
		var a logwire.Answer
		if a, err = logwire.ReadAnswer(b); err == nil {
			proven, err = a.Check(r.verifier, records)
		}
	}
	if err != nil {
		// One wrong record must not hide which one it is.
		if len(records) > 1 && !isUnreachable(err) {
			for _, one := range records {
				if err := r.proveBatch(ctx, []string{one}); err != nil {
					return err
				}
			}
			return nil
		}
		r.add(proofSubject, Finding{Kind: "proof", Place: quoted(records), Problem: err.Error(), Unknown: isUnreachable(err)})
		return nil
	}
	for _, k := range proven.Records {
		if err := r.agrees(proven.Checkpoint, k); err != nil {
			r.add(proofSubject, Finding{Kind: "proof", Place: quoted([]string{k.Query.Record()}), Problem: err.Error()})
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Proofs += len(records)
	return nil
}

func quoted(records []string) string {
	if len(records) == 1 {
		return fmt.Sprintf("%q", records[0])
	}
	return fmt.Sprintf("%q and %d more", records[0], len(records)-1)
}

// agrees holds a checked proof against the log as it was read. A proof under
// another checkpoint than ours was checked by itself; it says nothing of ours.
func (r *run) agrees(at logwire.Checkpoint, k logwire.Known) error {
	if at.Size != r.log.size {
		return nil
	}
	if at.Root != r.log.root {
		return fmt.Errorf("is under the root %s, the checkpoint of %d entries that was read has %s", at.Root, at.Size, r.log.root)
	}
	want, ok := r.log.m.Get(bonded.RecordKey(k.Query.Record()))
	if ok != k.Present || ok && bonded.DigestOf([]byte(k.State)) != want {
		return errors.New("proves another state than the log gives")
	}
	return nil
}
