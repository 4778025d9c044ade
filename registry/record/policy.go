package record

import (
	"context"

	"bonded.dev"
)

// Policy returns how a package may be published; where nothing was asked for it
// is the zero Policy.
func (t *Tx) Policy(name bonded.Name) (p Policy, err error) {
	_, err = t.one("read how "+name.String()+" may be published",
		`SELECT trusted_only <> 0, two_person <> 0 FROM policy WHERE eco = $1 AND key = $2`,
		[]any{name.Ecosystem, name.Key}, &p.TrustedOnly, &p.TwoPerson)
	return p, err
}

// Policy is Tx.Policy in a transaction of its own.
func (b *Book) Policy(ctx context.Context, name bonded.Name) (p Policy, err error) {
	err = b.View(ctx, func(t *Tx) error {
		p, err = t.Policy(name)
		return err
	})
	return p, err
}

// SetPolicy says how a package may be published. What the public sees of it is
// the desk's to log, in the same transaction.
func (t *Tx) SetPolicy(name bonded.Name, p Policy) error {
	_, err := t.exec("say how "+name.String()+" may be published",
		`INSERT INTO policy (eco, key, trusted_only, two_person) VALUES ($1, $2, $3, $4)
		ON CONFLICT (eco, key) DO UPDATE SET trusted_only = excluded.trusted_only, two_person = excluded.two_person`,
		name.Ecosystem, name.Key, flag(p.TrustedOnly), flag(p.TwoPerson))
	return err
}

// Asked is what there is to settle when a name is claimed.
type Asked struct {
	Policy     bool // somebody said how it may be published
	Publishers bool // trusted publishers wait for it
	TwoPerson  bool // the organisation that takes it wants two people for each release
}

// Asked looks, in one round trip, for what there is to settle when a name is
// claimed, and an organisation takes it; org may name none.
func (t *Tx) Asked(name bonded.Name, org string) (a Asked, err error) {
	_, err = t.one("look what waits for "+name.String(),
		`SELECT EXISTS (SELECT 1 FROM policy WHERE eco = $1 AND key = $2), EXISTS (SELECT 1 FROM publisher WHERE eco = $1 AND key = $2),
			EXISTS (SELECT 1 FROM org WHERE name = $3 AND two_person <> 0)`,
		[]any{name.Ecosystem, name.Key, org}, &a.Policy, &a.Publishers, &a.TwoPerson)
	return a, err
}
