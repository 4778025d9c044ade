// Package boundedarchive refuses archives that cost more to unpack than an
// honest package does.
package boundedarchive

import (
	_ "embed"

	"bonded.dev"
	"bonded.dev/guide"
	"bonded.dev/registry/screen"
)

//go:embed control.md
var page string

// Control judges the bounds that the archive reader met.
var Control = guide.Control{
	ID: "bounded-archive", Title: "Bounded archives", Page: page,
	Screen: screen.RefuseAnomalies(bonded.Bound,
		"the archive asks for more than this repository spends on one package",
		"split it, or ship large data outside the package"),
}
