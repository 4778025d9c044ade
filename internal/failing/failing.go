// Package failing makes things go wrong on purpose, so that tests can show what
// then happens. It has two tools.
//
// Here marks a boundary of the way in. In an ordinary build it does nothing and
// costs nothing. Built with the tag "crash" the process kills itself, with a
// signal that nothing can catch, when it comes to the boundary that the
// variable BONDED_CRASH_AT names ("commit", or "commit:3" for the third time).
//
// Store fails the n-th operation on a blob store, for a test that tries every n.
package failing

// Boundaries of the way in, in order. The names are those of docs/the-way-in.md.
var Boundaries = []string{
	"draft",     // bytes are durable in quarantine, nothing is judged
	"judge",     // admitted, waiting for a batch
	"record",    // rows are in the transaction, the facts are not
	"ledger",    // facts and seal are in the transaction, it is not committed
	"commit",    // committed, nothing is signed
	"tiles",     // tiles are out, the checkpoint is not
	"sign",      // the checkpoint is out, the artifact is in quarantine
	"artifact",  // the artifact is public, no document points to it
	"documents", // everything is public, the shelf's own mark is old
	"answer",    // done, and the client has not heard
}

// StageBoundaries are those of a release that waits for a second person; the
// first is after "judge". Approved, it passes the others from "judge" on.
var StageBoundaries = []string{
	"stage",  // admitted, about to be written down
	"staged", // written down, and the client has not heard
}
