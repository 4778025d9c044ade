package identity

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// Caller is somebody whose token was found good. A nil Caller is anonymous. It
// lives for one request.
type Caller struct {
	keeper    *Keeper
	user      string
	publisher string // ids of trusted publishers, separated by blanks; then user is empty
	token     string // id
	hash      bonded.Digest
	created   time.Time
	limited   bool    // it has a number of uses
	bounds    []bound // all must allow
	from      netip.Addr
	proof     string
	proved    map[string]bool // what proof was good for; it can be shown once
	wanted    want            // what was refused for the lack of one
}

// User is the account's name; empty when anonymous, and for a build job.
func (c *Caller) User() string {
	if c == nil {
		return ""
	}
	return c.user
}

// Name is who the caller is in the journal: a user, or "publisher:" and the ids
// of the trusted publishers, separated by blanks.
func (c *Caller) Name() string {
	if c.publisher != "" {
		return publisherPrefix + c.publisher
	}
	return c.user
}

// Heir is who owns a new name that the caller takes: the organisation whose
// namespace it is in, else the user, or whoever made the trusted publisher.
func (c *Caller) Heir(ctx context.Context, name bonded.Name) (string, error) {
	return c.keeper.heir(ctx, c.user, c.publisher, name)
}

// Limits says why the token may not do all that a draft says.
func (c *Caller) Limits(draft *bonded.Draft) error {
	for _, b := range c.bounds {
		if err := b.covers(draft); err != nil {
			return err
		}
	}
	return nil
}

// Spend takes one of the token's uses.
func (c *Caller) Spend(tx *record.Tx) error {
	if !c.limited {
		return nil
	}
	ok, err := tx.UseToken(c.token)
	if err == nil && !ok {
		err = errSpent()
	}
	return err
}

func errSpent() error {
	return bonded.Refusal(bonded.Unauthorized, "token-lifetime",
		"this token was made for a number of uses, and the last of them is spent; make a new one")
}

// TokenID names the token in the audit journal.
func (c *Caller) TokenID() string {
	if c == nil {
		return ""
	}
	return c.token
}

// May is Keeper.May for this caller. It must not be called on a nil Caller.
func (c *Caller) May(ctx context.Context, action bonded.Action, name bonded.Name) error {
	return c.keeper.May(ctx, c, action, name)
}

// Objections is Keeper.Objections for this caller. It must not be called on a
// nil Caller.
func (c *Caller) Objections(ctx context.Context, action bonded.Action, name bonded.Name) []error {
	return c.keeper.Objections(ctx, c, action, name)
}

const (
	tokenUser = "__token__" // user name that says: the password is a token
	maxHeader = 4096        // bytes; a token needs less than a hundred, a narrower one more
	howTo     = `send a token as "Authorization: Bearer TOKEN", or as the password of the user ` + tokenUser
)

// Request is what a request shows of whoever asks.
type Request struct {
	Authorization string     // the header, RFC 9110 section 11.6.2; empty: none
	From          netip.Addr // address of the connection; zero: not known
	// Proof is a one-time proof of a person, for what takes more than a token;
	// empty: none.
	Proof string
}

// Authenticate reads the Authorization header (RFC 9110 section 11.6.2):
// "Bearer TOKEN" as RFC 6750 has it, or "Basic" (RFC 7617) with the user
// __token__. No header gives nil and no error. Whatever is there and is not
// good is an error of kind Unauthorized, also where anonymous would do:
// somebody who sends a token believes that it works.
func (k *Keeper) Authenticate(ctx context.Context, ask Request) (*Caller, error) {
	c, late, err := k.identify(ctx, ask)
	if err != nil {
		return nil, err
	}
	if late != nil {
		return nil, late
	}
	return c, nil
}

// Identify is Authenticate for whoever wants to know whose a token is though it
// has expired. It lets nobody in: the caller that it returns may do nothing,
// since May looks at the token once more.
func (k *Keeper) Identify(ctx context.Context, ask Request) (*Caller, error) {
	c, _, err := k.identify(ctx, ask)
	return c, err
}

// identify returns the caller, and late when the token was good once or
// elsewhere: it expired, or the request came from outside its networks.
func (k *Keeper) identify(ctx context.Context, ask Request) (c *Caller, late, err error) {
	if ask.Authorization == "" {
		return nil, nil, nil
	}
	text, err := tokenIn(ask.Authorization)
	if err != nil {
		return nil, nil, err
	}
	s, err := present(text)
	if err != nil {
		return nil, nil, err
	}
	t, err := k.valid(ctx, s.hash)
	if err != nil {
		return nil, nil, err
	}
	steps, err := s.bounds(t.Public)
	if err != nil {
		return nil, nil, err
	}
	own, err := boundOf(t)
	if err != nil {
		return nil, nil, fmt.Errorf("authenticate: token %s: %w", t.ID, err)
	}
	c = &Caller{
		keeper: k, user: t.User, publisher: t.Publisher, token: t.ID, hash: t.Hash, created: t.Created,
		limited: t.Uses >= 0, bounds: append([]bound{own}, steps...), from: ask.From, proof: ask.Proof,
	}
	late = c.outside(k.Now())
	if late == nil {
		k.touch(t, ask.From, k.Now())
	}
	return c, late, nil
}

// outside says why the token cannot be used now and from where the request came.
func (c *Caller) outside(now time.Time) error {
	for _, b := range c.bounds {
		if err := b.outside(now, c.from); err != nil {
			return err
		}
	}
	return nil
}

