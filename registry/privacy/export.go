package privacy

import (
	"context"
	"time"

	"bonded.dev/registry/event"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Format names what Export returns; docs/formats/person.md describes it.
const Format = "bonded-person/v1"

// Person is everything that is kept about somebody.
type Person struct {
	Format string    `json:"format"`
	Made   time.Time `json:"made"`
	User   string    `json:"user"`
	// Kept are the rows about the person, by table of the database: what is
	// secret is left out, and so is what is empty. Tables without such rows are
	// empty lists, so that a reader sees what there could be.
	Kept map[string][]map[string]any `json:"kept"`
}

// Export returns everything that is kept about a user, as JSON, and writes into
// the journal that actor asked for it.
func (r *Room) Export(ctx context.Context, user, actor string) ([]byte, error) {
	if _, err := r.Book.User(ctx, user); err != nil {
		return nil, err
	}
	now := r.Now().UTC().Truncate(time.Second)
	// First the line, so that it stands in the export too.
	err := r.Book.Update(ctx, func(tx *record.Tx) error {
		return event.Record(tx, record.Audit{At: now, Actor: actor, Action: "user.export", Subject: user, Account: user})
	})
	if err != nil {
		return nil, err
	}
	p := Person{Format: Format, Made: now, User: user}
	if p.Kept, err = r.Book.Personal(ctx, user); err != nil {
		return nil, err
	}
	return json.Marshal(p, json.Deterministic(true), jsontext.WithIndent("  "))
}
