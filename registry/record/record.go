// Package record is the book: everything bonded remembers that is not the
// bytes of an artifact or a document. One struct, [Book], over database/sql;
// SQLite beside the data by default, PostgreSQL when several nodes serve.
//
// Two kinds of rows live here and must not be confused.
//
//	public, recomputable    entry, hash, record, package, file, summary,
//	                        requires, mark: the log and what was folded from it
//	private, only here      user_account, enrolment, token, owner, audit,
//	                        download: who people are and what they did
//
// The first kind is written only under [Book.Lock], in one transaction per
// batch, so that log indexes have no gaps and two nodes never write the same
// one; should a lock ever be lost, the primary key of entry refuses the second
// writer. The second kind never reaches the log, and no secret is stored: only
// SHA-256 sums of tokens and enrolment links.
//
// The same statements ("$1", ON CONFLICT) run on both databases; what differs
// stands in dialect.go and in the two folders under schema. Times are BIGINT
// Unix microseconds, zero for never. Text sorts by bytes in both.
//
// Errors say what was attempted. A row that exists already is a *bonded.Error
// of kind Conflict, a database that cannot be reached or is busy one of kind
// Unavailable; what nobody foresaw stays unclassified and so internal.
package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"bonded.dev"
)

// Book is the database of one repository. It is safe for concurrent use.
type Book struct {
	dialect *dialect
	dsn     string // without password, for messages
	read    *sql.DB
	write   *sql.DB // the same pool as read on PostgreSQL
	path    string  // of the SQLite file; empty on PostgreSQL
	stmts   map[string]*sql.Stmt
	lock    locker
	nameKey []byte // see NameKey
}

// Close ends all connections.
func (b *Book) Close() error {
	err := b.write.Close()
	if b.read != b.write {
		err = errors.Join(b.read.Close(), err)
	}
	return err
}

// Check reports whether the database answers; it is what readiness asks.
func (b *Book) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var n int64
	err := b.read.QueryRowContext(ctx, `SELECT count(*) FROM mark`).Scan(&n)
	return b.wrap("ask the database for a sign of life", err)
}

const (
	checkTimeout = 2 * time.Second
	// A transaction that lost a race is run again, at most so often and so long.
	attempts = 12
	patience = 10 * time.Second
)

// errUnknownOutcome marks a commit whose answer was lost.
var errUnknownOutcome = errors.New("the outcome of the commit is unknown")

// UnknownOutcome reports whether err left open if the transaction was
// committed: the connection ended between COMMIT and its answer. Whoever gets
// it reads the book again before writing on.
func UnknownOutcome(err error) bool { return errors.Is(err, errUnknownOutcome) }

// Update runs do in one read-write transaction and commits it when do returns
// nil. When the database asks for it (a serialization failure, a deadlock, a
// busy file) do runs again from the start, so it must have no other effect.
// The transaction is serializable on both databases. Cancelling ctx rolls
// back, but never during the commit itself.
func (b *Book) Update(ctx context.Context, do func(*Tx) error) error {
	return b.run(ctx, b.write, b.dialect.update, do)
}

// View runs do in a read-only transaction that sees one moment of the book.
func (b *Book) View(ctx context.Context, do func(*Tx) error) error {
	return b.run(ctx, b.read, b.dialect.view, do)
}

func (b *Book) run(ctx context.Context, db *sql.DB, opts *sql.TxOptions, do func(*Tx) error) error {
	start := time.Now()
	for n := 1; ; n++ {
		err := b.once(ctx, db, opts, do)
		if err == nil || !b.dialect.again(err) || n == attempts || time.Since(start) > patience {
			return err
		}
		// Waiting a random time keeps two writers from meeting again.
		pause := time.Duration(1+rand.IntN(1<<min(n, 9))) * time.Millisecond
		select {
		case <-ctx.Done():
			return fmt.Errorf("run a transaction: %w", ctx.Err())
		case <-time.After(pause):
		}
	}
}

