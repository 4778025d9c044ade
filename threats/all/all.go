// Package all lists the attacks of every threat that has some. A test holds the
// list against the folders.
package all

import (
	"bonded.dev/prove/drill"
	versionoverwrite "bonded.dev/threats/version-overwrite"
)

// Attacks returns, by the threat's id, the attacks that play it.
func Attacks() map[string][]drill.Attack {
	return map[string][]drill.Attack{
		"version-overwrite": versionoverwrite.Attacks,
	}
}
