package signin

import (
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
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

// TestTokensOfBeforeTheEnrolment end when a person takes the account into use.
func TestTokensOfBeforeTheEnrolment(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.enrol("alice")
	scope, err := identity.ParseScope("publish:*")
	b.must(err)
	secret, made, err := b.Keeper.AddToken(ctx, "alice", []identity.Scope{scope}, time.Hour)
	b.must(err)
	shows := identity.Request{Authorization: "Bearer " + secret.Reveal()}
	_, err = w.addKey()
	b.must(err)
	_, err = b.Keeper.Authenticate(ctx, shows)
	b.must(err)
	b.must(w.finish())
	_, err = b.Keeper.Authenticate(ctx, shows)
	b.wants(err, bonded.Unauthorized, "was revoked")
	if k, err := b.Book.TokenByID(ctx, made.ID); err != nil || k.Why != "an administrator made it before alice took the account into use" {
		t.Errorf("alice reads %q, %v", k.Why, err)
	}
	b.happened("alice", "token.revoke", 1)
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

// TestAddressOfBeforeTheFreeze: neither a change that waits nor a link that is on
// its way ends a freeze that came later.
func TestAddressOfBeforeTheFreeze(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.withKey("alice")
	w.proves("alice")
	b.must(b.SetEmail(ctx, w.fresh().session(), "one@example.net"))
	_, err := b.VerifyEmail(ctx, b.link("verify", "alice"))
	b.must(err)
	b.must(b.SetEmail(ctx, w.session(), "two@example.net"))
	link := b.link("verify", "alice")
	b.turn(time.Second)
	b.update(func(tx *record.Tx) error { _, err := tx.SetFrozen("alice", b.Now()); return err })
	_, err = b.VerifyEmail(ctx, link)
	b.wants(err, bonded.Forbidden, "before this account was frozen")
	b.due()
	if u, err := b.Keeper.User(ctx, "alice"); err != nil || u.Frozen.IsZero() || u.Email != "alice@example.org" {
		t.Errorf("%+v, %v", u, err)
	}
	b.happened("alice", "change.fail", 1)
	b.must(w.passkey())
	b.must(b.SetEmail(ctx, w.session(), "new@example.net"))
	_, err = b.VerifyEmail(ctx, b.link("verify", "alice"))
	b.must(err)
	if u, err := b.Keeper.User(ctx, "alice"); err != nil || !u.Frozen.IsZero() || u.Email != "new@example.net" {
		t.Errorf("asked for anew, with a passkey: %+v, %v", u, err)
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
// after password and code were typed.
func TestReplacedApp(t *testing.T) {
	b := newBench(t)
	w, seed, _ := b.withCode("alice")
	b.must(w.retype(good, b.code(seed)))
	_, _, _, err := b.BeginTOTP(t.Context(), w.session())
	b.wants(err, bonded.Unauthorized, "needs a passkey")
	// The password may be changed now, and not later.
	b.must(b.SetPassword(t.Context(), w.session(), better))
	b.turn(StepUpLife + time.Second)
	b.wants(b.SetPassword(t.Context(), w.session(), good), bonded.Unauthorized, "typed within the last five minutes")
}

// TestSessionAloneChangesNothing: without a passkey, too, a cookie is not enough,
// not even that of a sign-in a moment ago. Password and code are asked for once
// more, and only the browser that typed them has what they open.
func TestSessionAloneChangesNothing(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx := t.Context()
		w, seed, codes := b.withCode("alice")
		_, err := w.withPassword("alice", good, b.code(seed))
		b.must(err)
		changes := func(w *browser) (list []error) {
			s := w.session()
			_, _, adds := b.BeginAdd(ctx, s)
			_, makes := b.NewCodes(ctx, s)
			return []error{adds, makes, b.SetPassword(ctx, s, better), b.SetEmail(ctx, s, "thief@example.net")}
		}
		for _, err := range changes(w) {
			b.wants(err, bonded.Unauthorized, "password and a code")
		}
		thief := *w
		used := b.code(seed)
		_, err = w.withPassword("alice", good, used)
		b.must(err)
		for _, typed := range [][2]string{{"", b.code(seed)}, {better, b.code(seed)}, {good, ""}, {good, used}, {good, "aaaa-aaaa-aaaa-aaaa"}} {
			b.wants(w.retype(typed[0], typed[1]), bonded.Unauthorized, "wrong")
		}
		b.happened("alice", "signin.refuse", 5)
		b.must(w.retype(good, b.code(seed)))
		b.happened("alice", "stepup.ok", 1)
		for _, err := range changes(&thief) {
			b.wants(err, bonded.Unauthorized, "password and a code")
		}
		for _, err := range changes(w) {
			b.must(err)
		}
		b.wants(w.retype(good, b.code(seed)), bonded.Unauthorized, "wrong") // it has another password now
		// A recovery code stands for the app; a passkey that counts stands for both.
		more, err := b.NewCodes(ctx, w.session())
		b.must(err)
		b.wants(w.retype(better, codes[0]), bonded.Unauthorized, "used before")
		b.must(w.retype(better, more[0]))
		_, err = w.addKey()
		b.must(err)
		b.turn(72 * time.Hour)
		b.must(w.passkey())
		b.wants(w.retype(better, b.code(seed)), bonded.Conflict, "use it at /account/confirm")
	})
}

// TestRetypingIsCounted: whoever has a cookie has as few guesses as anybody.
func TestRetypingIsCounted(t *testing.T) {
	b := newBench(t)
	w, seed, _ := b.withCode("alice")
	for range 9 {
		b.wants(w.retype(good, "000000"), bonded.Unauthorized, "wrong")
	}
	b.wants(w.retype(good, "000000"), bonded.TooMany, "too many attempts")
	b.wants(w.retype(good, b.code(seed)), bonded.TooMany, "too many attempts")
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
