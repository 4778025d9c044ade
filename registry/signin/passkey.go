package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Named is a public URL as people open it: browsers bind passkeys to a host
// name, so a loopback address, which the URL is by default, is localhost there.
// Every other URL stays as it is.
func Named(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return base
	}
	port := u.Port()
	u.Host = "localhost"
	if port != "" {
		u.Host += ":" + port
	}
	return u.String()
}

// openKeys prepares WebAuthn (W3C Web Authentication, level 3) for the public
// URL. Its relying party id is the host of the URL, which has to be a name; see
// Named.
func (r *Room) openKeys() error {
	u, err := url.Parse(Named(r.URL))
	if err != nil {
		return fmt.Errorf("signin: read the public URL: %w", err)
	}
	id := u.Hostname()
	if id == "" || net.ParseIP(id) != nil {
		r.noKeys = bonded.Errorf(bonded.Unsupported,
			"there are no passkeys at a bare address such as %s: browsers bind them to a host name; the administrator gives the repository one with --url", r.URL)
		return nil
	}
	r.origin = u.Scheme + "://" + u.Host
	r.keys, err = webauthn.New(&webauthn.Config{
		RPID: id, RPDisplayName: id, RPOrigins: []string{r.origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		// Some password managers answer what nobody asked; nothing of it is used.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return fmt.Errorf("signin: %w", err)
	}
	return nil
}

// Origin is where pages have to be opened for passkeys to work, such as
// "https://packages.example.org"; empty: nowhere.
func (r *Room) Origin() string { return r.origin }

// challenge is what a ceremony keeps of a WebAuthn challenge.
type challenge struct {
	Data    webauthn.SessionData `json:"data"`
	Session string               `json:"session,omitempty"` // that it is bound to
}

// person is a user as WebAuthn sees them.
type person struct {
	handle []byte
	name   string
	keys   []record.Passkey
	creds  []webauthn.Credential
}

func (p *person) WebAuthnID() []byte                         { return p.handle }
func (p *person) WebAuthnName() string                       { return p.name }
func (p *person) WebAuthnDisplayName() string                { return p.name }
func (p *person) WebAuthnCredentials() []webauthn.Credential { return p.creds }

// person reads a user's passkeys. The handle, which authenticators store, is a
// MAC of the name, so that a lost one names nobody.
func (r *Room) person(tx *record.Tx, user string) (*person, error) {
	keys, err := tx.Passkeys(user)
	if err != nil {
		return nil, err
	}
	p := &person{handle: keyed(r.handles, user), name: user}
	return p, p.take(keys)
}

func (p *person) take(keys []record.Passkey) error {
	p.keys, p.creds = keys, nil
	for _, k := range keys {
		var c webauthn.Credential
		if err := json.Unmarshal(k.Body, &c); err != nil {
			return fmt.Errorf("read a passkey of %s: %w", p.name, err)
		}
		p.creds = append(p.creds, c)
	}
	return nil
}

// BeginPasskey begins a sign-in with a passkey alone: options are the JSON of
// PublicKeyCredentialRequestOptions, secret continues it. The browser looks for
// a passkey by itself, so nobody says who they are.
func (r *Room) BeginPasskey(ctx context.Context, v Visit) (options []byte, secret string, err error) {
	if r.keys == nil {
		return nil, "", r.noKeys
	}
	if err := r.ofNetwork(ctx, "passkey", v.Network, networkBegins); err != nil {
		return nil, "", err
	}
	ask, data, err := r.keys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", fmt.Errorf("begin a sign-in with a passkey: %w", err)
	}
	return r.beginChallenge(ctx, kindPasskey, "", challenge{Data: *data}, ask.Response)
}

func (r *Room) beginChallenge(ctx context.Context, kind, user string, c challenge, ask any) (options []byte, secret string, err error) {
	if options, err = json.Marshal(ask); err != nil {
		return nil, "", fmt.Errorf("ask for a passkey: %w", err)
	}
	secret, err = r.beginNow(ctx, kind, user, c, challengeLife)
	return options, secret, err
}

// FinishPasskey ends a sign-in with a passkey alone.
func (r *Room) FinishPasskey(ctx context.Context, secret string, response []byte, v Visit) (SignedIn, error) {
	var c challenge
	if r.keys == nil {
		return SignedIn{}, r.noKeys
	}
	if _, err := r.takeNow(ctx, kindPasskey, secret, &c); err != nil {
		return SignedIn{}, err
	}
	shown, err := parseShown(response)
	if err != nil {
		return SignedIn{}, err
	}
	var p *person
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		key, found, err := tx.PasskeyByID(shown.RawID)
		if err == nil && !found {
			return bonded.Errorf(bonded.Unauthorized, "this repository does not know the passkey; it may have been removed; use another one")
		}
		if err == nil {
			p, err = r.person(tx, key.User)
		}
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	_, cred, err := r.keys.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return p, nil }, c.Data, shown)
	if err != nil {
		return SignedIn{}, r.notProven(err)
	}
	return r.enter(ctx, p, cred, entry{user: p.name, kind: full, factors: []string{"passkey"}, visit: v})
}

