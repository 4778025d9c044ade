package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bonded.dev"

	"pgregory.net/rapid"
)

// narrower makes a narrower token at noon.
func narrower(t interface {
	Helper()
	Fatal(...any)
}, text string, l Limits) string {
	t.Helper()
	s, err := Narrow(text, l, noon)
	if err != nil {
		t.Fatal(err)
	}
	return s.Reveal()
}

// narrowedBy is what somebody can make who knows the hash of a token and not the
// token: a chain that begins with a key of their own.
func narrowedBy(hash bonded.Digest, l Limits) (text string, key ed25519.PrivateKey, err error) {
	other := newSecret(tokenPrefix)
	s, err := Narrow(other.Reveal(), l, noon)
	if err != nil {
		return "", nil, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(s.Reveal()[len(narrowedPrefix):])
	copy(raw[1:], hash[:])
	// Signed anew, so that only the key is wrong.
	cut := len(raw) - ed25519.SeedSize - ed25519.SignatureSize
	copy(raw[cut:], ed25519.Sign(rootKey(other), signedText(raw[:cut])))
	return narrowedPrefix + base64.RawURLEncoding.EncodeToString(raw), rootKey(other), err
}

func (b *bench) bearer(text string, from netip.Addr) (*Caller, error) {
	return b.Authenticate(b.t.Context(), Request{Authorization: "Bearer " + text, From: from})
}

func TestNarrow(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	b.owns(left, 1, "alice")
	secret, kept := b.make(Limits{TTL: time.Hour, Versions: []string{"1.*", "2.*"}})
	one := narrower(t, secret.Reveal(), Limits{Scopes: scopes(t, "publish,yank:npm/left-*"), TTL: 30 * time.Minute})
	two := narrower(t, one, Limits{Scopes: scopes(t, "publish:*"), Versions: []string{"2.0.*"}, Networks: []string{"203.0.113.0/24"}, Digests: []string{bytesA.Hex()}})
	if strings.Contains(one, secret.Reveal()[4:]) || strings.Contains(two, one[40:80]) && len(two) < len(one) {
		t.Error("a narrower token holds the one that it is made of")
	}
	first, err := b.bearer(one, abroad)
	if err != nil || first.User() != "alice" || first.TokenID() != kept.ID {
		t.Fatal(first, err)
	}
	second, err := b.Authenticate(t.Context(), Request{Authorization: basic(tokenUser, two), From: office})
	if err != nil {
		t.Fatal(err)
	}
	may := func(c *Caller, action bonded.Action, name, why string) {
		t.Helper()
		err := c.May(t.Context(), action, bonded.Name{Ecosystem: "npm", Key: name, Display: name})
		if why == "" && err != nil {
			t.Errorf("%s %s: %v", action, name, err)
		}
		if why != "" {
			refused(t, string(action)+" "+name, err, bonded.Forbidden, why)
		}
	}
	may(first, bonded.ActPublish, "left-pad", "")
	may(first, bonded.ActYank, "left-pad", "")
	may(first, bonded.ActTag, "left-pad", "its scopes are publish,yank:npm/left-*; it was made narrower than the token that it comes from")
	may(first, bonded.ActPublish, "right", "its scopes are publish,yank:npm/left-*")
	may(second, bonded.ActPublish, "left-pad", "")
	may(second, bonded.ActYank, "left-pad", "its scopes are publish:*")
	may(second, bonded.ActPublish, "right", "its scopes are publish,yank:npm/left-*") // a step cannot widen
	draft := func(version string, digest bonded.Digest) *bonded.Draft {
		return &bonded.Draft{Name: left, Facts: []bonded.Entry{{Type: bonded.Publish, Version: version, File: "f", Digest: digest}}}
	}
	for _, c := range []struct {
		who  *Caller
		d    *bonded.Draft
		good bool
	}{
		{first, draft("1.5", bytesB), true}, {first, draft("3.0", bytesA), false}, // the limit of the token itself
		{second, draft("2.0.1", bytesA), true}, {second, draft("2.1.0", bytesA), false}, {second, draft("2.0.1", bytesB), false},
	} {
		if err := c.who.Limits(c.d); (err == nil) != c.good {
			t.Errorf("%v: %v", c.d.Facts, err)
		}
	}
	_, err = b.bearer(two, abroad)
	refused(t, "from abroad", err, bonded.Forbidden, "does not work from the network")
	b.later(30 * time.Minute)
	for _, text := range []string{one, two} {
		_, err = b.bearer(text, office)
		refused(t, "later", err, bonded.Unauthorized, "this narrower token expired on 2026-03-01 12:30 UTC; make another one")
	}
	refused(t, "held", first.May(t.Context(), bonded.ActPublish, left), bonded.Unauthorized, "expired")
	b.asks(secret, office)
}

func TestNarrowEndsWithItsToken(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	secret, kept := b.make(Limits{TTL: time.Hour})
	long := narrower(t, secret.Reveal(), Limits{TTL: 48 * time.Hour})
	endless := narrower(t, secret.Reveal(), Limits{Scopes: scopes(t, "publish:*")})
	b.later(time.Hour)
	for _, text := range []string{long, endless} {
		_, err := b.bearer(text, office)
		refused(t, "expired", err, bonded.Unauthorized, "the token expired on")
	}
	secret, kept = b.make(Limits{TTL: time.Hour})
	text := narrower(t, secret.Reveal(), Limits{Scopes: scopes(t, "publish:*")})
	if err := b.RevokeToken(t.Context(), kept.ID, "alice", "lost"); err != nil {
		t.Fatal(err)
	}
	_, err := b.bearer(text, office)
	refused(t, "revoked", err, bonded.Unauthorized, "the token was revoked")
}

// TestNarrowCannotBeForged: whoever has a narrower token cannot put a step away,
// out of its place, or under another token.
func TestNarrowCannotBeForged(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	secret, _ := b.make(Limits{})
	other, _ := b.make(Limits{})
	one := narrower(t, secret.Reveal(), Limits{Versions: []string{"1"}})
	two := narrower(t, one, Limits{Versions: []string{"2"}})
	raw := func(text string) []byte {
		r, err := base64.RawURLEncoding.DecodeString(text[len(narrowedPrefix):])
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	write := func(b []byte) string { return narrowedPrefix + base64.RawURLEncoding.EncodeToString(b) }
	r1, r2 := raw(one), raw(two)
	head, step1 := 33, len(r1)-32 // where the first step begins and ends
	seed2 := r2[len(r2)-32:]
	moved := bytes.Clone(r1)
	otherHash := other.hash()
	copy(moved[1:], otherHash[:])
	forged, _, err := narrowedBy(secret.hash(), Limits{Versions: []string{"9"}})
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"the last step put away":          write(append(bytes.Clone(r2[:step1]), seed2...)),
		"the first step put away":         write(append(bytes.Clone(r2[:head]), r2[step1:]...)),
		"the last step twice":             write(append(append(bytes.Clone(r2[:len(r2)-32]), r2[step1:len(r2)-32]...), seed2...)),
		"under another token":             write(moved),
		"begun with another key":          forged,
		"no step":                         write(append(bytes.Clone(r1[:head]), seed2...)),
		"another version of the format":   write(append([]byte{2}, r1[1:]...)),
		"a byte more":                     write(append(bytes.Clone(r1), 0)),
		"padded":                          one + "=",
		"nothing":                         narrowedPrefix,
		"as long as a header":             narrowedPrefix + strings.Repeat("A", 3900),
		"a token with the other's prefix": narrowedPrefix + secret.Reveal()[4:],
	} {
		c, err := b.bearer(text, office)
		refused(t, what, err, bonded.Unauthorized, "")
		if c != nil {
			t.Errorf("%s: somebody is let in", what)
		}
	}
	for i := range r2 {
		bad := bytes.Clone(r2)
		bad[i] ^= 1
		if _, err := b.bearer(write(bad), office); err == nil {
			t.Errorf("byte %d of %d can be changed", i, len(bad))
		}
	}
	// What was made before tokens had keys cannot be narrowed.
	if _, err := (shown{steps: []step{{}}}).bounds(nil); err == nil {
		t.Error("a token without a key was narrowed")
	}
}

// stepOf writes one step with whatever text, signed as it should be.
func stepOf(token Secret, text string) string {
	hash := token.hash()
	raw := append([]byte{narrowedVersion}, hash[:]...)
	last := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	raw = append(binary.BigEndian.AppendUint16(raw, uint16(len(text))), text...)
	raw = append(raw, last.Public().(ed25519.PublicKey)...)
	raw = append(raw, ed25519.Sign(rootKey(token), signedText(raw))...)
	return narrowedPrefix + base64.RawURLEncoding.EncodeToString(append(raw, last.Seed()...))
}

// TestStepsAreCanonical: what a reader could understand in two ways, or not at
// all, is not read, even when it is signed.
func TestStepsAreCanonical(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	secret, _ := b.make(Limits{})
	if _, err := b.bearer(stepOf(secret, `{"versions":["1"]}`), office); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		``, `null`, `[]`, `{"versions":null}`, `{"versions":[]}`, `{"versions": ["1"]}`, `{"versions":["1"],"versions":["2"]}`, `{"Versions":["1"]}`,
		`{"versions":["1"],"scopes":["read:*"]}`, `{"uses":1}`, `{"versions":"1"}`, `{"expires":0}`, `{"expires":1.5}`, `{"versions":["1"]} `,
		`{"versions":["*1"]}`, `{"scopes":["everything"]}`, `{"scopes":["read"]}`, `{"networks":["here"]}`, `{"digests":["abc"]}`,
	} {
		if _, err := b.bearer(stepOf(secret, text), office); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

// TestTokenKey pins what a token's key is, so that tokens that are out stay good
// and another program can narrow them. The numbers are HKDF's and Ed25519's as
// another implementation computes them.
func TestTokenKey(t *testing.T) {
	text := "bnd_" + strings.Repeat("0", randomLen)
	token, err := ParseToken(text + checksum(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s %x", token.Reveal(), rootKey(token).Public()); got != wantKey {
		t.Errorf("got %s", got)
	}
}

const wantKey = "bnd_0000000000000000000000000000001CIeYg 0bc08be8ea0808dbce26407186eba104a3b616c1de0afbe5e4688e6426d39d5d"

func TestNarrowSaysWhatItCannot(t *testing.T) {
	secret := newSecret(tokenPrefix).Reveal()
	for what, c := range map[string]struct {
		text string
		l    Limits
		kind bonded.Kind
		why  string
	}{
		"nothing to take away": {secret, Limits{}, bonded.Invalid, "say what to take away"},
		"uses":                 {secret, Limits{Uses: 1}, bonded.Invalid, "uses are counted where tokens are made"},
		"label":                {secret, Limits{Label: "x"}, bonded.Invalid, "no label"},
		"backwards":            {secret, Limits{TTL: -1}, bonded.Invalid, "at most 90 days"},
		"bad version":          {secret, Limits{Versions: []string{""}}, bonded.Invalid, "version"},
		"no token":             {"hello", Limits{Versions: []string{"1"}}, bonded.Unauthorized, "starts with bnd_"},
		"damaged":              {narrowedPrefix + "AAAA", Limits{Versions: []string{"1"}}, bonded.Unauthorized, "damaged"},
		"large":                {secret, Limits{Digests: strings.Split(strings.TrimSpace(strings.Repeat(bytesA.Hex()+" ", 60)), " ")}, bonded.Invalid, "longer than a request can carry"},
	} {
		_, err := Narrow(c.text, c.l, noon)
		refused(t, what, err, c.kind, c.why)
	}
	text := secret
	for i := range maxSteps + 1 {
		s, err := Narrow(text, Limits{Versions: []string{fmt.Sprint(i)}}, noon)
		if i == maxSteps {
			refused(t, "one step more", err, bonded.Invalid, "at most 8 times")
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text = s.Reveal()
	}
	shown, err := Show(text)
	if err != nil || len(shown.Steps) != maxSteps || shown.Steps[3].Versions[0] != "3" || !shown.Narrowed {
		t.Errorf("%+v, %v", shown, err)
	}
	if shown, err := Show(secret); err != nil || shown.Narrowed || len(shown.Token) != 64 {
		t.Errorf("%+v, %v", shown, err)
	}
}

// TestNarrowedNeverMayMore: whatever was narrowed, in whatever order, may
// nothing that what it was made of may not.
func TestNarrowedNeverMayMore(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	b.owns(left, 1, "alice")
	from := []netip.Addr{office, abroad}
	some := func(r *rapid.T, what string, list ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(list), 0, 2, rapid.ID).Draw(r, what)
	}
	limits := func(r *rapid.T) Limits {
		return Limits{
			Scopes:   scopes(t, some(r, "scopes", "publish:npm/left-*", "publish,yank:npm/*", "yank:*", "read,tag:npm/left-pad", "publish:pypi/*", "delete:npm/l*")...),
			Versions: some(r, "versions", "1.*", "1.0", "2.*", "*"),
			Networks: some(r, "networks", "203.0.113.0/24", "198.51.100.0/24", "0.0.0.0/0", "203.0.113.7"),
			Digests:  some(r, "digests", bytesA.Hex(), bytesB.Hex()),
			TTL:      rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour, 30 * 24 * time.Hour}).Draw(r, "ttl"),
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		first := limits(r)
		if len(first.Scopes) == 0 {
			first.Scopes = scopes(t, "publish,yank,tag,delete,read:*")
		}
		secret, _ := b.make(first)
		chain := []string{secret.Reveal()}
		for range rapid.IntRange(1, 3).Draw(r, "steps") {
			l := limits(r)
			s, err := Narrow(chain[len(chain)-1], l, b.Now())
			if err != nil {
				continue // nothing to take away
			}
			chain = append(chain, s.Reveal())
		}
		at := rapid.SampledFrom(from).Draw(r, "from")
		b.mu.Lock()
		now := b.now
		b.now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 2 * time.Hour}).Draw(r, "later"))
		b.mu.Unlock()
		name := bonded.Name{Ecosystem: rapid.SampledFrom([]string{"npm", "pypi"}).Draw(r, "eco"), Key: rapid.SampledFrom([]string{"left-pad", "left-out", "right"}).Draw(r, "key")}
		action := rapid.SampledFrom(bonded.Actions[:5]).Draw(r, "action")
		draft := &bonded.Draft{Name: name, Facts: []bonded.Entry{{
			Type: rapid.SampledFrom([]bonded.EntryType{bonded.Publish, bonded.Yank, bonded.Status}).Draw(r, "fact"), Version: rapid.SampledFrom([]string{"1.0", "1.1", "2.0", ""}).Draw(r, "version"),
			Digest: rapid.SampledFrom([]bonded.Digest{bytesA, bytesB}).Draw(r, "digest"),
		}}}
		before := true
		for i, text := range chain {
			c, err := b.bearer(text, at)
			good := err == nil && c.May(b.t.Context(), action, name) == nil && c.Limits(draft) == nil
			if good && !before {
				r.Fatalf("step %d may what the one before may not", i)
			}
			before = good
		}
		b.mu.Lock()
		b.now = now
		b.mu.Unlock()
	})
}

