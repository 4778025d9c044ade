package publish

import (
	"context"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// settled is how old a trusted publisher has to be for its maker to approve what
// its job staged: as old as what makes a package weaker waits. Whoever stole an
// owner's session would be job and second person within minutes otherwise.
const settled = 72 * time.Hour

// jobOf are the trusted publishers of the package whose job staged a release, and
// if it was a job at all.
func (d *Desk) jobOf(ctx context.Context, s record.Staged) (list []record.Publisher, job bool, err error) {
	ids, job := strings.CutPrefix(s.Actor, "publisher:")
	if !job {
		return nil, false, nil
	}
	err = d.Book.View(ctx, func(tx *record.Tx) error {
		list, err = tx.PublishersOf(s.Name)
		return err
	})
	return slices.DeleteFunc(list, func(p record.Publisher) bool { return !slices.Contains(strings.Fields(ids), p.ID) }), true, err
}

// ownJob refuses whoever let the job publish that staged the release, a moment
// ago or for a name that is still nobody's.
func (d *Desk) ownJob(ctx context.Context, s record.Staged, actor Actor) error {
	list, _, err := d.jobOf(ctx, s)
	if err != nil || len(list) == 0 {
		return err
	}
	for _, p := range list {
		if p.Creator != actor.User() || !p.Pending() && d.Now().Sub(p.Created) >= settled {
			return nil
		}
	}
	return bonded.Refusal(bonded.Forbidden, "two-person-publish",
		"you added the build job that staged %s %s as a trusted publisher less than three days ago; somebody else who may publish %s has to approve it", s.Name.Key, s.Version, s.Name.Key)
}

// stillMay says why whoever staged a release could not do so now: approving is no
// way around a right that was taken away, or a rule that was made stricter.
func (d *Desk) stillMay(ctx context.Context, s record.Staged, h held) error {
	gone := func(format string, args ...any) error {
		return bonded.Refusal(bonded.Refused, "two-person-publish", format+"; reject the release and have it staged again", args...)
	}
	list, job, err := d.jobOf(ctx, s)
	if err != nil {
		return err
	}
	if job {
		if len(list) == 0 {
			return gone("the build job that staged %s %s is no trusted publisher any more", s.Name.Key, s.Version)
		}
		return nil
	}
	reach, err := d.Book.Reach(ctx, s.Name, h.User, "")
	switch {
	case err != nil || !reach.Claimed:
		return err
	case !slices.Contains(reach.Rights, "publish"):
		return gone("%s, who staged %s %s, may not publish it any more", h.User, s.Name.Key, s.Version)
	case reach.Policy.TrustedOnly:
		return gone("%s is published by its trusted publishers alone by now, and %s staged %s with a token", s.Name.Key, h.User, s.Version)
	}
	return nil
}
