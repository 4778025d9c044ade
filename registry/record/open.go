package record

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"bonded.dev"
)

//go:embed schema
var schema embed.FS

// schemaTable is where the migrations keep count.
const schemaTable = "schema_version"

const (
	connectTimeout = 5 * time.Second
	busyTimeout    = 5 * time.Second
	// readers is how many connections read a SQLite file at once; more only
	// compete for the processor.
	readers       = 8
	postgresConns = 16
)

// Open opens a book, makes it if it is not there, and brings its schema up to
// date. dsn is "sqlite:PATH" or a "postgres://..." address as libpq reads it.
// A book that a newer bonded has written is refused.
func Open(ctx context.Context, dsn string) (*Book, error) {
	return open(ctx, dsn, schema)
}

// open takes the migrations as an argument, so that a test can be an older or
// a newer bonded.
func open(ctx context.Context, dsn string, migrations fs.FS) (*Book, error) {
	b, err := connect(dsn)
	if err != nil {
		return nil, err
	}
	if err := b.prepare(ctx, migrations); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func connect(dsn string) (*Book, error) {
	switch {
	case strings.HasPrefix(dsn, "sqlite:"):
		return connectSQLite(strings.TrimPrefix(dsn, "sqlite:"))
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		return connectPostgres(dsn)
	}
	// The text may hold a password in a form nobody foresaw: it is not repeated.
	return nil, bonded.Errorf(bonded.Invalid, `open the database: the address must start with "sqlite:" or "postgres://"`)
}

func connectSQLite(path string) (*Book, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	// SQLite would make the file readable to all; it holds e-mail addresses.
	// Its -wal and -shm companions take over the mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	b := &Book{dialect: sqliteDialect(), dsn: "sqlite:" + path, path: path, lock: newFileLock(path + ".lock")}
	if b.write, err = sql.Open("sqlite", sqliteURI(path, "_txlock", "immediate")); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	// SQLite has one writer at a time anyway; waiting for the connection is
	// fairer than waiting for the file.
	b.write.SetMaxOpenConns(1)
	if b.read, err = sql.Open("sqlite", sqliteURI(path, "_query_only", "1")); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	b.read.SetMaxOpenConns(readers)
	b.read.SetMaxIdleConns(readers)
	return b, nil
}

// sqliteURI escapes the path: a "?" or "%" in the name of a folder is no option.
func sqliteURI(path, option, value string) string {
	q := url.Values{option: {value}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"journal_mode(WAL)",
		"synchronous(FULL)", // an acknowledged commit survives a power cut
		"foreign_keys(1)",
		"temp_store(MEMORY)",
		"journal_size_limit(67108864)",
	}}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}

func connectPostgres(dsn string) (*Book, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, &bonded.Error{Kind: bonded.Invalid, Public: "open the database: not a usable postgres:// address", Err: err}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	dialer := &net.Dialer{
		Timeout:         connectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         dialControl,
	}
	config.DialFunc = dialer.DialContext
	// Should this machine vanish, the server must notice within a minute: until
	// then it keeps our locks.
	for k, v := range map[string]string{
		"application_name":                    "bonded",
		"tcp_keepalives_idle":                 "15",
		"tcp_keepalives_interval":             "10",
		"tcp_keepalives_count":                "3",
		"idle_in_transaction_session_timeout": "60000",
	} {
		if _, set := config.RuntimeParams[k]; !set {
			config.RuntimeParams[k] = v
		}
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConns)
	db.SetMaxIdleConns(postgresConns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	name := fmt.Sprintf("postgres://%s/%s", net.JoinHostPort(config.Host, fmt.Sprint(config.Port)), config.Database)
	return &Book{dialect: postgresDialect(), dsn: name, read: db, write: db, lock: newSessionLock(db)}, nil
}

// prepare migrates under the lock, since another node may start at the same
// moment, and compiles what is worth compiling.
func (b *Book) prepare(ctx context.Context, migrations fs.FS) error {
	unlock, err := b.Lock(ctx)
	if err != nil {
		return err
	}
	err = b.migrate(ctx, migrations)
	unlock()
	if err != nil || !b.dialect.prepared {
		return err
	}
	b.stmts = make(map[string]*sql.Stmt)
	for i := range tables {
		for _, n := range b.dialect.sizes {
			text := tables[i].insert(n)
			if b.stmts[text], err = b.write.PrepareContext(ctx, text); err != nil {
				return b.wrap("prepare to write into "+tables[i].name, err)
			}
		}
	}
	return nil
}

func (b *Book) migrate(ctx context.Context, migrations fs.FS) error {
	dir, err := fs.Sub(migrations, "schema/"+b.dialect.name)
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	p, err := goose.NewProvider(b.dialect.goose, b.write, dir,
		goose.WithTableName(schemaTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return b.wrap("read the schema", err)
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return b.wrap("open "+b.dsn+": ask for its schema version", err)
	}
	if have > know {
		return bonded.Errorf(bonded.Unsupported,
			"open %s: it has schema version %d and this bonded knows versions up to %d; run the newer bonded that wrote it, or restore a backup from before the upgrade",
			b.dsn, have, know)
	}
	if have == know {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return b.wrap(fmt.Sprintf("open %s: upgrade its schema from version %d to %d", b.dsn, have, know), err)
	}
	return nil
}
