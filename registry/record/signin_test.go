package record

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bonded.dev"
)

func withAlice(t *testing.T, test func(t *testing.T, b *Book)) {
	withBook(t, func(t *testing.T, b *Book) {
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.AddUser(User{Name: "alice", Email: "a@example.org", Created: noon}), tx.AddUser(User{Name: "bob", Created: noon}))
		})
		test(t, b)
	})
}

func TestFactorsAreKept(t *testing.T) {
	withAlice(t, func(t *testing.T, b *Book) {
		later := noon.Add(time.Hour)
		key := Passkey{ID: []byte{0, 255}, User: "alice", Label: "phone\x00", Body: []byte("{}"), Created: noon, Counts: later}
		update(t, b, func(tx *Tx) error {
			return errors.Join(
				tx.SetPassword(Password{User: "alice", Hash: "a", Changed: noon}), tx.SetPassword(Password{User: "alice", Hash: "b", Changed: later, Breached: later}),
				tx.AddPasskey(key), tx.SetTOTP(TOTP{User: "alice", Sealed: []byte{1}, Created: noon, Step: 7}),
				tx.SetEmail("alice", "b@example.org", later))
		})
		key.Label = "phone"
		view(t, b, func(tx *Tx) error {
			p, ok, err := tx.Password("alice")
			if want := (Password{"alice", "b", later, later}); p != want || !ok {
				t.Errorf("password %+v", p)
			}
			_, ok, err2 := tx.Password("bob")
			if ok {
				t.Error("bob has a password")
			}
			keys, err3 := tx.Passkeys("alice")
			one, ok, err4 := tx.PasskeyByID([]byte{0, 255})
			if !reflect.DeepEqual(keys, []Passkey{key}) || !ok || !reflect.DeepEqual(one, key) {
				t.Errorf("passkeys %+v, %+v", keys, one)
			}
			u, err5 := tx.Account("alice")
			if u.Email != "b@example.org" || !u.Verified.Equal(later) {
				t.Errorf("account %+v", u)
			}
			return errors.Join(err, err2, err3, err4, err5)
		})
		err := b.Update(t.Context(), func(tx *Tx) error { return tx.AddPasskey(Passkey{ID: key.ID, User: "bob", Body: []byte("{}")}) })
		wantKind(t, err, bonded.Conflict)
		update(t, b, func(tx *Tx) error {
			first, err := tx.UsePasskey(key.ID, key.Body, []byte("2"), later)
			second, err2 := tx.UsePasskey(key.ID, key.Body, []byte("3"), later)
			if !first || second {
				t.Error("a passkey's count was used from an old state:", first, second)
			}
			stranger, err3 := tx.RemovePasskey("bob", key.ID)
			gone, err4 := tx.RemovePasskey("alice", key.ID)
			if stranger || !gone {
				t.Error("removed by", stranger, gone)
			}
			return errors.Join(err, err2, err3, err4, tx.RemovePassword("alice"), tx.RemoveTOTP("alice"))
		})
		view(t, b, func(tx *Tx) error {
			_, password, err := tx.Password("alice")
			_, totp, err2 := tx.TOTP("alice")
			if password || totp {
				t.Error("a factor that was removed is there")
			}
			_, err3 := tx.Account("nobody")
			wantKind(t, err3, bonded.NotFound)
			return errors.Join(err, err2)
		})
	})
}

// TestOnceIsOnce: codes, time steps and ceremonies go to one of many callers.
func TestOnceIsOnce(t *testing.T) {
	withAlice(t, func(t *testing.T, b *Book) {
		code, other := bonded.DigestOf([]byte("code")), bonded.DigestOf([]byte("other"))
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.SetCodes("alice", []bonded.Digest{code, other}, noon), tx.SetTOTP(TOTP{User: "alice", Sealed: []byte{1}, Step: 7}),
				tx.AddCeremony(Ceremony{Hash: code, Kind: "k", Created: noon, Expires: noon.Add(time.Minute)}))
		})
		for what, take := range map[string]func(*Tx) (bool, error){
			"code":      func(tx *Tx) (bool, error) { return tx.UseCode("alice", code, noon) },
			"time step": func(tx *Tx) (bool, error) { return tx.TakeStep("alice", 8) },
			"ceremony":  func(tx *Tx) (bool, error) { _, ok, err := tx.TakeCeremony("k", code, noon); return ok, err },
		} {
			var got atomic.Int32
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					var ok bool
					if err := b.Update(t.Context(), func(tx *Tx) (err error) { ok, err = take(tx); return err }); err != nil {
						t.Error(what, err)
					}
					if ok {
						got.Add(1)
					}
				})
			}
			wg.Wait()
			if got.Load() != 1 {
				t.Errorf("%s was taken %d times", what, got.Load())
			}
		}
		update(t, b, func(tx *Tx) error {
			earlier, err := tx.TakeStep("alice", 7)
			stranger, err2 := tx.UseCode("bob", other, noon)
			n, err3 := tx.CodesLeft("alice")
			if earlier || stranger || n != 1 {
				t.Error("earlier step", earlier, "stranger", stranger, "codes left", n)
			}
			return errors.Join(err, err2, err3)
		})
	})
}

