package publish_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/client/recompute"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/logwire"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/keep"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/serve"

	"github.com/go-json-experiment/json"
)

func plainName(pkg string) bonded.Name {
	n, _ := plain{}.Name(pkg)
	return n
}

// said reads what an entry's document says, as anybody can.
func (h *house) said(d bonded.Digest, to any) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(h.read(logwire.DocPath(d))), to); err != nil {
		h.t.Errorf("document %s: %v", d.Hex(), err)
	}
}

func (h *house) owners(pkg string) []string {
	h.t.Helper()
	p, err := h.Past(context.Background(), plainName(pkg))
	must(h.t, err)
	var doc struct {
		Owners []string `json:"owners"`
	}
	h.said(p.Owners, &doc)
	if p.OwnerN != len(doc.Owners) {
		h.t.Errorf("the log counts %d owners of %s, the document has %v", p.OwnerN, pkg, doc.Owners)
	}
	return doc.Owners
}

func TestOwnersAreLoggedWithTheirRows(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		ctx, name := context.Background(), plainName("left-pad")
		add := func(who string) func(*record.Tx) error {
			return func(tx *record.Tx) error { return tx.AddOwner(name, who) }
		}
		if _, err := h.Owners(ctx, name, actor{"alice", h.book}, add("bob")); kind(err) != bonded.NotFound {
			t.Errorf("owners of a package that is not there: %v", err)
		}
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		if _, err := h.Owners(ctx, name, actor{"mallory", h.book}, add("mallory")); kind(err) != bonded.Forbidden {
			t.Errorf("a stranger changed owners: %v", err)
		}
		before := h.Size()
		r, err := h.Owners(ctx, name, actor{"alice", h.book}, add("@acme/release"))
		if err != nil || r.Index != before || r.Size != before+2 {
			t.Errorf("receipt %+v at size %d, %v", r, before, err)
		}
		if got := h.owners("left-pad"); !slices.Equal(got, []string{"@acme/release", "alice"}) {
			t.Errorf("owners %v", got)
		}
		// What the public sees nothing of is no fact, and the rows change.
		before = h.Size()
		r, err = h.Owners(ctx, name, publish.House{}, func(tx *record.Tx) error {
			return errors.Join(tx.AddOwner(name, "alice"), tx.SetGrant(name, "@acme/release", []string{"publish"}, h.now))
		})
		if err != nil || r != (bonded.Receipt{}) || h.Size() != before {
			t.Errorf("nothing to log: receipt %+v, size %d, was %d, %v", r, h.Size(), before, err)
		}
		h.rows(func(tx *record.Tx) error {
			grants, err := tx.Grants(name)
			if len(grants) != 2 || len(grants[0].Rights) != 1 {
				t.Errorf("the rows did not change: %+v", grants)
			}
			return err
		})
		// Whoever refuses in the transaction has changed nothing.
		_, err = h.Owners(ctx, name, actor{"alice", h.book}, func(tx *record.Tx) error {
			return errors.Join(tx.RemoveOwner(name, "alice"), bonded.Errorf(bonded.Conflict, "one owner has to stay"))
		})
		if kind(err) != bonded.Conflict || h.Size() != before {
			t.Errorf("refused: %v", err)
		}
		if got := h.owners("left-pad"); !slices.Equal(got, []string{"@acme/release", "alice"}) {
			t.Errorf("owners after a refusal %v", got)
		}
		if _, err := h.Owners(ctx, name, publish.House{}, func(tx *record.Tx) error {
			return errors.Join(tx.RemoveOwner(name, "alice"), tx.RemoveOwner(name, "@acme/release"))
		}); err != nil || len(h.owners("left-pad")) != 0 {
			t.Errorf("nobody left: %v", err)
		}
	})
}

// TestOwnersAmongReleases changes owners while others publish, some of them in
// the same batch: each outcome is its own.
func TestOwnersAmongReleases(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		var wg sync.WaitGroup
		var published, owned, refused [8]error
		for i := range 8 {
			who := string(rune('a'+i)) + "nn"
			wg.Go(func() { published[i] = h.publish("alice", "left-pad", "2.0."+string(rune('0'+i)), "bytes") })
			wg.Go(func() {
				_, owned[i] = h.Owners(context.Background(), plainName("left-pad"), actor{"alice", h.book}, func(tx *record.Tx) error {
					return tx.AddOwner(plainName("left-pad"), who)
				})
			})
			wg.Go(func() {
				_, refused[i] = h.Owners(context.Background(), plainName("left-pad"), actor{"alice", h.book}, func(tx *record.Tx) error {
					return errors.Join(tx.AddOwner(plainName("left-pad"), "mallory"), bonded.Errorf(bonded.Refused, "no"))
				})
			})
		}
		wg.Wait()
		for i := range 8 {
			if published[i] != nil || owned[i] != nil || kind(refused[i]) != bonded.Refused {
				t.Errorf("%d: published %v, owned %v, refused %v", i, published[i], owned[i], refused[i])
			}
		}
		if got := h.owners("left-pad"); len(got) != 9 || slices.Contains(got, "mallory") {
			t.Errorf("owners %v", got)
		}
	})
}

