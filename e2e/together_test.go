package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"bonded.dev/registry/web/webtest"
)

// TestTwoPeople is a package that comes to belong to two people: one invites the
// other, a release of the one is approved by the other and can be installed, a
// build job is let in, and weaker rules wait until they are cancelled.
func TestTwoPeople(t *testing.T) {
	for name, browser := range browsers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := inhabited(t)
			alice, bob := browser(t, r.node.url), browser(t, r.node.url)
			r.enrols(alice, "alice")
			r.enrols(bob, "bob")
			r.begins(alice)
			r.invites(alice, bob)
			r.staged(alice, bob)
			letsAJobIn(t, alice)
			weakens(t, alice, bob)
			for _, h := range []webtest.Hand{alice, bob} {
				if c, ok := h.(*webtest.Chromium); ok {
					c.Content()
				}
			}
			r.verified()
		})
	}
}

const scoped = "/packages/npm/@acme%2Fpad"

// begins publishes a first release with a token from the pages.
func (r *repository) begins(h webtest.Hand) {
	r.t.Helper()
	h.Opens("/account/tokens/new")
	h.Presses("/account/tokens/new", "label", "release", "pattern", "@acme/*")
	r.tokens["alice"] = regexp.MustCompile(`bnd_[0-9A-Za-z]{36}`).FindString(h.Text())
	r.take(npmPackage("@acme/pad", "1.0.0").sending())
	h.Opens("/packages")
	webtest.Sees(r.t, h, "@acme/pad", "You may: publish, people, settings")
	h.Opens(scoped)
	webtest.Sees(r.t, h, "npm install @acme/pad", "latest is 1.0.0")
}

func (r *repository) invites(alice, bob webtest.Hand) {
	r.t.Helper()
	bob.Opens(scoped + "/settings")
	webtest.Sees(r.t, bob, "You have no right on npm/@acme/pad")
	alice.Opens(scoped + "/settings")
	alice.Presses("/people/invite", "user", "bob", "rights", "publish")
	webtest.Sees(r.t, alice, "bob was invited", "Withdraw")
	bob.Opens("/invitations")
	webtest.Sees(r.t, bob, "npm/@acme/pad", "With the rights: publish")
	bob.Presses("/accept")
	webtest.Sees(r.t, bob, "Accepted", "Ownersalice, bob")
}

// staged has two people for each release from then on.
func (r *repository) staged(alice, bob webtest.Hand) {
	r.t.Helper()
	alice.Opens(scoped + "/settings")
	alice.Presses("/policy", "two_person", "yes")
	webtest.Sees(r.t, alice, "The rules for publishing are what you chose")
	u := npmPackage("@acme/pad", "1.1.0").sending()
	if got := u.over(r.t, host(r), r.tokens); got.status >= 400 || !strings.Contains(fmt.Sprint(got.header)+got.body, "/review/") {
		r.t.Fatalf("staging: %d %v %s", got.status, got.header, got.body)
	}
	if _, doc := fetch(r.t, r.node.url+"/npm/@acme%2fpad"); strings.Contains(string(doc), "1.1.0") {
		r.t.Error("a release that nobody approved is there already")
	}
	alice.Opens("/review")
	webtest.Sees(r.t, alice, "Nothing waits for you", "@acme/pad 1.1.0")
	alice.Opens(linkIn(r.t, alice, "/review/"))
	webtest.Sees(r.t, alice, "You staged it")
	bob.Opens("/review")
	bob.Opens(linkIn(r.t, bob, "/review/"))
	webtest.Sees(r.t, bob, "Compared with 1.0.0", "Approve and publish 1.1.0")
	bob.Presses("/approve")
	webtest.Sees(r.t, bob, "1.1.0 was approved and is published", "latest is 1.1.0")
	bob.Opens(scoped + "/releases/1.1.0")
	file := linkIn(r.t, bob, "/npm/")
	if res, b := fetch(r.t, r.node.url+file); res.StatusCode != 200 || len(b) == 0 {
		r.t.Errorf("%s: %s, %d bytes", file, res.Status, len(b))
	}
}

// linkIn finds a link of a page by how it begins.
func linkIn(t testing.TB, h webtest.Hand, begin string) string {
	t.Helper()
	_, rest, ok := strings.Cut(h.HTML(), `href="`+begin)
	if !ok {
		t.Fatalf("%s has no link %s", h.At(), begin)
	}
	link, _, _ := strings.Cut(rest, `"`)
	return begin + link
}

func letsAJobIn(t testing.TB, alice webtest.Hand) {
	t.Helper()
	alice.Opens(scoped + "/publishers?profile=github")
	alice.Presses("/publishers", "repository", "acme/pad", "workflow", "release.yml", "environment", "release")
	webtest.Sees(t, alice, "The trusted publisher was added", "repository acme/pad", "never used")
}

// weakens asks for weaker rules; somebody else cancels.
func weakens(t testing.TB, alice, bob webtest.Hand) {
	t.Helper()
	alice.Opens(scoped + "/settings")
	alice.Presses("/policy", "two_person", "")
	webtest.Sees(t, alice, "Weaker rules wait", "needs no longer: two people for each release")
	bob.Opens(scoped)
	webtest.Sees(t, bob, "somebody else approves each release", "needs no longer: two people for each release")
	bob.Presses("/cancel")
	webtest.Sees(t, bob, "It was cancelled")
	alice.Opens(scoped)
	webtest.Sees(t, alice, "somebody else approves each release")
	if strings.Contains(alice.Text(), "needs no longer") {
		t.Error("what was cancelled waits on")
	}
}
