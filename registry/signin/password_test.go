package signin

import (
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

func TestPasswordRules(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.withKey("alice")
	s := w.session()
	for password, text := range map[string]string{
		"short":                               "at least 12",
		strings.Repeat("ä", 129):              "at most 128",
		"the name is Alice here":              "your user name",
		stolen:                                "[breached-passwords]",
		"nothing readable \xff":               "not readable",
		"e\u0301e\u0301e\u0301e\u0301e\u0301": "this one has 5", // five letters, however they are written
	} {
		err := b.SetPassword(ctx, s, password)
		kind, _, _ := bonded.Explain(err)
		b.wants(err, kind, text)
		if kind != bonded.Invalid && kind != bonded.Refused {
			t.Errorf("%q: %v", password, err)
		}
	}
	b.must(b.SetPassword(ctx, s, strings.Repeat("ä", 128)))
	b.turn(StepUpLife + time.Second)
	b.wants(b.SetPassword(ctx, w.session(), good), bonded.Unauthorized, "step_up_required")
	b.wants(b.RemovePassword(ctx, w.session()), bonded.Unauthorized, "step_up_required")
	b.must(b.RemovePassword(ctx, w.fresh().session()))
	f, err := b.Factors(ctx, "alice")
	if err != nil || !f.Password.IsZero() {
		t.Error("the password is still there", err)
	}
	other, _, _ := b.withCode("bob")
	b.wants(b.RemovePassword(ctx, other.session()), bonded.Conflict, "add a passkey first")
}

// TestPasswordAndCode: both are needed, a code is taken once, whatever is put
// between its digits, and the answer does not say which names exist.
func TestPasswordAndCode(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx := b.t.Context()
		w, seed, _ := b.withCode("alice")
		_, err := w.password("alice", better)
		_, err2 := w.password("nobody", good)
		_, err3 := w.password("No Name", good)
		b.wants(err, bonded.Unauthorized, "the user name or the password is wrong")
		if err.Error() != err2.Error() || err.Error() != err3.Error() {
			b.t.Errorf("names can be told apart: %v, %v, %v", err, err2, err3)
		}
		next, err := w.password("alice", good)
		if err != nil || strings.Join(next.Want, " ") != "totp recovery-code" {
			b.t.Fatal(next, err)
		}
		code := b.code(seed)
		_, _, err = b.Code(ctx, next.Secret, "000000", w.visit())
		b.wants(err, bonded.Unauthorized, "wrong, or was used before")
		in, _, err := b.Code(ctx, next.Secret, code[:3]+" "+code[3:], w.visit())
		b.must(err)
		w.keep(in)
		if s := w.session(); strings.Join(s.Factors, " ") != "password totp" || s.Fresh(b.Now()) || s.Enrolling {
			b.t.Errorf("session %+v", s)
		}
		_, _, err = b.Code(ctx, next.Secret, code, w.visit())
		b.wants(err, bonded.Unauthorized, "used before")
		_, err = w.withPassword("alice", good, code)
		b.wants(err, bonded.Unauthorized, "used before")
		_, err = w.withPassword("alice", good, code[:3]+"-"+code[3:])
		b.wants(err, bonded.Unauthorized, "used before")
		_, err = w.withPassword("alice", good, b.code(seed))
		b.must(err)
	})
}

