package identity

import (
	"errors"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// events returns what the journal says of a kind, newest first.
func (b *bench) events(action string) (list []record.Audit) {
	b.t.Helper()
	all, err := b.book.Audits(b.t.Context(), 0, 500)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range all {
		if a.Action == action {
			list = append(list, a)
		}
	}
	return list
}

// TestLeaked: a report ends the token in whatever form it was found, here at
// once and on another node within five seconds; its owner is told where, and the
// token is repeated nowhere.
func TestLeaked(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	elsewhere := b.node()
	for what, of := range map[string]func(Secret) string{
		"itself":       func(s Secret) string { return s.Reveal() },
		"with a blank": func(s Secret) string { return " " + s.Reveal() + "\n" },
		"narrower":     func(s Secret) string { return narrower(t, s.Reveal(), Limits{Versions: []string{"1"}}) },
		"narrower twice": func(s Secret) string {
			return narrower(t, narrower(t, s.Reveal(), Limits{Versions: []string{"1"}}), Limits{Networks: []string{"192.0.2.1"}})
		},
	} {
		t.Run(what, func(t *testing.T) {
			secret, kept := b.make(Limits{})
			text := of(secret)
			b.asks(secret, office)
			ask := Request{Authorization: "Bearer " + secret.Reveal(), From: office}
			if _, err := elsewhere.Authenticate(t.Context(), ask); err != nil {
				t.Fatal(err)
			}
			before := len(b.events("token.leak"))
			for range 2 {
				if found, err := b.Leaked(t.Context(), text, "https://example.org/issues/7"); err != nil || !found {
					t.Fatal(found, err)
				}
			}
			_, err := b.ask(secret, office)
			refused(t, "here", err, bonded.Unauthorized, "was revoked")
			b.later(remember)
			_, err = elsewhere.Authenticate(t.Context(), ask)
			refused(t, "elsewhere", err, bonded.Unauthorized, "was revoked")
			list := b.events("token.leak")
			if len(list) != before+1 || list[0].Account != "alice" || list[0].Subject != kept.ID || list[0].Detail != "found in https://example.org/issues/7" || !list[0].Tell {
				t.Errorf("the journal has %d lines more, the last: %+v", len(list)-before, list[0])
			}
		})
	}
	secret, kept := b.make(Limits{})
	whole := narrower(t, secret.Reveal(), Limits{TTL: time.Minute})
	forged, _, err := narrowedBy(secret.hash(), Limits{Versions: []string{"1"}})
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"nothing": "", "no token": "hello", "unknown": newSecret(tokenPrefix).Reveal(), "an enrolment link": newSecret(enrolmentPrefix).Reveal(),
		"cut off": whole[:len(whole)-1], "made without the token": forged,
	} {
		if found, err := b.Leaked(t.Context(), text, "x"); err != nil || found {
			t.Errorf("%s: %v, %v", what, found, err)
		}
	}
	b.asks(secret, office)
	// One that is over does no harm, and ending the token for it would.
	b.later(time.Minute)
	if found, err := b.Leaked(t.Context(), whole, "an old log"); err != nil || !found {
		t.Error(found, err)
	}
	b.asks(secret, office)
	b.later(kept.Expires.Sub(b.Now()))
	before := len(b.events("token.leak"))
	if found, err := b.Leaked(t.Context(), secret.Reveal(), "an old log"); err != nil || !found || len(b.events("token.leak")) != before {
		t.Error("an expired one:", found, err)
	}
}

