package people_test

import (
	"slices"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

func TestWeakerRulesWait(t *testing.T) {
	inHouse(t, func(h *house) {
		must(t, h.publish("alice", "tool", "1"))
		h.join("alice", "package", "plain/tool", "bob", "publish people")
		h.join("alice", "package", "plain/tool", "carol", "settings")
		trusted, two, both := record.Policy{TrustedOnly: true}, record.Policy{TwoPerson: true}, record.Policy{TrustedOnly: true, TwoPerson: true}
		is := func(want record.Policy) {
			t.Helper()
			if got, err := h.Book.Policy(h.ctx, named("tool")); err != nil || got != want {
				t.Errorf("the policy is %+v, want %+v, %v", got, want, err)
			}
		}
		set := func(by string, p record.Policy, want bool) {
			t.Helper()
			due, err := h.SetPolicy(h.ctx, by, named("tool"), p)
			if err != nil || want != (due.Sub(h.now) == 72*time.Hour) {
				t.Errorf("due %v, %v", due, err)
			}
		}
		_, err := h.SetPolicy(h.ctx, "bob", named("tool"), two)
		h.want("without the right", err, bonded.Forbidden)
		set("carol", two, false)
		is(two)
		set("carol", trusted, true) // stricter at once, weaker later
		is(both)
		if got := h.told("carol", 1); !slices.Equal(got, []string{"policy.ask"}) {
			t.Errorf("the last event is %v", got)
		}
		h.later(72 * time.Hour)
		is(trusted)
		// Who asked has lost the right; what is made stricter meanwhile stays.
		set("carol", record.Policy{}, true)
		_, err = h.SetRights(h.ctx, "carol", named("tool"), "carol", rights("settings"))
		must(t, err)
		_, err = h.RemoveGrant(h.ctx, "carol", named("tool"), "carol")
		must(t, err)
		h.later(72 * time.Hour)
		is(trusted)
		set("alice", record.Policy{}, true)
		set("alice", both, false)
		h.later(72 * time.Hour)
		is(two)
	})
}
