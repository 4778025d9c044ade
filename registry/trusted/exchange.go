package trusted

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// Ask is a build job that asks for an upload token.
type Ask struct {
	JWT string
	// Prefix is what the client's own flow puts before our audience.
	Prefix string
	// Only is the package that the client names; nil: every package whose
	// publisher the job is.
	Only *bonded.Name
	// Digests are the artifacts that will come (SHA-256, hexadecimal); none: any.
	Digests []string
	// Network is where the question comes from, coarse; refusals are counted by it.
	Network string
}

const (
	maxDigests  = 200
	maxPackages = 32 // that one upload token is good for

	// Refusals of one network: many at once, then one for each gap.
	refusalGap   = 10 * time.Second
	refusalBurst = 60
	// Lines in the journal of one package.
	lineGap   = 10 * time.Minute
	lineBurst = 6
)

// Exchange takes an identity token and returns an upload token for every
// package whose publisher it matches, or for only one. With digests it uploads
// these artifacts and no others. A token's id (jti) is taken once, by one node
// and one request. Errors are of kind Forbidden and name the claim; Unavailable
// while an issuer's keys cannot be had; TooMany after many refusals.
func (r *Room) Exchange(ctx context.Context, a Ask) (secret identity.Secret, t record.Token, err error) {
	digests, err := tidy(a.Digests)
	if err != nil {
		return secret, t, err
	}
	s, err := r.read(ctx, a.JWT, a.Prefix+r.Audience)
	if err != nil {
		return secret, t, r.refuse(ctx, a, nil, err)
	}
	j, err := s.job()
	if err != nil {
		return secret, t, r.refuse(ctx, a, s, err)
	}
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		fresh, err := tx.SpendID(j.issuer, j.jti, j.until)
		if err != nil {
			return err
		}
		if !fresh && !r.Without(hardened) {
			return refusal("the claim jti of the identity token is one that was taken before: each token is good once; ask the platform for another")
		}
		chosen, err := r.choose(tx, j, a.Only)
		if err != nil {
			return err
		}
		secret, t, err = r.mint(tx, j, chosen, digests)
		return err
	})
	if err != nil {
		return identity.Secret{}, record.Token{}, r.refuse(ctx, a, s, err)
	}
	return secret, t, nil
}

