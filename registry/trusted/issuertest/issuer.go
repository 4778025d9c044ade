// Package issuertest is an OpenID Connect issuer for tests: a real server with
// a description, keys and signed tokens, which can change its keys, be away,
// and sign what no honest issuer would.
package issuertest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is one issuer. Its URL is what tokens have as iss.
type Issuer struct {
	*httptest.Server
	Asked atomic.Int64 // how often the keys were read
	Away  atomic.Bool  // answers 503

	mu     sync.Mutex
	key    crypto.Signer
	id     string
	alg    jose.SignatureAlgorithm
	public []jose.JSONWebKey
	tokens int
	// Job are the claims of whoever asks at JobURL with JobSecret, as jobs on the
	// large platforms ask: GET JobURL&audience=AUDIENCE.
	Job map[string]any
	// Describe, if set, answers instead of the description.
	Describe func(w http.ResponseWriter)
}

// JobSecret is what a job shows its platform to get an identity token.
const JobSecret = "secret-of-the-job"

// JobURL is where jobs ask.
func (i *Issuer) JobURL() string { return i.URL + "/job?api-version=2" }

// keys are shared: making an RSA key takes longer than most tests.
var keys = sync.OnceValue(func() []*rsa.PrivateKey {
	var list []*rsa.PrivateKey
	for range 2 {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		list = append(list, k)
	}
	return list
})

// New starts an issuer that signs with RS256.
func New(t testing.TB) *Issuer {
	i := &Issuer{}
	i.SetKey("first", jose.RS256, keys()[0])
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if i.Describe != nil {
			i.Describe(w)
			return
		}
		answer(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.Asked.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		answer(w, jose.JSONWebKeySet{Keys: i.public})
	})
	mux.HandleFunc("GET /job", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+JobSecret && r.Header.Get("Authorization") != "bearer "+JobSecret {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		answer(w, map[string]any{"value": i.Sign(t, i.Claims(r.URL.Query().Get("audience"), time.Now(), i.Job))})
	})
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.Away.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the client has gone
}

// Rotate signs with another key from now on and shows no other.
func (i *Issuer) Rotate(id string) { i.SetKey(id, jose.RS256, keys()[1]) }

// SetKey signs with a key from now on and shows it alone.
func (i *Issuer) SetKey(id string, alg jose.SignatureAlgorithm, key crypto.Signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.id, i.alg = key, id, alg
	i.public = []jose.JSONWebKey{{Key: key.Public(), KeyID: id, Algorithm: string(alg), Use: "sig"}}
}

// Claims are those that each token has, for an audience, with a new id: valid
// from now on for five minutes. Later maps win; a nil value leaves a claim out.
func (i *Issuer) Claims(audience string, now time.Time, more ...map[string]any) map[string]any {
	i.mu.Lock()
	i.tokens++
	n := i.tokens
	i.mu.Unlock()
	c := map[string]any{
		"iss": i.URL, "aud": audience, "sub": "job", "jti": fmt.Sprintf("%s-%d", i.URL, n),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	for _, m := range more {
		maps.Copy(c, m)
	}
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// Sign makes a token of claims.
func (i *Issuer) Sign(t testing.TB, c map[string]any) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return i.SignBytes(t, b)
}

// SignBytes signs whatever it is given.
func (i *Issuer) SignBytes(t testing.TB, payload []byte) string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	return SignWith(t, i.alg, jose.JSONWebKey{Key: i.key, KeyID: i.id}, payload)
}

// SignWith signs with any key and algorithm.
func SignWith(t testing.TB, alg jose.SignatureAlgorithm, key any, payload []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
