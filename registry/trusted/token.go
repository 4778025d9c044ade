package trusted

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"bonded.dev"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxJWT = 16 << 10 // bytes
	maxJTI = 200
	// leeway is how far the issuer's clock and ours may be apart.
	leeway = 30 * time.Second
	// memory is how much longer than a token could be taken its id is kept, so
	// that there is no moment at which it is taken and not known any more.
	memory = time.Minute
)

// claims are the claims of an identity token that can be compared: texts,
// numbers and truth values, as they stand in the token.
type claims map[string]string

func (c claims) text(name string) string { return c[name] }

// statement is an identity token whose signature, audience and times are good.
type statement struct {
	issuer  string
	profile Profile
	claims  claims
	jti     string
	until   time.Time // its id must be known until then
	without func(control string) bool
}

// read checks an identity token (OpenID Connect Core 1.0 section 3.1.3.7, RFC
// 8725). Of the unverified text it uses one thing: the issuer, to look it up
// in a list.
func (r *Room) read(ctx context.Context, jwt, audience string) (*statement, error) {
	issuer, err := issuerOf(jwt)
	if err != nil {
		return nil, err
	}
	p, ok := r.profileOf(issuer)
	if !ok {
		return nil, refusal("the claim iss of the identity token is %s: this repository takes no tokens of that issuer; its administrator can add one", show(issuer))
	}
	known, err := r.Book.HasPublishers(ctx, issuer)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, refusal("no package here has a trusted publisher of the issuer %s; its owner adds one on the page of the package", show(issuer))
	}
	payload, err := r.signed(ctx, issuer, jwt)
	if err != nil {
		return nil, err
	}
	s := &statement{issuer: issuer, profile: p, without: r.Without}
	var all map[string]jsontext.Value
	if err := json.Unmarshal(payload, &all); err != nil {
		return nil, refusal("the identity token is not readable: its claims are no JSON object, or one stands twice")
	}
	s.claims = scalars(all)
	if s.claims.text("iss") != issuer {
		return nil, refusal("the claim iss of the identity token is not readable")
	}
	if err := s.addressed(all["aud"], audience); err != nil && !r.Without(hardened) {
		return nil, err
	}
	if err := s.timely(r.Now()); err != nil && !r.Without(hardened) {
		return nil, err
	}
	s.jti = s.claims.text("jti")
	if s.jti == "" || len(s.jti) > maxJTI || !plain(s.jti) {
		// The whole token takes the place of an id that is missing. It is the
		// signed part alone: a signature of some algorithms has many spellings.
		signed, _, _ := cutLast(jwt)
		sum := sha256.Sum256([]byte(signed))
		s.jti = "sha256:" + hex.EncodeToString(sum[:])
	}
	return s, nil
}

func cutLast(jwt string) (before, after string, ok bool) {
	i := strings.LastIndexByte(jwt, '.')
	if i < 0 {
		return jwt, "", false
	}
	return jwt[:i], jwt[i+1:], true
}

// issuerOf reads the issuer that a token says it is of.
func issuerOf(jwt string) (string, error) {
	parts := strings.Split(jwt, ".")
	if len(jwt) > maxJWT || len(parts) != 3 {
		return "", refusal("that is no identity token: want a signed JSON Web Token of at most %d bytes, in its compact form", maxJWT)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	var said struct {
		Issuer string `json:"iss"`
	}
	if err == nil {
		err = json.Unmarshal(b, &said)
	}
	if err != nil {
		return "", refusal("the identity token is not readable: its claims are no JSON object, or one stands twice")
	}
	if said.Issuer == "" {
		return "", refusal("the identity token has no claim iss, so it is not known who made it")
	}
	return said.Issuer, nil
}

// signed returns the claims when the issuer signed them.
func (r *Room) signed(ctx context.Context, issuer, jwt string) ([]byte, error) {
	algs := make([]string, len(algorithms))
	for i, a := range algorithms {
		algs[i] = string(a)
	}
	set := &witness{KeySet: r.keys.of(issuer)}
	v := oidc.NewVerifier(issuer, set, &oidc.Config{
		SupportedSigningAlgs: algs, SkipClientIDCheck: true, SkipExpiryCheck: true, // both are looked at below, more strictly
	})
	token, err := v.Verify(ctx, jwt)
	if err != nil {
		var away *bonded.Error
		if errors.As(set.err, &away) {
			return nil, away
		}
		if set.signed {
			return nil, refusal("the identity token is not readable: one of the claims iss, sub, aud, exp, nbf and iat has a form that it must not have")
		}
		return nil, refusal("the signature of the identity token is not one of the issuer %s with RS256, ES256 or EdDSA", show(issuer))
	}
	var payload jsontext.Value
	if err := token.Claims(&payload); err != nil {
		return nil, err
	}
	return payload, nil
}

// witness keeps what a key set answered, which go-oidc turns into text.
type witness struct {
	oidc.KeySet
	err    error
	signed bool
}

func (w *witness) VerifySignature(ctx context.Context, jwt string) (payload []byte, err error) {
	payload, err = w.KeySet.VerifySignature(ctx, jwt)
	w.err, w.signed = err, err == nil
	return payload, err
}

// scalars drops what is a list or an object.
func scalars(all map[string]jsontext.Value) claims {
	c := claims{}
	for name, v := range all {
		switch v.Kind() {
		case '"':
			var text string
			if json.Unmarshal(v, &text) == nil {
				c[name] = text
			}
		case '0', 't', 'f':
			c[name] = string(v)
		}
	}
	return c
}

// addressed holds the token to one audience, ours: a token that another
// service was given could be shown here otherwise, and ours there.
func (s *statement) addressed(aud jsontext.Value, want string) error {
	var list []string
	if aud.Kind() == '"' {
		list = []string{s.claims.text("aud")}
	} else if json.Unmarshal(aud, &list) != nil {
		list = nil
	}
	if len(list) != 1 || list[0] != want {
		return refusal("the claim aud of the identity token is %s: it has to be %s and nothing else; ask the platform for a token with this audience", show(strings.Join(list, " ")), show(want))
	}
	return nil
}

// timely checks exp, nbf and iat (RFC 7519 section 4.1).
func (s *statement) timely(now time.Time) error {
	exp, okExp := s.time("exp")
	iat, okIat := s.time("iat")
	if !okExp || !okIat {
		return refusal("the identity token has no claim exp or no claim iat, so it is not known how old it is")
	}
	end := exp
	if last := iat.Add(s.profile.age); last.Before(end) {
		end = last
	}
	nbf, okNbf := s.time("nbf")
	switch {
	case !now.Before(exp.Add(leeway)):
		return refusal("the identity token expired at %s (claim exp); publish with a token made for this job", clock(exp))
	case iat.After(now.Add(leeway)), okNbf && nbf.After(now.Add(leeway)):
		return refusal("the identity token is not good before %s (claims iat and nbf); are the clocks right?", clock(iat))
	case !now.Before(end.Add(leeway)):
		return refusal("the identity token was made at %s (claim iat) and is taken for %s; let a job of its own publish, after those that build and test", clock(iat), s.profile.age)
	}
	s.until = end.Add(leeway + memory)
	return nil
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// time reads a NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction.
func (s *statement) time(name string) (time.Time, bool) {
	n, err := strconv.ParseFloat(s.claims.text(name), 64)
	if err != nil || n < 0 || n > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(n), 0), true
}

// show quotes what a stranger wrote, bounded and in printable ASCII.
func show(s string) string {
	const longest = 200
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return strconv.QuoteToASCII(s)
}