// TestRecoveryCode: it stands for the app, once, and its owner is told.
func TestRecoveryCode(t *testing.T) {
	b := newBench(t)
	w, seed, codes := b.withCode("alice")
	if len(codes) != 10 || len(codes[0]) != 19 {
		t.Fatalf("codes %q", codes)
	}
	typed := strings.NewReplacer("0", "o", "1", "I", "-", " ").Replace(strings.ToUpper(codes[0]))
	_, err := w.withPassword("alice", good, typed)
	b.must(err)
	b.happened("alice", "recovery.code-used", 1)
	_, err = w.withPassword("alice", good, codes[0])
	b.wants(err, bonded.Unauthorized, "used before")
	f, err := b.Factors(t.Context(), "alice")
	if err != nil || f.Codes != 9 {
		t.Errorf("%d codes left, %v", f.Codes, err)
	}
	// A password alone, or a code alone, begins nothing that ends.
	_, _, err = b.Code(t.Context(), "", codes[1], w.visit())
	b.wants(err, bonded.Unauthorized, "")
	b.must(w.retype(good, b.code(seed)))
	more, err := b.NewCodes(t.Context(), w.session())
	b.must(err)
	_, err = w.withPassword("alice", good, codes[1])
	b.wants(err, bonded.Unauthorized, "used before")
	_, err = w.withPassword("alice", good, more[0])
	b.must(err)
}

// TestPasswordAndKey: the second factor may be a passkey, and then no browser is
// unknown.
func TestPasswordAndKey(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.withKey("alice")
	b.must(b.SetPassword(ctx, w.session(), good))
	stranger := b.browser()
	stranger.auth = w.auth
	next, err := stranger.password("alice", good)
	if err != nil || strings.Join(next.Want, " ") != "passkey" {
		t.Fatal(next, err)
	}
	_, err = b.FinishKey(ctx, next.Secret, []byte("{}"), stranger.visit())
	b.wants(err, bonded.Invalid, "no passkey was asked for")
	next, err = stranger.password("alice", good)
	b.must(err)
	options, err := b.BeginKey(ctx, next.Secret)
	b.must(err)
	in, err := b.FinishKey(ctx, next.Secret, stranger.show(options, ""), stranger.visit())
	b.must(err)
	stranger.keep(in)
	if s := stranger.session(); strings.Join(s.Factors, " ") != "password passkey" || !s.Fresh(b.Now()) {
		t.Errorf("session %+v", s)
	}
	// A page in between gets nothing.
	next, err = stranger.password("alice", good)
	b.must(err)
	options, err = b.BeginKey(ctx, next.Secret)
	b.must(err)
	_, err = b.FinishKey(ctx, next.Secret, stranger.show(options, "https://evil.example"), stranger.visit())
	b.wants(err, bonded.Unauthorized, "not accepted")
}

// TestUnknownDevice: password and code, relayed by somebody, open nothing before
// the link in the mail was opened, and then only where the sign-in began.
func TestUnknownDevice(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	_, seed, codes := b.withCode("alice")
	thief := b.browser()
	next, err := thief.withPassword("alice", good, b.code(seed))
	if err != nil || strings.Join(next.Want, " ") != "device" {
		t.Fatal(next, err)
	}
	_, err = b.Resume(ctx, next.Secret, thief.visit())
	b.wants(err, bonded.Conflict, "not opened yet")
	link := b.link("device", "alice")
	// The link is no way in by itself.
	_, err = b.Resume(ctx, link, thief.visit())
	b.wants(err, bonded.Unauthorized, "used before")
	b.must(b.ConfirmDevice(ctx, link))
	b.wants(b.ConfirmDevice(ctx, link), bonded.Unauthorized, "used before")
	in, err := b.Resume(ctx, next.Secret, thief.visit())
	b.must(err)
	thief.keep(in)
	thief.session()
	b.happened("alice", "signin.device", 1)
	_, err = b.Resume(ctx, next.Secret, thief.visit())
	b.wants(err, bonded.Unauthorized, "used before")
	// The browser is known now; another one is not, also with a recovery code.
	if next, err := thief.withPassword("alice", good, b.code(seed)); err != nil || len(next.Want) != 0 {
		t.Error(next, err)
	}
	if next, err := b.browser().withPassword("alice", good, codes[0]); err != nil || strings.Join(next.Want, " ") != "device" {
		t.Error(next, err)
	}
	// It takes too long.
	slow := b.browser()
	next, err = slow.withPassword("alice", good, b.code(seed))
	b.must(err)
	link = b.link("device", "alice")
	b.turn(deviceLife)
	b.wants(b.ConfirmDevice(ctx, link), bonded.Unauthorized, "took too long")
	_, err = b.Resume(ctx, next.Secret, slow.visit())
	b.wants(err, bonded.Unauthorized, "took too long")
	// Without mail a code opens nothing there; a recovery code does.
	b.Send = nil
	_, err = b.browser().withPassword("alice", good, b.code(seed))
	b.wants(err, bonded.Forbidden, "[new-device-login]")
	if next, err := b.browser().withPassword("alice", good, codes[1]); err != nil || len(next.Want) != 0 {
		t.Error(next, err)
	}
}

