package signin

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
)

// TestPasskeyIsBound: an answer is good for its own challenge, page, session and
// user, once, and with the user verified.
func TestPasskeyIsBound(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w, mallory := b.withKey("alice"), b.withKey("mallory")

	options, secret, err := b.BeginPasskey(ctx, w.visit())
	b.must(err)
	_, err = b.FinishPasskey(ctx, secret, w.show(options, "https://packages.example.org.evil.example"), w.visit())
	b.wants(err, bonded.Unauthorized, "not accepted; open the page at https://packages.example.org")
	// The challenge is spent, also for the true page.
	_, err = b.FinishPasskey(ctx, secret, w.show(options, ""), w.visit())
	b.wants(err, bonded.Unauthorized, "used before")

	options, secret, err = b.BeginPasskey(ctx, w.visit())
	b.must(err)
	answer := w.show(options, "")
	in, err := b.FinishPasskey(ctx, secret, answer, w.visit())
	b.must(err)
	w.keep(in)
	_, again, err := b.BeginPasskey(ctx, w.visit())
	b.must(err)
	_, err = b.FinishPasskey(ctx, again, answer, w.visit())
	b.wants(err, bonded.Unauthorized, "not accepted")

	options, secret, err = b.BeginPasskey(ctx, w.visit())
	b.must(err)
	b.turn(challengeLife)
	_, err = b.FinishPasskey(ctx, secret, w.show(options, ""), w.visit())
	b.wants(err, bonded.Unauthorized, "took too long")

	w.auth.Options.UserNotVerified = true
	b.wants(w.passkey(), bonded.Unauthorized, "not accepted")
	b.wants(w.stepUp(), bonded.Unauthorized, "not accepted")
	w.auth.Options.UserNotVerified = false

	// A confirmation goes to the session that asked for it.
	options, secret, err = b.BeginStepUp(ctx, mallory.session())
	b.must(err)
	_, err = b.FinishStepUp(ctx, w.session(), secret, w.show(options, ""))
	b.wants(err, bonded.Unauthorized, "another session")
	options, secret, err = b.BeginStepUp(ctx, w.session())
	b.must(err)
	_, err = b.FinishStepUp(ctx, w.session(), secret, mallory.show(options, ""))
	b.wants(err, bonded.Unauthorized, "not accepted")
	options, _, err = b.BeginStepUp(ctx, w.session())
	b.must(err)
	_, signin, err := b.BeginPasskey(ctx, w.visit())
	b.must(err)
	_, err = b.FinishStepUp(ctx, w.session(), signin, w.show(options, ""))
	b.wants(err, bonded.Unauthorized, "used before")
	for _, text := range []string{"", "{}", `{"id":"a","id":"b"}`, strings.Repeat("x", maxResponse+1)} {
		_, secret, err = b.BeginPasskey(ctx, w.visit())
		b.must(err)
		_, err = b.FinishPasskey(ctx, secret, []byte(text), w.visit())
		b.wants(err, bonded.Invalid, "try again")
	}
}

