// Package controls holds the pages of every control: one folder each, which
// also holds the control's judgement and probe where it has them.
package controls

import "embed"

// Pages are the folders' control.md files.
//
//go:embed */control.md
var Pages embed.FS
