package trusted

import (
	"fmt"
	"testing"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// TestTwoWaitForOneJob: somebody else describes the same job for the same new
// name. Its release would have become the name of either.
func TestTwoWaitForOneJob(t *testing.T) {
	b := ready(t)
	if _, err := b.Add(t.Context(), "alice", pkg("new"), b.profile(), release); err != nil {
		t.Fatal(err)
	}
	thief, err := b.Add(t.Context(), "bob", pkg("new"), b.profile(),
		map[string]string{"repository": "acme/tools", "workflow": "release.yml", "environment": "release"})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = b.Exchange(t.Context(), Ask{JWT: b.token(), Only: only("new")})
	refused(t, "for a name that two accounts wait for", err, bonded.Forbidden, "more than one account")
	_, kept, err := b.Exchange(t.Context(), Ask{JWT: b.token()})
	if err != nil || len(kept.Scopes) != 1 || kept.Scopes[0] != "publish,tag:toy/tools" {
		t.Errorf("for everything: %+v, %v", kept.Scopes, err)
	}
	if err := b.Remove(t.Context(), "bob", thief.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err = b.Exchange(t.Context(), Ask{JWT: b.token(), Only: only("new")}); err != nil {
		t.Errorf("for one account: %v", err)
	}
}

// TestStrangersNameAJob: somebody adds somebody else's job to many packages of
// their own. It still releases what it did before.
func TestStrangersNameAJob(t *testing.T) {
	b := ready(t)
	for i := range 2 * maxPackages {
		name := fmt.Sprint("bobs", i)
		b.claim(name, "bob")
		b.update(func(tx *record.Tx) error {
			_, err := b.AddTx(tx, "bob", pkg(name), b.profile(), release)
			return err
		})
	}
	b.claim("more", "alice")
	b.add("more", release)
	_, kept, err := b.Exchange(t.Context(), Ask{JWT: b.token()})
	if err != nil || len(kept.Scopes) != maxPackages {
		t.Fatalf("%d packages, %v", len(kept.Scopes), err)
	}
	has := map[string]bool{}
	for _, s := range kept.Scopes {
		has[s] = true
	}
	if !has["publish,tag:toy/tools"] || !has["publish,tag:toy/more"] {
		t.Errorf("alice's packages are not among %v", kept.Scopes)
	}
}
