package drill

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"bonded.dev/prove/visit"
)

// Foreign is a repository that somebody else runs: there is no turning of its
// clock and no looking inside.
type Foreign struct {
	// Speaks are the dialects it was found to speak.
	Speaks []*visit.Site
	// Credentials are what each actor shows.
	Credentials map[string]visit.Credential
	// Tokens are narrow credentials, by actor and scopes with a blank between
	// each: "owner read:*".
	Tokens map[string]visit.Credential
	// Verifies is a client that verifies what it sees at a URL, as
	// [Victim].Verify; nil: there is none for this repository.
	Verifies func(ctx context.Context, url string) error
	// Upstream is where the repository asks for what it does not have; nil: it
	// asks nobody whom the drill could play.
	Upstream *Origin
}

var _ Victim = (*Foreign)(nil)

func (f *Foreign) Sites() []*visit.Site { return f.Speaks }

func (f *Foreign) Credential(_ context.Context, actor string) (visit.Credential, error) {
	c, ok := f.Credentials[actor]
	if !ok {
		return "", Needs("a credential for the %s", actor)
	}
	return c, nil
}

func (f *Foreign) Token(_ context.Context, actor string, scopes ...string) (visit.Credential, error) {
	c, ok := f.Tokens[strings.Join(append([]string{actor}, scopes...), " ")]
	if !ok {
		return "", Needs("a token of the %s that may do no more than %s", actor, strings.Join(scopes, " "))
	}
	return c, nil
}

func (f *Foreign) Later(context.Context, time.Duration) error {
	return Needs("a repository whose clock can be turned")
}

func (f *Foreign) Verify(ctx context.Context, url string) error {
	if f.Verifies == nil {
		return Needs("a client that verifies this repository")
	}
	return f.Verifies(ctx, url)
}

func (f *Foreign) Scanner(context.Context, string) error {
	return Needs("a hand on the repository's scanner")
}

func (f *Foreign) Origin(context.Context) (*Origin, error) {
	if f.Upstream == nil {
		return nil, Needs("the upstream of a repository that pulls through")
	}
	return f.Upstream, nil
}

// What stands around the accounts of a foreign repository is not ours to play.

func (f *Foreign) Person(context.Context, string, Kit) (*Person, error) {
	return nil, Needs("a repository whose accounts the drill may make")
}

func (f *Foreign) Visitor(context.Context) (*visit.Browser, error) {
	return nil, Needs("a repository whose pages the drill knows")
}

func (f *Foreign) Issuer(context.Context) (*Issuer, error) {
	return nil, Needs("a repository that trusts the drill's build platform")
}

func (f *Foreign) Lapse(context.Context, string) error {
	return Needs("a hand on the domains of a repository's accounts")
}

func (f *Foreign) Due(context.Context) error {
	return Needs("a repository whose clock can be turned")
}

func (f *Foreign) Close() error { return nil }

// ListenOrigin answers on address, HOST:PORT, for an upstream. stop ends it.
func ListenOrigin(ctx context.Context, address string) (o *Origin, stop func(), err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("listening as the upstream: %w", err)
	}
	o = &Origin{URL: "http://" + l.Addr().String() + "/"}
	server := &http.Server{Handler: o, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with Close
	}()
	return o, func() {
		server.Close()
		<-done
	}, nil
}

// ServeHTTP answers from the files; what is not there is 404.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := o.Answer(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error means that the client has gone
	}
}

// ErrBuiltIn says that a control cannot be taken out of a victim: it is how the
// repository is made.
var ErrBuiltIn = errors.New("is built in and cannot be taken out")

// BuiltIn is an error that names the control that [ErrBuiltIn] is about.
type BuiltIn struct{ Control string }

func (b BuiltIn) Error() string { return b.Control + " " + ErrBuiltIn.Error() }
func (b BuiltIn) Unwrap() error { return ErrBuiltIn }
