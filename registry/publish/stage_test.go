package publish_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// person is an actor on a page; shown says that a passkey was shown.
type person struct {
	actor
	shown bool
}

func (p person) Confirmed() bool { return p.shown }

func (h *house) person(name string) person { return person{actor{name, h.book}, true} }

// newPad is a house with a package that alice and bob own, and whose releases
// need two people.
func newPad(t *testing.T, at place, settings ...func(*publish.Config)) *house {
	t.Helper()
	h := open(t, at, settings...)
	must(t, h.book.Update(context.Background(), func(tx *record.Tx) error {
		for _, name := range []string{"alice", "bob", "carol", "mod"} {
			if err := tx.AddUser(record.User{Name: name, Email: name + "@example.org", Created: h.now}); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, h.publish("alice", "pad", "1.0.0", "hello"))
	must(t, h.book.Update(context.Background(), func(tx *record.Tx) error {
		if err := tx.AddOwner(pad, "bob"); err != nil {
			return err
		}
		return tx.SetPolicy(pad, record.Policy{TwoPerson: true})
	}))
	return h
}

var pad = bonded.Name{Ecosystem: "plain", Key: "pad", Display: "pad"}

// stage publishes what has to wait, and returns its id.
func (h *house) stage(user, pkg, version, body string) string {
	h.t.Helper()
	r, err := h.Submit(context.Background(), plain{}, h.ask("publish", pkg, version), publish.In{Body: strings.NewReader(body), Actor: actor{user, h.book}})
	must(h.t, err)
	if r.Staged == "" || r.Size != 0 {
		h.t.Fatalf("%s %s by %s was not staged: %+v", pkg, version, user, r)
	}
	return r.Staged
}

func (h *house) journal(action string) (lines []string) {
	h.t.Helper()
	list, err := h.book.Audits(context.Background(), 0, 100)
	must(h.t, err)
	for _, a := range list {
		if a.Action == action {
			lines = append(lines, a.Actor+" "+a.Subject+" "+a.Detail)
		}
	}
	return lines
}

func refusedBy(err error) string {
	_, control, _ := bonded.Explain(err)
	return control
}

func TestStagedIsPublicOnlyWhenSomebodyElseApproves(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		ctx, h := context.Background(), newPad(t, fresh())
		size, index := h.Size(), h.read("plain/pad/index")
		id := h.stage("alice", "pad", "1.1.0", "more")
		if h.Size() != size || h.read("plain/pad/index") != index || h.read("plain/pad/-/pad-1.1.0.bin") != "absent" {
			t.Errorf("a staged release shows: %d entries, index %q", h.Size(), h.read("plain/pad/index"))
		}
		if got := h.journal("stage.add"); len(got) != 1 || !strings.HasPrefix(got[0], "alice plain/pad 1.1.0") {
			t.Errorf("journal: %q", got)
		}
		token := actor{"bob", h.book}
		for name, try := range map[string]struct {
			as      publish.Actor
			control string
			kind    bonded.Kind
		}{
			"the stager":         {h.person("alice"), "two-person-publish", bonded.Forbidden},
			"the stager's token": {actor{"alice", h.book}, "two-person-publish", bonded.Forbidden},
			"a token":            {token, "step-up", bonded.Unauthorized},
			"an old session":     {person{token, false}, "step-up", bonded.Unauthorized},
			"a stranger":         {h.person("carol"), "", bonded.NotFound},
		} {
			if _, err := h.Approve(ctx, id, try.as); refusedBy(err) != try.control || kind(err) != try.kind {
				t.Errorf("approved by %s: %v", name, err)
			}
		}
		if h.Size() != size {
			t.Errorf("a refused approval wrote history")
		}
		r, err := h.Approve(ctx, id, h.person("bob"))
		if err != nil || r.Index == 0 {
			t.Fatalf("approved by another owner: %+v, %v", r, err)
		}
		if got := h.read("plain/pad/-/pad-1.1.0.bin"); got != "more" || !strings.Contains(h.read("plain/pad/index"), "1.1.0") {
			t.Errorf("after the approval: %q, %q", got, h.read("plain/pad/index"))
		}
		if got := h.journal("stage.approve"); len(got) != 1 || !strings.HasPrefix(got[0], "bob ") {
			t.Errorf("journal: %q", got)
		}
		if got := h.journal("publish"); len(got) != 2 || !strings.HasPrefix(got[0], "alice ") {
			t.Errorf("journal: %q; the release is the stager's", got)
		}
		if _, err := h.Approve(ctx, id, h.person("bob")); kind(err) != bonded.Conflict {
			t.Errorf("approved twice: %v", err)
		}
		if strings.Contains(h.stored(), "quarantine/") {
			t.Errorf("left in quarantine:\n%s", h.stored())
		}
	})
}

func TestSameBytesAreStagedOnceAndOthersWait(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := newPad(t, fresh())
		id := h.stage("alice", "pad", "1.1.0", "more")
		before := h.stored()
		for _, user := range []string{"alice", "bob"} {
			if again := h.stage(user, "pad", "1.1.0", "more"); again != id {
				t.Errorf("the same bytes by %s: %s, and %s before", user, again, id)
			}
		}
		if err := h.publish("bob", "pad", "1.1.0", "other"); kind(err) != bonded.Conflict {
			t.Errorf("other bytes for the same file: %v", err)
		}
		if after := h.stored(); after != before {
			t.Errorf("the store changed:\n%s\nwas\n%s", after, before)
		}
		if list, err := h.Waiting(context.Background(), pad); err != nil || len(list) != 1 {
			t.Errorf("waiting: %+v, %v", list, err)
		}
		for i := range 19 {
			h.stage("alice", "pad", fmt.Sprintf("2.%d.0", i), "x")
		}
		if err := h.publish("alice", "pad", "3.0.0", "x"); kind(err) != bonded.TooMany {
			t.Errorf("the twenty-first: %v", err)
		}
	})
}

