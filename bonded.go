// Package bonded holds the nouns of the house: what a package, a release, a
// file and a fact are, and how facts add up to state. It imports nothing but
// the standard library and opens nothing; everything else imports it.
//
// The one idea: every public fact is an [Entry] in an append-only log.
// [Package.Apply] adds one entry to what is known of a package, and [Fold] is
// nothing but Apply over a whole history. Documents that package managers read
// are computed from that state by an adapter (see package ecosystem). So
// whoever holds the log can compute every byte of the index again, and a
// repository that serves anything else is caught by recomputation.
//
// Only this package and client/verify will ever carry a promise about their
// Go interfaces.
package bonded
