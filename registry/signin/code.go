package signin

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"image/png"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

const (
	period   = 30 // seconds of a TOTP step, RFC 6238
	seedSize = 20 // bytes, RFC 4226 section 4
	qrSize   = 240
	codes    = 10 // recovery codes that are made at once
	// A recovery code is 80 bits in 16 characters; the alphabet leaves out those
	// that are read as others, and what is typed instead of them is understood.
	codeLen      = 16
	codeAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
)

// sealed hides a seed from whoever reads the book without its keys. The user's
// name is bound to it, so that a seed cannot be given to somebody else.
func (r *Room) sealed(user, seed string) []byte {
	nonce := make([]byte, r.seal.NonceSize())
	rand.Read(nonce) //nolint:errcheck // crypto/rand.Read never fails
	return r.seal.Seal(nonce, nonce, []byte(seed), []byte(user))
}

func (r *Room) unsealed(user string, b []byte) (string, error) {
	if len(b) < r.seal.NonceSize() {
		return "", fmt.Errorf("read the seed of %s: it is too short", user)
	}
	seed, err := r.seal.Open(nil, b[:r.seal.NonceSize()], b[r.seal.NonceSize():], []byte(user))
	if err != nil {
		return "", fmt.Errorf("read the seed of %s: was it sealed with other keys? %w", user, err)
	}
	return string(seed), nil
}

// step says at which time step a seed makes a code, one step off allowed.
func step(seed, code string, now time.Time) (int64, bool) {
	at := now.Unix() / period
	for _, n := range []int64{at, at - 1, at + 1} {
		good, err := hotp.ValidateCustom(code, uint64(n), seed, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && good {
			return n, true
		}
	}
	return 0, false
}

// plain takes out what people put between the characters of a code.
func plain(code string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -\u00a0\t", r) {
			return -1
		}
		return r
	}, strings.ToLower(code))
}

// kindOf says what a code is meant to be.
func kindOf(code string) string {
	if len(code) == 6 && strings.Trim(code, "0123456789") == "" {
		return "totp"
	}
	return "recovery code"
}

// spoken is what a factor is called before people.
func spoken(what string) string { return strings.ReplaceAll(what, "totp", "code of the app") }

// Code goes on with a TOTP code or a recovery code. When the device is not
// known a Next that wants "device" comes back instead of a session, because a
// code can be typed into the wrong page.
func (r *Room) Code(ctx context.Context, secret, code string, v Visit) (in SignedIn, next Next, err error) {
	code = plain(code)
	what := kindOf(code)
	var b between
	var c record.Ceremony
	var u record.User
	known := false
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		if c, err = r.look(tx, kindSignIn, secret, &b); err != nil {
			return err
		}
		if u, err = tx.Account(c.User); err != nil {
			return err
		}
		known, err = knows(tx, c.User, v)
		return err
	})
	if err != nil {
		return in, next, err
	}
	ask := !known && !r.without("new-device-login") && (r.Send != nil || what == "totp" || !u.Frozen.IsZero())
	if ask && (r.Send == nil || !u.Frozen.IsZero()) {
		return in, next, r.unconfirmed(u)
	}
	forget, err := r.attempt(ctx, what, c.User, v)
	if err != nil {
		return in, next, err
	}
	var mail string
	good := false
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		if good, err = r.takeCode(tx, c.User, what, code); err != nil || !good {
			return err
		}
		if c, err = r.take(tx, kindSignIn, secret, &b); err != nil {
			return err
		}
		if err := forget(tx); err != nil {
			return err
		}
		b.Factors = []string{"password", strings.ReplaceAll(what, " ", "-")}
		if !ask {
			in, err = r.open(tx, b.entry(c.User, v))
			return err
		}
		next.Secret, mail, err = r.await(tx, c.User, b)
		return err
	})
	switch {
	case err != nil:
		return SignedIn{}, Next{}, err
	case !good:
		return SignedIn{}, Next{}, r.refused(ctx, c.User, what, v, "the "+spoken(what)+" is wrong, or was used before")
	case !ask:
		return in, Next{}, nil
	}
	next.Want = []string{"device"}
	return SignedIn{}, next, r.send(ctx, Letter{Kind: "device", To: u.Email, User: u.Name, Path: "signin/device/" + mail, Where: v.Label})
}