// enter makes the session of a sign-in that a passkey ended.
func (r *Room) enter(ctx context.Context, p *person, cred *webauthn.Credential, e entry) (in SignedIn, err error) {
	if err := r.unique(ctx, p, cred); err != nil {
		return in, err
	}
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		key, err := r.use(tx, p, cred)
		if err != nil {
			return err
		}
		e.proven = cred.Flags.UserVerified && !key.Counts.After(r.Now())
		in, err = r.open(tx, e)
		return err
	})
	return in, err
}

// unique refuses a passkey whose counter went back: two authenticators have it.
func (r *Room) unique(ctx context.Context, p *person, cred *webauthn.Credential) error {
	if !cred.Authenticator.CloneWarning {
		return nil
	}
	key := p.key(cred.ID)
	err := r.Book.Update(ctx, func(tx *record.Tx) error { return r.note(tx, p.name, "passkey.copy", key.Label) })
	if err != nil {
		return err
	}
	return bonded.Errorf(bonded.Unauthorized,
		"this passkey counted backwards, so there may be a copy of it; it was not accepted; use another one, and remove this one")
}

func (p *person) key(id []byte) record.Passkey {
	for _, k := range p.keys {
		if string(k.ID) == string(id) {
			return k
		}
	}
	return record.Passkey{}
}

// use writes down what a passkey counted to.
func (r *Room) use(tx *record.Tx, p *person, cred *webauthn.Credential) (record.Passkey, error) {
	key := p.key(cred.ID)
	body, err := json.Marshal(cred)
	if err != nil {
		return key, fmt.Errorf("keep a passkey: %w", err)
	}
	used, err := tx.UsePasskey(key.ID, key.Body, body, r.Now())
	if err == nil && !used {
		err = bonded.Errorf(bonded.Conflict, "this passkey was used somewhere else at the same moment; try again")
	}
	return key, err
}

// BeginKey goes on with a passkey as the second factor.
func (r *Room) BeginKey(ctx context.Context, secret string) (options []byte, err error) {
	if r.keys == nil {
		return nil, r.noKeys
	}
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		var b between
		c, err := r.look(tx, kindSignIn, secret, &b)
		if err != nil {
			return err
		}
		p, err := r.person(tx, c.User)
		if err != nil {
			return err
		}
		if len(p.keys) == 0 {
			return bonded.Errorf(bonded.Invalid, "this account has no passkey; use a code")
		}
		ask, data, err := r.keys.BeginLogin(p, webauthn.WithUserVerification(protocol.VerificationPreferred))
		if err != nil {
			return fmt.Errorf("ask for a passkey: %w", err)
		}
		if options, err = json.Marshal(ask.Response); err != nil {
			return fmt.Errorf("ask for a passkey: %w", err)
		}
		b.Key = data
		return r.put(tx, c, b)
	})
	return options, err
}

