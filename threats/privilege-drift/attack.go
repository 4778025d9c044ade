// Package privilegedrift publishes with a right that was taken away.
package privilegedrift

import (
	"context"
	"net/url"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. Somebody had a right, used it, and lost it along one
// way; then they try the others.
var Attacks = []drill.Attack{
	attack("a token of somebody who was taken out of the team", leftover("/teams/"+team+"/take", false)),
	attack("a token of somebody who was taken out of the organisation", leftover("", false)),
	attack("... a new token, made in the session that they had", leftover("", true)),
	attack("a token of somebody who is no owner any more", removed),
	attack("an invitation by somebody who is no owner any more", invited),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: play}
}

const team = "release"

// staff is an organisation whose team may publish a package, and one of the team
// who has done so.
type staff struct {
	owner, former *drill.Person
	org, name     string
	token         visit.Credential
}

func hire(ctx context.Context, s *drill.Scene) (f staff, err error) {
	f.org, f.name = s.Name("org"), s.Name("drift")
	for _, p := range []**drill.Person{&f.owner, &f.former} {
		if *p, err = s.Somebody(ctx, drill.Passkey); err != nil {
			return f, err
		}
	}
	if err := s.Publishes(ctx, f.owner, f.name); err != nil {
		return f, err
	}
	at := "/orgs/" + f.org
	steps := []struct {
		at, action string
		fields     url.Values
	}{
		{"/orgs", "/orgs", url.Values{"name": {f.org}}},
		{at, at + "/teams", url.Values{"team": {team}}},
		{at, at + "/invite", url.Values{"user": {f.former.Name}, "as": {"team:" + team}}},
		{drill.PageOf(s.Site.Dialect.ID(), f.name) + "/settings", "/people/invite", url.Values{"user": {"@" + f.org + "/" + team}, "rights": {"publish"}}},
	}
	for _, step := range steps {
		if _, err := drill.Want(f.owner.Open(ctx, step.at, step.action, step.fields)); err != nil {
			return f, err
		}
	}
	for _, p := range []*drill.Person{f.former, f.owner} {
		if err := p.MustAccept(ctx); err != nil {
			return f, err
		}
	}
	return f, f.works(ctx, s)
}

// works lets the one who will leave publish honestly.
func (f *staff) works(ctx context.Context, s *drill.Scene) (err error) {
	var page visit.Page
	if f.token, page, err = drill.MakesToken(ctx, f.former.Browser, s.Site.Dialect.ID(), f.name); err != nil {
		return err
	}
	if done, a, err := s.Publishable(ctx, f.token, f.name, "1.1.0"); err != nil || !done {
		page.Body += a.String()
		return orRefused(err, page)
	}
	return nil
}

func orRefused(err error, page visit.Page) error {
	if err != nil {
		return err
	}
	return drill.Refused{Page: page}
}

// tries publishes with what is left.
func (f *staff) tries(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	done, a, err := s.Publishable(ctx, f.token, f.name, "1.2.0")
	if err != nil {
		return drill.Result{}, err
	}
	if done {
		return drill.Harmed("whoever installs %s gets a release of somebody who has left", f.name)
	}
	return drill.Stopped("%s", a)
}

func leftover(way string, anew bool) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		f, err := hire(ctx, s)
		if err != nil {
			return drill.Result{}, err
		}
		at := "/orgs/" + f.org
		fields := url.Values{"user": {f.former.Name}}
		from, action := at, at+way
		if way == "" {
			from = at + "/members/" + f.former.Name
			action = from + "/remove"
		}
		if _, err := drill.Want(f.owner.Open(ctx, from, action, fields)); err != nil {
			return drill.Result{}, err
		}
		if anew {
			as, page, err := drill.MakesToken(ctx, f.former.Browser, s.Site.Dialect.ID(), f.name)
			if err != nil || as == "" {
				return drill.Result{Stopped: page.Text()}, err
			}
			f.token = as
		}
		return f.tries(ctx, s)
	}
}

// owners is a package of two, one of whom leaves.
func owners(ctx context.Context, s *drill.Scene) (f staff, err error) {
	f.name = s.Name("drift")
	for _, p := range []**drill.Person{&f.owner, &f.former} {
		if *p, err = s.Somebody(ctx, drill.Passkey); err != nil {
			return f, err
		}
	}
	if err := s.Publishes(ctx, f.owner, f.name); err != nil {
		return f, err
	}
	if err := s.Shares(ctx, f.owner, f.former, f.name, drill.EveryRight...); err != nil {
		return f, err
	}
	return f, f.works(ctx, s)
}

// goes lets the former owner give up what they have; that is at once.
func (f *staff) goes(ctx context.Context, s *drill.Scene) error {
	at := drill.PageOf(s.Site.Dialect.ID(), f.name)
	_, err := drill.Want(f.former.Post(ctx, at+"/people/remove", url.Values{"principal": {f.former.Name}}))
	return err
}

func removed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	f, err := owners(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, drill.Hold); err != nil { // longer than owners are new
		return drill.Result{}, err
	}
	if f.former, err = s.Person(ctx, f.former.Name, drill.Passkey); err != nil {
		return drill.Result{}, err
	}
	if err := f.goes(ctx, s); err != nil {
		return drill.Result{}, err
	}
	return f.tries(ctx, s)
}

// invited is somebody whom the former owner invited before they went.
func invited(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	f, err := owners(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	friend, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	at := drill.PageOf(s.Site.Dialect.ID(), f.name)
	if _, err := drill.Want(f.former.Open(ctx, at+"/settings", "/people/invite", url.Values{"user": {friend.Name}, "rights": {"publish"}})); err != nil {
		return drill.Result{}, err
	}
	if err := f.goes(ctx, s); err != nil {
		return drill.Result{}, err
	}
	page, err := friend.Open(ctx, "/invitations", "/accept", nil)
	if err != nil {
		return drill.Result{}, err
	}
	if page.Status >= 400 {
		return drill.Stopped("%s [roles]", page.Text())
	}
	f.former = friend
	if f.token, page, err = drill.MakesToken(ctx, friend.Browser, s.Site.Dialect.ID(), f.name); err != nil || f.token == "" {
		return drill.Result{Stopped: page.Text()}, err
	}
	return f.tries(ctx, s)
}
