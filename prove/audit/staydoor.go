package audit

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238 as authenticator apps have it
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"bonded.dev/prove/visit"
)

// knownPassword stands near the top of every public list, and is as long as
// any rule about length could want.
const knownPassword = "qwertyuiop123456"

var (
	seedForm     = regexp.MustCompile(`secret=([A-Z2-7]+)`)
	recoveryForm = regexp.MustCompile(`\b[0-9a-z]{4}(?:-[0-9a-z]{4}){3}\b`)
	headForm     = regexp.MustCompile(`<h1>([a-z0-9][a-z0-9-]*)</h1>`)
)

// setUp makes the account ready, and tries to skip that.
func (s *Stay) setUp(ctx context.Context) error {
	link, err := s.pathOf(s.guest.Link)
	if err != nil {
		return err
	}
	b := s.own
	if _, err := honest(b.Open(ctx, link, "/enrol", nil)); err != nil {
		return err
	}
	p, err := b.Post(ctx, newToken, tokenFields("audit-none", "publish", "1", s.site.Dialect.ID()))
	if err != nil {
		return err
	}
	s.refuses("bare.token", p, newToken, "a token for an account without a factor")
	if p, err = b.Post(ctx, "/account/finish", nil); err != nil {
		return err
	}
	s.refuses("bare.finish", p, "/account/finish", "an account without a factor")
	if p, err = b.Open(ctx, "/account/password", "/account/password", url.Values{"password": {knownPassword}}); err != nil {
		return err
	}
	s.refuses("password.known", p, "/account/password", "a password of every public list")
	if p, err = b.Open(ctx, "/account/password", "/account/password", url.Values{"password": {s.password}}); err != nil {
		return err
	}
	s.saw("password.good", p.Status < 400, "/account/password", fmt.Sprintf("a password of nobody's list: %d", p.Status))
	return s.factors(ctx)
}

// factors adds an authenticator app, a passkey and recovery codes.
func (s *Stay) factors(ctx context.Context) error {
	b := s.own
	p, err := honest(b.Open(ctx, "/account/totp", "/account/totp/begin", nil))
	if err != nil {
		return err
	}
	m := seedForm.FindStringSubmatch(p.Body)
	if m == nil {
		return errors.New("the page for an authenticator app shows no key")
	}
	s.seed = m[1]
	// The code before: the present one is for signing in.
	if _, err := honest(b.Submit(ctx, p, "/account/totp", url.Values{"code": {s.code(-1)}})); err != nil {
		return err
	}
	s.saw("app.offered", true, "/account/totp", "an authenticator app can be added")
	if _, err := honest(b.Open(ctx, "/account/passkeys", "/account/passkeys", url.Values{"label": {"audit"}})); err != nil {
		return err
	}
	s.saw("passkey.offered", true, "/account/passkeys", "a passkey was added")
	if p, err = honest(b.Open(ctx, "/account/codes", "/account/codes", nil)); err != nil {
		return err
	}
	s.codes = recoveryForm.FindAllString(p.Body, -1)
	if p, err = honest(b.Post(ctx, "/account/finish", nil)); err != nil {
		return err
	}
	if m = headForm.FindStringSubmatch(p.Body); m == nil || len(s.codes) == 0 {
		return errors.New("the account that was set up does not show its name, or no recovery codes")
	}
	s.name = m[1]
	return nil
}

// code is what an authenticator app shows some steps from now (RFC 6238, 30
// seconds, six digits).
func (s *Stay) code(steps int64) string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s.seed)
	if err != nil {
		return "000000"
	}
	mac := hmac.New(sha1.New, key)
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(s.now().Unix()/30+steps))
	mac.Write(at[:])
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1000000)
}

// cookies looks at what the browser was given, and whether it is dead afterwards.
func (s *Stay) cookies(ctx context.Context) error {
	lacks := ""
	for _, line := range s.own.Given() {
		lacks = cmp.Or(lacks, Careless(line, strings.HasPrefix(s.site.Base, "https:")))
	}
	s.saw("cookie.form", lacks == "", "/enrol", cmp.Or(orNothing("a cookie without ", lacks), "cookies no script can read and no other site can send"))
	thief := s.own.Steal()
	if _, err := honest(s.own.Post(ctx, "/signout", nil)); err != nil {
		return err
	}
	in, err := s.inside(ctx, thief)
	if err != nil {
		return err
	}
	s.saw("cookie.dead", !in, "/signout", map[bool]string{false: "a copied cookie opens nothing after signing out", true: "a copied cookie opens the account after signing out"}[in])
	return nil
}

