package serve

import (
	"net/http"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// What a repository says of itself to programs: docs/formats/security.md. It is
// a claim and no proof; `bonded audit` reads it, says "documented", and looks
// for itself where it can.

// SecurityFormat is the first member of the document.
const SecurityFormat = "repository-security/v1"

const (
	securityPath = "/.well-known/repository-security.json"
	// passkeyPath is where browsers and managers of passkeys look for the pages
	// about them (W3C, A Well-Known URL for Relying Party Passkey Endpoints).
	passkeyPath = "/.well-known/passkey-endpoints"
)

// Security is the document. Times are whole seconds. What is not so is false,
// empty or null, and never left out, so that a reader can tell it from a
// repository that has not been asked.
type Security struct {
	Format     string        `json:"format"`
	Repository string        `json:"repository"` // public URL
	Contact    string        `json:"contact"`    // mailto: or https:, as in security.txt
	Accounts   AccountClaims `json:"accounts"`
	Tokens     TokenClaims   `json:"tokens"`
	// TrustedPublishing is null where build jobs cannot exchange identities.
	TrustedPublishing *JobClaims    `json:"trustedPublishing"`
	Publishing        ReleaseClaims `json:"publishing"`
}

// AccountClaims is how somebody shows who they are.
type AccountClaims struct {
	Registration string       `json:"registration"` // open, invite
	SignIn       string       `json:"signIn"`       // URL
	Passkeys     PasskeyPages `json:"passkeys"`     // URLs
	// AddressProof says if an address counts only after a link to it was opened.
	AddressProof bool     `json:"addressProof"`
	Factors      []string `json:"factors"` // webauthn, totp, recovery-code
	// Passwordless says if an account can be without a password.
	Passwordless bool `json:"passwordless"`
	// Writers is what every account shows before it may write on a page, and
	// TokenMakers before it makes a token: one of these.
	Writers           []string       `json:"writers"`
	TokenMakers       []string       `json:"tokenMakers"`
	NewDevice         string         `json:"newDevice"`         // what a sign-in with codes from a strange browser waits for: mail, refused
	BreachedPasswords []string       `json:"breachedPasswords"` // lists that are asked: common, file, ranges
	GuessesBounded    []string       `json:"guessesBounded"`    // by: account, network
	Session           SessionClaims  `json:"session"`
	StepUp            StepUpClaims   `json:"stepUp"`
	Recovery          RecoveryClaims `json:"recovery"`
	LapsedDomains     []string       `json:"lapsedDomains"` // looked at daily by: dns, rdap
	Notices           []string       `json:"notices"`       // where security events are told: mail
}

// PasskeyPages are the pages about passkeys.
type PasskeyPages struct {
	Enroll string `json:"enroll"`
	Manage string `json:"manage"`
}

// SessionClaims is how long a sign-in lasts.
type SessionClaims struct {
	Idle  int64 `json:"idleSeconds"`
	Whole int64 `json:"wholeSeconds"`
}

// StepUpClaims is what a session shows once more before it changes who may do what.
type StepUpClaims struct {
	Factors []string `json:"factors"`
	Seconds int64    `json:"seconds"` // for which it counts
}

// RecoveryClaims is the way back into an account.
type RecoveryClaims struct {
	Policy  string `json:"policy"` // URL
	Wait    int64  `json:"waitSeconds"`
	ByStaff bool   `json:"byStaff"` // staff can open an account
}

// TokenClaims is about access tokens of people and build jobs.
type TokenClaims struct {
	Prefix       string   `json:"prefix"`
	Checksum     string   `json:"checksum"` // crc32-base62: six characters over those between prefix and it
	Usual        int64    `json:"usualSeconds"`
	Longest      int64    `json:"longestSeconds"`
	Unused       int64    `json:"unusedSeconds"`     // after which one ends
	Limits       []string `json:"limits"`            // what one can be bound to: package, action, version, network, uses, digest
	LeakReports  string   `json:"leakReports"`       // URL, open to anybody
	SignedReport []string `json:"leakReportOrigins"` // code hosts whose signed reports are taken
}

// JobClaims is about publishing by a build job's own identity.
type JobClaims struct {
	Audience string   `json:"audience"`
	Issuers  []string `json:"issuers"`  // URLs, or what one begins with
	Exchange string   `json:"exchange"` // URL
	Seconds  int64    `json:"seconds"`  // that an upload token lives
	Once     bool     `json:"once"`     // an identity token is taken once
	Digests  bool     `json:"digests"`  // an upload token can be bound to digests
	Triggers []string `json:"refusedTriggers"`
	Only     bool     `json:"only"` // a package can refuse everything else
}

// ReleaseClaims is who may release what.
type ReleaseClaims struct {
	Rights []string `json:"rights"` // given one by one
	// TwoPerson says which releases wait for somebody else: by-package, new, all.
	TwoPerson string `json:"twoPerson"`
	// WeakerRulesWait is how long a change waits that makes a package weaker.
	WeakerRulesWait int64 `json:"weakerRulesWaitSeconds"`
}

func (h *Handler) serveSecurity(w http.ResponseWriter, r *http.Request) {
	if h.Security == nil {
		h.answer(w, r, h.house, ecosystem.Outcome{Err: bonded.Errorf(bonded.NotFound, "there is nothing here")})
		return
	}
	h.json(w, r, http.StatusOK, h.Security)
}

func (h *Handler) servePasskeys(w http.ResponseWriter, r *http.Request) {
	if h.Security == nil {
		h.answer(w, r, h.house, ecosystem.Outcome{Err: bonded.Errorf(bonded.NotFound, "there is nothing here")})
		return
	}
	h.json(w, r, http.StatusOK, h.Security.Accounts.Passkeys)
}
