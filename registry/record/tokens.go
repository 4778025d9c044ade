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
	ID       string        // names the token to people; no secret
	Hash     bonded.Digest // SHA-256 of the token
	User     string
	Scopes   []string // without blanks inside
	Created  time.Time
	Expires  time.Time
	LastUsed time.Time // whole hours; zero: never
	Revoked  time.Time // zero: not revoked
	Disabled time.Time // of its user's account; read only
}

// AddToken stores a token. A user that is not there is an error of kind NotFound.
func (t *Tx) AddToken(k Token) error {
	n, err := t.exec("store a token of "+k.User,
		`INSERT INTO token (id, hash, user_name, scopes, created, expires, last_used, revoked)
		SELECT $1, $2, name, $4, $5, $6, 0, 0 FROM user_account WHERE name = $3`,
		k.ID, k.Hash[:], k.User, joinWords(k.Scopes), micros(k.Created), micros(k.Expires))
	if err == nil && n == 0 {
		err = noUser(k.User)
	}
	return err
}

// RevokeToken ends a token for ever. One that is unknown or was revoked before
// is an error of kind NotFound.
func (t *Tx) RevokeToken(id string, at time.Time) error {
	n, err := t.exec("revoke the token "+id, `UPDATE token SET revoked = $2 WHERE id = $1 AND revoked = 0`, id, micros(at))
	if err == nil && n == 0 {
		err = bonded.Errorf(bonded.NotFound, "there is no token %s that could be revoked", id)
	}
	return err
}

const tokenColumns = `SELECT t.id, t.hash, t.user_name, t.scopes, t.created, t.expires, t.last_used, t.revoked, u.disabled
	FROM token t JOIN user_account u ON u.name = t.user_name `

// TokenByHash returns a token, whatever its state; none is an error of kind NotFound.
func (b *Book) TokenByHash(ctx context.Context, hash bonded.Digest) (Token, error) {
	k, err := scanToken(b.read.QueryRowContext(ctx, tokenColumns+`WHERE t.hash = $1`, hash[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return k, bonded.Errorf(bonded.NotFound, "there is no such token")
	}
	return k, b.wrap("look up a token", err)
}

// Tokens returns the tokens of a user, newest first.
func (b *Book) Tokens(ctx context.Context, user string) ([]Token, error) {
	var list []Token
	err := b.View(ctx, func(t *Tx) error {
		list = nil
		rows, err := t.query("read the tokens of "+user, tokenColumns+`WHERE t.user_name = $1 ORDER BY t.created DESC, t.id`, user)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			k, err := scanToken(rows)
			if err != nil {
				return b.wrap("read the tokens of "+user, err)
			}
			list = append(list, k)
		}
		return b.wrap("read the tokens of "+user, rows.Err())
	})
	return list, err
}

func scanToken(row interface{ Scan(...any) error }) (Token, error) {
	var k Token
	var hash []byte
	var scopes string
	var at [5]int64
	if err := row.Scan(&k.ID, &hash, &k.User, &scopes, &at[0], &at[1], &at[2], &at[3], &at[4]); err != nil {
		return k, err
	}
	if len(hash) != len(k.Hash) {
		return k, errors.New("the stored hash is not a SHA-256")
	}
	k.Hash, k.Scopes = bonded.Digest(hash), splitWords(scopes)
	k.Created, k.Expires, k.LastUsed = fromMicros(at[0]), fromMicros(at[1]), fromMicros(at[2])
	k.Revoked, k.Disabled = fromMicros(at[3]), fromMicros(at[4])
	return k, nil
}

// TouchTokens notes when tokens, named by their ids, were last used.
func (b *Book) TouchTokens(ctx context.Context, used map[string]time.Time) error {
	ids := slices.SortedFunc(maps.Keys(used), cmp.Compare[string])
	return b.run(ctx, b.write, &sql.TxOptions{}, func(t *Tx) error {
		for _, id := range ids {
			_, err := t.exec("note the use of a token",
				`UPDATE token SET last_used = $2 WHERE id = $1 AND last_used < $2`, id, micros(used[id]))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
