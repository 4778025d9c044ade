package publish

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

// A draft knows its facts when it arrives. Who owns a package and how it may be
// published are rows first: the public fact is what the rows say once somebody
// changed them, and only the transaction knows that. So such a change enters the
// queue as a rewrite, is made when its turn comes, and what the public sees of
// it joins the same batch. One that the public sees nothing of (a right less for
// somebody who keeps another) changes rows and logs nothing.

// rewrite changes rows in a batch and returns the facts that follow from it,
// without name and time. An error undoes everything that it did. It may run
// again when the transaction does, so it must have no other effect.
type rewrite func(tx *record.Tx) ([]bonded.Entry, error)

// Owners runs change, which alters rows of who owns a package, and logs what the
// public sees of it afterwards, in one transaction; when that is the same as
// before nothing is logged and the receipt is empty. The actor needs the action
// owner; the event is the caller's to write in change. An error of change is
// the answer and changes nothing; change may run more than once.
func (d *Desk) Owners(ctx context.Context, name bonded.Name, actor Actor, change func(*record.Tx) error) (bonded.Receipt, error) {
	return d.rewrite(ctx, name, actor, bonded.ActOwner, seen(name, change))
}

// Policy is Owners for how a package may be published: its row, and its trusted
// publishers. The actor needs the action policy.
func (d *Desk) Policy(ctx context.Context, name bonded.Name, actor Actor, change func(*record.Tx) error) (bonded.Receipt, error) {
	return d.rewrite(ctx, name, actor, bonded.ActPolicy, seen(name, change))
}

// seen makes a change and tells what the public sees of it: a change of owners
// may take trusted publishers along.
func seen(name bonded.Name, change func(*record.Tx) error) rewrite {
	return func(tx *record.Tx) (facts []bonded.Entry, err error) {
		owners, err := tx.Owners(name)
		if err != nil {
			return nil, err
		}
		before, err := readTerms(tx, name)
		if err != nil {
			return nil, err
		}
		if err := change(tx); err != nil {
			return nil, err
		}
		now, err := tx.Owners(name)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(owners, now) {
			doc, err := ownersDocument(now...)
			if err != nil {
				return nil, err
			}
			if err := tx.PutDoc(doc); err != nil {
				return nil, err
			}
			facts = append(facts, bonded.Entry{Type: bonded.Owners, Doc: bonded.DigestOf(doc), Count: len(now)})
		}
		after, err := readTerms(tx, name)
		if err != nil || after.equal(before) {
			return facts, err
		}
		policy, err := after.fact(tx)
		return append(facts, policy...), err
	}
}

// Override logs that two operators broke the glass; doc says why and names
// nobody. note runs in the same transaction.
func (d *Desk) Override(ctx context.Context, doc []byte, note func(*record.Tx) error) (bonded.Receipt, error) {
	e := &entrant{actor: House{}, done: make(chan struct{})}
	e.rewrite = func(tx *record.Tx) ([]bonded.Entry, error) {
		if err := tx.PutDoc(doc); err != nil {
			return nil, err
		}
		return []bonded.Entry{{Type: bonded.Override, Doc: bonded.DigestOf(doc)}}, note(tx)
	}
	return d.join(ctx, e)
}

func (d *Desk) rewrite(ctx context.Context, name bonded.Name, actor Actor, action bonded.Action, do rewrite) (bonded.Receipt, error) {
	past, err := d.Past(ctx, name)
	if err != nil {
		return bonded.Receipt{}, err
	}
	if past.Claimed.IsZero() {
		return bonded.Receipt{}, bonded.Errorf(bonded.NotFound, "there is no package %s", name)
	}
	if err := actor.May(ctx, action, name); err != nil {
		return bonded.Receipt{}, err
	}
	e := &entrant{draft: bonded.Draft{Name: past.Name}, actor: actor, past: past, action: action, rewrite: do, done: make(chan struct{})}
	return d.join(ctx, e)
}

// again makes a rewrite's change in this batch.
func (b *batch) again(e *entrant) error {
	name := e.draft.Name
	past := &bonded.Package{}
	if !name.IsZero() {
		var err error
		if past, err = b.past(name); err != nil {
			return err
		}
		if past.Head != e.past.Head {
			if err := e.actor.May(b.ctx, e.action, name); err != nil {
				b.refuse(e, err)
				return nil
			}
		}
	}
	if err := e.actor.Spend(b.tx); err != nil {
		b.refuse(e, err)
		return nil
	}
	first := b.desk.seq.head + uint64(len(b.entries))
	facts, err := e.rewrite(b.tx)
	if err != nil {
		return err
	}
	for _, f := range facts {
		f.Time, f.Name = b.now, name
		if past, err = b.fact(f, e, past); err != nil {
			return err
		}
	}
	if !name.IsZero() {
		b.packages[name.String()] = past
	}
	b.results = append(b.results, result{e: e, first: first, silent: len(facts) == 0})
	return nil
}

