package record

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"bonded.dev"
)

// write runs statements as the rooms that own these tables would.
func write(t *testing.T, b *Book, statements ...string) {
	t.Helper()
	update(t, b, func(tx *Tx) error {
		for _, s := range statements {
			if _, err := tx.exec("write a row", s); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestReach goes through every way in which somebody gets a right, and the ways
// that are none.
func TestReach(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		for _, u := range []string{"alice", "bob", "carol", "dora", "eve"} {
			update(t, b, func(tx *Tx) error { return tx.AddUser(User{Name: u}) })
		}
		write(t, b,
			`INSERT INTO package (eco, key, display, claimed) VALUES ('npm', 'x', 'X', 1)`,
			`INSERT INTO org (name, created, two_person) VALUES ('acme', 1, 0), ('other', 1, 0)`,
			`INSERT INTO member (org, user_name, role, since) VALUES ('acme', 'bob', 'owner', 1), ('acme', 'carol', 'member', 1), ('other', 'dora', 'owner', 1)`,
			`INSERT INTO team (org, name) VALUES ('acme', 'release'), ('other', 'release')`,
			`INSERT INTO team_member (org, team, user_name) VALUES ('acme', 'release', 'carol'), ('other', 'release', 'dora')`,
			`INSERT INTO owner (eco, key, user_name, rights) VALUES ('npm', 'x', 'alice', 'settings'), ('npm', 'x', '@acme', 'people settings'),
				('npm', 'x', '@acme/release', 'publish'), ('pypi', 'x', 'eve', 'publish people settings')`,
			`INSERT INTO namespace (eco, pattern, org) VALUES ('npm', 'acme-*', 'other'), ('npm', 'acme-x*', 'acme'), ('npm', 'acme-z', 'acme'), ('pypi', 'acme-*', 'acme')`,
			`INSERT INTO policy (eco, key, trusted_only, two_person) VALUES ('npm', 'x', 1, 0), ('npm', 'y', 0, 1)`,
			`INSERT INTO publisher (id, eco, key, issuer, subject, profile, claims, creator, created, expires, used) VALUES ('p1', 'npm', 'x', '', '', '', '{}', 'carol', 1, 0, 0),
				('P1', 'npm', 'x', '', '', '', '{}', 'eve', 1, 0, 0), ('p2', 'npm', 'new', '', '', '', '{}', 'alice', 1, 5, 0)`)
		for who, want := range map[string]string{
			"alice": "[settings]", "bob": "[people settings]", "carol": "[publish]", "dora": "[]", "eve": "[]", "nobody": "[]", "": "[]",
		} {
			claimed, rights, err := b.Rights(t.Context(), npm("x"), who)
			if err != nil || !claimed || fmt.Sprint(rights) != want {
				t.Errorf("%s: %v, %v, %v", who, claimed, rights, err)
			}
			if claimed, rights, err := b.Rights(t.Context(), npm("free"), who); err != nil || claimed || len(rights) != 0 {
				t.Errorf("%s and a free name: %v, %v, %v", who, claimed, rights, err)
			}
		}
		is := func(what string, got, want any) {
			t.Helper()
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %+v, want %+v", what, got, want)
			}
		}
		reach := func(name bonded.Name, user, publishers string) Reach {
			t.Helper()
			r, err := b.Reach(t.Context(), name, user, publishers)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		is("policy", reach(npm("x"), "", "").Policy, Policy{TrustedOnly: true})
		is("policy of a free name", reach(npm("y"), "", "").Policy, Policy{TwoPerson: true})
		is("namespaces", reach(npm("acme-xy"), "carol", "").Namespaces, []Namespace{{"acme-x*", "acme", true}, {"acme-*", "other", false}})
		is("an exact one", reach(npm("acme-z"), "dora", "").Namespaces, []Namespace{{"acme-z", "acme", false}, {"acme-*", "other", true}})
		is("none", reach(npm("acme"), "dora", "").Namespaces, []Namespace(nil))

		r := reach(npm("x"), "", "p1 p2")
		is("a publisher", r.Publisher, &Publisher{ID: "p1", Package: npm("x"), Creator: "carol"})
		is("its creator's rights", r.Rights, []string{"publish"})
		is("a publisher of another package", reach(npm("x"), "", "p2").Publisher, (*Publisher)(nil))
		is("half a name", reach(npm("x"), "", "p").Publisher, (*Publisher)(nil))
		is("a pending one", reach(npm("new"), "", "p2").Publisher.Expires, time.UnixMicro(5).UTC())

		is("a user", []any{reach(npm("x"), "alice", "").Known, reach(npm("x"), "zoe", "").Known}, []any{true, false})
		for i, column := range []string{"disabled", "frozen", "erased"} {
			write(t, b, `UPDATE user_account SET disabled = 0, frozen = 0, erased = 0`, fmt.Sprintf(`UPDATE user_account SET %s = %d WHERE name = 'alice'`, column, i+7))
			is(column, reach(npm("x"), "alice", "").Disabled, time.UnixMicro(int64(i+7)).UTC())
		}
	})
}

func TestAlikeKnowsOrganisations(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.AddUser(User{Name: "bob"}), tx.AddUser(User{Name: "carol"}), tx.Claim(npm("left-pad"), 1), tx.AddOwner(npm("left-pad"), "@acme"))
		})
		write(t, b, `INSERT INTO org (name, created, two_person) VALUES ('acme', 1, 0)`,
			`INSERT INTO member (org, user_name, role, since) VALUES ('acme', 'bob', 'owner', 1), ('acme', 'carol', 'member', 1)`)
		for who, want := range map[string]int{"bob": 0, "carol": 1} {
			if keys, err := b.Alike(t.Context(), npm("leftpad"), who); err != nil || len(keys) != want {
				t.Errorf("%s: %v, %v", who, keys, err)
			}
		}
	})
}

func TestUnusedTokens(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		update(t, b, func(tx *Tx) error {
			err := tx.AddUser(User{Name: "alice"})
			for i, id := range []string{"idle", "used", "young", "over", "ended"} {
				k := Token{ID: id, Hash: bonded.DigestOf([]byte(id)), User: "alice", Uses: -1, Created: noon.Add(time.Duration(i)), Expires: noon.Add(time.Hour)}
				if id == "young" {
					k.Created = noon.Add(time.Minute)
				}
				if id == "over" {
					k.Expires = noon.Add(time.Second)
				}
				err = errors.Join(err, tx.AddToken(k))
			}
			return errors.Join(err, tx.RevokeToken("ended", "", noon))
		})
		if err := b.TouchTokens(t.Context(), map[string]Use{"used": {At: noon.Add(time.Minute)}}); err != nil {
			t.Fatal(err)
		}
		list, err := b.UnusedTokens(t.Context(), noon.Add(2*time.Minute), noon.Add(time.Minute), 9)
		if err != nil || len(list) != 1 || list[0].ID != "idle" {
			t.Errorf("got %+v, %v", list, err)
		}
	})
}
