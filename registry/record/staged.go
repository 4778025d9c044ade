package record

import (
	"time"

	"bonded.dev"
)

// Policy is how a package may be published.
type Policy struct {
	TrustedOnly bool // no token of a person publishes
	TwoPerson   bool // somebody else approves each release
}

// Staged is a release that waits for a second person.
type Staged struct {
	ID       string
	Name     bonded.Name
	Version  string
	Actor    string // who staged it: a user, or "publisher:ID"
	Body     []byte // the draft, JSON
	Created  time.Time
	Expires  time.Time
	State    string // waits, approved, rejected, expired
	Answerer string
	Answered time.Time
	Reason   string
}
