package people

import (
	"context"
	"slices"
	"time"

	"bonded.dev"
)

// SetOwners is for clients that send the list of owners as it should be: who is
// new in it is invited to publish, and whose name is missing loses all rights, in
// the ways of Invite and RemoveGrant. One at a time, so that a list which somebody
// read too early throws nobody out. said tells what came of it, since neither is
// true at once; empty: it was so already.
func (r *Room) SetOwners(ctx context.Context, user string, name bonded.Name, want []string) (said string, err error) {
	grants, err := r.Grants(ctx, name)
	if err != nil {
		return "", err
	}
	var more, less []string
	for _, w := range want {
		if !slices.ContainsFunc(grants, func(g Grant) bool { return g.Principal == w }) && !slices.Contains(more, w) {
			more = append(more, w)
		}
	}
	for _, g := range grants {
		if !slices.Contains(want, g.Principal) {
			less = append(less, g.Principal)
		}
	}
	switch {
	case len(more)+len(less) == 0:
		return "", nil
	case len(more)+len(less) > 1:
		return "", bonded.Errorf(bonded.Conflict, "the owners of %s changed since your client read them, or several should change; run the command again, for one of them", name)
	case len(more) == 1:
		i, err := r.Invite(ctx, user, toPackage, name.String(), more[0], string(Publish))
		if err != nil {
			return "", err
		}
		return more[0] + " was invited to publish " + name.String() + " and has until " + i.Expires.UTC().Format(time.DateOnly) + " to accept; other rights are given on the package's page", nil
	}
	due, err := r.RemoveGrant(ctx, user, name, less[0])
	if err != nil || due.IsZero() {
		return less[0] + " has no right on " + name.String() + " any more", err
	}
	return less[0] + " will have no right on " + name.String() + " from " + due.UTC().Format("2006-01-02 15:04 MST") + " on; until then any owner can cancel that", nil
}
