package record

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"bonded.dev"
)

func TestDeliveries(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		for _, action := range []string{"one", "two"} {
			update(t, b, func(tx *Tx) error { return tx.Audit(Audit{At: noon, Action: action, Account: "alice", Tell: true}) })
		}
		lines, err := b.AuditsToTell(t.Context(), 10)
		if err != nil || len(lines) != 2 {
			t.Fatal(lines, err)
		}
		for want := range 2 { // of two nodes one gets a line
			update(t, b, func(tx *Tx) error {
				mine, err := tx.Tell(lines[0].ID, []string{"alice", "bob"}, noon)
				if mine != (want == 0) {
					t.Errorf("time %d: mine is %v", want, mine)
				}
				return err
			})
		}
		update(t, b, func(tx *Tx) error { _, err := tx.Tell(lines[1].ID, nil, noon); return err })
		if left, err := b.AuditsToTell(t.Context(), 10); err != nil || len(left) != 0 {
			t.Errorf("left: %v, %v", left, err)
		}
		due := func(at time.Time) (names []string) {
			t.Helper()
			list, err := b.DeliveriesDue(t.Context(), at, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range list {
				if d.Line.Action != "one" || d.Line.Account != "alice" || !d.Line.At.Equal(noon) {
					t.Errorf("the line is %+v", d.Line)
				}
				names = append(names, d.User)
			}
			return names
		}
		if got := due(noon.Add(-1)); got != nil {
			t.Errorf("before the time: %v", got)
		}
		if got := due(noon); !reflect.DeepEqual(got, []string{"alice", "bob"}) {
			t.Errorf("due: %v", got)
		}
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.DropDelivery(lines[0].ID, "alice"), tx.PutOffDelivery(lines[0].ID, "bob", 3, noon.Add(time.Hour)))
		})
		if got := due(noon); got != nil {
			t.Errorf("put off: %v", got)
		}
		list, err := b.DeliveriesDue(t.Context(), noon.Add(time.Hour), 10)
		if err != nil || len(list) != 1 || list[0].Tries != 3 || list[0].User != "bob" {
			t.Errorf("later: %+v, %v", list, err)
		}
	})
}

func TestPeopleOf(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		a := bonded.Name{Ecosystem: "eco", Key: "a", Display: "a"}
		update(t, b, func(tx *Tx) error {
			var err error
			for _, n := range []string{"alice", "bob", "carol", "dave", "erin"} {
				err = errors.Join(err, tx.AddUser(User{Name: n}))
			}
			err = errors.Join(err, tx.Claim(a, 0), tx.AddOwner(a, "alice"), tx.AddOwner(a, "@acme"), tx.AddOwner(a, "@acme/x"), tx.Flush())
			for _, s := range []string{
				`INSERT INTO org (name, created, two_person) VALUES ('acme', 0, 0)`,
				`INSERT INTO member (org, user_name, role, since) VALUES ('acme', 'bob', 'owner', 0), ('acme', 'carol', 'member', 0), ('acme', 'erin', 'member', 0), ('acme', 'dave', 'member', 0), ('acme', 'alice', 'owner', 0)`,
				`INSERT INTO team_member (org, team, user_name) VALUES ('acme', 'x', 'carol'), ('acme', 'y', 'erin')`,
			} {
				_, e := tx.exec("set the scene", s)
				err = errors.Join(err, e)
			}
			return err
		})
		if got, err := b.PeopleOf(t.Context(), a); err != nil || !reflect.DeepEqual(got, []string{"alice", "bob", "carol"}) {
			t.Errorf("people are %v, %v", got, err)
		}
		if got, err := b.PeopleOf(t.Context(), bonded.Name{Ecosystem: "other", Key: "a"}); err != nil || len(got) != 0 {
			t.Errorf("the same key elsewhere: %v, %v", got, err)
		}
		if got, err := b.OrgOwners(t.Context(), "acme"); err != nil || !reflect.DeepEqual(got, []string{"alice", "bob"}) {
			t.Errorf("owners are %v, %v", got, err)
		}
	})
}

func TestFormerAddresses(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		former := func(want ...string) {
			t.Helper()
			got, err := b.FormerAddresses(t.Context(), "alice", noon)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("former addresses are %v, want %v, %v", got, want, err)
			}
		}
		update(t, b, func(tx *Tx) error { return tx.AddUser(User{Name: "alice", Email: "typo@example.org"}) })
		update(t, b, func(tx *Tx) error { return tx.SetEmail("alice", "a@example.org", noon) })
		former() // it was never proven, so it may be a stranger's
		update(t, b, func(tx *Tx) error { return tx.SetEmail("alice", "a@example.org", noon) })
		former() // proven again
		update(t, b, func(tx *Tx) error { return tx.SetEmail("alice", "b@example.org", noon) })
		former("a@example.org")
		update(t, b, func(tx *Tx) error { return tx.DropFormerAddresses("", noon.Add(FormerLife-1)) })
		former("a@example.org")
		update(t, b, func(tx *Tx) error { return tx.DropFormerAddresses("bob", noon) })
		former("a@example.org")
		update(t, b, func(tx *Tx) error { return tx.DropFormerAddresses("", noon.Add(FormerLife)) })
		former()
	})
}

func TestDomains(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		d := Domain{Name: "example.org", Checked: noon, Registered: noon.Add(-time.Hour), State: "well", Since: noon}
		update(t, b, func(tx *Tx) error { return errors.Join(tx.PutDomain(d), tx.PutDomain(Domain{Name: "a.example"})) })
		d.State, d.Why = "lapsed", "gone"
		update(t, b, func(tx *Tx) error { return errors.Join(tx.PutDomain(d), tx.DropDomain("a.example")) })
		if got, err := b.Domains(t.Context()); err != nil || !reflect.DeepEqual(got, []Domain{d}) {
			t.Errorf("got %+v, %v", got, err)
		}
		update(t, b, func(tx *Tx) error { return tx.AddUser(User{Name: "alice"}) })
		for i, want := range []bool{true, false} {
			update(t, b, func(tx *Tx) error {
				changed, err := tx.SetFrozen("alice", noon)
				if changed != want {
					t.Errorf("time %d: changed is %v", i, changed)
				}
				return err
			})
		}
		if u, err := b.User(t.Context(), "alice"); err != nil || !u.Frozen.Equal(noon) {
			t.Errorf("got %+v, %v", u, err)
		}
		update(t, b, func(tx *Tx) error { _, err := tx.SetFrozen("alice", time.Time{}); return err })
		if u, err := b.User(t.Context(), "alice"); err != nil || !u.Frozen.IsZero() {
			t.Errorf("got %+v, %v", u, err)
		}
	})
}