// policy is what the public sees of how a package may be published.
type policy struct {
	Salt        []byte   `json:"salt"`
	TrustedOnly bool     `json:"trusted_only"`
	TwoPerson   bool     `json:"two_person"`
	Publishers  []string `json:"publishers"`
}

func (h *house) policy(pkg string) (p policy) {
	h.t.Helper()
	past, err := h.Past(context.Background(), plainName(pkg))
	must(h.t, err)
	if past.PolicyIndex != 0 {
		h.said(past.Policy, &p)
	}
	return p
}

func (h *house) rows(do ...func(*record.Tx) error) {
	h.t.Helper()
	must(h.t, h.book.Update(context.Background(), func(tx *record.Tx) error {
		for _, d := range do {
			if err := d(tx); err != nil {
				return err
			}
		}
		return nil
	}))
}

func trusted(id, pkg, creator string, expires time.Time) func(*record.Tx) error {
	return func(tx *record.Tx) error {
		return tx.AddPublisher(record.Publisher{ID: id, Package: plainName(pkg), Issuer: "https://ci.example", Subject: id,
			Claims: map[string]string{"b": id, "a": "1"}, Creator: creator, Created: time.Unix(1, 0), Expires: expires})
	}
}

func (p policy) knows(id string) bool {
	sum := sha256.Sum256(append(slices.Clone(p.Salt), "https://ci.example\n"+`{"a":"1","b":"`+id+`"}`...))
	return slices.Contains(p.Publishers, base64.StdEncoding.EncodeToString(sum[:]))
}

func TestPolicyIsLoggedWithItsRows(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		ctx, name, alice := context.Background(), plainName("left-pad"), actor{"alice", h.book}
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		change := func(do ...func(*record.Tx) error) uint64 {
			t.Helper()
			r, err := h.Policy(ctx, name, alice, func(tx *record.Tx) error {
				for _, d := range do {
					if err := d(tx); err != nil {
						return err
					}
				}
				return nil
			})
			must(t, err)
			return r.Size
		}
		if _, err := h.Policy(ctx, name, actor{"mallory", h.book}, func(*record.Tx) error { return nil }); kind(err) != bonded.Forbidden {
			t.Errorf("a stranger changed the policy: %v", err)
		}
		if n := change(func(tx *record.Tx) error { return tx.SetPolicy(name, record.Policy{}) }); n != 0 {
			t.Error("what was so already was logged")
		}
		if n := change(trusted("job1", "left-pad", "alice", time.Time{}), trusted("job2", "left-pad", "alice", time.Time{})); n == 0 {
			t.Error("two publishers were not logged")
		}
		if p := h.policy("left-pad"); !p.knows("job1") || !p.knows("job2") || p.knows("job3") || len(p.Publishers) != 2 || !slices.IsSorted(p.Publishers) || len(p.Salt) != 16 {
			t.Errorf("policy %+v", p)
		}
		first := h.policy("left-pad").Salt
		change(func(tx *record.Tx) error {
			return tx.SetPolicy(name, record.Policy{TrustedOnly: true, TwoPerson: true})
		},
			func(tx *record.Tx) error { return tx.RemovePublisher("job1") })
		if p := h.policy("left-pad"); !p.TrustedOnly || !p.TwoPerson || len(p.Publishers) != 1 || !p.knows("job2") || slices.Equal(p.Salt, first) {
			t.Errorf("policy %+v", p)
		}
	})
}

// TestAClaimSettlesWhoMayPublish has several people wait for one name with a
// build job each. Whoever takes it is alone with theirs.
func TestAClaimSettlesWhoMayPublish(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		later := h.now.Add(time.Hour)
		h.rows(trusted("hers", "left-pad", "alice", later), trusted("evil", "left-pad", "mallory", later), trusted("other", "right-pad", "mallory", later))
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		if p := h.policy("left-pad"); !p.knows("hers") || len(p.Publishers) != 1 {
			t.Errorf("policy of a new name %+v", p)
		}
		h.rows(func(tx *record.Tx) error {
			left, err := tx.PublishersOf(plainName("left-pad"))
			if len(left) != 1 || left[0].ID != "hers" || left[0].Pending() {
				t.Errorf("publishers of a name that was taken: %+v", left)
			}
			other, err2 := tx.PublishersOf(plainName("right-pad"))
			if len(other) != 1 || !other[0].Pending() {
				t.Errorf("publishers of a name that was not: %+v", other)
			}
			return errors.Join(err, err2)
		})
		told, err := h.book.AuditsOfAccount(context.Background(), "mallory", 0, 9)
		if err != nil || len(told) != 1 || told[0].Action != "publisher.remove" {
			t.Errorf("mallory was told %+v, %v", told, err)
		}
		must(t, h.publish("alice", "plain-one", "1.0.0", "hello"))
		if p, err := h.Past(context.Background(), plainName("plain-one")); err != nil || p.PolicyIndex != 0 {
			t.Errorf("a name that nobody waited for has a policy: %+v, %v", p, err)
		}
	})
}