func tokenIn(authorization string) (string, error) {
	if len(authorization) > maxHeader {
		return "", unauthorized("the Authorization header is too long; " + howTo)
	}
	scheme, rest, _ := strings.Cut(authorization, " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "bearer":
		return rest, nil
	case "basic":
		b, err := base64.StdEncoding.DecodeString(rest)
		user, password, ok := strings.Cut(string(b), ":")
		if err != nil || !ok {
			return "", unauthorized("the Authorization header is not readable; " + howTo)
		}
		if user != tokenUser {
			return "", unauthorized("there are no passwords here; " + howTo)
		}
		return password, nil
	}
	return "", unauthorized("the Authorization header has a scheme that is not known here; " + howTo)
}

// May says whether the caller may do action to name: first if the token's
// scopes cover it, then if its user stands in the right relation to the name,
// then if more than a token is needed. The token is looked at once more, because
// an upload can outlast it.
func (k *Keeper) May(ctx context.Context, c *Caller, action bonded.Action, name bonded.Name) error {
	if list := k.Objections(ctx, c, action, name); len(list) > 0 {
		return list[0]
	}
	return nil
}

// Objections are all reasons why the caller may not do action to name, the
// weightiest first. Those that a control of the guide stands for carry its id.
// What the repository could not find out is one of them and carries none.
func (k *Keeper) Objections(ctx context.Context, c *Caller, action bonded.Action, name bonded.Name) (list []error) {
	if c == nil {
		return []error{unauthorized("to %s, a token is needed; %s", phrase(action, name), howTo)}
	}
	add := func(err error) {
		if err != nil {
			list = append(list, err)
		}
	}
	t, err := k.valid(ctx, c.hash)
	if err != nil {
		return []error{err}
	}
	add(c.outside(k.Now()))
	if len(list) == 0 {
		k.touch(t, c.from, k.Now())
	}
	for _, b := range c.bounds {
		if !b.does(action, name) {
			add(c.beyond(b, action, name))
			break
		}
	}
	r, err := k.relation(ctx, c.user, c.publisher, action, name)
	add(err)
	if r.Policy.TrustedOnly && c.publisher == "" && releases(action) {
		add(bonded.Refusal(bonded.Forbidden, "trusted-publishing-only",
			"%s is published by its trusted publishers alone, and this is a token of %s, which may not %s: do it from the build job that its owners named, or let them switch that off on its settings page",
			name, c.user, phrase(action, name)))
	}
	add(k.stepUp(ctx, c, action, name))
	return list
}

// releases says if an action decides what people who install a package get: a
// new release, or another one of those that are there under a name like latest.
func releases(action bonded.Action) bool {
	return action == bonded.ActPublish || action == bonded.ActTag
}

// beyond says that a scope is missing, and who can give it.
func (c *Caller) beyond(b bound, action bonded.Action, name bonded.Name) error {
	have := "none"
	if len(b.scopes) > 0 {
		have = strings.Join(texts(b.scopes), " ")
	}
	want := Scope{Actions: []bonded.Action{action}, Ecosystem: name.Ecosystem, Pattern: name.Key}
	next := fmt.Sprintf("the administrator grants what is missing with: bonded admin token add --user %s --scope '%s'", c.user, want)
	switch {
	case b.offline:
		next = "it was made narrower than the token that it comes from; take that one, or narrow it anew"
	case c.publisher != "":
		next = "a trusted publisher of that package gets one that may"
	}
	return bonded.Refusal(bonded.Forbidden, "scoped-tokens", "this token may not %s: its scopes are %s; %s", phrase(action, name), have, next)
}

// FreshToken is for how long after it was made a token may delete: making it
// took a fresh proof of its user.
const FreshToken = 15 * time.Minute

// stepUp says that an action takes more than a token: who found a token on some
// disk must neither destroy nor hand over what it reaches.
func (k *Keeper) stepUp(ctx context.Context, c *Caller, action bonded.Action, name bonded.Name) error {
	what := string(action) + " " + name.String()
	switch action {
	case bonded.ActOwner, bonded.ActPolicy:
	case bonded.ActDelete:
		if age := k.Now().Sub(c.created); age <= FreshToken {
			return c.prove(what)
		}
	default:
		return nil
	}
	// What was admitted stays so for the request: a proof can be shown once, and a
	// draft that meets its neighbours is asked about again in the transaction that
	// writes it, where nothing else can be written.
	if c.proved[what] {
		return nil
	}
	why, next := "a token alone is not enough", "do it on its page"
	if action == bonded.ActDelete {
		why, next = "a token alone is not enough once it is older than 15 minutes", "make a fresh one"
	}
	if c.proof != "" && k.Proofs != nil && c.user != "" {
		err := k.Proofs(ctx, c.user, c.proof, action, name)
		if err == nil {
			return c.prove(what)
		}
		kind, _, text := bonded.Explain(err)
		if kind == bonded.Internal || kind == bonded.Unavailable {
			return fmt.Errorf("step up: %w", err)
		}
		why = "the proof that came with the token is not good, " + strings.TrimSuffix(text, " [step-up]")
	}
	c.wanted = want{action, name}
	return bonded.Refusal(bonded.Unauthorized, "step-up",
		"to %s, %s: %s, or open account/proof and send what it shows", phrase(action, name), why, next)
}

// prove notes what somebody showed enough for.
func (c *Caller) prove(what string) error {
	if c.proved == nil {
		c.proved = map[string]bool{}
	}
	c.proved[what] = true
	return nil
}

// phrase says an action in words that fit after "may".
func phrase(action bonded.Action, name bonded.Name) string {
	switch action {
	case bonded.ActTag:
		return "move tags of " + name.String()
	case bonded.ActYank:
		return "yank, deprecate or archive releases of " + name.String()
	case bonded.ActDelete:
		return "delete releases of " + name.String()
	case bonded.ActOwner:
		return "change the owners of " + name.String()
	case bonded.ActPolicy:
		return "change how " + name.String() + " may be published"
	}
	return string(action) + " " + name.String()
}
