package main

import (
	"maps"
	"slices"
	"strings"

	"bonded.dev/registry/identity"
	"bonded.dev/registry/leak"
	"bonded.dev/registry/people"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/serve"
	"bonded.dev/registry/signin"
	"bonded.dev/registry/waiting"
)

// security is what the repository says of itself to programs: what its rooms
// are made of and how they are configured, and nothing that was written for the
// occasion.
func (r *running) security(c config) *serve.Security {
	at := func(path string) string { return c.URL + strings.TrimPrefix(path, "/") }
	return &serve.Security{
		Format: serve.SecurityFormat, Repository: c.URL, Contact: c.Contact,
		Accounts: r.accountClaims(c, at), Tokens: r.tokenClaims(at), TrustedPublishing: r.jobClaims(at),
		Publishing: serve.ReleaseClaims{
			Rights: rightsInWords(), TwoPerson: twoPersonInWords(c.TwoPerson), WeakerRulesWait: int64(waiting.DefaultDelay.Seconds()),
		},
	}
}

func (r *running) accountClaims(c config, at func(string) string) serve.AccountClaims {
	mail := r.signin.Send != nil
	a := serve.AccountClaims{
		Registration: "invite", SignIn: at("/signin"),
		Passkeys:     serve.PasskeyPages{Enroll: at("/account/passkeys"), Manage: at("/account/security")},
		AddressProof: mail, Factors: []string{"webauthn", "totp", "recovery-code"}, Passwordless: true,
		Writers: []string{"webauthn", "totp"}, TokenMakers: []string{"webauthn"}, NewDevice: "refused",
		BreachedPasswords: []string{"common"}, GuessesBounded: []string{"account", "network"},
		Session:       serve.SessionClaims{Idle: int64(signin.IdleLife.Seconds()), Whole: int64(signin.WholeLife.Seconds())},
		StepUp:        serve.StepUpClaims{Factors: []string{"webauthn"}, Seconds: int64(signin.StepUpLife.Seconds())},
		Recovery:      serve.RecoveryClaims{Policy: at("/policies/recovery"), Wait: int64(waiting.DefaultDelay.Seconds())},
		LapsedDomains: []string{"dns"}, Notices: []string{},
	}
	if r.signin.Open {
		a.Registration = "open"
	}
	if mail {
		a.NewDevice, a.Notices = "mail", []string{"mail"}
	}
	if c.Breached != "" {
		a.BreachedPasswords = append(a.BreachedPasswords, "file")
	}
	if c.BreachedURL != "" {
		a.BreachedPasswords = append(a.BreachedPasswords, "ranges")
	}
	if c.RDAP != "" {
		a.LapsedDomains = append(a.LapsedDomains, "rdap")
	}
	return a
}

func (r *running) tokenClaims(at func(string) string) serve.TokenClaims {
	return serve.TokenClaims{
		Prefix: identity.TokenPrefix, Checksum: "crc32-base62",
		Usual: int64(identity.DefaultTTL.Seconds()), Longest: int64(identity.MaxTTL.Seconds()), Unused: int64(identity.IdleTTL.Seconds()),
		Limits:      []string{"package", "action", "version", "network", "uses", "digest"},
		LeakReports: at(leak.Path), SignedReport: append([]string{}, slices.Sorted(maps.Keys(r.leak.Origins))...),
	}
}

func (r *running) jobClaims(at func(string) string) *serve.JobClaims {
	j := &serve.JobClaims{
		Audience: r.trusted.Audience, Issuers: []string{}, Exchange: at(serve.ExchangePath),
		Seconds: int64(identity.JobTTL.Seconds()), Once: true, Digests: true, Triggers: r.trusted.Refused(), Only: true,
	}
	for _, p := range r.trusted.Profiles() {
		if p.Issuer != "" {
			j.Issuers = append(j.Issuers, p.Issuer)
		}
	}
	return j
}

func rightsInWords() (list []string) {
	for _, right := range people.Rights() {
		list = append(list, string(right))
	}
	return list
}

func twoPersonInWords(setting string) string {
	switch setting {
	case publish.TwoPersonNew, publish.TwoPersonAll:
		return setting
	}
	return "by-package"
}
