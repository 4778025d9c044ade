package web

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev/registry/identity"
	"bonded.dev/registry/people"
	"bonded.dev/registry/signin"
)

// answered accepts or declines the only invitation of a user.
func answered(t *testing.T, p *Pages, user, how string, status int) string {
	t.Helper()
	list, err := p.People.Invitations(t.Context(), user)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return presses(t, p, user, "/invitations/"+list[0].ID+"/"+how, status)
}

func TestOrganisationPages(t *testing.T) {
	p := workshop(t)
	shows(t, p, "alice", "/orgs", 200, "You are in none")
	presses(t, p, "alice", "/orgs", 400, "name", "Not A Name")
	presses(t, p, "alice", "/orgs", 409, "name", "bob")
	presses(t, p, "alice", "/orgs", 303, "name", "acme")
	shows(t, p, "alice", "/orgs", 200, "@acme", "1 member", "you own it")
	const acme = "/orgs/acme"
	shows(t, p, "bob", acme, 404)
	shows(t, p, "olga", acme, 200, "Give the namespace", "!Invite somebody", "!Leave")
	shows(t, p, "alice", acme, 200, "Invite somebody", "Make a team", "!Give the namespace")

	presses(t, p, "bob", acme+"/invite", 403, "user", "bob", "as", "owner")
	presses(t, p, "alice", acme+"/invite", 400, "user", "bob", "as", "emperor")
	presses(t, p, "alice", acme+"/invite", 303, "user", "bob", "as", "member")
	shows(t, p, "alice", acme, 200, "Invited", "Withdraw")
	shows(t, p, "bob", "/invitations", 200, "The organisation @acme", "As member")
	answered(t, p, "bob", "decline", 303)
	shows(t, p, "bob", "/invitations", 200, "Nobody has invited you")
	presses(t, p, "alice", acme+"/invite", 303, "user", "bob", "as", "member")
	answered(t, p, "bob", "accept", 303)
	shows(t, p, "bob", acme, 200, "bob", "Leave", "!Invite somebody", "!Take out")

	presses(t, p, "bob", acme+"/teams", 403, "team", "release")
	presses(t, p, "alice", acme+"/teams", 303, "team", "release")
	presses(t, p, "alice", acme+"/teams/release/add", 404, "user", "oscar")
	presses(t, p, "alice", acme+"/teams/release/add", 303, "user", "bob")
	presses(t, p, "alice", acme+"/invite", 303, "user", "oscar", "as", "team:release")
	shows(t, p, "oscar", "/invitations", 200, "The team @acme/release")
	answered(t, p, "oscar", "accept", 303)
	shows(t, p, "oscar", acme, 200, "release")
	presses(t, p, "oscar", acme+"/teams/release/take", 403, "user", "bob")
	presses(t, p, "oscar", acme+"/teams/release/take", 303, "user", "oscar")
	presses(t, p, "alice", acme+"/teams/release/take", 303, "user", "bob")
	presses(t, p, "alice", acme+"/teams/release/remove", 303)

	presses(t, p, "alice", acme+"/namespaces", 403, "ecosystem", "npm", "pattern", "@acme/*")
	presses(t, p, "olga", acme+"/namespaces", 400, "ecosystem", "npm", "pattern", "*x*")
	presses(t, p, "olga", acme+"/namespaces", 303, "ecosystem", "npm", "pattern", "@acme/*")
	shows(t, p, "bob", acme, 200, "npm/@acme/*")
	presses(t, p, "olga", acme+"/namespaces/remove", 303, "ecosystem", "npm", "pattern", "@acme/*")

	presses(t, p, "bob", acme+"/two-person", 403, "two_person", "yes")
	presses(t, p, "alice", acme+"/two-person", 303, "two_person", "yes")
	if said := presses(t, p, "alice", acme+"/two-person", 303); !strings.Contains(said, "It happens on 4 May 2031") {
		t.Errorf("weaker rules say %q", said)
	}
	shows(t, p, "bob", acme, 200, "They begin with two people for each release", "need no second person")
	waits, err := p.Book.WaitingOfAccount(t.Context(), "@acme")
	if err != nil || len(waits) != 1 {
		t.Fatal(waits, err)
	}
	presses(t, p, "bob", acme+"/changes/"+waits[0].ID+"/cancel", 403)
	presses(t, p, "alice", acme+"/changes/none/cancel", 404)
	presses(t, p, "alice", acme+"/changes/"+waits[0].ID+"/cancel", 303)
}

