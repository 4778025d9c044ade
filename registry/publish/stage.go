package publish

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/internal/failing"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A release of a package that wants two people leaves the way in between
// judgement and history: its draft becomes a row, its bytes stay in quarantine,
// the log hears nothing. Approved by somebody else (approve.go) it goes on from
// there, judged once more; rejected or expired it is as if it had never come.
//
// Nobody but those who may publish the package learns that it waits: what is
// staged may be under embargo.
//
// A new name is not taken by staging its first release. Whoever publishes under
// it first has it, and the approval of what waits is refused then: reserving
// names would be free otherwise, twenty at a time.
//
// Hole: in a package's first three days, who became an owner a moment ago may
// approve. Two accounts of one person are two people here, as everywhere.

// Whose releases need a second person besides those of packages and
// organisations that ask for it: Config.TwoPerson.
const (
	TwoPersonNew = "new" // the first release of every name
	TwoPersonAll = "all" // every release
)

const (
	stagedFor    = 7 * 24 * time.Hour
	mostStaged   = 20        // of one package
	mostStagedBy = 100       // by one account or build job
	sweepStaged  = time.Hour // between two looks for what has expired
	stagedIDSize = 16        // base 32: 80 bits
)

// held is what a staged release is when it waits.
type held struct {
	Draft bonded.Draft
	User  string // whose account staged it; empty: a build job
	Heir  string // who owns the name if it is still new when it is approved
}

// seal and open are the two directions of a row's body. A nil list stays nil:
// what is approved is what was judged, to the letter.
func (h held) seal() ([]byte, error) {
	return json.Marshal(h, json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true), jsontext.AllowInvalidUTF8(true))
}

func openHeld(body []byte) (h held, err error) {
	return h, json.Unmarshal(body, &h, json.RejectUnknownMembers(true))
}

// waits says whether the entrant's release needs a second person. What was
// approved had one. rule reads what the package and an organisation ask for.
func (d *Desk) waits(ctx context.Context, e *entrant, past *bonded.Package, rule func(bonded.Name, string) (own, wanted bool, err error)) (bool, error) {
	if e.approval != nil || !e.draft.Publishes() || d.without("two-person-publish") && d.without("staged-publish") {
		return false, nil
	}
	isNew, org := past.Claimed.IsZero(), ""
	if d.TwoPerson == TwoPersonAll || d.TwoPerson == TwoPersonNew && isNew {
		return true, nil
	}
	if isNew {
		heir, err := e.actor.Heir(ctx, e.draft.Name)
		if err != nil {
			return false, err
		}
		org = orgOf(heir)
	}
	own, wanted, err := rule(e.draft.Name, org)
	return own || wanted, err
}

// rule is what waits asks outside of a batch.
func (d *Desk) rule(ctx context.Context) func(bonded.Name, string) (own, wanted bool, err error) {
	return func(name bonded.Name, org string) (bool, bool, error) { return d.Book.TwoPerson(ctx, name, org) }
}

// direct refuses a draft that was not to wait when it was judged and is to wait
// now that it meets a newer state. Asked again, it will.
func (b *batch) direct(e *entrant, past *bonded.Package) error {
	waits, err := b.desk.waits(b.ctx, e, past, b.tx.TwoPerson)
	if err == nil && waits {
		err = bonded.Errorf(bonded.Unavailable, "how %s is released changed a moment ago; nothing was changed; publish again", e.draft.Name.Key)
	}
	return err
}

// orgOf is the organisation of a principal; empty: it is a user.
func orgOf(principal string) string {
	org, ok := strings.CutPrefix(principal, "@")
	if !ok {
		return ""
	}
	org, _, _ = strings.Cut(org, "/")
	return org
}

// stage lets a judged draft wait. The same bytes staged once more are the same
// release; other bytes for a file that waits are refused.
func (d *Desk) stage(ctx context.Context, e *entrant, past *bonded.Package) (bonded.Receipt, error) {
	s, heir, err := d.staging(ctx, e, past)
	if err != nil {
		return bonded.Receipt{}, err
	}
	failing.Here("stage")
	var id string
	err = d.Book.Update(ctx, func(tx *record.Tx) error {
		waiting, err := tx.StagedOf(s.Name, s.Created)
		if err != nil {
			return err
		}
		if id, err = sameStaged(waiting, s); err != nil || id != "" {
			return err
		}
		if err := d.room(tx, s, len(waiting)); err != nil {
			return err
		}
		if err := e.actor.Spend(tx); err != nil {
			return err
		}
		if err := tx.AddStaged(s); err != nil {
			return err
		}
		return event.Record(tx, announced(s, heir))
	})
	// Bytes that a row may speak of stay; those of a second copy go.
	e.taken = err == nil && id == "" || record.UnknownOutcome(err)
	if err != nil {
		return bonded.Receipt{}, err
	}
	failing.Here("staged")
	if id == "" {
		id = s.ID
	}
	return bonded.Receipt{Staged: id, Release: s.Name.Key + " " + s.Version}, nil
}

// room bounds what waits: of a package, and of whoever stages it.
func (d *Desk) room(tx *record.Tx, s record.Staged, ofPackage int) error {
	if ofPackage >= mostStaged {
		return bonded.Errorf(bonded.TooMany, "%d releases of %s wait for approval already; have some of them approved or rejected first", ofPackage, s.Name.Key)
	}
	n, err := tx.StagedBy(s.Actor, s.Created)
	if err == nil && n >= mostStagedBy {
		err = bonded.Errorf(bonded.TooMany, "%d of your releases wait for approval already; have some of them approved or rejected first", n)
	}
	return err
}

