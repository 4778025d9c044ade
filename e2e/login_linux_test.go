package e2e

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bonded.dev/internal/testenv"
	"bonded.dev/registry/web/webtest"
)

// atHome is a repository with one person in front of a browser, and a home for
// clients, pointed at it and without a token.
type atHome struct {
	*repository
	home   string
	env    []string
	person *webtest.Plain
}

func (r *repository) athome(t *testing.T, meanwhile ...func()) *atHome {
	t.Helper()
	home, env := testenv.Home(t)
	a := &atHome{repository: r, home: home, env: env, person: webtest.NewPlain(t, r.node.url)}
	r.enrols(a.person, "alice", meanwhile...)
	writeFiles(t, home, map[string]string{".npmrc": "registry=" + r.node.url + "/npm/\nfetch-retries=0\n"})
	return a
}

// allows types the code that a program showed, and allows what is in fields.
func (a *atHome) allows(page, code string, fields ...string) {
	a.t.Helper()
	u, err := url.Parse(strings.TrimSpace(page))
	if err != nil || !strings.HasPrefix(page, a.node.url) {
		a.t.Fatalf("the program shows the address %q", page)
	}
	a.person.Opens(u.RequestURI())
	a.person.Presses("/device", "code", code)
	a.person.Presses("/allow", fields...)
	webtest.Sees(a.t, a.person, "You can go back to your program")
}

func (a *atHome) npmrc() string {
	a.t.Helper()
	b, err := os.ReadFile(filepath.Join(a.home, ".npmrc"))
	if err != nil {
		a.t.Fatal(err)
	}
	return string(b)
}

// TestNPMLogsIn: the real npm logs in by web, publishes, lists its tokens, logs
// out, and is somebody no more.
func TestNPMLogsIn(t *testing.T) {
	if testing.Short() {
		t.Skip("drives npm: run without -short")
	}
	for _, version := range []string{"npm", "npm-9"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			a := inhabited(t).athome(t)
			npm := testenv.Client(t, version)
			k := talks(t, false, a.home, a.env, npm, "login")
			code := k.says(`asks for this code: (\S+)`)
			a.allows(k.says(`(http://\S+/device\S*)`), code, "actions0", "publish", "actions0", "delete")
			if out, err := k.ends(); err != nil || !strings.Contains(out, "Logged in on") {
				t.Fatalf("npm login: %v\n%s", err, out)
			}
			if !strings.Contains(a.npmrc(), ":_authToken=bnd_") {
				t.Errorf("no token in .npmrc:\n%s", a.npmrc())
			}
			if out := run(t, a.home, a.env, npm, "whoami"); !strings.Contains(out, "alice") {
				t.Errorf("npm whoami: %s", out)
			}
			dir := filepath.Join(a.home, "left-pad")
			writeFiles(t, dir, map[string]string{"package.json": `{"name":"left-pad","version":"1.0.0"}`})
			if out := run(t, dir, a.env, npm, "publish"); !strings.Contains(out, "+ left-pad@1.0.0") {
				t.Errorf("npm publish: %s", out)
			}
			if out, err := try(dir, a.env, npm, "dist-tag", "add", "left-pad@1.0.0", "stable"); err == nil || !strings.Contains(out, "this token may not") {
				t.Errorf("what was not allowed: %v\n%s", err, out)
			}
			if out := run(t, a.home, a.env, npm, "token", "list", "--parseable"); !strings.Contains(out, "\tbnd_\t") {
				t.Errorf("npm token list: %s", out)
			}
			run(t, a.home, a.env, npm, "logout")
			if strings.Contains(a.npmrc(), "_authToken") {
				t.Errorf("npm logout leaves the token:\n%s", a.npmrc())
			}
			a.person.Opens("/account/tokens")
			webtest.Sees(t, a.person, "You have no token that works")
			if strings.Contains(a.node.said.String(), "bnd_") && !strings.Contains(a.node.said.String(), "bnd_...") || strings.Contains(a.node.said.String(), "bnc_") {
				t.Errorf("the log repeats a secret:\n%s", a.node.said.String())
			}
		})
	}
}

// TestNPMIsRefused: a no ends npm login at once, in words, and without the
// question for a password that npm asks after most errors.
func TestNPMIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("drives npm: run without -short")
	}
	t.Parallel()
	a := inhabited(t).athome(t)
	k := talks(t, true, a.home, a.env, testenv.Client(t, "npm"), "login")
	code := k.says(`asks for this code: ([A-Z-]+)`)
	a.person.Opens("/device")
	a.person.Presses("/device", "code", code)
	a.person.Presses("/refuse")
	if out, err := k.ends(); err == nil || !strings.Contains(out, "refused on the repository's page") || strings.Contains(out, "Username") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNPMConfirms: with a token that is too old to delete, npm asks its person,
