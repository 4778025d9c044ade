package leak

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"bonded.dev"
)

const (
	keysTimeout = 5 * time.Second
	keysLife    = 24 * time.Hour // then they are asked for again
	keysPause   = time.Minute    // between two questions, whoever names unknown keys
	maxKeys     = 256 << 10      // bytes
)

// origin is somebody who signs reports.
type origin struct {
	name, address string
	header        string // of the key's identifier, without its end
	client        *http.Client
	log           *slog.Logger
	now           func() time.Time

	mu    sync.Mutex
	keys  map[string]*ecdsa.PublicKey
	asked time.Time // last question
	got   time.Time // last good answer
}

var originName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// ParseOrigins reads the setting: NAME=URL, several separated by commas. An
// address alone is that of GitHub's keys.
func ParseOrigins(text string) (map[string]string, error) {
	list := map[string]string{}
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, address, ok := strings.Cut(part, "=")
		if !ok || strings.Contains(name, ":") {
			name, address = "github", part
		}
		if list[name] != "" {
			return nil, bonded.Errorf(bonded.Invalid, "leak keys: %s is named twice", name)
		}
		list[name] = address
		if _, err := newOrigin(name, address, Config{}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func newOrigin(name, address string, c Config) (*origin, error) {
	if !originName.MatchString(name) {
		return nil, bonded.Errorf(bonded.Invalid, "leak keys: %q is no name; want for example github=https://...", name)
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, bonded.Errorf(bonded.Invalid, "leak keys of %s: %q is not an https:// address", name, address)
	}
	return &origin{name: name, address: address, header: textproto.CanonicalMIMEHeaderKey(name + "-Public-Key"),
		client: c.Client, log: c.Log, now: c.Now}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func unsigned(format string, args ...any) error {
	return bonded.Refusal(bonded.Unauthorized, "token-leak-reports", format, args...)
}

// verify holds a body to its signature.
func (o *origin) verify(ctx context.Context, h http.Header, body []byte) error {
	id, text := h.Get(o.header+"-Identifier"), h.Get(o.header+"-Signature")
	if id == "" || text == "" {
		return unsigned("the report is not signed: %s-Identifier and %s-Signature are missing; unsigned reports go to %s", o.header, o.header, Path)
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return unsigned("%s-Signature is not base64", o.header)
	}
	key, err := o.key(ctx, id)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(body)
	if !ecdsa.VerifyASN1(key, digest[:], signature) {
		return unsigned("the signature is not one of this body by that key")
	}
	return nil
}

// key finds a key by its identifier. One that is not known is asked for, once a
// minute at most. Keys that are known go on serving while their address does
// not answer.
func (o *origin) key(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	k := o.keys[id]
	if k != nil && now.Sub(o.got) < keysLife {
		return k, nil
	}
	var err error
	if o.asked.IsZero() || now.Sub(o.asked) >= keysPause {
		o.asked = now
		var keys map[string]*ecdsa.PublicKey
		if keys, err = o.fetch(ctx); err == nil {
			o.keys, o.got = keys, now
			k = keys[id]
		} else {
			o.log.Warn("the keys of a scanner cannot be read", "origin", o.name, "err", err)
		}
	}
	switch {
	case k != nil:
		return k, nil
	case err != nil || o.got.IsZero():
		return nil, &bonded.Error{Kind: bonded.Unavailable, Err: err, Public: "the keys of " + o.name + " cannot be read just now, so the report could not be checked; send it again"}
	}
	return nil, unsigned("%s has no key of this identifier", o.name)
}

// fetch reads the keys that an origin publishes now. Those that are no P-256 keys are left out.
func (o *origin) fetch(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, o.address, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Accept", "application/json")
	resp, err := o.client.Do(q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", o.address, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxKeys {
		return nil, fmt.Errorf("%s answered with more than %d bytes", o.address, maxKeys)
	}
	var list struct {
		Keys []struct {
			ID  string `json:"key_identifier"`
			Key string `json:"key"`
		} `json:"public_keys"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", o.address, err)
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, k := range list.Keys {
		if key := parseKey(k.Key); key != nil && k.ID != "" {
			keys[k.ID] = key
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no P-256 key", o.address)
	}
	return keys, nil
}

func parseKey(text string) *ecdsa.PublicKey {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil
	}
	if key, ok := parsed.(*ecdsa.PublicKey); ok && key.Curve == elliptic.P256() {
		return key
	}
	return nil
}
