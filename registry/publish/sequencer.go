package publish

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"

	"bonded.dev"
	"bonded.dev/internal/failing"
	"bonded.dev/internal/statemap"
	"bonded.dev/registry/ledger"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

// largestBatch is how many drafts share one transaction and one checkpoint.
const largestBatch = 64

// entrant is a draft on its way into a batch.
type entrant struct {
	draft bonded.Draft
	actor Actor
	past  *bonded.Package // it was judged against this
	size  uint64          // of the log when its new name was compared with others
	done  chan struct{}
	// approval is set for a staged release that somebody else approved.
	approval *approval
	// A rewrite has no facts before it is made; action is what it needs.
	rewrite rewrite
	action  bonded.Action

	// Written by the sequencer before done is closed.
	err     error
	receipt bonded.Receipt
	taken   bool // its facts are in the log, or may be
}

// Published returns the log as it was last published; false before Open.
func (d *Desk) Published() (ledger.Snapshot, bool) {
	if s := d.published.Load(); s != nil {
		return *s, true
	}
	return ledger.Snapshot{}, false
}

// Size is the number of entries under the newest checkpoint.
func (d *Desk) Size() uint64 {
	s, _ := d.Published()
	return s.Head.Size
}

// Check reports whether the desk takes drafts; it is what readiness asks.
func (d *Desk) Check(context.Context) error {
	select {
	case <-d.stopped:
		return closing()
	default:
	}
	if n := len(d.queue); n == cap(d.queue) {
		return bonded.Errorf(bonded.Unavailable, "%d publications are waiting", n)
	}
	return nil
}

// sequencer is the state of the one goroutine that writes history.
type sequencer struct {
	head      uint64 // log entries that house and records cover
	house     *bonded.House
	records   *statemap.Map
	projected uint64      // every fact below is on the shelf
	edge      ledger.Edge // the edge of the log as it was last written to the shelf
	marked    uint64      // the same as the book remembers it, after a flush
}

// join hands an entrant to the sequencer and waits for its turn. Once it was
// taken up the outcome is waited for even if the client has gone: the facts
// are as true without it.
func (d *Desk) join(ctx context.Context, e *entrant) (bonded.Receipt, error) {
	select {
	case d.queue <- e:
	case <-ctx.Done():
		return bonded.Receipt{}, ctx.Err()
	case <-d.stopped:
		return bonded.Receipt{}, closing()
	}
	select {
	case <-e.done:
		return e.receipt, e.err
	case <-d.stopped:
	}
	// The sequencer ended; it may have finished this one in the same moment.
	select {
	case <-e.done:
		return e.receipt, e.err
	default:
		return bonded.Receipt{}, closing()
	}
}

func closing() error {
	return bonded.Errorf(bonded.Unavailable, "the repository is shutting down; nothing was changed; try again")
}

// Run writes history until ctx ends. Drafts already taken up are finished.
func (d *Desk) Run(ctx context.Context) error {
	defer close(d.stopped)
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	var jobs sync.WaitGroup
	jobs.Go(func() { d.expire(ctx) })
	defer jobs.Wait()
	for {
		select {
		case <-ctx.Done():
			return d.flush(context.WithoutCancel(ctx))
		case e := <-d.queue:
			d.batch(context.WithoutCancel(ctx), d.gather(e))
		case <-flush.C:
			if err := d.flush(ctx); err != nil && ctx.Err() == nil {
				d.Log.Warn("the shelf could not be flushed; what is on it would be computed again after a crash", "err", err)
			}
		}
	}
}

// gather takes whatever else is waiting: while one batch is written the next
// one grows, so the rate adapts to the load without any delay.
func (d *Desk) gather(first *entrant) []*entrant {
	group := []*entrant{first}
	for len(group) < largestBatch {
		select {
		case e := <-d.queue:
			group = append(group, e)
		default:
			return group
		}
	}
	return group
}

// batch takes a group of drafts into history together.
func (d *Desk) batch(ctx context.Context, group []*entrant) {
	began := time.Now()
	defer func() {
		for _, e := range group {
			close(e.done)
		}
		if d.Observe != nil {
			d.Observe(len(group), time.Since(began))
		}
	}()
	unlock, err := d.Book.Lock(ctx)
	if err == nil {
		defer unlock()
		err = d.catchUp(ctx)
	}
	if err != nil {
		fail(group, err)
		return
	}
	written := d.write(ctx, group)
	defer failing.Here("answer")
	if err := d.project(ctx); err != nil {
		d.Log.Error("facts are in the log and not yet on the shelf", "from", d.seq.projected, "to", d.seq.head, "err", err)
		fail(written, &bonded.Error{Kind: bonded.Unavailable, Err: err,
			Public: "your change is logged and will appear as soon as the repository's storage answers again; do not repeat it"})
	}
}

