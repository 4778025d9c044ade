// Package all lists every dialect. A test holds the list against the folders
// beside it.
package all

import (
	"bonded.dev/ecosystem"
	"bonded.dev/ecosystem/npm"
	"bonded.dev/ecosystem/pypi"
)

// Ecosystems returns every dialect.
func Ecosystems() []ecosystem.Ecosystem {
	return []ecosystem.Ecosystem{
		npm.Ecosystem{},
		pypi.Ecosystem{},
	}
}
