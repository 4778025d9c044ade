package people_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/people"
)

const all = "publish people settings"

func rights(text string) []people.Right {
	list, _ := people.ParseRights(text)
	return list
}

func TestOrganisationsAreTheirOwners(t *testing.T) {
	inHouse(t, func(h *house) {
		h.want("a user's name", h.AddOrg(h.ctx, "alice", "bob"), bonded.Conflict)
		h.want("no name", h.AddOrg(h.ctx, "alice", "A b"), bonded.Invalid)
		h.acme()
		h.want("a name twice", h.AddOrg(h.ctx, "mallory", "acme"), bonded.Conflict)
		_, err := h.keeper.AddUser(h.ctx, "acme", "acme@example.org")
		h.want("a user called as an organisation", err, bonded.Conflict)
		o, err := h.Org(h.ctx, "carol", "acme")
		if err != nil || len(o.Members) != 3 || len(o.Teams) != 1 || !slices.Equal(o.Teams[0].Members, []string{"carol"}) {
			t.Errorf("%+v, %v", o, err)
		}
		_, err = h.Org(h.ctx, "mallory", "acme")
		h.want("a stranger looks", err, bonded.NotFound)
		_, err = h.Org(h.ctx, "root", "acme")
		h.want("an administrator looks", err, 0)
		for _, who := range []string{"carol", "mallory"} {
			h.want(who+" makes a team", h.AddTeam(h.ctx, who, "acme", "evil"), bonded.Forbidden)
			h.want(who+" joins a team", h.AddToTeam(h.ctx, who, "acme", "release", who), bonded.Forbidden)
			_, err := h.Invite(h.ctx, who, "org", "@acme", "dora", "owner")
			h.want(who+" invites", err, bonded.Forbidden)
			_, err = h.RemoveMember(h.ctx, who, "acme", "bob")
			h.want(who+" removes", err, bonded.Forbidden)
			_, err = h.SetTwoPerson(h.ctx, who, "acme", true)
			h.want(who+" sets", err, bonded.Forbidden)
			h.want(who+" takes names", h.AddNamespace(h.ctx, who, "acme", "plain", "acme-*"), bonded.Forbidden)
		}
		h.want("somebody from outside in a team", h.AddToTeam(h.ctx, "alice", "acme", "release", "dora"), bonded.NotFound)
		h.want("a team that has rights ends", h.RemoveTeam(h.ctx, "alice", "acme", "release"), bonded.Conflict)
		h.want("an administrator gives names", h.AddNamespace(h.ctx, "root", "acme", "plain", "acme-*"), 0)
		h.want("a bad pattern", h.AddNamespace(h.ctx, "root", "acme", "plain", "*-acme"), bonded.Invalid)
		h.want("a name in another's namespace", h.publish("mallory", "acme-tool", "1"), bonded.Forbidden)
		h.want("a name in one's own namespace", h.publish("carol", "acme-tool", "1"), 0)
		if got := h.owners("acme-tool"); got != "@acme: "+all {
			t.Errorf("a name in a namespace belongs to %s", got)
		}
	})
}

func TestTwoPersonOfAnOrganisation(t *testing.T) {
	inHouse(t, func(h *house) {
		h.acme()
		must(t, h.AddNamespace(h.ctx, "admin", "acme", "plain", "acme-*"))
		two := func() bool {
			o, err := h.Org(h.ctx, "alice", "acme")
			must(t, err)
			return o.TwoPerson
		}
		due, err := h.SetTwoPerson(h.ctx, "alice", "acme", true)
		if err != nil || !due.IsZero() || !two() {
			t.Errorf("on: %v, %v", due, err)
		}
		due, err = h.SetTwoPerson(h.ctx, "bob", "acme", false)
		if err != nil || due.Sub(h.now) != 72*time.Hour || !two() {
			t.Errorf("off: %v, %v", due, err)
		}
		h.later(71 * time.Hour)
		if !two() {
			t.Error("off too early")
		}
		h.later(time.Hour)
		if two() {
			t.Error("still on")
		}
	})
}

