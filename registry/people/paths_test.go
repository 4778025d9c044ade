package people_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/people"
	"bonded.dev/registry/record"
)

// ways are the tables that name a person, each with what Paths calls it, or with
// the reason why nobody can act by it. A table that is missing here fails the
// test: whoever adds one says how offboarding closes it.
var ways = map[string]string{
	"user_account":   "role",
	"enrolment":      "enrolment",
	"session":        "session",
	"token":          "token",
	"member":         "organisation",
	"team_member":    "team",
	"owner":          "owner",
	"invitation":     "invitation",
	"publisher":      "trusted publisher",
	"waiting":        "waiting",
	"password":       "- opens a session, and none begins for an account that is closed",
	"passkey":        "- opens a session, and none begins for an account that is closed",
	"totp":           "- opens a session, and none begins for an account that is closed",
	"recovery_code":  "- opens a session, and none begins for an account that is closed",
	"device":         "- lets a second factor be enough; a factor is needed all the same",
	"ceremony":       "- ends in a session, and none begins for an account that is closed",
	"former_address": "- mails are sent there, and their links deny",
	"staged":         "- waits for somebody else's approval",
	"override":       "- lets operators make a token, which a closed account does not get",
	"delivery":       "- a mail to send",
	"audit":          "- what was",
	"session_past":   "- cookies that end a session",
}

// everywhere puts carol into every way in which somebody can act.
func (h *house) everywhere() (token identity.Secret) {
	t := h.t
	t.Helper()
	h.acme()
	must(t, h.publish("carol", "own", "1"))
	h.join("alice", "package", "plain/side", "carol", "publish")
	for _, by := range []string{"dora", "carol"} {
		must(t, h.AddOrg(h.ctx, by, by+"-org"))
	}
	h.join("dora", "org", "@dora-org", "carol", "member")
	_, err := h.keeper.NewEnrolment(h.ctx, "carol")
	must(t, err)
	scope, err := identity.ParseScope("publish,tag,yank,owner,policy:*")
	must(t, err)
	token, _, err = h.keeper.AddToken(h.ctx, "carol", []identity.Scope{scope}, 80*24*time.Hour)
	must(t, err)
	_, err = h.Invite(h.ctx, "alice", "team", "@acme/release", "carol", "")
	must(t, err)
	_, err = h.Invite(h.ctx, "dora", "org", "@dora-org", "carol", "owner")
	must(t, err)
	_, err = h.Invite(h.ctx, "carol", "package", "plain/own", "mallory", all)
	must(t, err)
	h.join("carol", "package", "plain/own", "dora", all)
	_, err = h.RemoveGrant(h.ctx, "carol", named("own"), "dora")
	must(t, err)
	h.rows(func(tx *record.Tx) error {
		pending := record.Publisher{ID: "later", Package: named("later"), Issuer: "https://ci.example", Claims: map[string]string{}, Creator: "carol", Created: h.now, Expires: h.now.Add(time.Hour)}
		job := record.Publisher{ID: "job", Package: named("tool"), Issuer: "https://ci.example", Claims: map[string]string{}, Creator: "carol", Created: h.now}
		return errors.Join(tx.AddPublisher(pending), tx.AddPublisher(job), tx.SetRoles("carol", []string{"moderator"}),
			tx.AddSession(record.Session{ID: "s1", User: "carol", Kind: "full", Created: h.now, Seen: h.now}, bonded.DigestOf([]byte("cookie"))))
	})
	return token
}

func vias(list []people.Path) []string {
	kinds := map[string]bool{}
	for _, p := range list {
		kinds[p.Via] = true
	}
	return slices.Sorted(maps.Keys(kinds))
}

func TestPathsKnowEveryTable(t *testing.T) {
	inHouse(t, func(h *house) {
		h.everywhere()
		kept, err := h.Book.Personal(h.ctx, "carol")
		must(t, err)
		for table := range kept {
			if ways[table] == "" {
				t.Errorf("the table %s names people: say in this test how somebody can act by it, and close that in Offboard", table)
			}
		}
		list, err := h.Paths(h.ctx, "carol")
		must(t, err)
		for _, via := range ways {
			if !strings.HasPrefix(via, "- ") && !slices.Contains(vias(list), via) {
				t.Errorf("carol can act by %s, and the paths are %+v", via, list)
			}
		}
	})
}

func (h *house) mayWith(token identity.Secret, action bonded.Action, pkg string) error {
	h.t.Helper()
	caller, err := h.keeper.Authenticate(h.ctx, identity.Request{Authorization: "Bearer " + token.Reveal()})
	if err != nil {
		return err
	}
	return caller.May(h.ctx, action, named(pkg))
}

