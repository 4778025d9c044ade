// Package login lets a program act for the person who sits in front of it,
// without a password or a token going through anybody's hands: the device
// authorization grant (RFC 8628), which package managers' log-in by web is too.
//
//	program: Begin -> a secret for itself, a code for the person
//	person, on the page: Claim (types the code) -> Look -> Allow, or Refuse
//	program: Poll, Poll, Poll -> a token, once
//
// The other thing that a program may need is a proof that the person is there,
// for an action that takes more than a token (control step-up):
//
//	program: an action is refused -> AskProof -> a secret, a page
//	person, on the page: Look -> Allow, or Refuse
//	program: Poll -> a one-time proof, which it sends with the action
//
// Whoever is talked into allowing a stranger's program gives his account away
// (device code phishing). Against it: no address skips the typing of a code that
// the program shows; the page says what asks, how long ago and if that was in
// the network that the browser is in; to allow takes a passkey, used within
// minutes, and makes a token that is narrow and short.
//
// What was begun is a row of table ceremony under the hash of the secret. A token
// and a proof are made when the program takes them, so that neither is stored.
// The program's network is kept as a keyed hash, to compare, for as long as the
// log-in waits.
//
// Hole: behind a proxy every program comes from the proxy, so that networks say
// nothing; then the page leaves that line out.
package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

// Config is what a room is made of.
type Config struct {
	Book   *record.Book
	Keeper *identity.Keeper
	// Proof makes a one-time proof for a user whose passkey was shown for it at a
	// time.
	Proof func(ctx context.Context, user string, stepped time.Time, action bonded.Action, name bonded.Name) (string, error)
	// Secret hides the networks that are compared.
	Secret []byte
	Now    func() time.Time
}

// Room takes log-ins from their beginning to their end.
type Room struct{ Config }

// New makes a room.
func New(c Config) *Room {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Room{c}
}

const (
	// Life is how long a log-in waits for its person.
	Life = 15 * time.Minute
	// Every is how often a program asks at most (RFC 8628 section 3.5).
	Every = 5 * time.Second
	// fetchWithin is how long what was allowed waits for its program.
	fetchWithin = 5 * time.Minute

	// MaxScopes is how many scopes a program asks for at most.
	MaxScopes = 8
	maxName   = 40 // characters of what a program calls itself
)

// Kinds of ceremonies.
const (
	kindLogin = "login"       // for a token
	kindProof = "login proof" // for a proof
)

// Program is what asks.
type Program struct {
	Name    string // as it calls itself; anybody can call himself anything
	Where   string // "Linux"; empty: not known
	Network string // coarse, CIDR; compared, never kept
}

// Begun is what a program gets to go on with.
type Begun struct {
	Secret  identity.Secret // for Poll; nobody but the program has it
	Code    string          // BCDF-GHJK, for the person to type; empty when a proof is asked for
	Page    string          // where the person goes, below the public URL
	Expires time.Time
}

// States of what a program asked for.
const (
	Waits   = "waits"
	Allowed = "allowed"
	Refused = "refused"
	Over    = "over" // it expired, was fetched, or never was
	TooSoon = "soon" // the program asks more often than it was told to
)

// asked is the body of a ceremony.
type asked struct {
	Program string        `json:"program"`
	Where   string        `json:"where"`
	Network string        `json:"network"`
	State   string        `json:"state"`
	Scopes  []string      `json:"scopes,omitzero"` // asked for, then allowed
	TTL     int64         `json:"ttl,omitzero"`    // seconds
	Action  bonded.Action `json:"action,omitzero"`
	Eco     string        `json:"eco,omitzero"`
	Key     string        `json:"key,omitzero"`
	Display string        `json:"display,omitzero"`
	Stepped time.Time     `json:"stepped,omitzero"`
}

// Begin begins a log-in of a program that asks for scopes.
func (r *Room) Begin(ctx context.Context, p Program, scopes []identity.Scope) (Begun, error) {
	if len(scopes) == 0 || len(scopes) > MaxScopes {
		return Begun{}, bonded.Errorf(bonded.Invalid, "a program asks for 1 to %d scopes", MaxScopes)
	}
	b := r.asks(p)
	for _, s := range scopes {
		b.Scopes = append(b.Scopes, s.String())
	}
	var begun Begun
	var wait time.Duration
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		gap, burst := 10*time.Second, 30
		if !identity.Tells(p.Network) {
			gap, burst = 100*time.Millisecond, 600 // all of a proxy's clients
		}
		if wait, err = tx.Meter("login begin "+p.Network, r.Now(), gap, burst); err != nil || wait > 0 {
			return err
		}
		code := newCode()
		for {
			_, taken, err := tx.CeremonyByCode(kindLogin, code, r.Now())
			if err != nil {
				return err
			}
			if !taken {
				break
			}
			code = newCode()
		}
		begun, err = r.begin(tx, kindLogin, "", code, b)
		return err
	})
	if err == nil && wait > 0 {
		err = tooMany(wait, "too many log-ins were begun from your network")
	}
	if err != nil {
		return Begun{}, err
	}
	// The code stands in the address, so that clients which show nothing else
	// show it too; the page still asks for it.
	begun.Code, begun.Page = begun.Page, "device?code="+begun.Page
	return begun, nil
}

