package record

import (
	"context"
	"strings"
	"time"

	"bonded.dev"
)

// Policy is how a package may be published.
type Policy struct {
	TrustedOnly bool // no token of a person publishes
	TwoPerson   bool // somebody else approves each release
}

// Staged is a release that waits for a second person.
type Staged struct {
	ID       string
	Name     bonded.Name
	Version  string
	Actor    string   // who staged it: a user, or "publisher:ID"
	Files    []string // name, blank, SHA-256 in hexadecimal
	Blobs    []string // where in quarantine its bytes are
	Body     []byte   // the draft, JSON; only Book.Staged reads it, and it goes with the answer
	Created  time.Time
	Expires  time.Time
	State    string // waits, approved, rejected, expired
	Answerer string
	Answered time.Time
	Reason   string
}

// States of a staged release.
const (
	StagedWaits    = "waits"
	StagedApproved = "approved"
	StagedRejected = "rejected"
	StagedExpired  = "expired"
)

// AddStaged lets a release wait. ID, Name, Version, Actor, Files, Blobs, Body,
// Created and Expires count.
func (t *Tx) AddStaged(s Staged) error {
	_, err := t.exec("stage a release of "+s.Name.String(),
		`INSERT INTO staged (id, eco, key, display, version, actor, files, blobs, body, created, expires, state, answerer, answered, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'waits', '', 0, '')`,
		s.ID, s.Name.Ecosystem, s.Name.Key, s.Name.Display, s.Version, s.Actor, strings.Join(s.Files, "\n"), strings.Join(s.Blobs, "\n"),
		s.Body, micros(s.Created), micros(s.Expires))
	return err
}

// EndStaged answers a release, once: of two callers one gets true. The bytes of
// an approved one belong to its facts from then on; where those of any other are
// stays noted until StagedGone.
func (t *Tx) EndStaged(id, state, answerer, reason string, at time.Time) (ended bool, err error) {
	n, err := t.exec("answer the staged release "+id,
		`UPDATE staged SET state = $2, answerer = $3, reason = $4, answered = $5, body = $6,
			blobs = CASE WHEN $2 = 'approved' THEN '' ELSE blobs END
		WHERE id = $1 AND state = 'waits'`, id, state, answerer, clean(reason), micros(at), []byte{})
	return n > 0, err
}

// StagedGone notes that the bytes of an answered release are thrown away.
func (t *Tx) StagedGone(id string) error {
	_, err := t.exec("forget the bytes of a staged release", `UPDATE staged SET blobs = '' WHERE id = $1 AND state <> 'waits'`, id)
	return err
}

const stagedColumns = `SELECT id, eco, key, display, version, actor, files, blobs, created, expires, state, answerer, answered, reason FROM staged `

