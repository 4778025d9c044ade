// Package incidents holds what really happened: one page each, with its data
// in the front matter.
package incidents

import "embed"

// Pages are the pages.
//
//go:embed *.md
var Pages embed.FS