// and goes on when the person has confirmed. The clock is turned in the database.
func TestNPMConfirms(t *testing.T) {
	if testing.Short() {
		t.Skip("drives npm: run without -short")
	}
	t.Parallel()
	r := inhabited(t)
	a := r.athome(t, func() {
		r.token("alice", "publish,tag,delete,owner:npm/*")
		r.writes(`UPDATE token SET origin = 'web'`) // else it would end when she enrols
	})
	r.enrols(webtest.NewPlain(t, r.node.url), "bob")
	a.older()
	writeFiles(t, a.home, map[string]string{".npmrc": a.npmrc() + "//" + strings.TrimPrefix(r.node.url, "http://") + "/npm/:_authToken=" + r.tokens["alice"] + "\n"})
	for _, version := range []string{"1.0.0", "1.1.0"} {
		a.take(npmPackage("left-pad", version).sending())
	}
	npm := testenv.Client(t, "npm")
	if out, err := try(a.home, a.env, npm, "unpublish", "left-pad@1.1.0"); err == nil || !strings.Contains(out, "/device/confirm/") || !strings.Contains(out, "older than 15 minutes") {
		t.Errorf("without a terminal: %v, want the reason and the address\n%s", err, out)
	}
	k := talks(t, true, a.home, a.env, npm, "unpublish", "left-pad@1.1.0")
	page := k.says(`(http://\S+/device/confirm/\w+)`)
	a.person.Opens(strings.TrimPrefix(page, a.node.url))
	webtest.Sees(t, a.person, "Delete releases of npm/left-pad?")
	a.person.Presses("/allow")
	if out, err := k.ends(); err != nil || !strings.Contains(out, "- left-pad@1.1.0") {
		t.Fatalf("npm unpublish: %v\n%s", err, out)
	}
	if res, _ := fetch(t, a.node.url+"/npm/left-pad/-/left-pad-1.1.0.tgz"); res.StatusCode != 404 {
		t.Errorf("1.1.0 answers %s", res.Status)
	}
	k = talks(t, true, a.home, a.env, npm, "owner", "add", "bob", "left-pad")
	a.person.Opens(strings.TrimPrefix(k.says(`(http://\S+/device/confirm/\w+)`), a.node.url))
	webtest.Sees(t, a.person, "Change the owners of npm/left-pad?")
	a.person.Presses("/allow")
	if out, err := k.ends(); err != nil || !strings.Contains(out, "bob was invited to publish npm/left-pad") {
		t.Fatalf("npm owner add: %v\n%s", err, out)
	}
	// A code made by hand does the same, once.
	a.person.Opens("/account/proof")
	a.person.Presses("/account/proof", "pattern", "left-pad")
	proof := between(a.person.HTML(), `class="secret">`, "<")
	if out := run(t, a.home, a.env, npm, "unpublish", "left-pad", "--force", "--otp", proof); !strings.Contains(out, "- left-pad") {
		t.Errorf("with --otp: %s", out)
	}
}

// older makes every token twenty minutes older, before anybody has used one.
func (a *atHome) older() {
	a.t.Helper()
	a.writes(`UPDATE token SET created = created - 1200000000`)
}

// writes changes the database behind the server's back.
func (r *repository) writes(statement string) {
	r.t.Helper()
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(filepath.Join(r.data, "bonded.db"))+"?_pragma=busy_timeout(10000)")
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(r.t.Context(), statement); err != nil {
		r.t.Fatal(err)
	}
}

// TestBondedLogsIn goes through every command that the log-in has.
func TestBondedLogsIn(t *testing.T) {
	t.Parallel()
	a := inhabited(t).athome(t)
	bonded := func(args ...string) (string, error) { return try(a.home, a.env, binary, args...) }
	if out, err := bonded("whoami"); err == nil || !strings.Contains(out, "bonded login URL") {
		t.Errorf("whoami before: %v %s", err, out)
	}
	k := talks(t, true, a.home, a.env, binary, "login", a.node.url, "--scope", "publish,yank:pypi/*", "--scope", "publish,yank:npm/*")
	a.allows(k.says(`page  (\S+)`), k.says(`code  (\S+)`), "actions0", "", "target0", "x", "actions1", "publish", "actions1", "yank", "target1", "npm/left-pad")
	out, err := k.ends()
	if err != nil || !strings.Contains(out, "as alice until") || !strings.Contains(out, "npm config set") || strings.Contains(out, "bnd_") {
		t.Fatalf("bonded login: %v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(a.home, "*", "bonded", "credentials.json"))
	if len(files) != 1 {
		t.Fatalf("credentials: %v %v", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if out, err := bonded("whoami"); err != nil || !strings.Contains(out, "alice at "+a.node.url) || !strings.Contains(out, "publish,yank:npm/left-pad") {
		t.Errorf("whoami: %v %s", err, out)
	}
	token, err := bonded("token", "print", a.node.url)
	if err != nil || !strings.HasPrefix(token, "bnd_") {
		t.Fatalf("token print: %v %s", err, token)
	}
	a.tokens["alice"] = strings.TrimSpace(token)
	a.take(npmPackage("left-pad", "1.0.0").sending())
	if out, err := bonded("change", "yank", "npm/left-pad", "1.0.0", "--reason", "broken", "--registry", a.node.url); err != nil {
		t.Errorf("change: %v %s", err, out)
	}
	if out, err := bonded("logout"); err != nil || !strings.Contains(out, "dead everywhere") {
		t.Errorf("logout: %v %s", err, out)
	}
	if got := npmPackage("left-pad", "1.0.1").sending().over(t, host(a.repository), a.tokens); got.status != 401 {
		t.Errorf("after logout: %d %s", got.status, got.body)
	}
	if b, err := os.ReadFile(files[0]); err != nil || strings.Contains(string(b), "bnd_") {
		t.Errorf("the token stays: %s %v", b, err)
	}
	if out, err := bonded("login", "http://packages.example.org/"); err == nil || !strings.Contains(out, "no TLS") {
		t.Errorf("without TLS: %v %s", err, out)
	}
}
