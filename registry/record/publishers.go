package record

import (
	"context"
	"strings"
	"time"

	"bonded.dev"

	"github.com/go-json-experiment/json"
)

// Publisher is a trusted publisher: a build job that may publish a package.
type Publisher struct {
	ID      string
	Package bonded.Name // Display is not kept
	Issuer  string      // URL
	Subject string      // what tokens are looked up by: a repository, a service account
	Profile string      // which CI system, for people
	Claims  map[string]string
	Creator string
	Created time.Time
	Expires time.Time // of a pending one; zero: never
	Used    time.Time // last exchange; zero: never
}

// Pending says that nobody had taken the name yet when the publisher was made.
func (p Publisher) Pending() bool { return !p.Expires.IsZero() }

const publisherColumns = `SELECT id, eco, key, issuer, subject, profile, claims, creator, created, expires, used FROM publisher `

// AddPublisher stores a trusted publisher.
func (t *Tx) AddPublisher(p Publisher) error {
	claims, err := encodeClaims(p.Claims)
	if err != nil {
		return err
	}
	_, err = t.exec("store a trusted publisher of "+p.Package.String(),
		`INSERT INTO publisher (id, eco, key, issuer, subject, profile, claims, creator, created, expires, used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)`,
		p.ID, p.Package.Ecosystem, p.Package.Key, clean(p.Issuer), clean(p.Subject), clean(p.Profile), claims, p.Creator,
		micros(p.Created), micros(p.Expires))
	return err
}

func encodeClaims(claims map[string]string) (string, error) {
	tidy := make(map[string]string, len(claims))
	for k, v := range claims {
		tidy[clean(k)] = clean(v)
	}
	b, err := json.Marshal(tidy, json.Deterministic(true))
	return string(b), err
}

// UsePublisher notes that a publisher got an upload token, and what is compared
// from now on.
func (t *Tx) UsePublisher(id string, claims map[string]string, at time.Time) error {
	text, err := encodeClaims(claims)
	if err != nil {
		return err
	}
	_, err = t.exec("note the use of a trusted publisher", `UPDATE publisher SET used = $2, claims = $3 WHERE id = $1`, id, micros(at), text)
	return err
}

// RemovePublisher ends a publisher. One that is not there is an error of kind
// NotFound.
func (t *Tx) RemovePublisher(id string) error {
	n, err := t.exec("remove a trusted publisher", `DELETE FROM publisher WHERE id = $1`, id)
	if err == nil && n == 0 {
		err = noPublisher(id)
	}
	return err
}

func noPublisher(id string) error {
	return bonded.Errorf(bonded.NotFound, "there is no trusted publisher %s", id)
}

// SettlePublishers is called when a name is taken. The pending publishers of
// whoever takes it stay for good, unless their time is over; those of others
// are void. What is gone is returned. actor is a user, or "publisher:" and the
// ids that an upload token has.
func (t *Tx) SettlePublishers(name bonded.Name, actor string, now time.Time) (void []Publisher, err error) {
	list, err := t.publishers(`WHERE eco = $1 AND key = $2 AND expires <> 0`, name.Ecosystem, name.Key)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	job, isJob := strings.CutPrefix(actor, "publisher:")
	taker := actor
	for _, p := range list {
		if isJob && holds(job, p.ID) {
			taker = p.Creator
		}
	}
	for _, p := range list {
		if p.Creator != taker || !now.Before(p.Expires) {
			void = append(void, p)
		}
	}
	if _, err := t.exec("settle the publishers of "+name.String(),
		`DELETE FROM publisher WHERE eco = $1 AND key = $2 AND expires <> 0 AND (creator <> $3 OR expires <= $4)`,
		name.Ecosystem, name.Key, taker, micros(now)); err != nil {
		return nil, err
	}
	_, err = t.exec("settle the publishers of "+name.String(),
		`UPDATE publisher SET expires = 0 WHERE eco = $1 AND key = $2`, name.Ecosystem, name.Key)
	return void, err
}

func holds(words, word string) bool {
	for w := range strings.FieldsSeq(words) {
		if w == word {
			return true
		}
	}
	return false
}

// DropPending removes pending publishers whose time is over.
func (t *Tx) DropPending(now time.Time) error {
	_, err := t.exec("drop pending publishers", `DELETE FROM publisher WHERE expires <> 0 AND expires <= $1`, micros(now))
	return err
}

// PublishersOfSubject returns the publishers that an issuer's token may be.
func (t *Tx) PublishersOfSubject(issuer, subject string) ([]Publisher, error) {
	return t.publishers(`WHERE issuer = $1 AND subject = $2 ORDER BY created, id`, issuer, subject)
}

// PublishersOf returns the publishers of a package, pending ones too.
func (t *Tx) PublishersOf(name bonded.Name) ([]Publisher, error) {
	return t.publishers(`WHERE eco = $1 AND key = $2 ORDER BY created, id`, name.Ecosystem, name.Key)
}

