package identity

import (
	"context"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// Person is a user who acts on a page, without a token: what the user may do is
// all that counts. Fresh says that a passkey was shown within minutes.
type Person struct {
	Fresh  bool
	keeper *Keeper
	user   string
}

// Person returns a signed-in user as an actor.
func (k *Keeper) Person(user string, fresh bool) *Person {
	return &Person{Fresh: fresh, keeper: k, user: user}
}

// Name and User are the user's name.
func (p *Person) Name() string { return p.user }
func (p *Person) User() string { return p.user }

// Heir is who owns a new name that the user takes.
func (p *Person) Heir(ctx context.Context, name bonded.Name) (string, error) { return p.user, nil }

// May says if the user stands in the right relation to the name.
func (p *Person) May(ctx context.Context, action bonded.Action, name bonded.Name) error {
	return p.keeper.relation(ctx, p.user, action, name)
}

// Limits and Spend: a person has none.
func (p *Person) Limits(*bonded.Draft) error { return nil }
func (p *Person) Spend(*record.Tx) error     { return nil }
