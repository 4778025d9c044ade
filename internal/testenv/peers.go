package testenv

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Peer is a repository that nobody here wrote, with data of its own, running on
// loopback until the test is over. Each is set up as its documentation says for
// people who publish: two accounts that may publish new packages, and everybody
// reads. Otherwise it has what it has by default, except what would ask public
// hosts.
type Peer struct {
	Name, Version string
	URL           string // with a slash at its end
	// Owner and Stranger are credentials: a token, or USER:PASSWORD.
	Owner, Stranger string
}

// Verdaccio starts an npm registry. What it does not have it asks upstream for;
// "" for none. Its middleware for npm audit, which asks a public host, is left
// out, and passwords cost less than by default.
func Verdaccio(t testing.TB, upstream string) Peer {
	t.Helper()
	p := peer{name: "verdaccio", program: "verdaccio", part: "peers", health: "-/ping"}
	p.make(t)
	uplinks, proxy := "{}", ""
	if upstream != "" {
		uplinks, proxy = fmt.Sprintf("{upstream: {url: %q, maxage: 0s, fail_timeout: 1s, max_fails: 1000}}", upstream), ", proxy: upstream"
	}
	p.write(t, "config.yaml", `storage: `+p.dir+`/storage
auth: {htpasswd: {file: `+p.dir+`/htpasswd, algorithm: bcrypt, rounds: 4}}
uplinks: `+uplinks+`
packages:
  '@*/*': {access: $all, publish: $authenticated, unpublish: $authenticated`+proxy+`}
  '**': {access: $all, publish: $authenticated, unpublish: $authenticated`+proxy+`}
publish: {allow_offline: true}
log: {type: stdout, format: pretty, level: warn}
`)
	p.env = []string{"NODE_ENV=production"}
	peer := p.start(t, "--config", p.path("config.yaml"), "--listen", loopback(p.port))
	peer.Owner, peer.Stranger = join(t, peer.URL, "owner"), join(t, peer.URL, "stranger")
	return peer
}

// join makes a user of an npm registry that takes new ones, as npm adduser does,
// and returns the token.
func join(t testing.TB, base, user string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"name": user, "password": rand.Text(), "email": user + "@example.invalid", "type": "user"})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPut, base+"-/user/org.couchdb.user:"+user, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("join %s as %s: %s, %v", base, user, res.Status, err)
	}
	return answer.Token
}

// PyPIServer starts pypiserver, a Python index, which refers to upstream for
// what it does not have; "" for no reference.
func PyPIServer(t testing.TB, upstream string) Peer {
	t.Helper()
	p := peer{name: "pypiserver", program: "pypi-server", part: "peers", health: "health"}
	p.make(t)
	p.mkdir(t, "packages")
	secrets := p.users(t, func(password string) string {
		sum := sha1.Sum([]byte(password))
		return "{SHA}" + base64.StdEncoding.EncodeToString(sum[:])
	})
	args := []string{"run", "--interface", "127.0.0.1", "--port", strconv.Itoa(p.port), "--passwords", p.path("htpasswd")}
	if upstream == "" {
		args = append(args, "--disable-fallback")
	} else {
		args = append(args, "--fallback-url", upstream)
	}
	peer := p.start(t, append(args, p.path("packages"))...)
	peer.Owner, peer.Stranger = secrets[0], secrets[1]
	return peer
}

// Distribution starts the registry of the distribution project, for OCI images.
// By default it has no accounts: everybody may do everything, whoever they say
// they are.
func Distribution(t testing.TB) Peer {
	t.Helper()
	p := peer{name: "distribution", program: "registry", part: "peers", health: "v2/"}
	p.make(t)
	p.write(t, "config.yaml", `version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: `+p.dir+`/data}}
http: {addr: `+loopback(p.port)+`, secret: `+rand.Text()+`}
`)
	p.env = []string{"OTEL_TRACES_EXPORTER=none"}
	peer := p.start(t, "serve", p.path("config.yaml"))
	peer.Owner, peer.Stranger = "owner:none", "stranger:none"
	return peer
}

