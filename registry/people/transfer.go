package people

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

const (
	// quiet is how long nobody published a package that may be adopted.
	quiet = 365 * 24 * time.Hour
	// patience is how long its owners have to answer, and how often an adoption
	// that nobody agreed to is looked at afterwards, until giveUp.
	patience = 30 * 24 * time.Hour
	again    = 24 * time.Hour
	giveUp   = 90 * 24 * time.Hour
	// marked is how long releases are marked after the owners changed.
	marked = 7 * 24 * time.Hour
)

// Transfer offers all of a package to a user or an organisation ("@acme").
// Accepted it waits, and then the new principal has all rights and nobody else
// has one; trusted publishers end. It takes all rights to offer.
func (r *Room) Transfer(ctx context.Context, user string, name bonded.Name, to string) (Invitation, error) {
	if _, team := split(to); team != "" || to == user {
		return Invitation{}, bonded.Errorf(bonded.Invalid, "a package is transferred to another user, or to an organisation, not to %s", to)
	}
	return r.invite(ctx, record.Invitation{Kind: toTransfer, Target: name.String(), User: to, Inviter: user})
}

// handing is what waits, of a transfer and of an adoption.
type handing struct {
	To     string    `json:"to"`
	From   string    `json:"from,omitempty"`   // who offered it
	Head   uint64    `json:"head,omitempty"`   // of an adoption: what had happened to the package
	Agreed string    `json:"agreed,omitempty"` // administrator
	Asked  time.Time `json:"asked"`
}

// offered lets an accepted transfer wait.
func (r *Room) offered(tx *record.Tx, user string, i record.Invitation) error {
	name, err := packageOf(i.Target)
	if err != nil {
		return err
	}
	if err := oneAtATime(tx, name); err != nil {
		return err
	}
	// Actor is who offered: who accepts has no standing yet, and cannot cancel
	// what others asked for.
	w := record.Waiting{Kind: waitTransfer, Package: name, Actor: i.Inviter}
	_, err = r.wait(tx, w, handing{To: i.User, From: i.Inviter, Asked: r.Now()}, "transfer.ask", i.Target, user, "to "+i.User+", offered by "+i.Inviter)
	return err
}

func oneAtATime(tx *record.Tx, name bonded.Name) error {
	list, err := tx.WaitsOn(name)
	if err == nil && slices.ContainsFunc(list, func(w record.Waiting) bool { return w.Kind == waitTransfer || w.Kind == waitAdopt }) {
		err = bonded.Errorf(bonded.Conflict, "a transfer or an adoption of %s waits already", name)
	}
	return err
}

func (r *Room) transferDue(ctx context.Context, w record.Waiting) error {
	var h handing
	if err := read(w, &h); err != nil {
		return err
	}
	_, err := r.Desk.Owners(ctx, w.Package, publish.House{}, func(tx *record.Tx) error {
		if err := r.Waiting.Made(tx, w); err != nil {
			return err
		}
		reach, err := may(tx, h.From, People, w.Package)
		if err != nil {
			return err
		}
		if missing := lacks(reach, Rights()); len(missing) > 0 {
			return bonded.Errorf(bonded.Forbidden, "%s, who offered %s, does not have the right %q any more", h.From, w.Package, missing[0])
		}
		return r.handOver(tx, w.Package, h.To, "offered by "+h.From)
	})
	return err
}

// handOver gives all of a package to a principal. Whoever had something hears
// that it is over; so do the build jobs that published it.
func (r *Room) handOver(tx *record.Tx, name bonded.Name, to, why string) error {
	rows, err := tx.Grants(name)
	if err != nil {
		return err
	}
	for _, g := range rows {
		if g.Principal == to {
			continue
		}
		if err := tx.RemoveOwner(name, g.Principal); err != nil {
			return err
		}
		people, err := tx.Behind(g.Principal)
		if err != nil {
			return err
		}
		for _, who := range people { // they are not its owners any more, so each is told alone
			if err := r.note(tx, "bonded", "owner.remove", name.String(), who, g.Principal+": the package went to "+to, ""); err != nil {
				return err
			}
		}
	}
	if err := tx.SetGrant(name, to, words(Rights()), r.Now()); err != nil {
		return err
	}
	if err := r.lookedAfter(tx, name); err != nil {
		return err
	}
	if err := r.endPublishers(tx, name, "the package went to "+to); err != nil {
		return err
	}
	open, err := tx.InvitationsTo(name.String(), r.Now())
	if err != nil {
		return err
	}
	for _, i := range open {
		if _, err := tx.EndInvitation(i.ID); err != nil {
			return err
		}
	}
	return r.note(tx, "bonded", "transfer.done", name.String(), account(to), to+", "+why, "")
}

func (r *Room) endPublishers(tx *record.Tx, name bonded.Name, why string) error {
	list, err := tx.PublishersOf(name)
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := tx.RemovePublisher(p.ID); err != nil {
			return err
		}
		if err := tx.RevokePublisherTokens(p.ID, why, r.Now()); err != nil {
			return err
		}
		if err := r.note(tx, "bonded", "publisher.remove", name.String(), p.Creator, p.ID+": "+why, ""); err != nil {
			return err
		}
	}
	return nil
}

// Adopt asks for a package that had no release for a year. Its owners are told
// and can cancel; when they do nothing for thirty days and an administrator
// agrees, the package goes to user as a transfer would.
func (r *Room) Adopt(ctx context.Context, user string, name bonded.Name) (due time.Time, err error) {
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := inUse(tx, user); err != nil {
			return err
		}
		p, err := tx.Package(name)
		if err != nil {
			return err
		}
		if err := r.adoptable(tx, p, user); err != nil {
			return err
		}
		w := record.Waiting{Kind: waitAdopt, Package: p.Name, Actor: user, Due: r.Now().Add(patience)}
		if r.unreviewed() {
			w.Due = time.Time{}
		} else if err := r.slow(tx, "adopt "+user, 10*24*time.Hour, 3, "adoptions"); err != nil {
			return err
		}
		due, err = r.wait(tx, w, handing{To: user, Head: p.Head, Asked: r.Now()}, "adopt.ask", name.String(), "", user+" asked")
		return err
	})
	return due, err
}

