package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

// kindErase is what an erasure is among the changes that wait.
const kindErase = "erase"

// wish is the body of an erasure that waits.
type wish struct {
	Orphan bool `json:"orphan"`
}

// AskErase asks for the erasure of a user and returns when it will be made. With
// orphan, packages and organisations that nobody else looks after stay without
// an owner; else they are a reason to refuse. now says that it need not wait:
// for an operator on the host.
func (r *Room) AskErase(ctx context.Context, user, actor string, orphan, now bool) (due time.Time, err error) {
	u, err := r.Book.User(ctx, user)
	if err != nil {
		return due, err
	}
	if !u.Erased.IsZero() {
		return due, bonded.Errorf(bonded.NotFound, "there is no user %s", user)
	}
	if err := r.mayErase(ctx, user, orphan); err != nil {
		return due, err
	}
	list, err := r.Book.WaitingOfAccount(ctx, user)
	if err != nil {
		return due, err
	}
	for _, w := range list {
		if w.Kind == kindErase && !now {
			return w.Due, bonded.Errorf(bonded.Conflict, "the erasure of %s was asked for before; it will be made at %s",
				user, w.Due.UTC().Format("15:04 UTC on 2 January 2006"))
		}
	}
	body, err := json.Marshal(wish{orphan})
	if err != nil {
		return due, err
	}
	err = r.Book.Update(ctx, func(tx *record.Tx) error {
		ask := record.Waiting{Kind: kindErase, Account: user, Actor: actor, Body: body}
		if now {
			ask.Due = r.Now()
		}
		w, err := r.Waiting.Put(tx, ask)
		if err != nil {
			return err
		}
		due = w.Due
		return event.Record(tx, record.Audit{At: r.Now(), Actor: actor, Action: "user.ask-erase", Subject: user, Account: user, Waiting: w.ID})
	})
	return due, err
}

// mayErase refuses to leave packages without an owner unless that is meant.
func (r *Room) mayErase(ctx context.Context, user string, orphan bool) error {
	packages, orgs, err := r.Book.SoleOwner(ctx, user)
	if err != nil || orphan || len(packages)+len(orgs) == 0 {
		return err
	}
	var list []string
	for _, n := range packages {
		list = append(list, n.String())
	}
	for _, o := range orgs {
		list = append(list, "@"+o)
	}
	return bonded.Errorf(bonded.Conflict,
		"nobody but %s looks after %s; transfer each to somebody or add an owner, or say that they shall stay without one", user, few(list))
}

