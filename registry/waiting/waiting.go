// Package waiting lets a change that weakens something wait, three days by
// default, while everybody it concerns has a link that cancels it. So whoever
// holds an account for an hour cannot use that hour to keep it.
//
//	a room asks for a change -> Put, in the transaction of the event that tells of it
//	                         -> mails with a cancel link (notice reads the journal)
//	Run, once a minute       -> the room's own function, when the change is due
//	the room's transaction   -> Made: it is done
//
// A change is taken before it is made, so that nobody is told "cancelled" of what
// is being done. What was taken and not heard of for five minutes is taken once
// more: the server died in the middle. Made, in the transaction that makes the
// change, keeps it from being made twice.
//
// Cancelling needs no right but the link, or standing in the change: to deny is
// fast and safe, to allow is slow.
package waiting

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

// DefaultDelay is how long a change waits.
const DefaultDelay = 72 * time.Hour

// Do makes a change that is due. An error of kind Unavailable is tried again;
// any other ends the change as failed. Since a server can die in the middle, it
// calls Made in its transaction, or can be repeated.
type Do func(ctx context.Context, w record.Waiting) error

// Room is where changes wait.
type Room struct {
	Now   func() time.Time
	Delay time.Duration
	Log   *slog.Logger
	// Without takes the control credential-change-hold out of the victim of a
	// drill; nil: every change waits.
	Without func(control string) bool

	book *record.Book
	key  []byte // of cancel links
	do   map[string]Do
}

// New makes a room; key, at least 32 secret bytes, makes its cancel links.
func New(book *record.Book, key []byte) *Room {
	return &Room{Now: time.Now, Delay: DefaultDelay, Log: slog.New(slog.DiscardHandler), book: book, key: key, do: map[string]Do{}}
}

// Handle says what makes changes of a kind. It is called before Run.
func (r *Room) Handle(kind string, do Do) { r.do[kind] = do }

// Put lets a change wait and returns it with ID, Created and Due set; a Due
// that is set already stays, for a change with another time of its own. The
// caller writes an event whose Waiting is the ID in the same transaction: it
// brings the cancel link to everybody who is told of it.
func (r *Room) Put(tx *record.Tx, w record.Waiting) (record.Waiting, error) {
	if r.do[w.Kind] == nil {
		return w, fmt.Errorf("waiting: nobody makes changes of kind %q", w.Kind)
	}
	id := make([]byte, 10)
	rand.Read(id) //nolint:errcheck // crypto/rand.Read never fails
	w.ID = base64.RawURLEncoding.EncodeToString(id)
	w.Created = r.Now()
	if w.Due.IsZero() {
		w.Due = w.Created.Add(r.Delay)
	}
	if r.Without != nil && r.Without("credential-change-hold") {
		w.Due = w.Created
	}
	w.Cancel = bonded.DigestOf([]byte(r.Secret(w.ID)))
	return w, tx.AddWaiting(w)
}

