package identity

import (
	"time"

	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

// What rooms that look after accounts need of this one.

// CheckUser says what is wrong with a user's name; CheckEmail with an address.
func CheckUser(name string) error   { return checkUser(name) }
func CheckEmail(email string) error { return checkEmail(email) }

// EnrolmentPrefix begins the secret of an enrolment link.
const EnrolmentPrefix = enrolmentPrefix

// TokenPrefix begins an access token.
const TokenPrefix = tokenPrefix

// RevokeAll ends every token of a user in the caller's transaction and returns
// how many there were. After the commit the caller calls Forget.
func (k *Keeper) RevokeAll(tx *record.Tx, user, why string, at time.Time) (int64, error) {
	return tx.RevokeTokens(user, why, at)
}

// EndAdminTokens ends, in the caller's transaction, the tokens of a user that an
// administrator made: a person takes the account into use and acts for itself.
// After the commit the caller calls Forget.
func (k *Keeper) EndAdminTokens(tx *record.Tx, user, why string) error {
	list, err := tx.TokensOf(user)
	if err != nil {
		return err
	}
	now := k.Now()
	for _, t := range list {
		if t.Origin != OriginAdmin || !t.Revoked.IsZero() || !now.Before(t.Expires) {
			continue
		}
		if err := tx.RevokeToken(t.ID, why, now); err != nil {
			return err
		}
		if err := event.Record(tx, record.Audit{At: now, Actor: user, Action: "token.revoke", Subject: t.ID, Account: user, Detail: why}); err != nil {
			return err
		}
	}
	return nil
}

// Forget makes the next look-ups read the book, because it was changed.
func (k *Keeper) Forget() { k.forget() }