// FuzzNarrowed reads any text. What is read is written again to the same bytes,
// and no error repeats what was sent.
func FuzzNarrowed(f *testing.F) {
	text := newSecret(tokenPrefix).Reveal()
	for _, l := range []Limits{{Versions: []string{"1.*"}}, {TTL: time.Hour}, {Networks: []string{"192.0.2.0/24"}, Digests: []string{bytesA.Hex()}}} {
		s, err := Narrow(text, l, noon)
		if err != nil {
			f.Fatal(err)
		}
		text = s.Reveal()
		f.Add(text)
	}
	f.Add(narrowedPrefix)
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseNarrowed(text)
		if err != nil {
			if kind, _, public := bonded.Explain(err); kind != bonded.Unauthorized || len(text) > 20 && strings.Contains(public, text[4:]) {
				t.Fatalf("kind %d, %q", kind, public)
			}
			return
		}
		if got := narrowedPrefix + base64.RawURLEncoding.EncodeToString(append(n.raw, n.last.Seed()...)); got != text {
			t.Fatalf("%q was read as %q", text, got)
		}
		again, err := Narrow(text, Limits{Versions: []string{"1"}}, noon)
		if err != nil {
			return // it is full
		}
		if m, err := parseNarrowed(again.Reveal()); err != nil || len(m.steps) != len(n.steps)+1 {
			t.Fatalf("%d steps after %d: %v", len(m.steps), len(n.steps), err)
		}
	})
}
