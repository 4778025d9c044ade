package record

import (
	"time"

	"bonded.dev"
)

// Ceremony is something that was begun and waits for its end, for minutes or
// days: a WebAuthn challenge, a sign-in between two factors, a link in a mail,
// the log-in of a client.
type Ceremony struct {
	Hash    bonded.Digest // of the secret that continues it
	Kind    string
	User    string // empty while it is not known who
	Code    string // that a person compares or types; empty: none
	Body    []byte // for whoever began it, JSON
	Created time.Time
	Expires time.Time
}

// AddCeremony stores what was begun, and forgets what nobody can continue any more.
func (t *Tx) AddCeremony(c Ceremony) error {
	if _, err := t.exec("forget what has expired", `DELETE FROM ceremony WHERE expires <= $1`, micros(c.Created)); err != nil {
		return err
	}
	_, err := t.exec("store a "+c.Kind,
		`INSERT INTO ceremony (hash, kind, user_name, code, body, created, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		c.Hash[:], c.Kind, c.User, clean(c.Code), append([]byte{}, c.Body...), micros(c.Created), micros(c.Expires))
	return err
}

const ceremonyColumns = ` hash, kind, user_name, code, body, created, expires `

// TakeCeremony ends a ceremony and returns it: of two callers one finds it. One
// that has expired is not found.
func (t *Tx) TakeCeremony(kind string, hash bonded.Digest, now time.Time) (Ceremony, bool, error) {
	return t.ceremony(kind, `DELETE FROM ceremony WHERE kind = $1 AND hash = $2 AND expires > $3 RETURNING`+ceremonyColumns, kind, hash[:], micros(now))
}

// Ceremony returns a ceremony that goes on.
func (t *Tx) Ceremony(kind string, hash bonded.Digest, now time.Time) (Ceremony, bool, error) {
	return t.ceremony(kind, `SELECT`+ceremonyColumns+`FROM ceremony WHERE kind = $1 AND hash = $2 AND expires > $3`, kind, hash[:], micros(now))
}

// CeremonyByCode returns a ceremony by the code that a person has.
func (t *Tx) CeremonyByCode(kind, code string, now time.Time) (Ceremony, bool, error) {
	return t.ceremony(kind, `SELECT`+ceremonyColumns+`FROM ceremony WHERE kind = $1 AND code = $2 AND code <> '' AND expires > $3`, kind, code, micros(now))
}

func (t *Tx) ceremony(kind, text string, args ...any) (c Ceremony, found bool, err error) {
	var hash []byte
	var created, expires int64
	found, err = t.one("look for a "+kind, text, args, &hash, &c.Kind, &c.User, &c.Code, &c.Body, &created, &expires)
	copy(c.Hash[:], hash)
	c.Created, c.Expires = fromMicros(created), fromMicros(expires)
	return c, found, err
}

// PutCeremony writes what changes in a ceremony: user, code, body and end. One
// that is not there any more is not brought back, and the answer is false.
func (t *Tx) PutCeremony(c Ceremony) (bool, error) {
	n, err := t.exec("change a "+c.Kind,
		`UPDATE ceremony SET user_name = $2, code = $3, body = $4, expires = $5 WHERE hash = $1`,
		c.Hash[:], c.User, clean(c.Code), append([]byte{}, c.Body...), micros(c.Expires))
	return n > 0, err
}

// EndCeremonies ends every ceremony of a kind that belongs to a user.
func (t *Tx) EndCeremonies(kind, user string) error {
	_, err := t.exec("end every "+kind+" of "+user, `DELETE FROM ceremony WHERE kind = $1 AND user_name = $2`, kind, user)
	return err
}

// EndAllCeremonies ends whatever was begun for a user, in any room.
func (t *Tx) EndAllCeremonies(user string) error {
	_, err := t.exec("end what "+user+" has begun", `DELETE FROM ceremony WHERE user_name = $1 AND user_name <> ''`, user)
	return err
}
