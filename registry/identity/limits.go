package identity

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// Limits is what a token may do and for how long. Every dimension only takes
// away: what one of them does not allow, none of the others brings back.
type Limits struct {
	Scopes []Scope
	TTL    time.Duration // 0: the default of its origin
	// Versions are patterns of the versions that it may touch: a version as its
	// ecosystem writes it, or the start of one and a star. None: every version.
	Versions []string
	// Networks are those that it works from, as CIDR (RFC 4632, RFC 4291 section
	// 2.3) or as one address. None: from everywhere.
	Networks []string
	// Digests are the SHA-256 of the artifacts that it may publish, in lower-case
	// hexadecimal; with any, it is good for nothing but publishing these. None: any.
	Digests []string
	Uses    int64  // how many changes it is good for; 0: no limit
	Label   string // what its maker calls it
	// Publishers are ids of the trusted publishers that it was made for; then it
	// belongs to no user.
	Publishers []string
}

const (
	maxPatterns = 32 // versions, networks
	maxDigests  = 200
	maxPattern  = 128 // bytes, of one version pattern
	maxLabel    = 80  // characters
)

// tidy checks limits and returns them in the form in which they are stored.
func (l Limits) tidy() (Limits, error) {
	if err := tidyScopes(l.Scopes); err != nil {
		return l, err
	}
	switch {
	case len(l.Versions) > maxPatterns || len(l.Networks) > maxPatterns:
		return l, bonded.Errorf(bonded.Invalid, "a token has at most %d versions and at most %d networks", maxPatterns, maxPatterns)
	case len(l.Digests) > maxDigests:
		return l, bonded.Errorf(bonded.Invalid, "a token names at most %d artifacts, not %d", maxDigests, len(l.Digests))
	case l.Uses < 0:
		return l, bonded.Errorf(bonded.Invalid, "a token has at least one use, not %d", l.Uses)
	case utf8.RuneCountInString(l.Label) > maxLabel || strings.ContainsFunc(l.Label, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }):
		return l, bonded.Errorf(bonded.Invalid, "the label of a token is one line of at most %d characters", maxLabel)
	}
	for _, v := range l.Versions {
		if err := checkVersions(v); err != nil {
			return l, err
		}
	}
	networks, err := parseNetworks(l.Networks)
	if err != nil {
		return l, err
	}
	l.Networks = texts(networks)
	for _, d := range l.Digests {
		if _, err := bonded.ParseHexDigest(d); err != nil {
			return l, bonded.Errorf(bonded.Invalid, "digest %q: want the SHA-256 of an artifact as 64 lower-case hexadecimal digits", d)
		}
	}
	return l, nil
}

func tidyScopes(scopes []Scope) error {
	if len(scopes) > maxScopes {
		return bonded.Errorf(bonded.Invalid, "a token has at most %d scopes, not %d", maxScopes, len(scopes))
	}
	for _, s := range scopes {
		// What is stored must be readable again, whoever put the Scope together.
		if _, err := ParseScope(s.String()); err != nil {
			return err
		}
	}
	return nil
}

func checkVersions(pattern string) error {
	text, _ := strings.CutSuffix(pattern, "*")
	if pattern == "" || len(pattern) > maxPattern || !utf8.ValidString(pattern) || strings.ContainsFunc(pattern, unprintable) || strings.Contains(text, "*") {
		return bonded.Errorf(bonded.Invalid, "version %q: want a version, or the start of one and a star, for example 1.4.2 or 1.4.*", pattern)
	}
	return nil
}

