package record

import (
	"time"

	"bonded.dev"
)

// Password is how a user's password is kept.
type Password struct {
	User     string
	Hash     string // argon2id, as a PHC string
	Changed  time.Time
	Breached time.Time // found in a list of stolen ones; zero: it was not
}

// Passkey is a WebAuthn credential of a user.
type Passkey struct {
	ID       []byte // credential id
	User     string
	Label    string
	Body     []byte // what verifying needs, JSON
	Created  time.Time
	Counts   time.Time // from when on it can step up
	LastUsed time.Time
}

// TOTP is the seed of a user's authenticator app.
type TOTP struct {
	User    string
	Sealed  []byte
	Created time.Time
	Step    int64 // the last time step that was taken
}

// Account is Book.User in a transaction.
func (t *Tx) Account(name string) (User, error) {
	if err := t.Flush(); err != nil {
		return User{}, err
	}
	rows, err := t.query("read the user "+name, userColumns+`WHERE name = $1`, name)
	if err != nil {
		return User{}, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return User{}, t.b.wrap("read the user "+name, err)
		}
		return User{}, noUser(name)
	}
	u, err := scanUser(rows)
	return u, t.b.wrap("read the user "+name, err)
}

// SetEmail gives an account another address, and notes when it was proven. The
// one before hears of what happens for a while longer.
func (t *Tx) SetEmail(user, email string, verified time.Time) error {
	if err := t.keepAddress(user, verified); err != nil {
		return err
	}
	n, err := t.exec("change the address of "+user,
		`UPDATE user_account SET email = $2, verified = $3 WHERE name = $1`, user, clean(email), micros(verified))
	if err == nil && n == 0 {
		err = noUser(user)
	}
	return err
}

// Password returns how a user's password is kept; found is false when there is none.
func (t *Tx) Password(user string) (p Password, found bool, err error) {
	var changed, breached int64
	p.User = user
	found, err = t.one("read a password", `SELECT hash, changed, breached FROM password WHERE user_name = $1`,
		[]any{user}, &p.Hash, &changed, &breached)
	p.Changed, p.Breached = fromMicros(changed), fromMicros(breached)
	return p, found, err
}

// SetPassword stores a password in place of the one before.
func (t *Tx) SetPassword(p Password) error {
	_, err := t.exec("set a password",
		`INSERT INTO password (user_name, hash, changed, breached) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_name) DO UPDATE SET hash = excluded.hash, changed = excluded.changed, breached = excluded.breached`,
		p.User, p.Hash, micros(p.Changed), micros(p.Breached))
	return err
}

// RemovePassword takes a user's password away.
func (t *Tx) RemovePassword(user string) error {
	_, err := t.exec("remove a password", `DELETE FROM password WHERE user_name = $1`, user)
	return err
}

const passkeyColumns = `SELECT id, user_name, label, body, created, counts, last_used FROM passkey `

// Passkeys returns the passkeys of a user, oldest first.
func (t *Tx) Passkeys(user string) ([]Passkey, error) {
	return t.passkeys(`WHERE user_name = $1 ORDER BY created, id`, user)
}

// PasskeyByID finds the passkey that a browser shows.
func (t *Tx) PasskeyByID(id []byte) (p Passkey, found bool, err error) {
	list, err := t.passkeys(`WHERE id = $1`, id)
	if err != nil || len(list) == 0 {
		return p, false, err
	}
	return list[0], true, nil
}

func (t *Tx) passkeys(where string, args ...any) (list []Passkey, err error) {
	const what = "read passkeys"
	rows, err := t.query(what, passkeyColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p Passkey
		var at [3]int64
		if err := rows.Scan(&p.ID, &p.User, &p.Label, &p.Body, &at[0], &at[1], &at[2]); err != nil {
			return nil, t.b.wrap(what, err)
		}
		p.Created, p.Counts, p.LastUsed = fromMicros(at[0]), fromMicros(at[1]), fromMicros(at[2])
		list = append(list, p)
	}
	return list, t.b.wrap(what, rows.Err())
}

// AddPasskey stores a passkey. One that is there already is an error of kind Conflict.
func (t *Tx) AddPasskey(p Passkey) error {
	n, err := t.exec("store a passkey",
		`INSERT INTO passkey (id, user_name, label, body, created, counts, last_used) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT DO NOTHING`,
		p.ID, p.User, clean(p.Label), p.Body, micros(p.Created), micros(p.Counts), micros(p.LastUsed))
	if err == nil && n == 0 {
		err = bonded.Errorf(bonded.Conflict, "this passkey is known here already")
	}
	return err
}

