package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

// approval is a staged release on its way into history: the draft speaks for
// whoever staged it, and may do so as long as both of them may.
type approval struct {
	desk     *Desk
	staged   record.Staged
	held     held
	approver Actor
}

// Name and User are those of who staged it.
func (a *approval) Name() string { return a.staged.Actor }
func (a *approval) User() string { return a.held.User }

// Heir is who was to own the name when it was staged.
func (a *approval) Heir(context.Context, bonded.Name) (string, error) {
	if a.held.Heir == "" {
		return "", bonded.Errorf(bonded.Conflict, "%s was somebody's when this was staged, and is nobody's now", a.staged.Name.Key)
	}
	return a.held.Heir, nil
}

// May asks once more, of both people.
func (a *approval) May(ctx context.Context, _ bonded.Action, _ bonded.Name) error {
	if err := a.desk.mayApprove(ctx, a.staged, a.approver); err != nil {
		return err
	}
	return a.desk.stillStands(ctx, a.staged, a.held)
}

// Limits and Spend: the stager's credential was held to its own.
func (a *approval) Limits(*bonded.Draft) error { return nil }
func (a *approval) Spend(*record.Tx) error     { return nil }

// note marks the release as approved in the transaction that logs its facts;
// false: somebody answered it before.
func (a *approval) note(tx *record.Tx) (bool, error) {
	now := a.desk.Now()
	ended, err := tx.EndStaged(a.staged.ID, record.StagedApproved, a.approver.Name(), "", now)
	if err != nil || !ended {
		return false, err
	}
	return true, event.Record(tx, record.Audit{At: now, Actor: a.approver.Name(), Action: "stage.approve", Subject: a.staged.Name.String(), Detail: detail(a.staged)})
}

// Approve publishes a staged release. The actor is a person who showed a passkey
// within minutes, has had the right to publish for three days, and is not who
// staged it. Everything is judged once more, as of now, and the bytes are held against their digests.
//
// Of a name that is still nobody's the approver is a member of the organisation
// that gets it, or a moderator of the repository. Where the repository itself
// asks for a second person, its moderators may approve every release, so that a
// package with one owner has somebody.
func (d *Desk) Approve(ctx context.Context, id string, actor Actor) (bonded.Receipt, error) {
	s, h, err := d.open(ctx, id, actor)
	if err != nil {
		return bonded.Receipt{}, err
	}
	if err := d.mayApprove(ctx, s, actor); err != nil {
		return bonded.Receipt{}, err
	}
	for _, k := range h.Draft.Kept {
		if err := d.whole(ctx, k); err != nil {
			return bonded.Receipt{}, err
		}
	}
	a := &approval{desk: d, staged: s, held: h, approver: actor}
	return d.enter(ctx, &entrant{draft: h.Draft, actor: a, approval: a, done: make(chan struct{})})
}

// Reject throws a staged release away; whoever staged it may do so too. It takes
// no passkey: to say no is fast and safe.
func (d *Desk) Reject(ctx context.Context, id, reason string, actor Actor) error {
	s, _, err := d.open(ctx, id, actor)
	if err != nil {
		return err
	}
	if len(reason) > maxReason {
		return bonded.Errorf(bonded.TooLarge, "the reason has %d bytes; at most %d are kept", len(reason), maxReason)
	}
	ended, err := d.endStaged(ctx, s, record.StagedRejected, actor.Name(), reason, "stage.reject")
	if err != nil {
		return err
	}
	if !ended {
		return answered(s)
	}
	if err := d.throwAway(ctx, s); err != nil {
		d.Log.Warn("bytes of a rejected release stay until the next look", "id", s.ID, "err", err)
	}
	return nil
}

// open reads a release that waits, for whoever may know of it. Everybody else
// hears that there is none.
func (d *Desk) open(ctx context.Context, id string, actor Actor) (s record.Staged, h held, err error) {
	if s, err = d.Book.Staged(ctx, id); err != nil {
		return s, h, err
	}
	if !sameActor(s, actor) {
		if err := d.standing(ctx, s.Name, actor); err != nil {
			if kind, _, _ := bonded.Explain(err); kind != bonded.Forbidden {
				return s, h, err
			}
			return record.Staged{}, h, record.NoStaged(id)
		}
	}
	if s.State != record.StagedWaits || !d.Now().Before(s.Expires) {
		return s, h, answered(s)
	}
	if h, err = openHeld(s.Body); err != nil {
		err = fmt.Errorf("reading the staged release %s: %w", id, err)
	}
	return s, h, err
}

func answered(s record.Staged) error {
	state := s.State
	if state == record.StagedWaits {
		state = record.StagedExpired
	}
	return bonded.Errorf(bonded.Conflict, "%s %s does not wait any more: it was %s", s.Name.Key, s.Version, state)
}

// sameActor says if the actor is who staged the release. A person's token and
// the person's session are one person; a build job is its own.
func sameActor(s record.Staged, actor Actor) bool {
	return s.Actor != "" && (actor.Name() == s.Actor || actor.User() == s.Actor)
}

