// Package artifactmetadata refuses uploads whose request says something else
// than the artifact inside.
package artifactmetadata

import (
	"bonded.dev"
	"bonded.dev/registry/screen"
)

// Check judges differences between request and bytes.
var Check = screen.Check{ID: "artifact-metadata", Judge: screen.RefuseAnomalies(bonded.Mismatch,
	"the request and the artifact inside it do not say the same",
	"publish with an unmodified package manager")}