func TestInvitations(t *testing.T) {
	inHouse(t, func(h *house) {
		must(t, h.publish("alice", "tool", "1"))
		target := "plain/tool"
		ask := func(by, who, rights string) (people.Invitation, error) {
			return h.Invite(h.ctx, by, "package", target, who, rights)
		}
		_, err := ask("mallory", "mallory", "publish")
		h.want("a stranger invites", err, bonded.Forbidden)
		_, err = ask("alice", "nobody", "publish")
		h.want("nobody is invited", err, bonded.NotFound)
		_, err = ask("alice", "bob", "everything")
		h.want("a right that is none", err, bonded.Invalid)
		_, err = ask("alice", "alice", "publish")
		h.want("somebody who has it", err, bonded.Conflict)
		bobs, err := ask("alice", "bob", "people publish")
		must(t, err)
		if got := h.owners("tool"); got != "alice: "+all {
			t.Errorf("an invitation gave %s", got)
		}
		h.want("another accepts", h.Accept(h.ctx, "mallory", bobs.ID), bonded.NotFound)
		must(t, h.Accept(h.ctx, "bob", bobs.ID))
		h.want("it is accepted twice", h.Accept(h.ctx, "bob", bobs.ID), bonded.NotFound)
		if got := h.owners("tool"); got != "alice: "+all+"; bob: people publish" {
			t.Errorf("accepted: %s", got)
		}
		_, err = ask("bob", "carol", "settings")
		h.want("somebody gives what he does not have", err, bonded.Forbidden)
		late, err := ask("alice", "carol", "publish")
		must(t, err)
		h.now = h.now.Add(7 * 24 * time.Hour)
		h.want("a late answer", h.Accept(h.ctx, "carol", late.ID), bonded.NotFound)
		no, err := ask("alice", "carol", "publish")
		must(t, err)
		must(t, h.Decline(h.ctx, "carol", no.ID))
		back, err := ask("alice", "carol", "publish")
		must(t, err)
		h.want("a stranger withdraws", h.Withdraw(h.ctx, "mallory", back.ID), bonded.Forbidden)
		must(t, h.Withdraw(h.ctx, "bob", back.ID))
		if list, err := h.Sent(h.ctx, "alice", target); err != nil || len(list) != 0 {
			t.Errorf("left %+v, %v", list, err)
		}
		_, err = h.Sent(h.ctx, "mallory", target)
		h.want("a stranger reads invitations", err, bonded.Forbidden)
	})
}

// TestInvitationsOfAThiefAreVoid throws out whoever invited an accomplice.
func TestInvitationsOfAThiefAreVoid(t *testing.T) {
	inHouse(t, func(h *house) {
		h.acme()
		must(t, h.publish("bob", "lib", "1"))
		h.join("bob", "package", "plain/lib", "alice", all)
		i, err := h.Invite(h.ctx, "bob", "package", "plain/lib", "mallory", "publish")
		must(t, err)
		o, err := h.Invite(h.ctx, "bob", "org", "@acme", "mallory", "owner")
		must(t, err)
		offer, err := h.Transfer(h.ctx, "bob", named("lib"), "mallory")
		must(t, err)
		due, err := h.RemoveGrant(h.ctx, "alice", named("lib"), "bob")
		if err != nil || due.IsZero() {
			t.Fatalf("due %v, %v", due, err)
		}
		_, err = h.RemoveMember(h.ctx, "root", "acme", "bob")
		must(t, err)
		h.later(72 * time.Hour)
		if got := h.owners("lib"); got != "alice: "+all {
			t.Errorf("owners %s", got)
		}
		h.want("to the package", h.Accept(h.ctx, "mallory", i.ID), bonded.Conflict)
		h.want("to the organisation", h.Accept(h.ctx, "mallory", o.ID), bonded.NotFound) // it went with him
		h.want("of the package", h.Accept(h.ctx, "mallory", offer.ID), bonded.Conflict)
	})
}

