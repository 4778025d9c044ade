package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"bonded.dev"

	"github.com/go-json-experiment/json"
)

// A holder makes a narrower token without asking anybody, and whoever gets it
// can narrow it once more but never widen it: it is a chain of signatures in
// which each step says what it takes away and which key signs the next one. The
// last private key goes along; the ones before are gone. docs/formats/tokens.md
// has the bytes, docs/decisions/0013 the reasons.

const (
	narrowedPrefix  = "bna_"
	narrowedVersion = 1
	maxSteps        = 8
	maxNarrowed     = 2900 // characters, so that it fits a Basic header of maxHeader bytes
	signedAs        = "bonded narrowed token v1\x00"
	rootInfo        = "bonded token root key v1"
	leastStep       = 2 + ed25519.PublicKeySize + ed25519.SignatureSize
)

type publicKey = ed25519.PublicKey

// rootKey is the key that the text of a token stands for: whoever has the token
// has it. The book keeps its public half (HKDF-SHA-256, RFC 5869).
func rootKey(token Secret) ed25519.PrivateKey {
	seed, err := hkdf.Key(sha256.New, []byte(token.Reveal()), nil, rootInfo, ed25519.SeedSize)
	if err != nil {
		panic(err) // only a length can be wrong, and it is a constant
	}
	return ed25519.NewKeyFromSeed(seed)
}

// narrowing is one step as it is written: canonical JSON, members in this order.
type narrowing struct {
	Scopes   []string `json:"scopes,omitempty"`
	Versions []string `json:"versions,omitempty"`
	Networks []string `json:"networks,omitempty"`
	Digests  []string `json:"digests,omitempty"`
	Expires  int64    `json:"expires,omitzero"` // Unix seconds
}

// step is one link of the chain.
type step struct {
	limits    narrowing
	next      ed25519.PublicKey // signs the step after this one
	signature []byte
	signed    []byte // what the signature is over
}

// narrowed is a narrower token, taken apart.
type narrowed struct {
	hash  bonded.Digest // of the token that it was made of
	steps []step
	raw   []byte             // everything but the last key
	last  ed25519.PrivateKey // signs the next step
}

// parseNarrowed reads a narrower token. The first signature can be checked only
// by whoever knows the token's public key; every other one is checked here.
// Errors are of kind Unauthorized and repeat nothing of the text.
func parseNarrowed(text string) (n narrowed, err error) {
	bad := func(why string) (narrowed, error) {
		return narrowed{}, unauthorized("the narrower token is damaged: %s; copy the whole of it again", why)
	}
	body, ok := strings.CutPrefix(text, narrowedPrefix)
	if !ok || len(text) > maxNarrowed {
		return bad("it is too long, or does not start with " + narrowedPrefix)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(raw) < 1+len(n.hash)+leastStep+ed25519.SeedSize || raw[0] != narrowedVersion {
		return bad("it is cut off, or holds a character that none has")
	}
	cut := len(raw) - ed25519.SeedSize
	n.raw, n.last = raw[:cut:cut], ed25519.NewKeyFromSeed(raw[cut:])
	copy(n.hash[:], raw[1:])
	at := 1 + len(n.hash)
	for at < cut {
		s, size, err := parseStep(n.raw, at)
		if err != nil {
			return narrowed{}, err
		}
		if len(n.steps) > 0 && !ed25519.Verify(n.steps[len(n.steps)-1].next, s.signed, s.signature) {
			return bad("a signature is wrong")
		}
		n.steps = append(n.steps, s)
		at += size
	}
	if len(n.steps) > maxSteps {
		return bad("it has too many steps")
	}
	if !bytes.Equal(n.last.Public().(ed25519.PublicKey), n.steps[len(n.steps)-1].next) {
		return bad("its key is not that of its last step")
	}
	return n, nil
}

func parseStep(raw []byte, at int) (s step, size int, err error) {
	damaged := unauthorized("the narrower token is damaged: one of its steps cannot be read; copy the whole of it again")
	rest := raw[at:]
	if len(rest) < leastStep {
		return s, 0, damaged
	}
	n := int(binary.BigEndian.Uint16(rest))
	size = leastStep + n
	if len(rest) < size {
		return s, 0, damaged
	}
	text := rest[2 : 2+n]
	if err := json.Unmarshal(text, &s.limits, json.RejectUnknownMembers(true)); err != nil {
		return s, 0, damaged // what is not understood could be a limit
	}
	again, err := json.Marshal(s.limits)
	if err != nil || !bytes.Equal(again, text) {
		return s, 0, damaged
	}
	s.next = ed25519.PublicKey(rest[2+n : 2+n+ed25519.PublicKeySize])
	s.signature = rest[size-ed25519.SignatureSize : size]
	s.signed = signedText(raw[:at+size-ed25519.SignatureSize])
	return s, size, nil
}

// signedText is what a step's key signs: everything that comes before the
// signature, so that a step holds in its own place alone.
func signedText(before []byte) []byte { return append([]byte(signedAs), before...) }

// bound is what a step allows.
func (s step) bound() (b bound, err error) {
	b = bound{offline: true, every: len(s.limits.Scopes) == 0, versions: s.limits.Versions, digests: s.limits.Digests}
	if s.limits.Expires != 0 {
		b.expires = time.Unix(s.limits.Expires, 0)
	}
	for _, text := range s.limits.Scopes {
		scope, err := ParseScope(text)
		if err != nil {
			return b, err
		}
		b.scopes = append(b.scopes, scope)
	}
	b.networks, err = parseNetworks(s.limits.Networks)
	if err != nil {
		return b, err
	}
	_, err = Limits{Versions: b.versions, Digests: b.digests}.tidy()
	return b, err
}

// shown is a credential as somebody shows it: a token, or one that was made of it.
type shown struct {
	hash  bonded.Digest // of the token
	steps []step
}

// present reads a credential without asking anybody.
func present(text string) (shown, error) {
	if strings.HasPrefix(text, narrowedPrefix) {
		n, err := parseNarrowed(text)
		return shown{n.hash, n.steps}, err
	}
	secret, err := ParseToken(text)
	if err != nil {
		return shown{}, err
	}
	return shown{hash: secret.hash()}, nil
}

// bounds is what the holders on the way took away. public is the key of the
// token that all began with, as the book has it.
func (s shown) bounds(public []byte) (list []bound, err error) {
	if len(s.steps) == 0 {
		return nil, nil
	}
	if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, s.steps[0].signed, s.steps[0].signature) {
		return nil, errUnknownToken()
	}
	for _, step := range s.steps {
		b, err := step.bound()
		if err != nil {
			return nil, unauthorized("the narrower token holds a limit that is not understood here: %s", publicOf(err))
		}
		list = append(list, b)
	}
	return list, nil
}