func TestCeremoniesEnd(t *testing.T) {
	withAlice(t, func(t *testing.T, b *Book) {
		h := bonded.DigestOf([]byte("a"))
		c := Ceremony{Hash: h, Kind: "k", User: "alice", Code: "AB-CD", Body: []byte("1"), Created: noon, Expires: noon.Add(time.Minute)}
		update(t, b, func(tx *Tx) error { return tx.AddCeremony(c) })
		update(t, b, func(tx *Tx) error {
			got, ok, err := tx.Ceremony("k", h, noon)
			if !ok || !reflect.DeepEqual(got, c) {
				t.Errorf("ceremony %+v", got)
			}
			_, other, err2 := tx.Ceremony("another kind", h, noon)
			_, late, err3 := tx.Ceremony("k", h, c.Expires)
			_, byCode, err4 := tx.CeremonyByCode("k", "AB-CD", noon)
			_, byNothing, err5 := tx.CeremonyByCode("k", "", noon)
			if other || late || !byCode || byNothing {
				t.Error("found as another kind", other, "too late", late, "by code", byCode, "by no code", byNothing)
			}
			c.Body, c.Expires = []byte("2"), noon.Add(time.Hour)
			kept, err6 := tx.PutCeremony(c)
			missing, err7 := tx.PutCeremony(Ceremony{Hash: bonded.DigestOf(nil)})
			if !kept || missing {
				t.Error("kept", kept, "missing", missing)
			}
			return errors.Join(err, err2, err3, err4, err5, err6, err7)
		})
		// What has expired is forgotten when the next one begins.
		update(t, b, func(tx *Tx) error {
			next := Ceremony{Hash: bonded.DigestOf([]byte("b")), Kind: "k", User: "alice", Created: noon.Add(time.Hour), Expires: noon.Add(2 * time.Hour)}
			if err := tx.AddCeremony(next); err != nil {
				return err
			}
			_, old, err := tx.Ceremony("k", h, noon)
			if old {
				t.Error("an expired ceremony is still there")
			}
			err2 := tx.EndCeremonies("k", "alice")
			_, there, err3 := tx.Ceremony("k", next.Hash, noon)
			if there {
				t.Error("a ceremony that was ended is still there")
			}
			return errors.Join(err, err2, err3)
		})
	})
}

func TestSessionsRotate(t *testing.T) {
	withAlice(t, func(t *testing.T, b *Book) {
		first, second := bonded.DigestOf([]byte("1")), bonded.DigestOf([]byte("2"))
		s := Session{ID: "s1", User: "alice", Kind: "full", Factors: []string{"password", "totp"}, Label: "Firefox", Created: noon, Seen: noon, Rotated: noon, Stepped: noon}
		update(t, b, func(tx *Tx) error {
			return errors.Join(tx.AddSession(s, first), tx.RotateSession("s1", second, noon.Add(time.Hour)),
				tx.AddSession(Session{ID: "s2", User: "alice", Kind: "full"}, bonded.DigestOf([]byte("3"))), tx.PutDevice("alice", first, noon))
		})
		s.Rotated, s.Seen = noon.Add(time.Hour), noon.Add(time.Hour)
		update(t, b, func(tx *Tx) error {
			got, ok, err := tx.SessionByCookie(second)
			if !ok || !reflect.DeepEqual(got, s) {
				t.Errorf("session %+v", got)
			}
			_, current, err2 := tx.SessionByCookie(first)
			past, retired, was, err3 := tx.SessionByPast(first)
			if current || !was || past.ID != "s1" || !retired.Equal(noon.Add(time.Hour)) {
				t.Error("an old cookie is current", current, "or forgotten", !was, "retired", retired)
			}
			s.Kind, s.About, s.Taken, s.Stepped, s.Seen = "enrolling", "{}", true, time.Time{}, noon.Add(2*time.Hour)
			err4 := errors.Join(tx.PutSession(s), tx.SeeSession("s1", second, s.Seen), tx.SeeSession("s1", first, noon))
			got, _, err5 := tx.SessionByID("s1")
			if !reflect.DeepEqual(got, s) {
				t.Errorf("changed to %+v", got)
			}
			mine, err6 := tx.KnowsDevice("alice", first)
			his, err7 := tx.KnowsDevice("bob", first)
			if !mine || his {
				t.Error("device known to alice", mine, "to bob", his)
			}
			stranger, err8 := tx.EndSession("bob", "s1")
			if stranger {
				t.Error("bob ended alice's session")
			}
			return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, tx.SetDisabled("alice", noon))
		})
		update(t, b, func(tx *Tx) error {
			got, _, err := tx.SessionByID("s1")
			if !got.Closed.Equal(noon) {
				t.Error("a session does not say that its account is closed")
			}
			n, err2 := tx.EndSessions("alice", "s2")
			list, err3 := tx.Sessions("alice")
			_, _, was, err4 := tx.SessionByPast(first)
			if n != 1 || len(list) != 1 || list[0].ID != "s2" || was {
				t.Errorf("ended %d, left %+v, remembers cookies %t", n, list, was)
			}
			gone, err5 := tx.EndSession("alice", "s2")
			if !gone {
				t.Error("a session cannot be ended")
			}
			return errors.Join(err, err2, err3, err4, err5, tx.ForgetDevices("alice"))
		})
	})
}

func TestSharedOrgs(t *testing.T) {
	withAlice(t, func(t *testing.T, b *Book) {
		update(t, b, func(tx *Tx) error {
			for _, s := range []string{
				`INSERT INTO org (name, created, two_person) VALUES ('acme', 1, 0), ('other', 1, 0)`,
				`INSERT INTO member (org, user_name, role, since) VALUES ('acme', 'bob', 'owner', 1), ('acme', 'alice', 'member', 1), ('other', 'bob', 'owner', 1)`,
			} {
				if _, err := tx.exec("prepare", s); err != nil {
					return err
				}
			}
			got, err := tx.SharedOrgs("bob", "alice")
			none, err2 := tx.SharedOrgs("alice", "bob")
			if !reflect.DeepEqual(got, []string{"acme"}) || len(none) != 0 {
				t.Errorf("bob owns %v that alice is in, the other way %v", got, none)
			}
			return errors.Join(err, err2)
		})
	})
}
