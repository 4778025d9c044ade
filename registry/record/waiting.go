package record

import (
	"context"
	"time"

	"bonded.dev"
)

// Waiting is a change that weakens something and so takes effect only later.
type Waiting struct {
	ID      string
	Kind    string      // which room does it when it is due
	Account string      // whose account; empty: it is about a package
	Package bonded.Name // zero: it is about an account
	Actor   string      // who asked for it
	Body    []byte      // for the room, JSON
	Cancel  bonded.Digest
	Created time.Time
	Due     time.Time
	Ended   time.Time // zero: it waits, or is being made
	Outcome string    // doing, done, cancelled, failed; empty: it waits
}

const waitingColumns = `SELECT id, kind, account, eco, pkg, actor, body, cancel, created, due, ended, outcome FROM waiting `

// AddWaiting stores a change that waits.
func (t *Tx) AddWaiting(w Waiting) error {
	_, err := t.exec("let a change wait",
		`INSERT INTO waiting (id, kind, account, eco, pkg, actor, body, cancel, created, due, ended, outcome)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, '')`,
		w.ID, w.Kind, w.Account, w.Package.Ecosystem, w.Package.Key, w.Actor, w.Body, w.Cancel[:], micros(w.Created), micros(w.Due))
	return err
}

// EndWaiting closes a change, once: of two callers one gets true.
func (t *Tx) EndWaiting(id, outcome string, at time.Time) (ended bool, err error) {
	n, err := t.exec("end a change that waits",
		`UPDATE waiting SET ended = $2, outcome = $3 WHERE id = $1 AND ended = 0`, id, micros(at), outcome)
	return n > 0, err
}

// WaitingDoing is the outcome of a change that somebody began to make.
const WaitingDoing = "doing"

// TakeWaiting begins to make a change that is due. It ends with FinishWaiting,
// FailWaiting or ReopenWaiting, or with being taken once more: also one that was
// begun at stale or before is, for whoever began it has died. Of two callers one
// gets true.
func (t *Tx) TakeWaiting(id string, at, stale time.Time) (taken bool, err error) {
	n, err := t.exec("begin to make a change",
		`UPDATE waiting SET ended = $2, outcome = 'doing' WHERE id = $1 AND (ended = 0 OR outcome = 'doing' AND ended <= $3)`,
		id, micros(at), micros(stale))
	return n > 0, err
}

// FinishWaiting notes that a change that was taken is made; false: it was noted
// before, or the change was not taken.
func (t *Tx) FinishWaiting(id string, at time.Time) (finished bool, err error) {
	n, err := t.exec("note that a change is made",
		`UPDATE waiting SET ended = $2, outcome = 'done' WHERE id = $1 AND outcome = 'doing'`, id, micros(at))
	return n > 0, err
}

// FinishWaitingOf is FinishWaiting for what is being made of a kind for an account.
func (t *Tx) FinishWaitingOf(account, kind string, at time.Time) error {
	_, err := t.exec("note that changes are made",
		`UPDATE waiting SET ended = $3, outcome = 'done' WHERE account = $1 AND kind = $2 AND outcome = 'doing'`, account, kind, micros(at))
	return err
}

// ReopenWaiting lets a change that was taken wait on: it could not be made just now.
func (t *Tx) ReopenWaiting(id string) error {
	_, err := t.exec("let a change wait on", `UPDATE waiting SET ended = 0, outcome = '' WHERE id = $1 AND outcome = 'doing'`, id)
	return err
}

// FailWaiting notes that a change that was taken could not be made.
func (t *Tx) FailWaiting(id string) error {
	_, err := t.exec("note that a change failed", `UPDATE waiting SET outcome = 'failed' WHERE id = $1 AND outcome = 'doing'`, id)
	return err
}

