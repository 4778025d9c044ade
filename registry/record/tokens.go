package record

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"bonded.dev"
)

// Token is what is kept of an access token: everything but the token.
type Token struct {
	ID        string        // names the token to people; no secret
	Hash      bonded.Digest // SHA-256 of the token
	User      string        // empty: of a trusted publisher
	Publisher string        // id of the trusted publisher; empty: of a user
	Label     string        // what its maker calls it
	Origin    string        // who made it: admin, web, login, publisher
	Scopes    []string      // without blanks inside
	Versions  []string      // patterns; none: every version
	Networks  []string      // CIDR; none: from everywhere
	Digests   []string      // SHA-256 of artifacts, hexadecimal; none: any
	Uses      int64         // writes that are left; -1: no limit
	Public    []byte        // Ed25519 key that narrower tokens made from it are checked with
	Created   time.Time
	Expires   time.Time
	LastUsed  time.Time // whole hours; zero: never
	LastFrom  string    // network of the last use, coarse
	Revoked   time.Time // zero: not revoked
	Why       string    // of the revocation
	Disabled  time.Time // its user's account was disabled, frozen or erased; read only
}

// AddToken stores a token. A user that is not there is an error of kind NotFound.
func (t *Tx) AddToken(k Token) error {
	n, err := t.exec("store a token of "+k.User,
		`INSERT INTO token (id, hash, user_name, publisher, label, origin, scopes, versions, networks, digests, uses, public,
			created, expires, last_used, last_from, revoked, why)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, '', 0, ''
		WHERE ($3 = '' AND $4 <> '') OR EXISTS (SELECT 1 FROM user_account WHERE name = $3)`,
		k.ID, k.Hash[:], k.User, k.Publisher, clean(k.Label), k.Origin, joinWords(k.Scopes), joinWords(k.Versions), joinWords(k.Networks),
		joinWords(k.Digests), k.Uses, append([]byte{}, k.Public...), micros(k.Created), micros(k.Expires))
	if err == nil && n == 0 {
		err = noUser(k.User)
	}
	return err
}

// RevokeToken ends a token for ever. One that is unknown or was revoked before
// is an error of kind NotFound.
func (t *Tx) RevokeToken(id, why string, at time.Time) error {
	n, err := t.exec("revoke the token "+id, `UPDATE token SET revoked = $2, why = $3 WHERE id = $1 AND revoked = 0`, id, micros(at), clean(why))
	if err == nil && n == 0 {
		err = bonded.Errorf(bonded.NotFound, "there is no token %s that could be revoked", id)
	}
	return err
}

// UseToken takes one of the writes that a token has left. None left, or no such
// token, is false; of two callers at the same moment one gets the last.
func (t *Tx) UseToken(id string) (bool, error) {
	n, err := t.exec("use the token "+id, `UPDATE token SET uses = uses - 1 WHERE id = $1 AND uses > 0`, id)
	return n > 0, err
}

const tokenColumns = `SELECT t.id, t.hash, t.user_name, t.publisher, t.label, t.origin, t.scopes, t.versions, t.networks, t.digests,
	t.uses, t.public, t.created, t.expires, t.last_used, t.last_from, t.revoked, t.why,
	coalesce(CASE WHEN u.disabled <> 0 THEN u.disabled WHEN u.frozen <> 0 THEN u.frozen ELSE u.erased END, 0)
	FROM token t LEFT JOIN user_account u ON u.name = t.user_name `

// TokenByHash returns a token, whatever its state; none is an error of kind NotFound.
func (b *Book) TokenByHash(ctx context.Context, hash bonded.Digest) (Token, error) {
	return b.token(ctx, `WHERE t.hash = $1`, hash[:])
}

// TokenByID returns a token, whatever its state; none is an error of kind NotFound.
func (b *Book) TokenByID(ctx context.Context, id string) (Token, error) {
	return b.token(ctx, `WHERE t.id = $1`, id)
}

func (b *Book) token(ctx context.Context, where string, args ...any) (Token, error) {
	k, err := scanToken(b.read.QueryRowContext(ctx, tokenColumns+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return k, bonded.Errorf(bonded.NotFound, "there is no such token")
	}
	return k, b.wrap("look up a token", err)
}

// Tokens returns the tokens of a user, newest first.
func (b *Book) Tokens(ctx context.Context, user string) ([]Token, error) {
	return b.tokens(ctx, "read the tokens of "+user, `WHERE t.user_name = $1 ORDER BY t.created DESC, t.id`, user)
}

// TokensOf is Book.Tokens, as the transaction sees them.
func (t *Tx) TokensOf(user string) ([]Token, error) {
	return t.tokens("read the tokens of "+user, `WHERE t.user_name = $1 ORDER BY t.created DESC, t.id`, user)
}

func (b *Book) tokens(ctx context.Context, what, where string, args ...any) (list []Token, err error) {
	err = b.View(ctx, func(t *Tx) error {
		list, err = t.tokens(what, where, args...)
		return err
	})
	return list, err
}

func (t *Tx) tokens(what, where string, args ...any) (list []Token, err error) {
	rows, err := t.query(what, tokenColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		k, err := scanToken(rows)
		if err != nil {
			return nil, t.b.wrap(what, err)
		}
		list = append(list, k)
	}
	return list, t.b.wrap(what, rows.Err())
}

func scanToken(row interface{ Scan(...any) error }) (Token, error) {
	var k Token
	var hash []byte
	var scopes, versions, networks, digests string
	var at [5]int64
	if err := row.Scan(&k.ID, &hash, &k.User, &k.Publisher, &k.Label, &k.Origin, &scopes, &versions, &networks, &digests,
		&k.Uses, &k.Public, &at[0], &at[1], &at[2], &k.LastFrom, &at[3], &k.Why, &at[4]); err != nil {
		return k, err
	}
	if len(hash) != len(k.Hash) {
		return k, errors.New("the stored hash is not a SHA-256")
	}
	if len(k.Public) == 0 {
		k.Public = nil
	}
	k.Hash, k.Scopes, k.Versions = bonded.Digest(hash), splitWords(scopes), splitWords(versions)
	k.Networks, k.Digests = splitWords(networks), splitWords(digests)
	k.Created, k.Expires, k.LastUsed = fromMicros(at[0]), fromMicros(at[1]), fromMicros(at[2])
	k.Revoked, k.Disabled = fromMicros(at[3]), fromMicros(at[4])
	return k, nil
}

// UnusedTokens returns the tokens that live and that nobody used after a time,
// the oldest first; at most n.
func (b *Book) UnusedTokens(ctx context.Context, now, since time.Time, n int) ([]Token, error) {
	return b.tokens(ctx, "look for tokens that nobody uses",
		`WHERE t.revoked = 0 AND t.expires > $1 AND t.created < $2 AND t.last_used < $2 ORDER BY t.created, t.id LIMIT $3`,
		micros(now), micros(since), n)
}

// Use is when a token was last used, and from where.
type Use struct {
	At   time.Time // whole hours
	From string    // network, coarse
}

// TouchTokens notes the last use of tokens, by their ids.
func (b *Book) TouchTokens(ctx context.Context, used map[string]Use) error {
	ids := slices.SortedFunc(maps.Keys(used), cmp.Compare[string])
	return b.run(ctx, b.write, &sql.TxOptions{}, func(t *Tx) error {
		for _, id := range ids {
			_, err := t.exec("note the use of a token",
				`UPDATE token SET last_used = $2, last_from = $3 WHERE id = $1 AND last_used < $2`, id, micros(used[id].At), used[id].From)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
