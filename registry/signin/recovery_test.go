package signin

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// proves proves the address of somebody who is signed in.
func (w *browser) proves(user string) {
	w.b.t.Helper()
	ctx := w.b.t.Context()
	w.b.must(w.b.SetEmail(ctx, w.session(), user+"@example.org"))
	got, err := w.b.VerifyEmail(ctx, w.b.link("verify", user))
	if err != nil || got != user {
		w.b.t.Fatal(got, err)
	}
}

// asks begins a recovery and returns the link in the mail.
func (b *bench) asks(user string) string {
	b.t.Helper()
	b.must(b.AskRecovery(b.t.Context(), user, b.browser().visit()))
	return b.link("recover", user)
}

// TestRecovery: mailbox and recovery code, three days, and as many factors as
// before; until then nothing has changed, and then nothing of before is left.
func TestRecovery(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx := b.t.Context()
		w := b.withKey("alice")
		b.must(b.SetPassword(ctx, w.session(), good))
		codes, err := b.NewCodes(ctx, w.session())
		b.must(err)
		w.proves("alice")
		scope, err := identity.ParseScope("publish:*")
		b.must(err)
		token, _, err := b.Keeper.MakeToken(ctx, "alice", identity.Limits{Scopes: []identity.Scope{scope}, TTL: 80 * 24 * time.Hour}, "web", "alice")
		b.must(err)

		link := b.asks("alice")
		_, err = b.Recover(ctx, link, "aaaa-aaaa-aaaa-aaaa")
		b.wants(err, bonded.Unauthorized, "wrong, or was used before")
		due, err := b.Recover(ctx, link, codes[0])
		if err != nil || !due.Equal(b.Now().Add(72*time.Hour)) {
			b.t.Fatal(due, err)
		}
		_, err = b.Recover(ctx, link, codes[1])
		b.wants(err, bonded.Unauthorized, "used before")
		again, err := b.Recover(ctx, b.asks("alice"), codes[1])
		if err != nil || !again.Equal(due) {
			b.t.Error("asked again it waits until", again, err)
		}
		b.turn(71 * time.Hour)
		b.must(b.Waiting.Due(ctx))
		if b.letters() != 0 {
			b.t.Errorf("letters too early: %+v", b.mail)
		}
		b.due()
		lost := b.browser()
		link = b.link("enrol", "alice")
		in, err := b.Enrol(ctx, link, lost.visit())
		b.must(err)
		lost.keep(in)
		_, err = b.Enrol(ctx, link, lost.visit())
		b.wants(err, bonded.Unauthorized, "")

		b.wants(lost.finish(), bonded.Conflict, "[recovery-policy]")
		_, err = lost.addKey()
		b.must(err)
		b.wants(lost.finish(), bonded.Conflict, "at least 2, of them 1 passkeys; you have 1")
		// What is collected is not the account's yet.
		b.wants(lost.passkey(), bonded.Unauthorized, "does not know the passkey")
		b.must(w.passkey())
		b.must(b.SetPassword(ctx, lost.session(), better))
		if _, err := w.password("alice", good); err != nil {
			b.t.Error("the old password ended before the recovery did:", err)
		}
		if _, err := b.Keeper.Authenticate(ctx, identity.Request{Authorization: "Bearer " + token.Reveal()}); err != nil {
			b.t.Error("the token ended before the recovery did:", err)
		}
		more, err := b.NewCodes(ctx, lost.session())
		b.must(err)
		if f, err := b.Progress(ctx, lost.session()); err != nil || len(f.Passkeys) != 1 || f.Codes != 10 || f.Password.IsZero() {
			b.t.Errorf("progress %+v, %v", f, err)
		}
		b.must(lost.finish())
		if s := lost.session(); s.Enrolling || !s.Fresh(b.Now()) {
			b.t.Errorf("session %+v", s)
		}
		_, _, err = b.Session(ctx, w.cookie)
		b.wants(err, bonded.Unauthorized, "not signed in")
		b.wants(w.passkey(), bonded.Unauthorized, "does not know the passkey")
		_, err = w.password("alice", good)
		b.wants(err, bonded.Unauthorized, "wrong")
		_, err = b.Keeper.Authenticate(ctx, identity.Request{Authorization: "Bearer " + token.Reveal()})
		b.wants(err, bonded.Unauthorized, "revoked")
		b.must(lost.passkey())
		f, err := b.Factors(ctx, "alice")
		if err != nil || len(f.Passkeys) != 1 || f.Codes != 10 || !f.TOTP.IsZero() {
			b.t.Errorf("factors %+v, %v", f, err)
		}
		b.must(b.SetPassword(ctx, lost.session(), "a third password of the day"))
		if ok, err := b.spend("alice", more[0]); err != nil || !ok {
			b.t.Error("the new codes are not good", err)
		}
		b.happened("alice", "recovery.ask", 1)
		b.happened("alice", "recovery.done", 1)
	})
}

