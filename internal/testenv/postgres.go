package testenv

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errAbsent says that a server cannot be started because it is not installed.
var errAbsent = errors.New("not installed")

// Postgres returns the address of a fresh, empty database on a real PostgreSQL
// server, as "postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=disable". The
// database belongs to an ordinary role (no superuser) and is dropped when the
// test is over, whoever is still connected.
//
// Text sorts by the rules of a language here, not by bytes, as on most servers
// outside: ORDER BY on text that must agree with SQLite needs COLLATE "C".
// Durability is off (fsync=off): what survives a crash of the machine is not
// tested with it, what survives a crash of bonded is.
//
// BONDED_TEST_POSTGRES, a URL whose role may create databases, names a server
// to use instead of one of our own.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	admin, err := shared("BONDED_TEST_POSTGRES", startPostgres)
	if errors.Is(err, errAbsent) {
		missing(t, "postgres", "run scripts/install servers, or set BONDED_TEST_POSTGRES to the URL of a server")
	}
	if err != nil {
		t.Fatal(err)
	}
	where, err := url.Parse(admin)
	if err != nil {
		t.Fatal("read BONDED_TEST_POSTGRES: not a URL")
	}
	name := "test_" + strings.ToLower(rand.Text()[:16])
	var version string
	err = asAdmin(admin, func(ctx context.Context, db *pgx.Conn) error {
		if err := db.QueryRow(ctx, "SHOW server_version").Scan(&version); err != nil {
			return err
		}
		_, err := db.Exec(ctx, "CREATE DATABASE "+name)
		return err
	})
	if err != nil {
		t.Fatalf("create a database for a test: %v", err)
	}
	t.Cleanup(func() {
		err := asAdmin(admin, func(ctx context.Context, db *pgx.Conn) error {
			return dropDatabase(ctx, db, name)
		})
		if err != nil {
			t.Errorf("drop the database of a test: %v", err)
		}
	})
	version, _, _ = strings.Cut(version, " ")
	record(t, "server", "postgres", version)
	where.Path = "/" + name
	return where.String()
}

