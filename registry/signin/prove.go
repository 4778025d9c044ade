package signin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// FinishStepUp ends a proof of presence; the session gets a new cookie, and only
// that one carries the proof.
func (r *Room) FinishStepUp(ctx context.Context, s *Session, secret string, response []byte) (cookie identity.Secret, err error) {
	if r.keys == nil {
		return cookie, r.noKeys
	}
	var c challenge
	if _, err := r.takeNow(ctx, kindStepUp, secret, &c); err != nil {
		return cookie, err
	}
	if c.Session != s.ID {
		return cookie, bonded.Errorf(bonded.Unauthorized, "this confirmation was begun in another session; begin again here")
	}
	p, cred, err := r.verify(ctx, s.User, c.Data, response)
	if err != nil {
		return cookie, err
	}
	if err := r.unique(ctx, p, cred); err != nil {
		return cookie, err
	}
	cookie = identity.NewSecret(identity.SessionPrefix)
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		key, err := r.use(tx, p, cred)
		if err != nil {
			return err
		}
		row, err := current(tx, s)
		if err != nil {
			return err
		}
		if key.Counts.After(r.Now()) {
			return stepUp("this passkey confirms nothing before " + moment(key.Counts))
		}
		row.Stepped = r.Now()
		if err := tx.PutSession(row); err != nil {
			return err
		}
		if err := tx.RotateSession(s.ID, cookie.Hash(), r.Now()); err != nil {
			return err
		}
		return r.note(tx, s.User, "stepup.ok", key.Label)
	})
	if err != nil {
		return identity.Secret{}, err
	}
	return cookie, nil
}

// current reads the session again in the transaction that acts for it: it may
// have ended meanwhile.
func current(tx *record.Tx, s *Session) (record.Session, error) {
	row, found, err := tx.SessionByID(s.ID)
	if err == nil && (!found || row.User != s.User || !row.Closed.IsZero()) {
		err = signedOut()
	}
	return row, err
}

const (
	maxPasskeys = 20 // of one account
	maxLabel    = 64 // characters
)

// BeginAdd begins adding a passkey: options are the JSON of
// PublicKeyCredentialCreationOptions.
func (r *Room) BeginAdd(ctx context.Context, s *Session) (options []byte, secret string, err error) {
	if r.keys == nil {
		return nil, "", r.noKeys
	}
	var p *person
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		if _, err := r.addable(tx, s); err != nil {
			return err
		}
		if p, err = r.person(tx, s.User); err == nil && len(p.keys) >= maxPasskeys {
			err = bonded.Errorf(bonded.Conflict, "an account has at most %d passkeys; remove one that you do not use", maxPasskeys)
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range p.creds {
		known = append(known, c.Descriptor())
	}
	ask, data, err := r.keys.BeginRegistration(p, webauthn.WithExclusions(known))
	if err != nil {
		return nil, "", fmt.Errorf("begin adding a passkey: %w", err)
	}
	return r.beginChallenge(ctx, kindAdd, s.User, challenge{Data: *data, Session: s.ID}, ask.Response)
}

// FinishAdd adds a passkey. From a fresh session, and in an enrolling one, it
// counts at once; the first one of an account that had other factors counts for
// step-up only after the waiting time, because a stolen session could add it.
func (r *Room) FinishAdd(ctx context.Context, s *Session, secret, label string, response []byte) error {
	if r.keys == nil {
		return r.noKeys
	}
	var c challenge
	if _, err := r.takeNow(ctx, kindAdd, secret, &c); err != nil {
		return err
	}
	if c.Session != s.ID {
		return bonded.Errorf(bonded.Unauthorized, "this passkey was begun in another session; begin again here")
	}
	if err := readable(response); err != nil {
		return err
	}
	made, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return &bonded.Error{Kind: bonded.Invalid, Public: "what the browser sent is no new passkey; try again", Err: private(err)}
	}
	cred, err := r.keys.CreateCredential(&person{handle: keyed(r.handles, s.User), name: s.User}, c.Data, made)
	if err != nil {
		return r.notProven(err)
	}
	// Who made the authenticator is nobody's business here.
	cred.Attestation = webauthn.CredentialAttestation{}
	body, err := json.Marshal(cred)
	if err != nil {
		return fmt.Errorf("keep a passkey: %w", err)
	}
	key := record.Passkey{ID: cred.ID, User: s.User, Label: tidyLabel(label), Body: body}
	return r.Book.Update(ctx, func(tx *record.Tx) error { return r.addPasskey(tx, s, key) })
}

