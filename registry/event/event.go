// Package event knows every security event there is: what it is called, what a
// person is told of it, who is told, and what it is in OCSF. Whoever changes
// something writes the event in the same transaction, so that no change is
// without a line in the journal and no line without its change. Package notice
// reads the journal and sends the mails; so the journal is the outbox.
//
// Adding an event is one row in kinds.go.
package event

import (
	"fmt"

	"bonded.dev/registry/record"
)

// Tell says who hears of an event.
type Tell int

const (
	Nobody    Tell = iota // it stands in the journal, and on the account's page
	Account               // the account that it is about
	Owners                // all owners of the package, or of the organisation
	Both                  // the account and the owners
	Operators             // the administrators of the repository
)

// Kind is one kind of event.
type Kind struct {
	ID    string // "passkey.add": what, then what happened to it
	Title string // a sentence without a full stop: subject of the mail, line on the page
	Tell  Tell
	// Advice is what the reader should do when it was not them; empty: the usual.
	Advice string
	// Class and Activity are those of OCSF 1.3 (schema.ocsf.io): 3001 account
	// change, 3002 authentication, 3003 authorize session, 3005 user access
	// management, 3006 group management, 6001 web resources activity,
	// 6003 API activity.
	Class, Activity int
	// Severity is that of OCSF: 1 informational to 4 high.
	Severity int
}

// Find returns a kind.
func Find(id string) (Kind, bool) {
	for _, k := range Kinds {
		if k.ID == id {
			return k, true
		}
	}
	return Kind{}, false
}

// Record writes an event in the transaction that makes it true. An action that
// is no kind is an error and ends the transaction: an event that nobody can be
// told of must not happen.
func Record(tx *record.Tx, a record.Audit) error {
	k, ok := Find(a.Action)
	if !ok {
		return fmt.Errorf("event: there is no kind %q", a.Action)
	}
	a.Tell = k.Tell != Nobody
	return tx.Audit(a)
}