func TestRejectedAndExpiredLeaveNothing(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		ctx, h := context.Background(), newPad(t, fresh())
		before := h.stored()
		id := h.stage("alice", "pad", "1.1.0", "more")
		if err := h.Reject(ctx, id, "no", h.person("carol")); kind(err) != bonded.NotFound {
			t.Errorf("rejected by a stranger: %v", err)
		}
		must(t, h.Reject(ctx, id, "not ours", actor{"bob", h.book}))
		must(t, h.Reject(ctx, h.stage("alice", "pad", "1.1.0", "less"), "", actor{"alice", h.book}))
		if _, err := h.Approve(ctx, id, h.person("bob")); kind(err) != bonded.Conflict {
			t.Errorf("approved after it was rejected: %v", err)
		}
		late := h.stage("alice", "pad", "1.1.0", "late")
		h.now = h.now.Add(7 * 24 * time.Hour)
		if _, err := h.Approve(ctx, late, h.person("bob")); kind(err) != bonded.Conflict || !strings.Contains(err.Error(), "expired") {
			t.Errorf("approved after a week: %v", err)
		}
		must(t, h.ExpireStaged(ctx))
		if got := h.journal("stage.expire"); len(got) != 1 || !strings.HasPrefix(got[0], "bonded plain/pad 1.1.0") {
			t.Errorf("journal: %q", got)
		}
		if got := h.journal("stage.reject"); len(got) != 2 || !strings.Contains(got[1], "not ours") {
			t.Errorf("journal: %q", got)
		}
		if after := h.stored(); after != before {
			t.Errorf("the store:\n%s\nwas\n%s", after, before)
		}
	})
}

// TestNewNameIsNotReserved has the first release of a name wait while somebody
// else takes the name.
func TestNewNameIsNotReserved(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		at := fresh()
		h := newPad(t, at)
		must(t, h.book.Update(context.Background(), func(tx *record.Tx) error { return tx.SetRoles("mod", []string{"moderator"}) }))
		h.stop()
		h = open(t, at, func(c *publish.Config) { c.TwoPerson = publish.TwoPersonNew })
		ctx := context.Background()
		one, two := h.stage("alice", "fresh", "1.0.0", "one"), h.stage("alice", "fresh", "1.1.0", "two")
		rival := h.stage("carol", "fresh", "0.1.0", "rival")
		if _, err := h.Approve(ctx, one, h.person("bob")); kind(err) != bonded.NotFound {
			t.Errorf("a new name approved by just anybody: %v", err)
		}
		for _, id := range []string{one, two} {
			if _, err := h.Approve(ctx, id, h.person("mod")); err != nil {
				t.Errorf("a new name approved by a moderator: %v", err)
			}
		}
		if _, err := h.Approve(ctx, rival, h.person("mod")); err == nil || !strings.Contains(err.Error(), "somebody else took the name") {
			t.Errorf("the name is alice's now: %v", err)
		}
		if got := h.read("plain/fresh/index"); !strings.Contains(got, "1.1.0") || strings.Contains(got, "0.1.0") {
			t.Errorf("index: %q", got)
		}
		must(t, h.publish("alice", "fresh", "2.0.0", "direct"))
		if err := h.publish("carol", "fresh", "2.1.0", "x"); kind(err) != bonded.Forbidden {
			t.Errorf("who owns it: %v", err)
		}
	})
}

