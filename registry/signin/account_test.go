package signin

import (
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// TestSignUp: a proven address and a free name make an account; the answer
// before the mail is the same for a name that is taken.
func TestSignUp(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.withKey("alice")
	b.must(b.SignUp(ctx, "bob", "bob@example.org", Visit{}))
	b.must(b.SignUp(ctx, "alice", "mallory@example.org", Visit{}))
	if _, err := b.Keeper.User(ctx, "bob"); err == nil {
		t.Error("there is an account before its address was proven")
	}
	_, err := b.Enrol(ctx, b.link("enrol", "alice"), Visit{})
	b.wants(err, bonded.Conflict, "alice already")
	w := b.browser()
	in, err := b.Enrol(ctx, b.link("enrol", "bob"), w.visit())
	b.must(err)
	w.keep(in)
	if u, err := b.Keeper.User(ctx, "bob"); err != nil || u.Verified.IsZero() || u.Email != "bob@example.org" {
		t.Errorf("account %+v, %v", u, err)
	}
	_, err = w.addKey()
	b.must(err)
	b.must(w.finish())
	b.happened("bob", "user.add", 1)
	b.wants(b.SignUp(ctx, "No Name", "x@example.org", Visit{}), bonded.Invalid, "2 to 39")
	b.wants(b.SignUp(ctx, "carol", "nothing", Visit{}), bonded.Invalid, "write it plainly")
	for range 10 {
		b.must(b.SignUp(ctx, "carol", "flood@example.org", Visit{}))
	}
	if b.letters() != accountLetters.burst {
		t.Errorf("%d letters to one address", b.letters())
	}
	b.Open = false
	b.wants(b.SignUp(ctx, "dan", "dan@example.org", Visit{}), bonded.Forbidden, "enrolment link")
}

// TestChangeOfAddress: the new address is proven first; then it waits, and until
// then the old one stays.
func TestChangeOfAddress(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.withKey("alice")
	w.proves("alice")
	b.turn(StepUpLife + time.Second)
	b.wants(b.SetEmail(ctx, w.session(), "new@example.net"), bonded.Unauthorized, "step_up_required")
	b.must(b.SetEmail(ctx, w.fresh().session(), "new@example.net"))
	if b.mail[0].To != "new@example.net" {
		t.Errorf("the link went to %s", b.mail[0].To)
	}
	link := b.link("verify", "alice")
	_, err := b.VerifyEmail(ctx, link)
	b.must(err)
	_, err = b.VerifyEmail(ctx, link)
	b.wants(err, bonded.Unauthorized, "used before")
	if u, err := b.Keeper.User(ctx, "alice"); err != nil || u.Email != "alice@example.org" {
		t.Errorf("at once: %+v, %v", u, err)
	}
	b.due()
	if u, err := b.Keeper.User(ctx, "alice"); err != nil || u.Email != "new@example.net" || !u.Verified.Equal(b.Now()) {
		t.Errorf("after three days: %+v, %v", u, err)
	}
	b.happened("alice", "email.ask", 1)
	b.happened("alice", "email.change", 1)
}

// TestFrozenWithoutProof: a lapsed address is proven again by nobody who has
// shown no passkey: its mailbox may be somebody else's.
func TestFrozenWithoutProof(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w, seed, _ := b.withCode("alice")
	w.proves("alice")
	b.update(func(tx *record.Tx) error { _, err := tx.SetFrozen("alice", b.Now()); return err })
	_, err := w.withPassword("alice", good, b.code(seed))
	b.must(err)
	b.must(b.SetEmail(ctx, w.session(), "alice@example.org"))
	_, err = b.VerifyEmail(ctx, b.link("verify", "alice"))
	b.wants(err, bonded.Unauthorized, "needs a passkey")
	// From a browser that is not known not even a mail is sent there.
	_, err = b.browser().withPassword("alice", good, b.code(seed))
	b.wants(err, bonded.Forbidden, "has lapsed")
	if b.letters() != 0 {
		t.Errorf("letters %+v", b.mail)
	}
	if u, err := b.Keeper.User(ctx, "alice"); err != nil || u.Frozen.IsZero() {
		t.Error("the account is not frozen any more", err)
	}
}

// TestRemoveApp: it needs a passkey, waits, and leaves no account with a
// password alone.
func TestRemoveApp(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w, _, _ := b.withCode("bob")
	_, err := b.RemoveTOTP(ctx, w.session())
	b.wants(err, bonded.Conflict, "add a passkey first")
	w = b.withKey("alice")
	_, err = b.RemoveTOTP(ctx, w.session())
	b.wants(err, bonded.NotFound, "no authenticator app")
	b.must(b.SetPassword(ctx, w.session(), good))
	w.addApp()
	b.turn(StepUpLife + time.Second)
	_, err = b.RemoveTOTP(ctx, w.session())
	b.wants(err, bonded.Unauthorized, "step_up_required")
	due, err := b.RemoveTOTP(ctx, w.fresh().session())
	if err != nil || !due.Equal(b.Now().Add(72*time.Hour)) {
		t.Fatal(due, err)
	}
	if f, err := b.Factors(ctx, "alice"); err != nil || f.TOTP.IsZero() {
		t.Error("the app is gone at once", err)
	}
	b.due()
	if f, err := b.Factors(ctx, "alice"); err != nil || !f.TOTP.IsZero() {
		t.Error("the app is still there", err)
	}
	b.happened("alice", "totp.ask-remove", 1)
	b.happened("alice", "totp.remove", 1)
}

// TestReplacedApp: another app in place of the one before takes a passkey, even
// right after signing in with the old one.
func TestReplacedApp(t *testing.T) {
	b := newBench(t)
	w, seed, _ := b.withCode("alice")
	_, err := w.withPassword("alice", good, b.code(seed))
	b.must(err)
	_, _, _, err = b.BeginTOTP(t.Context(), w.session())
	b.wants(err, bonded.Unauthorized, "needs a passkey")
	// The password may be changed right after signing in, and not later.
	b.must(b.SetPassword(t.Context(), w.session(), better))
	b.turn(StepUpLife + time.Second)
	b.wants(b.SetPassword(t.Context(), w.session(), good), bonded.Unauthorized, "sign out and in again")
}

// TestSeedsAreSealed: the book alone makes no code, and a seed is its user's.
func TestSeedsAreSealed(t *testing.T) {
	b := newBench(t)
	_, seed, _ := b.withCode("alice")
	var kept []byte
	b.update(func(tx *record.Tx) error {
		k, _, err := tx.TOTP("alice")
		kept = k.Sealed
		return err
	})
	if got, err := b.unsealed("alice", kept); err != nil || got != seed {
		t.Error("the seed cannot be read back", err)
	}
	if _, err := b.unsealed("mallory", kept); err == nil {
		t.Error("a seed can be given to somebody else")
	}
	if string(kept) == seed || len(kept) < len(seed)+12 {
		t.Errorf("the seed is kept as %q", kept)
	}
}