// NORA starts NORA for Cargo, Go and OCI. It asks upstream for Go modules, which
// cannot be published to it; "" for nobody. Other than by default it has
// accounts, and no limit of requests a second: a drill would run into that and
// see nothing else.
func NORA(t testing.TB, upstream string) Peer {
	t.Helper()
	p := peer{name: "nora", program: "nora", part: "nora", health: "health"}
	p.make(t)
	secrets := p.users(t, func(password string) string {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		return string(hash)
	})
	p.env = []string{
		"NORA_HOST=127.0.0.1", "NORA_PORT=" + strconv.Itoa(p.port), "NORA_PUBLIC_URL=http://" + loopback(p.port),
		"NORA_STORAGE_PATH=" + p.path("storage"), "NORA_AUTH_TOKEN_STORAGE=" + p.path("tokens"),
		"NORA_AUTH_ENABLED=true", "NORA_AUTH_ANONYMOUS_READ=true", "NORA_AUTH_DOCKER_ANON_PULL=true",
		"NORA_AUTH_HTPASSWD_FILE=" + p.path("htpasswd"),
		"NORA_RATE_LIMIT_ENABLED=false", "NORA_REGISTRIES_ENABLE=cargo,go,docker",
		"NORA_CARGO_PROXY=", "NORA_DOCKER_PROXIES=", "NORA_GO_PROXY=" + strings.TrimSuffix(upstream, "/"),
	}
	peer := p.start(t, "serve")
	peer.Owner, peer.Stranger = secrets[0], secrets[1]
	return peer
}

// peer is one that is being set up.
type peer struct {
	name    string
	program string // in .tools/bin
	part    string // of scripts/install
	health  string // answers 200 once it serves, below its URL

	command, version, dir string
	port                  int
	env                   []string
}

// make finds the program, or ends the test, and makes its folder.
func (p *peer) make(t testing.TB) {
	t.Helper()
	tools, err := Tools()
	if err != nil {
		t.Fatal(err)
	}
	p.command = filepath.Join(tools, "bin", p.program)
	if _, err := os.Stat(p.command); err != nil {
		missing(t, p.name, "run scripts/install "+p.part)
	}
	p.version = installed(tools, p.program, p.command)
	if p.dir, err = folderFor(p.name, nil); err != nil {
		t.Fatal(err)
	}
	p.port = FreePort(t)
}

func (p *peer) path(name string) string { return filepath.Join(p.dir, name) }

func (p *peer) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *peer) mkdir(t testing.TB, name string) {
	t.Helper()
	if err := os.Mkdir(p.path(name), 0o700); err != nil {
		t.Fatal(err)
	}
}

// users writes a password file for the owner and the stranger and returns both
// as USER:PASSWORD.
func (p *peer) users(t testing.TB, hash func(password string) string) (secrets [2]string) {
	t.Helper()
	var file strings.Builder
	for i, user := range []string{"owner", "stranger"} {
		password := rand.Text()
		secrets[i] = user + ":" + password
		fmt.Fprintf(&file, "%s:%s\n", user, hash(password))
	}
	p.write(t, "htpasswd", file.String())
	return secrets
}

// start starts it and waits until it answers; the end of the test ends it.
func (p *peer) start(t testing.TB, args ...string) Peer {
	t.Helper()
	d := daemon{name: p.name, dir: p.dir, argv: append([]string{p.command}, args...), env: p.env, signal: "KILL"}
	fd, err := hold(d)
	if err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(p.dir)))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said last:\n%s", p.name, brief(d.tail()))
		}
		if err := syscall.Close(fd); err != nil {
			t.Errorf("end %s: %v", p.name, err)
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(p.dir); errors.Is(err, os.ErrNotExist) {
				return
			}
			if time.Now().After(end) {
				t.Errorf("end %s: its folder %s is still there", p.name, p.dir)
				return
			}
		}
	})
	made := Peer{Name: p.name, Version: p.version, URL: "http://" + loopback(p.port) + "/"}
	if err := d.ready(func() error { return healthy(made.URL + p.health) }); err != nil {
		t.Fatal(err)
	}
	record(t, "peer", p.name, p.version)
	return made
}

// brief is the end of a log whose lines are long.
func brief(log string) string {
	lines := strings.Split(log, "\n")
	lines = lines[max(0, len(lines)-5):]
	for i, line := range lines {
		lines[i] = line[:min(300, len(line))]
	}
	return strings.Join(lines, "\n")
}

func healthy(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}
