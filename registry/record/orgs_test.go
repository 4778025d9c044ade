package record

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"bonded.dev"
)

// people are alice, bob and carol; @acme is alice's, bob is in it and in its
// team release.
func people(tx *Tx) error {
	var err error
	for _, u := range []string{"alice", "bob", "carol"} {
		err = errors.Join(err, tx.AddUser(User{Name: u, Created: noon}))
	}
	return errors.Join(err, tx.AddOrg(Org{Name: "acme", Created: noon}), tx.AddTeam("acme", "release"),
		tx.PutMember(Member{"acme", "alice", "owner", noon}), tx.PutMember(Member{"acme", "bob", "member", noon}), tx.AddToTeam("acme", "release", "bob", noon))
}

func TestOrganisations(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		update(t, b, people)
		for what, do := range map[string]func(*Tx) error{
			"an organisation twice":            func(tx *Tx) error { return tx.AddOrg(Org{Name: "acme"}) },
			"an organisation called as a user": func(tx *Tx) error { return tx.AddOrg(Org{Name: "bob"}) },
			"a user called as an organisation": func(tx *Tx) error { return tx.AddUser(User{Name: "acme"}) },
			"a team twice":                     func(tx *Tx) error { return tx.AddTeam("acme", "release") },
		} {
			if kind, _, _ := bonded.Explain(b.Update(t.Context(), do)); kind != bonded.Conflict {
				t.Errorf("%s: kind %v", what, kind)
			}
		}
		if err := b.Update(t.Context(), func(tx *Tx) error { return tx.AddToTeam("acme", "release", "carol", noon) }); err == nil {
			t.Error("somebody who is not in an organisation came into its team")
		}
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.SetTwoPerson("acme", true), tx.PutMember(Member{"acme", "bob", "owner", noon.Add(time.Hour)}),
				tx.PutMember(Member{"acme", "bob", "owner", noon.Add(2 * time.Hour)}))
		})
		view(t, b, func(tx *Tx) error {
			o, err := tx.Org("acme")
			members, err2 := tx.Members("acme")
			teams, err3 := tx.TeamsOf("bob")
			m, err4 := tx.Membership("acme", "carol")
			if o != (Org{"acme", noon, true}) || m != (Member{}) || !slices.Equal(teams, []string{"@acme/release"}) ||
				!slices.Equal(members, []Member{{"acme", "alice", "owner", noon}, {"acme", "bob", "owner", noon.Add(time.Hour)}}) {
				t.Errorf("%+v, %+v, %v, %+v", o, members, teams, m)
			}
			_, err5 := tx.Org("none")
			wantKind(t, err5, bonded.NotFound)
			return errors.Join(err, err2, err3, err4)
		})
		update(t, b, func(tx *Tx) error {
			for _, want := range []bool{true, false} {
				if gone, err := tx.RemoveMember("acme", "bob"); err != nil || gone != want {
					t.Errorf("removed %v, want %v, %v", gone, want, err)
				}
			}
			teams, err := tx.TeamsOf("bob")
			in, err2 := tx.TeamMembers("acme", "release")
			if len(teams)+len(in) != 0 {
				t.Errorf("whoever left is in %v, and in the team is %v", teams, in)
			}
			return errors.Join(err, err2)
		})
	})
}

func TestNamespaces(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		update(t, b, func(tx *Tx) error {
			return errors.Join(people(tx), tx.AddOrg(Org{Name: "other"}), tx.AddNamespace("npm", "@acme/*", "acme"), tx.AddNamespace("npm", "@acme/*", "acme"))
		})
		wantKind(t, b.Update(t.Context(), func(tx *Tx) error { return tx.AddNamespace("npm", "@acme/*", "other") }), bonded.Conflict)
		update(t, b, func(tx *Tx) error {
			list, err := tx.Namespaces("acme")
			none, err2 := tx.RemoveNamespace("npm", "@acme/*", "other")
			gone, err3 := tx.RemoveNamespace("npm", "@acme/*", "acme")
			if !slices.Equal(list, []string{"npm/@acme/*"}) || none || !gone {
				t.Errorf("%v, %v, %v", list, none, gone)
			}
			return errors.Join(err, err2, err3)
		})
	})
}