// UsePasskey notes a use: body replaces before. When somebody else used the
// passkey meanwhile, nothing happens and the answer is false.
func (t *Tx) UsePasskey(id, before, body []byte, at time.Time) (bool, error) {
	n, err := t.exec("note the use of a passkey",
		`UPDATE passkey SET body = $3, last_used = $4 WHERE id = $1 AND body = $2`, id, before, body, micros(at))
	return n > 0, err
}

// RemovePasskey takes a passkey away from its user, and reports if it was there.
func (t *Tx) RemovePasskey(user string, id []byte) (bool, error) {
	n, err := t.exec("remove a passkey", `DELETE FROM passkey WHERE user_name = $1 AND id = $2`, user, id)
	return n > 0, err
}

// TOTP returns the seed of a user's authenticator app; found is false without one.
func (t *Tx) TOTP(user string) (k TOTP, found bool, err error) {
	var created int64
	k.User = user
	found, err = t.one("read a seed", `SELECT sealed, created, step FROM totp WHERE user_name = $1`, []any{user}, &k.Sealed, &created, &k.Step)
	k.Created = fromMicros(created)
	return k, found, err
}

// SetTOTP stores a seed in place of the one before.
func (t *Tx) SetTOTP(k TOTP) error {
	_, err := t.exec("store a seed",
		`INSERT INTO totp (user_name, sealed, created, step) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_name) DO UPDATE SET sealed = excluded.sealed, created = excluded.created, step = excluded.step`,
		k.User, k.Sealed, micros(k.Created), k.Step)
	return err
}

// TakeStep takes a time step of a user's app, once: it and all before it are
// spent. Of two callers one gets true.
func (t *Tx) TakeStep(user string, step int64) (bool, error) {
	n, err := t.exec("take a time step", `UPDATE totp SET step = $2 WHERE user_name = $1 AND step < $2`, user, step)
	return n > 0, err
}

// RemoveTOTP takes a user's authenticator app away.
func (t *Tx) RemoveTOTP(user string) error {
	_, err := t.exec("remove a seed", `DELETE FROM totp WHERE user_name = $1`, user)
	return err
}

// SetCodes stores new recovery codes and voids all others of the user.
func (t *Tx) SetCodes(user string, hashes []bonded.Digest, at time.Time) error {
	if _, err := t.exec("void recovery codes", `DELETE FROM recovery_code WHERE user_name = $1`, user); err != nil {
		return err
	}
	for _, h := range hashes {
		if _, err := t.exec("store a recovery code",
			`INSERT INTO recovery_code (hash, user_name, created, used) VALUES ($1, $2, $3, 0)`, h[:], user, micros(at)); err != nil {
			return err
		}
	}
	return nil
}

// UseCode spends a recovery code of a user, once.
func (t *Tx) UseCode(user string, hash bonded.Digest, at time.Time) (bool, error) {
	n, err := t.exec("use a recovery code",
		`UPDATE recovery_code SET used = $3 WHERE hash = $1 AND user_name = $2 AND used = 0`, hash[:], user, micros(at))
	return n > 0, err
}

// CodesLeft counts a user's recovery codes that were not used.
func (t *Tx) CodesLeft(user string) (n int, err error) {
	_, err = t.one("count recovery codes", `SELECT count(*) FROM recovery_code WHERE user_name = $1 AND used = 0`, []any{user}, &n)
	return n, err
}

// SharedOrgs are the organisations that owner owns and user is in.
func (t *Tx) SharedOrgs(owner, user string) (list []string, err error) {
	const what = "read who is in whose organisation"
	rows, err := t.query(what, `SELECT m.org FROM member m JOIN member o ON o.org = m.org
		WHERE m.user_name = $2 AND o.user_name = $1 AND o.role = 'owner' ORDER BY m.org`, owner, user)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var org string
		if err := rows.Scan(&org); err != nil {
			return nil, t.b.wrap(what, err)
		}
		list = append(list, org)
	}
	return list, t.b.wrap(what, rows.Err())
}

// RevokeTokens ends every token of a user and returns how many there were.
func (t *Tx) RevokeTokens(user, why string, at time.Time) (int64, error) {
	return t.exec("revoke the tokens of "+user,
		`UPDATE token SET revoked = $2, why = $3 WHERE user_name = $1 AND revoked = 0`, user, micros(at), clean(why))
}
