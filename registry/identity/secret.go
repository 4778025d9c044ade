package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"strings"

	"bonded.dev"
)

// A secret is a prefix, 30 random characters of base 62 (178 bits) and the
// CRC-32 (IEEE 802.3) of all that, in 6 more. The prefix tells scanners and
// people what they found; the checksum tells a typo from a token that is not
// known, without asking the database.
const (
	tokenPrefix     = "bnd_"
	enrolmentPrefix = "bne_"

	// SessionPrefix, DevicePrefix and CeremonyPrefix begin the secrets of package
	// signin: of a session, of a browser that was used before, and of what was
	// begun and goes on (also in links of mails).
	SessionPrefix  = "bns_"
	DevicePrefix   = "bnv_"
	CeremonyPrefix = "bnc_"

	randomLen = 30
	checkLen  = 6 // 62^6 > 2^32
	secretLen = len(tokenPrefix) + randomLen + checkLen
	digits    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Secret is a token or the secret of an enrolment link, in clear. It prints as
// a placeholder wherever it ends up by mistake.
type Secret struct {
	// A pointer, because package fmt cannot ask the methods below when a Secret
	// stands in an unexported field or is printed by %p: then it prints what is
	// here, and an address tells nothing.
	text *string
}

// Reveal returns the secret itself, to be shown once to whom it belongs. The
// zero Secret is empty.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

const placeholder = "[secret]"

func (Secret) String() string { return placeholder }

// Format covers every verb that asks, those included that would print the fields.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, placeholder) }

// LogValue keeps secrets out of structured logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(placeholder) }

// MarshalText keeps secrets out of JSON and other encodings.
func (Secret) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// hash is what the book keeps. The text has more entropy than SHA-256 needs,
// so neither salt nor a slow function would add anything.
func (s Secret) hash() bonded.Digest { return sha256.Sum256([]byte(s.Reveal())) }

// Hash is what the book keeps of a secret.
func (s Secret) Hash() bonded.Digest { return s.hash() }

// NewSecret makes a secret of the kind that the prefix says.
func NewSecret(prefix string) Secret { return newSecret(prefix) }

// ParseSecret checks the form of a secret without asking anybody; what names it
// to people. Its errors are of kind Unauthorized and repeat nothing of the text.
func ParseSecret(text, prefix, what string) (Secret, error) { return parseSecret(text, prefix, what) }

func sameHash(a, b bonded.Digest) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

func newSecret(prefix string) Secret {
	text := prefix + randomText(randomLen)
	text += checksum(text)
	return Secret{&text}
}

// randomText draws n characters of base 62, each equally likely.
func randomText(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for {
		rand.Read(buf[:]) // never fails: it ends the program instead
		for _, b := range buf {
			// 248 is the largest multiple of 62 that fits; what is above it
			// would make the first characters likelier.
			if b < 248 {
				out = append(out, digits[b%62])
			}
			if len(out) == n {
				return string(out)
			}
		}
	}
}

func checksum(s string) string {
	n := crc32.ChecksumIEEE([]byte(s))
	var out [checkLen]byte
	for i := checkLen - 1; i >= 0; i-- {
		out[i] = digits[n%62]
		n /= 62
	}
	return string(out[:])
}

// ParseToken checks the form of a token without asking anybody. Its errors are
// of kind Unauthorized and repeat nothing of the text.
func ParseToken(text string) (Secret, error) { return parseSecret(text, tokenPrefix, "token") }

func parseSecret(text, prefix, what string) (Secret, error) {
	rest, ok := strings.CutPrefix(text, prefix)
	switch {
	case !ok:
		return Secret{}, unauthorized("that is not a %s of this repository: one starts with %s", what, prefix)
	case strings.Trim(rest, digits) != "":
		return Secret{}, unauthorized("the %s holds a character that no %s has; copy it again", what, what)
	case len(text) != secretLen:
		return Secret{}, unauthorized("the %s has %d characters instead of %d; copy the whole of it", what, len(text), secretLen)
	case checksum(text[:secretLen-checkLen]) != text[secretLen-checkLen:]:
		return Secret{}, unauthorized("the checksum of the %s is wrong, so it was mistyped; copy it again", what)
	}
	return Secret{&text}, nil
}
