package publish

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// settled is how old a right to publish has to be for its holder to approve, and
// a trusted publisher for its maker to approve what its job staged: as old as
// what makes a package weaker waits. Whoever stole an owner's session would bring
// the second person, or be job and second person, within minutes otherwise.
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

// settledIn refuses whoever got the right to publish the package less than three
// days ago. Where moderators may be the second person they do not wait, and of a
// package of the last three days nobody does as long as nobody has had the right
// for longer, as people of an organisation may have.
func (d *Desk) settledIn(ctx context.Context, s record.Staged, actor Actor) error {
	if d.without("two-person-publish") {
		return nil
	}
	past, err := d.Past(ctx, s.Name)
	if err != nil {
		return err
	}
	since, err := d.publishingSince(ctx, s.Name, past.Claimed, actor)
	if err != nil {
		return err
	}
	young := func(t time.Time) bool { return d.Now().Sub(t) < settled }
	mine, has := since[actor.User()]
	if !has || !young(mine) {
		return nil
	}
	if past.Claimed.IsZero() || young(past.Claimed) {
		old := slices.ContainsFunc(slices.Collect(maps.Values(since)), func(t time.Time) bool { return !young(t) })
		if !old {
			return nil
		}
	}
	if stands, err := d.standsIn(ctx, s.Name, past.Claimed, actor); err != nil || stands {
		return err
	}
	return bonded.Refusal(bonded.Forbidden, "two-person-publish",
		"you may publish %s since less than three days, and may approve its releases from %s on; until then somebody has to who has had the right for longer",
		s.Name.Key, mine.Add(settled).UTC().Format("2006-01-02 15:04 MST"))
}

// publishingSince is since when each person may publish a package or, of a name
// that is still nobody's, has been in the organisation that gets it.
func (d *Desk) publishingSince(ctx context.Context, name bonded.Name, claimed time.Time, actor Actor) (since map[string]time.Time, err error) {
	org := ""
	if claimed.IsZero() {
		heir, err := actor.Heir(ctx, name)
		if err != nil || orgOf(heir) == "" {
			return nil, err
		}
		org = orgOf(heir)
	}
	err = d.Book.View(ctx, func(tx *record.Tx) error {
		if org == "" {
			since, err = tx.PublishingSince(name, claimed)
			return err
		}
		members, err := tx.Members(org)
		since = map[string]time.Time{}
		for _, m := range members {
			since[m.User] = m.Since
		}
		return err
	})
	return since, err
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
