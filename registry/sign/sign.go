// Package sign holds the repository's keys and signs with them: checkpoints
// with the log key, and for each ecosystem the statements that its clients
// check by themselves, with a registry key of that ecosystem.
//
// Nobody else sees a private key. [Keys] is made of a note.Signer and of
// crypto.Signer values, which is what key services and PKCS#11 modules offer,
// so [New] takes those, and [Open] takes files for who has neither:
//
//	keys/                   0700
//	  log.key               0600  signer key text of a signed note (Ed25519); its name is the origin
//	  registry-<id>.pem     0600  ECDSA P-256, PKCS #8 (RFC 5958) in PEM, one for each ecosystem
//
// A file that others may read is refused rather than repaired, because a key that
// was readable for an unknown time is no secret.
//
// Hole: there is one log key and no rotation yet; a lost log key means a new
// origin.
package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"bonded.dev"
)

// Keys signs for the repository. It is safe for concurrent use if its signers are.
type Keys struct {
	log      note.Signer
	verifier string
	registry map[string]registryKey // by ecosystem
	house    []byte                 // root of Secret
}

type registryKey struct {
	signer crypto.Signer
	public bonded.RegistryKey
}

// New puts keys together from any source. verifier is the verifier key text
// that belongs to log; registry holds an ECDSA P-256 signer for each ecosystem.
func New(log note.Signer, verifier string, registry map[string]crypto.Signer) (*Keys, error) {
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return nil, fmt.Errorf("log key: %w", err)
	}
	if v.Name() != log.Name() || v.KeyHash() != log.KeyHash() {
		return nil, errors.New("log key: verifier and signer are not a pair")
	}
	k := &Keys{log: log, verifier: verifier, registry: map[string]registryKey{}, house: make([]byte, 32)}
	rand.Read(k.house) //nolint:errcheck // crypto/rand.Read never fails
	for ecosystem, signer := range registry {
		public, err := describe(ecosystem, signer.Public())
		if err != nil {
			return nil, fmt.Errorf("registry key of %s: %w", ecosystem, err)
		}
		k.registry[ecosystem] = registryKey{signer, public}
	}
	return k, nil
}

// Secret derives 32 secret bytes for a purpose (HKDF, RFC 5869): to seal what
// the database keeps and to make links that only this repository can make. All
// nodes that share the keys directory share them.
func (k *Keys) Secret(purpose string) []byte {
	b, err := hkdf.Key(sha256.New, k.house, nil, "bonded/"+purpose, 32)
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	return b
}

// Origin is the name of the log.
func (k *Keys) Origin() string { return k.log.Name() }

// Log signs checkpoints.
func (k *Keys) Log() note.Signer { return k.log }

// Verifier is the public half of the log key, as signed-note verifiers take it:
// "<origin>+<hash>+<key>".
func (k *Keys) Verifier() string { return k.verifier }

// RegistryKeys returns the public registry keys, by ecosystem.
func (k *Keys) RegistryKeys() []bonded.RegistryKey {
	var out []bonded.RegistryKey
	for _, ecosystem := range slices.Sorted(maps.Keys(k.registry)) {
		out = append(out, k.registry[ecosystem].public)
	}
	return out
}

// Sign signs a statement for the clients of an ecosystem: ECDSA over its
// SHA-256, in ASN.1 DER (RFC 3279 section 2.2.3), as npm checks it.
func (k *Keys) Sign(ecosystem string, statement []byte) (bonded.Signature, error) {
	key, ok := k.registry[ecosystem]
	if !ok {
		return bonded.Signature{}, fmt.Errorf("sign: no registry key for %q", ecosystem)
	}
	sum := sha256.Sum256(statement)
	sig, err := key.signer.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return bonded.Signature{}, fmt.Errorf("sign for %s: %w", ecosystem, err)
	}
	return bonded.Signature{KeyID: key.public.ID, Bytes: sig}, nil
}

// describe names a public key by its fingerprint: "SHA256:" and the unpadded
// base64 of the SHA-256 of its SubjectPublicKeyInfo.
func describe(ecosystem string, public crypto.PublicKey) (bonded.RegistryKey, error) {
	if p, ok := public.(*ecdsa.PublicKey); !ok || p.Curve != elliptic.P256() {
		return bonded.RegistryKey{}, errors.New("not ECDSA P-256")
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return bonded.RegistryKey{}, err
	}
	sum := sha256.Sum256(der)
	return bonded.RegistryKey{Ecosystem: ecosystem, ID: "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]), Public: der}, nil
}