// Careless names what the Set-Cookie line of a cookie lacks; empty: nothing. secure says that
// the site is served over TLS.
func Careless(line string, secure bool) string {
	has := map[string]bool{}
	for part := range strings.SplitSeq(line, ";") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
		has[strings.ToLower(name)] = true
	}
	var lacks []string
	for _, a := range []struct {
		name string
		want bool
	}{{"HttpOnly", true}, {"SameSite", true}, {"Secure", secure}} {
		if a.want && !has[strings.ToLower(a.name)] {
			lacks = append(lacks, a.name)
		}
	}
	return strings.Join(lacks, " and ")
}

func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// withCodes signs in as people do who have no passkey at hand.
func (s *Stay) withCodes(ctx context.Context) error {
	b := s.own
	p, err := b.Open(ctx, "/signin", "/signin/password", url.Values{"user": {s.name}, "password": {s.password}})
	if err != nil {
		return err
	}
	in, err := s.inside(ctx, b)
	if err != nil {
		return err
	}
	s.saw("code.asked", !in && strings.HasPrefix(p.Path, "/signin/"), "/signin/password", "the password alone: "+map[bool]string{false: "a code is asked for", true: "signed in"}[in])
	wrong, err := b.Submit(ctx, p, "/signin/code", url.Values{"code": {s.wrong()}})
	if err != nil {
		return err
	}
	s.refuses("code.wrong", wrong, "/signin/code", "a wrong code")
	good := s.code(0)
	if _, err := honest(b.Submit(ctx, p, "/signin/code", url.Values{"code": {good}})); err != nil {
		return err
	}
	if in, err = s.inside(ctx, b); err != nil {
		return err
	}
	if !in {
		return errors.New("password and code did not open the account")
	}
	again := b.Steal() // the same browser, which is known
	if _, err := again.Post(ctx, "/signout", nil); err != nil {
		return err
	}
	if p, err = again.Open(ctx, "/signin", "/signin/password", url.Values{"user": {s.name}, "password": {s.password}}); err != nil {
		return err
	}
	if p, err = again.Submit(ctx, p, "/signin/code", url.Values{"code": {good[:3] + " " + good[3:]}}); err != nil {
		return err
	}
	s.refuses("code.twice", p, "/signin/code", "a code for the second time")
	return s.codesAgain(ctx)
}

// codesAgain signs in once more with what is left: a recovery code.
func (s *Stay) codesAgain(ctx context.Context) error {
	p, err := honest(s.own.Open(ctx, "/signin", "/signin/password", url.Values{"user": {s.name}, "password": {s.password}}))
	if err != nil {
		return err
	}
	code := s.codes[0]
	s.codes = s.codes[1:]
	_, err = honest(s.own.Submit(ctx, p, "/signin/code", url.Values{"code": {code}}))
	return err
}

// wrong is a code of six digits that is none of those about now.
func (s *Stay) wrong() string {
	for n := range 10 {
		code := strings.Repeat(fmt.Sprint(n), 6)
		if code != s.code(-1) && code != s.code(0) && code != s.code(1) {
			return code
		}
	}
	return "012345"
}

// guarded are pages that change how an account is opened or what may publish
// for it.
var guarded = []string{"/account/password", "/account/password/remove", "/account/totp/remove", "/account/codes", "/account/email"}

// oldSession tries what changes authority with a session that showed no passkey.
func (s *Stay) oldSession(ctx context.Context) error {
	p, err := s.own.Post(ctx, newToken, tokenFields("audit-codes", "publish", "1", s.site.Dialect.ID()))
	if err != nil {
		return err
	}
	s.refuses("codes.token", p, newToken, "a token for a session of password and code")
	for _, path := range guarded {
		p, err := s.own.Post(ctx, path, url.Values{"password": {s.password + " other"}, "email": {"audit@example.invalid"}})
		if err != nil {
			return err
		}
		s.refuses("stepup", p, path, "a change by a session that showed no passkey")
	}
	return nil
}

