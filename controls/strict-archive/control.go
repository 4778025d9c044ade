// Package strictarchive refuses archives that different readers would unpack
// differently or that would write outside their own folder.
package strictarchive

import (
	"bonded.dev"
	"bonded.dev/registry/screen"
)

// Check judges what the archive reader noticed of shape.
var Check = screen.Check{ID: "strict-archive", Judge: screen.RefuseAnomalies(bonded.Shape,
	"the archive is not one that every reader unpacks alike",
	"build it again with a current packaging tool")}
