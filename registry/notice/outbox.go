package notice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

const (
	atOnce = 100
	// settle is how long a release waits for others of the same actor.
	settle = 30 * time.Second
	// quiet is between two mails about releases of one package.
	quiet = 10 * time.Minute
	// tries spread over a day: 1, 2, 4 ... 64 minutes, then every two hours.
	tries    = 18
	maxPause = 2 * time.Hour

	release = "publish" // the action of a release
)

// pause is how long a mail waits after n tries in vain, n > 0.
func pause(n int) time.Duration {
	if n > 7 {
		return maxPause
	}
	return min(time.Minute<<(n-1), maxPause)
}

// hand makes deliveries of the lines that somebody is to be told of.
func (r *Room) hand(ctx context.Context) error {
	for {
		lines, err := r.Book.AuditsToTell(ctx, atOnce)
		if err != nil {
			return err
		}
		for _, a := range lines {
			var users []string
			next := r.Now()
			if r.server != nil && !r.silent(a) {
				if users, err = r.recipients(ctx, a); err != nil {
					return err
				}
			}
			if a.Action == release {
				next = next.Add(settle)
			}
			err := r.Book.Update(ctx, func(tx *record.Tx) error {
				_, err := tx.Tell(a.ID, users, next)
				return err
			})
			if err != nil {
				return err
			}
		}
		if len(lines) < atOnce {
			return nil
		}
	}
}

// silent says if the control that tells of a line was taken out.
func (r *Room) silent(a record.Audit) bool {
	control := "security-notify"
	if a.Action == release {
		control = "publish-notify"
	}
	return r.Without != nil && r.Without(control)
}

// recipients are the users who hear of a line, each once.
func (r *Room) recipients(ctx context.Context, a record.Audit) (users []string, err error) {
	k, _ := event.Find(a.Action) // a kind that is gone is told to nobody
	switch k.Tell {
	case event.Account, event.Both:
		if a.Account != "" {
			users = append(users, a.Account)
		}
	case event.Operators:
		if users, err = r.operators(ctx); err != nil {
			return nil, err
		}
	}
	if k.Tell == event.Owners || k.Tell == event.Both {
		people, err := r.owners(ctx, a.Subject)
		if err != nil {
			return nil, err
		}
		users = append(users, people...)
	}
	slices.Sort(users)
	return slices.Compact(users), nil
}

func (r *Room) owners(ctx context.Context, subject string) ([]string, error) {
	if org, ok := strings.CutPrefix(subject, "@"); ok {
		org, _, _ = strings.Cut(org, "/") // "@acme/release" is a team of it
		return r.Book.OrgOwners(ctx, org)
	}
	if eco, key, ok := strings.Cut(subject, "/"); ok {
		return r.Book.PeopleOf(ctx, bonded.Name{Ecosystem: eco, Key: key})
	}
	return nil, nil
}

func (r *Room) operators(ctx context.Context) (names []string, err error) {
	users, err := r.Book.Users(ctx)
	for _, u := range users {
		if slices.Contains(u.Roles, "administrator") && u.Disabled.IsZero() {
			names = append(names, u.Name)
		}
	}
	return names, err
}

// bundle is what becomes one mail.
type bundle struct {
	user  string
	lines []record.Delivery
}

