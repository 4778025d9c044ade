package privacy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"bonded.dev/registry/record"
)

// Rule says how long one kind of thing is kept.
type Rule struct {
	What string // as package record calls it
	Of   string // what it is, for people
	From string // when the time begins
	Keep time.Duration
	Why  string
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// Retention is everything that is kept for a time, and for how long. What is
// not here lives as long as the account or the package that it belongs to.
// docs/privacy.md shows this table.
var Retention = []Rule{
	{"deliveries", "mails that could not be sent", "the last try", 7 * day, "after a day nobody tries again"},
	{"ceremonies", "sign-ins, confirmations and mailed links that were begun", "their end", day, "they are good for minutes"},
	{"enrolments", "enrolment links, hashed", "their end", day, "they are good for a day"},
	{"addresses", "former e-mail addresses", "their end", 0, "for some days they hear of what happens after a change"},
	{"sessions", "sessions of browsers, hashed", "the sign-in", 15 * day, "none lives longer than 14 days"},
	{"devices", "browsers that were signed in before, hashed", "the last use", year, "a sign-in from another one is told by mail"},
	{"meters", "rate limits", "the last attempt", day, "they slow guessing down"},
	{"spent", "ids of build jobs' identity tokens", "their end", day, "none is taken twice"},
	{"invitations", "invitations that were not answered", "their end", 30 * day, "to see that one was missed"},
	{"publishers", "trusted publishers of names that nobody took", "their end", 30 * day, "to see that one lapsed"},
	{"tokens", "access tokens that ended, hashed", "their end", year, "to find out what a leaked one could do"},
	{"changes", "changes that waited and were made or cancelled", "their end", year, "to find out who asked for what"},
	{"staged", "releases that were approved, rejected or lapsed", "their end", year, "to find out who approved what"},
	{"overrides", "what operators agreed on to break the glass", "their end", 2 * year, "to hold operators to account"},
	{"signins", "journal: sign-ins, sessions, confirmations, log-ins of programs and build jobs", "the event", 90 * day, "to notice and undo a stolen account"},
	{"journal", "journal: everything else", "the event", 2 * year, "to find out what happened to an account or a package"},
}

// Old is what Tidy found of one kind.
type Old struct {
	Rule
	Rows int64 // deleted, or to be deleted
}

// Tidy deletes what is older than Retention allows; with dry it only counts.
func (r *Room) Tidy(ctx context.Context, dry bool) ([]Old, error) {
	var list []Old
	for _, rule := range Retention {
		before := r.Now().Add(-rule.Keep)
		n, err := r.Book.CountOld(ctx, rule.What, before)
		if err == nil && n > 0 && !dry {
			err = r.Book.Update(ctx, func(tx *record.Tx) error {
				n, err = tx.DropOld(rule.What, before)
				return err
			})
		}
		if err != nil {
			return list, fmt.Errorf("deleting old %s: %w", rule.What, err)
		}
		list = append(list, Old{rule, n})
	}
	return list, nil
}

const (
	looking = time.Hour
	daily   = "retention"
)

// Run deletes what is old once a day, until ctx ends. Of several nodes one does.
func (r *Room) Run(ctx context.Context) error {
	tick := time.NewTicker(looking)
	defer tick.Stop()
	for {
		if err := r.Daily(ctx); err != nil && ctx.Err() == nil {
			r.Log.Warn("what is old stays a little longer", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Daily does what is done once a day, if it was not done by anybody since.
func (r *Room) Daily(ctx context.Context) error {
	// Each try is another holder: the lease is the day, not the work.
	holder := make([]byte, 8)
	rand.Read(holder) //nolint:errcheck // crypto/rand.Read never fails
	now := r.Now()
	got, err := r.Book.Lease(ctx, daily, hex.EncodeToString(holder), now, now.Add(day-looking/2))
	if err != nil || !got {
		return err
	}
	err = r.resume(ctx) // before what it needs is forgotten
	if e := r.Book.Update(ctx, func(tx *record.Tx) error { return tx.BlankOldChanges(now.Add(-day)) }); e != nil {
		err = errors.Join(err, e)
	}
	list, e := r.Tidy(ctx, false)
	for _, o := range list {
		if o.Rows > 0 {
			r.Log.Info("deleted what was old", "what", o.What, "rows", o.Rows)
		}
	}
	return errors.Join(err, e)
}

// resume ends erasures that a crash interrupted: their change counts as made
// and the account is still there, closed.
func (r *Room) resume(ctx context.Context) error {
	if r.Desk == nil {
		return nil
	}
	list, err := r.Book.WaitingDone(ctx, kindErase)
	for _, w := range list {
		if u, e := r.Book.User(ctx, w.Account); e == nil && !u.Disabled.IsZero() {
			err = errors.Join(err, r.due(ctx, w))
		}
	}
	return err
}
