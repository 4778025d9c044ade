package identity

import (
	"context"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

// Who can have made a token.
const (
	OriginAdmin     = "admin"     // a command on the host
	OriginWeb       = "web"       // its user, on a page
	OriginLogin     = "login"     // its user, for a program that asked
	OriginPublisher = "publisher" // a trusted publisher
)

const (
	// DefaultTTL and MaxTTL are how long a token lives when nothing is said,
	// and at most.
	DefaultTTL = 7 * 24 * time.Hour
	MaxTTL     = 90 * 24 * time.Hour
	// PublisherTTL is how long one of a trusted publisher lives, and at most.
	PublisherTTL = 15 * time.Minute
)

// PrepareToken makes a token that is not stored yet, and what StoreToken writes
// of it. The user is empty, and l.Publishers is not, for a trusted publisher.
func (k *Keeper) PrepareToken(user string, l Limits, origin string) (Secret, record.Token, error) {
	var none record.Token
	most, usual := MaxTTL, DefaultTTL
	if origin == OriginPublisher {
		most, usual = PublisherTTL, PublisherTTL
	}
	if l.TTL == 0 {
		l.TTL = usual
	}
	switch {
	case (user == "") != (origin == OriginPublisher) || (origin == OriginPublisher) != (len(l.Publishers) > 0):
		return Secret{}, none, bonded.Errorf(bonded.Invalid, "a token belongs to a user or to a trusted publisher")
	case len(l.Scopes) == 0:
		return Secret{}, none, bonded.Errorf(bonded.Invalid, "a token needs at least one scope, "+scopeExample)
	case origin == OriginPublisher && (l.TTL < time.Second || l.TTL > most):
		return Secret{}, none, bonded.Errorf(bonded.Invalid, "a token of a trusted publisher lives at most 15 minutes, not %s", l.TTL)
	case l.TTL < time.Second || l.TTL > most:
		return Secret{}, none, bonded.Errorf(bonded.Invalid, "a token lives at least a second and at most 90 days, not %s", l.TTL)
	}
	l, err := l.tidy()
	if err != nil {
		return Secret{}, none, err
	}
	uses := l.Uses
	if uses == 0 {
		uses = -1
	}
	secret, now := newSecret(tokenPrefix), k.Now()
	return secret, record.Token{
		ID: randomText(10), Hash: secret.hash(), User: user, Publisher: strings.Join(l.Publishers, " "), Label: l.Label, Origin: origin,
		Scopes: texts(l.Scopes), Versions: l.Versions, Networks: l.Networks, Digests: l.Digests, Uses: uses,
		Public: rootKey(secret).Public().(publicKey), Created: now, Expires: now.Add(l.TTL),
	}, nil
}

// StoreToken writes a token that PrepareToken made, and says so, in the
// transaction that makes it true. actor is who made it.
func (k *Keeper) StoreToken(tx *record.Tx, t record.Token, actor string) error {
	if err := tx.AddToken(t); err != nil {
		return err
	}
	return event.Record(tx, record.Audit{At: t.Created, Actor: actor, Action: "token.add", Subject: holderOf(t), Account: t.User, Detail: summary(t)})
}

func holderOf(t record.Token) string {
	if t.User == "" {
		return publisherPrefix + t.Publisher
	}
	return t.User
}

// publisherPrefix begins the name of a trusted publisher in the journal.
const publisherPrefix = "publisher:"

// MakeToken makes a token and returns it, once, with what the book keeps of it.
// Whether the actor may is the caller's to know: a person showed a passkey, a
// build job an identity token.
func (k *Keeper) MakeToken(ctx context.Context, user string, l Limits, origin, actor string) (Secret, record.Token, error) {
	return k.makeToken(ctx, user, l, origin, actor, func(*record.Tx, record.Token) error { return nil })
}

func (k *Keeper) makeToken(ctx context.Context, user string, l Limits, origin, actor string, also func(*record.Tx, record.Token) error) (Secret, record.Token, error) {
	if origin != OriginPublisher {
		if err := k.inUse(ctx, user); err != nil {
			return Secret{}, record.Token{}, err
		}
	}
	secret, t, err := k.PrepareToken(user, l, origin)
	if err != nil {
		return Secret{}, record.Token{}, err
	}
	err = k.book.Update(ctx, func(tx *record.Tx) error {
		if err := also(tx, t); err != nil {
			return err
		}
		return k.StoreToken(tx, t, actor)
	})
	if err != nil {
		return Secret{}, record.Token{}, err
	}
	return secret, t, nil
}

// inUse says why an account may do nothing.
func (k *Keeper) inUse(ctx context.Context, user string) error {
	u, err := k.book.User(ctx, user)
	switch {
	case err != nil:
		return err
	case !u.Disabled.IsZero() || !u.Erased.IsZero():
		return bonded.Errorf(bonded.Forbidden, "the account %s is disabled", user)
	case !u.Frozen.IsZero():
		return bonded.Errorf(bonded.Forbidden, "the account %s is frozen until its e-mail address is proven again", user)
	}
	return nil
}

// AddToken makes a token for a user, as the administrator on the host, and
// returns it, once, with what the book keeps of it. ttl zero means DefaultTTL.
func (k *Keeper) AddToken(ctx context.Context, user string, scopes []Scope, ttl time.Duration) (Secret, record.Token, error) {
	return k.AdminToken(ctx, user, Limits{Scopes: scopes, TTL: ttl}, "")
}

// OverrideTTL is how long a token lives at most that two operators agreed upon.
const OverrideTTL = 24 * time.Hour

// AdminToken is AddToken with every limit. An account that a person has taken
// into use acts for itself: for one that has a passkey or an authenticator app,
// override names what two operators agreed upon, and is spent.
func (k *Keeper) AdminToken(ctx context.Context, user string, l Limits, override string) (Secret, record.Token, error) {
	taken, err := k.book.Factored(ctx, user)
	if err != nil {
		return Secret{}, record.Token{}, err
	}
	if taken && override == "" {
		return Secret{}, record.Token{}, bonded.Refusal(bonded.Forbidden, "admin-hardening",
			"%s has taken this account into use and acts for itself, so nobody else makes tokens for it: its owner makes one at account/tokens; in an emergency two administrators agree at admin/glass, and then: bonded admin token add --override ID", user)
	}
	if override != "" && (l.TTL == 0 || l.TTL > OverrideTTL) {
		l.TTL = OverrideTTL // an emergency is over by then
	}
	return k.makeToken(ctx, user, l, OriginAdmin, adminActor, func(tx *record.Tx, t record.Token) error {
		if override == "" {
			return nil
		}
		o, err := tx.UseOverride(override, user, t.Created)
		if err != nil {
			return err
		}
		return event.Record(tx, record.Audit{At: t.Created, Actor: adminActor, Action: "glass.use", Subject: user, Account: user,
			Detail: "a token for " + strings.Join(t.Scopes, " ") + ", agreed by " + o.Operator + " and " + o.Second + ": " + o.Reason})
	})
}