// write records the group in one transaction. If the database refuses it, each
// draft is tried by itself, so that one cannot spoil the others. It returns
// the drafts that are in the log now.
func (d *Desk) write(ctx context.Context, group []*entrant) (written []*entrant) {
	err := d.commit(ctx, group)
	if err != nil && len(group) > 1 && !record.UnknownOutcome(err) {
		for _, e := range group {
			if err := d.commit(ctx, []*entrant{e}); err != nil {
				fail([]*entrant{e}, err)
			}
		}
	} else if err != nil {
		fail(group, err)
	}
	for _, e := range group {
		if e.err == nil && e.taken {
			written = append(written, e)
		}
	}
	return written
}

func fail(group []*entrant, err error) {
	for _, e := range group {
		if e.err == nil {
			e.err = err
		}
		// If nobody knows whether the transaction took place, the bytes stay:
		// the next start will know.
		e.taken = e.taken || record.UnknownOutcome(err)
	}
}

// commit is the one SQL transaction: rows, facts, tree hashes, seal.
func (d *Desk) commit(ctx context.Context, group []*entrant) error {
	var b *batch
	err := d.Book.Update(ctx, func(tx *record.Tx) error {
		b = d.newBatch(ctx, tx)
		for _, e := range group {
			if err := b.add(e); err != nil {
				return err
			}
		}
		if len(b.entries) == 0 {
			return nil
		}
		failing.Here("record")
		err := b.seal()
		failing.Here("ledger")
		return err
	})
	if err != nil {
		return err
	}
	b.keep()
	failing.Here("commit")
	return nil
}

// batch is one attempt at a transaction. All it learns stays in it until the
// transaction has been committed.
type batch struct {
	desk     *Desk
	ctx      context.Context
	tx       *record.Tx
	now      time.Time
	house    *bonded.House
	records  *statemap.Map
	packages map[string]*bonded.Package
	claims   map[string]string  // name -> who takes it, in this batch
	alike    map[string][]claim // ecosystem/skeleton -> claims in this batch
	entries  []bonded.Entry
	changed  []bonded.Record
	head     ledger.Head
	results  []result
}

// claim is a name that somebody takes.
type claim struct{ key, taker string }

type result struct {
	e      *entrant
	first  uint64
	silent bool // it changed nothing that the log tells of
	err    error
}

func (d *Desk) newBatch(ctx context.Context, tx *record.Tx) *batch {
	return &batch{
		desk: d, ctx: ctx, tx: tx, now: d.Now().UTC().Truncate(time.Second),
		house: d.seq.house, records: d.seq.records,
		packages: map[string]*bonded.Package{}, claims: map[string]string{}, alike: map[string][]claim{},
	}
}

// add puts one draft into the batch. A draft that is refused now that it meets
// its neighbours is a result, not an error: an error ends the transaction.
func (b *batch) add(e *entrant) error {
	if e.rewrite != nil {
		return b.again(e)
	}
	name := e.draft.Name
	past, err := b.past(name)
	if err != nil {
		return err
	}
	if taker, ok := b.claims[name.String()]; ok && taker != e.actor.Name() {
		b.refuse(e, bonded.Errorf(bonded.Forbidden, "the name %s was taken by somebody else a moment ago; choose another", name.Key))
		return nil
	}
	near := b.near(e)
	if past.Head != e.past.Head || past.Claimed.IsZero() && (len(near) > 0 || e.size != b.desk.seq.head) {
		if err := b.desk.judge(b.ctx, e, past, near...); err != nil {
			b.refuse(e, err)
			return nil
		}
		if err := b.direct(e, past); err != nil {
			b.refuse(e, err)
			return nil
		}
	}
	if err := e.actor.Spend(b.tx); err != nil {
		b.refuse(e, err)
		return nil
	}
	if e.approval != nil { // last: what it writes has to stay
		if ended, err := e.approval.note(b.tx); err != nil {
			return err
		} else if !ended {
			b.refuse(e, bonded.Errorf(bonded.Conflict, "the staged release %s was answered by somebody else a moment ago", e.approval.staged.ID))
			return nil
		}
	}
	first := b.desk.seq.head + uint64(len(b.entries))
	facts, err := b.facts(e, past)
	if err != nil {
		return err
	}
	for _, f := range facts {
		if past, err = b.fact(f, e, past); err != nil {
			return err
		}
	}
	b.packages[name.String()] = past
	b.results = append(b.results, result{e: e, first: first})
	return b.rows(e)
}

// near lists the names that others claim in this batch and that look like the
// draft's own. The book does not have them yet.
func (b *batch) near(e *entrant) (keys []string) {
	for _, c := range b.alike[skeleton(e.draft.Name)] {
		if c.taker != e.actor.Name() && c.key != e.draft.Name.Key {
			keys = append(keys, c.key)
		}
	}
	return keys
}

func skeleton(n bonded.Name) string { return n.Ecosystem + "/" + n.Skeleton() }

