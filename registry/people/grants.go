package people

import (
	"context"
	"slices"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// Grants returns the principals of a package, sorted.
func (r *Room) Grants(ctx context.Context, name bonded.Name) (list []Grant, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		rows, err := tx.Grants(name)
		list = grants(rows)
		return err
	})
	return list, err
}

// Packages returns what a user has, by all ways, by package and principal.
func (r *Room) Packages(ctx context.Context, user string) (list []Grant, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		rows, err := tx.GrantsOf(user)
		list = grants(rows)
		return err
	})
	return list, err
}

func grants(rows []record.Grant) (list []Grant) {
	for _, g := range rows {
		rights := make([]Right, len(g.Rights))
		for i, word := range g.Rights {
			rights[i] = Right(word)
		}
		list = append(list, Grant{Package: g.Package, Principal: g.Principal, Rights: rights})
	}
	return list
}

// granted is a principal's rights on a package, for the change to start from.
func granted(tx *record.Tx, name bonded.Name, principal string) ([]Right, error) {
	rows, err := tx.Grants(name)
	if err != nil {
		return nil, err
	}
	for _, g := range grants(rows) {
		if g.Principal == principal {
			return g.Rights, nil
		}
	}
	return nil, bonded.Errorf(bonded.NotFound, "%s has no right on %s; invite %s to get one", principal, name, principal)
}

// change is what waits, of a grant: these rights and no others; none: it ends.
type change struct {
	Principal string   `json:"principal"`
	Rights    []string `json:"rights"`
}

// SetRights gives a principal of a package these rights and no others. More is
// at once, and nobody gives what they do not have; less for oneself is at once;
// less for somebody else waits, so that whoever stole one owner's session cannot
// lock the others out, and due says until when.
func (r *Room) SetRights(ctx context.Context, user string, name bonded.Name, principal string, rights []Right) (due time.Time, err error) {
	if rights, err = ParseRights(join(rights)); err != nil {
		return due, err
	}
	return r.regrant(ctx, user, name, principal, rights)
}

// RemoveGrant ends the rights of a principal: at once for oneself, after the
// wait for somebody else.
func (r *Room) RemoveGrant(ctx context.Context, user string, name bonded.Name, principal string) (due time.Time, err error) {
	return r.regrant(ctx, user, name, principal, nil)
}

func (r *Room) regrant(ctx context.Context, user string, name bonded.Name, principal string, rights []Right) (due time.Time, err error) {
	actor := publish.Actor(person{room: r, user: user})
	if user == principal {
		actor = publish.House{} // giving up needs no right
	}
	_, err = r.Desk.Owners(ctx, name, actor, func(tx *record.Tx) error {
		due = time.Time{}
		now, err := granted(tx, name, principal)
		if err != nil {
			return err
		}
		less := slices.ContainsFunc(now, func(x Right) bool { return !slices.Contains(rights, x) })
		more := slices.DeleteFunc(slices.Clone(rights), func(x Right) bool { return slices.Contains(now, x) })
		if !less && len(more) == 0 {
			return nil
		}
		if user != principal || len(more) > 0 {
			reach, err := may(tx, user, People, name)
			if err != nil {
				return err
			}
			if missing := lacks(reach, more); len(missing) > 0 {
				return bonded.Refusal(bonded.Forbidden, "roles", "%s cannot give the right %q on %s without having it", user, missing[0], name)
			}
		}
		if less {
			soon, err := r.soon(tx, user, name, principal, now)
			if err != nil {
				return err
			}
			if !soon {
				due, err = r.ask(tx, user, name, principal, rights)
				return err
			}
		}
		return r.apply(tx, user, name, principal, rights, "")
	})
	return due, err
}

// soon reports whether less can be at once: for oneself, unless all others who
// look after the package came within the time that a change waits. Whoever
// stole a session invites an accomplice and leaves in its owner's name.
func (r *Room) soon(tx *record.Tx, user string, name bonded.Name, principal string, now []Right) (bool, error) {
	if user != principal {
		return false, nil
	}
	if len(now) < len(Rights()) {
		return true, nil
	}
	others, err := tx.LookedAfter(name, words(Rights()), user, r.Now())
	if err != nil || !others {
		return true, err // nobody would be left: refused, or nobody was there before
	}
	return tx.LookedAfter(name, words(Rights()), user, r.Now().Add(-r.Waiting.Delay))
}

// ask lets less wait.
func (r *Room) ask(tx *record.Tx, user string, name bonded.Name, principal string, rights []Right) (time.Time, error) {
	kind, detail := waitNarrow, principal+" to have only: "+join(rights)
	if len(rights) == 0 {
		kind, detail = waitRemove, principal+" to have no right"
	}
	w := record.Waiting{Kind: kind, Account: account(principal), Package: name, Actor: user}
	return r.wait(tx, w, change{principal, words(rights)}, "owner.ask-remove", name.String(), account(principal), detail)
}

// apply writes the rights and the event.
func (r *Room) apply(tx *record.Tx, actor string, name bonded.Name, principal string, rights []Right, why string) error {
	action, detail := "owner", principal+": "+join(rights)+why
	err := r.guard(tx, name, func() error {
		if len(rights) > 0 {
			return tx.SetGrant(name, principal, words(rights), r.Now())
		}
		action, detail = "owner.remove", principal+why
		return tx.RemoveOwner(name, principal)
	})
	if err != nil {
		return err
	}
	return r.note(tx, actor, action, name.String(), account(principal), detail, "")
}

// narrowDue makes a removal or a narrowing that is due. Whoever asked must still
// be allowed to.
func (r *Room) narrowDue(ctx context.Context, w record.Waiting) error {
	var c change
	if err := read(w, &c); err != nil {
		return err
	}
	_, err := r.Desk.Owners(ctx, w.Package, publish.House{}, func(tx *record.Tx) error {
		if err := r.Waiting.Made(tx, w); err != nil {
			return err
		}
		if w.Actor != c.Principal {
			if _, err := may(tx, w.Actor, People, w.Package); err != nil {
				return err
			}
		}
		now, err := granted(tx, w.Package, c.Principal)
		if err != nil {
			return err
		}
		var rights []Right // what came meanwhile is not given by this
		for _, x := range now {
			if slices.Contains(c.Rights, string(x)) {
				rights = append(rights, x)
			}
		}
		return r.apply(tx, "bonded", w.Package, c.Principal, rights, ", as "+w.Actor+" asked")
	})
	return err
}