// confirmed is an actor who can have shown a passkey: a person on a page. A
// token cannot, whatever its scopes.
type confirmed interface{ Confirmed() bool }

// mayApprove says why the actor is not the second person.
func (d *Desk) mayApprove(ctx context.Context, s record.Staged, actor Actor) error {
	if err := d.standing(ctx, s.Name, actor); err != nil {
		return err
	}
	if sameActor(s, actor) && !d.without("two-person-publish") {
		return bonded.Refusal(bonded.Forbidden, "two-person-publish",
			"you staged %s %s yourself; somebody else who may publish %s has to approve it", s.Name.Key, s.Version, s.Name.Key)
	}
	if p, ok := actor.(confirmed); (!ok || !p.Confirmed()) && !d.without("staged-publish") {
		return bonded.Refusal(bonded.Unauthorized, "step-up",
			"a release is approved on its page, by a person with a passkey, and no token can do it; sign in and confirm with your passkey")
	}
	if err := d.settledIn(ctx, s, actor); err != nil {
		return err
	}
	return d.ownJob(ctx, s, actor)
}

// standing says why the actor has no say in the releases of a package.
func (d *Desk) standing(ctx context.Context, name bonded.Name, actor Actor) error {
	past, err := d.Past(ctx, name)
	if err != nil {
		return err
	}
	may := actor.May(ctx, bonded.ActPublish, name)
	if past.Claimed.IsZero() {
		// Of a name that nobody has, everybody may publish a first release. That
		// makes nobody its second person, unless it is an organisation's.
		heir, err := actor.Heir(ctx, name)
		if err == nil && may == nil && orgOf(heir) != "" {
			return nil
		}
		if may == nil {
			may = bonded.Refusal(bonded.Forbidden, "two-person-publish",
				"%s is nobody's yet; its first release is approved by a moderator of the repository", name.Key)
		}
	}
	if may == nil {
		return nil
	}
	if stands, err := d.standsIn(ctx, name, past.Claimed, actor); err != nil || stands {
		return err
	}
	return may
}

// standsIn says if the actor is a moderator, and moderators may be the second
// person of a package.
func (d *Desk) standsIn(ctx context.Context, name bonded.Name, claimed time.Time, actor Actor) (bool, error) {
	if !claimed.IsZero() {
		if d.TwoPerson == "" {
			return false, nil
		}
		if own, _, err := d.Book.TwoPerson(ctx, name, ""); err != nil || own {
			return false, err
		}
	}
	return d.moderates(ctx, actor)
}

// moderates says if the actor is a person with a role of the house. A token acts
// for what its scopes say, and none says this.
func (d *Desk) moderates(ctx context.Context, actor Actor) (bool, error) {
	if _, person := actor.(confirmed); !person || actor.User() == "" {
		return false, nil
	}
	u, err := d.Book.User(ctx, actor.User())
	if err != nil {
		return false, err
	}
	return inUse(u) && (slices.Contains(u.Roles, "moderator") || slices.Contains(u.Roles, "administrator")), nil
}

func inUse(u record.User) bool { return u.Disabled.IsZero() && u.Frozen.IsZero() && u.Erased.IsZero() }

// stillStands says why what was staged cannot be released for whoever staged it.
func (d *Desk) stillStands(ctx context.Context, s record.Staged, h held) error {
	if h.User != "" {
		u, err := d.Book.User(ctx, h.User)
		if err != nil {
			return err
		}
		if !inUse(u) {
			return bonded.Refusal(bonded.Refused, "two-person-publish",
				"the account that staged %s %s is not in use any more; reject the release and have it staged by somebody else", s.Name.Key, s.Version)
		}
	}
	if h.Heir == "" {
		return d.stillMay(ctx, s, h)
	}
	err := d.Book.View(ctx, func(tx *record.Tx) error {
		owners, err := tx.Owners(s.Name)
		if err != nil || len(owners) == 0 || slices.Contains(owners, h.Heir) {
			return err
		}
		return bonded.Errorf(bonded.Conflict,
			"somebody else took the name %s while its first release waited here; staging does not reserve a name; choose another", s.Name.Key)
	})
	if err != nil {
		return err
	}
	return d.stillMay(ctx, s, h)
}

// whole holds quarantined bytes against the digest that was judged and shown.
func (d *Desk) whole(ctx context.Context, k bonded.Kept) error {
	r, done, err := d.Blobs.ReaderAt(ctx, k.ID)
	if err != nil {
		return lostBytes(err)
	}
	defer done() //nolint:errcheck // opened for reading
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, k.Size+1)); err != nil {
		return lostBytes(err)
	}
	if got := bonded.Digest(sum.Sum(nil)); got != k.Digest {
		return lostBytes(fmt.Errorf("%s: %w: %s", k.ID, errDamaged, got.Hex()))
	}
	return nil
}

// lostBytes tells bytes that are gone or damaged from a store that does not answer.
func lostBytes(err error) error {
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errDamaged) {
		return err
	}
	return &bonded.Error{Kind: bonded.Conflict, Err: err,
		Public: "the bytes of this release are gone or damaged; reject it and have it uploaded again"}
}

var errDamaged = errors.New("the bytes have another digest")
