// Package drill plays attacks against a repository, over HTTP and as an
// attacker would.
//
//	Attack   one way to do harm: it says what somebody lost, or who stopped it
//	Victim   the repository it is played against, and the actors around it
//	Scene    what an attack gets: the victim's sites, credentials, a clock
//	Run      plays every plan and reports
//
// An attack knows no control: it is harmed or it is not. Which control stopped
// it is read from the refusal, and shown by Teeth: with all its controls out
// the victim must be harmed, with each single one in it must not be.
package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bonded.dev/prove/visit"
)

// Attack is one way in which a threat is played.
type Attack struct {
	// Name says what is done, in a few words: "the same version again, with
	// other bytes".
	Name string
	// Kinds are the dialects in which it makes sense; empty: every one.
	Kinds []string
	// Accounts says that it is played against persons whom the victim lets the
	// drill make. A repository of somebody else is not asked for them.
	Accounts bool
	// Play does it once. An error is "could not find out", except one that
	// wraps [ErrNeeds]: then it was not played here, and the error says why.
	Play func(ctx context.Context, s *Scene) (Result, error)
}

// Result is what came of an attack.
type Result struct {
	// Harm says who lost what; empty when nobody did.
	Harm string
	// Stopped is what the attacker was told, or what stopped it otherwise.
	Stopped string
}

// Harmed is the result of an attack that did harm.
func Harmed(format string, args ...any) (Result, error) {
	return Result{Harm: fmt.Sprintf(format, args...)}, nil
}

// Stopped is the result of an attack that came to nothing.
func Stopped(format string, args ...any) (Result, error) {
	return Result{Stopped: fmt.Sprintf(format, args...)}, nil
}

// ErrNeeds says that an attack cannot be played against this victim.
var ErrNeeds = errors.New("not played")

// Needs is an error that wraps [ErrNeeds] and says what is missing.
func Needs(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrNeeds}, args...)...)
}

// The actors. Their accounts may publish new names, unless the victim says
// otherwise; none of them is an administrator.
const (
	Owner    = "owner"    // who publishes what is attacked
	Stranger = "stranger" // an account with rights of its own, the attacker's
)

// Victim is a repository under attack and what stands around it.
type Victim interface {
	// Sites are the dialects it speaks, first the one that was asked for.
	Sites() []*visit.Site
	// Credential is an actor's ordinary credential.
	Credential(ctx context.Context, actor string) (visit.Credential, error)
	// Token is a credential of an actor that may do no more than the scopes
	// say: "publish:npm/NAME". A foreign victim has those it was given.
	Token(ctx context.Context, actor string, scopes ...string) (visit.Credential, error)
	// Later turns the victim's clock.
	Later(ctx context.Context, d time.Duration) error
	// Verify lets a verifying client look at the repository through url and
	// says what it objects to; nil when it accepts all it sees.
	Verify(ctx context.Context, url string) error
	// Scanner makes the victim's intake run into a scanner that crashes on what
	// carries the mark.
	Scanner(ctx context.Context, mark string) error
	// Origin is the URL under which a pull-through repository asks its
	// upstream; the attack answers there. Only for victims that have one.
	Origin(ctx context.Context) (*Origin, error)
	People
	Close() error
}

// Scene is one attack's view of its victim.
type Scene struct {
	Victim
	// Site is the dialect in which the attack is played.
	Site *visit.Site
	seed string
	n    int
}

// NewScene sets the stage for one attack; seed makes its names unique.
func NewScene(v Victim, s *visit.Site, seed string) *Scene {
	return &Scene{Victim: v, Site: s, seed: seed}
}

// Name is a package name that nobody used before: lower-case letters, digits
// and dashes, which every dialect takes.
func (s *Scene) Name(hint string) string {
	s.n++
	return fmt.Sprintf("drill-%s-%s%d", s.seed, hint, s.n)
}

// Other is another dialect of the same victim.
func (s *Scene) Other() (*visit.Site, error) {
	for _, o := range s.Sites() {
		if o.Dialect.ID() != s.Site.Dialect.ID() {
			return o, nil
		}
	}
	return nil, Needs("a repository that speaks two dialects")
}

// Publish sends what an actor publishes honestly; a refusal is an error,
// because then there is nothing to attack.
func (s *Scene) Publish(ctx context.Context, actor string, up visit.Upload) error {
	as, err := s.Credential(ctx, actor)
	if err != nil {
		return err
	}
	a, err := s.Site.Publish(ctx, as, up)
	switch {
	case errors.Is(err, visit.ErrNotSpoken):
		return Needs("a repository that takes uploads over HTTP")
	case err != nil:
		return fmt.Errorf("publishing %s %s: %w", up.Name, up.Version, err)
	case !a.Taken():
		return fmt.Errorf("publishing %s %s, which is honest: %s", up.Name, up.Version, a)
	}
	return nil
}

// Attempt sends what an actor should not get through.
func (s *Scene) Attempt(ctx context.Context, actor string, up visit.Upload) (visit.Answer, error) {
	as, err := s.Credential(ctx, actor)
	if err != nil {
		return visit.Answer{}, err
	}
	a, err := s.Site.Publish(ctx, as, up)
	if errors.Is(err, visit.ErrNotSpoken) {
		return a, Needs("%s", err)
	}
	return a, err
}

// Bytes fetches the files of a release as an installing client does, by the
// index, one after the other; nil when the index does not list the version.
func (s *Scene) Bytes(ctx context.Context, name, version string) ([][]byte, error) {
	p, err := s.Site.Package(ctx, name)
	if errors.Is(err, visit.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := p.Release(version)
	if r == nil {
		return nil, nil
	}
	var all [][]byte
	for _, f := range r.Files {
		res, err := s.Site.Fetch(ctx, f)
		if err != nil {
			return nil, err
		}
		if res.OK() {
			all = append(all, res.Body)
		}
	}
	return all, nil
}