func TestLessForOthersWaits(t *testing.T) {
	inHouse(t, func(h *house) {
		must(t, h.publish("alice", "tool", "1"))
		h.join("alice", "package", "plain/tool", "bob", all)
		h.join("alice", "package", "plain/tool", "carol", "publish")
		set := func(by, who, text string) time.Time {
			t.Helper()
			due, err := h.SetRights(h.ctx, by, named("tool"), who, rights(text))
			must(t, err)
			return due
		}
		if due := set("alice", "carol", "publish settings"); !due.IsZero() {
			t.Error("more waits")
		}
		_, err := h.SetRights(h.ctx, "carol", named("tool"), "carol", rights(all))
		h.want("somebody gives himself more", err, bonded.Forbidden)
		_, err = h.SetRights(h.ctx, "alice", named("tool"), "dora", rights("publish"))
		h.want("a new principal without invitation", err, bonded.NotFound)
		if due := set("alice", "bob", "publish"); due.Sub(h.now) != 72*time.Hour {
			t.Errorf("less is due %v", due)
		}
		if got := h.owners("tool"); got != "alice: "+all+"; bob: "+all+"; carol: publish settings" {
			t.Errorf("meanwhile: %s", got)
		}
		if got := h.told("bob", 1); !slices.Equal(got, []string{"owner.ask-remove"}) {
			t.Errorf("bob was told %v", got)
		}
		h.later(72 * time.Hour)
		if got := h.owners("tool"); got != "alice: "+all+"; bob: publish; carol: publish settings" {
			t.Errorf("afterwards: %s", got)
		}
		// One's own is at once; the last one stays.
		due, err := h.RemoveGrant(h.ctx, "carol", named("tool"), "carol")
		if err != nil || !due.IsZero() {
			t.Errorf("leaving: %v, %v", due, err)
		}
		_, err = h.RemoveGrant(h.ctx, "alice", named("tool"), "alice")
		h.want("the last one leaves", err, bonded.Conflict)
		_, err = h.SetRights(h.ctx, "alice", named("tool"), "alice", rights("publish"))
		h.want("the last one gives up what nobody else has", err, bonded.Conflict)
	})
}

