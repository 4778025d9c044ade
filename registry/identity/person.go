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

// Heir is who owns a new name that the user takes: the organisation whose
// namespace it is in, else the user.
func (p *Person) Heir(ctx context.Context, name bonded.Name) (string, error) {
	return p.keeper.heir(ctx, p.user, "", name)
}

// May says if the user stands in the right relation to the name, and for what
// destroys or hands over, if a passkey was shown for it; also for moving tags of
// a package that its trusted publishers alone release, which no token may.
func (p *Person) May(ctx context.Context, action bonded.Action, name bonded.Name) error {
	r, err := p.keeper.relation(ctx, p.user, "", action, name)
	if err != nil {
		return err
	}
	confirm := action == bonded.ActTag && r.Policy.TrustedOnly
	switch action {
	case bonded.ActDelete, bonded.ActOwner, bonded.ActPolicy:
		confirm = true
	}
	if confirm && !p.Fresh {
		return bonded.Refusal(bonded.Unauthorized, "step-up", "to %s, show a passkey once more at account/confirm", phrase(action, name))
	}
	return nil
}

// Confirmed says that a passkey was shown within minutes. Having this method at
// all is what tells a person on a page from a token.
func (p *Person) Confirmed() bool { return p.Fresh }

// Limits and Spend: a person has none.
func (p *Person) Limits(*bonded.Draft) error { return nil }
func (p *Person) Spend(*record.Tx) error     { return nil }