func (b *Book) once(ctx context.Context, db *sql.DB, opts *sql.TxOptions, do func(*Tx) error) error {
	conn, tx, err := b.begin(ctx, db, opts)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer tx.Rollback()
	t := &Tx{b: b, ctx: ctx, tx: tx, conn: conn}
	if err := do(t); err != nil {
		return err
	}
	if opts.ReadOnly {
		return nil
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit a transaction: %w", err)
	}
	return b.committed(tx.Commit())
}

// begin opens a transaction. A connection that waited in the pool may have
// been lost there, when the server was started anew for example; then the next
// one is taken, until one has to be made.
func (b *Book) begin(ctx context.Context, db *sql.DB, opts *sql.TxOptions) (*sql.Conn, *sql.Tx, error) {
	for n := 0; ; n++ {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, nil, b.wrap("open a connection to the database", err)
		}
		// The transaction must not watch ctx: it would then be free to roll
		// back while the commit is on its way, and nobody could say which came
		// first.
		tx, err := conn.BeginTx(context.WithoutCancel(ctx), opts)
		if err == nil {
			return conn, tx, nil
		}
		lost := b.dialect.down(err)
		if lost {
			discard(conn)
		} else {
			conn.Close()
		}
		if !lost || n == postgresConns {
			return nil, nil, b.wrap("begin a transaction", err)
		}
	}
}

// committed tells a commit that was refused from one whose answer was lost.
func (b *Book) committed(err error) error {
	if err == nil || b.dialect.refused(err) {
		return b.wrap("commit a transaction", err)
	}
	return &bonded.Error{
		Kind:   bonded.Unavailable,
		Public: "the repository lost its database while saving; look whether the change is there before you try again",
		Err:    fmt.Errorf("commit a transaction: %w: %w", errUnknownOutcome, err),
	}
}

// wrap says what was attempted and classifies what the database answered.
func (b *Book) wrap(what string, err error) error {
	var known *bonded.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", what, err)
	case b.dialect.duplicate(err):
		return &bonded.Error{Kind: bonded.Conflict, Public: what + ": it exists already", Err: err}
	case b.dialect.again(err) || b.dialect.down(err) || errors.Is(err, context.DeadlineExceeded):
		return &bonded.Error{
			Kind:   bonded.Unavailable,
			Public: "the repository's database does not answer right now; nothing was changed; try again in a minute",
			Err:    fmt.Errorf("%s: %w", what, err),
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Tx is one transaction. It belongs to one goroutine and ends with the
// function it was given to.
//
// Writes that come in numbers are collected and sent as few statements, at the
// next read, at Flush, or before the commit; their errors come back there.
// After an error nothing more is written and the transaction ends in rollback.
type Tx struct {
	b       *Book
	ctx     context.Context
	tx      *sql.Tx
	conn    *sql.Conn // that tx runs on
	pending [tableCount]rows
}

// query flushes what is pending, so that a transaction reads its own writes.
func (t *Tx) query(what, text string, args ...any) (*sql.Rows, error) {
	if err := t.Flush(); err != nil {
		return nil, err
	}
	rows, err := t.tx.QueryContext(t.ctx, text, args...)
	return rows, t.b.wrap(what, err)
}

// one reads a single row into dest; found is false when there is none.
func (t *Tx) one(what, text string, args []any, dest ...any) (found bool, err error) {
	if err := t.Flush(); err != nil {
		return false, err
	}
	err = t.tx.QueryRowContext(t.ctx, text, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, t.b.wrap(what, err)
}

// exec runs one statement at once and returns how many rows it touched.
func (t *Tx) exec(what, text string, args ...any) (int64, error) {
	if err := t.Flush(); err != nil {
		return 0, err
	}
	res, err := t.tx.ExecContext(t.ctx, text, args...)
	if err != nil {
		return 0, t.b.wrap(what, err)
	}
	n, err := res.RowsAffected()
	return n, t.b.wrap(what, err)
}

// micros is how times are stored; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
