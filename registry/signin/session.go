package signin

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// Kinds of sessions, as they are stored.
const (
	full      = "full"
	enrolling = "enrolling"
	breached  = "breached"
)

const (
	rotateEvery = time.Hour
	// grace is how long the cookie before is good, for requests that were on
	// their way when the session got another.
	grace = 30 * time.Second
	// seeEvery is how exactly the book knows when a session was used.
	seeEvery = time.Minute
)

// Session returns whose a cookie is, and a new cookie when it is time to rotate.
// An unknown, ended, idle or old one is an error of kind Unauthorized.
//
// A session gets another cookie every hour and at each proof. The one before is
// good for thirty seconds more, without the proof; shown later it means that two
// browsers have the session, and the session ends. It does not when the newest
// cookie was never shown: then the answer that carried it was lost on its way.
func (r *Room) Session(ctx context.Context, cookie string) (s *Session, rotated identity.Secret, err error) {
	secret, err := identity.ParseSecret(cookie, identity.SessionPrefix, "session")
	if err != nil {
		return nil, rotated, err
	}
	hash, now := secret.Hash(), r.Now()
	var row record.Session
	var newest, past bool
	var retired time.Time
	err = r.Book.View(ctx, func(tx *record.Tx) (err error) {
		if row, newest, err = tx.SessionByCookie(hash); err != nil || newest {
			return err
		}
		row, retired, past, err = tx.SessionByPast(hash)
		return err
	})
	switch {
	case err != nil:
		return nil, rotated, err
	case !newest && !past || !row.Closed.IsZero() || r.over(row, now):
		return nil, rotated, signedOut()
	case past && now.Sub(retired) <= grace:
		row.Stepped, row.Retyped = time.Time{}, time.Time{}
		return r.session(row), rotated, nil
	case past && r.without("session-hygiene"):
		return r.session(row), rotated, nil
	case past && (row.Taken || retired.Before(row.Rotated)):
		return nil, rotated, r.robbed(ctx, row)
	case past || now.Sub(row.Rotated) >= rotateEvery:
		return r.rotate(ctx, row.ID, hash, past)
	case !row.Taken || now.Sub(row.Seen) >= seeEvery:
		err = r.Book.Update(ctx, func(tx *record.Tx) error { return tx.SeeSession(row.ID, hash, now) })
	}
	return r.session(row), rotated, err
}

// over says if a session's time is up.
func (r *Room) over(row record.Session, now time.Time) bool {
	if r.without("session-hygiene") {
		return false
	}
	life := WholeLife
	if row.Kind != full {
		life = EnrolLife
	}
	return now.Sub(row.Created) >= life || now.Sub(row.Seen) >= IdleLife
}

func signedOut() error {
	return bonded.Errorf(bonded.Unauthorized, "you are not signed in here any more; sign in again")
}

// robbed ends a session that two browsers have.
func (r *Room) robbed(ctx context.Context, row record.Session) error {
	err := r.Book.Update(ctx, func(tx *record.Tx) error {
		ended, err := tx.EndSession(row.User, row.ID)
		if err != nil || !ended {
			return err
		}
		return event.Record(tx, record.Audit{At: r.Now(), Actor: "bonded", Action: "session.reuse", Subject: row.User, Account: row.User, Detail: row.Label})
	})
	if err != nil {
		return err
	}
	return signedOut()
}

// rotate gives a session another cookie. Of two requests at the same moment one
// gets it; the other goes on with its own, which is good for a while.
func (r *Room) rotate(ctx context.Context, id string, hash bonded.Digest, past bool) (*Session, identity.Secret, error) {
	cookie, now := identity.NewSecret(identity.SessionPrefix), r.Now()
	var row record.Session
	given := false
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		found := false
		if row, found, err = tx.SessionByID(id); err != nil {
			return err
		}
		if !found {
			return signedOut()
		}
		given = past && !row.Taken
		if !past {
			_, given, err = tx.SessionByCookie(hash)
		}
		if err != nil || !given {
			return err
		}
		if past {
			// Whoever comes with an old cookie has not the proof of the newer one.
			row.Stepped, row.Retyped = time.Time{}, time.Time{}
			if err := tx.PutSession(row); err != nil {
				return err
			}
		}
		if err := tx.RotateSession(id, cookie.Hash(), now); err != nil || !past {
			return err
		}
		return tx.RetireCookie(hash, now)
	})
	if err != nil {
		return nil, identity.Secret{}, err
	}
	if !given {
		row.Stepped, row.Retyped, cookie = time.Time{}, time.Time{}, identity.Secret{}
	}
	return r.session(row), cookie, nil
}

