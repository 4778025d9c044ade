package record

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bonded.dev"
)

func TestUsageAddsUp(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		a, c := npm("a"), npm("c")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for day := range int64(3) {
					err := b.AddDownloads(t.Context(), []Download{
						{Name: c, Version: "1", Day: day, Count: 1}, {Name: a, Version: "2\x00", Day: day, Count: 2},
						{Name: a, Version: "1", Day: day, Count: 3}, {Name: a, Version: "1", Day: day, Count: 4},
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for n, want := range map[string]int64{"a": 4 * 3 * 9, "c": 4 * 3, "none": 0} {
			if got, err := b.Downloads(t.Context(), npm(n), time.Unix(0, 0)); err != nil || got != want {
				t.Errorf("%s was downloaded %d times, want %d, %v", n, got, want, err)
			}
			const day = 24 * time.Hour
			if got, err := b.Downloads(t.Context(), npm(n), time.Unix(0, 0).Add(2*day-1)); err != nil || got != want/3*2 {
				t.Errorf("%s was downloaded %d times since the second day, want %d, %v", n, got, want/3*2, err)
			}
		}
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.AddRequires(a, []bonded.Name{c, a, c}), tx.AddRequires(npm("b"), []bonded.Name{c}),
				tx.AddRequires(bonded.Name{Ecosystem: "pypi", Key: "a"}, []bonded.Name{{Ecosystem: "pypi", Key: "c"}}))
		})
		want := func(n bonded.Name, want int) {
			t.Helper()
			if got, err := b.Dependants(t.Context(), n); err != nil || got != want {
				t.Errorf("%s has %d dependants, want %d, %v", n, got, want, err)
			}
		}
		want(c, 2)
		want(a, 0) // on itself alone
		update(t, b, func(tx *Tx) error { return errors.Join(tx.AddRequires(a, nil), tx.DropRequires(npm("b"))) })
		want(c, 1)
	})
}

func TestOwnersAndFiles(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		a := bonded.Name{Ecosystem: "pypi", Key: "a-b", Display: "A_B"}
		row := FileRow{Package: bonded.Name{Ecosystem: "pypi", Key: "a-b", Display: "a-b"}, Version: "1", Name: "f", Digest: bonded.DigestOf(nil), Size: 1 << 40, Index: 9, Blob: "q.1"}
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.Claim(a, 3), tx.AddOwner(a, "bob"), tx.AddOwner(a, "alice"), tx.AddOwner(a, "bob"), tx.PutFile(row))
		})
		view(t, b, func(tx *Tx) error {
			owners, err := tx.Owners(a)
			owned, err2 := tx.Owned("bob")
			files, err3 := tx.Files(9, 10)
			none, err4 := tx.Files(0, 9)
			same, err5 := tx.PackageFiles(a)
			if !reflect.DeepEqual(owners, []string{"alice", "bob"}) || !reflect.DeepEqual(owned, []bonded.Name{a}) {
				t.Errorf("owners %v, owned %v", owners, owned)
			}
			if !reflect.DeepEqual(files, []FileRow{row}) || len(none) != 0 || !reflect.DeepEqual(same, files) {
				t.Errorf("files %+v, %+v, %+v", files, none, same)
			}
			return errors.Join(err, err2, err3, err4, err5)
		})
		update(t, b, func(tx *Tx) error { return errors.Join(tx.RemoveOwner(a, "bob"), tx.RemoveOwner(a, "nobody")) })
		for user, want := range map[string][2]bool{"alice": {true, true}, "bob": {true, false}} {
			claimed, owner, err := b.Standing(t.Context(), a, user)
			if err != nil || claimed != want[0] || owner != want[1] {
				t.Errorf("%s: claimed %v, owner %v, %v", user, claimed, owner, err)
			}
		}
		if claimed, owner, err := b.Standing(t.Context(), npm("a-b"), "alice"); err != nil || claimed || owner {
			t.Errorf("the same key elsewhere: claimed %v, owner %v, %v", claimed, owner, err)
		}
	})
}

func TestDocs(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		body := []byte{0, 1, 0xff}
		digest := bonded.DigestOf(body)
		_, err := b.Doc(t.Context(), digest)
		wantKind(t, err, bonded.NotFound)
		update(t, b, func(tx *Tx) error { return errors.Join(tx.PutDoc(body), tx.PutDoc(body)) })
		update(t, b, func(tx *Tx) error { return tx.PutDoc(body) })
		if got, err := b.Doc(t.Context(), digest); err != nil || !reflect.DeepEqual(got, body) {
			t.Errorf("got %v, %v", got, err)
		}
		update(t, b, func(tx *Tx) error { return errors.Join(tx.DropDoc(digest), tx.DropDoc(digest)) })
		_, err = b.Doc(t.Context(), digest)
		wantKind(t, err, bonded.NotFound)
	})
}

