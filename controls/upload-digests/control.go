// Package uploaddigests refuses uploads whose bytes are not the ones the
// client says it sent.
package uploaddigests

import (
	_ "embed"

	"bonded.dev"
	"bonded.dev/guide"
	"bonded.dev/registry/screen"
)

//go:embed control.md
var page string

// Control judges sizes and digests that the request carries.
var Control = guide.Control{
	ID: "upload-digests", Title: "Digests of the upload", Page: page,
	Screen: screen.RefuseAnomalies(bonded.Checksum,
		"the bytes that arrived are not the bytes that the client described",
		"upload again; if it stays, something between you and this repository changes your upload"),
}