// announced is the event that tells whoever can approve: the owners of a package,
// of the organisation that gets a new name, or else the operators.
func announced(s record.Staged, heir string) record.Audit {
	a := record.Audit{At: s.Created, Actor: s.Actor, Action: "stage.add", Subject: s.Name.String(), Detail: detail(s)}
	switch org := orgOf(heir); {
	case org != "":
		a.Subject, a.Detail = "@"+org, s.Name.String()+" "+a.Detail
	case heir != "":
		a.Action = "stage.first"
	}
	return a
}

// detail is what the journal, and so the mail, says of a staged release.
func detail(s record.Staged) string {
	return fmt.Sprintf("%s, staged as %s", s.Version, s.ID)
}

// staging makes the row of a draft. heir is who would own its name, if it is new.
func (d *Desk) staging(ctx context.Context, e *entrant, past *bonded.Package) (s record.Staged, heir string, err error) {
	h := held{Draft: e.draft, User: e.actor.User()}
	if past.Claimed.IsZero() {
		if h.Heir, err = e.actor.Heir(ctx, e.draft.Name); err != nil {
			return s, "", err
		}
	}
	now := d.Now()
	s = record.Staged{ID: strings.ToLower(rand.Text()[:stagedIDSize]), Name: e.draft.Name, Actor: e.actor.Name(), Created: now, Expires: now.Add(stagedFor)}
	// The registry's signature is a release's, and this is none yet: a copy of
	// the database must not hold what clients would believe.
	h.Draft.Facts = slices.Clone(e.draft.Facts)
	used := map[bonded.Digest]bool{}
	for i := range h.Draft.Facts {
		f := &h.Draft.Facts[i]
		f.Sig = bonded.Signature{}
		if f.Type == bonded.Publish {
			used[f.Digest] = true
			s.Version = f.Version
			s.Files = append(s.Files, f.File+" "+f.Digest.Hex())
		}
	}
	h.Draft.Kept = nil
	for _, k := range e.draft.Kept {
		if used[k.Digest] {
			h.Draft.Kept = append(h.Draft.Kept, k)
			s.Blobs = append(s.Blobs, k.ID)
		}
	}
	slices.Sort(s.Files)
	s.Body, err = h.seal()
	return s, h.Heir, err
}

// sameStaged finds a release that waits with the same files, and refuses one
// that would give a file that waits other bytes.
func sameStaged(waiting []record.Staged, s record.Staged) (id string, err error) {
	for _, w := range waiting {
		if w.Version == s.Version && slices.Equal(w.Files, s.Files) {
			return w.ID, nil
		}
		for _, mine := range s.Files {
			for _, theirs := range w.Files {
				name, digest, _ := strings.Cut(mine, " ")
				other, taken, _ := strings.Cut(theirs, " ")
				if name == other && digest != taken {
					return "", bonded.Errorf(bonded.Conflict,
						"other bytes of %s wait for approval already, as %s; have that release rejected first, or publish another version", name, w.ID)
				}
			}
		}
	}
	return "", nil
}

// Waiting lists the staged releases of a package that wait, oldest first. Who
// may see them is the caller's to ask.
func (d *Desk) Waiting(ctx context.Context, name bonded.Name) ([]record.Staged, error) {
	return d.Book.StagedOf(ctx, name, d.Now())
}

// mostShown is how many releases that wait are looked through for one person.
const mostShown = 500

// WaitingFor lists the staged releases that the actor could approve, or staged,
// oldest first.
func (d *Desk) WaitingFor(ctx context.Context, actor Actor) ([]record.Staged, error) {
	all, err := d.Book.StagedWaiting(ctx, d.Now(), mostShown)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s record.Staged) bool {
		return !sameActor(s, actor) && d.standing(ctx, s.Name, actor) != nil
	}), nil
}

// ExpireStaged ends what waited too long, and throws away the bytes of what was
// answered with no. Run does it every hour; any node may.
func (d *Desk) ExpireStaged(ctx context.Context) error {
	due, err := d.Book.StagedDue(ctx, d.Now())
	if err != nil {
		return err
	}
	for _, s := range due {
		if _, err := d.endStaged(ctx, s, record.StagedExpired, House{}.Name(), "nobody approved it in time", "stage.expire"); err != nil {
			return err
		}
	}
	left, err := d.Book.StagedLeft(ctx)
	if err != nil {
		return err
	}
	for _, s := range left {
		if err := d.throwAway(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// endStaged answers a release with no; false: somebody answered it before.
func (d *Desk) endStaged(ctx context.Context, s record.Staged, state, who, why, action string) (ended bool, err error) {
	now := d.Now()
	err = d.Book.Update(ctx, func(tx *record.Tx) error {
		if ended, err = tx.EndStaged(s.ID, state, who, why, now); err != nil || !ended {
			return err
		}
		text := detail(s)
		if why != "" {
			text += ": " + why
		}
		return event.Record(tx, record.Audit{At: now, Actor: who, Action: action, Subject: s.Name.String(), Detail: text})
	})
	return ended && err == nil, err
}

// throwAway removes the bytes of a release that was answered with no.
func (d *Desk) throwAway(ctx context.Context, s record.Staged) error {
	for _, id := range s.Blobs {
		if err := d.Blobs.Discard(ctx, id); err != nil {
			return err
		}
	}
	return d.Book.Update(ctx, func(tx *record.Tx) error { return tx.StagedGone(s.ID) })
}

// expire is ExpireStaged now and then, until ctx ends.
func (d *Desk) expire(ctx context.Context) {
	tick := time.NewTicker(sweepStaged)
	defer tick.Stop()
	for {
		if err := d.ExpireStaged(ctx); err != nil && ctx.Err() == nil {
			d.Log.Warn("staged releases whose time is over stay until the next look", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
