// Package all lists the dialects in which visitors can speak to a repository.
package all

import (
	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/cargo"
	"bonded.dev/prove/visit/gomod"
	"bonded.dev/prove/visit/npm"
	"bonded.dev/prove/visit/oci"
	"bonded.dev/prove/visit/pypi"
)

// Dialects returns all of them, in the order in which they are tried.
func Dialects() []visit.Dialect {
	return []visit.Dialect{
		npm.Dialect{},
		pypi.Dialect{},
		cargo.Dialect{},
		gomod.Dialect{},
		oci.Dialect{},
	}
}
