package trusted

import (
	"context"
	"crypto/rand"
	"maps"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

const (
	// PendingTTL is how long a pending publisher waits for its first release.
	PendingTTL = 30 * 24 * time.Hour

	maxOfPackage = 20 // publishers
	maxPending   = 20 // of one user
)

// Add makes a pending publisher of the user, for a name that nobody took. A
// name that is taken is an error of kind Conflict: its owners use AddTx, with
// the right "settings", inside what logs that the policy changed.
func (r *Room) Add(ctx context.Context, user string, name bonded.Name, profile string, fields map[string]string) (p record.Publisher, err error) {
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		if p, err = r.AddTx(tx, user, name, profile, fields); err != nil {
			return err
		}
		if !p.Pending() {
			return bonded.Errorf(bonded.Conflict, "%s is taken; its owners add a trusted publisher on its own page", name)
		}
		return nil
	})
	return p, err
}

// AddTx lets a job publish a package, in a transaction of the caller, who has
// checked that the user may. For a name that nobody took the publisher is
// pending.
func (r *Room) AddTx(tx *record.Tx, user string, name bonded.Name, profile string, fields map[string]string) (record.Publisher, error) {
	p, err := r.described(profile, fields)
	if err != nil {
		return p, err
	}
	now := r.Now()
	p.ID, p.Package, p.Creator, p.Created = strings.ToLower(rand.Text()[:16]), name, user, now.UTC().Truncate(time.Microsecond)
	claimed, err := tx.Taken(name)
	if err != nil {
		return p, err
	}
	there, err := tx.PublishersOf(name)
	if err != nil {
		return p, err
	}
	if !claimed {
		p.Expires = p.Created.Add(PendingTTL)
		mine, err := tx.PublishersPending(user)
		if err != nil {
			return p, err
		}
		if len(mine) >= maxPending {
			return p, bonded.Errorf(bonded.TooMany, "you have %d trusted publishers that wait for their first release; remove one that is not needed", len(mine))
		}
	} else if len(there) >= maxOfPackage {
		return p, bonded.Errorf(bonded.TooMany, "%s has %d trusted publishers, which is all it can have; remove one that is not needed", name, len(there))
	}
	for _, other := range there {
		if other.Creator == user || claimed {
			if other.Issuer == p.Issuer && maps.Equal(other.Claims, p.Claims) {
				return p, bonded.Errorf(bonded.Conflict, "%s has this trusted publisher already", name)
			}
		}
	}
	if err := tx.AddPublisher(p); err != nil {
		return p, err
	}
	return p, event.Record(tx, record.Audit{At: now, Actor: user, Action: "publisher.add", Subject: name.String(), Account: user,
		Detail: p.ID + ", " + r.Describe(p)})
}

// Remove ends a pending publisher of the user, and the tokens that it got. One
// of somebody else is an error of kind NotFound, one of a package that is
// taken of kind Conflict: that is RemoveTx's.
func (r *Room) Remove(ctx context.Context, user, id string) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		p, err := tx.PublisherByID(id)
		switch {
		case err != nil:
			return err
		case !p.Pending():
			return bonded.Errorf(bonded.Conflict, "%s is taken; its owners remove trusted publishers on its own page", p.Package)
		case p.Creator != user:
			return bonded.Errorf(bonded.NotFound, "there is no trusted publisher %s", id)
		}
		return r.RemoveTx(tx, user, p.Package, id)
	})
}

// RemoveTx ends a publisher of a package and the tokens that it got, in a
// transaction of the caller, who has checked that the user may. One of another
// package is an error of kind NotFound.
func (r *Room) RemoveTx(tx *record.Tx, user string, name bonded.Name, id string) error {
	p, err := tx.PublisherByID(id)
	if err != nil {
		return err
	}
	if p.Package.Ecosystem != name.Ecosystem || p.Package.Key != name.Key {
		return bonded.Errorf(bonded.NotFound, "%s has no trusted publisher %s", name, id)
	}
	if err := tx.RemovePublisher(id); err != nil {
		return err
	}
	now := r.Now()
	if err := tx.RevokePublisherTokens(id, "the trusted publisher was removed", now); err != nil {
		return err
	}
	return event.Record(tx, record.Audit{At: now, Actor: user, Action: "publisher.remove", Subject: name.String(), Account: user,
		Detail: p.ID + ", " + r.Describe(p)})
}

// Of lists the publishers of a package; of a name that nobody took, none:
// pending ones are their makers' alone.
func (r *Room) Of(ctx context.Context, name bonded.Name) (list []record.Publisher, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		list = nil
		all, err := tx.PublishersOf(name)
		for _, p := range all {
			if !p.Pending() {
				list = append(list, p)
			}
		}
		return err
	})
	return list, err
}

// Pending lists the publishers that a user made for names that nobody took yet.
func (r *Room) Pending(ctx context.Context, user string) (list []record.Publisher, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		list = nil
		all, err := tx.PublishersPending(user)
		for _, p := range all {
			if r.Now().Before(p.Expires) {
				list = append(list, p)
			}
		}
		return err
	})
	return list, err
}