// parseNetworks reads networks; an address alone is a network of one.
func parseNetworks(list []string) (out []netip.Prefix, err error) {
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if a, e := netip.ParseAddr(text); err != nil && e == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
		}
		if err != nil || p.Addr().Is4In6() {
			return nil, bonded.Errorf(bonded.Invalid, "network %q: want a network such as 203.0.113.0/24 or 2001:db8::/48, or one address", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func texts[T interface{ String() string }](list []T) (out []string) {
	for _, x := range list {
		out = append(out, x.String())
	}
	return out
}

// summary is how the journal tells limits, for whoever owns the token.
func summary(t record.Token) string {
	parts := []string{t.ID + " until " + t.Expires.UTC().Format(time.RFC3339) + ": " + strings.Join(t.Scopes, " ")}
	add := func(what string, list []string) {
		if len(list) > 0 {
			parts = append(parts, what+" "+strings.Join(list, " "))
		}
	}
	add("versions", t.Versions)
	add("networks", t.Networks)
	add("artifacts", t.Digests)
	if t.Uses >= 0 {
		add("uses", []string{strconv.FormatInt(t.Uses, 10)})
	}
	return strings.Join(parts, "; ")
}

// bound is what one maker of a token allows: the repository's own row, and each
// step by which a holder made it narrower. All of them must allow.
type bound struct {
	every    bool // the scopes stay as they were
	scopes   []Scope
	versions []string
	networks []netip.Prefix
	digests  []string
	expires  time.Time // zero: this maker set no end
	// offline says that a holder made it; the repository has never seen it.
	offline bool
}

// boundOf reads what the book keeps of a token.
func boundOf(t record.Token) (b bound, err error) {
	b.versions, b.digests, b.expires = t.Versions, t.Digests, t.Expires
	for _, text := range t.Scopes {
		s, err := ParseScope(text)
		if err != nil {
			return b, err
		}
		b.scopes = append(b.scopes, s)
	}
	b.networks, err = parseNetworks(t.Networks)
	return b, err
}

// does says why the bound does not cover an action on a name.
func (b bound) does(action bonded.Action, name bonded.Name) bool {
	return b.every || slices.ContainsFunc(b.scopes, func(s Scope) bool { return s.Allows(action, name) })
}

// outside says why the token cannot be used at a time, from an address.
func (b bound) outside(now time.Time, from netip.Addr) error {
	if !b.expires.IsZero() && !now.Before(b.expires) {
		if b.offline {
			return bonded.Refusal(bonded.Unauthorized, "token-lifetime",
				"this narrower token expired on %s; make another one from the token that it was made of", b.expires.UTC().Format(whenFormat))
		}
		return bonded.Refusal(bonded.Unauthorized, "token-lifetime",
			"the token expired on %s; ask the administrator for a new one", b.expires.UTC().Format(whenFormat))
	}
	// An address that is not known lies in no network.
	if len(b.networks) > 0 && !slices.ContainsFunc(b.networks, func(p netip.Prefix) bool { return p.Contains(from) }) {
		// Which networks there are is nobody's business but the owner's.
		return bonded.Refusal(bonded.Forbidden, "token-lifetime",
			"this token does not work from the network that the request came from; use it where it belongs, or make one without this limit")
	}
	return nil
}

const whenFormat = "2006-01-02 15:04 MST"

// covers says why a draft holds something that the bound does not allow besides
// its actions and its name.
func (b bound) covers(d *bonded.Draft) error {
	for i := range d.Facts {
		f := &d.Facts[i]
		if len(b.versions) > 0 && !slices.ContainsFunc(b.versions, func(p string) bool { return versionIn(p, f.Version) }) {
			what := "version " + f.Version
			if f.Version == "" {
				what = "the package as a whole"
			}
			return bonded.Refusal(bonded.Forbidden, "scoped-tokens",
				"this token may not touch %s of %s: it is good for the versions %s; make one for the version that you mean",
				what, d.Name, strings.Join(b.versions, " "))
		}
		if len(b.digests) == 0 {
			continue
		}
		if f.Type == bonded.Publish && !slices.Contains(b.digests, f.Digest.Hex()) {
			return bonded.Refusal(bonded.Forbidden, "scoped-tokens",
				"this token may not publish %s: it is good for certain artifacts, and the SHA-256 of this one, %s, is none of theirs; make a token for it, or upload what the token was made for",
				f.File, f.Digest.Hex())
		}
		if f.Type != bonded.Publish && (f.Type != bonded.SetTag || !d.Publishes()) {
			return bonded.Refusal(bonded.Forbidden, "scoped-tokens",
				"this token publishes certain artifacts of %s and does nothing else; make one without artifacts for other changes", d.Name)
		}
	}
	return nil
}

// versionIn reports whether a version is one of a pattern's. No version is in none.
func versionIn(pattern, version string) bool {
	if prefix, star := strings.CutSuffix(pattern, "*"); star {
		return version != "" && strings.HasPrefix(version, prefix)
	}
	return version == pattern && version != ""
}