func (r *Room) addPasskey(tx *record.Tx, s *Session, key record.Passkey) error {
	now := r.Now()
	waits, err := r.addable(tx, s)
	if err != nil {
		return err
	}
	key.Created, key.Counts = now, now
	if waits {
		key.Counts = now.Add(r.delay())
	}
	row, err := current(tx, s)
	if err != nil {
		return err
	}
	if s.recovery {
		return r.collect(tx, row, func(c *collected) { c.Passkeys = append(c.Passkeys, key) })
	}
	if err := tx.AddPasskey(key); err != nil {
		return err
	}
	if row.Kind == enrolling {
		// Making it was a proof of presence on the true page.
		row.Stepped = now
		if err := tx.PutSession(row); err != nil {
			return err
		}
	}
	detail := key.Label
	if waits {
		detail += "; it confirms nothing before " + moment(key.Counts)
	}
	return r.note(tx, s.User, "passkey.add", detail)
}

// addable says if a session may add a passkey, and if that passkey then waits.
func (r *Room) addable(tx *record.Tx, s *Session) (waits bool, err error) {
	switch s.Needs {
	case "factors":
		return false, nil
	case "":
	default:
		return false, notYet(s)
	}
	if s.Fresh(r.Now()) {
		return false, nil
	}
	f, err := factors(tx, s.User)
	if err != nil {
		return false, err
	}
	if f.counting(r.Now()) > 0 {
		return false, stepUp("adding a passkey needs a fresh touch of one that you have")
	}
	return true, r.typed(s, "adding a passkey")
}

// sure says if a session may change a factor: with a fresh proof, or, where the
// account has no passkey that could give one, with password and code.
func (r *Room) sure(tx *record.Tx, s *Session, what string) error {
	switch {
	case s.Needs != "":
		return notYet(s)
	case s.Fresh(r.Now()):
		return nil
	}
	f, err := factors(tx, s.User)
	if err != nil {
		return err
	}
	if f.counting(r.Now()) > 0 {
		return stepUp(what + " needs a fresh touch of your passkey")
	}
	return r.typed(s, what)
}

func notYet(s *Session) error {
	what := map[string]string{
		"factors":  "finish setting up your account",
		"password": "choose another password: the one you signed in with stands in a list of stolen ones",
		"address":  "prove an e-mail address: the domain of the one we know has lapsed",
	}[s.Needs]
	return bonded.Errorf(bonded.Forbidden, "first %s", what)
}

func tidyLabel(label string) string {
	label = strings.Join(strings.Fields(label), " ")
	if utf8.RuneCountInString(label) > maxLabel {
		label = string([]rune(label)[:maxLabel])
	}
	if label == "" {
		label = "passkey"
	}
	return label
}

// IssueProof makes a short code with which a client shows, once and within five
// minutes, that a passkey was touched: npm sends it as its one-time password. An
// empty action or name leaves that open.
func (r *Room) IssueProof(ctx context.Context, s *Session, action bonded.Action, name bonded.Name) (string, error) {
	if s.Enrolling || !s.Fresh(r.Now()) {
		return "", stepUp("a code for a client needs a fresh touch of your passkey")
	}
	text, now := strings.ToLower(rand.Text()[:10]), r.Now()
	body, err := json.Marshal(proofOf{action, name.Ecosystem, name.Key})
	if err != nil {
		return "", fmt.Errorf("make a proof: %w", err)
	}
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		c := record.Ceremony{Hash: proofHash(s.User, text), Kind: kindProof, User: s.User, Body: body, Created: now, Expires: now.Add(proofLife)}
		if err := tx.AddCeremony(c); err != nil {
			return err
		}
		return r.note(tx, s.User, "stepup.ok", strings.TrimSpace("a code for a client "+string(action)+" "+name.Key))
	})
	return text[:5] + "-" + text[5:], err
}

type proofOf struct {
	Action bonded.Action `json:"action"`
	Eco    string        `json:"eco"`
	Key    string        `json:"key"`
}

// proofHash is what the book keeps of a code: 50 bits, with the user's name, for
// five minutes, and few guesses.
func proofHash(user, text string) bonded.Digest {
	text = strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(text))
	return bonded.DigestOf([]byte("proof " + user + " " + text))
}

// CheckProof takes a code of IssueProof. One that is wrong, spent, late or made
// for something else is an error of kind Unauthorized.
func (r *Room) CheckProof(ctx context.Context, user, proof string, action bonded.Action, name bonded.Name) error {
	forget, err := r.attempt(ctx, "proof", user, Visit{})
	if err != nil {
		return err
	}
	var good bool
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		var p proofOf
		good = false
		c, found, err := tx.TakeCeremony(kindProof, proofHash(user, proof), r.Now())
		if err != nil || !found || c.User != user {
			return err
		}
		if err := json.Unmarshal(c.Body, &p); err != nil {
			return fmt.Errorf("read a proof: %w", err)
		}
		good = (p.Action == "" || p.Action == action) && (p.Key == "" || p.Key == name.Key && p.Eco == name.Ecosystem)
		if !good {
			return nil
		}
		return forget(tx)
	})
	if err == nil && !good {
		err = stepUp("the code is wrong, was used before, is older than five minutes, or was made for something else: make another one")
	}
	return err
}
