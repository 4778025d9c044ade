// Package ecosystemtest is the conformance suite that every dialect runs:
//
//	func TestDialect(t *testing.T) { ecosystemtest.Run(t, npm.Ecosystem{}, suite()) }
//
// An adapter's author hands over what only they know (spellings of names, an
// order of versions, honest uploads, lying ones) as a [Suite]; the suite holds
// the adapter to what the house relies on:
//
//   - a name has one canonical form, and making it canonical twice changes nothing;
//   - a version order is an order;
//   - an honest upload drafts without an anomaly, a lying one with the right kind,
//     a cut one not at all, and every fact can be logged;
//   - Render is a function: the same state gives the same bytes, a part with an
//     equal key has equal bytes, and rendering what changed since a log index
//     gives what rendering everything gives;
//   - each document is found by asking for its own URL;
//   - Reply has words for every kind of error and shows nobody a private cause.
//
// [Desk] stands in for the way in, so that a test can also drive an adapter
// through a history of its own. [FuzzAsk] and [FuzzDraft] are bodies for fuzz
// targets.
package ecosystemtest

import (
	"testing"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// Request is an HTTP request to a dialect.
type Request struct {
	Case   string // what it is, for the test's name
	Method string
	URL    string // path and query below the dialect's prefix, escaped as sent
	Header map[string]string
	Body   []byte
	// From, when set, makes the request out of what stands on the desk at the
	// moment, as a client does that reads before it writes.
	From func(*Desk) Request
}

// Lie is an upload that must be drafted and must carry an anomaly.
type Lie struct {
	Request
	Kind bonded.AnomalyKind
	Rule string // "" takes any rule of the kind
}

// Bad is a request that must end in an error of this kind, from Ask or Draft.
type Bad struct {
	Request
	Kind bonded.Kind
}

// Suite is what an adapter's author knows of the dialect.
type Suite struct {
	// Names maps spellings to keys. Refused holds spellings that are no names.
	Names   map[string]string
	Refused []string
	// Order holds versions in rising order; versions of one row are equal.
	Order [][]string
	// Uploads are honest: they are published one after another, each on top of
	// the ones before. At least two releases of one package belong here.
	Uploads []Request
	// Changes follow the uploads: yanks, tags, deletions and what undoes them.
	Changes []Request
	// Facts follow the changes: drafts that come by another door than the
	// dialect, as yanks, statuses and deletions do where clients send none.
	Facts []bonded.Draft
	// Lies and hostile archives; one of each kind of anomaly at least. They are
	// drafted on top of the uploads and the changes.
	Lies []Lie
	// Bad requests, on top of the uploads and the changes.
	Bad []Bad
	// Asks are requests that Reply answers without a draft: searches, pings.
	Asks []Request
}

// Run holds the dialect to the suite.
func Run(t *testing.T, eco ecosystem.Ecosystem, s Suite) {
	t.Run("info", func(t *testing.T) { checkInfo(t, eco) })
	t.Run("names", func(t *testing.T) { checkNames(t, eco, s) })
	t.Run("versions", func(t *testing.T) { checkOrder(t, eco, s.Order) })
	t.Run("history", func(t *testing.T) { checkHistory(t, eco, s) })
	t.Run("cut", func(t *testing.T) { checkCut(t, eco, s) })
	t.Run("storage", func(t *testing.T) { checkStorageErrors(t, eco, s) })
	t.Run("lies", func(t *testing.T) { checkLies(t, eco, s) })
	t.Run("bad", func(t *testing.T) { checkBad(t, eco, s) })
	t.Run("reply", func(t *testing.T) { checkReply(t, eco, s) })
}
