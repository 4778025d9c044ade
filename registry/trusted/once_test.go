package trusted

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/record"
)

// TestOneOfTwentyWins sends one identity token to two nodes over one database
// at the same moment.
func TestOneOfTwentyWins(t *testing.T) {
	dsn := testenv.Postgres(t)
	b := benchOn(t, dsn, "github")
	rooms := []*Room{b.Room, b.node(dsn, "github")}
	b.claim("tools", "alice")
	b.add("tools", release)
	jwt := b.token()
	var won, replays atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 20 {
		wg.Go(func() {
			<-start
			_, _, err := rooms[i%2].Exchange(t.Context(), Ask{JWT: jwt, Network: "192.0.2.0/24"})
			kind, _, public := bonded.Explain(err)
			switch {
			case err == nil:
				won.Add(1)
			case kind == bonded.Forbidden && strings.Contains(public, "claim jti"):
				replays.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	if won.Load() != 1 || replays.Load() != 19 {
		t.Errorf("%d got a token and %d were told of the replay, want 1 and 19", won.Load(), replays.Load())
	}
}

// TestNoReplayGap turns the clock second by second over the end of a token: at
// no moment is it taken again, whenever what is old is forgotten.
func TestNoReplayGap(t *testing.T) {
	b := ready(t)
	for name, change := range map[string]map[string]any{
		"with an id": {}, "without an id": {"jti": nil}, "id too long": {"jti": strings.Repeat("x", maxJTI+1)}, "id of control characters": {"jti": "a\nb"},
	} {
		jwt := b.token(map[string]any{"exp": b.clock().Add(3 * time.Second).Unix()}, change)
		if err := b.exchange(jwt); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for range 3 + int(leeway/time.Second) + int(memory/time.Second) + 5 {
			if err := b.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			kind, _, _ := bonded.Explain(b.exchange(jwt))
			if kind != bonded.Forbidden && kind != bonded.TooMany {
				t.Fatalf("%s: taken again at %s", name, b.clock())
			}
			b.later(time.Second)
		}
		var fresh bool
		b.update(func(tx *record.Tx) (err error) {
			fresh, err = tx.SpendID(b.issuer.URL, "probe", b.clock())
			return err
		})
		if !fresh {
			t.Errorf("%s: ids are never forgotten", name)
		}
		b.later(time.Hour)
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefusedTokensStay: a token that was refused was not used up, so that a
// job can be repeated once its publisher is right.
func TestRefusedTokensStay(t *testing.T) {
	b := newBench(t, "github")
	b.claim("tools", "alice")
	b.add("tools", map[string]string{"repository": "acme/tools", "workflow": "other.yml", "ref": "refs/tags/v*"})
	jwt := b.token()
	refused(t, "no publisher", b.exchange(jwt), bonded.Forbidden, "claim workflow_ref")
	b.add("tools", release)
	if err := b.exchange(jwt); err != nil {
		t.Errorf("after the publisher was added: %v", err)
	}
	refused(t, "again", b.exchange(jwt), bonded.Forbidden, "claim jti")
}

// TestResurrection: the name of the repository, or of its owner, was given up
// and somebody else took it.
func TestResurrection(t *testing.T) {
	b := ready(t)
	if err := b.exchange(b.token()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]map[string]any{
		"repository": {"repository_id": "8"}, "owner": {"repository_owner_id": "4"}, "no ids": {"repository_id": nil, "repository_owner_id": nil},
	} {
		refused(t, name, b.exchange(b.token(change)), bonded.Forbidden, "external-id-pin", "somebody else")
	}
	lines := b.lines("toy/tools")
	if got := lines[len(lines)-1]; got != "publisher.strange" {
		t.Errorf("the newest line is %s", got)
	}
	if err := b.exchange(b.token()); err != nil {
		t.Errorf("the right job afterwards: %v", err)
	}
	// Ids that were stated beforehand count from the first time on.
	b.claim("other", "alice")
	fields := map[string]string{"repository_id": "9"}
	for k, v := range release {
		fields[k] = v
	}
	b.add("other", fields)
	_, _, err := b.Exchange(t.Context(), Ask{JWT: b.token(), Only: only("other")})
	refused(t, "another id than stated", err, bonded.Forbidden, "external-id-pin")
}

func TestPending(t *testing.T) {
	b := newBench(t, "github")
	add := func(user, key string) (record.Publisher, error) {
		return b.Add(t.Context(), user, pkg(key), b.profile(), release)
	}
	p, err := add("alice", "new")
	if err != nil || !p.Expires.Equal(noon.Add(PendingTTL)) {
		t.Fatal(p, err)
	}
	// It reserves nothing: somebody else may wait for the same name.
	if _, err := add("bob", "new"); err != nil {
		t.Fatal(err)
	}
	_, err = add("alice", "new")
	refused(t, "twice", err, bonded.Conflict, "already")
	if list, err := b.Of(t.Context(), pkg("new")); err != nil || len(list) != 0 {
		t.Errorf("strangers see %v, %v", list, err)
	}
	if list, err := b.Pending(t.Context(), "alice"); err != nil || len(list) != 1 || list[0].ID != p.ID {
		t.Errorf("alice waits for %v, %v", list, err)
	}
	_, _, err = b.Exchange(t.Context(), Ask{JWT: b.token(), Only: only("new")})
	refused(t, "while both wait", err, bonded.Forbidden, "more than one account")
	b.claim("new", "bob")
	_, kept, err := b.Exchange(t.Context(), Ask{JWT: b.token(), Only: only("new")})
	if err != nil || kept.Publisher == p.ID || strings.Contains(kept.Publisher, " ") {
		t.Errorf("bob's publisher alone is left: %v, %v", kept.Publisher, err)
	}
	if _, err := b.Book.Publisher(t.Context(), p.ID); err == nil {
		t.Error("alice's publisher outlived the name")
	}
	_, err = add("alice", "new")
	refused(t, "a name that is taken", err, bonded.Conflict, "is taken")
	// Time ends it.
	if _, err := add("alice", "late"); err != nil {
		t.Fatal(err)
	}
	b.later(PendingTTL)
	_, _, err = b.Exchange(t.Context(), Ask{JWT: b.token(), Only: only("late")})
	refused(t, "after 30 days", err, bonded.Forbidden, "30 days")
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := b.Pending(t.Context(), "alice"); err != nil || len(list) != 0 {
		t.Errorf("left: %v, %v", list, err)
	}
	// And so does a closed account.
	if _, err := add("alice", "closed"); err != nil {
		t.Fatal(err)
	}
	b.update(func(tx *record.Tx) error { return tx.SetDisabled("alice", b.clock()) })
	_, _, err = b.Exchange(t.Context(), Ask{JWT: b.token(), Only: only("closed")})
	refused(t, "closed account", err, bonded.Forbidden, "closed or frozen")
}

func TestRemove(t *testing.T) {
	b := ready(t)
	list, err := b.Of(t.Context(), pkg("tools"))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	secret, _, err := b.Exchange(t.Context(), Ask{JWT: b.token()})
	if err != nil {
		t.Fatal(err)
	}
	id := list[0].ID
	refused(t, "past the owners", b.Remove(t.Context(), "alice", id), bonded.Conflict)
	refused(t, "of another package", b.Book.Update(t.Context(), func(tx *record.Tx) error {
		return b.RemoveTx(tx, "alice", pkg("other"), id)
	}), bonded.NotFound)
	b.update(func(tx *record.Tx) error { return b.RemoveTx(tx, "alice", pkg("tools"), id) })
	if k, err := b.Book.TokenByHash(t.Context(), secret.Hash()); err != nil || k.Revoked.IsZero() {
		t.Errorf("the upload token outlived its publisher: %+v, %v", k, err)
	}
	refused(t, "exchange", b.exchange(b.token()), bonded.Forbidden)
	p, err := b.Add(t.Context(), "alice", pkg("new"), b.profile(), release)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "somebody else's", b.Remove(t.Context(), "bob", p.ID), bonded.NotFound)
	if err := b.Remove(t.Context(), "alice", p.ID); err != nil {
		t.Error(err)
	}
	refused(t, "again", b.Remove(t.Context(), "alice", p.ID), bonded.NotFound)
}

// TestRevoke: a job gives its token back; nobody gives back what is not a job's.
func TestRevoke(t *testing.T) {
	b := ready(t)
	secret, kept, err := b.Exchange(t.Context(), Ask{JWT: b.token()})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Revoke(t.Context(), secret.Reveal()); err != nil {
		t.Fatal(err)
	}
	if k, err := b.Book.TokenByID(t.Context(), kept.ID); err != nil || k.Revoked.IsZero() {
		t.Errorf("%+v, %v", k, err)
	}
	refused(t, "again", b.Revoke(t.Context(), secret.Reveal()), bonded.Unauthorized)
	refused(t, "words", b.Revoke(t.Context(), "words"), bonded.Unauthorized)
}

// TestFloods: refusals are counted by network, lines by package, and neither
// keeps the right job out.
func TestFloods(t *testing.T) {
	b := ready(t)
	var last error
	for range refusalBurst + 5 {
		last = b.exchange(b.token(map[string]any{"environment": "x"}))
	}
	refused(t, "many", last, bonded.TooMany, "try again in")
	if n := len(b.lines("toy/tools")); n > lineBurst+1 {
		t.Errorf("%d lines in the journal of the package", n)
	}
	if err := b.exchange(b.token()); err != nil {
		t.Errorf("the right job from the same network: %v", err)
	}
	_, _, err := b.Exchange(t.Context(), Ask{JWT: b.token(map[string]any{"environment": "x"}), Network: "198.51.100.0/24"})
	refused(t, "another network", err, bonded.Forbidden, "claim environment")
}

// TestManyToMany: one job for two packages, two jobs for one.
func TestManyToMany(t *testing.T) {
	b := ready(t)
	b.claim("more", "alice")
	b.add("more", release)
	b.add("tools", map[string]string{"repository": "acme/tools", "workflow": "nightly.yml", "ref": "refs/heads/main"})
	_, kept, err := b.Exchange(t.Context(), Ask{JWT: b.token()})
	if err != nil || len(kept.Scopes) != 2 || len(strings.Fields(kept.Publisher)) != 2 {
		t.Errorf("both packages: %+v, %v", kept, err)
	}
	nightly := "acme/tools/.github/workflows/nightly.yml@refs/heads/main"
	_, kept, err = b.Exchange(t.Context(), Ask{JWT: b.token(map[string]any{"ref": "refs/heads/main", "workflow_ref": nightly, "job_workflow_ref": nightly})})
	if err != nil || len(kept.Scopes) != 1 || kept.Scopes[0] != "publish,tag:toy/tools" {
		t.Errorf("the other job: %+v, %v", kept, err)
	}
	for _, bad := range [][]string{{"abc"}, {strings.Repeat("g", 64)}, make([]string, maxDigests+1)} {
		_, _, err := b.Exchange(t.Context(), Ask{JWT: b.token(), Digests: bad})
		if kind, _, _ := bonded.Explain(err); !errors.As(err, new(*bonded.Error)) || kind != bonded.Invalid {
			t.Errorf("digests %.20v: %v", bad, err)
		}
	}
}
