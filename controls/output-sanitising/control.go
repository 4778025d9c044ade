// Package outputsanitising refuses text that steers the terminal of whoever
// prints it.
package outputsanitising

import (
	"bonded.dev"
	"bonded.dev/registry/screen"
)

// Check judges text that clients print.
var Check = screen.Check{ID: "output-sanitising", Judge: screen.RefuseAnomalies(bonded.Unprintable,
	"the metadata holds characters that a terminal obeys or that turn the reading order around",
	"take them out; a script that wants colours can make them when it runs")}
