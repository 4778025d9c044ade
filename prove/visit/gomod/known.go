package gomod

import (
	"strings"

	"golang.org/x/mod/module"

	"bonded.dev/prove/visit"
)

var (
	_ visit.ReadOnly = Dialect{}
	_ visit.Guided   = Dialect{}
	_ visit.Checked  = Dialect{}
)

// ReadsOnly says that nobody uploads to a module proxy.
func (Dialect) ReadsOnly() {}

// Knowing is the dialect told of packages, of which the first that is a module
// path is what it recognises the repository by.
func (d Dialect) Knowing(names ...string) visit.Dialect {
	for _, name := range names {
		if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") && module.CheckPath(name) == nil {
			d.Known = name
			break
		}
	}
	return d
}

// CheckedBy is the dialect that asks a checksum database through the proxy.
func (d Dialect) CheckedBy(database string) visit.Dialect {
	d.SumDB = database
	return d
}
