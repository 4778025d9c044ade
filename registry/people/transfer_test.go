package people_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/people"
	"bonded.dev/registry/record"
)

func TestTransferWaitsAndLeavesNothingBehind(t *testing.T) {
	inHouse(t, func(h *house) {
		h.acme()
		must(t, h.publish("dora", "lib", "1"))
		h.join("dora", "package", "plain/lib", "carol", "publish")
		h.rows(func(tx *record.Tx) error {
			return tx.AddPublisher(record.Publisher{ID: "job", Package: named("lib"), Issuer: "https://ci.example", Claims: map[string]string{"sub": "x"}, Creator: "dora", Created: h.now})
		})
		_, err := h.Transfer(h.ctx, "carol", named("lib"), "carol")
		h.want("to oneself", err, bonded.Invalid)
		_, err = h.Transfer(h.ctx, "carol", named("lib"), "mallory")
		h.want("by whoever has not all rights", err, bonded.Forbidden)
		offer, err := h.Transfer(h.ctx, "dora", named("lib"), "@acme")
		must(t, err)
		h.want("a member answers for the organisation", h.Accept(h.ctx, "carol", offer.ID), bonded.NotFound)
		must(t, h.Accept(h.ctx, "bob", offer.ID))
		again, err := h.Transfer(h.ctx, "dora", named("lib"), "mallory")
		must(t, err)
		h.want("a second transfer", h.Accept(h.ctx, "mallory", again.ID), bonded.Conflict)
		h.later(71 * time.Hour)
		if got := h.owners("lib"); !strings.Contains(got, "dora") {
			t.Errorf("too early: %s", got)
		}
		h.later(time.Hour)
		if got := h.owners("lib"); got != "@acme: "+all {
			t.Errorf("owners %s", got)
		}
		h.want("the old owner publishes", h.publish("dora", "lib", "2"), bonded.Forbidden)
		h.want("the old offer", h.Accept(h.ctx, "mallory", again.ID), bonded.NotFound)
		for _, who := range []string{"dora", "carol"} {
			if got := h.told(who, 9); !slices.Contains(got, "owner.remove") {
				t.Errorf("%s was told %v", who, got)
			}
		}
		p, err := h.desk.Past(h.ctx, named("lib"))
		must(t, err)
		h.rows(func(tx *record.Tx) error {
			jobs, err := tx.PublishersOf(named("lib"))
			if len(jobs) != 0 || p.PolicyIndex == 0 {
				t.Errorf("publishers of the old owner %+v, policy at %d", jobs, p.PolicyIndex)
			}
			return err
		})
	})
}

// TestReleasesAfterAChangeAreMarked holds the mark to log indexes.
func TestReleasesAfterAChangeAreMarked(t *testing.T) {
	inHouse(t, func(h *house) {
		mark := func(version string) (text, week string) {
			t.Helper()
			p, err := h.desk.Past(h.ctx, named("lib"))
			must(t, err)
			week, err = h.Marked(h.ctx, p, p.Release(version))
			must(t, err)
			return people.Mark(p, p.Release(version)), week
		}
		must(t, h.publish("dora", "lib", "1"))
		if text, _ := mark("1"); text != "" {
			t.Errorf("the first release: %s", text)
		}
		h.join("dora", "package", "plain/lib", "mallory", all)
		must(t, h.publish("mallory", "lib", "2"))
		h.now = h.now.Add(7*24*time.Hour + time.Second)
		must(t, h.publish("mallory", "lib", "3"))
		if text, _ := mark("1"); text != "" {
			t.Errorf("an old release: %s", text)
		}
		if text, week := mark("2"); text == "" || week != text {
			t.Errorf("a new one: %q, %q", text, week)
		}
		if text, week := mark("3"); text == "" || week != "" {
			t.Errorf("one after a week: %q, %q", text, week)
		}
	})
}

func TestAdoptionNeedsSilenceAndAnAdministrator(t *testing.T) {
	inHouse(t, func(h *house) {
		must(t, h.publish("dora", "lib", "1"))
		h.rows(func(tx *record.Tx) error { return tx.SetRoles("bob", []string{"administrator"}) })
		_, err := h.Adopt(h.ctx, "mallory", named("lib"))
		h.want("a young package", err, bonded.Forbidden)
		h.now = h.now.Add(366 * 24 * time.Hour)
		_, err = h.Adopt(h.ctx, "dora", named("lib"))
		h.want("one's own", err, bonded.Conflict)
		due, err := h.Adopt(h.ctx, "bob", named("lib"))
		if err != nil || due.Sub(h.now) != 30*24*time.Hour {
			t.Fatalf("due %v, %v", due, err)
		}
		_, err = h.Adopt(h.ctx, "mallory", named("lib"))
		h.want("two at once", err, bonded.Conflict)
		list, err := h.Book.WaitingOfPackage(h.ctx, named("lib"))
		must(t, err)
		h.want("whoever asked agrees", h.Agree(h.ctx, "bob", list[0].ID), bonded.Forbidden)
		h.want("anybody agrees", h.Agree(h.ctx, "carol", list[0].ID), bonded.Forbidden)
		h.later(30 * 24 * time.Hour)
		if got := h.owners("lib"); got != "dora: "+all {
			t.Errorf("nobody agreed: %s", got)
		}
		h.want("an administrator agrees", h.Agree(h.ctx, "root", list[0].ID), 0)
		h.later(24 * time.Hour)
		if got := h.owners("lib"); got != "bob: "+all {
			t.Errorf("agreed: %s", got)
		}
		// Whoever cancels, or publishes, keeps what is theirs.
		h.now = h.now.Add(400 * 24 * time.Hour)
		_, err = h.Adopt(h.ctx, "mallory", named("lib"))
		must(t, err)
		list, err = h.Book.WaitingOfPackage(h.ctx, named("lib"))
		must(t, err)
		must(t, h.Agree(h.ctx, "root", list[0].ID))
		must(t, h.publish("bob", "lib", "2"))
		h.later(31 * 24 * time.Hour)
		if got := h.owners("lib"); got != "bob: "+all {
			t.Errorf("its owner was there: %s", got)
		}
		h.want("agreeing too late", h.Agree(h.ctx, "root", list[0].ID), bonded.Conflict)
	})
}

func TestAdoptionEndsByItself(t *testing.T) {
	inHouse(t, func(h *house) {
		must(t, h.publish("dora", "lib", "1"))
		h.now = h.now.Add(366 * 24 * time.Hour)
		_, err := h.Adopt(h.ctx, "mallory", named("lib"))
		must(t, err)
		for range 70 {
			h.later(24 * time.Hour)
		}
		if list, err := h.Book.WaitingOfPackage(h.ctx, named("lib")); err != nil || len(list) != 1 {
			t.Errorf("on day seventy %+v, %v", list, err)
		}
		for range 25 {
			h.later(24 * time.Hour)
		}
		if list, err := h.Book.WaitingOfPackage(h.ctx, named("lib")); err != nil || len(list) != 0 {
			t.Errorf("on day ninety-five %+v, %v", list, err)
		}
		var tries []error
		for _, pkg := range []string{"lib-a", "lib-b", "lib-c"} {
			must(t, h.publish("dora", pkg, "1"))
		}
		h.now = h.now.Add(366 * 24 * time.Hour)
		for _, pkg := range []string{"lib", "lib-a", "lib-b", "lib-c"} {
			_, err := h.Adopt(h.ctx, "mallory", named(pkg))
			tries = append(tries, err)
		}
		h.want("three adoptions", errors.Join(tries[:3]...), 0)
		h.want("the fourth", tries[3], bonded.TooMany)
	})
}
