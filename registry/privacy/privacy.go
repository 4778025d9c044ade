// Package privacy keeps what is known of people small: it shows a person all
// that is kept, erases it, and deletes what has grown old.
//
//	Export     one call, one JSON document; no secret, no hash of one
//	AskErase   waits, like everything that cannot be taken back, with a link that cancels
//	Erase      ownerships end in the public log, documents that named the person
//	           are deleted, name and address go from every row and from the file
//	Run        once a day, what Retention says is old enough
//
// The public log stays as it is and still verifies: an entry holds the digest of
// a document with a salt inside, and without the document the digest says
// nothing of anybody. What is inside of a published package, such as the author
// field of its metadata, was published by its owners and is not touched.
//
// A name is never given out again. All that is left of one is a keyed hash,
// whose key lies beside the database and not in it.
//
// Hole: backups from before an erasure hold what was erased until they are
// thrown away; docs/privacy.md says for how long to keep them.
package privacy

import (
	"context"
	"log/slog"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"
)

// Desk writes the public side.
type Desk interface {
	// Owners runs change and logs the owners that the package has after it, in
	// one transaction; Policy does the same for how it may be published.
	Owners(ctx context.Context, name bonded.Name, actor publish.Actor, change func(*record.Tx) error) (bonded.Receipt, error)
	Policy(ctx context.Context, name bonded.Name, actor publish.Actor, change func(*record.Tx) error) (bonded.Receipt, error)
	// Forget deletes documents that entries refer to.
	Forget(ctx context.Context, digests ...bonded.Digest) error
}

// Config is what a room is made of.
type Config struct {
	Book    *record.Book
	Desk    Desk // nil on a command line, which asks and does not do
	Waiting *waiting.Room
	Log     *slog.Logger
	Now     func() time.Time
}

// Room looks after what is kept about people.
type Room struct{ Config }

// New makes a room and says to Config.Waiting what it does when an erasure is due.
func New(c Config) *Room {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Room{Config: c}
	if c.Waiting != nil {
		c.Waiting.Handle(kindErase, r.due)
	}
	return r
}
