// Package peers holds records of drills and audits against repositories that
// others wrote, each started on loopback as its documentation says. They show
// that drills can fail, and what a repository of that kind leaves open. A record
// is what one version did on one day; scripts/peers renews it, and a test fails
// when a repository no longer does what its record says.
package peers

import "embed"

// Pages are the records, <id>.json; see guide.Peer.
//
//go:embed *.json
var Pages embed.FS