// TestSomebodyLeaves: before somebody is taken out the page shows what goes with
// it, and nothing that is their account's own.
func TestSomebodyLeaves(t *testing.T) {
	p := workshop(t)
	presses(t, p, "alice", "/orgs", 303, "name", "acme")
	presses(t, p, "alice", "/orgs/acme/invite", 303, "user", "bob", "as", "member")
	answered(t, p, "bob", "accept", 303)
	presses(t, p, "alice", "/orgs/acme/invite", 303, "user", "oscar", "as", "owner")
	answered(t, p, "oscar", "accept", 303)
	release(t, p, p.Keeper.Person("alice", true), "@acme/pad", "1.0.0", nil)
	presses(t, p, "alice", pad+"/people/invite", 303, "user", "@acme", "rights", "publish", "rights", "people", "rights", "settings")
	shows(t, p, "alice", "/invitations", 200, "npm/@acme/pad", "for @acme")
	answered(t, p, "alice", "accept", 303)
	join(t, p, "bob", "publish")
	release(t, p, p.Keeper.Person("bob", true), "own", "1.0.0", nil)
	shows(t, p, "alice", "/orgs/acme", 200, "@acme/pad", "@acme may: publish, people, settings")

	const bob = "/orgs/acme/members/bob"
	shows(t, p, "bob", "/orgs/acme/members/alice", 403)
	shows(t, p, "bob", bob, 200, "Leave @acme")
	shows(t, p, "alice", bob, 200, "Take bob out", "npm/@acme/pad", "a right of their own: publish", "!npm/own", "!a link that was not used yet")
	shows(t, p, "alice", "/orgs/acme/members/nobody", 404)
	presses(t, p, "alice", bob+"/remove", 303)
	shows(t, p, "bob", "/orgs/acme", 404)
	shows(t, p, "bob", pad+"/settings", 403)
	if list, err := p.People.Packages(t.Context(), "bob"); err != nil || len(list) != 1 || list[0].Package.Key != "own" {
		t.Errorf("bob still has %v, %v", list, err)
	}

	shows(t, p, "alice", "/orgs/acme/members/oscar", 200, "it waits three days")
	if said := presses(t, p, "alice", "/orgs/acme/members/oscar/remove", 303); !strings.Contains(said, "It happens on 4 May 2031") {
		t.Errorf("an owner's removal says %q", said)
	}
	shows(t, p, "oscar", "/orgs/acme", 200, "oscar leaves @acme")
}

// TestThrough knows the ways that go through an organisation from all others:
// a kind of way that is new has to be put on one side.
func TestThrough(t *testing.T) {
	grants := []people.Grant{{Package: named("pad"), Principal: "@acme"}}
	for _, c := range []struct {
		via, what string
		in        bool
	}{
		{"organisation", "@acme", true}, {"organisation", "@acme2", false}, {"team", "@acme/release", true}, {"team", "@other/release", false},
		{"owner", "npm/pad", true}, {"owner", "npm/other", false}, {"trusted publisher", "npm/pad", true}, {"invitation", "npm/pad", true},
		{"invitation", "@acme/release", true}, {"invitation", "@other", false}, {"session", "@acme", false}, {"token", "npm/pad", false},
		{"role", "administrator", false}, {"enrolment", "@acme", false}, {"waiting", "npm/pad", false},
	} {
		if got := through(people.Path{Via: c.via, What: c.what}, "acme", grants); got != c.in {
			t.Errorf("%s %s: %v", c.via, c.what, got)
		}
	}
}

func TestTransferIsAnswered(t *testing.T) {
	p := workshop(t)
	release(t, p, p.Keeper.Person("alice", true), "@acme/pad", "1.0.0", nil)
	presses(t, p, "alice", pad+"/transfer", 303, "to", "bob", "name", "@acme/pad")
	shows(t, p, "bob", "/invitations", 200, "All of npm/@acme/pad", "alice offers it")
	list, err := p.People.Invitations(t.Context(), "bob")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	presses(t, p, "oscar", "/invitations/"+list[0].ID+"/accept", 404)
	if said := answered(t, p, "bob", "accept", 303); !strings.Contains(said, "waits three days") {
		t.Errorf("it says %q", said)
	}
	shows(t, p, "alice", pad, 200, "goes to bob, and nobody else keeps a right on it", "Cancel")
	owners, _, err := p.owners(&Ask{r: newRequest(t)}, named("@acme/pad"))
	if err != nil || !slices.Equal(owners, []string{"alice"}) {
		t.Errorf("before its time the owners are %v, %v", owners, err)
	}
}

// TestAdoptionIsAgreedTo: a package that nobody looked after for a year.
func TestAdoptionIsAgreedTo(t *testing.T) {
	p := workshop(t)
	release(t, p, p.Keeper.Person("alice", true), "@acme/pad", "1.0.0", nil)
	later := noon.AddDate(2, 0, 0)
	p.Now = func() time.Time { return later }
	p.Waiting.Now = p.Now
	p.People = people.New(people.Config{Book: p.Book, Waiting: p.Waiting, Desk: p.Desk, Now: p.Now})
	p.session = func(_ context.Context, cookie string) (*signin.Session, identity.Secret, error) {
		return &signin.Session{User: cookie, Stepped: later}, identity.Secret{}, nil
	}
	shows(t, p, "olga", "/admin/adoptions", 200, "Nobody waits")
	shows(t, p, "bob", "/admin/adoptions", 403)
	if said := presses(t, p, "olga", pad+"/adopt", 303); !strings.Contains(said, "31 May 2033") {
		t.Errorf("asking says %q", said)
	}
	shows(t, p, "alice", pad, 200, "goes to olga, who asked to adopt it, if an administrator agrees", "Cancel")
	shows(t, p, "olga", "/admin/adoptions", 200, "npm/@acme/pad", "To olga", "Somebody else has to agree", "!Agree (")
	list, err := p.People.Adoptions(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	agree := "/admin/adoptions/" + list[0].ID + "/agree"
	presses(t, p, "olga", agree, 403)
	presses(t, p, "bob", agree, 403)
	shows(t, p, "oscar", "/admin/adoptions", 200, "Agree (npm/@acme/pad to olga)")
	presses(t, p, "oscar", agree, 303)
	shows(t, p, "oscar", "/admin/adoptions", 200, "oscar agreed", "It happens on 31 May 2033", "!Agree (")
	shows(t, p, "alice", pad, 200, "goes to olga, and nobody else keeps a right on it")
}
