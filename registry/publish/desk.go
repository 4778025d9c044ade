// Package publish is the way in. One function, [Desk.Submit], joins the rooms
// in their order; docs/the-way-in.md tells why the order is what it is.
//
//	draft    an adapter reads the request; bytes stream to quarantine, hashed once
//	judge    may this user do this to this name; then every control; then one verdict
//	record   rows, facts and tree hashes in one SQL transaction, many drafts at a time
//	seal     the state map's root closes the batch
//	sign     a checkpoint over it
//	project  artifacts leave quarantine, documents are computed, the checkpoint goes last
//	answer   with a receipt
//
// A release that needs a second person leaves after judge and waits; approved,
// it enters again there (stage.go, approve.go; review.go shows what is new in it).
//
// Only this package writes history.
package publish

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/failing"
	"bonded.dev/internal/recent"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/decide"
	"bonded.dev/registry/ledger"
	"bonded.dev/registry/project"
	"bonded.dev/registry/record"
	"bonded.dev/registry/screen"
	"bonded.dev/registry/sign"
)

// Actor is who asks, as far as the desk needs to know.
type Actor interface {
	// Name is who it is in the journal: a user, "publisher:ID" for a build job.
	Name() string
	// User is the account; empty for a build job.
	User() string
	// Heir is the principal who owns a new name that the actor takes: the user,
	// or the organisation whose namespace it is in.
	Heir(ctx context.Context, name bonded.Name) (string, error)
	// May says whether the credential and the user may do this to the name.
	May(ctx context.Context, action bonded.Action, name bonded.Name) error
	// Limits says why the credential may not do all that the draft says, besides
	// its actions and its name: a version or an artifact that it is not good for.
	Limits(draft *bonded.Draft) error
	// Spend takes one of the uses that the credential has left, in the
	// transaction that writes the draft.
	Spend(tx *record.Tx) error
}

// In is the body of a request.
type In struct {
	Body  io.Reader
	Actor Actor
}

// Config is what a desk is made of.
type Config struct {
	Ecosystems []ecosystem.Ecosystem
	Checks     []screen.Check
	Book       *record.Book
	Blobs      blob.Store
	Keys       *sign.Keys
	Shelf      *project.Shelf
	Origin     string // of the log; fixed when the log begins
	URL        string // public, with trailing slash; empty: the one in the log
	Now        func() time.Time
	Log        *slog.Logger
	// TwoPerson says for which releases the repository itself asks for a second
	// person: TwoPersonNew, TwoPersonAll, or empty for none.
	TwoPerson string
	// Leaked is asked about what looks like a token of this repository and was
	// found in an upload; where says what in. If it is one, it ends it and answers
	// true. nil: nobody looks.
	Leaked func(ctx context.Context, text, where string) (bool, error)
	// Without says which controls the victim of a drill does without; nil, as on
	// every server: all stand.
	Without func(control string) bool
	// Observe is told about each batch: drafts taken, time spent.
	Observe func(drafts int, took time.Duration)
}

// Desk takes drafts, judges them and writes them into history.
type Desk struct {
	Config
	ecosystems map[string]ecosystem.Ecosystem
	queue      chan *entrant
	stopped    chan struct{}
	packages   *recent.Cache[string, *bonded.Package]
	documents  *recent.Cache[bonded.Digest, []byte]
	seq        sequencer
	published  atomic.Pointer[ledger.Snapshot]
}

const (
	packageMemory  = 64 << 20 // bytes of folded packages kept
	documentMemory = 16 << 20 // bytes of content-addressed documents kept
	longestQueue   = 256      // drafts waiting for a batch
)

// New makes a desk. Run must be called for it to take anything.
func New(c Config) *Desk {
	d := &Desk{
		Config:     c,
		ecosystems: map[string]ecosystem.Ecosystem{},
		queue:      make(chan *entrant, longestQueue),
		stopped:    make(chan struct{}),
		packages:   recent.New[string, *bonded.Package](packageMemory),
		documents:  recent.New[bonded.Digest, []byte](documentMemory),
	}
	for _, e := range c.Ecosystems {
		d.ecosystems[e.Info().ID] = e
	}
	return d
}

func (d *Desk) without(control string) bool { return d.Without != nil && d.Without(control) }

