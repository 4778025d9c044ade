// Package tokenprefix looks at the form of a token.
package tokenprefix

import (
	"cmp"
	"context"
	"hash/crc32"
	"regexp"
	"strings"

	"bonded.dev/prove/audit"
)

// Probe reads the credential that it was given: whether anybody who finds it
// would know what it is. It never repeats more of it than its prefix.
var Probe audit.Probe = probe

// form is a prefix of letters, which names who made it, and what follows.
var form = regexp.MustCompile(`^([a-z][a-z0-9]{1,11}(?:_[a-z0-9]{1,8})?[_-])([0-9A-Za-z_-]{16,})$`)

func probe(_ context.Context, v *audit.Visit) (audit.Finding, error) {
	token := string(cmp.Or(v.Credential, v.Made))
	switch {
	case token == "":
		return audit.Say(audit.Unknown, "takes a token to look at: give one with --credential, or an account with --account")
	case strings.Contains(token, ":"):
		return audit.Say(audit.NotHeld, "what was given to authenticate with is a name and a password, which nothing recognises when it leaks",
			audit.Evidence{URL: v.Site.Base, Saw: "the credential: a name and a password"})
	}
	m := form.FindStringSubmatch(token)
	if m == nil {
		return audit.Say(audit.NotHeld, "a token has no prefix by which a scanner could know it", audit.Evidence{URL: v.Site.Base, Saw: "the credential: no prefix"})
	}
	saw := audit.Evidence{URL: v.Site.Base, Saw: "the credential: the prefix " + m[1]}
	if !checksum(token, m[2]) {
		return audit.Say(audit.NotHeld, "a token has a prefix, and no checksum in the usual form by which a find could be told from noise", saw)
	}
	saw.Saw += " and a checksum that fits"
	return audit.Say(audit.Held, "a token has a prefix and a checksum, so that whoever finds one knows it offline", saw)
}

// checksum reports whether the last six characters are the CRC-32 of what is
// before them, in base 62: over the random part, as code hosts have it, or over
// the prefix as well.
func checksum(token, random string) bool {
	const n = 6
	sum := token[len(token)-n:]
	return sum == base62(crc32.ChecksumIEEE([]byte(random[:len(random)-n]))) || sum == base62(crc32.ChecksumIEEE([]byte(token[:len(token)-n])))
}

func base62(n uint32) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var out [6]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = digits[n%62]
		n /= 62
	}
	return string(out[:])
}
