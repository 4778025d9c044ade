package retirednames_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"bonded.dev"
	retirednames "bonded.dev/controls/retired-names"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// TestATakenNameStaysTaken asks identity, which enforces the control, about a
// name whose owner goes step by step: nobody else ever gets it.
func TestATakenNameStaysTaken(t *testing.T) {
	if retirednames.Control.Screen != nil {
		t.Fatal("the control has a judgement now: test that")
	}
	ctx := t.Context()
	book, err := record.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
	must(t, err)
	defer func() { must(t, book.Close()) }()
	k := identity.New(book)
	pad, fresh := bonded.Name{Ecosystem: "x", Key: "pad", Display: "pad"}, bonded.Name{Ecosystem: "x", Key: "new", Display: "new"}
	callers := map[string]*identity.Caller{}
	for _, user := range []string{"alice", "mallory"} {
		_, err := k.AddUser(ctx, user, user+"@example.org")
		must(t, err)
		scope, err := identity.ParseScope("publish,delete,owner:*")
		must(t, err)
		secret, _, err := k.AddToken(ctx, user, []identity.Scope{scope}, time.Hour)
		must(t, err)
		callers[user], err = k.Authenticate(ctx, "Bearer "+secret.Reveal())
		must(t, err)
	}
	update := func(do func(*record.Tx) error) { t.Helper(); must(t, book.Update(ctx, do)) }
	may := func(when, user string, n bonded.Name, want bool) {
		t.Helper()
		if err := callers[user].May(ctx, bonded.ActPublish, n); (err == nil) != want {
			t.Errorf("%s: %s may publish %s: %v", when, user, n, err)
		}
	}
	may("before anybody took it", "mallory", pad, true)
	update(func(tx *record.Tx) error { return tx.Claim(pad, 1) })
	update(func(tx *record.Tx) error { return tx.AddOwner(pad, "alice") })
	may("taken", "alice", pad, true)
	may("taken", "mallory", pad, false)
	update(func(tx *record.Tx) error { return tx.RemoveOwner(pad, "alice") })
	may("without an owner", "alice", pad, false)
	may("without an owner", "mallory", pad, false)
	must(t, k.DisableUser(ctx, "alice"))
	may("without its owner's account", "mallory", pad, false)
	may("a name that nobody took", "mallory", fresh, true)
	// The row cannot be taken a second time either.
	if err := book.Update(context.WithoutCancel(ctx), func(tx *record.Tx) error { return tx.Claim(pad, 9) }); err == nil {
		t.Error("a claimed name was claimed again")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
