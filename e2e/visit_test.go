package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bonded.dev/internal/testenv"
	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/npm"
	"bonded.dev/prove/visit/pypi"
	"bonded.dev/prove/visit/visittest"
)

// TestVisitors holds the visitors against bonded itself.
func TestVisitors(t *testing.T) {
	for dialect, inside := range map[visit.Dialect]visit.Manifest{
		npm.Dialect{}:  npmInside,
		pypi.Dialect{}: {Dependencies: map[string]string{"left-pad": ">=1"}, Requires: ">=3.9"},
	} {
		t.Run(dialect.ID(), func(t *testing.T) {
			t.Parallel()
			visittest.Run(t, dialect, func(t *testing.T) visittest.Place {
				p := visited(t)
				p.Inside = inside
				return p
			})
		})
	}
}

var npmInside = visit.Manifest{Dependencies: map[string]string{"left-pad": "^1.0.0"}, Requires: ">=20", Script: "node index.js"}

func visited(t *testing.T) visittest.Place {
	r := open(t, embedded)
	must(t, r.env, "admin", "user", "add", "bob", "--email", "bob@example.org")
	r.token("bob", "publish,tag,yank,delete:*")
	return visittest.Place{
		Base:  r.node.url + "/",
		Owner: visit.Credential(r.tokens["alice"]), Stranger: visit.Credential(r.tokens["bob"]),
	}
}

// TestVisitorOfVerdaccio holds the npm visitor against a registry that nobody
// here wrote, so that it does not only speak what bonded understands.
func TestVisitorOfVerdaccio(t *testing.T) {
	t.Parallel()
	visittest.Run(t, npm.Dialect{}, verdaccio)
}

// verdaccio starts a registry without an upstream, in which the stranger may
// publish what the owner has not.
func verdaccio(t *testing.T) visittest.Place {
	path, dir, addr := testenv.Client(t, "verdaccio"), t.TempDir(), testenv.FreeAddr(t)
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte(`storage: `+dir+`/storage
auth: {htpasswd: {file: `+dir+`/htpasswd}}
packages:
  'visit-owned': {access: $all, publish: owner}
  '**': {access: $all, publish: $authenticated, unpublish: $authenticated}
web: {enable: false}
log: {type: stdout, format: json, level: error}
`), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--config", config, "--listen", addr)
	cmd.Env = bare("HOME="+dir, "NODE_ENV=production")
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
	})
	p := visittest.Place{Base: "http://" + addr + "/", Inside: npmInside}
	for end := time.Now().Add(startTime); ; time.Sleep(50 * time.Millisecond) {
		if _, _, err := send(http.MethodGet, p.Base+"-/ping", nil); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("verdaccio does not answer:\n%s", said.String())
		}
	}
	p.Owner, p.Stranger = joined(t, p.Base, "owner"), joined(t, p.Base, "stranger")
	return p
}

// joined makes a user of an npm registry that takes new ones.
func joined(t *testing.T, base, user string) visit.Credential {
	t.Helper()
	res, b := request(t, http.MethodPut, base+"-/user/org.couchdb.user:"+user,
		strings.NewReader(`{"name":"`+user+`","password":"correct horse `+user+`"}`), "Content-Type: application/json")
	var answer struct{ Token string }
	if err := json.Unmarshal(b, &answer); err != nil || answer.Token == "" {
		t.Fatalf("joining as %s: %d %s", user, res.StatusCode, b)
	}
	return visit.Credential(answer.Token)
}
