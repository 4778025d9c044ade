// Package retirednames keeps a package name from ever being handed to somebody
// else.
package retirednames

import (
	_ "embed"

	"bonded.dev/guide"
)

//go:embed control.md
var page string

// Control is enforced by the ownership check, not by a judgement over bytes.
var Control = guide.Control{
	ID: "retired-names", Title: "Retired names", Page: page,
	Enforced: "registry/identity: a name that was ever claimed can be published to by its owners alone; registry/record never deletes a claim",
}
