package record

import (
	"time"

	"bonded.dev"
)

// Session is a browser in which somebody signed in.
type Session struct {
	ID      string // names it to people; no secret
	User    string
	Kind    string // full, enrolling, breached
	Factors []string
	Label   string
	About   string // of a recovery, JSON
	Created time.Time
	Seen    time.Time
	Rotated time.Time
	Taken   bool // the browser has shown its newest cookie
	Stepped time.Time
	Retyped time.Time // password and code, once more
	// Closed says since when the account is disabled or erased, Frozen since when
	// its address's domain lapsed; zero: it is not. Both are read only.
	Closed, Frozen time.Time
}

const sessionColumns = `SELECT s.id, s.user_name, s.kind, s.factors, s.label, s.about, s.created, s.seen, s.rotated, s.taken, s.stepped, s.retyped,
	CASE WHEN u.disabled <> 0 THEN u.disabled ELSE u.erased END, u.frozen
	FROM session s JOIN user_account u ON u.name = s.user_name `

// AddSession stores a session under the hash of its cookie.
func (t *Tx) AddSession(s Session, cookie bonded.Digest) error {
	_, err := t.exec("store a session",
		`INSERT INTO session (hash, id, user_name, kind, factors, label, about, created, seen, rotated, taken, stepped, retyped)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		cookie[:], s.ID, s.User, s.Kind, joinWords(s.Factors), clean(s.Label), s.About, micros(s.Created), micros(s.Seen),
		micros(s.Rotated), flag(s.Taken), micros(s.Stepped), micros(s.Retyped))
	return err
}

// SessionByCookie finds the session whose newest cookie has this hash.
func (t *Tx) SessionByCookie(cookie bonded.Digest) (Session, bool, error) {
	return t.session(`WHERE s.hash = $1`, cookie[:])
}

// SessionByPast finds the session that had this cookie before, and says until when.
func (t *Tx) SessionByPast(cookie bonded.Digest) (s Session, retired time.Time, found bool, err error) {
	var id string
	var at int64
	found, err = t.one("look for an earlier cookie", `SELECT id, retired FROM session_past WHERE hash = $1`, []any{cookie[:]}, &id, &at)
	if err != nil || !found {
		return s, retired, false, err
	}
	s, found, err = t.SessionByID(id)
	return s, fromMicros(at), found, err
}

// SessionByID finds a session by its name.
func (t *Tx) SessionByID(id string) (Session, bool, error) { return t.session(`WHERE s.id = $1`, id) }

func (t *Tx) session(where string, args ...any) (s Session, found bool, err error) {
	list, err := t.sessions(where, args...)
	if err != nil || len(list) == 0 {
		return s, false, err
	}
	return list[0], true, nil
}

// Sessions returns the sessions of a user, the newest first.
func (t *Tx) Sessions(user string) ([]Session, error) {
	return t.sessions(`WHERE s.user_name = $1 ORDER BY s.seen DESC, s.id`, user)
}

func (t *Tx) sessions(where string, args ...any) (list []Session, err error) {
	const what = "read sessions"
	rows, err := t.query(what, sessionColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s Session
		var factors string
		var at [8]int64
		if err := rows.Scan(&s.ID, &s.User, &s.Kind, &factors, &s.Label, &s.About, &at[0], &at[1], &at[2], &at[3], &at[4], &at[5], &at[6], &at[7]); err != nil {
			return nil, t.b.wrap(what, err)
		}
		s.Factors, s.Taken = splitWords(factors), at[3] != 0
		s.Created, s.Seen, s.Rotated, s.Stepped = fromMicros(at[0]), fromMicros(at[1]), fromMicros(at[2]), fromMicros(at[4])
		s.Retyped, s.Closed, s.Frozen = fromMicros(at[5]), fromMicros(at[6]), fromMicros(at[7])
		list = append(list, s)
	}
	return list, t.b.wrap(what, rows.Err())
}

// SeeSession notes that the newest cookie of a session was shown.
func (t *Tx) SeeSession(id string, cookie bonded.Digest, at time.Time) error {
	_, err := t.exec("note the use of a session", `UPDATE session SET seen = $3, taken = 1 WHERE id = $1 AND hash = $2`, id, cookie[:], micros(at))
	return err
}

// PutSession writes what changes in a session: its kind, what it is about, and
// its last proofs. What it says was read in the same transaction.
func (t *Tx) PutSession(s Session) error {
	_, err := t.exec("change a session", `UPDATE session SET kind = $2, about = $3, stepped = $4, retyped = $5 WHERE id = $1`,
		s.ID, s.Kind, s.About, micros(s.Stepped), micros(s.Retyped))
	return err
}

// RotateSession gives a session another cookie and remembers the one before.
func (t *Tx) RotateSession(id string, cookie bonded.Digest, at time.Time) error {
	if _, err := t.exec("remember a cookie",
		`INSERT INTO session_past (hash, id, retired) SELECT hash, id, $2 FROM session WHERE id = $1 ON CONFLICT (hash) DO NOTHING`, id, micros(at)); err != nil {
		return err
	}
	_, err := t.exec("rotate a session",
		`UPDATE session SET hash = $2, rotated = $3, seen = $3, taken = 0 WHERE id = $1`, id, cookie[:], micros(at))
	return err
}

// RetireCookie says until when an earlier cookie was the newest.
func (t *Tx) RetireCookie(cookie bonded.Digest, at time.Time) error {
	_, err := t.exec("retire a cookie", `UPDATE session_past SET retired = $2 WHERE hash = $1`, cookie[:], micros(at))
	return err
}

// EndSession ends one session of a user, and reports if it was there.
func (t *Tx) EndSession(user, id string) (bool, error) {
	n, err := t.exec("end a session", `DELETE FROM session WHERE user_name = $1 AND id = $2`, user, id)
	if err == nil && n > 0 {
		_, err = t.exec("forget cookies", `DELETE FROM session_past WHERE id = $1`, id)
	}
	return n > 0, err
}

// EndSessions ends all sessions of a user but one, and returns how many there
// were. An empty id spares none.
func (t *Tx) EndSessions(user, but string) (int64, error) {
	if _, err := t.exec("forget cookies",
		`DELETE FROM session_past WHERE id IN (SELECT id FROM session WHERE user_name = $1 AND id <> $2)`, user, but); err != nil {
		return 0, err
	}
	return t.exec("end sessions", `DELETE FROM session WHERE user_name = $1 AND id <> $2`, user, but)
}

// KnowsDevice says if a user signed in before in the browser that has this cookie.
func (t *Tx) KnowsDevice(user string, cookie bonded.Digest) (bool, error) {
	return t.one("look for a device", `SELECT hash FROM device WHERE hash = $1 AND user_name = $2`, []any{cookie[:], user}, new([]byte))
}

// PutDevice lets a browser be known to a user.
func (t *Tx) PutDevice(user string, cookie bonded.Digest, at time.Time) error {
	_, err := t.exec("remember a device",
		`INSERT INTO device (hash, user_name, first, last) VALUES ($1, $2, $3, $3)
		ON CONFLICT (hash, user_name) DO UPDATE SET last = excluded.last`, cookie[:], user, micros(at))
	return err
}

// ForgetDevices makes every browser of a user an unknown one.
func (t *Tx) ForgetDevices(user string) error {
	_, err := t.exec("forget devices", `DELETE FROM device WHERE user_name = $1`, user)
	return err
}