// TestBreachedLater: a password that comes onto the list after it was chosen
// opens the form to change it and nothing else.
func TestBreachedLater(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w, seed, _ := b.withCode("alice")
	b.lists = append(b.lists, good)
	for range 2 {
		_, err := w.withPassword("alice", good, b.code(seed))
		b.must(err)
	}
	b.happened("alice", "password.breached", 1)
	s := w.session()
	if !s.Enrolling || s.Needs != "password" {
		t.Fatalf("session %+v", s)
	}
	if f, err := b.Factors(ctx, "alice"); err != nil || f.Enough() || f.Breached.IsZero() {
		t.Errorf("factors %+v, %v", f, err)
	}
	_, err := w.addKey()
	b.wants(err, bonded.Forbidden, "choose another password")
	_, err = b.NewCodes(ctx, s)
	b.wants(err, bonded.Forbidden, "choose another password")
	b.wants(b.SetEmail(ctx, s, "mallory@example.org"), bonded.Forbidden, "choose another password")
	b.wants(w.finish(), bonded.Conflict, "nothing to finish")
	b.wants(b.SetPassword(ctx, s, good), bonded.Refused, "[breached-passwords]")
	b.must(b.SetPassword(ctx, s, better))
	if s := w.session(); s.Enrolling {
		t.Errorf("session %+v", s)
	}
	if f, err := b.Factors(ctx, "alice"); err != nil || !f.Enough() {
		t.Errorf("factors %+v, %v", f, err)
	}
}

// small is a hash of good with small figures, as an older version might have made it.
const small = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$TUhCoV6YH8thtZpQqRp0JvQQ5ZYgiLA0LYApKDG6qtM"

func TestHashes(t *testing.T) {
	h := hashPassword(good)
	if !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %s", h)
	}
	if ok, old, err := checkPassword(h, good); !ok || old || err != nil {
		t.Error(ok, old, err)
	}
	if ok, _, err := checkPassword(h, better); ok || err != nil {
		t.Error(ok, err)
	}
	for _, bad := range []string{"", "x", "$argon2id$v=19$m=0,t=0,p=0$$", "$argon2i$v=19$m=8,t=1,p=1$YWFhYWFhYWE$YWFh"} {
		if ok, _, err := checkPassword(bad, ""); ok || err == nil {
			t.Errorf("%q is a hash", bad)
		}
	}
	// Smaller figures are raised at the next sign-in.
	b := newBench(t)
	w, _, _ := b.withCode("alice")
	ok, old, err := checkPassword(small, good)
	if err != nil || !ok || !old {
		t.Fatal(ok, old, err)
	}
	b.update(func(tx *record.Tx) error {
		return tx.SetPassword(record.Password{User: "alice", Hash: small, Changed: noon})
	})
	_, err = w.password("alice", good)
	b.must(err)
	b.update(func(tx *record.Tx) error {
		p, _, err := tx.Password("alice")
		if !strings.HasPrefix(p.Hash, "$argon2id$v=19$m=19456,t=2,p=1$") || !p.Changed.Equal(noon) {
			t.Errorf("kept as %+v", p)
		}
		return err
	})
}