// AskProof begins asking a user for a proof, for a program whose action was
// refused without one.
func (r *Room) AskProof(ctx context.Context, user string, p Program, action bonded.Action, name bonded.Name) (Begun, error) {
	b := r.asks(p)
	b.Action, b.Eco, b.Key, b.Display = action, name.Ecosystem, name.Key, name.Display
	var begun Begun
	var wait time.Duration
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		if wait, err = tx.Meter("login proof "+user, r.Now(), time.Minute, 20); err != nil || wait > 0 {
			return err
		}
		if begun, err = r.begin(tx, kindProof, user, strings.ToLower(rand.Text()[:16]), b); err != nil {
			return err
		}
		return r.note(tx, user, "login.ask", user, b.says())
	})
	if err == nil && wait > 0 {
		err = tooMany(wait, "your programs asked for too many confirmations")
	}
	if err != nil {
		return Begun{}, err
	}
	begun.Page = "device/confirm/" + begun.Page
	return begun, nil
}

// begin writes the row. Page is the code.
func (r *Room) begin(tx *record.Tx, kind, user, code string, b asked) (Begun, error) {
	secret, now := identity.NewSecret(identity.CeremonyPrefix), r.Now()
	body, err := json.Marshal(b)
	if err != nil {
		return Begun{}, fmt.Errorf("begin a %s: %w", kind, err)
	}
	c := record.Ceremony{Hash: secret.Hash(), Kind: kind, User: user, Code: code, Body: body, Created: now, Expires: now.Add(Life)}
	return Begun{Secret: secret, Page: code, Expires: c.Expires}, tx.AddCeremony(c)
}

func (r *Room) asks(p Program) asked {
	return asked{Program: tidy(p.Name), Where: tidy(p.Where), Network: r.hidden(p.Network), State: Waits}
}

// tidy keeps printable ASCII: what a program says of itself stands on a page
// that somebody trusts, and in a mail.
func tidy(name string) string {
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '<' || c == '>' || c == '"' || c == utf8.RuneError {
			return -1
		}
		return c
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	return name[:min(len(name), maxName)]
}

// says is what is asked for, for the journal.
func (b asked) says() string {
	what := strings.Join(b.Scopes, " ")
	if b.Action != "" {
		what = string(b.Action) + " " + b.Eco + "/" + b.Key
	}
	from := b.Program
	if from == "" {
		from = "a program"
	}
	if b.Where != "" {
		from += " on " + b.Where
	}
	return from + ": " + what
}

// hidden is a network that can be compared and not read; empty: it tells nothing.
func (r *Room) hidden(network string) string {
	if !identity.Tells(network) {
		return ""
	}
	m := hmac.New(sha256.New, r.Secret)
	m.Write([]byte("login network " + network)) //nolint:errcheck // a hash takes everything
	return hex.EncodeToString(m.Sum(nil)[:12])
}

// letters of codes are those of RFC 8628 section 6.1: no vowels, so that no word
// comes up, and none that looks like another. Eight of them are 34 bits.
const letters = "BCDFGHJKLMNPQRSTVWXZ"

func newCode() string {
	var code []byte
	for b := make([]byte, 1); len(code) < 8; {
		rand.Read(b) //nolint:errcheck // crypto/rand.Read never fails
		if int(b[0]) < 256/len(letters)*len(letters) {
			code = append(code, letters[int(b[0])%len(letters)])
		}
	}
	return string(code[:4]) + "-" + string(code[4:])
}

// ReadCode reads a code as a person types it; "" when it is none.
func ReadCode(text string) string {
	text = strings.ToUpper(strings.Map(func(c rune) rune {
		if c == '-' || c == ' ' || c == '\u2010' || c == '\u2013' {
			return -1
		}
		return c
	}, text))
	if len(text) != 8 || strings.Trim(text, letters) != "" {
		return ""
	}
	return text[:4] + "-" + text[4:]
}

func (r *Room) note(tx *record.Tx, actor, action, user, detail string) error {
	return event.Record(tx, record.Audit{At: r.Now(), Actor: actor, Action: action, Subject: user, Account: user, Detail: detail})
}

func tooMany(wait time.Duration, why string) error {
	return bonded.Refusal(bonded.TooMany, "brute-force-limits", "%s; try again in %s", why, (wait + time.Second).Truncate(time.Second))
}
