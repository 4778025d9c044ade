// Package signin is how a person gets in and stays in: factors, sessions, fresh
// proofs, and the way back when something was lost.
package signin

import (
	"context"
	"errors"
	"time"

	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"
)

// errNotBuilt marks what is being built.
var errNotBuilt = errors.New("not built yet")

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
type Room struct{ Config }

// New makes a room and says to Config.Waiting what it does when a change is due.
func New(c Config) (*Room, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Room{Config: c}, nil
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
	// Enrolling sessions come from an enrolment or recovery link: they may add
	// factors, and nothing else, until the account has what a writer needs.
	Enrolling bool
	Label     string
	Created   time.Time
	Seen      time.Time
	Stepped   time.Time // last phishing-resistant proof; zero: none
	This      bool      // it is the one that asks
}

// Fresh says if the last phishing-resistant proof is at most five minutes old.
func (s *Session) Fresh(now time.Time) bool { return now.Sub(s.Stepped) <= StepUpLife }

// Limits of sessions and proofs.
const (
	StepUpLife = 5 * time.Minute
	IdleLife   = 24 * time.Hour
	WholeLife  = 14 * 24 * time.Hour
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

// Enough says if a writer may begin: a passkey, or a password and TOTP.
func (f Factors) Enough() bool {
	return len(f.Passkeys) > 0 || !f.TOTP.IsZero() && !f.Password.IsZero()
}

// Session returns whose a cookie is, and a new cookie when it is time to rotate.
// An unknown, ended, idle or old one is an error of kind Unauthorized.
func (r *Room) Session(ctx context.Context, cookie string) (s *Session, rotated identity.Secret, err error) {
	return nil, identity.Secret{}, errNotBuilt
}

// Sessions lists the user's sessions; SignOut ends one of them, SignOutOthers all but s.
func (r *Room) Sessions(ctx context.Context, s *Session) ([]Session, error) { return nil, errNotBuilt }
func (r *Room) SignOut(ctx context.Context, s *Session, id string) error    { return errNotBuilt }
func (r *Room) SignOutOthers(ctx context.Context, s *Session) error         { return errNotBuilt }

// SignUp makes an account and mails its enrolment link, when Open. What it
// answers does not depend on whether the name or address is known.
func (r *Room) SignUp(ctx context.Context, user, email string, v Visit) error { return errNotBuilt }

// Enrol opens an enrolling session with the secret of an enrolment link.
func (r *Room) Enrol(ctx context.Context, link string, v Visit) (SignedIn, error) {
	return SignedIn{}, errNotBuilt
}

// Finish turns an enrolling session whose account has Enough factors into a
// full one.
func (r *Room) Finish(ctx context.Context, s *Session) (identity.Secret, error) {
	return identity.Secret{}, errNotBuilt
}

// BeginPasskey begins a sign-in with a passkey alone: options are the JSON of
// PublicKeyCredentialRequestOptions, secret continues it.
func (r *Room) BeginPasskey(ctx context.Context, v Visit) (options []byte, secret string, err error) {
	return nil, "", errNotBuilt
}
func (r *Room) FinishPasskey(ctx context.Context, secret string, response []byte, v Visit) (SignedIn, error) {
	return SignedIn{}, errNotBuilt
}

// Password begins a sign-in with a password. The same answer, after the same
// time, comes for an unknown user.
func (r *Room) Password(ctx context.Context, user, password string, v Visit) (Next, error) {
	return Next{}, errNotBuilt
}

// Code goes on with a TOTP code or a recovery code. When the device is not
// known a Next that wants "device" comes back instead of a session.
func (r *Room) Code(ctx context.Context, secret, code string, v Visit) (SignedIn, Next, error) {
	return SignedIn{}, Next{}, errNotBuilt
}

// BeginKey and FinishKey go on with a passkey as the second factor.
func (r *Room) BeginKey(ctx context.Context, secret string) (options []byte, err error) {
	return nil, errNotBuilt
}
func (r *Room) FinishKey(ctx context.Context, secret string, response []byte, v Visit) (SignedIn, error) {
	return SignedIn{}, errNotBuilt
}

// ConfirmDevice takes the link that was mailed; the sign-in that waits goes on
// with Resume, in the browser where it began, and nowhere else.
func (r *Room) ConfirmDevice(ctx context.Context, link string) error { return errNotBuilt }
func (r *Room) Resume(ctx context.Context, secret string, v Visit) (SignedIn, error) {
	return SignedIn{}, errNotBuilt
}

// BeginStepUp and FinishStepUp prove presence with a passkey, bound to the
// session; the session gets a new cookie.
func (r *Room) BeginStepUp(ctx context.Context, s *Session) (options []byte, secret string, err error) {
	return nil, "", errNotBuilt
}
func (r *Room) FinishStepUp(ctx context.Context, s *Session, secret string, response []byte) (identity.Secret, error) {
	return identity.Secret{}, errNotBuilt
}

// Factors returns what the account has.
func (r *Room) Factors(ctx context.Context, user string) (Factors, error) {
	return Factors{}, errNotBuilt
}

// BeginAdd and FinishAdd add a passkey. The first passkey of an account that
// had other factors counts for step-up only after the waiting time.
func (r *Room) BeginAdd(ctx context.Context, s *Session) (options []byte, secret string, err error) {
	return nil, "", errNotBuilt
}
func (r *Room) FinishAdd(ctx context.Context, s *Session, secret, label string, response []byte) error {
	return errNotBuilt
}

// RemovePasskey, RemoveTOTP and RemovePassword ask for a removal. It is refused
// when the account would have less than Enough; where it weakens the account it
// waits, and due says until when.
func (r *Room) RemovePasskey(ctx context.Context, s *Session, id []byte) (due time.Time, err error) {
	return time.Time{}, errNotBuilt
}
func (r *Room) RemoveTOTP(ctx context.Context, s *Session) (due time.Time, err error) {
	return time.Time{}, errNotBuilt
}
func (r *Room) RemovePassword(ctx context.Context, s *Session) error { return errNotBuilt }

// BeginTOTP returns a new seed as an otpauth:// URI and as a PNG with its QR
// code; FinishTOTP takes it into use with a first code.
func (r *Room) BeginTOTP(ctx context.Context, s *Session) (uri string, png []byte, secret string, err error) {
	return "", nil, "", errNotBuilt
}
func (r *Room) FinishTOTP(ctx context.Context, s *Session, secret, code string) error {
	return errNotBuilt
}

// SetPassword sets a password: at least 12 characters, at most 128, not a known
// one, not the user's name.
func (r *Room) SetPassword(ctx context.Context, s *Session, password string) error {
	return errNotBuilt
}

// NewCodes makes ten recovery codes and voids the old ones. They are shown once.
func (r *Room) NewCodes(ctx context.Context, s *Session) ([]string, error) { return nil, errNotBuilt }

// SetEmail asks for another address: it is proven first, then it waits.
func (r *Room) SetEmail(ctx context.Context, s *Session, email string) error { return errNotBuilt }

// VerifyEmail takes the link that proves an address.
func (r *Room) VerifyEmail(ctx context.Context, link string) (user string, err error) {
	return "", errNotBuilt
}

// AskRecovery mails a link to the account's address, whoever asks; the answer
// does not say if there is such an account.
func (r *Room) AskRecovery(ctx context.Context, user string, v Visit) error { return errNotBuilt }

// Recover takes the link and a recovery code, or without a code begins to
// collect the vouchers of two owners of an organisation. Then it waits.
func (r *Room) Recover(ctx context.Context, link, code string) (due time.Time, err error) {
	return time.Time{}, errNotBuilt
}

// Vouch is an organisation owner's word, after step-up, for a recovery.
func (r *Room) Vouch(ctx context.Context, s *Session, id string) (due time.Time, err error) {
	return time.Time{}, errNotBuilt
}
