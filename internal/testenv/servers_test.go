package testenv

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/minio/minio-go/v7"
)

func TestPostgresGivesFreshDatabases(t *testing.T) {
	var first string
	t.Run("in use", func(t *testing.T) {
		first = Postgres(t)
		second := Postgres(t)
		if first == second {
			t.Fatal("two calls gave one database")
		}
		for _, dsn := range []string{first, second} {
			db, err := sql.Open("pgx", dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			// The same table in both: they do not see one another.
			if _, err := db.Exec(`CREATE TABLE t (a TEXT)`); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(`INSERT INTO t VALUES ('B'), ('a')`); err != nil {
				t.Fatal(err)
			}
			var least, super string
			err = db.QueryRow(`SELECT a, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) FROM t ORDER BY a LIMIT 1`).Scan(&least, &super)
			if err != nil {
				t.Fatal(err)
			}
			if least != "a" || super != "false" {
				t.Errorf("least of B and a is %q, superuser %s; want a server that sorts by language and an ordinary role", least, super)
			}
		}
	})
	if t.Failed() || first == "" {
		return
	}
	db, err := sql.Open("pgx", first)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("the database outlived its test: %v", err)
	}
}

func TestS3HonoursConditionsAndSignatures(t *testing.T) {
	config := S3(t)
	where, err := url.Parse(os.Getenv("BONDED_TEST_S3"))
	if err != nil {
		t.Fatal(err)
	}
	_, client, err := dialS3(where.String())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	once := minio.PutObjectOptions{}
	once.SetMatchETagExcept("*")
	put := func(text string) error {
		_, err := client.PutObject(ctx, config.Bucket, "npm/left-pad", strings.NewReader(text), int64(len(text)), once)
		return err
	}
	if err := put("one"); err != nil {
		t.Fatal(err)
	}
	if err := put("two"); minio.ToErrorResponse(err).Code != minio.PreconditionFailed {
		t.Errorf("a conditional put over an object: %v", err)
	}
	object, err := client.GetObject(ctx, config.Bucket, "npm/left-pad", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(object); err != nil || got.String() != "one" {
		t.Errorf("read back %q, %v", got.String(), err)
	}
	where.User = url.UserPassword(where.User.Username(), "not-the-secret")
	_, stranger, err := dialS3(where.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.StatObject(ctx, config.Bucket, "npm/left-pad", minio.StatObjectOptions{}); err == nil {
		t.Error("a wrong secret reads an object")
	}
	if config.Host() != where.Host {
		t.Errorf("host %q, want %q", config.Host(), where.Host)
	}
}

// TestServersDieWithTheProcess starts servers from a process that is then killed
// in the way that leaves it no last word.
func TestServersDieWithTheProcess(t *testing.T) {
	if os.Getenv("TESTENV_VICTIM") != "" {
		victim(t)
	}
	temporary := t.TempDir()
	// PostgreSQL's account has to get to its folder.
	for dir := temporary; strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// And to remove it, as in any folder for temporary files.
	if err := os.Chmod(temporary, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestServersDieWithTheProcess$", "-test.v")
	cmd.Env = append(os.Environ(), "TESTENV_VICTIM=yes", "TMPDIR="+temporary,
		"BONDED_TEST_POSTGRES=", "BONDED_TEST_S3=", "BONDED_TEST_REPORT=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var hosts, said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said = append(said, lines.Text())
		if host, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			hosts = append(hosts, host)
		}
		if lines.Text() == "ready" {
			break
		}
	}
	started, err := filepath.Glob(filepath.Join(temporary, "bonded-*"))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	if len(hosts) == 0 {
		t.Skipf("no server is here to be started: run scripts/install\n%s", strings.Join(said, "\n"))
	}
	if len(started) != len(hosts) {
		t.Fatalf("%d servers and the folders %q", len(hosts), started)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left := remains(temporary, hosts)
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(left)
		}
	}
}

func remains(temporary string, hosts []string) string {
	for _, host := range hosts {
		if conn, err := net.Dial("tcp", host); err == nil {
			conn.Close()
			return "a server outlived its process: " + host
		}
	}
	if dirs, err := filepath.Glob(filepath.Join(temporary, "bonded-*")); err != nil || len(dirs) > 0 {
		return "a folder outlived its server: " + strings.Join(dirs, " ")
	}
	return ""
}

// victim starts what is here, says so, and waits to be killed.
func victim(t *testing.T) {
	for variable, start := range map[string]func(string) (string, error){
		"BONDED_TEST_POSTGRES": startPostgres, "BONDED_TEST_S3": startS3,
	} {
		value, err := shared(variable, start)
		if err != nil {
			t.Log(err)
			continue
		}
		where, err := url.Parse(value)
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("listening " + where.Host + "\n")
	}
	os.Stdout.WriteString("ready\n")
	time.Sleep(time.Minute)
}
