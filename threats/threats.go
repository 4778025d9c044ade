// Package threats holds the pages of every threat: one folder each, which also
// holds the attacks that play it where there are any.
package threats

import "embed"

// Pages are the folders' threat.md files.
//
//go:embed */threat.md
var Pages embed.FS