func TestEndUnused(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	long := Limits{TTL: MaxTTL}
	idle, idleKept := b.make(long)
	used, _ := b.make(long)
	b.later(20 * 24 * time.Hour)
	young, _ := b.make(long)
	b.asks(used, office)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	last, err := b.idle(t.Context(), "one", time.Time{})
	if err != nil || !last.Equal(b.Now()) {
		t.Fatal(last, err)
	}
	b.asks(idle, office)
	b.later(10*24*time.Hour + time.Second)
	// Another node does not do it again while the first has the work.
	if last, err := b.idle(t.Context(), "two", b.Now()); err != nil || !last.Equal(b.Now()) {
		t.Error(last, err)
	}
	// The use above was not written down yet; Run writes first, then looks.
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.idle(t.Context(), "one", last); err != nil {
		t.Fatal(err)
	}
	b.asks(idle, office)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.later(IdleTTL + time.Hour)
	b.asks(young, office)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.EndUnused(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = b.ask(idle, office)
	refused(t, "idle", err, bonded.Unauthorized, "was revoked")
	b.asks(young, office)
	list := b.events("token.unused")
	if len(list) != 2 || list[0].Subject != idleKept.ID && list[1].Subject != idleKept.ID || list[1].Account != "alice" || list[1].Actor != "bonded" {
		t.Errorf("%+v", list)
	}
	if k, err := b.book.TokenByID(t.Context(), idleKept.ID); err != nil || k.Why != "nobody used it for thirty days" {
		t.Error(k.Why, err)
	}
}

// TestAdminTokens: an account that somebody has taken into use acts for itself.
func TestAdminTokens(t *testing.T) {
	b := newBench(t)
	for _, u := range []string{"bot", "keys", "codes"} {
		b.user(u)
	}
	b.write(func(tx *record.Tx) error {
		return errors.Join(tx.AddPasskey(record.Passkey{ID: []byte("1"), User: "keys", Body: []byte("{}"), Created: noon}),
			tx.SetTOTP(record.TOTP{User: "codes", Sealed: []byte("x"), Created: noon}),
			tx.AddOverride(record.Override{ID: "ok", Operator: "ann", Account: "keys", Reason: "a release is burning", Created: noon, Until: noon.Add(time.Hour)}),
			tx.AddOverride(record.Override{ID: "asked", Operator: "ann", Account: "keys", Created: noon, Until: noon.Add(time.Hour)}))
	})
	b.write(func(tx *record.Tx) error {
		_, err := tx.AgreeOverride("ok", "ben", noon, noon.Add(time.Hour))
		return err
	})
	l := Limits{Scopes: scopes(t, "publish:npm/x")}
	admin := func(user, override string) error {
		_, _, err := b.AdminToken(t.Context(), user, l, override)
		return err
	}
	if err := admin("bot", ""); err != nil {
		t.Fatal(err)
	}
	for _, u := range []string{"keys", "codes"} {
		refused(t, u, admin(u, ""), bonded.Forbidden, u+" has taken this account into use and acts for itself")
	}
	refused(t, "nobody's", admin("keys", "none"), bonded.NotFound, "no override none")
	refused(t, "half", admin("keys", "asked"), bonded.Forbidden, "no second administrator")
	refused(t, "another's", admin("codes", "ok"), bonded.Forbidden, "it is for the account keys")
	if n := len(b.events("glass.use")); n != 0 {
		t.Errorf("%d events of what was refused", n)
	}
	if err := admin("keys", "ok"); err != nil {
		t.Fatal(err)
	}
	refused(t, "again", admin("keys", "ok"), bonded.Forbidden, "used already")
	list := b.events("glass.use")
	if len(list) != 1 || list[0].Account != "keys" || !strings.Contains(list[0].Detail, "agreed by ann and ben: a release is burning") {
		t.Errorf("%+v", list)
	}
}

func TestSetRole(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	for _, role := range []string{RoleAdministrator, RoleModerator, ""} {
		if err := b.SetRole(t.Context(), "alice", role); err != nil {
			t.Fatal(err)
		}
		u, err := b.User(t.Context(), "alice")
		if got := strings.Join(u.Roles, " "); err != nil || got != role {
			t.Errorf("%q, want %q, %v", got, role, err)
		}
	}
	refused(t, "no role", b.SetRole(t.Context(), "alice", "king"), bonded.Invalid, "moderator and administrator")
	refused(t, "nobody", b.SetRole(t.Context(), "bob", RoleModerator), bonded.NotFound, "no user bob")
	if list := b.events("user.role"); len(list) != 3 || list[0].Detail != "none" || list[2].Detail != "administrator" {
		t.Errorf("%+v", list)
	}
}

// TestOpenedAgain: whoever was in an account when it was closed is not in it when
// it is opened again.
func TestOpenedAgain(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	session := record.Session{ID: "s", User: "alice", Kind: "full", Created: b.Now(), Seen: b.Now(), Rotated: b.Now()}
	login := record.Ceremony{Hash: bonded.DigestOf([]byte("login")), Kind: "login", User: "alice", Created: b.Now(), Expires: b.Now().Add(time.Hour)}
	update := func(do func(*record.Tx) error) {
		t.Helper()
		if err := b.book.Update(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *record.Tx) error {
		return errors.Join(tx.AddSession(session, bonded.DigestOf([]byte("cookie"))), tx.AddCeremony(login))
	})
	if err := errors.Join(b.DisableUser(t.Context(), "alice"), b.EnableUser(t.Context(), "alice")); err != nil {
		t.Fatal(err)
	}
	update(func(tx *record.Tx) error {
		list, err := tx.Sessions("alice")
		_, goesOn, err2 := tx.Ceremony("login", login.Hash, b.Now())
		if len(list) > 0 || goesOn {
			t.Errorf("sessions %v, a log-in goes on %v", list, goesOn)
		}
		return errors.Join(err, err2)
	})
}