// Secret is what the cancel link of a change carries.
func (r *Room) Secret(id string) string {
	m := hmac.New(sha256.New, r.key)
	m.Write([]byte("cancel " + id)) //nolint:errcheck // a hash takes everything
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// ByLink returns a change to whoever has the link of its mail, and changes nothing.
func (r *Room) ByLink(ctx context.Context, id, secret string) (record.Waiting, error) {
	if subtle.ConstantTimeCompare([]byte(secret), []byte(r.Secret(id))) != 1 {
		return record.Waiting{}, bonded.Errorf(bonded.Forbidden, "this cancel link is not complete; copy all of it from the mail")
	}
	return r.book.WaitingByID(ctx, id)
}

// CancelByLink ends a change for whoever has the link of its mail.
func (r *Room) CancelByLink(ctx context.Context, id, secret string) error {
	if _, err := r.ByLink(ctx, id, secret); err != nil {
		return err
	}
	return r.cancel(ctx, id, "link")
}

// Cancel ends a change for a signed-in user whose standing the caller checked.
func (r *Room) Cancel(ctx context.Context, id, user string) error { return r.cancel(ctx, id, user) }

func (r *Room) cancel(ctx context.Context, id, actor string) error {
	w, err := r.book.WaitingByID(ctx, id)
	if err != nil {
		return err
	}
	return r.book.Update(ctx, func(tx *record.Tx) error {
		ended, err := tx.EndWaiting(id, "cancelled", r.Now())
		if err != nil {
			return err
		}
		if !ended {
			return bonded.Errorf(bonded.Conflict, "this change does not wait any more: it is being made, or was made or cancelled before")
		}
		return event.Record(tx, r.line(w, "change.cancel", actor))
	})
}

// line is the event about a change. Whose standing it is about hears of it.
func (r *Room) line(w record.Waiting, action, actor string) record.Audit {
	a := record.Audit{At: r.Now(), Actor: actor, Action: action, Account: w.Account, Subject: w.Account, Detail: w.Kind}
	if w.Package.Key != "" {
		a.Subject = w.Package.String()
	}
	if strings.HasPrefix(w.Account, "@") {
		a.Account = "" // an organisation: its owners hear of it by the subject
	}
	return a
}

// Due makes every change whose time has come.
func (r *Room) Due(ctx context.Context) error {
	list, err := r.book.WaitingDue(ctx, r.Now(), r.stale())
	if err != nil {
		return err
	}
	for _, w := range list {
		if err := r.make(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a change may take to be made before somebody else makes it.
const patience = 5 * time.Minute

func (r *Room) stale() time.Time { return r.Now().Add(-patience - time.Microsecond) }

var errMade = bonded.Errorf(bonded.Conflict, "this change was made by somebody else meanwhile")

// Made writes down that a change is made, in the transaction that makes it. The
// error says that somebody else has made it: then the transaction does nothing.
func (r *Room) Made(tx *record.Tx, w record.Waiting) error {
	finished, err := tx.FinishWaiting(w.ID, r.Now())
	if err == nil && !finished {
		err = errMade
	}
	return err
}

func (r *Room) make(ctx context.Context, w record.Waiting) error {
	do := r.do[w.Kind]
	if do == nil {
		r.Log.Error("nobody makes a change that is due", "kind", w.Kind, "id", w.ID)
		return nil
	}
	taken := false
	err := r.book.Update(ctx, func(tx *record.Tx) (err error) {
		taken, err = tx.TakeWaiting(w.ID, r.Now(), r.stale())
		return err
	})
	if err != nil || !taken {
		return err
	}
	err = do(ctx, w)
	switch {
	case errors.Is(err, errMade):
		return nil
	case err == nil:
		return r.book.Update(context.WithoutCancel(ctx), func(tx *record.Tx) error {
			_, err := tx.FinishWaiting(w.ID, r.Now()) // most have done so
			return err
		})
	}
	again := false
	if kind, _, _ := bonded.Explain(err); kind == bonded.Unavailable {
		again = true
	}
	r.Log.Warn("a change that was due could not be made", "kind", w.Kind, "id", w.ID, "again", again, "err", err)
	return r.book.Update(context.WithoutCancel(ctx), func(tx *record.Tx) error {
		if again {
			return tx.ReopenWaiting(w.ID)
		}
		if err := tx.FailWaiting(w.ID); err != nil {
			return err
		}
		_, _, public := bonded.Explain(err)
		line := r.line(w, "change.fail", "bonded")
		line.Detail += ": " + public
		return event.Record(tx, line)
	})
}

// every is how often due changes are looked for.
const every = time.Minute

// Run makes changes when they are due, until ctx ends. Of several nodes one does.
func (r *Room) Run(ctx context.Context) error {
	id := make([]byte, 8)
	rand.Read(id) //nolint:errcheck // crypto/rand.Read never fails
	holder := base64.RawURLEncoding.EncodeToString(id)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		// What cannot be done now is done the next time.
		got, err := r.book.Lease(ctx, "waiting", holder, time.Now(), time.Now().Add(2*every))
		if err == nil && got {
			err = r.Due(ctx)
		}
		if err != nil && ctx.Err() == nil {
			r.Log.Warn("changes that are due wait a little longer", "err", err)
		}
		select {
		case <-ctx.Done():
			// Nobody has to wait until the lease of a node that is gone runs out.
			if _, err := r.book.Lease(context.WithoutCancel(ctx), "waiting", holder, time.Now(), time.Now()); err != nil {
				r.Log.Warn("the next node waits until the lease runs out", "err", err)
			}
			return nil
		case <-tick.C:
		}
	}
}