// session is what others see of a row.
func (r *Room) session(row record.Session) *Session {
	s := &Session{
		ID: row.ID, User: row.User, Factors: row.Factors, Label: row.Label, Created: row.Created, Seen: row.Seen,
		Stepped: row.Stepped, Retyped: row.Retyped, This: true, recovery: row.About != "",
	}
	if r.without("step-up") {
		s.Stepped = r.Now()
	}
	switch {
	case !row.Frozen.IsZero():
		s.Needs = "address"
	case row.Kind == breached:
		s.Needs = "password"
	case row.Kind != full:
		s.Needs = "factors"
	}
	s.Enrolling = s.Needs != ""
	return s
}

// Sessions lists the user's sessions.
func (r *Room) Sessions(ctx context.Context, s *Session) (list []Session, err error) {
	now := r.Now()
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		rows, err := tx.Sessions(s.User)
		list = nil
		for _, row := range rows {
			if r.over(row, now) {
				continue
			}
			one := r.session(row)
			one.This = row.ID == s.ID
			list = append(list, *one)
		}
		return err
	})
	return list, err
}

// SignOut ends one of the user's sessions.
func (r *Room) SignOut(ctx context.Context, s *Session, id string) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if r.without("session-hygiene") {
			return nil
		}
		ended, err := tx.EndSession(s.User, id)
		if err != nil {
			return err
		}
		if !ended {
			return bonded.Errorf(bonded.NotFound, "there is no such session; it may have ended already")
		}
		return r.note(tx, s.User, "session.end", "")
	})
}

// SignOutOthers ends all sessions of the user but s.
func (r *Room) SignOutOthers(ctx context.Context, s *Session) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if _, err := tx.EndSessions(s.User, s.ID); err != nil {
			return err
		}
		return r.note(tx, s.User, "session.end-all", "")
	})
}

// note writes an event that a user causes to their own account.
func (r *Room) note(tx *record.Tx, user, action, detail string) error {
	return event.Record(tx, record.Audit{At: r.Now(), Actor: user, Action: action, Subject: user, Account: user, Detail: detail})
}

// entry is a sign-in that is proven and becomes a session.
type entry struct {
	user    string
	kind    string
	factors []string
	about   string
	proven  bool // by a passkey that counts, with user verification
	visit   Visit
}

// open makes the session of a sign-in, in the transaction that took its proofs.
func (r *Room) open(tx *record.Tx, e entry) (SignedIn, error) {
	in, now := SignedIn{User: e.user, Cookie: identity.NewSecret(identity.SessionPrefix)}, r.Now()
	u, err := tx.Account(e.user)
	if err != nil {
		return in, err
	}
	if !u.Disabled.IsZero() || !u.Erased.IsZero() {
		return in, bonded.Errorf(bonded.Forbidden, "this account is closed; ask the administrator of the repository")
	}
	known, err := knows(tx, e.user, e.visit)
	if err != nil {
		return in, err
	}
	if !known {
		in.Device = identity.NewSecret(identity.DevicePrefix)
		if err := tx.PutDevice(e.user, in.Device.Hash(), now); err != nil {
			return in, err
		}
		if e.kind != enrolling {
			if err := r.note(tx, e.user, "signin.device", e.visit.Label); err != nil {
				return in, err
			}
		}
	} else if err := tx.PutDevice(e.user, deviceHash(e.visit), now); err != nil {
		return in, err
	}
	row := record.Session{ID: randomID(), User: e.user, Kind: e.kind, Factors: e.factors, Label: e.visit.Label, About: e.about,
		Created: now, Seen: now, Rotated: now}
	if e.proven {
		row.Stepped = now
	}
	if err := tx.AddSession(row, in.Cookie.Hash()); err != nil {
		return in, err
	}
	return in, r.note(tx, e.user, "signin.ok", strings.Join(e.factors, " "))
}

// knows says if the user signed in before in this browser.
func knows(tx *record.Tx, user string, v Visit) (bool, error) {
	if v.Device == "" {
		return false, nil
	}
	if _, err := identity.ParseSecret(v.Device, identity.DevicePrefix, "device"); err != nil {
		return false, nil // a cookie that is none
	}
	return tx.KnowsDevice(user, deviceHash(v))
}

func deviceHash(v Visit) bonded.Digest { return bonded.DigestOf([]byte(v.Device)) }

// randomID names something to people; 50 bits keep names apart and guard nothing.
func randomID() string { return strings.ToLower(rand.Text()[:10]) }
