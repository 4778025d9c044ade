package gomod

import "bonded.dev/prove/visit"

var (
	_ visit.ReadOnly = Dialect{}
	_ visit.Guided   = Dialect{}
)

// ReadsOnly says that nobody uploads to a module proxy.
func (Dialect) ReadsOnly() {}

// Knowing is the dialect told of a module that the repository has.
func (d Dialect) Knowing(name string) visit.Dialect {
	d.Known = name
	return d
}
