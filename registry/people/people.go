// Package people is who belongs together and who may do what to which package:
// organisations, teams, rights, invitations, transfers.
//
// A principal is a user ("alice"), the owners of an organisation ("@acme") or a
// team ("@acme/release"); a package has principals with rights. What the public
// sees of that, the set of owners, is a fact in the log, written by the desk in
// the same transaction as the rows here. Rights are not copied anywhere: each
// question is answered from these rows when it is asked, so that whoever leaves
// has left everywhere.
//
//	more for somebody who has something   at once, by whoever has it to give
//	a new principal, a member             an invitation, seven days, and its acceptance
//	less for oneself                      at once
//	less for somebody else                waits three days; a link in every mail cancels it
//	stricter rules for publishing         at once; weaker ones wait
//	all of it to somebody else            an offer, its acceptance, three days, a mark on
//	                                      the releases that follow
//
// An invitation, and a change that waits, count for as much as whoever made them
// may when they take effect: a thief who is thrown out leaves nothing behind that
// works later. Nobody gives what they do not have, and somebody whose account is
// in use keeps all three rights on each package.
//
// Offboarding closes every way in which somebody can act. [Room.Paths] lists
// those, and a test holds the list against the tables of the book.
package people

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"

	"github.com/go-json-experiment/json"
)

// Desk writes the public side of a change.
type Desk interface {
	// Owners runs change and logs the owners that the package has after it, and
	// its trusted publishers, in one transaction.
	Owners(ctx context.Context, name bonded.Name, actor publish.Actor, change func(*record.Tx) error) (bonded.Receipt, error)
	// Policy does the same for how the package may be published.
	Policy(ctx context.Context, name bonded.Name, actor publish.Actor, change func(*record.Tx) error) (bonded.Receipt, error)
}

// Config is what a room is made of.
type Config struct {
	Book    *record.Book
	Waiting *waiting.Room
	// Desk is nil beside a running server, for commands on the host: what has to
	// be logged then waits for the server.
	Desk Desk
	Now  func() time.Time
	// Without takes the control reviewed-adoption out of the victim of a drill,
	// where whoever asks for a package gets it; nil, as on every server: it stands.
	Without func(control string) bool
}

// Room looks after organisations and rights.
type Room struct{ Config }

// Kinds of changes that wait here.
const (
	waitNarrow    = "grant.narrow"
	waitRemove    = "grant.remove"
	waitTransfer  = "transfer"
	waitAdopt     = "adopt"
	waitTwoPerson = "org.two-person"
	waitPolicy    = "policy"
	waitOffboard  = "offboard"
)

// New makes a room and says to Config.Waiting what it does when a change is due.
func New(c Config) *Room {
	if c.Now == nil {
		c.Now = time.Now
	}
	r := &Room{Config: c}
	if c.Waiting != nil {
		c.Waiting.Handle(waitNarrow, r.narrowDue)
		c.Waiting.Handle(waitRemove, r.narrowDue)
		c.Waiting.Handle(waitTransfer, r.transferDue)
		c.Waiting.Handle(waitAdopt, r.adoptDue)
		c.Waiting.Handle(waitTwoPerson, r.twoPersonDue)
		c.Waiting.Handle(waitPolicy, r.policyDue)
		c.Waiting.Handle(waitOffboard, r.offboardDue)
	}
	return r
}

// Right is what a principal may do to a package.
type Right string

// Rights. Moderating is a role of the house and no right of a package.
const (
	Publish  Right = "publish"  // releases: publish, tag, yank, delete, approve
	People   Right = "people"   // who has which right
	Settings Right = "settings" // how it may be published
)

// Rights are all of them.
func Rights() []Right { return []Right{Publish, People, Settings} }

// ParseRights reads rights as words, in any order, each once. Errors are of kind
// Invalid.
func ParseRights(text string) ([]Right, error) {
	var list []Right
	for _, word := range strings.Fields(text) {
		if !slices.Contains(Rights(), Right(word)) {
			return nil, bonded.Errorf(bonded.Invalid, "%.40q is no right; there are publish, people and settings", word)
		}
		if !slices.Contains(list, Right(word)) {
			list = append(list, Right(word))
		}
	}
	if len(list) == 0 {
		return nil, bonded.Errorf(bonded.Invalid, "name at least one right: publish, people or settings")
	}
	return list, nil
}

// Org is an organisation with everybody in it.
type Org struct {
	Name       string
	Created    time.Time
	TwoPerson  bool
	Members    []Member
	Teams      []Team
	Namespaces []Namespace
}

// Member is a user in an organisation.
type Member struct {
	User  string
	Owner bool
	Since time.Time
}

// Team is some members of an organisation.
type Team struct {
	Name    string
	Members []string
}

// Namespace is a pattern of names that an organisation has for itself.
type Namespace struct{ Ecosystem, Pattern string }

// Grant is a principal's rights on a package.
type Grant struct {
	Package   bonded.Name
	Principal string
	Rights    []Right
}

// Invitation waits for the invited user's answer, seven days.
type Invitation struct {
	ID      string
	Kind    string // package, org, team, transfer
	Target  string // npm/left-pad, @acme, @acme/release
	User    string // a user; for a package or a transfer also "@acme" or "@acme/release", whose owners answer
	Rights  string // rights of the package, or role: owner, member
	Inviter string
	Created time.Time
	Expires time.Time
}

