// Package packagesaleorcoercion hands a package to somebody else, by the proper
// way, because its owner was paid or forced.
package packagesaleorcoercion

import (
	"context"
	"errors"
	"strings"

	"bonded.dev/prove/drill"
)

// Attacks play the threat. Seller and buyer both do what they are asked to.
var Attacks = []drill.Attack{
	attack("the buyer releases within the hour", hour),
	attack("a co-owner who was not asked", coowner),
	attack("the buyer releases after the wait, and nobody can see that hands changed", unseen),
}

// sale is a package that was offered and accepted.
type sale struct {
	*drill.Scene
	kind, name           string
	seller, other, buyer *drill.Person
}

func attack(name string, play func(context.Context, *sale) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		d := &sale{Scene: s, kind: s.Site.Dialect.ID(), name: s.Name("sold")}
		var err error
		for _, p := range []**drill.Person{&d.seller, &d.other, &d.buyer} {
			if *p, err = s.Somebody(ctx, drill.Passkey); err != nil {
				return drill.Result{}, err
			}
		}
		if err := s.Publishes(ctx, d.seller, d.name); err != nil {
			return drill.Result{}, err
		}
		if err := s.Shares(ctx, d.seller, d.other, d.name, drill.EveryRight...); err != nil {
			return drill.Result{}, err
		}
		// Who came a moment ago has less to say than who was there before.
		if err := s.Later(ctx, drill.Hold); err != nil {
			return drill.Result{}, err
		}
		if d.seller, err = s.Person(ctx, d.seller.Name, drill.Passkey); err != nil {
			return drill.Result{}, err
		}
		if d.buyer, err = s.Person(ctx, d.buyer.Name, drill.Passkey); err != nil {
			return drill.Result{}, err
		}
		if err := d.seller.Confirms(ctx); err != nil {
			return drill.Result{}, err
		}
		if _, err := drill.Want(drill.Offer(ctx, d.seller.Browser, d.kind, d.name, d.buyer.Name)); err != nil {
			return drill.Result{}, err
		}
		if err := d.buyer.MustAccept(ctx); err != nil {
			return drill.Result{}, err
		}
		if err := s.Due(ctx); err != nil {
			return drill.Result{}, err
		}
		return play(ctx, d)
	}}
}

// release publishes as the buyer.
func (d *sale) release(ctx context.Context) (drill.Result, error) {
	if err := d.buyer.Confirms(ctx); err != nil {
		return drill.Result{}, err
	}
	as, page, err := drill.MakesToken(ctx, d.buyer.Browser, d.kind, d.name)
	if err != nil {
		return drill.Result{}, err
	}
	return d.Takes(ctx, as, page, d.name, "1.1.0", "a package that was bought")
}

// waited is the day on which a transfer is due.
func (d *sale) waited(ctx context.Context) (err error) {
	if err := errors.Join(d.Later(ctx, drill.Hold), d.Due(ctx)); err != nil {
		return err
	}
	d.buyer, err = d.Person(ctx, d.buyer.Name, drill.Passkey)
	return err
}

func hour(ctx context.Context, d *sale) (drill.Result, error) {
	r, err := d.release(ctx)
	if err == nil && r.Harm == "" {
		r.Stopped = "the transfer waits, and the package is not the buyer's yet [credential-change-hold]"
	}
	return r, err
}

// coowner hears of it by mail, and ends it.
func coowner(ctx context.Context, d *sale) (drill.Result, error) {
	told, err := d.Told(ctx, d.other, d.name, "/changes/")
	if err != nil {
		return drill.Result{}, err
	}
	if told {
		visitor, err := d.Visitor(ctx)
		if err != nil {
			return drill.Result{}, err
		}
		var late drill.Refused
		if _, err := d.other.Cancels(ctx, visitor); err != nil && !errors.As(err, &late) {
			return drill.Result{}, err
		}
	}
	if err := d.waited(ctx); err != nil {
		return drill.Result{}, err
	}
	r, err := d.release(ctx)
	if err == nil && r.Harm == "" {
		r.Stopped = "the other owner had a mail, and cancelled it [credential-change-hold]"
	}
	return r, err
}

// unseen is a sale that everybody agreed to. What is left is that people who
// install the package can know.
func unseen(ctx context.Context, d *sale) (drill.Result, error) {
	if err := d.waited(ctx); err != nil {
		return drill.Result{}, err
	}
	r, err := d.release(ctx)
	if err != nil {
		return r, err
	}
	if r.Harm == "" {
		return r, errors.New("a transfer that everybody agreed to did not happen: " + r.Stopped)
	}
	visitor, err := d.Visitor(ctx)
	if err != nil {
		return r, err
	}
	page, err := drill.Want(visitor.Get(ctx, drill.PageOf(d.kind, d.name)+"/releases/1.1.0"))
	if err != nil {
		return r, err
	}
	if !strings.Contains(page.Body, "after the owners of this package changed") {
		return drill.Harmed("whoever looks at %s 1.1.0 cannot see that its owners are others than before", d.name)
	}
	return drill.Stopped("everybody sees at the release that the owners changed [transfer-policy]")
}
