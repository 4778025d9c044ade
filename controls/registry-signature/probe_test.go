package registrysignature_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"testing"

	registrysignature "bonded.dev/controls/registry-signature"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	digest := sha512.Sum512([]byte("bytes"))
	sign := func(what string) string {
		sum := sha256.Sum256([]byte(what + ":sha512-" + base64.StdEncoding.EncodeToString(digest[:])))
		s, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(s)
	}
	pkg := func(name string, signatures ...visit.Signature) *visit.Package {
		return &visit.Package{Name: name, Releases: []visit.Release{{Version: "1.0.0", Files: []visit.File{{
			Digests: map[string]string{"sha512": hex.EncodeToString(digest[:])}, Signatures: signatures,
		}}}}}
	}
	ring := audittest.Pages{"/-/npm/v1/keys": {Type: "application/json",
		Body: `{"keys":[{"keyid":"k1","key":"` + base64.StdEncoding.EncodeToString(public) + `"}]}`}}
	good := pkg("a", visit.Signature{KeyID: "k1", Value: sign("a@1.0.0")})
	for _, c := range []struct {
		name     string
		kind     string
		pages    audittest.Pages
		want     audit.State
		packages []*visit.Package
	}{
		{"good", "npm", ring, audit.Held, []*visit.Package{good}},
		{"of another name", "npm", ring, audit.NotHeld, []*visit.Package{pkg("b", visit.Signature{KeyID: "k1", Value: sign("a@1.0.0")})}},
		{"of an unknown key", "npm", ring, audit.NotHeld, []*visit.Package{pkg("a", visit.Signature{KeyID: "k2", Value: sign("a@1.0.0")})}},
		{"without keys", "npm", audittest.Pages{}, audit.NotHeld, []*visit.Package{good}},
		{"one has none", "npm", ring, audit.NotHeld, []*visit.Package{good, pkg("c")}},
		{"no place for one", "pypi", ring, audit.NotHeld, []*visit.Package{pkg("c")}},
		{"somebody else's", "go", ring, audit.Unknown, []*visit.Package{pkg("c")}},
		{"nothing there", "npm", ring, audit.Unknown, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			audittest.Look(t, registrysignature.Probe, audittest.Visit(t, c.kind, c.pages, c.packages...), c.want)
		})
	}
}
