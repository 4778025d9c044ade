package testenv

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// stall is the least that clients accept as a registry: one npm package and one
// wheel, and an upload form that takes anything. It counts what is asked.
type stall struct {
	*httptest.Server
	asked atomic.Int64
}

func openStall(t *testing.T) *stall {
	t.Helper()
	tarball := npmTarball(t)
	wheel := pythonWheel(t)
	s := &stall{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /npm/tiny", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		sum := sha1.Sum(tarball)
		fmt.Fprintf(w, `{"name":"tiny","dist-tags":{"latest":"1.0.0"},"time":{"modified":"2020-01-01T00:00:00.000Z","1.0.0":"2020-01-01T00:00:00.000Z"},"versions":{"1.0.0":{"name":"tiny","version":"1.0.0","dist":{"shasum":"%x","tarball":"%s/npm/tiny/-/tiny-1.0.0.tgz"}}}}`, sum, s.URL)
	})
	mux.HandleFunc("GET /npm/tiny/-/tiny-1.0.0.tgz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(tarball)
	})
	mux.HandleFunc("GET /pypi/simple/tiny/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		sum := sha256.Sum256(wheel)
		fmt.Fprintf(w, `<!DOCTYPE html><html><body><a href="/pypi/tiny-1.0-py3-none-any.whl#sha256=%s">tiny-1.0-py3-none-any.whl</a></body></html>`, hex.EncodeToString(sum[:]))
	})
	mux.HandleFunc("GET /pypi/tiny-1.0-py3-none-any.whl", func(w http.ResponseWriter, r *http.Request) { w.Write(wheel) })
	mux.HandleFunc("POST /pypi/upload/", func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func npmTarball(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	text := `{"name":"tiny","version":"1.0.0"}`
	err := archive.WriteHeader(&tar.Header{Name: "package/package.json", Mode: 0o644, Size: int64(len(text))})
	if err == nil {
		_, err = io.WriteString(archive, text)
	}
	for _, c := range []io.Closer{archive, zipped} {
		if closeErr := c.Close(); err == nil {
			err = closeErr
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pythonWheel(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, file := range [][2]string{
		{"tiny.py", "answer = 42\n"},
		{"tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"},
		{"tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{"tiny-1.0.dist-info/RECORD", "tiny.py,,\ntiny-1.0.dist-info/METADATA,,\ntiny-1.0.dist-info/WHEEL,,\ntiny-1.0.dist-info/RECORD,,\n"},
	} {
		w, err := archive.Create(file[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, file[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// slow leaves the tests with real clients out of the fast run.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("drives real clients: run without -short")
	}
}

// drive runs a client in a project folder of its own and returns what it said.
func drive(t *testing.T, home string, env []string, name string, args ...string) (string, error) {
	t.Helper()
	project := filepath.Join(home, "project")
	if err := os.MkdirAll(project, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(Client(t, name), args...)
	cmd.Dir, cmd.Env = project, env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestNodeClientsInstallFromTheProjectsRegistry shows that a home's default
// registry gives way to the one that a project names, for each client.
func TestNodeClientsInstallFromTheProjectsRegistry(t *testing.T) {
	slow(t)
	for name, add := range map[string][]string{
		"npm": {"install", "tiny"}, "pnpm": {"add", "tiny"}, "yarn": {"add", "tiny"}, "yarn-berry": {"add", "tiny"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Client(t, name)
			registry := openStall(t)
			home, env := Home(t)
			project := filepath.Join(home, "project")
			write(t, filepath.Join(project, "package.json"), `{"name":"consumer","version":"1.0.0","private":true}`)
			if name == "yarn" {
				// It tries for twelve seconds, and its own settings hide this one
				// from "yarn config get".
				if out, err := drive(t, home, env, name, "config", "list"); !strings.Contains(out, Nowhere) {
					t.Errorf("yarn config list does not know %s: %v\n%s", Nowhere, err, out)
				}
			} else if out, err := drive(t, home, env, name, add...); err == nil || !strings.Contains(out, "registry.invalid") {
				t.Errorf("%s without being told a registry: %v, want a failure to reach registry.invalid\n%s", name, err, out)
			}
			write(t, filepath.Join(project, ".npmrc"), "registry="+registry.URL+"/npm/\n")
			write(t, filepath.Join(project, ".yarnrc.yml"), "npmRegistryServer: "+registry.URL+"/npm\nnodeLinker: node-modules\n")
			if out, err := drive(t, home, env, name, add...); err != nil {
				t.Fatalf("%s %v: %v\n%s", name, add, err, out)
			}
			if _, err := os.Stat(filepath.Join(project, "node_modules", "tiny", "package.json")); err != nil {
				t.Error(err)
			}
			if registry.asked.Load() == 0 {
				t.Error("the registry was not asked")
			}
		})
	}
}

func TestPythonClientsInstallAndUpload(t *testing.T) {
	slow(t)
	Client(t, "pip")
	index := openStall(t)
	home, env := Home(t)
	if out, err := drive(t, home, env, "pip", "download", "tiny"); err == nil || !strings.Contains(out, "registry.invalid") {
		t.Errorf("pip without being told an index: %v, want a failure to reach registry.invalid\n%s", err, out)
	}
	venv := filepath.Join(home, "venv")
	if out, err := drive(t, home, env, "python", "-m", "venv", "--without-pip", venv); err != nil {
		t.Fatalf("make a virtual environment: %v\n%s", err, out)
	}
	python := filepath.Join(venv, "bin", "python")
	out, err := drive(t, home, env, "pip", "--python", python, "install", "--index-url", index.URL+"/pypi/simple/", "tiny")
	if err != nil {
		t.Fatalf("pip install: %v\n%s", err, out)
	}
	cmd := exec.Command(python, "-c", "import tiny; print(tiny.answer)")
	cmd.Env = env
	if got, err := cmd.Output(); err != nil || strings.TrimSpace(string(got)) != "42" {
		t.Errorf("import what was installed: %q, %v", got, err)
	}
	wheel := filepath.Join(home, "tiny-1.0-py3-none-any.whl")
	write(t, wheel, string(pythonWheel(t)))
	out, err = drive(t, home, env, "twine", "upload", "--non-interactive", "-u", "__token__", "-p", "none",
		"--repository-url", index.URL+"/pypi/upload/", wheel)
	if err != nil {
		t.Errorf("twine upload: %v\n%s", err, out)
	}
}

// TestSourceDistributionsBuildOffline holds the reason for setuptools and wheel
// among the pins: nobody is asked for a build back end.
func TestSourceDistributionsBuildOffline(t *testing.T) {
	slow(t)
	Client(t, "python")
	home, env := Home(t)
	project := filepath.Join(home, "project")
	write(t, filepath.Join(project, "pyproject.toml"), "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"tiny\"\nversion = \"1.0\"\n")
	write(t, filepath.Join(project, "tiny.py"), "answer = 42\n")
	if out, err := drive(t, home, env, "python", "-m", "build", "--no-isolation"); err != nil {
		t.Fatalf("python -m build: %v\n%s", err, out)
	}
	for _, file := range []string{"tiny-1.0.tar.gz", "tiny-1.0-py3-none-any.whl"} {
		if _, err := os.Stat(filepath.Join(project, "dist", file)); err != nil {
			t.Error(err)
		}
	}
}

// TestHomesKeepEverythingInside asks each client where it keeps things: nothing
// of the machine's user may leak in, and nothing of a test may leak out.
func TestHomesKeepEverythingInside(t *testing.T) {
	slow(t)
	t.Setenv("PIP_INDEX_URL", "http://leak.invalid/simple")
	t.Setenv("npm_config_registry", "http://leak.invalid/")
	t.Setenv("YARN_NPM_REGISTRY_SERVER", "http://leak.invalid/")
	for _, ask := range [][]string{
		{"npm", "config", "get", "cache"},
		{"npm", "config", "get", "userconfig"},
		{"npm", "config", "get", "globalconfig"},
		{"pnpm", "store", "path"},
		{"yarn", "cache", "dir"},
		{"yarn-berry", "config", "get", "globalFolder"},
		{"pip", "cache", "dir"},
		{"npm", "config", "get", "registry"},
		{"pnpm", "config", "get", "registry"},
		{"yarn-berry", "config", "get", "npmRegistryServer"},
		{"python", "-c", effectiveIndex},
	} {
		home, env := Home(t)
		out, err := drive(t, home, env, ask[0], ask[1:]...)
		out = strings.TrimSpace(out)
		if err != nil || !strings.HasPrefix(out, home+"/") && !strings.HasPrefix(out, Nowhere) {
			t.Errorf("%q says %q, %v; want a place in its home or %s", ask, out, err, Nowhere)
		}
	}
}

func TestHomeWritesOnlyWhereItWasTold(t *testing.T) {
	dir := t.TempDir()
	if _, err := HomeIn(dir); err != nil {
		t.Fatal(err)
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, d.Name())
		}
		return err
	})
	if err != nil || strings.Join(files, " ") != "rc .npmrc .yarnrc.yml" {
		t.Errorf("a new home holds %q, %v", files, err)
	}
	if _, err := HomeIn(filepath.Join(dir, ".npmrc", "below-a-file")); err == nil {
		t.Error("a home below a file is no error")
	}
}

func TestUpstreamIsTheMachinesOwn(t *testing.T) {
	slow(t)
	index := openStall(t)
	t.Setenv("PIP_INDEX_URL", index.URL+"/pypi/simple/")
	t.Setenv("npm_config_registry", index.URL+"/npm/")
	if got := Upstream(t, "pypi"); got != index.URL+"/pypi/simple" {
		t.Errorf("pypi: %s", got)
	}
	if got := Upstream(t, "npm"); got != index.URL+"/npm" {
		t.Errorf("npm: %s", got)
	}
	t.Setenv("npm_config_registry", "http://"+FreeAddr(t)+"/")
	t.Setenv("REQUIRE", "")
	w := &witness{TB: t}
	w.run(func(tb testing.TB) { Upstream(tb, "npm") })
	if !w.Skipped() {
		t.Errorf("an upstream that is not there: %q, want a skip", w.verdict)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
