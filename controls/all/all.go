// Package all lists every control, in the order in which they judge. A test
// holds the list against the folders beside it.
package all

import (
	artifactmetadata "bonded.dev/controls/artifact-metadata"
	boundedarchive "bonded.dev/controls/bounded-archive"
	closedpackages "bonded.dev/controls/closed-packages"
	deletionlimits "bonded.dev/controls/deletion-limits"
	immutableversions "bonded.dev/controls/immutable-versions"
	retirednames "bonded.dev/controls/retired-names"
	strictarchive "bonded.dev/controls/strict-archive"
	uploaddigests "bonded.dev/controls/upload-digests"
	"bonded.dev/guide"
)

// Controls returns every control.
func Controls() []guide.Control {
	return []guide.Control{
		immutableversions.Control,
		retirednames.Control,
		closedpackages.Control,
		deletionlimits.Control,
		uploaddigests.Control,
		boundedarchive.Control,
		strictarchive.Control,
		artifactmetadata.Control,
	}
}
