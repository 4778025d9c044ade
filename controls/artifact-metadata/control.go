// Package artifactmetadata refuses uploads whose request says something else
// than the artifact inside.
package artifactmetadata

import (
	_ "embed"

	"bonded.dev"
	"bonded.dev/guide"
	"bonded.dev/registry/screen"
)

//go:embed control.md
var page string

// Control judges differences between request and bytes.
var Control = guide.Control{
	ID: "artifact-metadata", Title: "Metadata from the artifact", Page: page,
	Screen: screen.RefuseAnomalies(bonded.Mismatch,
		"the request and the artifact inside it do not say the same",
		"publish with an unmodified package manager"),
}
