package signin

import (
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// TestPasskeyLife: a link, a passkey, a session; out, and in again with nothing
// but the passkey; a proof, which runs out.
func TestPasskeyLife(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx := b.t.Context()
		w := b.enrol("alice")
		if s := w.session(); !s.Enrolling || s.Needs != "factors" || s.Fresh(b.Now()) {
			b.t.Errorf("an enrolling session is %+v", s)
		}
		b.wants(w.finish(), bonded.Conflict, "[mfa-required-all]")
		_, err := w.addKey()
		b.must(err)
		b.must(w.finish())
		if s := w.session(); s.Enrolling || !s.Fresh(b.Now()) {
			b.t.Errorf("a session that just made its passkey is %+v", s)
		}
		b.wants(w.finish(), bonded.Conflict, "nothing to finish")
		b.must(b.SignOut(ctx, w.session(), w.session().ID))
		_, _, err = b.Session(ctx, w.cookie)
		b.wants(err, bonded.Unauthorized, "not signed in")
		b.must(w.passkey())
		s := w.session()
		if s.User != "alice" || !s.Fresh(b.Now()) || s.Factors[0] != "passkey" {
			b.t.Errorf("a session of a passkey is %+v", s)
		}
		b.turn(StepUpLife + time.Second)
		if w.session().Fresh(b.Now()) {
			b.t.Error("a proof never ends")
		}
		b.must(w.stepUp())
		if !w.session().Fresh(b.Now()) {
			b.t.Error("a proof was given and does not count")
		}
		for _, action := range []string{"user.enrol", "passkey.add", "session.end", "stepup.ok"} {
			b.happened("alice", action, 1)
		}
		b.happened("alice", "signin.device", 0) // it is the browser of the enrolment
	})
}

func TestSessionsRotate(t *testing.T) {
	b := newBench(t)
	w := b.withKey("alice")
	w.session()
	before := w.cookie
	b.turn(rotateEvery)
	w.session()
	if w.cookie == before {
		t.Fatal("no new cookie after an hour")
	}
	// A request that was on its way with the old one gets through, without proof.
	s, again, err := b.Session(t.Context(), before)
	if err != nil || again.Reveal() != "" || s.Fresh(b.Now()) {
		t.Errorf("the cookie before: %+v, %v, %v", s, again.Reveal() != "", err)
	}
	w.session() // the new one is taken
	b.turn(grace + time.Second)
	_, _, err = b.Session(t.Context(), before)
	b.wants(err, bonded.Unauthorized, "not signed in")
	// Two browsers had it: it has ended for both.
	_, _, err = b.Session(t.Context(), w.cookie)
	b.wants(err, bonded.Unauthorized, "not signed in")
	b.happened("alice", "session.reuse", 1)
}

// TestLostAnswer: a new cookie that never arrived costs nobody the session.
func TestLostAnswer(t *testing.T) {
	b := newBench(t)
	w := b.withKey("alice")
	w.session()
	b.must(w.passkey()) // fresh
	w.session()
	before := w.cookie
	b.turn(rotateEvery)
	_, lost, err := b.Session(t.Context(), before)
	if err != nil || lost.Reveal() == "" {
		t.Fatal("no new cookie", err)
	}
	b.turn(time.Minute)
	s, second, err := b.Session(t.Context(), before)
	if err != nil || second.Reveal() == "" || s.Fresh(b.Now()) {
		t.Fatalf("the session was lost with an answer: %+v %v", s, err)
	}
	// The one that was lost is an old one now.
	b.turn(time.Minute)
	if _, _, err := b.Session(t.Context(), second.Reveal()); err != nil {
		t.Error(err)
	}
	_, _, err = b.Session(t.Context(), lost.Reveal())
	b.wants(err, bonded.Unauthorized, "not signed in")
	b.happened("alice", "session.reuse", 1)
}

