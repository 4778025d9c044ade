// Package all lists the code of every control that has some. A control is a
// folder with a page; many are enforced by a room of the house or by somebody
// else's client and have no code here. A test holds the lists against the
// folders.
package all

import (
	artifactmetadata "bonded.dev/controls/artifact-metadata"
	boundedarchive "bonded.dev/controls/bounded-archive"
	closedpackages "bonded.dev/controls/closed-packages"
	deletionlimits "bonded.dev/controls/deletion-limits"
	immutableversions "bonded.dev/controls/immutable-versions"
	releaseclose "bonded.dev/controls/release-close"
	strictarchive "bonded.dev/controls/strict-archive"
	uploaddigests "bonded.dev/controls/upload-digests"
	"bonded.dev/prove/audit"
	"bonded.dev/registry/screen"
)

// Checks returns the controls that judge drafts, in the order in which they do.
func Checks() []screen.Check {
	return []screen.Check{
		immutableversions.Check,
		releaseclose.Check,
		closedpackages.Check,
		deletionlimits.Check,
		uploaddigests.Check,
		boundedarchive.Check,
		strictarchive.Check,
		artifactmetadata.Check,
	}
}

// Probes returns, by the control's id, the probes that look for it from outside.
func Probes() map[string]audit.Probe {
	return map[string]audit.Probe{}
}