// FinishKey ends a sign-in with password and passkey. One that does not verify
// ends the sign-in as well: a challenge is never shown twice.
func (r *Room) FinishKey(ctx context.Context, secret string, response []byte, v Visit) (SignedIn, error) {
	if r.keys == nil {
		return SignedIn{}, r.noKeys
	}
	var b between
	c, err := r.takeNow(ctx, kindSignIn, secret, &b)
	if err != nil {
		return SignedIn{}, err
	}
	if b.Key == nil {
		return SignedIn{}, bonded.Errorf(bonded.Invalid, "no passkey was asked for; begin again")
	}
	p, cred, err := r.verify(ctx, c.User, *b.Key, response)
	if err != nil {
		return SignedIn{}, err
	}
	return r.enter(ctx, p, cred, entry{user: p.name, kind: full, factors: append(b.Factors, "passkey"), visit: v})
}

// verify holds an answer against a challenge that was made for a user.
func (r *Room) verify(ctx context.Context, user string, data webauthn.SessionData, response []byte) (p *person, cred *webauthn.Credential, err error) {
	shown, err := parseShown(response)
	if err != nil {
		return nil, nil, err
	}
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		p, err = r.person(tx, user)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if cred, err = r.keys.ValidateLogin(p, data, shown); err != nil {
		return nil, nil, r.notProven(err)
	}
	return p, cred, nil
}

const maxResponse = 64 << 10 // bytes; a good one has less than two thousand

// parseShown reads what a browser answered, once as the library does and before
// that as a document in which no name stands twice.
func parseShown(response []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if err := readable(response); err != nil {
		return nil, err
	}
	shown, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, &bonded.Error{Kind: bonded.Invalid, Public: "what the browser sent is no answer of a passkey; try again", Err: private(err)}
	}
	return shown, nil
}

func readable(response []byte) error {
	if len(response) > maxResponse || !jsontext.Value(response).IsValid() {
		return bonded.Errorf(bonded.Invalid, "what the browser sent is not readable; try again")
	}
	return nil
}

// notProven keeps from whoever failed why a proof was not accepted, but for the
// one reason that an honest person meets.
func (r *Room) notProven(err error) error {
	return &bonded.Error{Kind: bonded.Unauthorized, Err: private(err),
		Public: "the passkey was not accepted; open the page at " + r.origin + " and try again"}
}

// private says in our log what the library found.
func private(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %s (%s)", e.Type, e.Details, e.DevInfo)
	}
	return err
}

// BeginStepUp begins a proof of presence with a passkey, bound to the session.
func (r *Room) BeginStepUp(ctx context.Context, s *Session) (options []byte, secret string, err error) {
	if r.keys == nil {
		return nil, "", r.noKeys
	}
	var p *person
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		if p, err = r.person(tx, s.User); err != nil {
			return err
		}
		var counting []record.Passkey
		var first time.Time
		for _, k := range p.keys {
			if !k.Counts.After(r.Now()) {
				counting = append(counting, k)
			} else if first.IsZero() || k.Counts.Before(first) {
				first = k.Counts
			}
		}
		switch {
		case len(p.keys) == 0:
			return stepUp("this needs a passkey, and the account has none: add one on its security page")
		case len(counting) == 0:
			return stepUp("the passkey was added by a session that had shown none, so it confirms nothing before " + moment(first))
		}
		return p.take(counting)
	})
	if err != nil {
		return nil, "", err
	}
	ask, data, err := r.keys.BeginLogin(p, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", fmt.Errorf("ask for a passkey: %w", err)
	}
	return r.beginChallenge(ctx, kindStepUp, s.User, challenge{Data: *data, Session: s.ID}, ask.Response)
}

func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
