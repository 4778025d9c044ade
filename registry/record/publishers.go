package record

import (
	"time"

	"bonded.dev"
)

// Publisher is a trusted publisher: a build job that may publish a package.
type Publisher struct {
	ID      string
	Package bonded.Name // Display is not kept
	Issuer  string      // URL
	Profile string      // which CI system, for people
	Claims  map[string]string
	Creator string
	Created time.Time
	Expires time.Time // of a pending one; zero: never
	Used    time.Time // last exchange; zero: never
}
