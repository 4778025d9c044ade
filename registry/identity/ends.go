package identity

import (
	"time"

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

// Forget makes the next look-ups read the book, because it was changed.
func (k *Keeper) Forget() { k.forget() }
