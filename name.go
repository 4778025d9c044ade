package bonded

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// Name is the identity of a package. Two names are the same package exactly
// when Ecosystem and Key are equal; Display is how its owner first wrote it.
// Confusion of names is a bug in how an adapter derives Key.
type Name struct {
	Ecosystem string // adapter id, for example "npm"
	Key       string // canonical form in that ecosystem
	Display   string // as claimed; equal to Key where the ecosystem has one spelling
}

// String is the form that log entries, scopes and messages use: "npm/@acme/tools".
func (n Name) String() string { return n.Ecosystem + "/" + n.Key }

// Same reports whether both name one package.
func (n Name) Same(o Name) bool { return n.Ecosystem == o.Ecosystem && n.Key == o.Key }

// Skeleton is what a key looks like at a glance: equal for two keys that differ
// in separators alone, or in letters that are taken for each other, i, l and 1,
// and o and 0. The book of records looks names up by it.
func (n Name) Skeleton() string {
	return strings.NewReplacer("-", "", "_", "", ".", "", "i", "l", "1", "l", "0", "o").Replace(strings.ToLower(n.Key))
}

// IsZero reports whether no package is named.
func (n Name) IsZero() bool { return n.Key == "" }

// Digest is a SHA-256 and the only identity of bytes here. Other digests that
// clients want (SHA-1, SHA-512, MD5) are rendered for them and trusted by nobody.
type Digest [sha256.Size]byte

// DigestOf hashes b.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// String is standard base64, the form used inside the log.
func (d Digest) String() string { return base64.StdEncoding.EncodeToString(d[:]) }

// Hex is the form used in paths and for people.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether there is no digest.
func (d Digest) IsZero() bool { return d == Digest{} }

// ParseDigest reads the base64 form and accepts no other spelling of it.
func ParseDigest(s string) (Digest, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != sha256.Size {
		return Digest{}, fmt.Errorf("digest %q: not the base64 of a SHA-256", s)
	}
	return Digest(b), nil
}

// ParseHexDigest reads the lower-case hex form.
func ParseHexDigest(s string) (Digest, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != sha256.Size || hex.EncodeToString(b) != s {
		return Digest{}, fmt.Errorf("digest %q: not the lower-case hex of a SHA-256", s)
	}
	return Digest(b), nil
}
