package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// repository is a data directory with settled contents and, mostly, a node on it.
type repository struct {
	t      *testing.T
	data   string
	env    []string
	node   *node
	tokens map[string]string
}

// open makes a repository without packages: alice may do everything to what is hers.
func open(t *testing.T, pair storage) *repository {
	t.Helper()
	r := &repository{t: t, data: filepath.Join(t.TempDir(), "data"), tokens: map[string]string{}}
	r.env = bare(append(pair.env(t), "BONDED_DATA="+r.data)...)
	r.node = serving(t, r.env, "--listen", "127.0.0.1:0")
	must(t, r.env, "admin", "user", "add", "alice", "--email", "alice@example.org")
	r.token("alice", "publish,tag,yank,delete:*")
	return r
}

// token makes a token, which is the user's from here on.
func (r *repository) token(user string, scopes ...string) {
	r.t.Helper()
	args := []string{"admin", "token", "add", "--user", user}
	for _, s := range scopes {
		args = append(args, "--scope", s)
	}
	r.tokens[user] = strings.TrimSpace(must(r.t, r.env, args...))
}

// take sends uploads, which must be taken.
func (r *repository) take(list ...sending) {
	r.t.Helper()
	for _, s := range list {
		if got := s.over(r.t, strings.TrimPrefix(r.node.url, "http://"), r.tokens); got.status > 299 {
			r.t.Fatalf("%s %s: %d %s", s.method, s.path, got.status, got.body)
		}
	}
}

// stock is a bit of everything that a log can hold.
func stock() []sending {
	return []sending{
		npmPackage("left-pad", "1.0.0").with(`"description":"Pads on the left"`).sending(),
		npmPackage("left-pad", "1.1.0").sending(),
		npmPackage("@acme/tools", "1.0.0").with(`"dependencies":{"left-pad":"^1.0.0"}`).sending(),
		npmPackage("gone", "1.0.0").sending(),
		change("npm/gone", "delete", "1.0.0"),
		{method: "POST", path: "/api/v1/changes", token: "alice", body: []byte(`{"package":"npm/left-pad","change":"deprecate","version":"1.0.0","reason":"pads on the wrong side"}`)},
		wheel{name: "acme-tools", version: "1.0", fields: "Requires-Python: >=3.8"}.sending(),
		wheel{name: "acme-tools", version: "1.1"}.sending(),
		sdist{name: "acme-tools", version: "1.0"}.sending(),
		change("pypi/acme-tools", "yank", "1.1"),
	}
}

// template is a stocked repository whose server was stopped. Copies of it are
// much cheaper than the uploads; they share its keys and its log.
type template struct {
	once sync.Once
	data string
	ok   bool
}

func (m *template) copy(t *testing.T) *repository {
	t.Helper()
	m.once.Do(func() {
		r := open(t, embedded)
		r.take(stock()...)
		if err := r.node.stop(); err != nil {
			t.Fatal(err)
		}
		m.data = filepath.Join(filepath.Dir(binary), "stocked")
		duplicate(t, r.data, m.data)
		m.ok = true
	})
	if !m.ok {
		t.Fatal("there is no stocked repository to copy; another test says why")
	}
	r := &repository{t: t, data: filepath.Join(t.TempDir(), "data"), tokens: map[string]string{}}
	r.env = bare("BONDED_DATA=" + r.data)
	duplicate(t, m.data, r.data)
	return r
}

var stocked template

// serve starts a node on the repository.
func (r *repository) serve(args ...string) {
	r.t.Helper()
	r.node = serving(r.t, r.env, append([]string{"--listen", "127.0.0.1:0"}, args...)...)
}

// duplicate copies a folder with its modes: keys stay private.
func duplicate(t testing.TB, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copying %s: %v\n%s", from, err, out)
	}
}
