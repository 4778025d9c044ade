// Package all lists the code of every control that has some. A control is a
// folder with a page; many are enforced by a room of the house or by somebody
// else's client and have no code here. A test holds the lists against the
// folders.
package all

import (
	artifactlog "bonded.dev/controls/artifact-log"
	artifactmetadata "bonded.dev/controls/artifact-metadata"
	boundedarchive "bonded.dev/controls/bounded-archive"
	boundedfetch "bonded.dev/controls/bounded-fetch"
	buildprovenance "bonded.dev/controls/build-provenance"
	closedpackages "bonded.dev/controls/closed-packages"
	"bonded.dev/controls/cooldown"
	dataminimise "bonded.dev/controls/data-minimise"
	deletionlimits "bonded.dev/controls/deletion-limits"
	disclosurepolicy "bonded.dev/controls/disclosure-policy"
	domainhardening "bonded.dev/controls/domain-hardening"
	eventlog "bonded.dev/controls/event-log"
	hygienesignals "bonded.dev/controls/hygiene-signals"
	immutableversions "bonded.dev/controls/immutable-versions"
	mfawebauthn "bonded.dev/controls/mfa-webauthn"
	namecanonical "bonded.dev/controls/name-canonical"
	namesimilarity "bonded.dev/controls/name-similarity"
	outputsanitising "bonded.dev/controls/output-sanitising"
	privatenames "bonded.dev/controls/private-names"
	provenancecontinuity "bonded.dev/controls/provenance-continuity"
	"bonded.dev/controls/quarantine"
	registrysignature "bonded.dev/controls/registry-signature"
	releaseclose "bonded.dev/controls/release-close"
	sessionhygiene "bonded.dev/controls/session-hygiene"
	statusyank "bonded.dev/controls/status-yank"
	strictarchive "bonded.dev/controls/strict-archive"
	strongdigests "bonded.dev/controls/strong-digests"
	tokenlifetime "bonded.dev/controls/token-lifetime"
	tokenprefix "bonded.dev/controls/token-prefix"
	trustedpublishing "bonded.dev/controls/trusted-publishing"
	trustedtimestamps "bonded.dev/controls/trusted-timestamps"
	tuffreshness "bonded.dev/controls/tuf-freshness"
	tufroot "bonded.dev/controls/tuf-root"
	uploaddigests "bonded.dev/controls/upload-digests"
	upstreamseparation "bonded.dev/controls/upstream-separation"
	verifiablemirror "bonded.dev/controls/verifiable-mirror"
	vulnerabilitydisplay "bonded.dev/controls/vulnerability-display"
	webisolation "bonded.dev/controls/web-isolation"
	"bonded.dev/controls/witness"
	"bonded.dev/prove/audit"
	"bonded.dev/registry/screen"
)

// Checks returns the controls that judge drafts, in the order in which they do.
func Checks() []screen.Check {
	return []screen.Check{
		immutableversions.Check,
		releaseclose.Check,
		closedpackages.Check,
		namesimilarity.Check,
		deletionlimits.Check,
		uploaddigests.Check,
		boundedarchive.Check,
		strictarchive.Check,
		artifactmetadata.Check,
		outputsanitising.Check,
	}
}

// Probes returns, by the control's id, the probes that look for it from outside.
func Probes() map[string]audit.Probe {
	return map[string]audit.Probe{
		"artifact-log":          artifactlog.Probe,
		"artifact-metadata":     artifactmetadata.Probe,
		"bounded-fetch":         boundedfetch.Probe,
		"build-provenance":      buildprovenance.Probe,
		"cooldown":              cooldown.Probe,
		"data-minimise":         dataminimise.Probe,
		"disclosure-policy":     disclosurepolicy.Probe,
		"domain-hardening":      domainhardening.Probe,
		"event-log":             eventlog.Probe,
		"hygiene-signals":       hygienesignals.Probe,
		"mfa-webauthn":          mfawebauthn.Probe,
		"name-canonical":        namecanonical.Probe,
		"output-sanitising":     outputsanitising.Probe,
		"private-names":         privatenames.Probe,
		"provenance-continuity": provenancecontinuity.Probe,
		"quarantine":            quarantine.Probe,
		"registry-signature":    registrysignature.Probe,
		"release-close":         releaseclose.Probe,
		"session-hygiene":       sessionhygiene.Probe,
		"status-yank":           statusyank.Probe,
		"strong-digests":        strongdigests.Probe,
		"token-lifetime":        tokenlifetime.Probe,
		"token-prefix":          tokenprefix.Probe,
		"trusted-publishing":    trustedpublishing.Probe,
		"trusted-timestamps":    trustedtimestamps.Probe,
		"tuf-freshness":         tuffreshness.Probe,
		"tuf-root":              tufroot.Probe,
		"upstream-separation":   upstreamseparation.Probe,
		"verifiable-mirror":     verifiablemirror.Probe,
		"vulnerability-display": vulnerabilitydisplay.Probe,
		"web-isolation":         webisolation.Probe,
		"witness":               witness.Probe,
	}
}