// PublishersPending returns the publishers that a user made for names that
// nobody has taken.
func (t *Tx) PublishersPending(user string) ([]Publisher, error) {
	return t.publishers(`WHERE creator = $1 AND expires <> 0 ORDER BY created, id`, user)
}

// PublisherByID returns a publisher; none is an error of kind NotFound.
func (t *Tx) PublisherByID(id string) (Publisher, error) {
	list, err := t.publishers(`WHERE id = $1`, id)
	if err == nil && len(list) == 0 {
		err = noPublisher(id)
	}
	if err != nil {
		return Publisher{}, err
	}
	return list[0], nil
}

// Publisher is Tx.PublisherByID.
func (b *Book) Publisher(ctx context.Context, id string) (p Publisher, err error) {
	err = b.View(ctx, func(t *Tx) error {
		p, err = t.PublisherByID(id)
		return err
	})
	return p, err
}

// PublisherFor returns the publisher of a package among those that an upload
// token was made for (Token.Publisher: ids, separated by blanks), as it is now;
// none is an error of kind NotFound. A pending one whose time is over, or
// whose name somebody else has taken, is none: it was settled when that happened.
func (b *Book) PublisherFor(ctx context.Context, ids string, name bonded.Name, now time.Time) (p Publisher, err error) {
	err = b.View(ctx, func(t *Tx) error {
		list, err := t.PublishersOf(name)
		if err != nil {
			return err
		}
		for _, p = range list {
			if holds(ids, p.ID) && (!p.Pending() || now.Before(p.Expires)) {
				return nil
			}
		}
		return noPublisher(name.String())
	})
	return p, err
}

func (t *Tx) publishers(where string, args ...any) ([]Publisher, error) {
	const what = "read the trusted publishers"
	rows, err := t.query(what, publisherColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Publisher
	for rows.Next() {
		var p Publisher
		var claims string
		var created, expires, used int64
		if err := rows.Scan(&p.ID, &p.Package.Ecosystem, &p.Package.Key, &p.Issuer, &p.Subject, &p.Profile, &claims, &p.Creator,
			&created, &expires, &used); err != nil {
			return nil, t.b.wrap(what, err)
		}
		if err := json.Unmarshal([]byte(claims), &p.Claims); err != nil {
			return nil, t.b.wrap(what, err)
		}
		p.Package.Display = p.Package.Key
		p.Created, p.Expires, p.Used = fromMicros(created), fromMicros(expires), fromMicros(used)
		list = append(list, p)
	}
	return list, t.b.wrap(what, rows.Err())
}

// SpendID takes the id of an identity token, once: of all callers, on all
// nodes, one gets true. It is kept until expires.
func (t *Tx) SpendID(issuer, jti string, expires time.Time) (bool, error) {
	n, err := t.exec("take the id of an identity token",
		`INSERT INTO spent (issuer, jti, expires) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, clean(issuer), jti, micros(expires))
	return n > 0, err
}

// DropSpent forgets ids of tokens that are refused anyway, and upload tokens
// of build jobs that ended a while ago.
func (t *Tx) DropSpent(now, ended time.Time) error {
	if _, err := t.exec("forget ids of identity tokens", `DELETE FROM spent WHERE expires <= $1`, micros(now)); err != nil {
		return err
	}
	_, err := t.exec("forget upload tokens", `DELETE FROM token WHERE publisher <> '' AND expires <= $1`, micros(ended))
	return err
}

// RevokePublisherTokens ends the upload tokens that a publisher got and that
// are still good, those that are good for other packages too.
func (t *Tx) RevokePublisherTokens(id, why string, at time.Time) error {
	_, err := t.exec("revoke upload tokens",
		`UPDATE token SET revoked = $1, why = $2 WHERE publisher <> '' AND expires > $1 AND revoked = 0 AND (' ' || publisher || ' ') LIKE $3`,
		micros(at), clean(why), "% "+id+" %")
	return err
}

// HasPublishers says if any package has a publisher of an issuer.
func (b *Book) HasPublishers(ctx context.Context, issuer string) (has bool, err error) {
	err = b.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM publisher WHERE issuer = $1)`, clean(issuer)).Scan(&has)
	return has, b.wrap("look for the publishers of an issuer", err)
}

// ActiveUser says if an account is there and neither closed, frozen nor erased.
func (t *Tx) ActiveUser(user string) (active bool, err error) {
	_, err = t.one("read the user "+user,
		`SELECT EXISTS (SELECT 1 FROM user_account WHERE name = $1 AND disabled = 0 AND frozen = 0 AND erased = 0)`, []any{user}, &active)
	return active, err
}

// Taken says if a name is claimed.
func (t *Tx) Taken(name bonded.Name) (taken bool, err error) {
	_, err = t.one("look if "+name.String()+" is taken",
		`SELECT EXISTS (SELECT 1 FROM package WHERE eco = $1 AND key = $2)`, []any{name.Ecosystem, name.Key}, &taken)
	return taken, err
}
