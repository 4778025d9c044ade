// Package recompute is the reader who believes nothing: it fetches the whole
// log of a repository, folds it, and computes again every byte that the
// repository serves. Where they differ it names the place. It is what
// `bonded log verify URL` runs.
//
// The order, each step resting on the one before:
//
//  1. the checkpoint, and the log's signature on it;
//  2. every entry bundle and every tile: the tree over the entries has the
//     root that the checkpoint states, and each tile holds that tree's hashes;
//  3. every entry in its only spelling, folded into packages and house; at
//     each seal the state map has the root that the seal states;
//  4. for every package: each document that its entries refer to, by digest;
//     each artifact, by size and digest; each index document, rendered by the
//     adapter from the folded state and compared byte for byte as a client
//     would fetch it, plain and gzip; what is gone must answer 404;
//  5. the proofs that the repository gives of its own state;
//  6. whatever failed in 4 and 5 once more, against the then newest
//     checkpoint: a repository that works while we look is no liar.
//
// One wrong byte in the log itself ends the run after step 3, because nothing
// can be computed from a log that is not the one that was signed.
//
// Not checked: that others see the same log (witnesses do that), that an
// artifact's metadata document is what its bytes say (an auditor extracts
// again), and the registry's signatures over releases, which clients check by
// themselves: whoever signed them is only held to be a key in the log.
package recompute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"bonded.dev/ecosystem"
	"bonded.dev/internal/logwire"
)

// Options say how to look. The zero value checks everything.
type Options struct {
	// Key is the log's verifier key, "<origin>+<hash>+<key>". Without it the
	// key that the repository shows is taken, and the report says so.
	Key string
	// NoArtifacts leaves the bytes of artifacts unread.
	NoArtifacts bool
	// NoProofs asks for no proofs.
	NoProofs bool
	// Workers is how many requests are under way at once; zero means 4.
	Workers int
	// Patience is the pause before a second look; zero means a second.
	Patience time.Duration
	// Progress is told how far each step is, from one goroutine at a time.
	Progress func(step string, done, total int)
	// Client makes the requests; nil means one with timeouts.
	Client *http.Client
}

// run is one verification.
type run struct {
	opts       Options
	web        *web
	verifier   note.Verifier
	ecosystems map[string]ecosystem.Ecosystem
	log        *history
	report     *Report

	mu    sync.Mutex           // guards what follows, and report
	found map[string][]Finding // by subject
	saw   map[string]Counts
}

