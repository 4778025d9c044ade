package record

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bonded.dev"
)

func publisher(id, pkg, creator string, expires time.Time) Publisher {
	return Publisher{
		ID: id, Package: npm(pkg), Issuer: "https://ci.example", Subject: "acme/tools", Profile: "github",
		Claims: map[string]string{"repository": "acme/tools", "ref": "refs/tags/*"}, Creator: creator, Created: noon, Expires: expires,
	}
}

func TestPublishers(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		month := noon.Add(30 * 24 * time.Hour)
		settled, pending := publisher("p1", "a", "alice", time.Time{}), publisher("p2", "new", "bob", month)
		update(t, b, func(tx *Tx) error { return errors.Join(tx.AddPublisher(settled), tx.AddPublisher(pending)) })
		if got, err := b.Publisher(t.Context(), "p1"); err != nil || !reflect.DeepEqual(got, settled) {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err := b.Publisher(t.Context(), "p3")
		wantKind(t, err, bonded.NotFound)
		view(t, b, func(tx *Tx) error {
			both, err := tx.PublishersOfSubject("https://ci.example", "acme/tools")
			none, err2 := tx.PublishersOfSubject("https://ci.example", "acme/tool")
			of, err3 := tx.PublishersOf(npm("a"))
			waits, err4 := tx.PublishersPending("bob")
			if len(both) != 2 || len(none) != 0 || len(of) != 1 || of[0].ID != "p1" || len(waits) != 1 || waits[0].ID != "p2" {
				t.Errorf("%v, %v, %v, %v", both, none, of, waits)
			}
			return errors.Join(err, err2, err3, err4)
		})
		settled.Claims["repository_id"] = "7"
		settled.Used = noon.Add(time.Hour)
		update(t, b, func(tx *Tx) error { return tx.UsePublisher("p1", settled.Claims, settled.Used) })
		for ids, want := range map[string]bool{"p1": true, "p9 p1": true, "p": false, "p2": false, "": false} {
			got, err := b.PublisherFor(t.Context(), ids, npm("a"), noon)
			if (err == nil) != want || want && !reflect.DeepEqual(got, settled) {
				t.Errorf("%q: %+v, %v", ids, got, err)
			}
		}
		if _, err := b.PublisherFor(t.Context(), "p2", npm("new"), month.Add(-time.Second)); err != nil {
			t.Error(err)
		}
		_, err = b.PublisherFor(t.Context(), "p2", npm("new"), month)
		wantKind(t, err, bonded.NotFound)
		update(t, b, func(tx *Tx) error { return errors.Join(tx.DropPending(month), tx.RemovePublisher("p1")) })
		for _, id := range []string{"p1", "p2"} {
			_, err := b.Publisher(t.Context(), id)
			wantKind(t, err, bonded.NotFound)
		}
		wantKind(t, b.Update(t.Context(), func(tx *Tx) error { return tx.RemovePublisher("p1") }), bonded.NotFound)
	})
}

// TestSettlePublishers: whoever takes a name keeps the publishers of it, and
// nobody else does.
func TestSettlePublishers(t *testing.T) {
	month := noon.Add(30 * 24 * time.Hour)
	for actor, keeps := range map[string]string{"alice": "a1 a2", "publisher:a2": "a1 a2", "publisher:x b1": "b1", "carol": "", "publisher:x": ""} {
		t.Run(actor, func(t *testing.T) {
			withBook(t, func(t *testing.T, b *Book) {
				update(t, b, func(tx *Tx) error {
					return errors.Join(tx.AddPublisher(publisher("a1", "n", "alice", month)), tx.AddPublisher(publisher("a2", "n", "alice", month)),
						tx.AddPublisher(publisher("b1", "n", "bob", month)), tx.AddPublisher(publisher("old", "n", "alice", noon)),
						tx.AddPublisher(publisher("other", "m", "bob", month)))
				})
				var void []Publisher
				var err error
				update(t, b, func(tx *Tx) error { void, err = tx.SettlePublishers(npm("n"), actor, noon); return err })
				view(t, b, func(tx *Tx) error {
					list, err := tx.PublishersOf(npm("n"))
					got := ""
					for _, p := range list {
						if p.Pending() {
							t.Errorf("%s is still pending", p.ID)
						}
						got = joinWords(append(splitWords(got), p.ID))
					}
					if got != keeps || len(void)+len(list) != 4 {
						t.Errorf("kept %q, want %q; void %v", got, keeps, void)
					}
					other, err2 := tx.PublishersOf(npm("m"))
					if len(other) != 1 || !other[0].Pending() {
						t.Errorf("another name: %v", other)
					}
					return errors.Join(err, err2)
				})
			})
		})
	}
}

// TestIDsAreSpentOnce: of many at the same moment one gets true.
func TestIDsAreSpentOnce(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				var got bool
				err := b.Update(t.Context(), func(tx *Tx) (err error) {
					got, err = tx.SpendID("https://ci.example", "jti", noon.Add(time.Hour))
					return err
				})
				if err == nil && got {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d got it, want 1", won.Load())
		}
		spend := func(issuer, jti string, want bool) {
			t.Helper()
			update(t, b, func(tx *Tx) error {
				got, err := tx.SpendID(issuer, jti, noon.Add(time.Hour))
				if got != want {
					t.Errorf("%s %s: %v, want %v", issuer, jti, got, want)
				}
				return err
			})
		}
		spend("https://other.example", "jti", true)
		update(t, b, func(tx *Tx) error { return tx.DropSpent(noon.Add(time.Hour-1), noon) })
		spend("https://ci.example", "jti", false)
		update(t, b, func(tx *Tx) error { return tx.DropSpent(noon.Add(time.Hour), noon) })
		spend("https://ci.example", "jti", true)
	})
}

func TestRevokePublisherTokens(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		hash := func(s string) bonded.Digest { return bonded.DigestOf([]byte(s)) }
		update(t, b, func(tx *Tx) error {
			var errs []error
			for id, of := range map[string]string{"t1": "p1", "t2": "p0 p1", "t3": "p10"} {
				errs = append(errs, tx.AddToken(Token{ID: id, Hash: hash(id), Publisher: of, Origin: "publisher", Uses: -1, Created: noon, Expires: noon.Add(time.Hour)}))
			}
			return errors.Join(append(errs, tx.RevokePublisherTokens("p1", "removed", noon))...)
		})
		for id, dead := range map[string]bool{"t1": true, "t2": true, "t3": false} {
			k, err := b.TokenByID(t.Context(), id)
			if err != nil || k.Revoked.IsZero() == dead {
				t.Errorf("%s: revoked %v, %v", id, k.Revoked, err)
			}
		}
		update(t, b, func(tx *Tx) error { return tx.DropSpent(noon, noon.Add(time.Hour)) })
		_, err := b.TokenByID(t.Context(), "t3")
		wantKind(t, err, bonded.NotFound)
	})
}
