package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"github.com/go-webauthn/webauthn/webauthn"
	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// How a password is hashed: argon2id (RFC 9106) with 19 MiB, two passes and one
// lane. A hash with smaller figures is made anew at the next sign-in.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonSalt   = 16 // bytes
	argonKey    = 32 // bytes
	// hashesAtOnce bounds memory and processors that strangers can take.
	hashesAtOnce    = 2
	hashingPatience = 10 * time.Second

	minPassword = 12  // characters
	maxPassword = 128 // characters
	// A name this short stands in too many good passwords to be forbidden there.
	shortName = 4
)

// hashPassword returns a PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func hashPassword(password string) string {
	salt := make([]byte, argonSalt)
	rand.Read(salt) //nolint:errcheck // crypto/rand.Read never fails
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// checkPassword says if a password has this hash, and if the hash should be made anew.
func checkPassword(hash, password string) (good, old bool, err error) {
	var version int
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, false, errors.New("a stored password is no argon2id hash")
	}
	_, err = fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes)
	salt, err2 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err3 := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(err, err2, err3); err != nil || version != argon2.Version || passes == 0 || lanes == 0 || len(want) == 0 {
		return false, false, fmt.Errorf("a stored password is not readable: %w", err)
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, memory < argonMemory || passes < argonTime, nil
}

// hash waits for a place among those that may use memory, and does.
func (r *Room) hash(ctx context.Context, do func()) error {
	ctx, cancel := context.WithTimeout(ctx, hashingPatience)
	defer cancel()
	select {
	case r.hashing <- struct{}{}:
		defer func() { <-r.hashing }()
		do()
		return nil
	case <-ctx.Done():
		return bonded.Errorf(bonded.Unavailable, "too many passwords are being checked right now; try again in a moment, or use a passkey")
	}
}

// between is a sign-in between two factors.
type between struct {
	Factors  []string              `json:"factors"`
	Breached bool                  `json:"breached,omitempty"`
	Key      *webauthn.SessionData `json:"key,omitempty"`
	// Confirmed says that the link in the mail was opened.
	Confirmed bool `json:"confirmed,omitempty"`
}

// Password begins a sign-in with a password. The same answer, after the same
// time, comes for an unknown user.
//
// A password that meanwhile stands in a list of stolen ones still begins it, for
// the list says nothing of who types it; together with a code it then opens a
// session that can set another password and nothing else.
func (r *Room) Password(ctx context.Context, user, password string, v Visit) (Next, error) {
	user = strings.TrimSpace(user)
	if identity.CheckUser(user) != nil {
		user = "-" // counted together: it is nobody
	}
	forget, err := r.attempt(ctx, "password", user, v)
	if err != nil {
		return Next{}, err
	}
	kept, f, err := r.kept(ctx, user)
	if err != nil {
		return Next{}, err
	}
	password = norm.NFC.String(password)
	good, old, renewed := false, false, ""
	var wrong error
	if err := r.hash(ctx, func() {
		if utf8.RuneCountInString(password) > maxPassword {
			password = ""
		}
		if good, old, wrong = checkPassword(kept.Hash, password); good && old {
			renewed = hashPassword(password)
		}
	}); err != nil || wrong != nil {
		return Next{}, errors.Join(err, wrong)
	}
	if !good || f.Password.IsZero() {
		return Next{}, r.refused(ctx, user, "password", v, "the user name or the password is wrong")
	}
	if len(f.Passkeys) == 0 && f.TOTP.IsZero() && !r.without("mfa-required-all") {
		return Next{}, bonded.Errorf(bonded.Forbidden, "this account was not set up to its end and has no second factor; ask the administrator for a new enrolment link")
	}
	stolen := !kept.Breached.IsZero() || r.stolen(ctx, password)
	next := Next{Want: wants(f)}
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := r.renew(tx, kept, renewed, stolen); err != nil {
			return err
		}
		if err := forget(tx); err != nil {
			return err
		}
		next.Secret, err = r.begin(tx, kindSignIn, user, between{Factors: []string{"password"}, Breached: stolen}, betweenLife)
		return err
	})
	return next, err
}

// kept returns how a password is kept, and for nobody's one that nobody has.
func (r *Room) kept(ctx context.Context, user string) (p record.Password, f Factors, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		if p, _, err = tx.Password(user); err != nil || p.Hash == "" {
			p.Hash = r.nobody
			return err
		}
		f, err = factors(tx, user)
		return err
	})
	return p, f, err
}

