// Package uploaddigests refuses uploads whose bytes are not the ones the
// client says it sent.
package uploaddigests

import (
	"bonded.dev"
	"bonded.dev/registry/screen"
)

// Check judges sizes and digests that the request carries.
var Check = screen.Check{ID: "upload-digests", Judge: screen.RefuseAnomalies(bonded.Checksum,
	"the bytes that arrived are not the bytes that the client described",
	"upload again; if it stays, something between you and this repository changes your upload")}
