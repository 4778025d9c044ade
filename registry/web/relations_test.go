package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bonded.dev/registry/people"
	"bonded.dev/registry/record"
)

// relations are how somebody can stand to a package and its organisation. All of
// them are signed in, but nobody, and have just shown a passkey.
var relations = []struct{ name, user string }{
	{"nobody", ""}, {"stranger", "stan"}, {"member", "mia"}, {"publish", "pia"}, {"people", "pete"}, {"settings", "sue"},
	{"owner", "alice"}, {"moderator", "mona"}, {"operator", "olga"},
}

// estate is one package with one organisation and everything that can happen to
// them waiting to happen.
type estate struct {
	pkg, org                                            string
	staged, invited, orgInvited, wait, orgWait, trusted string
}

// fill is an estate in the path of a route.
func (e *estate) fill(route string) string {
	id := e.trusted
	switch {
	case strings.HasPrefix(route, "/review"):
		id = e.staged
	case strings.HasPrefix(route, "/invitations"):
		id = e.invited
	case strings.HasPrefix(route, "/orgs"):
		id = e.orgWait
	case strings.Contains(route, "/changes/"):
		id = e.wait
	}
	return strings.NewReplacer("{eco}", "npm", "{scope}", "@"+e.org, "{name}", e.pkg, "{version}", "1.0.0", "{org}", e.org, "{team}", "release",
		"{user}", "mia", "{id}", id, "{file}", "journal.ndjson").Replace(route)
}

// sent are the fields that make each button work for whoever may press it.
func (e *estate) sent(route string) (url.Values, bool) {
	const base = "/packages/{eco}/{name}"
	forms := map[string]string{
		base + "/releases/{version}/change": "change=yank", base + "/releases/{version}/delete": "version=1.0.0",
		base + "/people/invite": "user=ivan&rights=publish", base + "/people/rights": "principal=steve&rights=people",
		base + "/people/remove": "principal=steve", base + "/people/withdraw": "id=" + e.invited,
		base + "/transfer": "to=ivan&name=" + e.pkg, base + "/policy": "two_person=yes&trusted_only=yes", base + "/status": "status=archived",
		base + "/changes/{id}/cancel": "", base + "/adopt": "", base + "/publishers/{id}/remove": "",
		base + "/publishers":   "profile=github&repository=a/b&workflow=x.yml&environment=e",
		"/review/{id}/approve": "", "/review/{id}/reject": "", "/invitations/{id}/accept": "", "/invitations/{id}/decline": "",
		"/orgs": "name=new-" + e.org, "/orgs/{org}/invite": "user=steve&as=member", "/orgs/{org}/withdraw": "id=" + e.orgInvited,
		"/orgs/{org}/two-person": "two_person=no", "/orgs/{org}/changes/{id}/cancel": "", "/orgs/{org}/teams": "team=docs",
		"/orgs/{org}/teams/{team}/add": "user=alice", "/orgs/{org}/teams/{team}/take": "user=mia", "/orgs/{org}/teams/{team}/remove": "",
		"/orgs/{org}/members/{user}/remove": "",
		"/orgs/{org}/namespaces":            "ecosystem=npm&pattern=@" + e.org + "/*", "/orgs/{org}/namespaces/remove": "ecosystem=npm&pattern=" + e.org + "-*",
	}
	text, ok := forms[route]
	form, err := url.ParseQuery(text)
	return form, ok && err == nil
}

// settle makes estate number n in a workshop. Staging takes long and is bounded,
// so only those have a release that waits whose pages ask for one.
func settle(t *testing.T, p *Pages, n int, staging bool) *estate {
	t.Helper()
	e := &estate{pkg: fmt.Sprintf("p%d", n), org: fmt.Sprintf("o%d", n), invited: fmt.Sprintf("i%d", n), orgInvited: fmt.Sprintf("oi%d", n)}
	other := fmt.Sprintf("b%d", n)
	name, every := named(e.pkg), []string{"publish", "people", "settings"}
	release(t, p, p.Keeper.Person("alice", true), e.pkg, "1.0.0", nil)
	fails(t, p.Book.Update(t.Context(), func(tx *record.Tx) error {
		member := func(org, user, role string) error {
			return tx.PutMember(record.Member{Org: org, User: user, Role: role, Since: noon.AddDate(-1, 0, 0)})
		}
		invitation := record.Invitation{ID: e.invited, Kind: "package", Target: name.String(), User: "@" + other, Rights: "publish", Inviter: "alice", Created: noon, Expires: noon.Add(time.Hour)}
		into := record.Invitation{ID: e.orgInvited, Kind: "org", Target: "@" + e.org, User: "ivan", Rights: "member", Inviter: "alice", Created: noon, Expires: noon.Add(time.Hour)}
		publisher, err := p.Trusted.AddTx(tx, "alice", name, "github", map[string]string{"repository": "acme/x", "workflow": "x.yml", "environment": "e"})
		e.trusted = publisher.ID
		return errors.Join(err, tx.AddOrg(record.Org{Name: e.org, Created: noon, TwoPerson: true}), tx.AddOrg(record.Org{Name: other, Created: noon}),
			member(e.org, "alice", "owner"), member(e.org, "mia", "member"), member(other, "alice", "owner"),
			tx.AddTeam(e.org, "release"), tx.AddToTeam(e.org, "release", "mia", noon), tx.AddNamespace("npm", e.org+"-*", e.org),
			tx.SetGrant(name, "alice", every, noon), tx.SetGrant(name, "@"+e.org, every, noon), tx.SetGrant(name, "steve", every[:1], noon),
			tx.SetGrant(name, "pia", every[:1], noon), tx.SetGrant(name, "pete", every[1:2], noon), tx.SetGrant(name, "sue", every[2:], noon),
			tx.SetPolicy(name, record.Policy{TwoPerson: true}), tx.AddInvitation(invitation), tx.AddInvitation(into))
	}))
	if staging {
		e.staged = release(t, p, p.Keeper.Person("steve", true), e.pkg, "2.0.0", nil).Staged
	}
	_, err := p.People.SetPolicy(t.Context(), "alice", name, record.Policy{})
	fails(t, err)
	_, err = p.People.SetTwoPerson(t.Context(), "alice", e.org, false)
	fails(t, err)
	waits, err := p.Book.WaitingOfPackage(t.Context(), name)
	fails(t, err)
	ofOrg, err := p.Book.WaitingOfAccount(t.Context(), "@"+e.org)
	fails(t, err)
	if len(waits) != 1 || len(ofOrg) != 1 || staging && e.staged == "" {
		t.Fatal("not everything waits that should", waits, ofOrg, e)
	}
	e.wait, e.orgWait = waits[0].ID, ofOrg[0].ID
	return e
}