// Path is one way in which a user can act on something, for people to see and
// for offboarding to close.
type Path struct {
	Via  string // owner, organisation, team, role, token, session, enrolment, trusted publisher, invitation, waiting
	What string // npm/left-pad, @acme, a token's label
	ID   string
}

// May says why a user may not use a right on a package; nil: they may. It looks
// at the rows as they are now, by all ways.
func (r *Room) May(ctx context.Context, user string, right Right, name bonded.Name) error {
	reach, err := r.Book.Reach(ctx, name, user, "")
	if err != nil {
		return err
	}
	return allowed(reach, user, right, name)
}

func allowed(reach record.Reach, user string, right Right, name bonded.Name) error {
	switch {
	case !reach.Claimed:
		return bonded.Errorf(bonded.NotFound, "there is no package %s", name)
	case !reach.Known || !reach.Disabled.IsZero():
		return bonded.Refusal(bonded.Forbidden, "roles", "the account %s is closed or frozen and may do nothing to %s", user, name)
	case slices.Contains(reach.Rights, string(right)):
		return nil
	}
	return bonded.Refusal(bonded.Forbidden, "roles",
		"%s does not have the right %q on %s; somebody who has it and the right \"people\" can give it", user, right, name)
}

// may is May inside a transaction, with everything else that the user has.
func may(tx *record.Tx, user string, right Right, name bonded.Name) (record.Reach, error) {
	reach, err := tx.Reach(name, user)
	if err != nil {
		return reach, err
	}
	return reach, allowed(reach, user, right, name)
}

// MayIn is May inside a transaction, for whoever changes something in it that
// this room does not.
func (r *Room) MayIn(tx *record.Tx, user string, right Right, name bonded.Name) error {
	_, err := may(tx, user, right, name)
	return err
}

// lacks lists which of the rights a user does not have.
func lacks(reach record.Reach, rights []Right) (missing []Right) {
	for _, right := range rights {
		if !slices.Contains(reach.Rights, string(right)) {
			missing = append(missing, right)
		}
	}
	return missing
}

// guard makes a change of rights and ends it when that leaves the package to
// nobody. What nobody looked after before may change.
func (r *Room) guard(tx *record.Tx, name bonded.Name, change func() error) error {
	before, err := tx.LookedAfter(name, words(Rights()), "", r.Now())
	if err != nil {
		return err
	}
	if err := change(); err != nil || !before {
		return err
	}
	return r.lookedAfter(tx, name)
}

func (r *Room) lookedAfter(tx *record.Tx, name bonded.Name) error {
	ok, err := tx.LookedAfter(name, words(Rights()), "", r.Now())
	if err == nil && !ok {
		err = bonded.Errorf(bonded.Conflict, "nobody whose account is in use would have all rights on %s any more; give them to somebody first, or transfer or archive the package", name)
	}
	return err
}

func words(rights []Right) (list []string) {
	for _, right := range rights {
		list = append(list, string(right))
	}
	return list
}

func join(rights []Right) string { return strings.Join(words(rights), " ") }

// person is a user at the desk. That the change is allowed is asked once more
// in its transaction.
type person struct {
	publish.House
	room *Room
	user string
}

func (p person) Name() string { return p.user }
func (p person) User() string { return p.user }

// May asks for the right that the action takes.
func (p person) May(ctx context.Context, action bonded.Action, name bonded.Name) error {
	right := Publish
	switch action {
	case bonded.ActOwner:
		right = People
	case bonded.ActPolicy:
		right = Settings
	}
	return p.room.May(ctx, p.user, right, name)
}

// note writes an event in the transaction that makes it true.
func (r *Room) note(tx *record.Tx, actor, action, subject, account, detail, waits string) error {
	return event.Record(tx, record.Audit{At: r.Now(), Actor: actor, Action: action, Subject: subject, Account: account, Detail: detail, Waiting: waits})
}

// wait lets a change wait and tells of it.
func (r *Room) wait(tx *record.Tx, w record.Waiting, body any, action, subject, account, detail string) (time.Time, error) {
	var err error
	if w.Body, err = json.Marshal(body); err != nil {
		return time.Time{}, err
	}
	if w, err = r.Waiting.Put(tx, w); err != nil {
		return time.Time{}, err
	}
	return w.Due, r.note(tx, w.Actor, action, subject, account, detail, w.ID)
}

func read(w record.Waiting, body any) error {
	if err := json.Unmarshal(w.Body, body); err != nil {
		return fmt.Errorf("reading the change %s: %w", w.ID, err)
	}
	return nil
}

// account is a principal that has an account of its own; empty for an
// organisation or a team.
func account(principal string) string {
	if strings.HasPrefix(principal, "@") {
		return ""
	}
	return principal
}

// split takes "@acme/release" apart; team is empty for "@acme", org for a user.
func split(principal string) (org, team string) {
	rest, ok := strings.CutPrefix(principal, "@")
	if !ok {
		return "", ""
	}
	org, team, _ = strings.Cut(rest, "/")
	return org, team
}

func newID() string {
	id := make([]byte, 10)
	rand.Read(id) //nolint:errcheck // crypto/rand.Read never fails
	return base64.RawURLEncoding.EncodeToString(id)
}