func TestGrants(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		a, c := npm("a"), npm("c")
		all := []string{"publish", "people", "settings"}
		update(t, b, func(tx *Tx) error {
			return errors.Join(people(tx), tx.Claim(a, 1), tx.AddOwner(a, "carol"), tx.SetGrant(a, "@acme/release", []string{"publish"}, noon),
				tx.Claim(c, 2), tx.SetGrant(c, "@acme", all, noon), tx.SetGrant(c, "@acme-two", all, noon))
		})
		after := func(n bonded.Name, want bool) {
			t.Helper()
			view(t, b, func(tx *Tx) error {
				got, err := tx.LookedAfter(n, all, "", noon)
				if got != want {
					t.Errorf("%s is looked after: %v", n, got)
				}
				return err
			})
		}
		view(t, b, func(tx *Tx) error {
			grants, err := tx.Grants(a)
			of, err2 := tx.GrantsOf("bob")
			within, err3 := tx.GrantsWithin("acme")
			to, err4 := tx.GrantsTo("@acme")
			if !reflect.DeepEqual(grants, []Grant{{a, "@acme/release", []string{"publish"}, noon}, {a, "carol", all, time.Time{}}}) ||
				!reflect.DeepEqual(of, grants[:1]) || len(within) != 2 || within[1].Principal != "@acme" || len(to) != 1 || to[0].Package != c {
				t.Errorf("%+v, %+v, %+v, %+v", grants, of, within, to)
			}
			r, err5 := tx.Reach(c, "alice")
			if !r.Claimed || len(r.Rights) != 3 {
				t.Errorf("reach %+v", r)
			}
			return errors.Join(err, err2, err3, err4, err5)
		})
		after(a, true)
		after(c, true)
		update(t, b, func(tx *Tx) error { return errors.Join(tx.SetDisabled("carol", noon), tx.SetDisabled("alice", noon)) })
		after(a, false)
		after(c, false)
		update(t, b, func(tx *Tx) error { return tx.SetGrant(a, "@acme/release", all, noon) })
		after(a, true)
		update(t, b, func(tx *Tx) error {
			young, err := tx.LookedAfter(c, all, "", noon.Add(-1))
			if young {
				t.Error("whoever came a moment ago looks after it for long")
			}
			if other, err := tx.LookedAfter(a, all, "@acme/release", noon); err != nil || other {
				t.Errorf("without the team it is looked after: %v, %v", other, err)
			}
			return errors.Join(err, tx.SetGrant(a, "@acme/release", all, noon.Add(time.Hour)))
		})
		after(a, true) // it had them before
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.SetGrant(a, "@acme/release", all[:1], noon.Add(time.Hour)), tx.SetGrant(a, "@acme/release", all, noon.Add(time.Hour)))
		})
		after(a, false)
	})
}

func TestInvitations(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		in := func(id, kind, target, user string) Invitation {
			return Invitation{id, kind, target, user, "publish", "carol", noon, noon.Add(time.Hour)}
		}
		update(t, b, func(tx *Tx) error {
			return errors.Join(people(tx), tx.AddInvitation(in("1", "package", "npm/a", "bob")), tx.AddInvitation(in("2", "package", "npm/a", "bob")),
				tx.AddInvitation(in("3", "transfer", "npm/a", "@acme")), tx.AddInvitation(in("4", "package", "npm/a", "@acme/release")),
				tx.AddInvitation(in("5", "package", "npm/b", "@acme-two")))
		})
		ids := func(list []Invitation) (s string) {
			for _, i := range list {
				s += i.ID
			}
			return s
		}
		update(t, b, func(tx *Tx) error {
			bobs, err := tx.InvitationsOf("bob", noon)
			owners, err2 := tx.InvitationsOf("alice", noon)
			to, err3 := tx.InvitationsTo("npm/a", noon)
			with, err4 := tx.InvitationsWith("carol", noon)
			late, err5 := tx.InvitationsOf("bob", noon.Add(time.Hour))
			if ids(bobs) != "2" || ids(owners) != "34" || ids(to) != "234" || ids(with) != "2345" || len(late) != 0 || bobs[0] != in("2", "package", "npm/a", "bob") {
				t.Errorf("%v, %v, %v, %v, %v", bobs, owners, to, with, late)
			}
			_, err6 := tx.InvitationByID("1", noon)
			wantKind(t, err6, bonded.NotFound)
			for _, want := range []bool{true, false} {
				if got, err := tx.EndInvitation("2"); err != nil || got != want {
					t.Errorf("ended %v, want %v, %v", got, want, err)
				}
			}
			return errors.Join(err, err2, err3, err4, err5)
		})
	})
}

// TestPublishingSince gives the right to publish by every way, one later than
// the other, and counts the earliest of each person.
func TestPublishingSince(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		pad, claimed := npm("pad"), noon.Add(5*time.Hour)
		after := func(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }
		update(t, b, func(tx *Tx) error {
			return errors.Join(people(tx), tx.AddUser(User{Name: "dora"}), tx.AddUser(User{Name: "eve"}), tx.Claim(pad, 1), tx.AddOwner(pad, "carol"), tx.AddOwner(pad, "@acme"),
				tx.SetGrant(pad, "@acme/release", []string{"publish"}, after(7)), tx.SetGrant(pad, "bob", []string{"publish"}, after(8)),
				tx.SetGrant(pad, "eve", []string{"people", "settings"}, after(1)),
				tx.PutMember(Member{"acme", "dora", "member", after(1)}), tx.AddToTeam("acme", "release", "dora", after(9)), tx.AddToTeam("acme", "release", "dora", after(10)))
		})
		view(t, b, func(tx *Tx) error {
			got, err := tx.PublishingSince(pad, claimed)
			want := map[string]time.Time{"alice": noon, "bob": after(7), "carol": claimed, "dora": after(9)}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			return err
		})
	})
}
