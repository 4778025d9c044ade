// Package boundedarchive refuses archives that cost more to unpack than an
// honest package does.
package boundedarchive

import (
	"bonded.dev"
	"bonded.dev/registry/screen"
)

// Check judges the bounds that the archive reader met.
var Check = screen.Check{ID: "bounded-archive", Judge: screen.RefuseAnomalies(bonded.Bound,
	"the archive asks for more than this repository spends on one package",
	"split it, or ship large data outside the package")}
