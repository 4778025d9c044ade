package identity

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// Caller is somebody whose token was found good. A nil Caller is anonymous.
type Caller struct {
	keeper *Keeper
	user   string
	token  string // id
	hash   bonded.Digest
	scopes []Scope
}

// User is the account's name; empty when anonymous.
func (c *Caller) User() string {
	if c == nil {
		return ""
	}
	return c.user
}

// Name is who the caller is in the journal.
func (c *Caller) Name() string { return c.user }

// Heir is who owns a new name that the caller takes.
func (c *Caller) Heir(context.Context, bonded.Name) (string, error) { return c.user, nil }

// Limits says why the token may not do all that a draft says.
func (c *Caller) Limits(*bonded.Draft) error { return nil }

// Spend takes one of the token's uses.
func (c *Caller) Spend(*record.Tx) error { return nil }

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
	maxHeader = 512         // bytes; a good one has less than a hundred
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

// identify returns the caller, and late when the token has expired.
func (k *Keeper) identify(ctx context.Context, ask Request) (c *Caller, late, err error) {
	if ask.Authorization == "" {
		return nil, nil, nil
	}
	text, err := tokenIn(ask.Authorization)
	if err != nil {
		return nil, nil, err
	}
	secret, err := ParseToken(text)
	if err != nil {
		return nil, nil, err
	}
	t, late, err := k.valid(ctx, secret.hash())
	if err != nil {
		return nil, nil, err
	}
	c = &Caller{keeper: k, user: t.User, token: t.ID, hash: t.Hash}
	for _, s := range t.Scopes {
		scope, err := ParseScope(s)
		if err != nil {
			return nil, nil, fmt.Errorf("authenticate: token %s: %w", t.ID, err)
		}
		c.scopes = append(c.scopes, scope)
	}
	return c, late, nil
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
// scopes cover it, then if the user stands in the right relation to the name.
// A name that nobody claimed may be published by anyone, with its tags; a
// claimed one is touched by its owners alone; to read takes no ownership. The
// token is looked at once more, because an upload can outlast it.
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
	_, late, err := k.valid(ctx, c.hash)
	if err != nil {
		return []error{err}
	}
	if late != nil {
		list = append(list, late)
	}
	if !slices.ContainsFunc(c.scopes, func(s Scope) bool { return s.Allows(action, name) }) {
		want := Scope{Actions: []bonded.Action{action}, Ecosystem: name.Ecosystem, Pattern: name.Key}
		list = append(list, bonded.Refusal(bonded.Forbidden, "scoped-tokens",
			"this token may not %s: its scopes are %s; the administrator grants what is missing with: bonded admin token add --user %s --scope '%s'",
			phrase(action, name), c.scopeList(), c.user, want))
	}
	if err := k.relation(ctx, c.user, action, name); err != nil {
		list = append(list, err)
	}
	return list
}

// relation says why the user does not stand in the right relation to a name.
func (k *Keeper) relation(ctx context.Context, user string, action bonded.Action, name bonded.Name) error {
	if action == bonded.ActRead {
		return nil
	}
	claimed, owner, err := k.book.Standing(ctx, name, user)
	switch {
	case err != nil:
		return fmt.Errorf("authorize: %w", err)
	case owner && claimed:
		return nil
	case !claimed && (action == bonded.ActPublish || action == bonded.ActTag):
		return nil
	case !claimed:
		return bonded.Errorf(bonded.Forbidden, "nobody has published %s here, so nobody may %s", name, phrase(action, name))
	}
	retired, err := k.book.Retired(ctx, name)
	if err != nil {
		return fmt.Errorf("authorize: %w", err)
	}
	if retired {
		return bonded.Refusal(bonded.Forbidden, "retired-names",
			"%s is not an owner of %s and so may not %s, though every release of it was deleted: a name stays its owners' for ever; take another name",
			user, name, phrase(action, name))
	}
	return bonded.Refusal(bonded.Forbidden, "roles",
		"%s is not an owner of %s and so may not %s; one of its owners can add %s", user, name, phrase(action, name), user)
}

func (c *Caller) scopeList() string {
	if len(c.scopes) == 0 {
		return "none"
	}
	list := make([]string, len(c.scopes))
	for i, s := range c.scopes {
		list[i] = s.String()
	}
	return strings.Join(list, " ")
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
	}
	return string(action) + " " + name.String()
}