// TestProofStaysWithItsCookie: whoever copied a cookie before the step-up has
// not the step-up, neither at once nor by claiming a lost answer.
func TestProofStaysWithItsCookie(t *testing.T) {
	b := newBench(t)
	w := b.withKey("alice")
	b.turn(StepUpLife + time.Second)
	w.session()
	copied := w.cookie
	b.must(w.stepUp())
	for _, wait := range []time.Duration{0, grace + time.Second} {
		b.turn(wait)
		s, rotated, err := b.Session(t.Context(), copied)
		if err != nil {
			t.Fatal(err)
		}
		if s.Fresh(b.Now()) {
			t.Errorf("after %s a copied cookie has the proof", wait)
		}
		if c := rotated.Reveal(); c != "" {
			if s, _, err := b.Session(t.Context(), c); err != nil || s.Fresh(b.Now()) {
				t.Error("the copy's new cookie has the proof", err)
			}
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	for what, c := range map[string]func(*bench, *browser){
		"idle":     func(b *bench, _ *browser) { b.turn(IdleLife) },
		"disabled": func(b *bench, _ *browser) { b.must(b.Keeper.DisableUser(b.t.Context(), "alice")) },
		"others": func(b *bench, w *browser) {
			other := b.browser()
			other.auth = w.auth
			b.must(other.passkey())
			b.must(b.SignOutOthers(b.t.Context(), other.session()))
			b.happened("alice", "session.end-all", 1)
		},
		"password": func(b *bench, w *browser) {
			other := b.browser()
			other.auth = w.auth
			b.must(other.passkey())
			b.must(b.SetPassword(b.t.Context(), other.session(), good))
		},
		"too old": func(b *bench, w *browser) {
			for b.Now().Before(noon.Add(WholeLife)) {
				b.turn(IdleLife - time.Hour)
				if b.Now().Before(noon.Add(WholeLife)) {
					w.session()
				}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			w := b.withKey("alice")
			w.session()
			c(b, w)
			_, _, err := b.Session(t.Context(), w.cookie)
			b.wants(err, bonded.Unauthorized, "not signed in")
		})
	}
	b := newBench(t)
	for _, text := range []string{"", "x", identity.NewSecret(identity.SessionPrefix).Reveal(), identity.NewSecret(identity.DevicePrefix).Reveal()} {
		if _, _, err := b.Session(t.Context(), text); err == nil {
			t.Errorf("%q is a session", text)
		}
	}
}

// TestOtherNode: a session that ends here has ended there, at once.
func TestOtherNode(t *testing.T) {
	b := newBench(t)
	there, err := New(b.Config)
	b.must(err)
	w := b.withKey("alice")
	if _, _, err := there.Session(t.Context(), w.cookie); err != nil {
		t.Fatal(err)
	}
	b.must(b.SignOut(t.Context(), w.session(), w.session().ID))
	_, _, err = there.Session(t.Context(), w.cookie)
	b.wants(err, bonded.Unauthorized, "not signed in")
}

func TestSessionList(t *testing.T) {
	b := newBench(t)
	w, other := b.withKey("alice"), b.browser()
	mallory := b.withKey("mallory")
	other.auth = w.auth
	b.must(other.passkey())
	list, err := b.Sessions(t.Context(), w.session())
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, s := range list {
		if s.This != (s.ID == w.session().ID) || s.Label != "Firefox on Linux" {
			t.Errorf("session %+v", s)
		}
	}
	b.wants(b.SignOut(t.Context(), mallory.session(), w.session().ID), bonded.NotFound, "no such session")
	b.happened("alice", "signin.device", 1)
}

// TestRotationIsOneRace: of many requests at the same moment one gets the new
// cookie, and none is refused.
func TestRotationIsOneRace(t *testing.T) {
	onBoth(t, func(b *bench) {
		w := b.withKey("alice")
		w.session()
		b.turn(rotateEvery)
		var mu sync.Mutex
		var wg sync.WaitGroup
		given := 0
		for range 6 {
			wg.Go(func() {
				_, rotated, err := b.Session(b.t.Context(), w.cookie)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					b.t.Error(err)
				}
				if rotated.Reveal() != "" {
					given++
				}
			})
		}
		wg.Wait()
		if given != 1 {
			b.t.Errorf("%d cookies for one session", given)
		}
	})
}

// TestFrozen: an account whose domain lapsed gets in with a passkey, and may do
// nothing but prove an address.
func TestFrozen(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.withKey("alice")
	b.update(func(tx *record.Tx) error { _, err := tx.SetFrozen("alice", b.Now()); return err })
	b.must(w.passkey())
	s := w.session()
	if !s.Enrolling || s.Needs != "address" {
		t.Fatalf("a frozen account's session is %+v", s)
	}
	_, err := w.addKey()
	b.wants(err, bonded.Forbidden, "prove an e-mail address")
	b.must(b.AskRecovery(ctx, "alice", w.visit())) // it tells nobody that there is nothing to tell
	if b.letters() != 0 {
		t.Errorf("a recovery was mailed to a lapsed domain: %+v", b.mail)
	}
	b.must(b.SetEmail(ctx, s, "alice@example.net"))
	user, err := b.VerifyEmail(ctx, b.link("verify", "alice"))
	if err != nil || user != "alice" {
		t.Fatal(user, err)
	}
	if s := w.session(); s.Enrolling {
		t.Errorf("still frozen: %+v", s)
	}
	u, err := b.Keeper.User(ctx, "alice")
	if err != nil || u.Email != "alice@example.net" || u.Verified.IsZero() {
		t.Errorf("account %+v, %v", u, err)
	}
	b.happened("alice", "user.unfreeze", 1)
	b.happened("alice", "email.change", 1)
}
