// Package all lists the attacks of every threat that has some. A test holds the
// list against the folders.
package all

import (
	"bonded.dev/prove/drill"
	archiveparserdifferential "bonded.dev/threats/archive-parser-differential"
	archivepathtraversal "bonded.dev/threats/archive-path-traversal"
	cimutabledependency "bonded.dev/threats/ci-mutable-dependency"
	ciuntrustedtrigger "bonded.dev/threats/ci-untrusted-trigger"
	credentialcacheleak "bonded.dev/threats/credential-cache-leak"
	credentialstuffing "bonded.dev/threats/credential-stuffing"
	decompressionbomb "bonded.dev/threats/decompression-bomb"
	dependencyconfusion "bonded.dev/threats/dependency-confusion"
	disttaghijack "bonded.dev/threats/dist-tag-hijack"
	dormantaccounttakeover "bonded.dev/threats/dormant-account-takeover"
	emaildomainresurrection "bonded.dev/threats/email-domain-resurrection"
	forgeidentityresurrection "bonded.dev/threats/forge-identity-resurrection"
	gatefailopen "bonded.dev/threats/gate-fail-open"
	historyforgery "bonded.dev/threats/history-forgery"
	homoglyphname "bonded.dev/threats/homoglyph-name"
	knownvulnerabledependency "bonded.dev/threats/known-vulnerable-dependency"
	leakedlonglivedtoken "bonded.dev/threats/leaked-long-lived-token"
	manifestconfusion "bonded.dev/threats/manifest-confusion"
	mirrorcompromise "bonded.dev/threats/mirror-compromise"
	namereuse "bonded.dev/threats/name-reuse"
	oidcpublishtheft "bonded.dev/threats/oidc-publish-theft"
	oidctokenreplay "bonded.dev/threats/oidc-token-replay"
	otpbruteforce "bonded.dev/threats/otp-bruteforce"
	persistentpoisonedcache "bonded.dev/threats/persistent-poisoned-cache"
	phishingaitm "bonded.dev/threats/phishing-aitm"
	provenancedowngrade "bonded.dev/threats/provenance-downgrade"
	publishworm "bonded.dev/threats/publish-worm"
	recoverybypass "bonded.dev/threats/recovery-bypass"
	registryauthzbug "bonded.dev/threats/registry-authz-bug"
	registryingestrce "bonded.dev/threats/registry-ingest-rce"
	releaseappend "bonded.dev/threats/release-append"
	secretinpackage "bonded.dev/threats/secret-in-package"
	separatorconfusion "bonded.dev/threats/separator-confusion"
	sessiontheft "bonded.dev/threats/session-theft"
	storagecdntamper "bonded.dev/threats/storage-cdn-tamper"
	storedxss "bonded.dev/threats/stored-xss"
	terminalescape "bonded.dev/threats/terminal-escape"
	tokenscopeescalation "bonded.dev/threats/token-scope-escalation"
	tufarbitraryinstall "bonded.dev/threats/tuf-arbitrary-install"
	tufextraneousdependencies "bonded.dev/threats/tuf-extraneous-dependencies"
	tufmixandmatch "bonded.dev/threats/tuf-mix-and-match"
	tufwrongsoftware "bonded.dev/threats/tuf-wrong-software"
	unpublishremoval "bonded.dev/threats/unpublish-removal"
	upstreamtagrewrite "bonded.dev/threats/upstream-tag-rewrite"
	verificationfailopen "bonded.dev/threats/verification-fail-open"
	versionoverwrite "bonded.dev/threats/version-overwrite"
	workstationcompromise "bonded.dev/threats/workstation-compromise"
)

// Attacks returns, by the threat's id, the attacks that play it.
func Attacks() map[string][]drill.Attack {
	return map[string][]drill.Attack{
		"publish-worm":                publishworm.Attacks,
		"workstation-compromise":      workstationcompromise.Attacks,
		"provenance-downgrade":        provenancedowngrade.Attacks,
		"ci-mutable-dependency":       cimutabledependency.Attacks,
		"archive-parser-differential": archiveparserdifferential.Attacks,
		"archive-path-traversal":      archivepathtraversal.Attacks,
		"ci-untrusted-trigger":        ciuntrustedtrigger.Attacks,
		"credential-cache-leak":       credentialcacheleak.Attacks,
		"credential-stuffing":         credentialstuffing.Attacks,
		"decompression-bomb":          decompressionbomb.Attacks,
		"dependency-confusion":        dependencyconfusion.Attacks,
		"dist-tag-hijack":             disttaghijack.Attacks,
		"dormant-account-takeover":    dormantaccounttakeover.Attacks,
		"email-domain-resurrection":   emaildomainresurrection.Attacks,
		"forge-identity-resurrection": forgeidentityresurrection.Attacks,
		"gate-fail-open":              gatefailopen.Attacks,
		"history-forgery":             historyforgery.Attacks,
		"homoglyph-name":              homoglyphname.Attacks,
		"known-vulnerable-dependency": knownvulnerabledependency.Attacks,
		"leaked-long-lived-token":     leakedlonglivedtoken.Attacks,
		"manifest-confusion":          manifestconfusion.Attacks,
		"mirror-compromise":           mirrorcompromise.Attacks,
		"name-reuse":                  namereuse.Attacks,
		"oidc-publish-theft":          oidcpublishtheft.Attacks,
		"oidc-token-replay":           oidctokenreplay.Attacks,
		"otp-bruteforce":              otpbruteforce.Attacks,
		"persistent-poisoned-cache":   persistentpoisonedcache.Attacks,
		"phishing-aitm":               phishingaitm.Attacks,
		"recovery-bypass":             recoverybypass.Attacks,
		"registry-authz-bug":          registryauthzbug.Attacks,
		"registry-ingest-rce":         registryingestrce.Attacks,
		"release-append":              releaseappend.Attacks,
		"secret-in-package":           secretinpackage.Attacks,
		"separator-confusion":         separatorconfusion.Attacks,
		"session-theft":               sessiontheft.Attacks,
		"storage-cdn-tamper":          storagecdntamper.Attacks,
		"stored-xss":                  storedxss.Attacks,
		"terminal-escape":             terminalescape.Attacks,
		"token-scope-escalation":      tokenscopeescalation.Attacks,
		"tuf-arbitrary-install":       tufarbitraryinstall.Attacks,
		"tuf-extraneous-dependencies": tufextraneousdependencies.Attacks,
		"tuf-mix-and-match":           tufmixandmatch.Attacks,
		"tuf-wrong-software":          tufwrongsoftware.Attacks,
		"unpublish-removal":           unpublishremoval.Attacks,
		"upstream-tag-rewrite":        upstreamtagrewrite.Attacks,
		"verification-fail-open":      verificationfailopen.Attacks,
		"version-overwrite":           versionoverwrite.Attacks,
	}
}