func publicOf(err error) string {
	_, _, text := bonded.Explain(err)
	return text
}

// Narrow makes a narrower token of a token or of a narrower one, without asking
// anybody. Whatever is left empty in l stays as it was; what is not can only take
// away. It cannot outlive what it is made of, and ends with it.
func Narrow(text string, l Limits, now time.Time) (Secret, error) {
	if l.Uses != 0 || l.Label != "" || len(l.Publishers) > 0 {
		return Secret{}, bonded.Errorf(bonded.Invalid, "uses are counted where tokens are made, so a narrower token has none of its own, and no label")
	}
	if l.TTL < 0 || l.TTL > MaxTTL {
		return Secret{}, bonded.Errorf(bonded.Invalid, "a token lives at most 90 days, not %s", l.TTL)
	}
	l, err := l.tidy()
	if err != nil {
		return Secret{}, err
	}
	limits := narrowing{Scopes: texts(l.Scopes), Versions: l.Versions, Networks: l.Networks, Digests: l.Digests}
	if l.TTL > 0 {
		limits.Expires = now.Add(l.TTL).Unix()
	}
	doc, err := json.Marshal(limits)
	if err != nil {
		return Secret{}, err
	}
	if string(doc) == "{}" {
		return Secret{}, bonded.Errorf(bonded.Invalid, "say what to take away: a scope, a version, a network, an artifact or an end")
	}
	raw, key, steps, err := chainOf(text)
	if err != nil {
		return Secret{}, err
	}
	_, last, err := ed25519.GenerateKey(nil)
	if err != nil {
		return Secret{}, err
	}
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(doc)))
	raw = append(append(raw, doc...), last.Public().(ed25519.PublicKey)...)
	raw = append(raw, ed25519.Sign(key, signedText(raw))...)
	raw = append(raw, last.Seed()...)
	out := narrowedPrefix + base64.RawURLEncoding.EncodeToString(raw)
	if len(out) > maxNarrowed || len(doc) > 1<<16-1 || steps == maxSteps {
		return Secret{}, bonded.Errorf(bonded.Invalid, "the narrower token would be longer than a request can carry; take away less at once, and at most %d times", maxSteps)
	}
	return Secret{&out}, nil
}

// chainOf returns what the next step is added to, and the key that signs it.
func chainOf(text string) (raw []byte, key ed25519.PrivateKey, steps int, err error) {
	if strings.HasPrefix(text, narrowedPrefix) {
		n, err := parseNarrowed(text)
		return n.raw, n.last, len(n.steps), err
	}
	secret, err := ParseToken(text)
	if err != nil {
		return nil, nil, 0, err
	}
	hash := secret.hash()
	return append([]byte{narrowedVersion}, hash[:]...), rootKey(secret), 0, nil
}

// Shown is what a credential says of itself, to whoever holds it.
type Shown struct {
	Narrowed bool
	// Token is the SHA-256, in hexadecimal, of the token that all began with.
	Token string
	Steps []Limits // from the first to the last; TTL is not set, Ends is
	Ends  []time.Time
}

// Show reads a token or a narrower one without asking anybody. That the first
// step was signed by the token itself is what only the repository can tell.
func Show(text string) (Shown, error) {
	s, err := present(text)
	if err != nil {
		return Shown{}, err
	}
	out := Shown{Narrowed: len(s.steps) > 0, Token: s.hash.Hex()}
	for _, step := range s.steps {
		b, err := step.bound()
		if err != nil {
			return Shown{}, err
		}
		out.Steps = append(out.Steps, Limits{Scopes: b.scopes, Versions: b.versions, Networks: texts(b.networks), Digests: b.digests})
		out.Ends = append(out.Ends, b.expires)
	}
	return out, nil
}