// terms are how a package may be published, as far as the public sees.
type terms struct {
	record.Policy
	publishers []string // issuer and claims, canonical, sorted
}

func readTerms(tx *record.Tx, name bonded.Name) (t terms, err error) {
	if t.Policy, err = tx.Policy(name); err != nil {
		return t, err
	}
	list, err := tx.PublishersOf(name)
	if err != nil {
		return t, err
	}
	for _, p := range list {
		if p.Pending() {
			continue // it counts once it has taken the name
		}
		claims, err := json.Marshal(p.Claims, json.Deterministic(true))
		if err != nil {
			return t, err
		}
		t.publishers = append(t.publishers, p.Issuer+"\n"+string(claims))
	}
	slices.Sort(t.publishers)
	return t, nil
}

func (t terms) equal(o terms) bool {
	return t.Policy == o.Policy && slices.Equal(t.publishers, o.publishers)
}

func (t terms) fact(tx *record.Tx) ([]bonded.Entry, error) {
	doc, err := policyDocument(t)
	if err != nil {
		return nil, err
	}
	return []bonded.Entry{{Type: bonded.Policy, Doc: bonded.DigestOf(doc)}}, tx.PutDoc(doc)
}

// policyDocument says how a package may be published. Of a trusted publisher it
// says SHA-256(salt, issuer, LF, claims): whoever knows a publisher can look if
// it is there, and nobody learns whose job it is once the document is deleted.
func policyDocument(t terms) ([]byte, error) {
	salt := make([]byte, 16)
	rand.Read(salt) //nolint:errcheck // crypto/rand.Read never fails
	publishers := []string{}
	for _, p := range t.publishers {
		sum := sha256.Sum256(append(slices.Clone(salt), p...))
		publishers = append(publishers, base64.StdEncoding.EncodeToString(sum[:]))
	}
	slices.Sort(publishers)
	return json.Marshal(struct {
		Salt        string   `json:"salt"`
		TrustedOnly bool     `json:"trusted_only"`
		TwoPerson   bool     `json:"two_person"`
		Publishers  []string `json:"publishers"`
	}{base64.StdEncoding.EncodeToString(salt), t.TrustedOnly, t.TwoPerson, publishers}, json.Deterministic(true))
}

// born settles how a name may be published at the moment it is claimed. Trusted
// publishers that others had waiting for it are void; those of whoever took it
// count from now on; in the namespace of an organisation that wants two people
// for each release, the package begins that way.
func (b *batch) born(e *entrant, heir string) ([]bonded.Entry, error) {
	name := e.draft.Name
	asked, err := b.tx.Asked(name, strings.TrimPrefix(heir, "@"))
	if err != nil || asked == (record.Asked{}) {
		return nil, err
	}
	if asked.Publishers {
		if err := b.settle(e); err != nil {
			return nil, err
		}
	}
	t, err := readTerms(b.tx, name)
	if err != nil {
		return nil, err
	}
	if asked.TwoPerson && strings.HasPrefix(heir, "@") && !t.TwoPerson {
		t.TwoPerson = true
		if err := b.tx.SetPolicy(name, t.Policy); err != nil {
			return nil, err
		}
	}
	if t.equal(terms{}) {
		return nil, nil
	}
	return t.fact(b.tx)
}

// settle tells those whose trusted publishers waited for a name in vain.
func (b *batch) settle(e *entrant) error {
	void, err := b.tx.SettlePublishers(e.draft.Name, e.actor.Name(), b.now)
	if err != nil {
		return err
	}
	for _, p := range void {
		err := event.Record(b.tx, record.Audit{At: b.now, Actor: House{}.Name(), Action: "publisher.remove", Subject: p.Creator, Account: p.Creator,
			Detail: p.ID + ": somebody else took " + e.draft.Name.String()})
		if err != nil {
			return err
		}
	}
	return nil
}

// House is the repository itself: it makes changes that were asked for by
// somebody who might, and are due.
type House struct{}

// Name is what the journal calls it.
func (House) Name() string { return "bonded" }

// User is nobody.
func (House) User() string { return "" }

// Heir refuses: the repository takes no names.
func (House) Heir(context.Context, bonded.Name) (string, error) {
	return "", bonded.Errorf(bonded.Forbidden, "the repository itself takes no names")
}

// May lets it: whoever asked was held to it then.
func (House) May(context.Context, bonded.Action, bonded.Name) error { return nil }

// Limits and Spend: there are none.
func (House) Limits(*bonded.Draft) error { return nil }
func (House) Spend(*record.Tx) error     { return nil }
