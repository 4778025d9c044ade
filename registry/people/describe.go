package people

import (
	"strings"

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