func TestOffboardingOfAnOrganisation(t *testing.T) {
	inHouse(t, func(h *house) {
		token := h.everywhere()
		for _, pkg := range []string{"tool", "side", "own"} {
			must(t, h.mayWith(token, bonded.ActPublish, pkg))
		}
		for _, who := range []string{"mallory", "dora"} {
			_, err := h.Offboard(h.ctx, who, "acme", "carol")
			h.want("a stranger", err, bonded.Forbidden)
		}
		left, err := h.Offboard(h.ctx, "bob", "acme", "carol")
		must(t, err)
		if has(left, "@acme") || has(left, "plain/side") {
			t.Errorf("left %+v", left)
		}
		for _, pkg := range []string{"tool", "side"} {
			h.want("the old token on "+pkg, h.mayWith(token, bonded.ActPublish, pkg), bonded.Forbidden)
		}
		h.want("the old token on its own", h.mayWith(token, bonded.ActPublish, "own"), 0)
		if got := h.owners("side"); strings.Contains(got, "carol") {
			t.Errorf("owners %s", got)
		}
		for _, part := range []string{"@dora-org", "plain/own", "token", "session", "moderator"} {
			if !has(left, part) {
				t.Errorf("%s is not the organisation's to close: %+v", part, left)
			}
		}
		// Another owner goes after the wait, and then wholly.
		left, err = h.Offboard(h.ctx, "bob", "acme", "alice")
		if err != nil || !has(left, "organisation @acme") {
			t.Errorf("left %+v, %v", left, err)
		}
		h.later(72 * time.Hour)
		left, err = h.Paths(h.ctx, "alice")
		if err != nil || has(left, "@acme") || has(left, "plain/tool") {
			t.Errorf("left %+v, %v", left, err)
		}
		_, err = h.Offboard(h.ctx, "bob", "acme", "bob")
		h.want("the last owner", err, bonded.Conflict)
	})
}

func TestOffboardingOfEverything(t *testing.T) {
	inHouse(t, func(h *house) {
		token := h.everywhere()
		for _, who := range []string{"alice", "carol"} {
			_, err := h.Offboard(h.ctx, who, "", "carol")
			h.want(who, err, bonded.Forbidden)
		}
		must(t, h.publish("carol", "alone", "1"))
		left, err := h.Offboard(h.ctx, "root", "", "carol")
		must(t, err)
		if got := vias(left); !slices.Equal(got, []string{"owner", "trusted publisher"}) || len(left) != 2 || !has(left, "plain/alone") || !has(left, "job") {
			t.Errorf("left %+v", left)
		}
		h.want("the token", h.mayWith(token, bonded.ActPublish, "alone"), bonded.Unauthorized)
		for _, pkg := range []string{"tool", "side", "own", "alone"} {
			if err := h.May(h.ctx, "carol", people.Publish, named(pkg)); err == nil {
				t.Errorf("carol may publish %s", pkg)
			}
		}
		if got := h.owners("own"); got != "dora: "+all {
			t.Errorf("owners %s", got)
		}
		h.later(100 * time.Hour)
		if got := h.owners("own"); got != "dora: "+all {
			t.Errorf("what carol had asked for happened: %s", got)
		}
	})
}

// TestOffboardingBesideAServer leaves to the server what has to be logged.
func TestOffboardingBesideAServer(t *testing.T) {
	inHouse(t, func(h *house) {
		h.everywhere()
		beside := people.New(people.Config{Book: h.Book, Waiting: h.Waiting, Now: func() time.Time { return h.now }})
		left, err := beside.Offboard(h.ctx, "admin", "", "carol")
		if err != nil || !has(left, "plain/own") || has(left, "@acme") {
			t.Errorf("left %+v, %v", left, err)
		}
		// The server's own room does it.
		h.Room = people.New(people.Config{Book: h.Book, Waiting: h.Waiting, Desk: h.desk, Now: func() time.Time { return h.now }})
		h.later(0)
		if got := h.owners("own") + h.owners("side"); strings.Contains(got, "carol") {
			t.Errorf("owners %s", got)
		}
	})
}

// TestNoWayBackThroughATeam removes people in every order that a hurried owner
// may choose.
func TestNoWayBackThroughATeam(t *testing.T) {
	for name, remove := range map[string]func(h *house) error{
		"by an owner":  func(h *house) error { _, err := h.RemoveMember(h.ctx, "alice", "acme", "carol"); return err },
		"by herself":   func(h *house) error { _, err := h.RemoveMember(h.ctx, "carol", "acme", "carol"); return err },
		"by the host":  func(h *house) error { _, err := h.RemoveMember(h.ctx, "admin", "acme", "carol"); return err },
		"as offboards": func(h *house) error { _, err := h.Offboard(h.ctx, "alice", "acme", "carol"); return err },
		"from the team": func(h *house) error {
			return errors.Join(h.AddToTeam(h.ctx, "alice", "acme", "release", "bob"), h.RemoveFromTeam(h.ctx, "alice", "acme", "release", "carol"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(h *house) {
				h.acme()
				must(t, h.publish("carol", "tool", "2"))
				must(t, remove(h))
				h.want("publishing afterwards", h.publish("carol", "tool", "3"), bonded.Forbidden)
				_, err := h.desk.Owners(h.ctx, named("tool"), h.keeper.Person("carol", true), func(*record.Tx) error { return nil })
				h.want("changing owners afterwards", err, bonded.Forbidden)
			})
		})
	}
}

// TestNoOwnerGoesWithTheirMembership: an owner of an organisation that has rights
// on a package cannot throw out its other owners at once by way of that.
func TestNoOwnerGoesWithTheirMembership(t *testing.T) {
	inHouse(t, func(h *house) {
		h.acme()
		must(t, h.publish("carol", "hers", "1"))
		h.join("carol", "package", "plain/hers", "@acme", all)
		_, err := h.RemoveMember(h.ctx, "bob", "acme", "carol")
		must(t, err)
		if got := h.owners("hers"); !strings.Contains(got, "carol: "+all) {
			t.Errorf("at once: %s", got)
		}
		h.later(72 * time.Hour)
		if got := h.owners("hers"); strings.Contains(got, "carol") {
			t.Errorf("after the wait: %s", got)
		}
	})
}