// entry is the sign-in that two factors without a passkey make.
func (b between) entry(user string, v Visit) entry {
	e := entry{user: user, kind: full, factors: b.Factors, visit: v}
	if b.Breached {
		e.kind = breached
	}
	return e
}

// unconfirmed says why nobody can be asked about a new browser.
func (r *Room) unconfirmed(u record.User) error {
	why := "this repository sends no mail to ask whether it is you"
	instead := "a passkey or a recovery code"
	if !u.Frozen.IsZero() {
		why, instead = "the domain of your e-mail address has lapsed, so no mail is sent there", "a passkey"
	}
	return bonded.Refusal(bonded.Forbidden, "new-device-login",
		"the account has not been used in this browser, and %s; use %s, or a browser that you have used before", why, instead)
}

// takeCode spends a code of a user. One that was used before is wrong.
func (r *Room) takeCode(tx *record.Tx, user, what, code string) (good bool, err error) {
	if what == "totp" && r.without("mfa-totp") {
		return true, nil
	}
	if what != "totp" {
		if good, err = tx.UseCode(user, codeHash(code), r.Now()); err != nil || !good {
			return false, err
		}
		return true, r.note(tx, user, "recovery.code-used", "")
	}
	k, found, err := tx.TOTP(user)
	if err != nil || !found {
		return !found && r.without("mfa-required-all"), err
	}
	seed, err := r.unsealed(user, k.Sealed)
	if err != nil {
		return false, err
	}
	at, good := step(seed, code, r.Now())
	if !good {
		return false, nil
	}
	if r.without("brute-force-limits") {
		return true, nil
	}
	return tx.TakeStep(user, at)
}

// mailed is the link in a mail: it points to the sign-in that waits for it.
type mailed struct{ Waits bonded.Digest }

// await lets a sign-in wait for a mail. The secret that continues it stays in
// the browser where it began; the one in the mail only says yes.
func (r *Room) await(tx *record.Tx, user string, b between) (secret, mail string, err error) {
	b.Key = nil
	if secret, err = r.begin(tx, kindDevice, user, b, deviceLife); err != nil {
		return "", "", err
	}
	mail, err = r.begin(tx, kindMail, user, mailed{bonded.DigestOf([]byte(secret))}, deviceLife)
	return secret, mail, err
}

// ConfirmDevice takes the link that was mailed; the sign-in that waits goes on
// with Resume, in the browser where it began, and nowhere else.
func (r *Room) ConfirmDevice(ctx context.Context, link string) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		var m mailed
		if _, err := r.take(tx, kindMail, link, &m); err != nil {
			return err
		}
		c, found, err := tx.Ceremony(kindDevice, m.Waits, r.Now())
		if err != nil {
			return err
		}
		var b between
		if found {
			err = unmarshal(c, &b)
		}
		if err != nil || !found {
			return orElse(err, bonded.Errorf(bonded.Unauthorized, "the sign-in that this link belongs to is over; sign in again"))
		}
		b.Confirmed = true
		return r.put(tx, c, b)
	})
}

// Resume ends a sign-in that waited for a mail.
func (r *Room) Resume(ctx context.Context, secret string, v Visit) (in SignedIn, err error) {
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		var b between
		c, err := r.look(tx, kindDevice, secret, &b)
		if err != nil {
			return err
		}
		if !b.Confirmed {
			return bonded.Errorf(bonded.Conflict, "the link in the mail was not opened yet; open it, on any device, and come back to this page")
		}
		if _, err := r.take(tx, kindDevice, secret, &b); err != nil {
			return err
		}
		in, err = r.open(tx, b.entry(c.User, v))
		return err
	})
	return in, err
}

// seeded is what the ceremony of a new authenticator app keeps.
type seeded struct {
	Sealed  []byte `json:"sealed"`
	Session string `json:"session"`
}

