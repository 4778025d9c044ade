package record

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is all that differs between the two databases, besides the schema.
type dialect struct {
	name   string // also the folder under schema
	goose  goose.Dialect
	update *sql.TxOptions
	view   *sql.TxOptions
	// sizes says how many rows go into one INSERT, largest first, ending in 1.
	// A few fixed sizes keep the number of distinct statements small.
	sizes []int
	// holds(text, part) is the function that says where part begins in text,
	// counted from 1; 0: it is not there.
	holds string
	// prepared says that statements are compiled once, when the book opens;
	// pgx keeps its own cache for every connection.
	prepared bool
	// send runs statements and counts the rows that each one wrote.
	send func(*Tx, []statement) ([]int64, error)

	duplicate func(error) bool // a unique key is taken
	again     func(error) bool // lost a race; the same transaction may well succeed now
	down      func(error) bool // the database cannot be reached or cannot work
	refused   func(error) bool // a commit that certainly did not happen
}

func sqliteDialect() *dialect {
	code := func(err error) int {
		var e *sqlite.Error
		if errors.As(err, &e) {
			return e.Code()
		}
		return 0
	}
	// The low byte of an extended result code is the primary one.
	primary := func(err error, codes ...int) bool { return slices.Contains(codes, code(err)&0xff) }
	return &dialect{
		name:     "sqlite",
		goose:    goose.DialectSQLite3,
		update:   &sql.TxOptions{},
		view:     &sql.TxOptions{ReadOnly: true},
		sizes:    []int{8, 1},
		holds:    "instr",
		prepared: true,
		send:     sendPrepared,
		duplicate: func(err error) bool {
			c := code(err)
			return c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
		},
		again: func(err error) bool { return primary(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) },
		down: func(err error) bool {
			return primary(err, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
				sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL)
		},
		// A commit in the same process is never lost on the way: the driver
		// rolls back before it returns any error.
		refused: func(error) bool { return true },
	}
}

func postgresDialect() *dialect {
	state := func(err error) string {
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return e.Code
		}
		return ""
	}
	return &dialect{
		name:      "postgres",
		goose:     goose.DialectPostgres,
		update:    &sql.TxOptions{Isolation: sql.LevelSerializable},
		view:      &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		sizes:     []int{256, 64, 16, 4, 1},
		holds:     "strpos",
		send:      sendPipelined,
		duplicate: func(err error) bool { return state(err) == "23505" },
		again:     func(err error) bool { return state(err) == "40001" || state(err) == "40P01" },
		down:      func(err error) bool { return postgresDown(err, state(err)) },
		refused: func(err error) bool {
			s := state(err)
			return s != "" && s != "40003" && !strings.HasPrefix(s, "57P")
		},
	}
}

// postgresDown knows the classes of SQLSTATE (PostgreSQL manual, appendix A)
// that mean the server is away, and how a connection says it was lost.
func postgresDown(err error, state string) bool {
	for _, class := range []string{"08", "53", "57P", "58", "25006"} {
		if strings.HasPrefix(state, class) {
			return true
		}
	}
	if state != "" || errors.Is(err, context.Canceled) {
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
