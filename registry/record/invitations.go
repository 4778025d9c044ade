package record

import (
	"time"

	"bonded.dev"
)

// Invitation waits for somebody's answer.
type Invitation struct {
	ID      string
	Kind    string // package, org, team, transfer
	Target  string // npm/left-pad, @acme, @acme/release
	User    string // a user; for a package or a transfer also a principal "@acme", whose owners answer
	Rights  string // of the package, separated by blanks, or the role in the organisation
	Inviter string
	Created time.Time
	Expires time.Time
}

// AddInvitation stores an invitation; one of the same kind, target and user that
// was there is replaced.
func (t *Tx) AddInvitation(i Invitation) error {
	if _, err := t.exec("replace an invitation", `DELETE FROM invitation WHERE kind = $1 AND target = $2 AND user_name = $3`,
		i.Kind, i.Target, i.User); err != nil {
		return err
	}
	_, err := t.exec("invite "+i.User, `INSERT INTO invitation (id, kind, target, user_name, rights, inviter, created, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		i.ID, i.Kind, i.Target, i.User, i.Rights, i.Inviter, micros(i.Created), micros(i.Expires))
	return err
}

// EndInvitation takes an invitation off the table; of two callers one gets true.
func (t *Tx) EndInvitation(id string) (bool, error) {
	n, err := t.exec("end an invitation", `DELETE FROM invitation WHERE id = $1`, id)
	return n > 0, err
}

// InvitationByID returns an invitation that did not expire; none is an error of
// kind NotFound.
func (t *Tx) InvitationByID(id string, now time.Time) (Invitation, error) {
	list, err := t.invitations(`WHERE id = $1 AND expires > $2`, id, micros(now))
	if err == nil && len(list) == 0 {
		return Invitation{}, bonded.Errorf(bonded.NotFound, "there is no such invitation any more; it was answered, withdrawn, or seven days have passed")
	}
	if err != nil {
		return Invitation{}, err
	}
	return list[0], nil
}

// InvitationsOf returns the invitations that a user can answer, those to
// organisations that the user owns too, newest first.
func (t *Tx) InvitationsOf(user string, now time.Time) ([]Invitation, error) {
	return t.invitations(`WHERE expires > $2 AND (user_name = $1 OR EXISTS (SELECT 1 FROM member m WHERE m.user_name = $1 AND m.role = 'owner'
		AND (invitation.user_name = '@' || m.org OR substr(invitation.user_name, 1, length(m.org) + 2) = '@' || m.org || '/')))
		ORDER BY created DESC, id`, user, micros(now))
}

// InvitationsTo returns the invitations to a target, newest first.
func (t *Tx) InvitationsTo(target string, now time.Time) ([]Invitation, error) {
	return t.invitations(`WHERE target = $1 AND expires > $2 ORDER BY created DESC, id`, target, micros(now))
}

// InvitationsWith returns the invitations that name a user, as invited or as
// inviter, newest first.
func (t *Tx) InvitationsWith(user string, now time.Time) ([]Invitation, error) {
	return t.invitations(`WHERE (user_name = $1 OR inviter = $1) AND expires > $2 ORDER BY created DESC, id`, user, micros(now))
}

func (t *Tx) invitations(where string, args ...any) (list []Invitation, err error) {
	const what = "read the invitations"
	rows, err := t.query(what, `SELECT id, kind, target, user_name, rights, inviter, created, expires FROM invitation `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var i Invitation
		var created, expires int64
		if err := rows.Scan(&i.ID, &i.Kind, &i.Target, &i.User, &i.Rights, &i.Inviter, &created, &expires); err != nil {
			return nil, t.b.wrap(what, err)
		}
		i.Created, i.Expires = fromMicros(created), fromMicros(expires)
		list = append(list, i)
	}
	return list, t.b.wrap(what, rows.Err())
}

// Enrolments counts the enrolment links of a user that can still be used, one
// for each element: when it ends.
func (t *Tx) Enrolments(user string, now time.Time) (ends []time.Time, err error) {
	const what = "read the enrolment links"
	rows, err := t.query(what, `SELECT expires FROM enrolment WHERE user_name = $1 AND expires > $2 ORDER BY expires`, user, micros(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, t.b.wrap(what, err)
		}
		ends = append(ends, fromMicros(n))
	}
	return ends, t.b.wrap(what, rows.Err())
}

// EndEnrolments ends the enrolment links of a user.
func (t *Tx) EndEnrolments(user string) error {
	_, err := t.exec("end enrolment links", `DELETE FROM enrolment WHERE user_name = $1`, user)
	return err
}

// LiveTokens returns the tokens of a user that are good for something, newest first.
func (t *Tx) LiveTokens(user string, now time.Time) (list []Token, err error) {
	what := "read the tokens of " + user
	rows, err := t.query(what, tokenColumns+`WHERE t.user_name = $1 AND t.revoked = 0 AND t.expires > $2 AND t.uses <> 0
		ORDER BY t.created DESC, t.id`, user, micros(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		k, err := scanToken(rows)
		if err != nil {
			return nil, t.b.wrap(what, err)
		}
		list = append(list, k)
	}
	return list, t.b.wrap(what, rows.Err())
}

// PublishersBy returns the trusted publishers that a user made, pending ones too.
func (t *Tx) PublishersBy(user string) ([]Publisher, error) {
	return t.publishers(`WHERE creator = $1 ORDER BY created, id`, user)
}
