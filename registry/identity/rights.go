package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// The rights that principals have on a package; package people tells what they
// are for.
const (
	rightPublish  = "publish"
	rightPeople   = "people"
	rightSettings = "settings"
)

// rightFor is the right that an action takes.
func rightFor(action bonded.Action) string {
	switch action {
	case bonded.ActOwner:
		return rightPeople
	case bonded.ActPolicy:
		return rightSettings
	}
	return rightPublish
}

// relation says how a user, or the trusted publishers in their place, stand to a
// name, and why that is not enough for an action. A name that nobody claimed may
// be published by anyone, with its tags, unless an organisation has it for
// itself; a claimed one is touched by whoever has the right, by whichever way;
// to read takes none.
func (k *Keeper) relation(ctx context.Context, user, publishers string, action bonded.Action, name bonded.Name) (record.Reach, error) {
	if action == bonded.ActRead {
		return record.Reach{}, nil
	}
	r, err := k.book.Reach(ctx, name, user, publishers)
	if err != nil {
		return r, fmt.Errorf("authorize: %w", err)
	}
	if publishers != "" {
		return r, k.publishes(r, action, name)
	}
	switch {
	case !r.Known || !r.Disabled.IsZero():
		return r, unauthorized("the account %s is closed, or frozen until its e-mail address is proven again; ask the administrator", user)
	case r.Claimed && slices.Contains(r.Rights, rightFor(action)):
		return r, nil
	case !r.Claimed:
		return r, free(r, user, action, name)
	case len(r.Rights) > 0:
		return r, bonded.Refusal(bonded.Forbidden, "roles",
			"%s has the rights %s on %s and so may not %s; somebody who has the right people can give the right %s",
			user, strings.Join(r.Rights, " "), name, phrase(action, name), rightFor(action))
	}
	return r, k.stranger(ctx, user, action, name)
}

// stranger refuses somebody who has no right on a claimed name.
func (k *Keeper) stranger(ctx context.Context, user string, action bonded.Action, name bonded.Name) error {
	retired, err := k.book.Retired(ctx, name)
	if err != nil {
		return fmt.Errorf("authorize: %w", err)
	}
	if retired {
		return bonded.Refusal(bonded.Forbidden, "retired-names",
			"%s is not an owner of %s and so may not %s, though every release of it was deleted: a name stays its owners' for ever; take another name",
			user, name, phrase(action, name))
	}
	return bonded.Refusal(bonded.Forbidden, "roles",
		"%s is not an owner of %s and so may not %s; one of its owners can add %s", user, name, phrase(action, name), user)
}

// free says why somebody may not do something to a name that nobody claimed.
func free(r record.Reach, user string, action bonded.Action, name bonded.Name) error {
	if action != bonded.ActPublish && action != bonded.ActTag {
		return bonded.Errorf(bonded.Forbidden, "nobody has published %s here, so nobody may %s", name, phrase(action, name))
	}
	if n, ok := namespaceOf(r, name); ok && !n.Member {
		return bonded.Refusal(bonded.Forbidden, "roles",
			"the names %s/%s belong to the organisation @%s, and %s is not in it, so may not %s; one of its owners can invite %s, or take another name",
			name.Ecosystem, n.Pattern, n.Org, user, phrase(action, name), user)
	}
	return nil
}

// namespaceOf returns the closest namespace that holds a name.
func namespaceOf(r record.Reach, name bonded.Name) (record.Namespace, bool) {
	for _, n := range r.Namespaces {
		if (Scope{Ecosystem: name.Ecosystem, Pattern: n.Pattern}).matches(name) {
			return n, true
		}
	}
	return record.Namespace{}, false
}

// publishes says why a trusted publisher may not do something. It may what its
// token says, as long as it is a publisher of the package. A pending one stands
// for whoever made it: it takes a new name for that user, and is void when
// somebody else took the name first.
func (k *Keeper) publishes(r record.Reach, action bonded.Action, name bonded.Name) error {
	gone := func(format string, args ...any) error {
		return bonded.Refusal(bonded.Forbidden, "roles", format, args...)
	}
	switch p := r.Publisher; {
	case rightFor(action) != rightPublish:
		return gone("a trusted publisher may not %s; its owners do that on its page", phrase(action, name))
	case p == nil:
		return gone("the trusted publisher of this token is none of %s, or was removed; its owners can add it on its settings page", name)
	case r.Claimed && p.Expires.IsZero():
		return nil
	case r.Claimed && !slices.Contains(r.Rights, rightPublish):
		return gone("somebody else took the name %s before the trusted publisher that waited for it; take another name", name)
	case r.Claimed:
		return nil
	case !p.Expires.IsZero() && !k.Now().Before(p.Expires):
		return gone("the trusted publisher that waited for the name %s ended on %s; its maker can add it again", name, p.Expires.Format(time.DateOnly))
	case !r.Known || !r.Disabled.IsZero():
		return gone("the account that made the trusted publisher for the name %s is closed or frozen", name)
	default:
		return free(r, p.Creator, action, name)
	}
}

// heir is who owns a name that somebody takes.
func (k *Keeper) heir(ctx context.Context, user, publishers string, name bonded.Name) (string, error) {
	r, err := k.book.Reach(ctx, name, user, publishers)
	if err != nil {
		return "", fmt.Errorf("find out who is to own %s: %w", name, err)
	}
	if n, ok := namespaceOf(r, name); ok {
		return "@" + n.Org, nil
	}
	if publishers == "" {
		return user, nil
	}
	if r.Publisher == nil {
		return "", bonded.Errorf(bonded.Forbidden, "the trusted publisher of this token is none of %s any more", name)
	}
	return r.Publisher.Creator, nil
}
