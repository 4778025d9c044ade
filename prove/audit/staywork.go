package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/visit"
)

const newToken = "/account/tokens/new"

func tokenFields(pattern, action, days, kind string) url.Values {
	return url.Values{"label": {"audit"}, "ecosystem": {kind}, "pattern": {pattern}, "actions": {action}, "days": {days}}
}

var tokenForm = regexp.MustCompile(`>([a-z][a-z0-9]{1,11}_[0-9A-Za-z]{20,})<`)

// fresh is a name that nobody has.
func fresh() string { return "audit-" + strings.ToLower(rand.Text()[:10]) }

// tokens makes one for a package and uses it for another.
func (s *Stay) tokens(ctx context.Context) error {
	kind := s.site.Dialect.ID()
	p, err := s.own.Post(ctx, newToken, tokenFields("audit-long", "publish", "400", kind))
	if err != nil {
		return err
	}
	s.refuses("token.long", p, newToken, "a token of 400 days")
	if p, err = s.own.Post(ctx, newToken, tokenFields("audit-endless", "publish", "", kind)); err != nil {
		return err
	}
	s.refuses("token.endless", p, newToken, "a token without an end")
	one, other := fresh(), fresh()
	if s.Token, err = s.make(ctx, one); err != nil {
		return err
	}
	a, err := s.site.Dialect.Publish(ctx, s.site, s.Token, visit.Upload{Name: other, Version: "1.0.0", Canary: "audit"})
	if err != nil {
		return err
	}
	if !a.Taken() && !a.Refused() {
		return fmt.Errorf("publishing answered %d", a.Status)
	}
	s.saw("token.scope", a.Refused(), s.site.Root, fmt.Sprintf("a token for one package publishes another: %d", a.Status))
	return nil
}

// make makes a token for one package.
func (s *Stay) make(ctx context.Context, name string) (visit.Credential, error) {
	p, err := honest(s.own.Open(ctx, newToken, newToken, tokenFields(name, "publish", "1", s.site.Dialect.ID())))
	if err != nil {
		return "", err
	}
	m := tokenForm.FindStringSubmatch(p.Body)
	if m == nil {
		return "", errors.New("the page that makes a token shows none")
	}
	return visit.Credential(m[1]), nil
}

const (
	leakPause    = time.Second
	leakPatience = 60 // pauses
)

// leak reports a token that works, and uses it.
func (s *Stay) leak(ctx context.Context) error {
	if s.security == nil || s.security.Tokens.LeakReports == "" {
		return nil
	}
	at := s.security.Tokens.LeakReports
	body, err := json.Marshal(map[string]string{"token": string(s.Token), "type": "access_token", "url": "https://example.invalid/audit", "source": "content"})
	if err != nil {
		return err
	}
	r, err := s.site.Web.Do(ctx, visit.Request{Method: "POST", URL: at, Body: body, Busy: true, Header: map[string]string{"Content-Type": "application/json"}})
	if err != nil {
		return err
	}
	if r.Status == 429 {
		return nil
	}
	s.saw("leak.taken", r.OK(), at, fmt.Sprintf("a report of a token that works: %d", r.Status))
	if !r.OK() {
		return nil
	}
	dead := false
	for range leakPatience {
		// A name that the token was not made for: nothing is left behind if it lives.
		a, err := s.site.Dialect.Publish(ctx, s.site, s.Token, visit.Upload{Name: fresh(), Version: "1.0.0", Canary: "audit"})
		if err != nil {
			return err
		}
		if dead = a.Status == 401; dead {
			break
		}
		if err := pauseOf(ctx, leakPause); err != nil {
			return err
		}
	}
	s.saw("leak.dead", dead, at, map[bool]string{true: "the reported token is refused everywhere: 401", false: "the reported token still counts a minute later"}[dead])
	return nil
}

var addressForm = regexp.MustCompile(`Your address is ([^ <]+@[^ <]+?)\. `)