// populated is a workshop with everybody whom the table knows.
func populated(t *testing.T) *Pages {
	p := workshop(t)
	for _, user := range []string{"stan", "mia", "pia", "pete", "sue", "mona", "steve", "ivan"} {
		if _, err := p.Keeper.AddUser(t.Context(), user, user+"@example.org"); err != nil {
			t.Fatal(err)
		}
	}
	fails(t, p.Book.Update(t.Context(), func(tx *record.Tx) error { return tx.SetRoles("mona", []string{"moderator"}) }))
	return p
}

// related says if a route is about a package, an organisation or a release.
func related(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first == "packages" || first == "orgs" || first == "review" || first == "invitations"
}

// TestRelations says for every route about packages and organisations what it
// answers to whom: the table is made from the routes, each button is really
// pressed, on a package of its own. 200 and 303 are yes. See TestAccess.
func TestRelations(t *testing.T) {
	if testing.Short() {
		t.Skip("presses some three hundred buttons: run without -short")
	}
	p := populated(t)
	var out strings.Builder
	var names []string
	for _, r := range relations {
		names = append(names, r.name)
	}
	fmt.Fprintf(&out, "# What each page and button answers to whom. 200 and 303 are yes.\n# %s\n\n", strings.Join(names, " | "))
	n := 0
	still := settle(t, p, n, true)
	for _, r := range p.Routes() {
		if !related(r.Path) {
			continue
		}
		var cells []string
		for _, who := range relations {
			e := still
			var form url.Values
			if r.Method != http.MethodGet {
				n++
				e = settle(t, p, n, strings.HasPrefix(r.Path, "/review"))
				var ok bool
				if form, ok = e.sent(r.Path); !ok {
					t.Errorf("%s %s: the table knows no form for it", r.Method, r.Path)
				}
			}
			cells = append(cells, answer(p, who.user, e.fill(r.Path), form))
		}
		fmt.Fprintf(&out, "%s %s\n\t%s\n", r.Method, r.Path, strings.Join(cells, " | "))
	}
	golden := filepath.Join("testdata", "relations.golden")
	if *update {
		fails(t, os.WriteFile(golden, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("what is answered to whom changed; if that is meant, run: go test ./registry/web -run TestRelations -update\n%s", difference(string(want), out.String()))
	}
}

// answer is the status of a page, and where it leads when that is to sign in.
func answer(p *Pages, user, path string, form url.Values) string {
	w := visit(p, user, path, form)
	if to := w.Header().Get("Location"); strings.HasPrefix(to, "/signin") {
		return "sign in"
	}
	if w.Code == http.StatusUnauthorized && user == "" {
		return "sign in"
	}
	return fmt.Sprint(w.Code)
}

// TestOnlyRightsOpen is a second opinion on the table, so that a wrong one cannot
// be waved through by -update: nobody and strangers change nothing of others,
// and whoever has no right on a package does not see its settings.
func TestOnlyRightsOpen(t *testing.T) {
	p := populated(t)
	e := settle(t, p, 0, true)
	// What is everybody's own: to ask for a package that nobody looks after, to
	// make an organisation.
	own := map[string]bool{"/packages/{eco}/{name}/adopt": true, "/orgs": true}
	for _, r := range p.Routes() {
		form, _ := e.sent(r.Path)
		if r.Method == http.MethodGet || !related(r.Path) || own[r.Path] {
			continue
		}
		for _, user := range []string{"", "stan", "mona"} {
			if r.Path == "/review/{id}/approve" && user == "mona" || r.Path == "/review/{id}/reject" && user == "mona" {
				continue // where the repository itself asks for two people, moderators answer
			}
			if got := answer(p, user, e.fill(r.Path), form); got != "sign in" && got != "403" && got != "404" {
				t.Errorf("POST %s by %q: %s", r.Path, user, got)
			}
		}
	}
	for _, path := range []string{pathOf(named(e.pkg)) + "/settings", pathOf(named(e.pkg)) + "/publishers", pathOf(named(e.pkg)) + "/journal", "/orgs/" + e.org, "/review/" + e.staged} {
		if got := answer(p, "stan", path, nil); got != "403" && got != "404" {
			t.Errorf("a stranger opens %s: %s", path, got)
		}
	}
	left, err := p.People.Grants(t.Context(), named(e.pkg))
	if err != nil || len(left) != 6 {
		t.Errorf("after that the package has %v, %v", left, err)
	}
	if err := p.People.May(t.Context(), "pia", people.Publish, named(e.pkg)); err != nil {
		t.Error(err)
	}
}
