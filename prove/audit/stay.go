package audit

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"bonded.dev/prove/visit"
)

// Guest is what the operator gives an auditor who may stay for a while: accounts
// made for the visit, as links with which a person sets an account up. They are
// spent, and the accounts are left signed out, without live tokens.
type Guest struct {
	// Link is of the account that tries the ways in, Member of a second one that
	// is made somebody with few rights; Lapsed of one whose address is below a
	// domain that lapsed, and was noticed. The last two may be empty.
	Link, Member, Lapsed string
	// Inbox are the mails of the first account's address so far, whole; nil:
	// nobody can look.
	Inbox func() ([]string, error)
}

// Stay is what was tried with the accounts of a [Guest]. Where a page is not as
// it is known, the stay ends and what it did not come to is not judged: an
// account that is set up otherwise is no finding.
type Stay struct {
	// Token is an access token that was made and is dead by the end.
	Token visit.Credential

	guest    Guest
	site     *visit.Site
	security *Security
	now      func() time.Time
	pause    time.Duration // between two looks into the inbox

	own      *visit.Browser // of the account
	name     string
	password string
	seed     string
	codes    []string

	steps map[string]Step
	ended string // why it went no further
}

// Step is one thing that was tried.
type Step struct {
	Good     bool
	Evidence Evidence
}

// Trial says which steps of a stay speak for a control.
type Trial struct {
	// Steps must all have been taken and gone well for it to be held. One that
	// went badly says that it is not.
	Steps []string
	// Held is the sentence then; it says what is still not seen.
	Held string
}

// stay tries everything, in an order in which each thing is possible.
func stay(ctx context.Context, guest Guest, site *visit.Site, security *Security, now func() time.Time) *Stay {
	s := &Stay{guest: guest, site: site, security: security, now: now, pause: inboxPause, steps: map[string]Step{},
		own: visit.NewBrowser(site.Web, site.Base), password: "audit " + rand.Text()}
	for _, part := range []func(context.Context) error{
		s.setUp, s.cookies, s.withCodes, s.oldSession, s.withPasskey, s.tokens, s.leak, s.address,
		s.strangeBrowser, s.guesses, s.lapsed, s.roles, s.policy, s.recovery, s.notices, s.leave,
	} {
		if err := part(ctx); err != nil {
			s.ended = trouble(err)
			break
		}
	}
	return s
}

func (s *Stay) token() visit.Credential {
	if s == nil {
		return ""
	}
	return s.Token
}

// Stayed is what a report says of a stay.
type Stayed struct {
	Steps int `json:"steps"` // that were taken
	Bad   int `json:"bad"`   // of these, what should have been refused or worked
	// Ended says why it went no further; empty: it came to its end.
	Ended string `json:"ended"`
}

func (s *Stay) summary() *Stayed {
	if s == nil {
		return nil
	}
	out := &Stayed{Steps: len(s.steps), Ended: s.ended}
	for _, step := range s.steps {
		if !step.Good {
			out.Bad++
		}
	}
	return out
}

// saw writes a step down. Its words must not differ between two stays.
func (s *Stay) saw(step string, good bool, path, says string) {
	if was, twice := s.steps[step]; twice && !was.Good {
		return
	}
	s.steps[step] = Step{good, Evidence{URL: visit.Resolve(s.site.Base, path), Saw: says}}
}

// refuses writes down whether a page said no.
func (s *Stay) refuses(step string, p visit.Page, path, what string) {
	if no := p.Status >= 400 && p.Status < 500; no {
		s.saw(step, true, path, what+": refused, "+fmt.Sprint(p.Status))
	} else {
		s.saw(step, false, path, what+": not refused, "+fmt.Sprint(p.Status))
	}
}

// inside reports whether a browser is signed in.
func (s *Stay) inside(ctx context.Context, b *visit.Browser) (bool, error) {
	p, err := b.Get(ctx, "/account")
	return err == nil && p.Status == 200 && p.Path == "/account", err
}

// honest is for what must work for the stay to go on.
func honest(p visit.Page, err error) (visit.Page, error) {
	if err == nil && p.Status >= 400 {
		err = fmt.Errorf("%s was refused: %s", p.Path, p.Text())
	}
	return p, err
}

// tried lets what was tried speak for a control. It outweighs what the
// repository says of itself; it fills a gap, and it takes away what was held.
func (j *Judged) tried(c *Control, s *Stay) {
	if s == nil || len(c.Trial.Steps) == 0 || j.State == Beside {
		return
	}
	taken, good := 0, 0
	var evidence []Evidence
	for _, name := range c.Trial.Steps {
		step, ok := s.steps[name]
		if !ok {
			continue
		}
		taken++
		if step.Good {
			good++
		}
		evidence = append(evidence, step.Evidence)
	}
	switch {
	case taken == 0:
		return
	case good < taken:
		bad := slices.IndexFunc(evidence, func(e Evidence) bool { return slices.Contains(s.bad(c.Trial.Steps), e.Saw) })
		j.State, j.Why = NotHeld, "tried with an account: "+evidence[bad].Saw
	case taken < len(c.Trial.Steps):
		if j.State == Unknown {
			j.Why = "tried with an account, as far as it went; not all of it could be"
		}
	case j.State == Unknown:
		j.State, j.Why = Held, c.Trial.Held
	}
	j.Evidence = append(j.Evidence, evidence...)
}

// bad are the words of the steps that went badly.
func (s *Stay) bad(names []string) (list []string) {
	for _, name := range names {
		if step, ok := s.steps[name]; ok && !step.Good {
			list = append(list, step.Evidence.Saw)
		}
	}
	return list
}

// pathOf is the path of a link, which must lead to the repository.
func (s *Stay) pathOf(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || !strings.HasPrefix(link, s.site.Base) {
		return "", fmt.Errorf("the link of an account does not lead to %s", s.site.Base)
	}
	return u.EscapedPath(), nil
}

const (
	inboxPause    = time.Second
	inboxPatience = 20 * time.Second
	// noticePatience is for notices, which may be collected for a while.
	noticePatience = 2 * time.Minute
)

// mail waits for a mail that matches and returns the first group, or "" when
// none comes.
func (s *Stay) mail(ctx context.Context, form *regexp.Regexp, patience time.Duration) (string, error) {
	if s.guest.Inbox == nil {
		return "", nil
	}
	for range int(patience/s.pause) + 1 {
		list, err := s.guest.Inbox()
		if err != nil {
			return "", err
		}
		for _, m := range list {
			if found := form.FindStringSubmatch(m); found != nil {
				return found[1], nil
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(s.pause):
		}
	}
	return "", nil
}

// linkTo matches a link of a mail, and returns its path.
func (s *Stay) linkTo(place string) *regexp.Regexp {
	return regexp.MustCompile(regexp.QuoteMeta(strings.TrimSuffix(s.site.Base, "/")) + `(/` + place + `/[A-Za-z0-9_-]+)`)
}
