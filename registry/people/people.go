// Package people is who belongs together and who may do what to which package:
// organisations, teams, rights, invitations, transfers.
//
// A principal is a user ("alice"), the owners of an organisation ("@acme") or a
// team ("@acme/release"); a package has principals with rights. What the public
// sees of that, the set of owners, is a fact in the log, written by the desk in
// the same transaction as the rows here.
package people

import (
	"context"
	"errors"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"
)

var errNotBuilt = errors.New("not built yet")

// Desk writes the public side of a change.
type Desk interface {
	// Owners runs change and logs the owners that the package has after it, in
	// one transaction.
	Owners(ctx context.Context, name bonded.Name, actor publish.Actor, change func(*record.Tx) error) (bonded.Receipt, error)
	// Policy does the same for how the package may be published.
	Policy(ctx context.Context, name bonded.Name, actor publish.Actor, change func(*record.Tx) error) (bonded.Receipt, error)
}

// Config is what a room is made of.
type Config struct {
	Book    *record.Book
	Waiting *waiting.Room
	Desk    Desk
	Now     func() time.Time
}

// Room looks after organisations and rights.
type Room struct{ Config }

// New makes a room and says to Config.Waiting what it does when a change is due.
func New(c Config) *Room {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Room{Config: c}
}

// Right is what a principal may do to a package.
type Right string

// Rights. Moderating is a role of the house and no right of a package.
const (
	Publish  Right = "publish"  // releases: publish, tag, yank, delete, approve
	People   Right = "people"   // who has which right
	Settings Right = "settings" // how it may be published
)

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
	User    string
	Rights  string // rights of the package, or role: owner, member
	Inviter string
	Created time.Time
	Expires time.Time
}

// Path is one way in which a user can act on something, for people to see and
// for offboarding to close.
type Path struct {
	Via  string // owner, organisation, team, token, session, trusted publisher, invitation
	What string // npm/left-pad, @acme, a token's label
	ID   string
}

// AddOrg makes an organisation owned by user. A name that was ever used, also
// by a user, is an error of kind Conflict.
func (r *Room) AddOrg(ctx context.Context, user, name string) error { return errNotBuilt }

// Orgs returns the organisations of a user; Org one of them, for its members.
func (r *Room) Orgs(ctx context.Context, user string) ([]Org, error)    { return nil, errNotBuilt }
func (r *Room) Org(ctx context.Context, user, name string) (Org, error) { return Org{}, errNotBuilt }
func (r *Room) SetTwoPerson(ctx context.Context, user, org string, on bool) (due time.Time, err error) {
	return time.Time{}, errNotBuilt
}

// AddTeam, RemoveTeam, AddToTeam and RemoveFromTeam are for owners of the organisation.
func (r *Room) AddTeam(ctx context.Context, user, org, team string) error    { return errNotBuilt }
func (r *Room) RemoveTeam(ctx context.Context, user, org, team string) error { return errNotBuilt }
func (r *Room) AddToTeam(ctx context.Context, user, org, team, member string) error {
	return errNotBuilt
}
func (r *Room) RemoveFromTeam(ctx context.Context, user, org, team, member string) error {
	return errNotBuilt
}

// AddNamespace gives an organisation a pattern of names, as the repository's
// administrator: it says who may take new names, and takes nobody's away.
func (r *Room) AddNamespace(ctx context.Context, operator, org, ecosystem, pattern string) error {
	return errNotBuilt
}

// Invite asks a user to join an organisation, a team, or the principals of a package.
func (r *Room) Invite(ctx context.Context, user, kind, target, invited, rights string) (Invitation, error) {
	return Invitation{}, errNotBuilt
}

// Invitations of a user that wait; Sent are those of a target.
func (r *Room) Invitations(ctx context.Context, user string) ([]Invitation, error) {
	return nil, errNotBuilt
}
func (r *Room) Sent(ctx context.Context, user, target string) ([]Invitation, error) {
	return nil, errNotBuilt
}

// Accept and Decline answer an invitation; Withdraw is the inviter's side.
func (r *Room) Accept(ctx context.Context, user, id string) error   { return errNotBuilt }
func (r *Room) Decline(ctx context.Context, user, id string) error  { return errNotBuilt }
func (r *Room) Withdraw(ctx context.Context, user, id string) error { return errNotBuilt }

// RemoveMember takes somebody out of an organisation, its teams, and whatever
// they could reach through it. The last owner cannot leave.
func (r *Room) RemoveMember(ctx context.Context, user, org, member string) error { return errNotBuilt }

// Grants of a package, and what a user has, by all ways.
func (r *Room) Grants(ctx context.Context, name bonded.Name) ([]Grant, error) {
	return nil, errNotBuilt
}
func (r *Room) Packages(ctx context.Context, user string) ([]Grant, error) { return nil, errNotBuilt }

// SetRights narrows or widens the rights of a principal; RemoveGrant ends them.
// Taking a right from somebody else waits, so that whoever stole one owner's
// session cannot lock the others out; giving up one's own does not.
func (r *Room) SetRights(ctx context.Context, user string, name bonded.Name, principal string, rights []Right) (due time.Time, err error) {
	return time.Time{}, errNotBuilt
}
func (r *Room) RemoveGrant(ctx context.Context, user string, name bonded.Name, principal string) (due time.Time, err error) {
	return time.Time{}, errNotBuilt
}

// Transfer offers a package to a user or organisation; accepted, it waits.
func (r *Room) Transfer(ctx context.Context, user string, name bonded.Name, to string) (Invitation, error) {
	return Invitation{}, errNotBuilt
}

// Adopt asks for a package whose owners cannot be reached. Its owners are told,
// it waits thirty days, and an administrator agrees.
func (r *Room) Adopt(ctx context.Context, user string, name bonded.Name) (due time.Time, err error) {
	return time.Time{}, errNotBuilt
}

// Paths lists every way in which a user can act; Offboard closes them all, for
// an owner of org as far as the organisation reaches, and for an operator (org
// empty) wholly.
func (r *Room) Paths(ctx context.Context, user string) ([]Path, error) { return nil, errNotBuilt }
func (r *Room) Offboard(ctx context.Context, actor, org, user string) ([]Path, error) {
	return nil, errNotBuilt
}

// May says why a user may not use a right on a package; nil: they may.
func (r *Room) May(ctx context.Context, user string, right Right, name bonded.Name) error {
	return errNotBuilt
}
