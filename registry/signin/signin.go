// Package signin is how a person gets in and stays in: factors, sessions, fresh
// proofs, and the way back when something was lost.
//
//	passkey            BeginPasskey -> FinishPasskey            -> session, fresh
//	password + passkey Password -> BeginKey -> FinishKey        -> session
//	password + code    Password -> Code                         -> session, when the browser is known
//	                                    -> ConfirmDevice, Resume -> session, when the mail was opened
//	link               Enrol -> add factors -> Finish           -> session
//	a session          FinishStepUp, or Retype without passkeys -> the same session, sure
//	lost everything    AskRecovery -> Recover, or Vouch twice -> 72 hours -> Enrol -> Finish
//
// Three rules carry the rest. What a person types can be relayed by a page that
// looks like ours, so a password and a code open a session only in a browser
// that the account knows, or after a link in a mail. A session alone rules
// nothing: what changes authority asks for a passkey within the last five
// minutes ([Session.Fresh]), and where it weakens the account it waits besides.
// An account that has no passkey changes its own factors, and nothing else, with
// password and code typed once more ([Session.Typed]).
// And no way back is weaker than the way in: a recovery ends with at least as
// many factors as the account had, and takes the old ones away only then.
//
// Guessing is bounded per account, per network and per factor (limits.go).
// Devices that the account knows have a meter of their own and passkeys have
// none, so whoever guesses locks nobody out.
//
// What was begun and goes on is a row of table ceremony under the hash of a
// secret; a challenge, a code and a link are taken in the transaction that acts
// on them. Every change writes its event in its own transaction.
//
// Nothing is remembered in this process: a session that ends on one node has
// ended on all.
//
// Hole: without mail nobody can confirm a new browser. Then a code from an
// authenticator app is refused there, and a recovery code, which a phisher can
// relay as well, is taken.
package signin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"

	"github.com/go-webauthn/webauthn/webauthn"
)

// Config is what a room is made of.
type Config struct {
	Book    *record.Book
	Keeper  *identity.Keeper
	Waiting *waiting.Room
	// URL is the public one, with trailing slash: its host is the WebAuthn
	// relying party id, its origin the only one that is taken.
	URL string
	// Seal is a secret of 32 bytes that TOTP seeds are sealed with.
	Seal []byte
	// Breached reports if a password stands in a list of stolen ones; nil: no list.
	Breached func(ctx context.Context, password string) (bool, error)
	// Send sends a mail with a link that this room made, out of turn: proving an
	// address, confirming a device, beginning a recovery. nil: there is no mail
	// here, and what needs it says so.
	Send func(ctx context.Context, l Letter) error
	// Open lets anybody make an account; else an enrolment link is needed.
	Open bool
	Now  func() time.Time
	Log  *slog.Logger
	// Without takes controls out of the victim of a drill, by id. A repository
	// that serves has nil here, and all of them.
	Without func(control string) bool
}

// Letter is a mail that carries a secret link.
type Letter struct {
	Kind string // verify, device, recover, enrol
	To   string // address
	User string
	Path string // below the public URL, with the secret
	// Where is the coarse place of whoever asked: browser family and system.
	Where string
}

// Room signs people in.
type Room struct {
	Config
	keys    *webauthn.WebAuthn // nil: there can be no passkeys here, and noKeys says why
	noKeys  error
	origin  string
	seal    cipher.AEAD
	handles []byte        // key that user handles are made with
	hashing chan struct{} // one place for each password that may be hashed at once
	nobody  string        // hash of a password that nobody has
	later   func(func())  // runs what the answer must not wait for
}

// New makes a room and says to Config.Waiting what it does when a change is due.
func New(c Config) (*Room, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if len(c.Seal) != 32 {
		return nil, fmt.Errorf("signin: the seal has %d bytes instead of 32", len(c.Seal))
	}
	block, err := aes.NewCipher(c.Seal)
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	r := &Room{Config: c, hashing: make(chan struct{}, hashesAtOnce), later: func(do func()) { go do() }}
	if r.seal, err = cipher.NewGCM(block); err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	if r.handles, err = hkdf.Key(sha256.New, c.Seal, nil, "bonded/user handles", 32); err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	r.nobody = hashPassword("nobody has this password")
	if err := r.openKeys(); err != nil {
		return nil, err
	}
	if c.Waiting != nil {
		c.Waiting.Handle("passkey.remove", r.passkeyGoes)
		c.Waiting.Handle("totp.remove", r.totpGoes)
		c.Waiting.Handle("email.change", r.addressChanges)
		c.Waiting.Handle("recovery", r.recoveryIsDue)
	}
	return r, nil
}

