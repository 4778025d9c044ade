// Package strictarchive refuses archives that different readers would unpack
// differently or that would write outside their own folder.
package strictarchive

import (
	_ "embed"

	"bonded.dev"
	"bonded.dev/guide"
	"bonded.dev/registry/screen"
)

//go:embed control.md
var page string

// Control judges what the archive reader noticed of shape.
var Control = guide.Control{
	ID: "strict-archive", Title: "Strict archives", Page: page,
	Screen: screen.RefuseAnomalies(bonded.Shape,
		"the archive is not one that every reader unpacks alike",
		"build it again with a current packaging tool"),
}