// few names the first of many.
func few(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

func (r *Room) due(ctx context.Context, w record.Waiting) error {
	var body wish
	if err := json.Unmarshal(w.Body, &body); err != nil {
		return fmt.Errorf("reading what was asked for: %w", err)
	}
	return r.Erase(ctx, w.Account, body.Orphan)
}

// Erase erases a user now. It can be repeated after a failure or a crash: what
// was done stays done, and the account is closed first.
func (r *Room) Erase(ctx context.Context, user string, orphan bool) error {
	u, err := r.Book.User(ctx, user)
	if err != nil {
		return err
	}
	if err := r.mayErase(ctx, user, orphan); err != nil {
		return err
	}
	if u.Disabled.IsZero() {
		err := r.Book.Update(ctx, func(tx *record.Tx) error { return tx.SetDisabled(user, r.Now()) })
		if err != nil {
			return err
		}
	}
	if err := r.erase(ctx, user); err != nil {
		// The account is closed by now: what could not be done is done later.
		return &bonded.Error{Kind: bonded.Unavailable, Err: err,
			Public: "the erasure of " + user + " could not be completed; the account is closed, and the rest is tried again"}
	}
	if err := r.Book.Compact(ctx); err != nil {
		// It is erased; the bytes go with the next compaction.
		r.Log.Warn("the database file was not compacted after an erasure", "err", err)
	}
	return nil
}

func (r *Room) erase(ctx context.Context, user string) error {
	as := "erased-" + newWord()
	// A request that was under way when the account was closed may still take a
	// name; then the user owns something again and it is done once more.
	for try := 1; ; try++ {
		if err := r.leave(ctx, user); err != nil {
			return err
		}
		docs, err := r.naming(ctx, user)
		if err != nil {
			return err
		}
		if err := r.Desk.Forget(ctx, docs...); err != nil {
			return err
		}
		err = r.Book.Update(ctx, func(tx *record.Tx) error {
			if err := tx.EraseUser(user, as, r.Now()); err != nil {
				return err
			}
			return event.Record(tx, record.Audit{At: r.Now(), Actor: "bonded", Action: "user.erase", Subject: as, Account: as})
		})
		if kind, _, _ := bonded.Explain(err); err != nil && (kind != bonded.Conflict || try == 3) {
			return err
		}
		if err == nil {
			return nil
		}
	}
}

// leave ends every ownership of a user in the public log. A package that is
// left without an owner is left without trusted publishers too: nobody would
// notice what they do.
func (r *Room) leave(ctx context.Context, user string) error {
	var owned []bonded.Name
	err := r.Book.View(ctx, func(tx *record.Tx) (err error) {
		owned, err = tx.Owned(user)
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range owned {
		left := 0
		_, err := r.Desk.Owners(ctx, n, publish.House{}, func(tx *record.Tx) error {
			if err := tx.RemoveOwner(n, user); err != nil {
				return err
			}
			rest, err := tx.Owners(n)
			if err != nil {
				return err
			}
			left = len(rest)
			return event.Record(tx, record.Audit{At: r.Now(), Actor: "bonded", Action: "owner.remove", Subject: n.String(), Account: user,
				Detail: user + " left; the account is being erased"})
		})
		if err != nil {
			return err
		}
		if left > 0 {
			continue
		}
		if _, err := r.Desk.Policy(ctx, n, publish.House{}, func(tx *record.Tx) error { return r.endPublishers(tx, n) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *Room) endPublishers(tx *record.Tx, n bonded.Name) error {
	list, err := tx.PublishersOf(n)
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := tx.RemovePublisher(p.ID); err != nil {
			return err
		}
		if err := tx.RevokePublisherTokens(p.ID, "the package has no owner any more", r.Now()); err != nil {
			return err
		}
		err := event.Record(tx, record.Audit{At: r.Now(), Actor: "bonded", Action: "publisher.remove", Subject: n.String(), Detail: p.ID + ": the package has no owner any more"})
		if err != nil {
			return err
		}
	}
	return nil
}

// naming finds the documents of the log that name a user: every set of owners
// with the user in it, and every override for the account.
func (r *Room) naming(ctx context.Context, user string) (docs []bonded.Digest, err error) {
	err = r.Book.View(ctx, func(tx *record.Tx) error {
		docs = nil
		for row, err := range tx.NamingEntries() {
			if err != nil {
				return err
			}
			body, err := tx.Doc(row.Entry.Doc)
			if kind, _, _ := bonded.Explain(err); err != nil && kind == bonded.NotFound {
				continue // deleted before
			}
			if err != nil {
				return err
			}
			if names(body, user) {
				docs = append(docs, row.Entry.Doc)
			}
		}
		return nil
	})
	return docs, err
}

// names says if a document of owners, or of an override, is about a user.
func names(body []byte, user string) bool {
	var doc struct {
		Salt    string   `json:"salt"`
		Owners  []string `json:"owners"`
		Account string   `json:"account"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return strings.Contains(string(body), user) // not ours to read: better too many
	}
	return slices.Contains(doc.Owners, user) || doc.Account != "" && doc.Account == Blind(doc.Salt, user)
}

// Blind is how a public document speaks of an account: whoever knows the name
// finds it, and without the document nobody does.
func Blind(salt, user string) string {
	m := hmac.New(sha256.New, []byte(salt))
	m.Write([]byte(user)) //nolint:errcheck // a hash takes everything
	return fmt.Sprintf("%x", m.Sum(nil))
}

// newWord is a word that no user can have: names are in lower case.
func newWord() string {
	b := make([]byte, 5)
	rand.Read(b) //nolint:errcheck // crypto/rand.Read never fails
	return base32.StdEncoding.EncodeToString(b)
}