// without says if a control was taken out of the victim of a drill.
func (r *Room) without(control string) bool { return r.Without != nil && r.Without(control) }

// keyed is a MAC that lets something be found again without being kept.
func keyed(key []byte, parts ...string) []byte {
	m := hmac.New(sha256.New, key)
	for _, p := range parts {
		fmt.Fprintf(m, "%d:%s", len(p), p)
	}
	return m.Sum(nil)
}

// Visit is what is known of a request besides its session.
type Visit struct {
	Device  string // secret of the device cookie; empty: a new device
	Network string // "203.0.113.0/24" or "2001:db8::/48": counted against, never stored
	Label   string // "Firefox on Linux"
}

// Session is somebody who signed in.
type Session struct {
	ID      string // no secret
	User    string
	Factors []string // passkey, password, totp, recovery-code, enrolment
	// Enrolling sessions may do nothing but what Needs says: those of an
	// enrolment or recovery link, those that were opened with a password that
	// stands in a list of stolen ones, and those of a frozen account.
	Enrolling bool
	// Needs is what an enrolling session has to do: "factors" (add them, then
	// Finish), "password" (set another one), "address" (prove one). Empty: nothing.
	Needs   string
	Label   string
	Created time.Time
	Seen    time.Time
	Stepped time.Time // last phishing-resistant proof; zero: none
	Retyped time.Time // password and code, typed once more; zero: they were not
	This    bool      // it is the one that asks

	recovery bool // factors are collected and take effect at Finish
}

// Fresh says if the last phishing-resistant proof is at most five minutes old.
func (s *Session) Fresh(now time.Time) bool { return now.Sub(s.Stepped) <= StepUpLife }

// Typed says if password and code were typed once more, after signing in, at most
// five minutes ago. Signing in does not count: the cookie that it made may have
// been stolen since.
func (s *Session) Typed(now time.Time) bool { return now.Sub(s.Retyped) <= StepUpLife }

// Limits of sessions and proofs.
const (
	StepUpLife = 5 * time.Minute
	IdleLife   = 24 * time.Hour
	WholeLife  = 14 * 24 * time.Hour
	// EnrolLife is how long an enrolling session lasts at most.
	EnrolLife = 24 * time.Hour
)

// SignedIn is a sign-in that is complete: two cookies.
type SignedIn struct {
	User   string
	Cookie identity.Secret // of the session
	Device identity.Secret // for the next sign-in; zero: the device was known
}

// Next is a sign-in that needs one thing more. Secret continues it.
type Next struct {
	Secret string
	// Want is what may come next: passkey, totp, recovery-code, or device when a
	// mail with a link must be opened first.
	Want []string
}

// Factors is what an account has to show who it is.
type Factors struct {
	Passkeys []record.Passkey
	TOTP     time.Time // zero: none
	Codes    int       // recovery codes left
	Password time.Time // when it was set; zero: none
	Breached time.Time // when the password was found in a list; zero: it was not
	Email    bool      // the address was proven
}

// Enough says if a writer may begin: a passkey, or TOTP and a password that
// stands in no list of stolen ones.
func (f Factors) Enough() bool {
	return len(f.Passkeys) > 0 || !f.TOTP.IsZero() && !f.Password.IsZero() && f.Breached.IsZero()
}

// all counts the factors. Recovery codes are a way back and no factor.
func (f Factors) all() int {
	n := len(f.Passkeys)
	if !f.TOTP.IsZero() {
		n++
	}
	if !f.Password.IsZero() {
		n++
	}
	return n
}

// counting is how many passkeys can step up.
func (f Factors) counting(now time.Time) (n int) {
	for _, p := range f.Passkeys {
		if !p.Counts.After(now) {
			n++
		}
	}
	return n
}

// Factors returns what the account has.
func (r *Room) Factors(ctx context.Context, user string) (f Factors, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		f, err = factors(tx, user)
		return err
	})
	return f, err
}

func factors(tx *record.Tx, user string) (f Factors, err error) {
	u, err := tx.Account(user)
	if err != nil {
		return f, err
	}
	f.Email = !u.Verified.IsZero()
	var errs [4]error
	f.Passkeys, errs[0] = tx.Passkeys(user)
	t, _, err := tx.TOTP(user)
	f.TOTP, errs[1] = t.Created, err
	p, _, err := tx.Password(user)
	f.Password, f.Breached, errs[2] = p.Changed, p.Breached, err
	f.Codes, errs[3] = tx.CodesLeft(user)
	return f, errors.Join(errs[:]...)
}

// stepUp is how this room says that a session alone is not enough.
func stepUp(why string) error {
	return bonded.Refusal(bonded.Unauthorized, "step-up", "%s; nothing was changed (step_up_required)", why)
}