func (b *bench) spend(user, code string) (ok bool, err error) {
	err = b.Book.Update(b.t.Context(), func(tx *record.Tx) error {
		ok, err = tx.UseCode(user, codeHash(code), b.Now())
		return err
	})
	return ok, err
}

// TestRecoveryLowersNothing: somebody with a passkey is not recovered to a
// password and codes, and what was added meanwhile counts as well.
func TestRecoveryLowersNothing(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.withKey("alice")
	w.proves("alice")
	codes, err := b.NewCodes(ctx, w.session())
	b.must(err)
	_, err = b.Recover(ctx, b.asks("alice"), codes[0])
	b.must(err)
	b.due()
	thief := b.browser()
	in, err := b.Enrol(ctx, b.link("enrol", "alice"), thief.visit())
	b.must(err)
	thief.keep(in)
	b.must(b.SetPassword(ctx, thief.session(), better))
	thief.addApp()
	b.wants(thief.finish(), bonded.Conflict, "of them 1 passkeys; you have 2, of them 0 passkeys [recovery-policy]")
	// While it goes on its owner adds another passkey: then two are needed.
	b.must(w.passkey())
	_, err = w.addKey()
	b.must(err)
	_, err = thief.addKey()
	b.must(err)
	b.wants(thief.finish(), bonded.Conflict, "of them 2 passkeys; you have 3, of them 1 passkeys")
	b.happened("alice", "recovery.done", 0)
}

// TestRecoveryIsCancelled: the link in the notice ends it.
func TestRecoveryIsCancelled(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w, _, codes := b.withCode("alice")
	w.proves("alice")
	_, err := b.Recover(ctx, b.asks("alice"), codes[0])
	b.must(err)
	list, err := b.Book.WaitingOfAccount(ctx, "alice")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	b.must(b.Waiting.CancelByLink(ctx, list[0].ID, b.Waiting.Secret(list[0].ID)))
	b.due()
	if b.letters() != 0 {
		t.Errorf("letters %+v", b.mail)
	}
}