// withPasskey signs in with a passkey and nothing else, here and on a site that
// only looks like it.
func (s *Stay) withPasskey(ctx context.Context) error {
	b := s.own
	if _, err := b.Post(ctx, "/signout", nil); err != nil {
		return err
	}
	origin := b.Origin
	b.Origin = "https://elsewhere.invalid"
	p, err := b.Open(ctx, "/signin", "/signin/passkey", nil)
	b.Origin = origin
	if err != nil {
		return err
	}
	s.refuses("passkey.elsewhere", p, "/signin/passkey", "a passkey that was shown to another site")
	return s.enter(ctx, "passkey.alone")
}

// enter signs in with the passkey.
func (s *Stay) enter(ctx context.Context, step string) error {
	if _, err := honest(s.own.Open(ctx, "/signin", "/signin/passkey", nil)); err != nil {
		return err
	}
	in, err := s.inside(ctx, s.own)
	if err != nil {
		return err
	}
	s.saw(step, in, "/signin/passkey", "a passkey, no name and no password: "+map[bool]string{true: "signed in", false: "not signed in"}[in])
	return nil
}

// strangeBrowser has password and code, and was never seen before.
func (s *Stay) strangeBrowser(ctx context.Context) error {
	b := visit.NewBrowser(s.site.Web, s.site.Base)
	p, err := honest(b.Open(ctx, "/signin", "/signin/password", url.Values{"user": {s.name}, "password": {s.password}}))
	if err != nil {
		return err
	}
	if p, err = b.Submit(ctx, p, "/signin/code", url.Values{"code": {s.code(1)}}); err != nil {
		return err
	}
	in, err := s.inside(ctx, b)
	if err != nil {
		return err
	}
	s.saw("device.waits", !in, "/signin/code", "password and code from a strange browser: "+map[bool]string{false: "not signed in", true: "signed in"}[in])
	if s.guest.Inbox == nil || in || p.Status >= 400 {
		return nil
	}
	link, err := s.mail(ctx, s.linkTo("signin/device"), inboxPatience)
	s.saw("device.mail", link != "", "/signin/device", map[bool]string{true: "a mail with a link came", false: "no mail with a link came"}[link != ""])
	return err
}

// mostGuesses is how often a wrong password is tried before the auditor gives up.
const mostGuesses = 12

// guesses tries wrong passwords on the account of the visit until it is told to
// stop, and looks whether that locks its owner out.
func (s *Stay) guesses(ctx context.Context) error {
	b := visit.NewBrowser(s.site.Web, s.site.Base)
	n, stopped := 0, false
	for ; n < mostGuesses && !stopped; n++ {
		p, err := b.Open(ctx, "/signin", "/signin/password", url.Values{"user": {s.name}, "password": {fmt.Sprintf("a wrong guess, number %d", n)}})
		if err != nil {
			return err
		}
		stopped = p.Status == 429
	}
	s.saw("guess.bounded", stopped, "/signin/password", fmt.Sprintf("%d wrong passwords: %s", n, map[bool]string{true: "429", false: "all were looked at"}[stopped]))
	if _, err := s.own.Post(ctx, "/signout", nil); err != nil {
		return err
	}
	return s.enter(ctx, "guess.owner")
}

var revokeForm = regexp.MustCompile(`/account/tokens/([^/"]+)/revoke`)

// leave ends what was made.
func (s *Stay) leave(ctx context.Context) error {
	p, err := s.own.Get(ctx, "/account/tokens")
	if err != nil {
		return err
	}
	for _, m := range revokeForm.FindAllStringSubmatch(p.Body, -1) {
		if _, err := s.own.Post(ctx, "/account/tokens/"+m[1]+"/revoke", nil); err != nil {
			return err
		}
	}
	_, err = s.own.Post(ctx, "/signout", nil)
	return err
}

// pauseOf lets a time pass, unless the visit ends.
func pauseOf(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
