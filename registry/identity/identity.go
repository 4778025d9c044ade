// Package identity says who somebody is and what they may do.
//
// A person is a user account; a program that acts for one carries a token. A
// token is a random text that only its holder has: the book keeps its SHA-256,
// what it may do (its scopes), and when it ends.
//
//	Authorization header -> present      offline: prefix, checksum, signatures
//	                     -> Authenticate known, not revoked, not spent, not expired,
//	                                     account in use, from its networks
//	                     -> Caller
//	draft names a package -> May         the token's scopes, the user's rights, a fresh
//	                                     proof for what destroys or hands over
//	draft says what       -> Limits      the token's versions and artifacts
//	draft is written      -> Spend       one of the token's uses
//
// A user's rights are those of every principal that the user is: himself, the
// owners of an organisation, a team ([record.Book.Reach], one question). Token
// and user must agree. A token can only narrow: the widest one of a user who owns
// nothing can publish new names and touch no existing one; and a holder can make
// a narrower one of it without asking anybody ([Narrow]). What they object to
// names the control of the guide that it stands for: scoped-tokens, roles,
// retired-names, step-up, trusted-publishing-only, and token-lifetime where a
// token ended or is not where it belongs.
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
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// Keeper knows the users and tokens of one book. It is safe for concurrent use.
type Keeper struct {
	// Now is the clock; a test may turn it. Set it before the first call.
	Now func() time.Time
	// Proofs says why a one-time proof that a client sent beside a token is not
	// good for an action of a user on a package, and takes it when it is. nil: no
	// proof is good. Set it before the first call.
	Proofs func(ctx context.Context, user, proof string, action bonded.Action, name bonded.Name) error
	book   *record.Book

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

// Run writes down, now and then, when tokens were last used, and ends those that
// nobody uses, until ctx ends; it writes once more after that. Without it
// everything else works.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	holder, last := randomText(10), time.Time{}
	for {
		select {
		case <-tick.C:
			// An hour that could not be written is kept for the next time.
			if err := k.Flush(ctx); err == nil {
				// What could not be looked through is, a minute later.
				last, _ = k.idle(ctx, holder, last)
			}
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
func (k *Keeper) touch(t record.Token, from netip.Addr, now time.Time) {
	hour := now.UTC().Truncate(time.Hour)
	if !t.LastUsed.Before(hour) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used[t.ID] = record.Use{At: hour, From: Network(from)}
}

// Network is the network of an address, /24 or /48, wide enough to be many
// people's: what its owner needs to see that a token is used elsewhere, and what
// limits are counted against. Empty: not known.
func Network(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	bits := 48
	if a = a.Unmap(); a.Is4() {
		bits = 24
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// NetworkOf is the network of a connection's address, "203.0.113.7:4711".
func NetworkOf(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	return Network(ap.Addr())
}

// Tells says if a network means anything: behind a proxy, all that are seen are
// its own, and so nobody's.
func Tells(network string) bool {
	p, err := netip.ParsePrefix(network)
	return err == nil && !p.Addr().IsLoopback() && !p.Addr().IsPrivate() && !p.Addr().IsLinkLocalUnicast() && !p.Addr().IsUnspecified()
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

// valid looks a token up and says why it cannot be used, whoever asks from
// wherever and whenever. When it ends, and where it works, is [bound.outside].
func (k *Keeper) valid(ctx context.Context, hash bonded.Digest) (t record.Token, err error) {
	now := k.Now()
	t, err = k.lookUp(ctx, hash, now)
	switch {
	case isKind(err, bonded.NotFound), err == nil && !sameHash(t.Hash, hash):
		return t, errUnknownToken()
	case err != nil:
		return t, fmt.Errorf("authenticate: %w", err)
	case !t.Revoked.IsZero():
		return t, unauthorized("the token was revoked on %s; ask the administrator for a new one", t.Revoked.Format(time.DateOnly))
	case !t.Disabled.IsZero():
		return t, unauthorized("the account of this token is disabled; ask the administrator")
	case t.Uses == 0:
		return t, errSpent()
	}
	return t, nil
}

func errUnknownToken() error {
	return unauthorized("this repository does not know the token; was it made here? The administrator makes one with: bonded admin token add")
}

func unauthorized(format string, args ...any) error {
	return bonded.Errorf(bonded.Unauthorized, format, args...)
}