// TestRecoveryTellsNobody: the answer is the same for an account, for none, for
// one without a proven address, and a mail is sent to the first alone, and not
// without end.
func TestRecoveryTellsNobody(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w, _, _ := b.withCode("alice")
	w.proves("alice")
	b.withCode("unproven")
	b.withCode("closed")
	b.must(b.Keeper.DisableUser(ctx, "closed"))
	for _, user := range []string{"nobody", "unproven", "closed", "alice", "no name"} {
		if err := b.AskRecovery(ctx, user, Visit{}); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
	if b.letters() != 1 || b.mail[0].To != "alice@example.org" || !strings.HasPrefix(b.mail[0].Path, "recover/bnc_") {
		t.Errorf("letters %+v", b.mail)
	}
	for range 20 {
		b.must(b.AskRecovery(ctx, "alice", Visit{}))
	}
	if b.letters() != accountLetters.burst {
		t.Errorf("%d letters to one account", b.letters())
	}
	n := passed(30, func(int) error { return b.AskRecovery(ctx, "nobody", anywhere(0)) })
	if err := b.AskRecovery(ctx, "nobody", anywhere(0)); n != 0 {
		t.Error(n)
	} else {
		b.wants(err, bonded.TooMany, "your network")
	}
	// Every step on its own is refused.
	for _, secret := range []string{"", "x", identity.NewSecret(identity.CeremonyPrefix).Reveal()} {
		_, err := b.Recover(ctx, secret, "")
		b.wants(err, bonded.Unauthorized, "")
		_, err = b.Enrol(ctx, secret, Visit{})
		b.wants(err, bonded.Unauthorized, "")
	}
	// The first link is not the last one.
	_, err := b.Enrol(ctx, b.link("recover", "alice"), Visit{})
	b.wants(err, bonded.Unauthorized, "")
}

// organise makes an organisation.
func (b *bench) organise(org, members string) {
	b.t.Helper()
	b.update(func(tx *record.Tx) error {
		err := tx.AddOrg(record.Org{Name: org, Created: b.Now()})
		for _, m := range strings.Fields(members) {
			user, role, _ := strings.Cut(m, ":")
			err = errors.Join(err, tx.PutMember(record.Member{Org: org, User: user, Role: role, Since: b.Now()}))
		}
		return err
	})
}

// TestVouching: two owners of one organisation, each with a passkey, and then it
// waits as well.
func TestVouching(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w := b.withKey("alice")
	w.proves("alice")
	owners := map[string]*browser{}
	for _, u := range []string{"bob", "carol", "dan", "member"} {
		owners[u] = b.withKey(u)
	}
	b.organise("acme", "alice:member bob:owner carol:owner member:member")
	b.organise("other", "alice:member dan:owner")
	link := b.asks("alice")
	due, err := b.Recover(ctx, link, "")
	if err != nil || !due.IsZero() {
		t.Fatal(due, err)
	}
	v, err := b.Recovery(ctx, link)
	if err != nil || v.ID == "" || v.User != "alice" {
		t.Fatal(v, err)
	}
	for user, text := range map[string]string{"member": "only an owner", "alice": "vouches for themselves"} {
		s := w.session()
		if user != "alice" {
			s = owners[user].session()
		}
		_, err := b.Vouch(ctx, s, v.ID)
		b.wants(err, bonded.Forbidden, text)
	}
	if user, err := b.Asks(ctx, owners["bob"].session(), v.ID); err != nil || user != "alice" {
		t.Errorf("bob is asked for his word for %q, %v", user, err)
	}
	_, err = b.Asks(ctx, owners["member"].session(), v.ID)
	b.wants(err, bonded.Forbidden, "only an owner")
	_, err = b.Vouch(ctx, owners["bob"].session(), "nothing")
	b.wants(err, bonded.NotFound, "under this id")
	b.turn(StepUpLife + time.Second)
	_, err = b.Vouch(ctx, owners["bob"].session(), v.ID)
	b.wants(err, bonded.Unauthorized, "step_up_required")
	vouch := func(user string) (time.Time, error) {
		return b.Vouch(ctx, owners[user].fresh().session(), v.ID)
	}
	if due, err := vouch("bob"); err != nil || !due.IsZero() {
		t.Fatal(due, err)
	}
	_, err = vouch("bob")
	b.wants(err, bonded.Conflict, "vouched already")
	// An owner of another organisation makes no quorum with one of this.
	if due, err := vouch("dan"); err != nil || !due.IsZero() {
		t.Fatal(due, err)
	}
	due, err = vouch("carol")
	if err != nil || !due.Equal(b.Now().Add(72*time.Hour)) {
		t.Fatal(due, err)
	}
	b.happened("alice", "recovery.vouch", 3)
	b.happened("alice", "recovery.ask", 2)
	b.due()
	b.link("enrol", "alice")
}

// TestNoStaffStep: no link of an administrator opens an account that is in use.
func TestNoStaffStep(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.withKey("alice")
	link, err := b.Keeper.NewEnrolment(ctx, "alice")
	b.must(err)
	_, err = b.Enrol(ctx, link.Reveal(), Visit{})
	b.wants(err, bonded.Forbidden, "[recovery-policy]")
	// Somebody who never came to the end gets another link.
	b.enrol("bob")
	link, err = b.Keeper.NewEnrolment(ctx, "bob")
	b.must(err)
	_, err = b.Enrol(ctx, link.Reveal(), Visit{})
	b.must(err)
}

// TestRecoveryMailIsTriedAgain: a mail server that is down loses no recovery.
func TestRecoveryMailIsTriedAgain(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w, _, codes := b.withCode("alice")
	w.proves("alice")
	_, err := b.Recover(ctx, b.asks("alice"), codes[0])
	b.must(err)
	send := b.Send
	b.Send = func(context.Context, Letter) error { return errors.New("down") }
	b.due()
	b.Send = send
	b.must(b.Waiting.Due(ctx))
	b.link("enrol", "alice")
}

// TestOneRecoveryWaits: two at once, and one by owners' word beside one by code,
// are one recovery.
func TestOneRecoveryWaits(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	w, _, codes := b.withCode("alice")
	w.proves("alice")
	owners := map[string]*browser{"bob": b.withKey("bob"), "carol": b.withKey("carol")}
	b.organise("acme", "alice:member bob:owner carol:owner")
	asked := b.asks("alice")
	_, err := b.Recover(ctx, asked, "")
	b.must(err)
	v, err := b.Recovery(ctx, asked)
	b.must(err)
	links := []string{b.asks("alice"), b.asks("alice")}
	var both sync.WaitGroup
	for i, link := range links {
		both.Go(func() {
			if _, err := b.Recover(ctx, link, codes[i]); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	one := func(what string) {
		t.Helper()
		if list, err := b.Book.WaitingOfAccount(ctx, "alice"); err != nil || len(list) != 1 {
			t.Errorf("%s: %+v, %v", what, list, err)
		}
	}
	one("two at once")
	for user, owner := range owners {
		_, err := b.Vouch(ctx, owner.fresh().session(), v.ID)
		b.must(err)
		one("and " + user + " vouched")
	}
}