func wants(f Factors) (list []string) {
	if len(f.Passkeys) > 0 {
		list = append(list, "passkey")
	}
	if !f.TOTP.IsZero() {
		list = append(list, "totp")
	}
	if f.Codes > 0 {
		list = append(list, "recovery-code")
	}
	return list
}

// renew keeps what was learned of a password when it was typed.
func (r *Room) renew(tx *record.Tx, p record.Password, hash string, stolen bool) error {
	if hash == "" && (!stolen || !p.Breached.IsZero()) {
		return nil
	}
	if hash != "" {
		p.Hash = hash
	}
	if stolen && p.Breached.IsZero() {
		p.Breached = r.Now()
		if err := r.note(tx, p.User, "password.breached", ""); err != nil {
			return err
		}
	}
	return tx.SetPassword(p)
}

// refused writes down that a proof was wrong, when there is such an account, and
// returns the answer that is the same in both cases.
func (r *Room) refused(ctx context.Context, user, what string, v Visit, says string) error {
	err := r.Book.Update(ctx, func(tx *record.Tx) error {
		_, err := tx.Account(user)
		if kind, _, _ := bonded.Explain(err); err != nil && kind == bonded.NotFound {
			return tx.MeterReset("nobody") // a write, as for somebody
		}
		if err != nil {
			return err
		}
		return r.note(tx, user, "signin.refuse", what+"; "+v.Label)
	})
	if err != nil {
		return err
	}
	return bonded.Errorf(bonded.Unauthorized, "%s", says)
}

// stolen asks the list of stolen passwords. What it cannot say stops nobody who
// signs in; the list that stands in this process always answers.
func (r *Room) stolen(ctx context.Context, password string) bool {
	if r.Breached == nil || r.without("breached-passwords") {
		return false
	}
	found, err := r.Breached(ctx, password)
	if err != nil {
		r.Log.Warn("a list of stolen passwords did not answer", "err", err)
	}
	return found
}

// SetPassword sets a password: at least 12 characters, at most 128, not a known
// one, not the user's name. All other sessions end.
func (r *Room) SetPassword(ctx context.Context, s *Session, password string) error {
	password = norm.NFC.String(password)
	if err := r.acceptable(ctx, s.User, password); err != nil {
		return err
	}
	var hash string
	if err := r.hash(ctx, func() { hash = hashPassword(password) }); err != nil {
		return err
	}
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if s.Needs != "factors" && s.Needs != "password" {
			if err := r.sure(tx, s, "setting a password"); err != nil {
				return err
			}
		}
		row, err := current(tx, s)
		if err != nil {
			return err
		}
		p := record.Password{User: s.User, Hash: hash, Changed: r.Now()}
		if s.recovery {
			return r.collect(tx, row, func(c *collected) { c.Password = &p })
		}
		if err := tx.SetPassword(p); err != nil {
			return err
		}
		if row.Kind == breached {
			row.Kind = full
			if err := tx.PutSession(row); err != nil {
				return err
			}
		}
		if r.without("session-hygiene") {
			return r.note(tx, s.User, "password.set", "")
		}
		if _, err := tx.EndSessions(s.User, s.ID); err != nil {
			return err
		}
		return r.note(tx, s.User, "password.set", "")
	})
}

// acceptable says what is wrong with a new password.
func (r *Room) acceptable(ctx context.Context, user, password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return bonded.Errorf(bonded.Invalid, "this password is not readable text; choose another one")
	case n < minPassword:
		return bonded.Errorf(bonded.Invalid, "a password has at least %d characters, this one has %d; several words are easy to remember", minPassword, n)
	case n > maxPassword:
		return bonded.Errorf(bonded.Invalid, "a password has at most %d characters, this one has %d", maxPassword, n)
	case len(user) >= shortName && strings.Contains(strings.ToLower(password), user):
		return bonded.Errorf(bonded.Invalid, "a password must not contain your user name; choose another one")
	case r.stolen(ctx, password):
		return bonded.Refusal(bonded.Refused, "breached-passwords", "this password stands in a list of stolen passwords, so it would be tried first; choose another one")
	}
	return nil
}

// RemovePassword takes the password away, at once: passkeys alone open the account.
func (r *Room) RemovePassword(ctx context.Context, s *Session) error {
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		f, err := factors(tx, s.User)
		if err != nil {
			return err
		}
		if f.counting(r.Now()) == 0 {
			return bonded.Errorf(bonded.Conflict, "without the password nothing would open the account; add a passkey first")
		}
		if err := r.sure(tx, s, "removing the password"); err != nil {
			return err
		}
		if err := tx.RemovePassword(s.User); err != nil {
			return err
		}
		return r.note(tx, s.User, "password.remove", "")
	})
}