func (b *batch) refuse(e *entrant, err error) {
	b.results = append(b.results, result{e: e, err: err})
}

func (b *batch) past(n bonded.Name) (*bonded.Package, error) {
	if p, ok := b.packages[n.String()]; ok {
		return p, nil
	}
	if p, ok := b.desk.packages.Get(n.String()); ok {
		return p, nil
	}
	return b.tx.Package(n)
}

// facts completes what the adapter proposed: the time, and for a new name the
// claim and its first owner.
func (b *batch) facts(e *entrant, past *bonded.Package) ([]bonded.Entry, error) {
	var out []bonded.Entry
	if past.Claimed.IsZero() {
		heir, err := e.actor.Heir(b.ctx, e.draft.Name)
		if err != nil {
			return nil, err
		}
		doc, err := ownersDocument(heir)
		if err != nil {
			return nil, err
		}
		if err := b.tx.PutDoc(doc); err != nil {
			return nil, err
		}
		if err := b.tx.Claim(e.draft.Name, b.desk.seq.head+uint64(len(b.entries))); err != nil {
			return nil, err
		}
		if err := b.tx.AddOwner(e.draft.Name, heir); err != nil {
			return nil, err
		}
		b.claims[e.draft.Name.String()] = e.actor.Name()
		alike := skeleton(e.draft.Name)
		b.alike[alike] = append(b.alike[alike], claim{e.draft.Name.Key, e.actor.Name()})
		out = append(out,
			bonded.Entry{Type: bonded.Claim, Name: e.draft.Name},
			bonded.Entry{Type: bonded.Owners, Name: e.draft.Name, Doc: bonded.DigestOf(doc), Count: 1})
		policy, err := b.born(e, heir)
		if err != nil {
			return nil, err
		}
		out = append(out, policy...)
	}
	out = append(out, e.draft.Facts...)
	for i := range out {
		out[i].Time = b.now
		out[i].Name = e.draft.Name
	}
	return out, nil
}

// ownersDocument names the owners. The salt makes its digest say nothing about
// them once the document is deleted.
func ownersDocument(owners ...string) ([]byte, error) {
	salt := make([]byte, 16)
	rand.Read(salt) //nolint:errcheck // crypto/rand.Read never fails
	return json.Marshal(struct {
		Salt   string   `json:"salt"`
		Owners []string `json:"owners"`
	}{base64.StdEncoding.EncodeToString(salt), owners}, json.Deterministic(true))
}

// fact folds one fact and writes the row that guards it.
func (b *batch) fact(f bonded.Entry, e *entrant, past *bonded.Package) (*bonded.Package, error) {
	i := b.desk.seq.head + uint64(len(b.entries))
	if f.Type == bonded.Publish {
		row := record.FileRow{Package: f.Name, Version: f.Version, Name: f.File, Digest: f.Digest, Size: f.Size, Index: i, Blob: quarantined(e, f.Digest)}
		if err := b.tx.PutFile(row); err != nil {
			return nil, err
		}
	}
	next := past
	var err error
	if !f.Name.IsZero() {
		if next, err = past.Apply(i, f); err != nil {
			return nil, err
		}
		b.changed = append(b.changed, next.Records(f)...)
	}
	if b.house, err = b.house.Apply(i, f); err != nil {
		return nil, err
	}
	b.entries = append(b.entries, f)
	return next, nil
}

func quarantined(e *entrant, digest bonded.Digest) string {
	for _, k := range e.draft.Kept {
		if k.Digest == digest {
			return k.ID
		}
	}
	return ""
}

// seal appends everything to the log and closes it with the root of the map.
func (b *batch) seal() (err error) {
	changed := newest(b.changed)
	if b.head, b.records, err = ledger.Append(b.tx, b.records, b.entries, changed); err != nil {
		return err
	}
	return b.tx.PutRecords(changed)
}

// newest keeps the last record of each key: a batch may change one twice.
func newest(records []bonded.Record) []bonded.Record {
	at := map[[16]byte]int{}
	var out []bonded.Record
	for _, r := range records {
		if i, ok := at[r.Key]; ok {
			out[i] = r
			continue
		}
		at[r.Key] = len(out)
		out = append(out, r)
	}
	return out
}

// advance moves the desk to a newer head.
func (d *Desk) advance(head uint64, house *bonded.House, records *statemap.Map) {
	d.seq.head, d.seq.house, d.seq.records = head, house, records
}

// keep makes the batch's view the desk's, now that it is history.
func (b *batch) keep() {
	d := b.desk
	if len(b.entries) > 0 {
		d.advance(b.head.Size, b.house, b.records)
	}
	for _, p := range b.packages {
		d.remember(p)
	}
	for _, r := range b.results {
		r.e.err = r.err
		if r.err == nil {
			r.e.taken = true
		}
		if r.err == nil && !r.silent {
			r.e.receipt = bonded.Receipt{Index: r.first, Size: b.head.Size}
		}
	}
}