// Verify checks the repository served below source, an http or https URL. The
// ecosystems are the dialects that it renders with. An error means that nobody
// can tell: the repository could not be reached or read. Everything that is
// wrong with it is a finding.
func Verify(ctx context.Context, source string, ecosystems []ecosystem.Ecosystem, opts Options) (*Report, error) {
	began := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, err := start(ctx, source, ecosystems, opts, cancel)
	if err != nil {
		return nil, err
	}
	err = r.verify(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil && !errors.Is(err, errBroken) {
		return nil, err
	}
	r.finish()
	r.report.Seconds = time.Since(began).Seconds()
	return r.report, nil
}

// errBroken ends a run whose findings already say why.
var errBroken = errors.New("the log is broken")

func start(ctx context.Context, source string, ecosystems []ecosystem.Ecosystem, opts Options, giveUp func(error)) (*run, error) {
	opts.Workers = cmp.Or(opts.Workers, 4)
	opts.Patience = cmp.Or(opts.Patience, time.Second)
	if opts.Progress == nil {
		opts.Progress = func(string, int, int) {}
	}
	w, err := newWeb(source, opts, giveUp)
	if err != nil {
		return nil, err
	}
	r := &run{opts: opts, web: w, ecosystems: map[string]ecosystem.Ecosystem{}, found: map[string][]Finding{}, saw: map[string]Counts{}}
	r.report = &Report{Source: w.base, Key: opts.Key, KeyGiven: opts.Key != ""}
	for _, eco := range ecosystems {
		r.ecosystems[eco.Info().ID] = eco
	}
	if err := r.key(ctx); err != nil {
		return nil, err
	}
	r.log = newHistory(r.verifier.Name())
	return r, nil
}

// key takes the log's key from whoever asked, or else from the repository. A
// repository that shows another key than it signs with misleads the next one.
func (r *run) key(ctx context.Context) error {
	b, err := r.web.get(ctx, logwire.KeyPath, maxKey)
	shown := strings.TrimSpace(string(b))
	switch {
	case err != nil && r.opts.Key == "":
		return fmt.Errorf("the log's key: %w; give it with --key if you have it from elsewhere", err)
	case err != nil && isUnreachable(err):
		return err
	case r.opts.Key == "":
		r.report.Key = shown
	case err == nil && string(b) != r.opts.Key+"\n":
		r.add("", Finding{Kind: "key", Place: logwire.KeyPath, Problem: fmt.Sprintf("shows %.300q", shown)})
	}
	if r.verifier, err = note.NewVerifier(r.report.Key); err != nil {
		return fmt.Errorf("the log's key %q: %w", r.report.Key, err)
	}
	return nil
}

// maxKey bounds a verifier key, bytes.
const maxKey = 4 << 10

func (r *run) verify(ctx context.Context) error {
	at, err := r.checkpoint(ctx)
	if err != nil {
		return err
	}
	if err := r.readLog(ctx, at); err != nil {
		return err
	}
	if err := r.checkAll(ctx); err != nil {
		return err
	}
	return r.lookAgain(ctx)
}

// checkpoint fetches the newest checkpoint and verifies the log's signature.
func (r *run) checkpoint(ctx context.Context) (logwire.Checkpoint, error) {
	b, err := r.web.get(ctx, logwire.CheckpointPath, logwire.MaxCheckpoint)
	if err != nil {
		return logwire.Checkpoint{}, fmt.Errorf("the checkpoint: %w", err)
	}
	at, err := logwire.OpenCheckpoint(b, r.verifier)
	if err == nil && at.Size == 0 {
		err = errors.New("covers no entries")
	}
	if err != nil {
		r.add("", Finding{Kind: "checkpoint", Place: logwire.CheckpointPath, Problem: strings.TrimPrefix(err.Error(), "checkpoint: ")})
		return at, errBroken
	}
	return at, nil
}

// checkAll is steps 4 and 5 for every package, and for the house.
func (r *run) checkAll(ctx context.Context) error {
	subjects := r.subjects()
	done := 0
	err := each(ctx, r.opts.Workers, subjects, func(s string) error {
		err := r.check(ctx, s)
		r.mu.Lock()
		defer r.mu.Unlock()
		done++
		r.opts.Progress("packages", done, len(subjects))
		return err
	})
	if err != nil {
		return err
	}
	return r.prove(ctx)
}

// subjects names all that is checked by itself: "npm" for the documents about
// the whole repository in one dialect, "npm/left-pad" for a package, and what
// entries about no package refer to.
func (r *run) subjects() []string {
	var out []string
	for id := range r.ecosystems {
		out = append(out, id)
	}
	for name := range r.log.packages {
		out = append(out, name)
	}
	if len(r.log.docs) > 0 {
		out = append(out, houseSubject)
	}
	slices.Sort(out)
	return out
}

// houseSubject stands for the documents that entries about the whole repository
// refer to; no package is called so.
const houseSubject = "/log/doc"

// check looks at one subject and replaces what was found about it before.
func (r *run) check(ctx context.Context, subject string) error {
	c := &inspection{run: r, ctx: ctx}
	var err error
	switch {
	case subject == houseSubject:
		err = c.logDocuments("the repository", deletable(r.log.docs))
	case strings.Contains(subject, "/"):
		err = c.pack(r.log.packages[subject])
	default:
		err = c.house(r.ecosystems[subject])
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saw[subject] = c.saw
	delete(r.found, subject)
	if len(c.found) > 0 {
		r.found[subject] = c.found
	}
	return nil
}

// looks is how often what failed is looked at again.
const looks = 5

// lookAgain repeats what failed while the repository may have been at work.
// Without news the second look is the last: documents may have been behind the
// checkpoint, which is put out before them.
func (r *run) lookAgain(ctx context.Context) error {
	for look := range looks {
		again, proofs := r.suspects()
		if len(again) == 0 && !proofs {
			return nil
		}
		pause := time.NewTimer(r.opts.Patience)
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
		at, err := r.checkpoint(ctx)
		if err != nil {
			return err
		}
		if at.Size == r.log.size && look > 0 {
			return nil
		}
		if err := r.readLog(ctx, at); err != nil {
			return err
		}
		if err := each(ctx, r.opts.Workers, again, func(s string) error { return r.check(ctx, s) }); err != nil {
			return err
		}
		if proofs {
			if err := r.prove(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// suspects are the subjects about which something was found.
func (r *run) suspects() (again []string, proofs bool) {
	for s := range r.found {
		if _, ok := r.log.packages[s]; ok || r.ecosystems[s] != nil || s == houseSubject {
			again = append(again, s)
		}
	}
	_, proofs = r.found[proofSubject]
	return again, proofs
}

func (r *run) add(subject string, f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found[subject] = append(r.found[subject], f)
}

// skip notes once what was not looked at.
func (r *run) skip(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.report.Skipped, what) {
		r.report.Skipped = append(r.report.Skipped, what)
	}
}

func (r *run) finish() {
	if r.opts.NoArtifacts {
		r.skip("artifacts: not asked for")
	}
	for _, c := range r.saw {
		r.report.Counts.add(c)
	}
	r.report.Origin, r.report.Entries, r.report.Root = r.verifier.Name(), r.log.size, r.log.root.String()
	r.report.Packages, r.report.MapRoot = len(r.log.packages), r.log.m.Root().String()
	r.report.Findings = []Finding{}
	for _, list := range r.found {
		r.report.Findings = append(r.report.Findings, list...)
	}
	slices.SortFunc(r.report.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Place, b.Place), strings.Compare(a.Problem, b.Problem))
	})
	slices.Sort(r.report.Skipped)
}

// each runs do for every item, a few at a time, until one fails.
func each[T any](ctx context.Context, workers int, items []T, do func(T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	next := make(chan T)
	for range min(workers, len(items)) {
		wg.Go(func() {
			for item := range next {
				if err := do(item); err != nil {
					cancel(err)
				}
			}
		})
	}
feed:
	for _, item := range items {
		select {
		case next <- item:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