// TestOneAnswerOneSession: a challenge is taken once, also in a race.
func TestOneAnswerOneSession(t *testing.T) {
	onBoth(t, func(b *bench) {
		w := b.withKey("alice")
		options, secret, err := b.BeginPasskey(b.t.Context(), w.visit())
		b.must(err)
		answer := w.show(options, "")
		var mu sync.Mutex
		var wg sync.WaitGroup
		opened := 0
		for range 4 {
			wg.Go(func() {
				if _, err := b.FinishPasskey(b.t.Context(), secret, answer, w.visit()); err == nil {
					mu.Lock()
					opened++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if opened != 1 {
			b.t.Errorf("one answer opened %d sessions", opened)
		}
	})
}

func TestCopiedPasskey(t *testing.T) {
	b := newBench(t)
	w := b.withKey("alice")
	w.auth.Credentials[0].Counter = 7
	b.must(w.passkey())
	b.wants(w.passkey(), bonded.Unauthorized, "there may be a copy")
	b.happened("alice", "passkey.copy", 1)
	w.auth.Credentials[0].Counter = 8
	b.must(w.passkey())
}

// TestHandleNamesNobody: what an authenticator stores does not say whose it is.
func TestHandleNamesNobody(t *testing.T) {
	b := newBench(t)
	w := b.withKey("alice")
	if h := w.auth.Options.UserHandle; len(h) != 32 || bytes.Contains(h, []byte("alice")) {
		t.Errorf("the handle is %q", h)
	}
	f, err := b.Factors(t.Context(), "alice")
	b.must(err)
	if body := string(f.Passkeys[0].Body); strings.Contains(body, "attestationObject") || strings.Contains(body, "clientDataJSON") || strings.Contains(body, `"object":"`) {
		t.Errorf("more is kept of a passkey than verifying needs: %s", body)
	}
}

// TestAddressHasNoPasskeys: at a bare address passkeys are refused with the next
// step; at a loopback address they are those of localhost.
func TestAddressHasNoPasskeys(t *testing.T) {
	b := newBench(t)
	c := b.Config
	c.URL = "http://192.0.2.7:8420/"
	r, err := New(c)
	b.must(err)
	_, _, err = r.BeginPasskey(t.Context(), Visit{})
	b.wants(err, bonded.Unsupported, "with --url")
	for base, want := range map[string]string{"http://127.0.0.1:8420/": "http://localhost:8420", "http://[::1]/": "http://localhost", "https://x.example/": "https://x.example"} {
		c.URL = base
		if r, err = New(c); err != nil || r.Origin() != want {
			t.Errorf("%s: pages are at %q, %v", base, r.Origin(), err)
		}
	}
}

// TestRemovePasskey: it waits, it can be cancelled, it is checked again when it
// is due, and the last one stays.
func TestRemovePasskey(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.withKey("alice")
	first := w.auth.Credentials[0].ID
	_, err := b.RemovePasskey(ctx, w.session(), first)
	b.wants(err, bonded.Conflict, "the last passkey")
	second, err := w.addKey()
	b.must(err)
	_, err = b.RemovePasskey(ctx, w.session(), []byte("none"))
	b.wants(err, bonded.NotFound, "no such passkey")
	b.turn(StepUpLife + time.Second)
	_, err = b.RemovePasskey(ctx, w.session(), second)
	b.wants(err, bonded.Unauthorized, "step_up_required")
	due, err := b.RemovePasskey(ctx, w.fresh().session(), second)
	if err != nil || !due.Equal(b.Now().Add(72*time.Hour)) {
		t.Fatal(due, err)
	}
	if again, err := b.RemovePasskey(ctx, w.session(), second); err != nil || !again.Equal(due) {
		t.Error("asked again it waits until", again, err)
	}
	_, err = b.RemovePasskey(ctx, w.session(), first)
	b.must(err)
	b.due()
	f, err := b.Factors(ctx, "alice")
	if err != nil || len(f.Passkeys) != 1 {
		t.Errorf("both removals were asked for, and %d passkeys are left, %v", len(f.Passkeys), err)
	}
	b.happened("alice", "passkey.ask-remove", 2)
	b.happened("alice", "passkey.remove", 1)
	b.happened("alice", "change.fail", 1)
	b.happened("bob", "passkey.remove", 0)
}

// TestRelayedCodesAddNoPower: a session that has shown no passkey may add one when
// password and code were typed once more. Somebody may have relayed both, so it
// confirms nothing for three days; its owner removes it at once.
func TestRelayedCodesAddNoPower(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w, seed, _ := b.withCode("alice")
	b.turn(time.Hour)
	b.must(w.retype(good, b.code(seed)))
	thief := *w
	thief.auth = b.browser().auth
	id, err := thief.addKey()
	b.must(err)
	b.wants(thief.stepUp(), bonded.Unauthorized, "confirms nothing before 4 March 2026")
	if thief.session().Fresh(b.Now()) {
		t.Error("the session is fresh")
	}
	// Nor does signing in with it prove anything.
	b.must(thief.passkey())
	if thief.session().Fresh(b.Now()) {
		t.Error("a sign-in with it is fresh")
	}
	b.happened("alice", "passkey.add", 1)
	due, err := b.RemovePasskey(ctx, w.session(), id)
	if err != nil || !due.IsZero() {
		t.Errorf("removing it waits until %v, %v", due, err)
	}
	_, err = w.addKey()
	b.must(err)
	b.turn(72 * time.Hour)
	b.must(w.passkey())
	b.must(w.stepUp())
}

func TestProofForClient(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.withKey("alice")
	name, other := bonded.Name{Ecosystem: "npm", Key: "left-pad"}, bonded.Name{Ecosystem: "npm", Key: "right-pad"}
	make := func(a bonded.Action, n bonded.Name) string {
		p, err := b.IssueProof(ctx, w.fresh().session(), a, n)
		b.must(err)
		return p
	}
	proof := make(bonded.ActDelete, name)
	b.must(b.CheckProof(ctx, "alice", strings.ToUpper(proof), bonded.ActDelete, name))
	b.wants(b.CheckProof(ctx, "alice", proof, bonded.ActDelete, name), bonded.Unauthorized, "used before")
	b.wants(b.CheckProof(ctx, "alice", make(bonded.ActDelete, name), bonded.ActDelete, other), bonded.Unauthorized, "something else")
	b.wants(b.CheckProof(ctx, "alice", make(bonded.ActDelete, name), bonded.ActOwner, name), bonded.Unauthorized, "something else")
	b.wants(b.CheckProof(ctx, "bob", make("", bonded.Name{}), bonded.ActOwner, name), bonded.Unauthorized, "wrong")
	b.must(b.CheckProof(ctx, "alice", make("", bonded.Name{}), bonded.ActOwner, name))
	late := make("", bonded.Name{})
	b.turn(proofLife)
	b.wants(b.CheckProof(ctx, "alice", late, bonded.ActOwner, name), bonded.Unauthorized, "older than five minutes")
	b.turn(time.Second)
	_, err := b.IssueProof(ctx, w.session(), "", bonded.Name{})
	b.wants(err, bonded.Unauthorized, "step_up_required")
	// Guessing ends soon.
	for range 20 {
		err = b.CheckProof(ctx, "alice", "aaaaa-aaaaa", bonded.ActOwner, name)
	}
	b.wants(err, bonded.TooMany, "[brute-force-limits]")
}
