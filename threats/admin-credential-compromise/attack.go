// Package admincredentialcompromise uses what an administrator of the repository
// left behind: a cookie, or an unlocked machine.
package admincredentialcompromise

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. What somebody does with a shell of the host is not
// among them.
var Attacks = []drill.Attack{
	attack("an administrator's stolen cookie hands out a namespace", cookie),
	attack("an administrator's machine breaks the glass alone", alone),
	attack("... makes the thief an owner of somebody's package", owner),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

// cool is longer than a proof of presence counts.
const cool = 10 * time.Minute

// cookie gives the thief's organisation every new name of somebody's scope.
func cookie(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	thief, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	org, pattern := s.Name("org"), "@"+s.Name("family")+"/*"
	if err := thief.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	if _, err := drill.Want(thief.Open(ctx, "/orgs", "/orgs", url.Values{"name": {org}})); err != nil {
		return drill.Result{}, err
	}
	admin, err := s.Person(ctx, drill.Admin, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, cool); err != nil {
		return drill.Result{}, err
	}
	stolen := admin.Steal()
	says, err := stolen.Post(ctx, "/orgs/"+org+"/namespaces", url.Values{"ecosystem": {s.Site.Dialect.ID()}, "pattern": {pattern}})
	if err != nil {
		return drill.Result{}, err
	}
	p, err := thief.Get(ctx, "/orgs/"+org)
	if err != nil {
		return drill.Result{}, err
	}
	if strings.Contains(p.Body, pattern) {
		return drill.Harmed("from now on nobody but the thief takes new names in %s", pattern)
	}
	return drill.Stopped("%s", says.Text())
}

// victim is somebody with a package, and the administrator in front of an
// unlocked machine.
func victim(ctx context.Context, s *drill.Scene) (admin, p *drill.Person, name string, err error) {
	name = s.Name("package")
	if p, err = s.Somebody(ctx, drill.Passkey); err != nil {
		return nil, nil, name, err
	}
	if err = s.Publishes(ctx, p, name); err != nil {
		return nil, nil, name, err
	}
	if admin, err = s.Person(ctx, drill.Admin, drill.Passkey); err != nil {
		return nil, nil, name, err
	}
	return admin, p, name, admin.Confirms(ctx)
}

// alone asks, and agrees with itself.
func alone(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	admin, p, _, err := victim(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	reason := "drill " + s.Name("reason")
	if _, err := drill.Want(admin.Open(ctx, "/admin/glass", "/admin/glass", url.Values{"account": {p.Name}, "reason": {reason}})); err != nil {
		return drill.Result{}, err
	}
	journal, err := drill.Want(admin.Get(ctx, "/admin/journal"))
	if err != nil {
		return drill.Result{}, err
	}
	id := regexp.MustCompile(`([\w-]{14}): ` + regexp.QuoteMeta(reason)).FindStringSubmatch(journal.Body)
	if id == nil {
		return drill.Harmed("whoever asks to act for %s leaves no line in the journal", p.Name)
	}
	says, err := admin.Post(ctx, "/admin/glass/"+id[1]+"/agree", nil)
	if err != nil {
		return drill.Result{}, err
	}
	page, err := drill.Want(admin.Get(ctx, "/admin/glass"))
	if err != nil {
		return drill.Result{}, err
	}
	if strings.Contains(page.Body, "--override "+id[1]) {
		return drill.Harmed("one administrator alone may make a token of %s", p.Name)
	}
	return drill.Stopped("%s", says.Text())
}

// owner invites the thief to a package that is somebody else's.
func owner(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	admin, _, name, err := victim(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	thief, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	at := drill.PageOf(s.Site.Dialect.ID(), name)
	says, err := drill.Try(ctx, admin.Browser, at+"/settings", at+"/people/invite",
		url.Values{"user": {thief.Name}, "rights": {"publish", "people", "settings"}})
	if err != nil {
		return drill.Result{}, err
	}
	return invited(ctx, thief, name, says)
}

func invited(ctx context.Context, thief *drill.Person, name string, says visit.Page) (drill.Result, error) {
	p, err := drill.Want(thief.Get(ctx, "/invitations"))
	if err != nil {
		return drill.Result{}, err
	}
	if strings.Contains(p.Body, name) {
		return drill.Harmed("the thief accepts and owns %s; its owner was not asked", name)
	}
	return drill.Stopped("%s", says.Text())
}
