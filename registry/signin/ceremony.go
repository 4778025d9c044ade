package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// How long what was begun can go on.
const (
	challengeLife = 5 * time.Minute  // a WebAuthn challenge
	betweenLife   = 10 * time.Minute // a sign-in between two factors
	deviceLife    = 15 * time.Minute // a sign-in that waits for a mail
	seedLife      = 15 * time.Minute // a TOTP seed that was shown
	addressLife   = 24 * time.Hour   // the link that proves an address
	signUpLife    = 24 * time.Hour   // the link that makes an account
	recoverLife   = time.Hour        // the link that begins a recovery
	vouchLife     = 7 * 24 * time.Hour
	recoveredLife = 24 * time.Hour // the link that ends a recovery
	proofLife     = 5 * time.Minute
)

// Kinds of ceremonies of this room, as they are stored.
const (
	kindPasskey   = "passkey"   // a passkey alone
	kindStepUp    = "stepup"    // a passkey, bound to a session
	kindAdd       = "add"       // a new passkey, bound to a session
	kindSeed      = "seed"      // a new authenticator app, bound to a session
	kindSignIn    = "signin"    // a sign-in between two factors
	kindDevice    = "device"    // a sign-in that waits for a mail
	kindMail      = "mail"      // the link in that mail
	kindAddress   = "address"   // proves an address
	kindSignUp    = "signup"    // makes an account
	kindRecover   = "recover"   // begins a recovery
	kindRecovered = "recovered" // ends it
	kindProof     = "proof"     // a fresh proof that a client carries
)

// begin stores something that goes on with the secret that it returns.
func (r *Room) begin(tx *record.Tx, kind, user string, body any, life time.Duration) (string, error) {
	secret, now := identity.NewSecret(identity.CeremonyPrefix), r.Now()
	b, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("begin a %s: %w", kind, err)
	}
	return secret.Reveal(), tx.AddCeremony(record.Ceremony{Hash: secret.Hash(), Kind: kind, User: user, Body: b, Created: now, Expires: now.Add(life)})
}

// beginNow is begin in a transaction of its own.
func (r *Room) beginNow(ctx context.Context, kind, user string, body any, life time.Duration) (secret string, err error) {
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		secret, err = r.begin(tx, kind, user, body, life)
		return err
	})
	return secret, err
}

// take ends what was begun and reads its body. What is not there any more was
// continued before, or took too long.
func (r *Room) take(tx *record.Tx, kind, secret string, body any) (c record.Ceremony, err error) {
	return r.find(kind, secret, body, tx.TakeCeremony)
}

// look reads what goes on and leaves it.
func (r *Room) look(tx *record.Tx, kind, secret string, body any) (c record.Ceremony, err error) {
	return r.find(kind, secret, body, tx.Ceremony)
}

// takeNow is take in a transaction of its own: it is spent whatever follows.
func (r *Room) takeNow(ctx context.Context, kind, secret string, body any) (c record.Ceremony, err error) {
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		c, err = r.take(tx, kind, secret, body)
		return err
	})
	return c, err
}

func (r *Room) find(kind, secret string, body any, find func(string, bonded.Digest, time.Time) (record.Ceremony, bool, error)) (c record.Ceremony, err error) {
	s, err := identity.ParseSecret(secret, identity.CeremonyPrefix, "link")
	if err != nil {
		return c, err
	}
	c, found, err := find(kind, s.Hash(), r.Now())
	if err != nil {
		return c, err
	}
	if !found {
		return c, bonded.Errorf(bonded.Unauthorized, "this was used before, or it took too long; begin again")
	}
	return c, unmarshal(c, body)
}

// put writes back what goes on.
func (r *Room) put(tx *record.Tx, c record.Ceremony, body any) (err error) {
	if c.Body, err = json.Marshal(body); err != nil {
		return fmt.Errorf("keep a %s: %w", c.Kind, err)
	}
	_, err = tx.PutCeremony(c)
	return err
}

// send sends a letter that the asker waits for.
func (r *Room) send(ctx context.Context, l Letter) error {
	if r.Send == nil {
		return bonded.Errorf(bonded.Unsupported, "this repository sends no mail, and this needs one; ask its administrator")
	}
	if err := r.Send(ctx, l); err != nil {
		return &bonded.Error{Kind: bonded.Unavailable, Public: "the mail could not be sent; try again in a few minutes", Err: err}
	}
	return nil
}

const letterPatience = 30 * time.Second

// sendLater sends a letter that the asker must not notice: the answer comes as
// fast when there is nobody to write to.
func (r *Room) sendLater(ctx context.Context, l Letter) {
	r.later(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letterPatience)
		defer cancel()
		if err := r.Send(ctx, l); err != nil {
			r.Log.Warn("a mail could not be sent", "kind", l.Kind, "err", err)
		}
	})
}

func unmarshal(c record.Ceremony, body any) error {
	if err := json.Unmarshal(c.Body, body); err != nil {
		return fmt.Errorf("read a %s: %w", c.Kind, err)
	}
	return nil
}

// orElse is the first error that there is.
func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