// address proves the account's address where mail can be read, and asks for
// another one.
func (s *Stay) address(ctx context.Context) error {
	const page = "/account/email"
	p, err := honest(s.own.Get(ctx, page))
	if err != nil {
		return err
	}
	m := addressForm.FindStringSubmatch(p.Body)
	if m == nil {
		return nil // the page is another one
	}
	if p, err = s.own.Submit(ctx, p, page, url.Values{"email": {m[1]}}); err != nil || p.Status >= 400 {
		return err // no mail is sent here
	}
	link, err := s.mail(ctx, s.linkTo("email"), inboxPatience)
	if err != nil {
		return err
	}
	if link != "" {
		p, err := s.own.Open(ctx, link, "/email", nil)
		if err != nil {
			return err
		}
		s.saw("address.link", p.Status < 400, "/email", "a link by mail proves the address")
	}
	user, domain, _ := strings.Cut(m[1], "@")
	if p, err = s.own.Open(ctx, page, page, url.Values{"email": {user + "+audit@" + domain}}); err != nil || p.Status >= 400 {
		return err
	}
	if p, err = honest(s.own.Get(ctx, page)); err != nil {
		return err
	}
	now := addressForm.FindStringSubmatch(p.Body)
	same := now != nil && now[1] == m[1]
	s.saw("address.waits", same, page, map[bool]string{true: "another address does not count before its link was opened", false: "another address counts at once"}[same])
	return nil
}

// lapsed comes to the account whose domain lapsed.
func (s *Stay) lapsed(ctx context.Context) error {
	if s.guest.Lapsed == "" {
		return nil
	}
	link, err := s.pathOf(s.guest.Lapsed)
	if err != nil {
		return err
	}
	b := visit.NewBrowser(s.site.Web, s.site.Base)
	if _, err := honest(b.Open(ctx, link, "/enrol", nil)); err != nil {
		return err
	}
	for path, what := range map[string]string{"/account/passkeys/options": "a passkey", newToken: "a token"} {
		p, err := b.Post(ctx, path, tokenFields("audit-lapsed", "publish", "1", s.site.Dialect.ID()))
		if err != nil {
			return err
		}
		s.refuses("lapsed."+what, p, path, what+" for an account whose domain lapsed")
	}
	return nil
}

// join sets an account up with a passkey and recovery codes, and signs in.
func (s *Stay) join(ctx context.Context, b *visit.Browser, link string) error {
	path, err := s.pathOf(link)
	if err != nil {
		return err
	}
	for _, form := range [][2]string{{path, "/enrol"}, {"/account/passkeys", "/account/passkeys"}, {"/account/codes", "/account/codes"}} {
		if _, err := honest(b.Open(ctx, form[0], form[1], nil)); err != nil {
			return err
		}
	}
	if _, err := honest(b.Post(ctx, "/account/finish", nil)); err != nil {
		return err
	}
	if _, err := b.Post(ctx, "/signout", nil); err != nil {
		return err
	}
	_, err = honest(b.Open(ctx, "/signin", "/signin/passkey", nil))
	return err
}

var acceptForm = regexp.MustCompile(`/invitations/([^/"]+)/accept`)

// roles makes the second account somebody who may publish and nothing else. It
// leaves a package behind.
func (s *Stay) roles(ctx context.Context) error {
	if s.guest.Member == "" {
		return nil
	}
	name, kind := fresh(), s.site.Dialect.ID()
	token, err := s.make(ctx, name)
	if err != nil {
		return err
	}
	a, err := s.site.Dialect.Publish(ctx, s.site, token, visit.Upload{Name: name, Version: "1.0.0", Canary: "audit"})
	if err != nil || !a.Taken() {
		return errors.Join(err, fmt.Errorf("an inert package was not taken: %d", a.Status))
	}
	member := visit.NewBrowser(s.site.Web, s.site.Base)
	if err := s.join(ctx, member, s.guest.Member); err != nil {
		return err
	}
	p, err := honest(member.Get(ctx, "/account"))
	if err != nil {
		return err
	}
	m := headForm.FindStringSubmatch(p.Body)
	if m == nil {
		return errors.New("the second account does not show its name")
	}
	page := "/packages/" + kind + "/" + name
	if _, err := honest(s.own.Post(ctx, page+"/people/invite", url.Values{"user": {m[1]}, "rights": {"publish"}})); err != nil {
		return err
	}
	if p, err = honest(member.Get(ctx, "/invitations")); err != nil {
		return err
	}
	id := acceptForm.FindStringSubmatch(p.Body)
	if id == nil {
		return errors.New("the invitation is not shown")
	}
	if _, err := honest(member.Post(ctx, "/invitations/"+id[1]+"/accept", nil)); err != nil {
		return err
	}
	for path, fields := range map[string]url.Values{
		"/people/invite": {"user": {s.name}, "rights": {"publish"}}, "/people/remove": {"principal": {s.name}}, "/policy": {"two-person": {"yes"}},
	} {
		p, err := member.Post(ctx, page+path, fields)
		if err != nil {
			return err
		}
		no := p.Status == 403
		s.saw("roles.few", no, "/packages", "somebody who may publish changes people or rules: "+map[bool]string{true: "403", false: "not refused"}[no])
	}
	return nil
}

