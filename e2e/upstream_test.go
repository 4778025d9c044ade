package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"

	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bonded.dev/internal/testenv"
)

// TestRealNPMPackage fetches a package and its dependency from the registry
// that this machine's npm is set to, publishes them with npm, and installs them.
func TestRealNPMPackage(t *testing.T) {
	t.Parallel()
	npm := testenv.Client(t, "npm")
	testenv.Upstream(t, "npm")
	there := t.TempDir()
	run(t, there, os.Environ(), npm, "pack", "--silent", "once@1.4.0", "wrappy@1.0.2")

	r := open(t, embedded)
	home, env := testenv.Home(t)
	addr := strings.TrimPrefix(r.node.url, "http://")
	write(t, filepath.Join(home, ".npmrc"), "registry="+r.node.url+"/npm/\n//"+addr+"/npm/:_authToken="+r.tokens["alice"]+"\n")
	for _, file := range files(t, there) {
		out := run(t, there, env, npm, "publish", "--ignore-scripts", "./"+file)
		if !strings.Contains(out, "logged as entry") {
			t.Errorf("npm publish %s:\n%s", file, out)
		}
	}

	// A clean home, and a proxy that sees whom the client talks to.
	gate := watch(t)
	home, env = testenv.Home(t)
	env = append(env, gate.env()...)
	write(t, filepath.Join(home, ".npmrc"), "registry="+r.node.url+"/npm/\nfetch-retries=0\nproxy="+gate.url+"\nhttps-proxy="+gate.url+"\nnoproxy=\n")
	app := filepath.Join(home, "app")
	write(t, filepath.Join(app, "package.json"), `{"name":"app","version":"1.0.0","private":true}`)
	run(t, app, env, npm, "install", "--no-audit", "once")
	out := run(t, app, env, "node", "-e", `const once = require("once"); let n = 0; const f = once(() => ++n); f(); f(); console.log("called", n)`)
	if out != "called 1\n" {
		t.Errorf("what was installed says %q", out)
	}
	here := filepath.Join(home, "here")
	write(t, filepath.Join(here, ".keep"), "")
	run(t, here, env, npm, "pack", "--silent", "once@1.4.0", "wrappy@1.0.2")
	same(t, there, here, 2)
	gate.only(t, addr)
	r.verified()
}

// TestRealPythonPackage is the same for a wheel with a dependency and for a
// source distribution.
func TestRealPythonPackage(t *testing.T) {
	t.Parallel()
	pip, twine := testenv.Client(t, "pip"), testenv.Client(t, "twine")
	testenv.Upstream(t, "pypi")
	there := t.TempDir()
	run(t, there, os.Environ(), pip, "download", "--quiet", "--dest", ".", "python-dateutil==2.9.0.post0", "six==1.17.0")
	run(t, there, os.Environ(), pip, "download", "--quiet", "--dest", ".", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "six==1.17.0")

	r := open(t, embedded)
	_, env := testenv.Home(t)
	env = append(env, "TWINE_NON_INTERACTIVE=1", "TWINE_USERNAME=__token__", "TWINE_PASSWORD="+r.tokens["alice"])
	uploads := files(t, there)
	run(t, there, env, twine, append([]string{"check"}, uploads...)...)
	run(t, there, env, twine, append([]string{"upload", "--repository-url", r.node.url + "/pypi/upload/"}, uploads...)...)

	addr := strings.TrimPrefix(r.node.url, "http://")
	gate := watch(t)
	home, env := testenv.Home(t)
	env = append(env, gate.env()...)
	env = append(env, "PIP_INDEX_URL="+r.node.url+"/pypi/simple/")
	venv := filepath.Join(home, "venv")
	run(t, home, env, testenv.Client(t, "python"), "-m", "venv", "--without-pip", venv)
	run(t, home, env, pip, "--python", filepath.Join(venv, "bin", "python"), "install", "python-dateutil")
	out := run(t, home, env, filepath.Join(venv, "bin", "python"), "-c", `from dateutil.parser import parse; print(parse("24 Nov 2026").isoformat())`)
	if strings.TrimSpace(out) != "2026-11-24T00:00:00" {
		t.Errorf("what was installed says %q", out)
	}
	here := filepath.Join(home, "here")
	write(t, filepath.Join(here, ".keep"), "")
	run(t, here, env, pip, "download", "--quiet", "--no-cache-dir", "--dest", ".", "python-dateutil")
	run(t, here, env, pip, "download", "--quiet", "--no-cache-dir", "--dest", ".", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "six")
	same(t, there, here, 3)
	gate.only(t, addr)
	r.verified()
}

// verified holds the repository against its log.
func (r *repository) verified() {
	r.t.Helper()
	if out, code := bonded(r.t, r.env, "log", "verify", r.node.url); code != 0 {
		r.t.Errorf("log verify: exit code %d\n%s", code, out)
	}
}

// files lists a folder, without names that begin with a dot.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// same compares two folders of n files by digest.
func same(t *testing.T, there, here string, n int) {
	t.Helper()
	want, got := digests(t, there), digests(t, here)
	if len(want) != n || !slices.Equal(want, got) {
		t.Errorf("from upstream, %d files wanted:\n%s\nfrom bonded:\n%s", n, strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

func digests(t *testing.T, dir string) (lines []string) {
	t.Helper()
	for _, name := range files(t, dir) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%x  %s", sha256.Sum256(b), name))
	}
	return lines
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// gate is an HTTP proxy that notes whom a client wants to talk to. It lets
// plain requests through, and nothing that is encrypted.
type gate struct {
	url   string
	mu    sync.Mutex
	asked map[string]int // by host and port
}

func watch(t *testing.T) *gate {
	g := &gate{asked: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(g.pass))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

func (g *gate) pass(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.asked[r.Host]++
	g.mu.Unlock()
	target, err := url.Parse(r.RequestURI)
	if err != nil || target.Scheme != "http" || !strings.HasPrefix(target.Host, "127.0.0.1:") {
		http.Error(w, "nothing leaves this machine", http.StatusForbidden)
		return
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	res, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body) // the client notices
}

// env has every client that reads the usual variables use the gate.
func (g *gate) env() []string {
	return []string{
		"http_proxy=" + g.url, "https_proxy=" + g.url, "HTTP_PROXY=" + g.url, "HTTPS_PROXY=" + g.url, "ALL_PROXY=" + g.url,
		"no_proxy=", "NO_PROXY=",
	}
}

// only fails if anybody but addr was asked for anything.
func (g *gate) only(t *testing.T, addr string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked[addr] == 0 {
		t.Errorf("the client did not use the proxy; it saw %v", g.asked)
	}
	for host, n := range g.asked {
		if host != addr {
			t.Errorf("the client asked %s, %d times", host, n)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