// TestModeratorsStandInWhereTheHouseAsks lets a package with one owner have a
// second person, and keeps moderators out where the package itself asks for one.
func TestModeratorsStandInWhereTheHouseAsks(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx := context.Background()
	must(t, h.book.Update(ctx, func(tx *record.Tx) error { return tx.SetRoles("mod", []string{"moderator"}) }))
	h.TwoPerson = publish.TwoPersonAll
	own, lone := h.stage("alice", "pad", "1.1.0", "x"), h.stage("carol", "lone", "1.0.0", "x")
	if _, err := h.Approve(ctx, own, h.person("mod")); kind(err) != bonded.NotFound {
		t.Errorf("a moderator approved what the package's own rule keeps to its owners: %v", err)
	}
	if _, err := h.Approve(ctx, lone, h.person("mod")); err != nil {
		t.Error(err)
	}
	if _, err := h.Approve(ctx, h.stage("carol", "lone", "1.1.0", "y"), h.person("mod")); err != nil {
		t.Error(err)
	}
	list, err := h.WaitingFor(ctx, h.person("bob"))
	if err != nil || len(list) != 1 || list[0].ID != own {
		t.Errorf("waits for bob: %+v, %v", list, err)
	}
}

func TestWhoStagedMustStillBeThere(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx, id := context.Background(), h.stage("alice", "pad", "1.1.0", "more")
	must(t, h.book.Update(ctx, func(tx *record.Tx) error { return tx.SetDisabled("alice", h.now) }))
	if _, err := h.Approve(ctx, id, h.person("bob")); refusedBy(err) != "two-person-publish" {
		t.Errorf("staged by an account that was closed since: %v", err)
	}
}

// TestApprovalIsOfTheBytesThatWereJudged changes and removes what waits.
func TestApprovalIsOfTheBytesThatWereJudged(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx, id := context.Background(), h.stage("alice", "pad", "1.1.0", "more")
	s, err := h.book.Staged(ctx, id)
	must(t, err)
	must(t, h.store.Put(ctx, s.Blobs[0], []byte("evil")))
	if _, err := h.Approve(ctx, id, h.person("bob")); kind(err) != bonded.Conflict {
		t.Errorf("other bytes: %v", err)
	}
	must(t, h.store.Discard(ctx, s.Blobs[0]))
	if _, err := h.Approve(ctx, id, h.person("bob")); kind(err) != bonded.Conflict {
		t.Errorf("no bytes: %v", err)
	}
}

// TestJudgedAgain has a control change its mind while a release waits.
func TestJudgedAgain(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx := context.Background()
	id := h.stage("alice", "pad", "1.1.0", "more")
	must(t, h.book.Update(ctx, func(tx *record.Tx) error { return tx.SetPolicy(pad, record.Policy{}) }))
	must(t, h.publish("alice", "pad", "1.1.0", "else"))
	if _, err := h.Approve(ctx, id, h.person("bob")); refusedBy(err) != "immutable-versions" {
		t.Errorf("the version is taken by now: %v", err)
	}
	if got := h.read("plain/pad/-/pad-1.1.0.bin"); got != "else" {
		t.Errorf("artifact: %q", got)
	}
}

