package record

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"bonded.dev"
)

// locker is the sequencer's lock on one kind of database.
type locker interface {
	lock(ctx context.Context) (unlock func(), err error)
	// held asks the holder of the lock whether it still has it.
	held(ctx context.Context) error
}

// Lock waits until this process alone, on this machine and on all others that
// share the database, may write history, and returns the function that lets
// the next one in; calling it again does nothing. It is held for one batch.
//
// PostgreSQL: a session-level advisory lock on a connection of its own, so a
// proxy that shares sessions between clients must not stand in between. When
// the connection is lost the server frees the lock; see StillLocked.
// SQLite: a lock of the operating system on the file <database>.lock, which it
// frees when the process ends, however it ends.
func (b *Book) Lock(ctx context.Context) (unlock func(), err error) {
	unlock, err = b.lock.lock(ctx)
	return unlock, b.wrap("wait for the right to write the log", err)
}

// StillLocked reports an error of kind Unavailable when the lock that this
// process holds has been lost. Whoever publishes outside the database, a
// checkpoint above all, asks after the commit and before the publication:
// else an older checkpoint could be written over a newer one.
func (b *Book) StillLocked(ctx context.Context) error {
	return b.wrap("make sure of the right to write the log", b.lock.held(ctx))
}

func errLockLost(cause error) error {
	return &bonded.Error{
		Kind:   bonded.Unavailable,
		Public: "the repository lost the right to write its log to another node; try again",
		Err:    cause,
	}
}

// turn lets one goroutine in at a time and can be given up waiting for.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) leave() { <-t }

func (t turn) taken() bool { return len(t) == 1 }

// fileLock is a file that the operating system locks for one process.
type fileLock struct {
	path string
	turn turn // between the goroutines of this process
}

func newFileLock(path string) *fileLock { return &fileLock{path, make(turn, 1)} }

func (l *fileLock) lock(ctx context.Context) (func(), error) {
	if err := l.turn.take(ctx); err != nil {
		return nil, err
	}
	f, err := l.open(ctx)
	if err != nil {
		l.turn.leave()
		return nil, err
	}
	return sync.OnceFunc(func() {
		f.Close() // closing the only descriptor frees the lock
		l.turn.leave()
	}), nil
}

// open takes the lock without blocking a thread for ever: it asks, and asks
// again a little later. The file stays; deleting it would let two in.
func (l *fileLock) open(ctx context.Context) (*os.File, error) {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		ok, err := tryLock(f)
		if ok {
			return f, nil
		}
		if err == nil {
			select {
			case <-time.After(pause):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", l.path, err), f.Close())
	}
}

func (l *fileLock) held(context.Context) error {
	if !l.turn.taken() {
		return errLockLost(errors.New("nobody here holds the lock"))
	}
	return nil
}

// sessionLock is an advisory lock of PostgreSQL.
type sessionLock struct {
	db   *sql.DB
	turn turn
	conn chan *sql.Conn // holds the connection that has the lock
}

func newSessionLock(db *sql.DB) *sessionLock {
	return &sessionLock{db, make(turn, 1), make(chan *sql.Conn, 1)}
}

// The lock's key names bonded and the schema, for a database that serves two
// repositories from two schemas.
const (
	lockSession   = `SELECT pg_advisory_lock(1651469924, hashtext(current_schema()))`
	unlockSession = `SELECT pg_advisory_unlock(1651469924, hashtext(current_schema()))`
	holdsSession  = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
		AND pid = pg_backend_pid() AND classid = 1651469924`
	unlockTimeout = 5 * time.Second
)

func (l *sessionLock) lock(ctx context.Context) (func(), error) {
	if err := l.turn.take(ctx); err != nil {
		return nil, err
	}
	conn, err := l.db.Conn(ctx)
	if err == nil {
		// Cancelling ctx ends the connection, and with it a lock that was
		// granted at the last moment.
		if _, err = conn.ExecContext(ctx, lockSession); err == nil {
			l.conn <- conn
			return sync.OnceFunc(l.unlock), nil
		}
		discard(conn)
	}
	l.turn.leave()
	return nil, err
}

// unlock works whatever became of the caller's context. If the server does not
// confirm, the connection is thrown away, which frees the lock as well.
func (l *sessionLock) unlock() {
	defer l.turn.leave()
	conn := <-l.conn
	ctx, cancel := context.WithTimeout(context.Background(), unlockTimeout)
	defer cancel()
	var freed bool
	if err := conn.QueryRowContext(ctx, unlockSession).Scan(&freed); err != nil || !freed {
		discard(conn)
		return
	}
	conn.Close()
}

func (l *sessionLock) held(ctx context.Context) error {
	select {
	case conn := <-l.conn:
		defer func() { l.conn <- conn }()
		var n int
		err := conn.QueryRowContext(ctx, holdsSession).Scan(&n)
		if err != nil || n == 0 {
			return errLockLost(err)
		}
		return nil
	default:
		return errLockLost(errors.New("nobody here holds the lock"))
	}
}

// discard keeps a connection of unknown state out of the pool.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	conn.Close()
}
