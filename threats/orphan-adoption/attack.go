// Package orphanadoption asks for packages that nobody looks after, or that
// somebody does.
package orphanadoption

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bonded.dev/prove/drill"
)

// Attacks play the threat. The thief has an account and waits as long as it takes.
var Attacks = []drill.Attack{
	attack("a package that had a release last month", month, false, false),
	attack("an orphan, and nobody agrees", year, false, false),
	attack("an orphan whose owner is still there", year, true, true),
	{Name: "five orphans in an hour", Kinds: []string{"npm"}, Accounts: true, Play: bulk},
}

const (
	month = 31 * 24 * time.Hour
	year  = 13 * month
)

// scene is an adoption: who has the package, and who wants it.
type scene struct {
	*drill.Scene
	kind         string
	owner, thief *drill.Person
	name         string
}

func attack(name string, quiet time.Duration, agreed, cancelled bool) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		sc, err := orphan(ctx, s, quiet)
		if err != nil {
			return drill.Result{}, err
		}
		page, err := drill.Adopt(ctx, sc.thief.Browser, sc.kind, sc.name)
		if err != nil {
			return drill.Result{}, err
		}
		said := drill.Told(page)
		if agreed && page.Status < 400 {
			if err := sc.agree(ctx); err != nil {
				return drill.Result{}, err
			}
		}
		if cancelled {
			told, err := sc.cancel(ctx)
			if err != nil {
				return drill.Result{}, err
			}
			if told {
				said = "the owner had a mail, and cancelled it [credential-change-hold]"
			}
		}
		return sc.wait(ctx, said)
	}}
}

// orphan is a package that had its last release so long ago.
func orphan(ctx context.Context, s *drill.Scene, quiet time.Duration) (sc scene, err error) {
	sc = scene{Scene: s, kind: s.Site.Dialect.ID(), name: s.Name("orphan")}
	if sc.owner, err = s.Somebody(ctx, drill.Passkey); err != nil {
		return sc, err
	}
	if err := s.Publishes(ctx, sc.owner, sc.name); err != nil {
		return sc, err
	}
	if err := s.Later(ctx, quiet); err != nil {
		return sc, err
	}
	if sc.thief, err = s.Somebody(ctx, drill.Passkey); err != nil {
		return sc, err
	}
	return sc, sc.thief.Confirms(ctx)
}

// agree is an administrator who is taken in. Where nobody is asked to agree,
// there is nothing to do.
func (sc scene) agree(ctx context.Context) error {
	admin, err := sc.Person(ctx, drill.Admin, drill.Passkey)
	if err != nil {
		return err
	}
	if err := admin.Confirms(ctx); err != nil {
		return err
	}
	p, err := drill.Want(admin.Get(ctx, "/admin/adoptions"))
	if err != nil {
		return err
	}
	_, err = drill.Want(admin.Submit(ctx, p, "/agree", nil))
	return err
}

func (sc scene) cancel(ctx context.Context) (told bool, err error) {
	told, err = sc.Told(ctx, sc.owner, sc.name, "/changes/")
	if err != nil || !told {
		return false, err
	}
	visitor, err := sc.Visitor(ctx)
	if err != nil {
		return false, err
	}
	_, err = sc.owner.Cancels(ctx, visitor)
	var late drill.Refused
	if errors.As(err, &late) {
		return false, nil // it happened before the mail was read
	}
	return err == nil, err
}

// wait lets the time pass that an adoption takes, and then publishes.
func (sc scene) wait(ctx context.Context, said string) (drill.Result, error) {
	if err := errors.Join(sc.Later(ctx, month), sc.Due(ctx)); err != nil {
		return drill.Result{}, err
	}
	thief, err := sc.Person(ctx, sc.thief.Name, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	if err := thief.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	as, page, err := drill.MakesToken(ctx, thief.Browser, sc.kind, sc.name)
	if err != nil {
		return drill.Result{}, err
	}
	r, err := sc.Takes(ctx, as, page, sc.name, "1.1.0", "a package that they adopted")
	if err == nil && r.Harm == "" {
		r.Stopped = said + " [reviewed-adoption], and a month later the package is not theirs"
	}
	return r, err
}

// bulk is one account that asks for all it finds. How many requests are taken is
// what counts: people who review them have a day, too.
func bulk(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	const many, few = 5, 3
	owner, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	var names []string
	for range many {
		name := s.Name("orphan")
		if err := s.Publishes(ctx, owner, name); err != nil {
			return drill.Result{}, err
		}
		names = append(names, name)
	}
	if err := s.Later(ctx, year); err != nil {
		return drill.Result{}, err
	}
	thief, err := s.Somebody(ctx, drill.Passkey)
	if err != nil {
		return drill.Result{}, err
	}
	if err := thief.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	taken, said := 0, ""
	for _, name := range names {
		page, err := drill.Adopt(ctx, thief.Browser, s.Site.Dialect.ID(), name)
		if err != nil {
			return drill.Result{}, err
		}
		if page.Status < 400 {
			taken++
		} else {
			said = page.Text()
		}
	}
	switch {
	case taken == 0:
		return drill.Result{}, fmt.Errorf("no adoption can be asked for: %s", said)
	case taken > few:
		return drill.Harmed("one account asked for %d packages within an hour, and nobody slowed it down", taken)
	}
	return drill.Stopped("after %d: %s [reviewed-adoption]", taken, said)
}
