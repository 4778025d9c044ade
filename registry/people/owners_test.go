package people_test

import (
	"strings"
	"testing"

	"bonded.dev"
)

// TestAListOfOwnersIsOneChange: what a client writes as a list becomes an
// invitation, or a removal that waits, and never more than one.
func TestAListOfOwnersIsOneChange(t *testing.T) {
	inHouse(t, func(h *house) {
		must(t, h.publish("alice", "tool", "1"))
		name := bonded.Name{Ecosystem: "plain", Key: "tool", Display: "tool"}
		set := func(user string, names ...string) (string, error) { return h.SetOwners(h.ctx, user, name, names) }
		if said, err := set("alice", "alice"); err != nil || said != "" {
			t.Errorf("as it was: %q, %v", said, err)
		}
		_, err := set("alice", "alice", "bob", "dora")
		h.want("two at once", err, bonded.Conflict)
		_, err = set("alice", "bob")
		h.want("a swap", err, bonded.Conflict)
		_, err = set("mallory", "alice", "mallory")
		h.want("a stranger", err, bonded.Forbidden)
		_, err = set("alice", "alice", "nobody-of-that-name")
		h.want("nobody", err, bonded.NotFound)
		said, err := set("alice", "alice", "bob")
		if err != nil || !strings.Contains(said, "bob was invited") || h.owners("tool") != "alice: "+all {
			t.Fatalf("%q, %v; owners: %s", said, err, h.owners("tool"))
		}
		list, err := h.Invitations(h.ctx, "bob")
		must(t, err)
		if len(list) != 1 || list[0].Rights != "publish" {
			t.Fatalf("%+v", list)
		}
		must(t, h.Accept(h.ctx, "bob", list[0].ID))
		said, err = set("alice", "alice")
		if err != nil || !strings.Contains(said, "bob will have no right") || !strings.Contains(h.owners("tool"), "bob: publish") {
			t.Errorf("%q, %v; owners: %s", said, err, h.owners("tool"))
		}
	})
}
