package trusted

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/trusted/issuertest"

	"github.com/go-jose/go-jose/v4"
)

func ready(t *testing.T) *bench {
	b := newBench(t, "github")
	b.claim("tools", "alice")
	b.add("tools", release)
	return b
}

// TestAlgorithms: RS256, ES256 and Ed25519 are taken; no signature, a shared
// secret and everything else is not, whatever the issuer's description says.
func TestAlgorithms(t *testing.T) {
	b := ready(t)
	claims := func() []byte {
		c := b.issuer.Claims(host, b.clock(), run())
		parts := strings.Split(b.issuer.Sign(t, c), ".")
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		return payload
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	b.issuer.SetKey("k", jose.RS256, rsaKey)
	head := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for name, jwt := range map[string]string{
		"none":              head(`{"alg":"none"}`) + "." + base64.RawURLEncoding.EncodeToString(claims()) + ".",
		"none with a kid":   head(`{"alg":"none","kid":"k"}`) + "." + base64.RawURLEncoding.EncodeToString(claims()) + ".",
		"key as a secret":   issuertest.SignWith(t, jose.HS256, jose.JSONWebKey{Key: public, KeyID: "k"}, claims()),
		"RS512":             issuertest.SignWith(t, jose.RS512, jose.JSONWebKey{Key: rsaKey, KeyID: "k"}, claims()),
		"PS256":             issuertest.SignWith(t, jose.PS256, jose.JSONWebKey{Key: rsaKey, KeyID: "k"}, claims()),
		"no such key":       issuertest.SignWith(t, jose.RS256, jose.JSONWebKey{Key: rsaKey, KeyID: "other"}, claims()),
		"signature cut off": b.token()[:strings.LastIndex(b.token(), ".")+1],
	} {
		refused(t, name, b.exchange(jwt), bonded.Forbidden, "signature")
	}
	if err := b.exchange(b.token()); err != nil {
		t.Errorf("RS256: %v", err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b.later(askGap)
	b.issuer.SetKey("e", jose.ES256, p256)
	if err := b.exchange(b.token()); err != nil {
		t.Errorf("ES256: %v", err)
	}
	b.later(askGap)
	b.issuer.SetKey("d", jose.EdDSA, ed)
	if err := b.exchange(b.token()); err != nil {
		t.Errorf("EdDSA: %v", err)
	}
}

// TestKeysRotate: an unknown key is looked for once, and not again within half
// a minute however often somebody sends one.
func TestKeysRotate(t *testing.T) {
	b := ready(t)
	for range 3 {
		if err := b.exchange(b.token()); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.issuer.Asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times for one key", n)
	}
	b.later(askGap)
	old := b.token()
	b.issuer.Rotate("second")
	if err := b.exchange(b.token()); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if n := b.issuer.Asked.Load(); n != 2 {
		t.Errorf("the issuer was asked %d times", n)
	}
	refused(t, "the old key", b.exchange(old), bonded.Forbidden, "signature")
	stranger := issuertest.New(t)
	stranger.Rotate("third")
	for range 20 {
		refused(t, "a stranger's key", b.exchange(stranger.Sign(t, b.issuer.Claims(host, b.clock(), run()))), bonded.Forbidden, "signature")
	}
	if n := b.issuer.Asked.Load(); n != 2 {
		t.Errorf("wrong signatures made us ask the issuer %d times", n-2)
	}
	// Keys that are gone at the issuer are gone here within the hour.
	b.later(freshFor)
	if err := b.exchange(b.token()); err != nil {
		t.Error(err)
	}
	if n := b.issuer.Asked.Load(); n != 3 {
		t.Errorf("after an hour the issuer was asked %d times, want 3", n)
	}
}

// TestIssuerAway: what is known of an issuer is good for a day without it.
func TestIssuerAway(t *testing.T) {
	b := ready(t)
	b.issuer.Away.Store(true)
	err := b.exchange(b.token())
	refused(t, "never seen", err, bonded.Unavailable, b.issuer.URL, "try again")
	b.issuer.Away.Store(false)
	refused(t, "asked a moment ago", b.exchange(b.token()), bonded.Unavailable)
	b.later(askGap)
	if err := b.exchange(b.token()); err != nil {
		t.Fatal(err)
	}
	b.issuer.Away.Store(true)
	b.later(goodFor - time.Second)
	if err := b.exchange(b.token()); err != nil {
		t.Errorf("within a day: %v", err)
	}
	b.later(time.Second)
	refused(t, "after a day", b.exchange(b.token()), bonded.Unavailable)
	b.issuer.Away.Store(false)
	b.later(askGap)
	if err := b.exchange(b.token()); err != nil {
		t.Errorf("back again: %v", err)
	}
}

// TestHostileDescriptions: an issuer that was taken over, or somebody between,
// cannot make us read without end, ask elsewhere in clear, or believe another name.
func TestHostileDescriptions(t *testing.T) {
	for name, describe := range map[string]func(b *bench, w http.ResponseWriter){
		"another issuer": func(b *bench, w http.ResponseWriter) {
			fmt.Fprintf(w, `{"issuer":"https://other.example","jwks_uri":"%s/keys"}`, b.issuer.URL)
		},
		"keys in clear": func(b *bench, w http.ResponseWriter) {
			fmt.Fprintf(w, `{"issuer":"%s","jwks_uri":"http://keys.invalid/keys"}`, b.issuer.URL)
		},
		"keys in a file": func(b *bench, w http.ResponseWriter) {
			fmt.Fprintf(w, `{"issuer":"%s","jwks_uri":"file:///etc/passwd"}`, b.issuer.URL)
		},
		"redirect": func(b *bench, w http.ResponseWriter) {
			w.Header().Set("Location", b.issuer.URL+"/keys")
			w.WriteHeader(http.StatusFound)
		},
		"endless": func(_ *bench, w http.ResponseWriter) {
			line := strings.Repeat(" ", 64<<10)
			for range 64 {
				if _, err := w.Write([]byte(line)); err != nil {
					return
				}
			}
		},
		"no keys": func(b *bench, w http.ResponseWriter) {
			fmt.Fprintf(w, `{"issuer":"%s","jwks_uri":"%s/.well-known/openid-configuration"}`, b.issuer.URL, b.issuer.URL)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := ready(t)
			b.issuer.Describe = func(w http.ResponseWriter) { describe(b, w) }
			refused(t, name, b.exchange(b.token()), bonded.Unavailable)
		})
	}
}

func TestCheckIssuers(t *testing.T) {
	for url, good := range map[string]bool{
		"https://ci.example.org": true, "https://ci.example.org/realm": true, "http://127.0.0.1:8080": true, "http://[::1]:1": true, "http://localhost": true,
		"http://ci.example.org": false, "ci.example.org": false, "https://ci.example.org?x": false, "https://u:p@ci.example.org": false, "file:///x": false, "": false,
	} {
		if err := CheckIssuers([]Issuer{{URL: url}}); (err == nil) != good {
			t.Errorf("%s: %v", url, err)
		}
	}
	for profile, good := range map[string]bool{"": true, "generic": true, "gitlab": true, "github": true, "circleci": false, "jenkins": false} {
		if err := CheckIssuers([]Issuer{{URL: "https://ci.example.org", Profile: profile}}); (err == nil) != good {
			t.Errorf("profile %s: %v", profile, err)
		}
	}
}