// BeginTOTP returns a new seed as an otpauth:// URI and as a PNG with its QR
// code; FinishTOTP takes it into use with a first code.
func (r *Room) BeginTOTP(ctx context.Context, s *Session) (uri string, picture []byte, secret string, err error) {
	seed := make([]byte, seedSize)
	rand.Read(seed) //nolint:errcheck // crypto/rand.Read never fails
	key, err := totp.Generate(totp.GenerateOpts{Issuer: r.issuer(), AccountName: s.User, Secret: seed})
	if err != nil {
		return "", nil, "", fmt.Errorf("make a seed: %w", err)
	}
	img, err := key.Image(qrSize, qrSize)
	if err != nil {
		return "", nil, "", fmt.Errorf("draw a seed: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return "", nil, "", fmt.Errorf("draw a seed: %w", err)
	}
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := r.mayChangeTOTP(tx, s); err != nil {
			return err
		}
		secret, err = r.begin(tx, kindSeed, s.User, seeded{r.sealed(s.User, key.Secret()), s.ID}, seedLife)
		return err
	})
	return key.URL(), out.Bytes(), secret, err
}

// issuer is what an authenticator app calls the repository.
func (r *Room) issuer() string {
	if r.keys != nil {
		return r.keys.Config.RPID
	}
	return "bonded"
}

// mayChangeTOTP: another app in place of the one before takes away a factor, so
// that needs a passkey, whatever was typed.
func (r *Room) mayChangeTOTP(tx *record.Tx, s *Session) error {
	if s.Needs == "factors" {
		return nil
	}
	if err := r.sure(tx, s, "setting up an authenticator app"); err != nil {
		return err
	}
	f, err := factors(tx, s.User)
	if err == nil && !f.TOTP.IsZero() && !s.Fresh(r.Now()) {
		err = stepUp("another authenticator app in place of yours needs a passkey")
	}
	return err
}

// FinishTOTP takes a seed into use. A wrong first code may be corrected.
func (r *Room) FinishTOTP(ctx context.Context, s *Session, secret, code string) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		var b seeded
		if _, err := r.look(tx, kindSeed, secret, &b); err != nil {
			return err
		}
		if b.Session != s.ID {
			return bonded.Errorf(bonded.Unauthorized, "this authenticator app was begun in another session; begin again here")
		}
		seed, err := r.unsealed(s.User, b.Sealed)
		if err != nil {
			return err
		}
		at, good := step(seed, plain(code), r.Now())
		if !good {
			return bonded.Errorf(bonded.Invalid, "the code is wrong; type the one that the app shows now, and see that its clock is right")
		}
		if err := r.mayChangeTOTP(tx, s); err != nil {
			return err
		}
		row, err := current(tx, s)
		if err != nil {
			return err
		}
		if _, err := r.take(tx, kindSeed, secret, &b); err != nil {
			return err
		}
		k := record.TOTP{User: s.User, Sealed: b.Sealed, Created: r.Now(), Step: at}
		if s.recovery {
			return r.collect(tx, row, func(c *collected) { c.TOTP = &k })
		}
		if err := tx.SetTOTP(k); err != nil {
			return err
		}
		return r.note(tx, s.User, "totp.add", "")
	})
}

// NewCodes makes ten recovery codes and voids the old ones. They are shown once.
func (r *Room) NewCodes(ctx context.Context, s *Session) ([]string, error) {
	list, hashes := make([]string, codes), make([]bonded.Digest, codes)
	for i := range list {
		list[i] = newCode()
		hashes[i] = codeHash(list[i])
	}
	err := r.Book.Update(ctx, func(tx *record.Tx) error {
		if s.Needs != "factors" {
			if err := r.sure(tx, s, "making recovery codes"); err != nil {
				return err
			}
		}
		row, err := current(tx, s)
		if err != nil {
			return err
		}
		if s.recovery {
			return r.collect(tx, row, func(c *collected) { c.Codes = hashes })
		}
		if err := tx.SetCodes(s.User, hashes, r.Now()); err != nil {
			return err
		}
		return r.note(tx, s.User, "recovery.codes", "")
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func newCode() string {
	var b [codeLen]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand.Read never fails
	var out strings.Builder
	for i, c := range b {
		if i > 0 && i%4 == 0 {
			out.WriteByte('-')
		}
		out.WriteByte(codeAlphabet[c%32])
	}
	return out.String()
}

// codeHash is what the book keeps of a recovery code: 80 random bits need no
// slow hash.
func codeHash(code string) bonded.Digest {
	code = strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(plain(code))
	return bonded.DigestOf([]byte("recovery code " + code))
}