// TestOthersRecomputeWhoRules reads a log with every kind of change as a
// stranger does, before and after its documents were deleted.
func TestOthersRecomputeWhoRules(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		ctx, name := context.Background(), plainName("left-pad")
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		_, err := h.Owners(ctx, name, publish.House{}, func(tx *record.Tx) error { return tx.AddOwner(name, "bob") })
		must(t, err)
		_, err = h.Policy(ctx, name, publish.House{}, func(tx *record.Tx) error { return tx.SetPolicy(name, record.Policy{TrustedOnly: true}) })
		must(t, err)
		why := []byte(`{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","reason":"lost phone"}`)
		noted := false
		r, err := h.Override(ctx, why, func(*record.Tx) error { noted = true; return nil })
		if err != nil || r.Size == 0 || !noted {
			t.Errorf("override: %+v, noted %v, %v", r, noted, err)
		}
		if _, err := h.Override(ctx, []byte("no"), func(*record.Tx) error { return bonded.Errorf(bonded.Conflict, "spent") }); kind(err) != bonded.Conflict {
			t.Errorf("an override that its note refuses: %v", err)
		}
		must(t, h.publish("alice", "left-pad", "1.0.1", "hello"))
		clean := func(deleted int) {
			t.Helper()
			report, err := (&keep.Keeper{Ecosystems: []ecosystem.Ecosystem{readable{}}, Book: h.book, Blobs: h.store, Key: h.Keys.Verifier()}).Check(ctx, false, 0)
			must(t, err)
			if !report.OK() || report.Served.Deleted != deleted {
				t.Errorf("fsck with %d of %d documents deleted: %+v", report.Served.Deleted, deleted, report.Findings)
			}
			seen, err := recompute.Verify(ctx, h.serve(), []ecosystem.Ecosystem{readable{}}, recompute.Options{Key: h.Keys.Verifier(), NoProofs: true})
			must(t, err)
			if !seen.OK() || seen.Deleted != deleted {
				t.Errorf("verified with %d of %d documents deleted: %s", seen.Deleted, deleted, seen.Text())
			}
		}
		clean(0)
		past, err := h.Past(ctx, name)
		must(t, err)
		for _, d := range []bonded.Digest{past.Owners, past.Policy, bonded.DigestOf(why)} {
			h.rows(func(tx *record.Tx) error { return tx.DropDoc(d) })
			must(t, h.store.Delete(ctx, blob.Public+logwire.DocPath(d)))
		}
		clean(3)
		must(t, h.store.Put(ctx, blob.Public+logwire.DocPath(bonded.DigestOf(why)), []byte("a nicer reason")))
		seen, err := recompute.Verify(ctx, h.serve(), []ecosystem.Ecosystem{readable{}}, recompute.Options{Key: h.Keys.Verifier(), NoProofs: true})
		if err != nil || len(seen.Findings) != 1 || !strings.Contains(seen.Findings[0].Place, "log/doc/") {
			t.Errorf("another reason was served, and found was %+v, %v", seen, err)
		}
	})
}

// readable is plain for those who read: what stands on the shelf is served.
type readable struct{ plain }

func (readable) Ask(r ecosystem.Request) (ecosystem.Ask, error) {
	return ecosystem.Ask{Verb: ecosystem.Fetch, Path: "plain/" + r.Path, Type: "text/plain", Artifact: strings.Contains(r.Path, "/-/")}, nil
}

func (p readable) Render(pack *bonded.Package, h *bonded.House, docs ecosystem.Docs, since uint64) ([]ecosystem.Document, error) {
	out, err := p.plain.Render(pack, h, docs, since)
	return found(out), err
}

func (p readable) RenderHouse(h *bonded.House, docs ecosystem.Docs) ([]ecosystem.Document, error) {
	out, err := p.plain.RenderHouse(h, docs)
	return found(out), err
}

func found(docs []ecosystem.Document) []ecosystem.Document {
	for i := range docs {
		docs[i].URL = docs[i].Path
	}
	return docs
}

// serve puts the way out before the house and returns its address.
func (h *house) serve() string {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(h.t, err)
	ctx, stop := context.WithCancel(context.Background())
	door := serve.New(serve.Config{Ecosystems: []ecosystem.Ecosystem{readable{}}, Blobs: h.store, Log: h.Log})
	done := make(chan error, 1)
	go func() { done <- door.Serve(ctx, l) }()
	h.t.Cleanup(func() { stop(); must(h.t, <-done) })
	return "http://" + l.Addr().String() + "/"
}