// TestOwnersAreNotSwapped plays what a thief does in the session of an owner.
func TestOwnersAreNotSwapped(t *testing.T) {
	inHouse(t, func(h *house) {
		must(t, h.publish("alice", "tool", "1"))
		h.join("alice", "package", "plain/tool", "mallory", all)
		due, err := h.RemoveGrant(h.ctx, "alice", named("tool"), "alice")
		if err != nil || due.Sub(h.now) != 72*time.Hour {
			t.Errorf("the owner is gone at once: %v, %v", due, err)
		}
		_, err = h.RemoveGrant(h.ctx, "mallory", named("tool"), "alice")
		must(t, err)
		list, err := h.Book.WaitingOfPackage(h.ctx, named("tool"))
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, w := range list {
			must(t, h.Waiting.CancelByLink(h.ctx, w.ID, h.Waiting.Secret(w.ID)))
		}
		h.later(200 * time.Hour)
		if got := h.owners("tool"); got != "alice: "+all+"; mallory: "+all {
			t.Errorf("owners %s", got)
		}
		// The same with an organisation.
		must(t, h.AddOrg(h.ctx, "alice", "acme"))
		h.join("alice", "org", "@acme", "mallory", "owner")
		for _, by := range []string{"alice", "mallory"} {
			due, err := h.RemoveMember(h.ctx, by, "acme", "alice")
			if err != nil || due.Sub(h.now) != 72*time.Hour {
				t.Errorf("by %s: %v, %v", by, due, err)
			}
		}
		_, err = h.RemoveMember(h.ctx, "alice", "acme", "mallory")
		must(t, err)
		list, err = h.Book.WaitingOfAccount(h.ctx, "@acme")
		if err != nil || len(list) != 3 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// TestWhoAskedMustStillBeAllowed has a thief's removal fail when it is due.
func TestWhoAskedMustStillBeAllowed(t *testing.T) {
	inHouse(t, func(h *house) {
		must(t, h.publish("alice", "tool", "1"))
		h.join("alice", "package", "plain/tool", "bob", all)
		_, err := h.RemoveGrant(h.ctx, "alice", named("tool"), "bob")
		must(t, err)
		h.now = h.now.Add(time.Hour)
		_, err = h.RemoveGrant(h.ctx, "bob", named("tool"), "alice")
		must(t, err)
		h.later(100 * time.Hour)
		if got := h.owners("tool"); got != "alice: "+all {
			t.Errorf("owners %s", got)
		}
		if got := h.told("alice", 9); !slices.Contains(got, "change.fail") {
			t.Errorf("alice was told %v", got)
		}
	})
}

func TestSomebodyAlwaysLooksAfterAPackage(t *testing.T) {
	inHouse(t, func(h *house) {
		h.acme()
		_, err := h.RemoveGrant(h.ctx, "alice", named("side"), "alice")
		must(t, err)
		if got := h.owners("side"); got != "@acme: "+all {
			t.Errorf("owners %s", got)
		}
		_, err = h.RemoveGrant(h.ctx, "alice", named("side"), "@acme")
		must(t, err)
		h.later(72 * time.Hour)
		if got := h.owners("side"); got != "@acme: "+all {
			t.Errorf("nobody is left: %s", got)
		}
		// A team that alone looks after a package is never empty.
		must(t, h.publish("dora", "lib", "1"))
		h.join("dora", "package", "plain/lib", "@acme/release", all)
		h.now = h.now.Add(100 * time.Hour)
		_, err = h.RemoveGrant(h.ctx, "dora", named("lib"), "dora")
		must(t, err)
		h.want("the last of the team", h.RemoveFromTeam(h.ctx, "alice", "acme", "release", "carol"), bonded.Conflict)
		must(t, h.AddToTeam(h.ctx, "alice", "acme", "release", "bob"))
		h.want("one of the team", h.RemoveFromTeam(h.ctx, "alice", "acme", "release", "carol"), 0)
		// A closed account looks after nothing.
		must(t, h.keeper.DisableUser(h.ctx, "alice"))
		_, err = h.RemoveMember(h.ctx, "bob", "acme", "bob")
		h.want("the last owner in use leaves", err, bonded.Conflict)
	})
}

func TestRightsAreWhatTheyAre(t *testing.T) {
	inHouse(t, func(h *house) {
		h.acme()
		for _, c := range []struct {
			user, pkg, may string
		}{
			{"alice", "tool", all}, {"bob", "tool", all}, {"carol", "tool", "publish"}, {"mallory", "tool", ""},
			{"carol", "side", ""}, {"bob", "side", all}, {"nobody", "tool", ""},
		} {
			for _, right := range people.Rights() {
				err := h.May(h.ctx, c.user, right, named(c.pkg))
				if want := strings.Contains(c.may, string(right)); want != (err == nil) {
					t.Errorf("%s %s %s: %v, want %v", c.user, right, c.pkg, err, want)
				}
			}
		}
		h.want("a package that is not there", h.May(h.ctx, "alice", people.Publish, named("none")), bonded.NotFound)
		must(t, h.keeper.DisableUser(h.ctx, "bob"))
		h.want("a closed account", h.May(h.ctx, "bob", people.Publish, named("tool")), bonded.Forbidden)
		list, err := h.Packages(h.ctx, "carol")
		if err != nil || len(list) != 1 || list[0].Principal != "@acme/release" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// TestTwoPeopleFromTheFirstRelease begins a package in the namespace of an
// organisation that wants two people, and finds the policy in the log.
func TestTwoPeopleFromTheFirstRelease(t *testing.T) {
	inHouse(t, func(h *house) {
		h.acme()
		must(t, h.AddNamespace(h.ctx, "admin", "acme", "plain", "acme-*"))
		_, err := h.SetTwoPerson(h.ctx, "alice", "acme", true)
		must(t, err)
		must(t, h.publish("carol", "acme-new", "1"))
		list, err := h.desk.Waiting(h.ctx, named("acme-new"))
		if err != nil || len(list) != 1 {
			t.Fatalf("staged %+v, %v", list, err)
		}
		_, err = h.desk.Approve(h.ctx, list[0].ID, h.keeper.Person("bob", true))
		must(t, err)
		p, err := h.desk.Past(h.ctx, named("acme-new"))
		must(t, err)
		doc, err := h.Book.Doc(h.ctx, p.Policy)
		if err != nil || !strings.Contains(string(doc), `"two_person":true`) || p.PolicyIndex != p.OwnersIndex+1 {
			t.Errorf("policy %s at %d, owners at %d, %v", doc, p.PolicyIndex, p.OwnersIndex, err)
		}
		if policy, err := h.Book.Policy(h.ctx, named("acme-new")); err != nil || !policy.TwoPerson {
			t.Errorf("the next release is %+v, %v", policy, err)
		}
	})
}
