// Package registrysignature looks for the repository's own signatures over its
// files, and checks them.
package registrysignature

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe checks the newest release of each package as npm audit signatures does
// (pacote, lib/registry.js). No other dialect has a place for such signatures
// that its clients read.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	signed, all := 0, 0
	var seen []audit.Evidence
	ring, url, err := keys(ctx, v)
	if err != nil {
		return audit.Finding{}, err
	}
	for _, p := range v.Packages {
		r := audit.Newest(p)
		if r == nil || len(r.Files) == 0 {
			continue
		}
		all++
		f := r.Files[0]
		for _, s := range f.Signatures {
			saw, ok := check(ring, p.Name, r.Version, f, s)
			seen = append(seen, audit.Evidence{URL: p.Index.URL, Saw: p.Name + " " + r.Version + ": " + saw})
			if !ok {
				return audit.Say(audit.NotHeld, "a signature in the index is not good", append(seen, audit.Evidence{URL: url, Saw: audit.Count(len(ring), "key")})...)
			}
		}
		if len(f.Signatures) > 0 {
			signed++
		} else {
			seen = append(seen, audit.Evidence{URL: p.Index.URL, Saw: p.Name + " " + r.Version + ": no signature of the repository"})
		}
	}
	switch {
	case all == 0:
		return audit.NoPackage()
	case signed == 0 && v.Kind() == "go":
		return audit.Say(audit.Unknown, "a module proxy signs nothing; clients check a checksum database, which is somebody else's")
	case signed < all:
		return audit.Say(audit.NotHeld, fmt.Sprintf("%d of %s without a signature of the repository that a client could check", all-signed, audit.Count(all, "newest release")), seen...)
	}
	return audit.Say(audit.Held, fmt.Sprintf(
		"the newest release of each of %s is signed over name, version and digest with a key that the repository serves; where that key is kept cannot be seen", audit.Count(all, "package")),
		append(seen, audit.Evidence{URL: url, Saw: audit.Count(len(ring), "key")})...)
}

// keys are what the repository says it signs with, by id.
func keys(ctx context.Context, v *audit.Visit) (ring map[string]*ecdsa.PublicKey, url string, err error) {
	ring, url = map[string]*ecdsa.PublicKey{}, v.Site.Root+"-/npm/v1/keys"
	if v.Kind() != "npm" {
		return ring, url, nil
	}
	r, err := v.Get(ctx, url, "application/json")
	if err != nil || !r.OK() {
		return ring, url, err
	}
	var told struct {
		Keys []struct {
			ID  string `json:"keyid"`
			Key []byte `json:"key"`
		} `json:"keys"`
	}
	if json.Unmarshal(r.Body, &told) != nil {
		return ring, url, nil
	}
	for _, k := range told.Keys {
		parsed, err := x509.ParsePKIXPublicKey(k.Key)
		if public, ok := parsed.(*ecdsa.PublicKey); err == nil && ok {
			ring[k.ID] = public
		}
	}
	return ring, url, nil
}

// check verifies one signature over NAME@VERSION:INTEGRITY.
func check(ring map[string]*ecdsa.PublicKey, name, version string, f visit.File, s visit.Signature) (saw string, ok bool) {
	key := ring[s.KeyID]
	if key == nil {
		return "signed with " + s.KeyID + ", a key that is not served", false
	}
	raw, err := hex.DecodeString(f.Digests["sha512"])
	signature, err2 := base64.StdEncoding.DecodeString(s.Value)
	if err != nil || err2 != nil || len(raw) == 0 {
		return "signed with " + s.KeyID + ", but there is no digest to check it by", false
	}
	sum := sha256.Sum256([]byte(name + "@" + version + ":sha512-" + base64.StdEncoding.EncodeToString(raw)))
	if !ecdsa.VerifyASN1(key, sum[:], signature) {
		return "signed with " + s.KeyID + ", and the signature does not fit", false
	}
	return "a good signature of " + s.KeyID, true
}
