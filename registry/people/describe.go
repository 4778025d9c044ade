package people

import (
	"context"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// Describe says of a change that waits what it will do, for people: "bob loses
// every right on npm/left-pad". Of another room's change it says the kind.
func Describe(w record.Waiting) string {
	switch w.Kind {
	case waitNarrow, waitRemove:
		var c change
		if read(w, &c) != nil {
			return w.Kind
		}
		if len(c.Rights) == 0 {
			return c.Principal + " loses every right on " + w.Package.String()
		}
		return c.Principal + " keeps only these rights on " + w.Package.String() + ": " + strings.Join(c.Rights, ", ")
	case waitTransfer, waitAdopt:
		var h handing
		if read(w, &h) != nil {
			return w.Kind
		}
		if w.Kind == waitAdopt && h.Agreed == "" {
			return w.Package.String() + " goes to " + h.To + ", who asked to adopt it, if an administrator agrees"
		}
		return w.Package.String() + " goes to " + h.To + ", and nobody else keeps a right on it"
	case waitPolicy:
		var l loosening
		if read(w, &l) != nil {
			return w.Kind
		}
		return w.Package.String() + " needs no longer: " + terms(record.Policy(l))
	case waitTwoPerson:
		return "new packages of " + w.Account + " need no second person for a release"
	case waitOffboard:
		var l leaving
		if read(w, &l) != nil {
			return w.Kind
		}
		if l.Org == "" {
			return "what the closed account " + l.User + " left behind is closed"
		}
		return l.User + " leaves @" + l.Org + " and loses what comes with it"
	}
	return w.Kind
}

// Adoption is somebody's wish for a package that nobody looks after.
type Adoption struct {
	ID      string
	Package bonded.Name
	To      string // who asked
	Asked   time.Time
	Due     time.Time // looked at again then
	Agreed  string    // administrator; empty: none yet
}

// Adoptions are those that wait, for administrators of the repository, the
// oldest first.
func (r *Room) Adoptions(ctx context.Context) (list []Adoption, err error) {
	rows, err := r.Book.WaitingOfKind(ctx, waitAdopt)
	if err != nil {
		return nil, err
	}
	for _, w := range rows {
		var h handing
		if err := read(w, &h); err != nil {
			return nil, err
		}
		list = append(list, Adoption{ID: w.ID, Package: w.Package, To: h.To, Asked: h.Asked, Due: w.Due, Agreed: h.Agreed})
	}
	return list, nil
}