// WaitingByID returns a change; none is an error of kind NotFound.
func (b *Book) WaitingByID(ctx context.Context, id string) (Waiting, error) {
	list, err := b.waiting(ctx, `WHERE id = $1`, id)
	if err == nil && len(list) == 0 {
		return Waiting{}, bonded.Errorf(bonded.NotFound, "there is no change %s that waits", id)
	}
	if err != nil {
		return Waiting{}, err
	}
	return list[0], nil
}

// WaitingDue returns changes whose time has come, oldest first, and those that
// were begun at stale or before.
func (b *Book) WaitingDue(ctx context.Context, now, stale time.Time) ([]Waiting, error) {
	return b.waiting(ctx, `WHERE ended = 0 AND due <= $1 OR outcome = 'doing' AND ended <= $2 ORDER BY due, id LIMIT 100`, micros(now), micros(stale))
}

// WaitingOfAccount returns what still waits for an account.
func (b *Book) WaitingOfAccount(ctx context.Context, user string) ([]Waiting, error) {
	return b.waiting(ctx, `WHERE ended = 0 AND account = $1 ORDER BY due, id`, user)
}

// WaitingOfPackage returns what still waits for a package.
func (b *Book) WaitingOfPackage(ctx context.Context, n bonded.Name) ([]Waiting, error) {
	return b.waiting(ctx, `WHERE ended = 0 AND eco = $1 AND pkg = $2 ORDER BY due, id`, n.Ecosystem, n.Key)
}

// WaitingOfKind returns what still waits of one kind, oldest first.
func (b *Book) WaitingOfKind(ctx context.Context, kind string) ([]Waiting, error) {
	return b.waiting(ctx, `WHERE ended = 0 AND kind = $1 ORDER BY created, id`, kind)
}

// Waits returns what still waits and was asked for by a user, or is about the
// user's account.
func (t *Tx) Waits(user string) ([]Waiting, error) {
	return t.waiting(`WHERE ended = 0 AND (actor = $1 OR account = $1) ORDER BY due, id`, user)
}

// WaitsOn returns what still waits for a package.
func (t *Tx) WaitsOn(n bonded.Name) ([]Waiting, error) {
	return t.waiting(`WHERE ended = 0 AND eco = $1 AND pkg = $2 ORDER BY due, id`, n.Ecosystem, n.Key)
}

// WaitsByID returns a change, whatever became of it; none is an error of kind
// NotFound.
func (t *Tx) WaitsByID(id string) (Waiting, error) {
	list, err := t.waiting(`WHERE id = $1`, id)
	if err == nil && len(list) == 0 {
		err = bonded.Errorf(bonded.NotFound, "there is no change %s that waits", id)
	}
	if err != nil {
		return Waiting{}, err
	}
	return list[0], nil
}

// PutWaiting writes down what a change waits for, and until when.
func (t *Tx) PutWaiting(id string, body []byte, due time.Time) error {
	_, err := t.exec("put a change off", `UPDATE waiting SET body = $2, due = $3 WHERE id = $1`, id, body, micros(due))
	return err
}

func (b *Book) waiting(ctx context.Context, where string, args ...any) (list []Waiting, err error) {
	err = b.View(ctx, func(t *Tx) error {
		list, err = t.waiting(where, args...)
		return err
	})
	return list, err
}

func (t *Tx) waiting(where string, args ...any) (list []Waiting, err error) {
	const what = "read the changes that wait"
	rows, err := t.query(what, waitingColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w Waiting
		var cancel []byte
		var created, due, ended int64
		if err := rows.Scan(&w.ID, &w.Kind, &w.Account, &w.Package.Ecosystem, &w.Package.Key, &w.Actor, &w.Body, &cancel,
			&created, &due, &ended, &w.Outcome); err != nil {
			return nil, t.b.wrap(what, err)
		}
		copy(w.Cancel[:], cancel)
		w.Package.Display = w.Package.Key
		w.Created, w.Due = fromMicros(created), fromMicros(due)
		if w.Outcome != WaitingDoing { // else it is since when somebody is at it
			w.Ended = fromMicros(ended)
		}
		list = append(list, w)
	}
	return list, t.b.wrap(what, rows.Err())
}
