package drill

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"bonded.dev/prove/visit"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

// Admin is an administrator of the repository, besides the actors of a dialect.
const Admin = "admin"

// Kit is what a person has to show who they are.
type Kit int

const (
	Passkey Kit = iota // a passkey and recovery codes
	Codes              // a password, an authenticator app and recovery codes
	Weak               // a password and recovery codes; who refuses that has an error [Refused]
)

// Person is somebody with an account, in front of a browser of their own,
// signed in. What they know stands here, so that an attack can say which part
// of it was stolen.
type Person struct {
	*visit.Browser
	Name     string
	Email    string
	Password string        // of the kits Codes and Weak
	App      func() string // what the authenticator app shows now, of the kit Codes
	Recovery []string      // recovery codes that are left
	// Inbox is every mail that came so far.
	Inbox func() []Mail
}

// Mail is a mail as it lies in an inbox.
type Mail struct {
	To, Subject, Text string
}

// LinkIn is the path of the newest link to the repository in some mails that
// begins with a path, such as "recover/".
func LinkIn(mails []Mail, begin string) (path string, ok bool) {
	for _, m := range slices.Backward(mails) {
		for word := range strings.FieldsSeq(m.Text) {
			u, err := url.Parse(word)
			if err == nil && u.Host != "" && strings.HasPrefix(u.Path, "/"+begin) {
				return u.RequestURI(), true
			}
		}
	}
	return "", false
}

// postTime is how long a mail that is sent beside an answer may take.
const postTime = time.Second

// Posted waits for a mail with such a link, of those that came after the first n.
func (p *Person) Posted(ctx context.Context, n int, begin string) (path string, ok bool) {
	end := time.After(postTime)
	for {
		if mails := p.Inbox(); len(mails) > n {
			if path, ok = LinkIn(mails[n:], begin); ok {
				return path, true
			}
		}
		select {
		case <-ctx.Done():
			return "", false
		case <-end:
			return "", false
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// People is what stands around a victim whose accounts are attacked: persons,
// build platforms, registrars of domains.
type People interface {
	// Person is an actor with an account, who was just enrolled with the kit and
	// is signed in; asked again, the same person with another browser, signed in
	// anew.
	Person(ctx context.Context, actor string, kit Kit) (*Person, error)
	// Visitor is a browser of somebody who is nobody here.
	Visitor(ctx context.Context) (*visit.Browser, error)
	// Issuer is a build platform that the victim trusts.
	Issuer(ctx context.Context) (*Issuer, error)
	// Lapse lets the domain of an e-mail address fall into other hands, and the
	// victim's daily work be done.
	Lapse(ctx context.Context, domain string) error
	// Due lets the victim do what has fallen due: changes that waited, mails.
	Due(ctx context.Context) error
}

// Issuer is a build platform (OpenID Connect) that signs who its jobs are.
type Issuer struct {
	URL string

	mu     sync.Mutex
	now    func() time.Time
	server *oidctest.Server
	key    *ecdsa.PrivateKey
	id     int
	down   bool
}

// ListenIssuer answers as a build platform on loopback; now is its clock.
func ListenIssuer(ctx context.Context, now func() time.Time) (i *Issuer, stop func(), err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("playing a build platform: %w", err)
	}
	i = &Issuer{URL: "http://" + l.Addr().String(), now: now, server: &oidctest.Server{Algorithms: []string{"ES256"}}}
	i.server.SetIssuer(i.URL)
	if err := i.Rotate(); err != nil {
		return nil, nil, err
	}
	s := &http.Server{Handler: i, ReadHeaderTimeout: time.Minute}
	go s.Serve(l) //nolint:errcheck // it ends with stop
	return i, func() { s.Close() }, nil
}

// Rotate signs with a new key from now on; the old one is not shown any more.
func (i *Issuer) Rotate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.id++
	i.key = key
	i.server.PublicKeys = []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: fmt.Sprint(i.id), Algorithm: "ES256"}}
	return nil
}

// Down makes the platform unreachable, or reachable again.
func (i *Issuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return
	}
	i.server.ServeHTTP(w, r)
}

// Mint signs an identity token. Times, issuer and a token id are filled in
// where the claims do not say them.
func (i *Issuer) Mint(claims map[string]any) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	all := map[string]any{"iss": i.URL, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": rand.Text()}
	for k, v := range claims {
		all[k] = v
	}
	b, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	return oidctest.SignIDToken(i.key, fmt.Sprint(i.id), "ES256", string(b)), nil
}
