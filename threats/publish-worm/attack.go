// Package publishworm lets a program that found a token release everywhere that
// the token reaches.
package publishworm

import (
	"context"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. The worm asks what else the victim maintains and adds
// itself to each; how far it gets is the result.
var Attacks = []drill.Attack{
	attack("a token of one package's pipeline", drill.Rules{}, one),
	attack("a token for everything, where releases need two people", drill.Rules{TwoPeople: true}, everything(0)),
	attack("a token for everything, where build jobs alone publish", drill.Rules{TrustedOnly: true}, everything(0)),
	attack("a token for everything, eight days after it was made", drill.Rules{}, everything(8*24*time.Hour)),
}

// packages is how many a victim maintains.
const packages = 5

// host is a victim of the worm with all that they maintain.
type host struct {
	*drill.Scene
	kind  string
	owner *drill.Person
	names []string
}

func attack(name string, rules drill.Rules, play func(context.Context, host) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		h := host{Scene: s, kind: s.Site.Dialect.ID()}
		var err error
		if h.owner, err = s.Somebody(ctx, drill.Passkey); err != nil {
			return drill.Result{}, err
		}
		for range packages {
			name := s.Name("worm")
			if err := s.Publishes(ctx, h.owner, name); err != nil {
				return drill.Result{}, err
			}
			if rules != (drill.Rules{}) {
				if err := h.owner.Rule(ctx, h.kind, name, rules); err != nil {
					return drill.Result{}, err
				}
			}
			h.names = append(h.names, name)
		}
		return play(ctx, h)
	}}
}

// one is a worm that found the token of one package: that one is lost, and no
// other may be.
func one(ctx context.Context, h host) (drill.Result, error) {
	token, err := h.owner.Token(ctx, h.kind, h.names[0], 7)
	if err != nil {
		return drill.Result{}, err
	}
	return spread(ctx, h, token, h.names[1:])
}

func everything(later time.Duration) func(context.Context, host) (drill.Result, error) {
	return func(ctx context.Context, h host) (drill.Result, error) {
		token, err := h.Token(ctx, h.owner.Name, "publish:*")
		if err != nil {
			return drill.Result{}, err
		}
		if later > 0 {
			if err := h.Later(ctx, later); err != nil {
				return drill.Result{}, err
			}
		}
		return spread(ctx, h, token, h.names)
	}
}

// spread adds the worm to each package.
func spread(ctx context.Context, h host, token visit.Credential, names []string) (last drill.Result, err error) {
	carry := 0
	for _, name := range names {
		if last, err = h.Reach(ctx, token, visit.Upload{Name: name, Version: "1.0.1", Canary: "worm"}, "a worm"); err != nil {
			return last, err
		}
		if last.Harm != "" {
			carry++
		}
	}
	if carry > 0 {
		return drill.Harmed("the worm is in %d of %d packages that its victim maintains, and so goes to all who install them", carry, len(names))
	}
	return last, nil
}
