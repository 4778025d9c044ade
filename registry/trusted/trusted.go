// Package trusted is trusted publishing: a build job shows an identity token of
// its platform (OpenID Connect) and gets an upload token for its package, for
// minutes. No secret lies anywhere.
package trusted

import (
	"context"
	"errors"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

var errNotBuilt = errors.New("not built yet")

// Profile is how one kind of CI system names its jobs. Issuers without a
// profile of their own use "generic".
type Profile struct {
	ID     string // "github"
	Title  string // "GitHub Actions"
	Issuer string // URL; empty: the form asks for it
	Fields []Field
}

// Field is what a person says about a publisher.
type Field struct {
	Name     string // of the form
	Label    string
	Help     string
	Claim    string // that it is compared with
	Required bool
}

// Config is what a room is made of.
type Config struct {
	Book   *record.Book
	Keeper *identity.Keeper
	// Audience is what identity tokens must be made for: the host of the public URL.
	Audience string
	// Issuers are those that are taken; of a profile, or configured.
	Issuers []Issuer
	Now     func() time.Time
}

// Issuer is an OpenID Connect issuer that the administrator trusts.
type Issuer struct {
	URL     string `yaml:"url"`
	Profile string `yaml:"profile"` // empty: generic
}

// Room exchanges identity tokens.
type Room struct{ Config }

// New makes a room.
func New(c Config) *Room {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Room{Config: c}
}

// Profiles are those of the issuers that are taken.
func (r *Room) Profiles() []Profile { return nil }

// Add lets a job publish a package. For a name that nobody took it makes a
// pending publisher of the user, which expires. Whether the user may is the
// caller's to check with the right "settings".
func (r *Room) Add(ctx context.Context, user string, name bonded.Name, profile string, fields map[string]string) (record.Publisher, error) {
	return record.Publisher{}, errNotBuilt
}

// Remove ends a publisher and the tokens that it got.
func (r *Room) Remove(ctx context.Context, user, id string) error { return errNotBuilt }

// Of lists the publishers of a package; Pending those that a user made for
// names that nobody took yet.
func (r *Room) Of(ctx context.Context, name bonded.Name) ([]record.Publisher, error) {
	return nil, errNotBuilt
}
func (r *Room) Pending(ctx context.Context, user string) ([]record.Publisher, error) {
	return nil, errNotBuilt
}

// Exchange takes an identity token and returns an upload token for every
// package whose publisher it matches, or for only one. With digests (SHA-256,
// hexadecimal) it uploads these artifacts and no others. A token id (jti) is
// taken once. Errors are of kind Forbidden and name the claim.
func (r *Room) Exchange(ctx context.Context, jwt string, only *bonded.Name, digests []string) (identity.Secret, record.Token, error) {
	return identity.Secret{}, record.Token{}, errNotBuilt
}