func TestUsersAndEnrolment(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		u := User{Name: "alice", Email: "alice@example.org", Created: noon}
		first, second := bonded.DigestOf([]byte("1")), bonded.DigestOf([]byte("2"))
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.AddUser(u), tx.AddEnrolment(Enrolment{Hash: first, User: "alice", Expires: noon.Add(time.Hour)}))
		})
		if got, err := b.User(t.Context(), "alice"); err != nil || !reflect.DeepEqual(got, u) {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err := b.User(t.Context(), "bob")
		wantKind(t, err, bonded.NotFound)
		use := func(h bonded.Digest, at time.Time) error {
			return b.Update(t.Context(), func(tx *Tx) error {
				who, err := tx.UseEnrolment(h, at)
				if err == nil && who != "alice" {
					t.Errorf("the link was of %q", who)
				}
				return err
			})
		}
		wantKind(t, use(first, noon.Add(time.Hour)), bonded.Unauthorized)
		update(t, b, func(tx *Tx) error {
			return tx.AddEnrolment(Enrolment{Hash: second, User: "alice", Expires: noon.Add(time.Hour)})
		})
		wantKind(t, use(first, noon), bonded.Unauthorized) // a newer link ended it
		var wg sync.WaitGroup
		var used atomic.Int32
		for range 4 {
			wg.Go(func() {
				if err := use(second, noon); err == nil {
					used.Add(1)
				} else {
					wantKind(t, err, bonded.Unauthorized)
				}
			})
		}
		wg.Wait()
		if used.Load() != 1 {
			t.Errorf("one link was used %d times", used.Load())
		}
		update(t, b, func(tx *Tx) error { return errors.Join(tx.SetDisabled("alice", noon), tx.AddUser(User{Name: "al"})) })
		wantKind(t, b.Update(t.Context(), func(tx *Tx) error { return tx.SetDisabled("bob", noon) }), bonded.NotFound)
		u.Disabled = noon
		if got, err := b.Users(t.Context()); err != nil || !reflect.DeepEqual(got, []User{{Name: "al"}, u}) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestTokens(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		k := Token{ID: "one", Hash: bonded.DigestOf([]byte("1")), User: "alice", Scopes: []string{"publish:npm/*", "read:*"}, Uses: -1, Created: noon, Expires: noon.Add(time.Hour)}
		wantKind(t, b.Update(t.Context(), func(tx *Tx) error { return tx.AddToken(k) }), bonded.NotFound)
		update(t, b, func(tx *Tx) error { return errors.Join(tx.AddUser(User{Name: "alice"}), tx.AddToken(k)) })
		wantKind(t, b.Update(t.Context(), func(tx *Tx) error { return tx.AddToken(k) }), bonded.Conflict)
		if got, err := b.TokenByHash(t.Context(), k.Hash); err != nil || !reflect.DeepEqual(got, k) {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err := b.TokenByHash(t.Context(), bonded.Digest{})
		wantKind(t, err, bonded.NotFound)
		for _, at := range []time.Time{noon.Add(2 * time.Hour), noon} { // an older hour changes nothing
			if err := b.TouchTokens(t.Context(), map[string]Use{"one": {At: at, From: "192.0.2.0/24"}, "gone": {At: at}}); err != nil {
				t.Fatal(err)
			}
		}
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.RevokeToken("one", "stolen", noon), tx.SetDisabled("alice", noon))
		})
		wantKind(t, b.Update(t.Context(), func(tx *Tx) error { return tx.RevokeToken("one", "stolen", noon) }), bonded.NotFound)
		k.LastUsed, k.LastFrom, k.Revoked, k.Why, k.Disabled = noon.Add(2*time.Hour), "192.0.2.0/24", noon, "stolen", noon
		if got, err := b.Tokens(t.Context(), "alice"); err != nil || !reflect.DeepEqual(got, []Token{k}) {
			t.Errorf("got %+v, %v", got, err)
		}
		if got, err := b.Tokens(t.Context(), "bob"); err != nil || len(got) != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestAuditReadsBackwards(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		line := func(i int) Audit {
			return Audit{At: noon.Add(time.Duration(i) * time.Microsecond), Actor: "admin", Action: "token.add", Subject: "alice", Detail: fmt.Sprint(i)}
		}
		for part := range 2 {
			update(t, b, func(tx *Tx) error {
				for i := range 3 {
					if err := tx.Audit(line(part*3 + i)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		var before int64
		for want := 5; want >= 0; want -= 2 {
			list, err := b.Audits(t.Context(), before, 2)
			if err != nil || len(list) != 2 {
				t.Fatalf("got %+v, %v", list, err)
			}
			for k, got := range list {
				before = got.ID
				got.ID = 0
				if got != line(want-k) {
					t.Errorf("got %+v, want %+v", got, line(want-k))
				}
			}
		}
		if list, err := b.Audits(t.Context(), before, 2); err != nil || len(list) != 0 {
			t.Errorf("after the last: %+v, %v", list, err)
		}
	})
}
