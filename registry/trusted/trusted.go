// Package trusted is trusted publishing: a build job shows an identity token of
// its platform (OpenID Connect) and gets an upload token for its package, for
// minutes. No secret lies anywhere.
//
//	identity token -> read    an issuer of the list, its signature, our audience, its times
//	               -> job     what started it, and what stands inside its claims
//	               -> fits    each publisher's claims, compared exactly; ids before names
//	               -> spent   the token's id, once, in the transaction that makes the
//	               -> upload token: these packages, publish and tag, 15 minutes
//
// Everything is refused that is not known to be good: an unknown issuer, an
// unknown trigger, a missing claim. The error names the claim and shows what
// it was, since the person who reads it sits before a workflow file; what a
// publisher wants stays with its owners.
//
// Names at a code host can be given up and taken by others, ids cannot. An id
// that the form did not state is noted when the job comes for the first time
// and counts from then on.
//
// A publisher of a name that nobody took is pending: it belongs to its maker,
// reserves nothing and ends after 30 days. The first upload claims the name for
// the maker; if others claim it before, the publisher is void. While more than one
// account waits for a name with the same job, that job takes it for nobody.
//
// Hole: whoever runs code inside the right job before the digests are named
// can name others. Staged releases stand behind that.
//
// Hole: the first job that comes with the right names fixes the ids. Between
// the moment a publisher is added and that first release, somebody who takes
// over the name would be it; stating the ids in the form closes this.
package trusted

import (
	"context"
	"net/http"
	"time"

	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// Config is what a room is made of.
type Config struct {
	Book   *record.Book
	Keeper *identity.Keeper
	// Audience is what identity tokens must be made for: the host of the public
	// URL, after the prefix that the client's own flow puts before it.
	Audience string
	// Issuers are those that are taken besides the ready profiles.
	Issuers []Issuer
	// Client asks issuers for their keys; nil: the usual one. Its transport
	// alone is used.
	Client *http.Client
	Now    func() time.Time
	// Without says which controls the victim of a drill does without; nil, as on
	// every server: all stand.
	Without func(control string) bool
}

// Issuer is an OpenID Connect issuer that the administrator trusts.
type Issuer struct {
	URL     string `yaml:"url"`
	Profile string `yaml:"profile"` // empty: generic
}

// Room exchanges identity tokens. It is safe for concurrent use.
type Room struct {
	Config
	keys *keyring
}

// New makes a room.
func New(c Config) *Room {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Without == nil {
		c.Without = func(string) bool { return false }
	}
	return &Room{Config: c, keys: newKeyring(c.Client, c.Now)}
}

const (
	sweepEvery = 10 * time.Minute
	// keepEnded is how long an upload token that ended is kept, for its line
	// in the journal to mean something.
	keepEnded = 30 * 24 * time.Hour
)

// Run forgets, now and then, what is not needed any more, until ctx ends.
func (r *Room) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			// What could not be forgotten now is forgotten the next time.
			_ = r.Sweep(ctx)
		}
	}
}

// Sweep forgets ids of identity tokens that would be refused for their age,
// pending publishers that have ended, and upload tokens that ended long ago.
func (r *Room) Sweep(ctx context.Context) error {
	now := r.Now()
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := tx.DropPending(now); err != nil {
			return err
		}
		return tx.DropSpent(now, now.Add(-keepEnded))
	})
}