var cancelForm = regexp.MustCompile(`/account/changes/([^/"]+)/cancel`)

// recovery asks for the account as somebody who lost everything.
func (s *Stay) recovery(ctx context.Context) error {
	b := visit.NewBrowser(s.site.Web, s.site.Base)
	p, err := b.Post(ctx, "/recover/begin", url.Values{"link": {"none"}, "code": {s.codes[0]}})
	if err != nil {
		return err
	}
	s.refuses("recovery.direct", p, "/recover/begin", "the last step of a recovery, sent directly")
	if p, err = b.Open(ctx, "/recover", "/recover", url.Values{"user": {s.name}}); err != nil || p.Status >= 400 {
		return err
	}
	link, err := s.mail(ctx, s.linkTo("recover"), inboxPatience)
	if err != nil || link == "" {
		return err
	}
	if p, err = b.Open(ctx, link, "/recover/begin", url.Values{"code": {"0000-0000-0000-0000"}}); err != nil {
		return err
	}
	s.refuses("recovery.mail", p, "/recover/begin", "a recovery with mail alone")
	if _, err := honest(b.Open(ctx, link, "/recover/begin", url.Values{"code": {s.codes[0]}})); err != nil {
		return err
	}
	in, err := s.inside(ctx, b)
	if err != nil {
		return err
	}
	if p, err = honest(s.own.Get(ctx, "/account/security")); err != nil {
		return err
	}
	waits := cancelForm.FindStringSubmatch(p.Body)
	s.saw("recovery.waits", !in && waits != nil, "/recover/begin", map[bool]string{true: "a recovery with mail and code waits, and the owner can cancel it", false: "a recovery with mail and code does not wait for the owner"}[!in && waits != nil])
	for waits != nil { // an address that was to change waits too
		if _, err := honest(s.own.Post(ctx, "/account/changes/"+waits[1]+"/cancel", nil)); err != nil {
			return err
		}
		if p, err = honest(s.own.Get(ctx, "/account/security")); err != nil {
			return err
		}
		if next := cancelForm.FindStringSubmatch(p.Body); next == nil || next[1] != waits[1] {
			waits = next
			continue
		}
		return errors.New("a change that was cancelled still waits")
	}
	return nil
}

var noticeForm = regexp.MustCompile(`(?i)\b(token)\b`)

// policy looks whether somebody who cannot sign in finds how to get back in.
func (s *Stay) policy(ctx context.Context) error {
	if s.security == nil || s.security.Accounts.Recovery.Policy == "" {
		return nil
	}
	at := s.security.Accounts.Recovery.Policy
	r, err := s.site.Web.Get(ctx, at, "text/html")
	if err == nil {
		s.saw("recovery.policy", r.OK(), at, fmt.Sprintf("the policy: %d", r.Status))
	}
	return err
}

// notices looks whether the account was told of what happened to it.
func (s *Stay) notices(ctx context.Context) error {
	if _, worked := s.steps["address.link"]; !worked {
		return nil // it is not clear that the inbox is the account's
	}
	word, err := s.mail(ctx, noticeForm, noticePatience)
	s.saw("notice.mail", word != "", "/account", map[bool]string{true: "a mail told of the token that was made", false: "no mail told of the token that was made"}[word != ""])
	return err
}
