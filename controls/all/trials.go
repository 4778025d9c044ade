package all

import "bonded.dev/prove/audit"

// Trials returns, by the control's id, which steps of a stay with an account
// speak for it. What a stay cannot try stands in the sentence, or keeps the
// control out of the table.
func Trials() map[string]audit.Trial {
	return map[string]audit.Trial{
		"brute-force-limits": {Steps: []string{"guess.bounded", "guess.owner"},
			Held: "guessing the account's password was stopped, and its owner still got in with a passkey; other factors and networks were not tried"},
		"email-verified": {Steps: []string{"address.link", "address.waits"},
			Held: "an address counts after a link to it was opened"},
		"mfa-totp": {Steps: []string{"app.offered", "code.asked", "code.wrong", "code.twice"},
			Held: "a password opens nothing without a code of an app, which counts once"},
		"recovery-policy": {Steps: []string{"recovery.policy", "recovery.direct", "recovery.mail", "recovery.waits"},
			Held: "recovery takes mail and a code, waits, and can be cancelled by the owner, as its page says"},
		"security-notify": {Steps: []string{"address.link", "notice.mail"},
			Held: "what happened to the account was told by mail; not every kind of event was tried"},
		"session-hygiene": {Steps: []string{"cookie.form", "cookie.dead"},
			Held: "cookies are out of reach of scripts and other sites, and dead after signing out; how secrets are stored cannot be seen"},
		"breached-passwords": {Steps: []string{"password.known", "password.good"},
			Held: "a password of every public list was refused and another one was not; how long the list is cannot be seen"},
		"lapsed-domains": {Steps: []string{"lapsed.a passkey", "lapsed.a token"},
			Held: "an account whose domain lapsed could do nothing"},
		"mfa-required-critical": {Steps: []string{"bare.token", "bare.finish"},
			Held: "an account without a factor can do nothing, whatever its packages are"},
		"mfa-required-all": {Steps: []string{"bare.token", "bare.finish"},
			Held: "an account without a factor makes no token and is not finished; tokens that others make for it were not tried"},
		"mfa-webauthn": {Steps: []string{"passkey.offered", "passkey.alone", "passkey.elsewhere"},
			Held: "a passkey opens the account here, and one that was shown to another site does not"},
		"new-device-login": {Steps: []string{"device.waits"},
			Held: "password and code from a strange browser did not open the account"},
		"mfa-phishing-resistant": {Steps: []string{"codes.token"},
			Held: "a session of password and code makes no token, whatever the packages are"},
		"passkeys": {Steps: []string{"passkey.offered", "passkey.alone"},
			Held: "a passkey opens the account, without a name or a password"},
		"step-up": {Steps: []string{"codes.token", "stepup"},
			Held: "factors, address and tokens are not changed by a session that showed no passkey lately"},
		"scoped-tokens": {Steps: []string{"token.scope"},
			Held: "a token for one package did not publish another"},
		"token-lifetime": {Steps: []string{"token.long", "token.endless"},
			Held: "no token of 400 days is made, nor one without an end"},
		"token-leak-reports": {Steps: []string{"leak.taken", "leak.dead"},
			Held: "a token that was reported is refused"},
		"roles": {Steps: []string{"roles.few"},
			Held: "somebody who may publish changes neither people nor rules"},
	}
}