// tidy puts digests into the form that drafts are compared with.
func tidy(digests []string) ([]string, error) {
	if len(digests) > maxDigests {
		return nil, bonded.Errorf(bonded.Invalid, "%d digests are more than the %d that one token can carry", len(digests), maxDigests)
	}
	out := make([]string, 0, len(digests))
	for _, d := range digests {
		d = strings.ToLower(strings.TrimPrefix(d, "sha256:"))
		if b, err := hex.DecodeString(d); err != nil || len(b) != 32 {
			return nil, bonded.Errorf(bonded.Invalid, "%s is no SHA-256 of an artifact: want 64 hexadecimal digits", show(d))
		}
		out = append(out, d)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// choose returns the publishers that a job is.
func (r *Room) choose(tx *record.Tx, j *job, only *bonded.Name) (chosen []record.Publisher, err error) {
	list, err := r.candidates(tx, j.statement, only)
	if err != nil {
		return nil, err
	}
	var why error
	for _, p := range list {
		err := j.fits(p)
		if err == nil && p.Pending() {
			err = r.open(tx, p)
		}
		switch {
		case err == nil:
			chosen = append(chosen, p)
		case why == nil || errors.As(err, &strange{}):
			why = err
		}
	}
	chosen, dropped := undisputed(chosen)
	if dropped != nil && why == nil {
		why = bonded.Refusal(bonded.Forbidden, "trusted-publishing", "more than one account waits with this same job for the name %s, so it cannot be known whose it would be; publish its first release with a token, and add the trusted publisher on its page then", dropped.Package)
	}
	chosen = fair(chosen)
	switch {
	case len(chosen) > 0:
		return chosen, nil
	case why != nil:
		return nil, why
	case only != nil:
		return nil, bonded.Refusal(bonded.Forbidden, "trusted-publishing", "%s is no trusted publisher of %s; one of the owners adds it on the page of the package, or, while nobody has taken the name, on the page of the own account", show(j.subject), only)
	}
	return nil, bonded.Refusal(bonded.Forbidden, "trusted-publishing", "%s is no trusted publisher of any package here; one of the owners adds it on the page of the package", show(j.subject))
}

// candidates are the publishers that have the name of the job's repository.
func (r *Room) candidates(tx *record.Tx, s *statement, only *bonded.Name) ([]record.Publisher, error) {
	list, err := tx.PublishersOfSubject(s.issuer, s.profile.subject(s.claims))
	return slices.DeleteFunc(list, func(p record.Publisher) bool {
		return only != nil && (p.Package.Ecosystem != only.Ecosystem || p.Package.Key != only.Key)
	}), err
}

// open says why a pending publisher is not good any more.
func (r *Room) open(tx *record.Tx, p record.Publisher) error {
	if !r.Now().Before(p.Expires) {
		return bonded.Refusal(bonded.Forbidden, "trusted-publishing", "the trusted publisher of %s waited 30 days for its first release and has ended; add it again", p.Package)
	}
	claimed, err := tx.Taken(p.Package)
	if err != nil {
		return err
	}
	active, err := tx.ActiveUser(p.Creator)
	switch {
	case err != nil:
		return err
	case claimed:
		return bonded.Refusal(bonded.Forbidden, "trusted-publishing", "the name %s was taken by somebody else, so the trusted publisher that waited for it is void", p.Package)
	case !active:
		return bonded.Refusal(bonded.Forbidden, "trusted-publishing", "the account that the trusted publisher of %s waits for is closed or frozen", p.Package)
	}
	return nil
}

// mint makes the upload token, notes ids that were not known, and writes a line
// for each package.
func (r *Room) mint(tx *record.Tx, j *job, chosen []record.Publisher, digests []string) (secret identity.Secret, t record.Token, err error) {
	var ids []string
	var packages []bonded.Name
	for _, p := range chosen {
		ids = append(ids, p.ID)
		if !slices.ContainsFunc(packages, func(n bonded.Name) bool { return n == p.Package }) {
			packages = append(packages, p.Package)
		}
	}
	if r.Without(hardened) {
		digests = nil
	}
	if secret, t, err = r.Keeper.JobToken(tx, ids, packages, digests); err != nil {
		return secret, t, err
	}
	now := r.Now()
	for _, p := range chosen {
		all, noted := j.pinned(p)
		if err := tx.UsePublisher(p.ID, all, now); err != nil {
			return secret, t, err
		}
		line := record.Audit{At: now, Actor: "publisher:" + p.ID, Subject: p.Package.String()}
		if p.Pending() {
			line.Account = p.Creator
		}
		if len(noted) > 0 {
			line.Action, line.Detail = "publisher.pin", j.subject+" came for the first time: "+strings.Join(noted, ", ")
			if err := event.Record(tx, line); err != nil {
				return secret, t, err
			}
		}
		line.Action, line.Detail = "publisher.exchange", "token "+t.ID+" for "+j.subject
		if ref := j.value(factRef); ref != "" {
			line.Detail += " at " + ref
		}
		if err := event.Record(tx, line); err != nil {
			return secret, t, err
		}
	}
	return secret, t, nil
}

// refuse counts a refusal and writes it where the owners can see it. Only the
// journals of packages whose publisher has the repository's name get a line,
// and so many an hour: tokens of large platforms are anybody's.
func (r *Room) refuse(ctx context.Context, a Ask, s *statement, why error) error {
	switch kind, _, _ := bonded.Explain(why); kind {
	case bonded.Forbidden:
	default:
		return why
	}
	var wait time.Duration
	err := r.Book.Update(ctx, func(tx *record.Tx) (err error) {
		now := r.Now()
		if wait, err = tx.Meter("exchange refused "+a.Network, now, refusalGap, refusalBurst); err != nil || wait > 0 || s == nil {
			return err
		}
		return r.note(tx, s, a.Only, why)
	})
	if err != nil {
		return err
	}
	if wait > 0 {
		return bonded.Errorf(bonded.TooMany, "many identity tokens from your network were refused; look at the reason of an earlier one, and try again in %s", wait.Round(time.Second))
	}
	return why
}

func (r *Room) note(tx *record.Tx, s *statement, only *bonded.Name, why error) error {
	list, err := r.candidates(tx, s, only)
	if err != nil {
		return err
	}
	now := r.Now()
	seen := map[string]bool{}
	_, _, public := bonded.Explain(why)
	action := "publisher.refuse"
	if errors.As(why, &strange{}) {
		action = "publisher.strange"
	}
	for _, p := range list {
		subject := p.Package.String()
		if seen[subject] {
			continue
		}
		seen[subject] = true
		wait, err := tx.Meter("exchange line "+action+" "+subject, now, lineGap, lineBurst)
		if err != nil {
			return err
		}
		if wait > 0 {
			continue
		}
		line := record.Audit{At: now, Actor: "publisher:" + p.ID, Action: action, Subject: subject, Detail: public}
		if p.Pending() {
			line.Account = p.Creator
		}
		if err := event.Record(tx, line); err != nil {
			return err
		}
	}
	return nil
}

// Revoke ends an upload token of a build job before its time; who has the
// token may. Any other token is an error of kind Forbidden.
func (r *Room) Revoke(ctx context.Context, text string) error {
	secret, err := identity.ParseToken(text)
	if err != nil {
		return err
	}
	t, err := r.Book.TokenByHash(ctx, secret.Hash())
	if kind, _, _ := bonded.Explain(err); err != nil && kind == bonded.NotFound || err == nil && !t.Revoked.IsZero() {
		return bonded.Errorf(bonded.Unauthorized, "this repository does not know the token, or it was revoked already")
	}
	if err != nil {
		return err
	}
	if t.Publisher == "" {
		return bonded.Errorf(bonded.Forbidden, "this is not the upload token of a build job; other tokens are revoked on the page of the account")
	}
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		now := r.Now()
		if err := tx.RevokeToken(t.ID, "the job ended", now); err != nil {
			return err
		}
		return event.Record(tx, record.Audit{At: now, Actor: "publisher:" + t.Publisher, Action: "publisher.done", Subject: t.ID, Detail: "the job gave its upload token back"})
	})
}