// TestOneOfManyApprovalsWins approves and rejects one release from many sides.
func TestOneOfManyApprovalsWins(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		ctx, h := context.Background(), newPad(t, fresh())
		size, id := h.Size(), h.stage("alice", "pad", "1.1.0", "more")
		var wg sync.WaitGroup
		var approved, rejected int
		var mu sync.Mutex
		for i := range 12 {
			wg.Go(func() {
				var err error
				if i%3 == 0 {
					err = h.Reject(ctx, id, "", h.person("bob"))
				} else {
					_, err = h.Approve(ctx, id, h.person("bob"))
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil && kind(err) != bonded.Conflict:
					t.Error(err)
				case err == nil && i%3 == 0:
					rejected++
				case err == nil:
					approved++
				}
			})
		}
		wg.Wait()
		if approved+rejected != 1 || (approved == 1) != (h.Size() > size) {
			t.Errorf("%d approved, %d rejected, log grew %v", approved, rejected, h.Size() > size)
		}
		if strings.Contains(h.stored(), "quarantine/") {
			t.Errorf("left in quarantine:\n%s", h.stored())
		}
	})
}

// TestStagedSurvivesARestart opens the house again while a release waits.
func TestStagedSurvivesARestart(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		at := fresh()
		h := newPad(t, at)
		id := h.stage("alice", "pad", "1.1.0", "more")
		h.stop()
		h = open(t, at)
		if _, err := h.Approve(context.Background(), id, h.person("bob")); err != nil {
			t.Fatal(err)
		}
		if got := h.read("plain/pad/-/pad-1.1.0.bin"); got != "more" {
			t.Errorf("artifact: %q", got)
		}
	})
}

// colleague is a person who takes new names for an organisation.
type colleague struct {
	person
	org string
}

func (c colleague) Heir(context.Context, bonded.Name) (string, error) { return "@" + c.org, nil }

// TestOrganisationsReleaseInTwos has the first release of a name wait because
// the organisation that gets it wants two people, and every release after it.
func TestOrganisationsReleaseInTwos(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		ctx, h := context.Background(), newPad(t, fresh())
		must(t, h.book.Update(ctx, func(tx *record.Tx) error {
			if err := tx.AddOrg(record.Org{Name: "acme", Created: h.now}); err != nil {
				return err
			}
			return tx.SetTwoPerson("acme", true)
		}))
		alice, bob := colleague{h.person("alice"), "acme"}, colleague{h.person("bob"), "acme"}
		r, err := h.Submit(ctx, plain{}, h.ask("publish", "tools", "1.0.0"), publish.In{Body: strings.NewReader("x"), Actor: alice})
		if err != nil || r.Staged == "" {
			t.Fatalf("the first release was not staged: %+v, %v", r, err)
		}
		if got := h.journal("stage.add"); len(got) != 1 || !strings.HasPrefix(got[0], "alice @acme plain/tools 1.0.0") {
			t.Errorf("the organisation was not told: %q", got)
		}
		if _, err := h.Approve(ctx, r.Staged, alice); refusedBy(err) != "two-person-publish" {
			t.Errorf("approved by who staged it: %v", err)
		}
		if _, err := h.Approve(ctx, r.Staged, h.person("carol")); kind(err) != bonded.NotFound {
			t.Errorf("approved by who is in no organisation: %v", err)
		}
		_, err = h.Approve(ctx, r.Staged, bob)
		must(t, err)
		if policy, err := h.book.Policy(ctx, bonded.Name{Ecosystem: "plain", Key: "tools"}); err != nil || !policy.TwoPerson {
			t.Errorf("the package did not begin with two people: %+v, %v", policy, err)
		}
	})
}

// TestWhoeverStagesHasBounds stages many names by one account.
func TestWhoeverStagesHasBounds(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	h.TwoPerson = publish.TwoPersonNew
	ctx := context.Background()
	must(t, h.book.Update(ctx, func(tx *record.Tx) error {
		for i := range 100 {
			name := bonded.Name{Ecosystem: "plain", Key: fmt.Sprint("name", i)}
			if err := tx.AddStaged(record.Staged{ID: fmt.Sprint(i), Name: name, Actor: "carol", Body: []byte("{}"), Created: h.now, Expires: h.now.Add(time.Hour)}); err != nil {
				return err
			}
		}
		return nil
	}))
	if err := h.publish("carol", "another", "1.0.0", "x"); kind(err) != bonded.TooMany {
		t.Errorf("the hundred and first: %v", err)
	}
	h.stage("alice", "another", "1.0.0", "x")
	if got := h.journal("stage.first"); len(got) != 1 || !strings.HasPrefix(got[0], "alice plain/another") {
		t.Errorf("operators were not told: %q", got)
	}
}