// Submit takes one request of a dialect the whole way in.
func (d *Desk) Submit(ctx context.Context, eco ecosystem.Ecosystem, ask ecosystem.Ask, in In) (bonded.Receipt, error) {
	draft, err := d.draft(ctx, eco, ask, in.Body)
	e := &entrant{draft: draft, actor: in.Actor, done: make(chan struct{})}
	defer d.discard(e)
	if err != nil {
		return bonded.Receipt{}, err
	}
	failing.Here("draft")
	return d.enter(ctx, e)
}

// enter takes a draft from judgement to receipt, whoever wrote it.
func (d *Desk) enter(ctx context.Context, e *entrant) (bonded.Receipt, error) {
	past, err := d.Past(ctx, e.draft.Name)
	if err != nil {
		return bonded.Receipt{}, err
	}
	if err := d.judge(ctx, e, past); err != nil {
		return bonded.Receipt{}, err
	}
	// A draft without facts asks for what is already so.
	if len(e.draft.Facts) == 0 {
		return bonded.Receipt{}, nil
	}
	if err := d.secrets(ctx, e); err != nil {
		return bonded.Receipt{}, err
	}
	if err := d.sign(e); err != nil {
		return bonded.Receipt{}, err
	}
	if err := d.loggable(e); err != nil {
		return bonded.Receipt{}, err
	}
	failing.Here("judge")
	if waits, err := d.waits(ctx, e, past, d.rule(ctx)); err != nil || waits {
		if err != nil {
			return bonded.Receipt{}, err
		}
		return d.stage(ctx, e, past)
	}
	return d.join(ctx, e)
}

// loggable refuses, while it is still the client's own request alone, what the
// log could not hold in its canonical form.
func (d *Desk) loggable(e *entrant) error {
	for _, f := range e.draft.Facts {
		f.Time, f.Name = d.Now().UTC().Truncate(time.Second), e.draft.Name
		if _, err := f.Marshal(); err != nil {
			return &bonded.Error{Kind: bonded.Invalid, Public: fmt.Sprintf("%s cannot be logged: %v", e.draft.Name.Key, err), Err: err}
		}
	}
	return nil
}

// judge asks identity and every control about the draft as it would join past.
// neighbours are names that look like its own and are being claimed with it.
func (d *Desk) judge(ctx context.Context, e *entrant, past *bonded.Package, neighbours ...string) error {
	for _, action := range e.draft.Needs() {
		if err := e.actor.May(ctx, action, e.draft.Name); err != nil {
			return err
		}
	}
	if err := e.actor.Limits(&e.draft); err != nil {
		return err
	}
	c := screen.Case{Draft: &e.draft, Past: past, Now: d.Now(), User: e.actor.User()}
	if e.draft.Removes() {
		usage, err := d.usage(ctx, e.draft.Name)
		if err != nil {
			return err
		}
		c.Usage = usage
	}
	if past.Claimed.IsZero() {
		e.size = d.Size() // before the book is read: what comes later is looked at again
		alike, err := d.Book.Alike(ctx, e.draft.Name, c.User)
		if err != nil {
			return err
		}
		c.Alike = append(alike, neighbours...)
	}
	findings := screen.Examine(ctx, d.Checks, c)
	for _, f := range findings {
		if f.Err != nil {
			d.Log.Error("a control could not finish", "control", f.Control, "package", e.draft.Name.String(), "err", f.Err)
		}
	}
	verdict, why := decide.Decide(findings)
	if verdict == bonded.Admit {
		e.past = past
		return nil
	}
	kind := why.Kind
	if kind == bonded.Internal {
		kind = bonded.Refused
	}
	return bonded.Refusal(kind, why.Control, "%s", why.Reason)
}

func (d *Desk) usage(ctx context.Context, n bonded.Name) (u screen.Usage, err error) {
	if u.Dependants, err = d.Book.Dependants(ctx, n); err != nil {
		return u, err
	}
	u.Downloads, err = d.Book.Downloads(ctx, n, d.Now().AddDate(0, 0, -30))
	return u, err
}

// sign has the registry's key of the ecosystem sign what its clients check.
func (d *Desk) sign(e *entrant) error {
	for _, s := range e.draft.Statements {
		sig, err := d.Keys.Sign(e.draft.Name.Ecosystem, s.Text)
		if err != nil {
			return fmt.Errorf("signing a release of %s: %w", e.draft.Name, err)
		}
		e.draft.Facts[s.Fact].Sig = sig
	}
	return nil
}