func (r *Room) unreviewed() bool { return r.Without != nil && r.Without("reviewed-adoption") }

func (r *Room) adoptable(tx *record.Tx, p *bonded.Package, user string) error {
	if p.Claimed.IsZero() {
		return bonded.Errorf(bonded.NotFound, "there is no package %s", p.Name)
	}
	reach, err := tx.Reach(p.Name, user)
	if err != nil {
		return err
	}
	if len(reach.Rights) > 0 {
		return bonded.Errorf(bonded.Conflict, "%s has rights on %s already", user, p.Name)
	}
	if p.Status == "quarantined" {
		return bonded.Errorf(bonded.Forbidden, "%s is quarantined and cannot be adopted", p.Name)
	}
	newest := p.Claimed
	for rel := range p.Releases() {
		for _, f := range rel.Files {
			if f.Time.After(newest) {
				newest = f.Time
			}
		}
	}
	if r.Now().Sub(newest) < quiet && !r.unreviewed() {
		return bonded.Errorf(bonded.Forbidden, "%s had a release on %s; a package can be adopted when there was none for a year. Ask its owners", p.Name, newest.Format(time.DateOnly))
	}
	return oneAtATime(tx, p.Name)
}

// Agree lets an adoption happen when its time comes, as an administrator of the
// repository who is not the one who asked. Owners can cancel it until then.
func (r *Room) Agree(ctx context.Context, operator, id string) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		w, err := tx.WaitsByID(id)
		if err != nil {
			return err
		}
		if w.Kind != waitAdopt || w.Outcome != "" {
			return bonded.Errorf(bonded.Conflict, "the change %s is no adoption that waits", id)
		}
		ok, err := operates(tx, operator)
		if err != nil {
			return err
		}
		if !ok || operator == w.Actor {
			return bonded.Refusal(bonded.Forbidden, "roles", "an administrator who did not ask for it agrees to an adoption; %s is none", operator)
		}
		var h handing
		if err := read(w, &h); err != nil {
			return err
		}
		h.Agreed = operator
		if err := r.rewrite(tx, w, h, w.Due); err != nil {
			return err
		}
		return r.note(tx, operator, "adopt.agree", w.Package.String(), w.Actor, "to "+h.To+" on "+w.Due.UTC().Format(time.DateOnly), id)
	})
}

func (r *Room) rewrite(tx *record.Tx, w record.Waiting, h handing, due time.Time) error {
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return tx.PutWaiting(w.ID, body, due)
}

func (r *Room) adoptDue(ctx context.Context, w record.Waiting) error {
	var h handing
	if err := read(w, &h); err != nil {
		return err
	}
	if h.Agreed == "" && !r.unreviewed() {
		return r.putOff(ctx, w, h)
	}
	_, err := r.Desk.Owners(ctx, w.Package, publish.House{}, func(tx *record.Tx) error {
		if err := r.Waiting.Made(tx, w); err != nil {
			return err
		}
		if err := inUse(tx, h.To); err != nil {
			return err
		}
		if ok, err := operates(tx, h.Agreed); !r.unreviewed() && (err != nil || !ok) {
			return or(err, bonded.Errorf(bonded.Forbidden, "%s, who agreed, is no administrator any more", h.Agreed))
		}
		p, err := tx.Package(w.Package)
		if err != nil {
			return err
		}
		if p.Head != h.Head {
			return bonded.Errorf(bonded.Conflict, "somebody looked after %s since the adoption was asked for", w.Package)
		}
		return r.handOver(tx, w.Package, h.To, "adopted, "+h.Agreed+" agreed")
	})
	return err
}

// putOff looks again tomorrow whether an administrator has agreed.
func (r *Room) putOff(ctx context.Context, w record.Waiting, h handing) error {
	if r.Now().Sub(h.Asked) > giveUp {
		return bonded.Errorf(bonded.Refused, "no administrator agreed within ninety days")
	}
	err := r.Book.Update(ctx, func(tx *record.Tx) error { return r.rewrite(tx, w, h, r.Now().Add(again)) })
	return or(err, bonded.Errorf(bonded.Unavailable, "no administrator has agreed yet"))
}

// Mark says of a release what people should know of its makers: it is one by
// other owners than those before it. It is empty for all others, and counted by
// log indexes alone.
func Mark(p *bonded.Package, r *bonded.Release) string {
	if p.OwnersIndex <= p.ClaimIndex+1 || len(r.Files) == 0 || r.Files[0].Index < p.OwnersIndex {
		return ""
	}
	return fmt.Sprintf("released after the owners of this package changed (log entry %d)", p.OwnersIndex)
}

// Marked is Mark for the releases of the first seven days after the change.
func (r *Room) Marked(ctx context.Context, p *bonded.Package, rel *bonded.Release) (string, error) {
	text := Mark(p, rel)
	if text == "" {
		return "", nil
	}
	var changed time.Time
	err := r.Book.View(ctx, func(tx *record.Tx) error {
		for row, err := range tx.Entries(p.OwnersIndex, p.OwnersIndex+1) {
			if err != nil {
				return err
			}
			changed = row.Entry.Time
		}
		return nil
	})
	if err != nil || rel.Files[0].Time.Sub(changed) > marked {
		return "", err
	}
	return text, nil
}