// dropDatabase tries again while the server itself is at work in the database: its
// vacuum belongs to nobody who could be sent away, and is soon done.
func dropDatabase(ctx context.Context, db *pgx.Conn, name string) error {
	for {
		_, err := db.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "42501" && refused.Code != "55006" {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func asAdmin(dsn string, do func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	return do(ctx, db)
}

// cluster is a PostgreSQL data folder in the making.
type cluster struct {
	bin      string // folder of initdb and postgres
	dir      string // the daemon's folder; data is in dir/data
	user     *user
	password string // of the superuser
	cached   string // template of dir/data, with its password in the file "password"
}

// startPostgres starts a server of our own and returns the URL of a role that
// may create databases there.
func startPostgres(cache string) (string, error) {
	bin, err := postgresBin()
	if err != nil {
		return "", err
	}
	c := cluster{bin: bin}
	if c.user, err = unprivileged(); err != nil {
		return "", err
	}
	if c.dir, err = folderFor("postgres", c.user); err != nil {
		return "", err
	}
	if err := c.fill(cache); err != nil {
		return "", errors.Join(err, os.RemoveAll(c.dir))
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	d := daemon{
		name: "PostgreSQL", dir: c.dir, user: c.user,
		signal: "QUIT", // immediate shutdown
		argv: []string{filepath.Join(bin, "postgres"), "-D", filepath.Join(c.dir, "data"),
			"-c", "listen_addresses=127.0.0.1", "-c", "port=" + strconv.Itoa(port),
			"-c", "unix_socket_directories=", // none
			"-c", "max_connections=300", "-c", "shared_buffers=32MB",
			"-c", "fsync=off", "-c", "full_page_writes=off"},
	}
	if err := keep(d); err != nil {
		return "", err
	}
	where := url.URL{Scheme: "postgres", Host: loopback(port), Path: "/postgres", RawQuery: "sslmode=disable"}
	where.User = url.UserPassword("postgres", c.password)
	super := where.String()
	owner := rand.Text()
	err = d.ready(func() error {
		return asAdmin(super, func(ctx context.Context, db *pgx.Conn) error {
			_, err := db.Exec(ctx, "CREATE ROLE bonded LOGIN CREATEDB PASSWORD '"+owner+"'")
			return err
		})
	})
	where.User = url.UserPassword("bonded", owner)
	return where.String(), err
}

// fill makes dir/data: a copy of the cached template, or a new one, which then
// becomes the template. initdb takes over a second, a copy a tenth of one.
func (c *cluster) fill(cache string) error {
	arguments := []string{"-U", "postgres", "-A", "scram-sha-256", "--encoding=UTF8",
		"--locale=C", "--locale-provider=icu", "--icu-locale=en", "--no-sync"}
	version, err := exec.Command(filepath.Join(c.bin, "initdb"), "--version").Output()
	if err != nil {
		return fmt.Errorf("ask initdb for its version: %w", err)
	}
	sum := sha256.Sum256([]byte(string(version) + strings.Join(arguments, " ")))
	c.cached = filepath.Join(cache, "postgres-"+hex.EncodeToString(sum[:6]))
	data := filepath.Join(c.dir, "data")
	if b, err := os.ReadFile(filepath.Join(c.cached, "password")); err == nil {
		c.password = string(b)
		return handOver(filepath.Join(c.cached, "data"), data, c.user)
	}
	c.password = rand.Text()
	secret := filepath.Join(c.dir, "password")
	if err := os.WriteFile(secret, []byte(c.password), 0o600); err != nil {
		return err
	}
	if err := c.user.own(secret); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(c.bin, "initdb"), append(arguments, "-D", data, "--pwfile="+secret)...)
	cmd.Dir = c.dir
	c.user.become(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run initdb: %w\n%s", err, out)
	}
	return c.save(data)
}

// save keeps a data folder as the template. Its password file comes last and
// says that the rest is whole.
func (c *cluster) save(data string) error {
	if err := os.RemoveAll(c.cached); err != nil {
		return err
	}
	if err := os.MkdirAll(c.cached, 0o700); err != nil {
		return err
	}
	if err := handOver(data, filepath.Join(c.cached, "data"), nil); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.cached, "password"), []byte(c.password), 0o600)
}

// postgresBin finds the newest server on the machine. Debian keeps initdb and
// postgres out of PATH, in a folder per major version.
func postgresBin() (string, error) {
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return major(b) - major(a) })
	for _, dir := range append(dirs, found...) {
		_, noInitdb := os.Stat(filepath.Join(dir, "initdb"))
		_, noServer := os.Stat(filepath.Join(dir, "postgres"))
		if noInitdb == nil && noServer == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("find initdb and postgres: %w", errAbsent)
}

func major(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}

// user is the account that a server runs as.
type user struct{ uid, gid uint32 }

// unprivileged is nil for anyone but root. PostgreSQL refuses to run as root;
// there it gets the account of its Debian package, or nobody's.
func unprivileged() (*user, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(found.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(found.Gid, 10, 32)
		return &user{uint32(uid), uint32(gid)}, errors.Join(errUID, errGID)
	}
	return nil, errors.New("find an account other than root for PostgreSQL: neither postgres nor nobody exists")
}

// own gives a file to the user; the nil user is ourselves.
func (u *user) own(path string) error {
	if u == nil {
		return nil
	}
	return os.Lchown(path, int(u.uid), int(u.gid))
}

// folderFor makes a daemon's folder among the temporary files.
func folderFor(name string, u *user) (string, error) {
	dir, err := os.MkdirTemp("", "bonded-"+name+"-")
	if err != nil {
		return "", err
	}
	return dir, u.own(dir)
}

// handOver copies a folder and gives the copy to the user. PostgreSQL insists
// on a data folder that nobody else can enter.
func handOver(from, to string, u *user) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		return err
	}
	return filepath.WalkDir(to, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return u.own(path)
	})
}
