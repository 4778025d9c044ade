package record

import "time"

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