// Staged returns a release with its draft, whatever its state; none is an error
// of kind NotFound.
func (b *Book) Staged(ctx context.Context, id string) (s Staged, err error) {
	err = b.View(ctx, func(t *Tx) error {
		list, err := t.staged(`WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return NoStaged(id)
		}
		s = list[0]
		_, err = t.one("read a staged release", `SELECT body FROM staged WHERE id = $1`, []any{id}, &s.Body)
		return err
	})
	return s, err
}

// NoStaged is what whoever may not see a staged release hears too.
func NoStaged(id string) error {
	return bonded.Errorf(bonded.NotFound, "there is no staged release %s that you could see", clean(id))
}

// StagedOf returns what waits of a package and has not expired, oldest first.
func (t *Tx) StagedOf(name bonded.Name, now time.Time) ([]Staged, error) {
	return t.staged(`WHERE eco = $1 AND key = $2 AND state = 'waits' AND expires > $3 ORDER BY created, id`,
		name.Ecosystem, name.Key, micros(now))
}

// StagedBy counts what waits of an actor, and has not expired.
func (t *Tx) StagedBy(actor string, now time.Time) (n int, err error) {
	_, err = t.one("count what "+actor+" has staged",
		`SELECT count(*) FROM staged WHERE actor = $1 AND state = 'waits' AND expires > $2`, []any{actor, micros(now)}, &n)
	return n, err
}

// StagedOf is Tx.StagedOf in a transaction of its own.
func (b *Book) StagedOf(ctx context.Context, name bonded.Name, now time.Time) ([]Staged, error) {
	return b.staged(ctx, func(t *Tx) ([]Staged, error) { return t.StagedOf(name, now) })
}

// StagedWaiting returns the n oldest releases that wait and have not expired.
func (b *Book) StagedWaiting(ctx context.Context, now time.Time, n int) ([]Staged, error) {
	return b.staged(ctx, func(t *Tx) ([]Staged, error) {
		return t.staged(`WHERE state = 'waits' AND expires > $1 ORDER BY created, id LIMIT $2`, micros(now), n)
	})
}

// StagedDue returns releases that wait and whose time is over.
func (b *Book) StagedDue(ctx context.Context, now time.Time) ([]Staged, error) {
	return b.staged(ctx, func(t *Tx) ([]Staged, error) {
		return t.staged(`WHERE state = 'waits' AND expires <= $1 ORDER BY expires, id LIMIT 100`, micros(now))
	})
}

// StagedLeft returns releases that were answered with no and whose bytes are
// still there, because whoever answered died before they were thrown away.
func (b *Book) StagedLeft(ctx context.Context) ([]Staged, error) {
	return b.staged(ctx, func(t *Tx) ([]Staged, error) {
		return t.staged(`WHERE state <> 'waits' AND blobs <> '' ORDER BY id LIMIT 100`)
	})
}

// StagedBlobs returns where the bytes of every release that waits are.
func (t *Tx) StagedBlobs() ([]string, error) {
	list, err := t.strings("read what is staged", `SELECT blobs FROM staged WHERE state = 'waits' ORDER BY id`)
	var ids []string
	for _, lines := range list {
		ids = append(ids, splitLines(lines)...)
	}
	return ids, err
}

func (b *Book) staged(ctx context.Context, read func(*Tx) ([]Staged, error)) (list []Staged, err error) {
	err = b.View(ctx, func(t *Tx) error {
		list, err = read(t)
		return err
	})
	return list, err
}

func (t *Tx) staged(where string, args ...any) ([]Staged, error) {
	const what = "read the staged releases"
	rows, err := t.query(what, stagedColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Staged
	for rows.Next() {
		var s Staged
		var files, blobs string
		var created, expires, answered int64
		if err := rows.Scan(&s.ID, &s.Name.Ecosystem, &s.Name.Key, &s.Name.Display, &s.Version, &s.Actor, &files, &blobs,
			&created, &expires, &s.State, &s.Answerer, &answered, &s.Reason); err != nil {
			return nil, t.b.wrap(what, err)
		}
		s.Files, s.Blobs = splitLines(files), splitLines(blobs)
		s.Created, s.Expires, s.Answered = fromMicros(created), fromMicros(expires), fromMicros(answered)
		list = append(list, s)
	}
	return list, t.b.wrap(what, rows.Err())
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

const twoPerson = `SELECT EXISTS (SELECT 1 FROM policy WHERE eco = $1 AND key = $2 AND two_person <> 0),
	EXISTS (SELECT 1 FROM org WHERE name = $3 AND two_person <> 0)`

// TwoPerson says if a second person has to approve the releases of a package
// because its own rules say so, and if they do because an organisation, which
// may be none, wants it of what it takes.
func (t *Tx) TwoPerson(name bonded.Name, org string) (own, wanted bool, err error) {
	_, err = t.one("read how "+name.String()+" is released", twoPerson, []any{name.Ecosystem, name.Key, org}, &own, &wanted)
	return own, wanted, err
}

// TwoPerson is Tx.TwoPerson outside of a transaction.
func (b *Book) TwoPerson(ctx context.Context, name bonded.Name, org string) (own, wanted bool, err error) {
	err = b.read.QueryRowContext(ctx, twoPerson, name.Ecosystem, name.Key, org).Scan(&own, &wanted)
	return own, wanted, b.wrap("read how "+name.String()+" is released", err)
}
