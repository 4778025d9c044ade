package trusted

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"bonded.dev"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// How the keys of issuers are kept.
const (
	freshFor   = time.Hour        // keys are taken without asking
	goodFor    = 24 * time.Hour   // and so long while the issuer does not answer
	askGap     = 30 * time.Second // between two questions to one issuer
	askTimeout = 5 * time.Second
	maxAnswer  = 256 << 10 // bytes
	maxKeys    = 100
	minRSA     = 2048 // bits
)

// algorithms are those that a signature may have. "none" and those with a
// shared secret are not among them, whatever an issuer says.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}

// keyring has the keys of every issuer that a publisher needs.
type keyring struct {
	client *http.Client
	now    func() time.Time

	mu    sync.Mutex
	rings map[string]*ring // by issuer
}

// ring has the keys of one issuer.
type ring struct {
	issuer string
	ring   *keyring
	asking sync.Mutex // held while the issuer is asked

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	since time.Time // when the issuer said so
	tried time.Time
}

func newKeyring(client *http.Client, now func() time.Time) *keyring {
	base := http.DefaultTransport
	if client != nil && client.Transport != nil {
		base = client.Transport
	}
	return &keyring{
		client: &http.Client{
			Transport:     bounded{base},
			Timeout:       askTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("an issuer does not redirect") },
		},
		now: now, rings: map[string]*ring{},
	}
}

func (k *keyring) of(issuer string) *ring {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.rings[issuer]
	if r == nil {
		r = &ring{issuer: issuer, ring: k}
		k.rings[issuer] = r
	}
	return r
}

// VerifySignature is what go-oidc asks (oidc.KeySet). A signature that no key
// in memory made is checked with newer keys once, as issuers change them; how
// often they are asked is bounded, since anybody can send a wrong signature.
func (r *ring) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(jwt, algorithms)
	if err != nil {
		return nil, err
	}
	for _, more := range []bool{false, true} {
		keys, others, err := r.get(ctx, more)
		if err != nil {
			return nil, err
		}
		if payload, ok := verify(jws, keys); ok {
			return payload, nil
		}
		if others {
			break
		}
	}
	return nil, errors.New("no key of the issuer made the signature")
}

func verify(jws *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, bool) {
	id := jws.Signatures[0].Header.KeyID
	for _, k := range keys {
		if id != "" && k.KeyID != id || k.Algorithm != "" && k.Algorithm != jws.Signatures[0].Header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(k.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// get returns keys, and if they are others than the caller could have had
// before. With more the issuer is asked though there are fresh ones.
func (r *ring) get(ctx context.Context, more bool) (keys []jose.JSONWebKey, others bool, err error) {
	now := r.ring.now()
	keys, since, quiet := r.have(now)
	usable := len(keys) > 0 && now.Sub(since) < goodFor
	switch {
	case usable && (quiet || !more && now.Sub(since) < freshFor):
		return keys, false, nil
	case quiet:
		return nil, false, r.away(nil)
	case !r.asking.TryLock():
		if usable && !more {
			return keys, false, nil // somebody is asking; these are good meanwhile
		}
		r.asking.Lock()
	}
	defer r.asking.Unlock()
	if newer, at, _ := r.have(now); at.After(since) {
		return newer, true, nil // somebody else has asked meanwhile
	}
	fetched, err := r.ask(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried = now
	if err == nil {
		r.keys, r.since = fetched, now
		return fetched, true, nil
	}
	if usable {
		return keys, false, nil
	}
	return nil, false, r.away(err)
}

// have returns what is in memory, since when, and if the issuer was asked so
// shortly ago that it is left in peace.
func (r *ring) have(now time.Time) (keys []jose.JSONWebKey, since time.Time, quiet bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys, r.since, !r.tried.IsZero() && now.Sub(r.tried) < askGap
}

func (r *ring) away(err error) error {
	return &bonded.Error{Kind: bonded.Unavailable, Err: err, Public: "the issuer " + r.issuer +
		" does not say right now which keys it signs with, so its identity tokens cannot be checked; nothing was changed; try again in a minute"}
}

// ask reads the issuer's own description (OpenID Connect Discovery 1.0 section
// 4) and the keys (RFC 7517) that it points to. It goes on when the caller has
// gone: others wait for the same answer.
func (r *ring) ask(ctx context.Context) ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, r.ring.client), r.issuer)
	if err != nil {
		return nil, fmt.Errorf("read the description of the issuer %s: %w", r.issuer, err)
	}
	var said struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&said); err != nil {
		return nil, fmt.Errorf("read the description of the issuer %s: %w", r.issuer, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, said.Keys, nil)
	if err != nil {
		return nil, fmt.Errorf("read the keys of the issuer %s: %w", r.issuer, err)
	}
	resp, err := r.ring.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read the keys of the issuer %s: %w", r.issuer, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys of the issuer %s: %w", r.issuer, err)
	}
	return readKeys(b)
}

// readKeys takes the keys that can check a signature here and passes over all
// others, as RFC 7517 section 5 wants it.
func readKeys(b []byte) (keys []jose.JSONWebKey, err error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("read an issuer's keys: %w", err)
	}
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var k jose.JSONWebKey
		if err := json.Unmarshal(raw, &k); err != nil || k.Use == "enc" {
			continue
		}
		good := false
		switch key := k.Key.(type) {
		case *rsa.PublicKey:
			good = key.N.BitLen() >= minRSA
		case *ecdsa.PublicKey:
			good = key.Curve == elliptic.P256()
		case ed25519.PublicKey:
			good = true
		}
		if good {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("read an issuer's keys: none of them is RSA, P-256 or Ed25519")
	}
	return keys, nil
}

// bounded asks nobody but https hosts and this machine, and reads so much of
// an answer and no more.
type bounded struct{ base http.RoundTripper }

func (t bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	if !safe(req.URL) {
		return nil, fmt.Errorf("%s is not an https address", req.URL.Redacted())
	}
	resp, err := t.base.RoundTrip(req)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// safe says if an address can be trusted to be whose it says: https, or on
// this machine.
func safe(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || ip != nil && ip.IsLoopback())
}
