// Package identity says who somebody is and what they may do.
//
// A person is a user account; a program that acts for one carries a token. A
// token is a random text that only its holder has: the book keeps its SHA-256,
// what it may do (its scopes), and when it ends.
//
//	Authorization header -> ParseToken   offline: prefix and checksum
//	                     -> Authenticate known, not expired, not revoked, account in use
//	                     -> Caller
//	draft names a package -> May         the token's scope, then the user's ownership
//
// Both halves of May must agree. A scope can only narrow: the widest token of
// a user who owns nothing can publish new names and touch no existing one. What
// they object to names the control of the guide that it stands for:
// scoped-tokens, roles, retired-names, and token-lifetime where a token ended.
//
// Errors are *bonded.Error: Unauthorized when it is not known who asks,
// Forbidden when it is known and the right is missing; the text names the next
// step. It depends only on what the asker said and on what the public log
// shows anyway, namely which names are taken.
//
// A user's name goes to the user and to the private audit journal, never to
// the log. A secret goes to nobody: [Secret] prints as a placeholder.
package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// Keeper knows the users and tokens of one book. It is safe for concurrent use.
type Keeper struct {
	// Now is the clock; a test may turn it. Set it before the first call.
	Now  func() time.Time
	book *record.Book

	mu    sync.Mutex
	known map[bonded.Digest]sighting
	// round counts the events that empty known. A look-up that began in an
	// earlier round is not remembered: it may have read what was true before.
	round uint64
	used  map[string]record.Use // by token id, not yet written
}

// sighting is a token as the book had it a moment ago.
type sighting struct {
	token record.Token
	until time.Time
}

const (
	// remember is how long a look-up is good for: so long may a token that
	// another node revoked still be taken here.
	remember = 5 * time.Second
	// rememberAtMost bounds the memory that tokens can take.
	rememberAtMost = 4096
	touchEvery     = time.Minute
	touchTimeout   = 5 * time.Second
)

// New makes a keeper over a book.
func New(book *record.Book) *Keeper {
	return &Keeper{
		Now:   time.Now,
		book:  book,
		known: make(map[bonded.Digest]sighting),
		used:  make(map[string]record.Use),
	}
}

// Run writes down, now and then, when tokens were last used, until ctx ends
// and once more after it. Without it everything else works.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// An hour that could not be written is kept for the next time.
			_ = k.Flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchTimeout)
			defer cancel()
			return k.Flush(last)
		}
	}
}

// Flush writes down when tokens were last used.
func (k *Keeper) Flush(ctx context.Context) error {
	k.mu.Lock()
	used := k.used
	k.used = make(map[string]record.Use)
	k.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	err := k.book.TouchTokens(ctx, used)
	if err != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		maps.Copy(used, k.used) // what came meanwhile is newer
		k.used = used
	}
	return err
}

// touch notes the use of a token. Hours are enough to find tokens that nobody
// needs, and too coarse to follow a person.
func (k *Keeper) touch(t record.Token, now time.Time) {
	hour := now.UTC().Truncate(time.Hour)
	if !t.LastUsed.Before(hour) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used[t.ID] = record.Use{At: hour}
}

// lookUp finds a token, from memory if it was seen a moment ago.
func (k *Keeper) lookUp(ctx context.Context, hash bonded.Digest, now time.Time) (record.Token, error) {
	k.mu.Lock()
	s, ok := k.known[hash]
	round := k.round
	k.mu.Unlock()
	if ok && now.Before(s.until) {
		return s.token, nil
	}
	t, err := k.book.TokenByHash(ctx, hash)
	if err == nil {
		k.note(round, hash, sighting{t, now.Add(remember)})
	}
	return t, err
}

// note remembers what a look-up found that began in the given round.
func (k *Keeper) note(round uint64, hash bonded.Digest, s sighting) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.round != round {
		return
	}
	if len(k.known) >= rememberAtMost {
		clear(k.known)
	}
	k.known[hash] = s
}

// forget makes the next look-ups read the book. It is called after the book
// was changed.
func (k *Keeper) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.round++
	clear(k.known)
}

// valid looks a token up and says why it cannot be used: late when it was good
// until its time came, err for every other reason.
func (k *Keeper) valid(ctx context.Context, hash bonded.Digest) (t record.Token, late, err error) {
	now := k.Now()
	t, err = k.lookUp(ctx, hash, now)
	var e *bonded.Error
	switch {
	case errors.As(err, &e) && e.Kind == bonded.NotFound, err == nil && !sameHash(t.Hash, hash):
		return t, nil, unauthorized("this repository does not know the token; was it made here? The administrator makes one with: bonded admin token add")
	case err != nil:
		return t, nil, fmt.Errorf("authenticate: %w", err)
	case !t.Revoked.IsZero():
		return t, nil, unauthorized("the token was revoked on %s; ask the administrator for a new one", t.Revoked.Format(time.DateOnly))
	case !t.Disabled.IsZero():
		return t, nil, unauthorized("the account of this token is disabled; ask the administrator")
	case !now.Before(t.Expires):
		return t, bonded.Refusal(bonded.Unauthorized, "token-lifetime",
			"the token expired on %s; ask the administrator for a new one", t.Expires.Format("2006-01-02 15:04 MST")), nil
	}
	k.touch(t, now)
	return t, nil, nil
}

func unauthorized(format string, args ...any) error {
	return bonded.Errorf(bonded.Unauthorized, format, args...)
}
