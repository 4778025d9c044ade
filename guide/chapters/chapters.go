// Package chapters holds the pages of the guide that tell rather than list: a
// start page for each kind of reader, how it goes wrong, one subject at a time,
// the evidence, and the models. Each answers one question and ends with what to
// do next. A line that holds only {{directive}} is replaced by something that
// the room guide/book computes from the threats, controls and incidents.
package chapters

import "embed"

// Pages are the chapters, <id>.md.
//
//go:embed *.md
var Pages embed.FS