// deliver sends what is due. A recipient who cannot be reached holds up nobody else.
func (r *Room) deliver(ctx context.Context) error {
	now := r.Now()
	list, err := r.Book.DeliveriesDue(ctx, now.Add(settle), atOnce)
	if err != nil {
		return err
	}
	for _, b := range bundles(list, now) {
		if got, err := r.lease(ctx); err != nil || !got {
			return err
		}
		if b.lines, err = r.spaced(ctx, b); err != nil {
			return err
		}
		if len(b.lines) == 0 {
			continue
		}
		if err := r.one(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// bundles puts the releases of one actor into one mail for each recipient.
// Releases that are not due yet travel with one that is.
func bundles(list []record.Delivery, now time.Time) (out []*bundle) {
	type key struct{ user, actor string }
	at := map[key]*bundle{}
	for _, d := range list {
		due := !d.Next.After(now)
		if d.Line.Action != release {
			if due {
				out = append(out, &bundle{d.User, []record.Delivery{d}})
			}
			continue
		}
		// The list is sorted by time, so the first of a bundle says if it is due.
		k := key{d.User, d.Line.Actor}
		if at[k] == nil && due {
			at[k] = &bundle{user: d.User}
			out = append(out, at[k])
		}
		if at[k] != nil {
			at[k].lines = append(at[k].lines, d)
		}
	}
	return out
}

// spaced takes out of a bundle the releases of packages that the recipient
// heard of a moment ago, and lets them wait.
func (r *Room) spaced(ctx context.Context, b *bundle) (now []record.Delivery, err error) {
	if b.lines[0].Line.Action != release {
		return b.lines, nil
	}
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		now = nil
		wait := map[string]time.Duration{}
		for _, d := range b.lines {
			p := d.Line.Subject
			if _, asked := wait[p]; !asked && d.Tries == 0 {
				if wait[p], err = tx.Meter("notice "+b.user+" "+p, r.Now(), quiet, 1); err != nil {
					return err
				}
			}
			if d.Tries > 0 || wait[p] == 0 {
				now = append(now, d)
				continue
			}
			if err := tx.PutOffDelivery(d.Line.ID, d.User, 0, r.Now().Add(wait[p])); err != nil {
				return err
			}
		}
		return nil
	})
	return now, err
}

// one sends one mail to all addresses of its recipient and notes what came of it.
func (r *Room) one(ctx context.Context, b *bundle) error {
	err := r.mail(ctx, b)
	if ctx.Err() != nil {
		return ctx.Err() // nothing is known of it
	}
	return r.Book.Update(context.WithoutCancel(ctx), func(tx *record.Tx) error {
		for _, d := range b.lines {
			n := d.Tries + 1
			var step error
			switch {
			case err == nil:
				step = tx.DropDelivery(d.Line.ID, d.User)
			case errors.Is(err, errRefused) || n >= tries:
				r.Log.Error("a notice was given up", "event", d.Line.Action, "line", d.Line.ID, "user", d.User, "tries", n, "err", err)
				step = tx.DropDelivery(d.Line.ID, d.User)
			default:
				r.Log.Warn("a notice is sent later", "event", d.Line.Action, "line", d.Line.ID, "tries", n, "in", pause(n), "err", err)
				step = tx.PutOffDelivery(d.Line.ID, d.User, n, r.Now().Add(pause(n)))
			}
			if step != nil {
				return step
			}
		}
		return nil
	})
}

func (r *Room) mail(ctx context.Context, b *bundle) error {
	u, err := r.Book.User(ctx, b.user)
	if kind, _, _ := bonded.Explain(err); err != nil && kind == bonded.NotFound {
		return nil // erased meanwhile
	}
	if err != nil {
		return err
	}
	if !u.Erased.IsZero() {
		return nil
	}
	t, err := r.compose(ctx, u, b.lines)
	if err != nil {
		return err
	}
	// Whoever replaced an address hears what comes after, so the former one
	// hears of it too; it alone when the new one is not safe to write to.
	former, err := r.Book.FormerAddresses(ctx, u.Name, r.Now())
	if err != nil {
		return err
	}
	for _, to := range former {
		if err := r.send(ctx, to, t); err != nil {
			r.Log.Warn("a former address was not told", "event", b.lines[0].Line.Action, "user", u.Name, "err", err)
		}
	}
	if u.Email == "" || !u.Frozen.IsZero() {
		return nil
	}
	return r.send(ctx, u.Email, t)
}

// waitingOf is the change that a line tells of; nil for none.
func (r *Room) waitingOf(ctx context.Context, a record.Audit) (*record.Waiting, error) {
	if a.Waiting == "" {
		return nil, nil
	}
	w, err := r.Book.WaitingByID(ctx, a.Waiting)
	if kind, _, _ := bonded.Explain(err); err != nil && kind == bonded.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("notice: %w", err)
	}
	return &w, nil
}
