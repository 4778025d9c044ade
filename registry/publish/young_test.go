package publish_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

const day = 24 * time.Hour

// TestWhoCameAMomentAgoDoesNotApprove has an owner, or whoever has the session of
// one, bring the second person.
func TestWhoCameAMomentAgoDoesNotApprove(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := newPad(t, fresh())
		ctx := context.Background()
		h.now = h.now.Add(3 * day)
		must(t, h.book.Update(ctx, func(tx *record.Tx) error { return tx.SetGrant(pad, "carol", []string{"publish"}, h.now) }))
		id := h.stage("alice", "pad", "1.1.0", "more")
		_, err := h.Approve(ctx, id, h.person("carol"))
		if refusedBy(err) != "two-person-publish" || !strings.Contains(err.Error(), "from 2026-11-30 06:00 UTC on") {
			t.Errorf("by who may publish since now: %v", err)
		}
		h.now = h.now.Add(3*day - time.Second)
		if _, err := h.Approve(ctx, id, h.person("carol")); refusedBy(err) != "two-person-publish" {
			t.Errorf("a second too early: %v", err)
		}
		h.now = h.now.Add(time.Second)
		if _, err := h.Approve(ctx, id, h.person("carol")); err != nil {
			t.Errorf("after three days: %v", err)
		}
	})
}

// TestNewPackageOfNewPeople keeps a package from being stuck in its first days.
func TestNewPackageOfNewPeople(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx := context.Background()
	h.now = h.now.Add(day)
	must(t, h.book.Update(ctx, func(tx *record.Tx) error { return tx.SetGrant(pad, "carol", []string{"publish"}, h.now) }))
	if _, err := h.Approve(ctx, h.stage("alice", "pad", "1.1.0", "more"), h.person("carol")); err != nil {
		t.Errorf("a package of yesterday, by who came today: %v", err)
	}
}

// TestOldPackageOfNewPeople is no new package: whoever had it longer may have
// been made to leave.
func TestOldPackageOfNewPeople(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx := context.Background()
	h.now = h.now.Add(4 * day)
	must(t, h.book.Update(ctx, func(tx *record.Tx) error {
		return errors.Join(tx.RemoveOwner(pad, "alice"), tx.RemoveOwner(pad, "bob"),
			tx.SetGrant(pad, "carol", []string{"publish"}, h.now), tx.SetGrant(pad, "mod", []string{"publish"}, h.now),
			tx.SetRoles("bob", []string{"moderator"}), tx.SetPolicy(pad, record.Policy{}))
	}))
	h.TwoPerson = publish.TwoPersonAll
	id := h.stage("carol", "pad", "1.1.0", "more")
	if _, err := h.Approve(ctx, id, h.person("mod")); refusedBy(err) != "two-person-publish" {
		t.Errorf("all of them came now: %v", err)
	}
	must(t, h.book.Update(ctx, func(tx *record.Tx) error { return tx.SetRoles("mod", []string{"moderator"}) }))
	if _, err := h.Approve(ctx, id, h.person("mod")); err != nil {
		t.Errorf("a moderator of the house who owns it since now: %v", err)
	}
}

// TestFirstReleaseOfAnOrganisation has a thief take an accomplice into an old
// organisation; a new one is not stuck.
func TestFirstReleaseOfAnOrganisation(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx := context.Background()
	h.TwoPerson = publish.TwoPersonNew
	must(t, h.book.Update(ctx, func(tx *record.Tx) error {
		since := func(org, user string, at time.Time) error {
			return tx.PutMember(record.Member{Org: org, User: user, Role: "owner", Since: at})
		}
		return errors.Join(tx.AddOrg(record.Org{Name: "old"}), since("old", "alice", h.now.Add(-3*day)), since("old", "bob", h.now), since("old", "carol", h.now.Add(-4*day)),
			tx.AddOrg(record.Org{Name: "new"}), since("new", "alice", h.now.Add(-day)), since("new", "bob", h.now),
			tx.SetRoles("mod", []string{"moderator"}))
	}))
	for _, try := range []struct {
		org, by string
		refused bool
	}{{"old", "bob", true}, {"old", "carol", false}, {"old", "mod", false}, {"new", "bob", false}} {
		pkg := try.org + "-" + try.by
		r, err := h.Submit(ctx, plain{}, h.ask("publish", pkg, "1.0.0"),
			publish.In{Body: strings.NewReader("x"), Actor: colleague{h.person("alice"), try.org}})
		must(t, err)
		by := publish.Actor(colleague{h.person(try.by), try.org})
		if try.by == "mod" {
			by = h.person("mod")
		}
		if _, err := h.Approve(ctx, r.Staged, by); try.refused != (refusedBy(err) == "two-person-publish") || !try.refused && err != nil {
			t.Errorf("of @%s by %s: %v", try.org, try.by, err)
		}
	}
}
