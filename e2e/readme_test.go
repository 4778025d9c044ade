package e2e

import (
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bonded.dev/internal/testenv"
)

// TestReadme does what README.md says, in a fresh copy of the tree: "make run"
// in one terminal, and every line of the section "Five minutes" in another.
// Only the port and the folder for trying are others, so that nothing of the
// person who runs the tests is in the way.
func TestReadme(t *testing.T) {
	t.Parallel()
	testenv.Client(t, "npm")
	testenv.Upstream(t, "pypi") // the readme has pip fetch build and twine
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	const where, folder = "127.0.0.1:8420", "/tmp/bonded-try"
	commands := shellUnder(string(b), "## Five minutes")
	for _, needed := range []string{where, folder, "npm publish", "npm install", "twine upload", "pip install", "bonded log verify"} {
		if !strings.Contains(commands, needed) {
			t.Fatalf("the section has no %q any more:\n%s", needed, commands)
		}
	}

	tree, try, addr := t.TempDir(), t.TempDir(), testenv.FreeAddr(t)
	copyTree(t, "..", tree)
	env := ownCaches(t)
	terminal := exec.Command("make", "run", "LISTEN="+addr)
	terminal.Dir, terminal.Env = tree, env
	terminal.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said lockedBuffer
	terminal.Stdout, terminal.Stderr = &said, &said
	if err := terminal.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- terminal.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-terminal.Process.Pid, syscall.SIGTERM) // make and what it runs
		<-ended
		if t.Failed() {
			t.Logf("make run said:\n%s", said.String())
		}
	})
	waitFor(t, "make run to listen", func() bool {
		res, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == 200
	})

	commands = strings.NewReplacer(where, addr, folder, try).Replace(commands)
	second := exec.Command("bash", "-euo", "pipefail", "-c", commands)
	second.Dir, second.Env = tree, env
	out, err := second.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n\n%s", err, commands, out)
	}
	if !strings.Contains(string(out), "everything is as the log says") {
		t.Errorf("bonded log verify:\n%s", out)
	}
	for _, installed := range []string{"npm-use/node_modules/hello-bonded/package.json", "pypi-use/hello_bonded/__init__.py"} {
		if _, err := os.Stat(filepath.Join(try, filepath.FromSlash(installed))); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// shellUnder joins the blocks marked sh between a heading and the next one of
// its level or higher.
func shellUnder(text, heading string) string {
	_, section, _ := strings.Cut(text, "\n"+heading+"\n")
	var b strings.Builder
	inside, shell := false, false
	for line := range strings.Lines(section) {
		fence, ok := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case ok:
			inside, shell = !inside, !inside && fence == "sh"
		case !inside && (strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "# ")):
			return b.String()
		case inside && shell:
			b.WriteString(line)
		}
	}
	return b.String()
}

// copyTree copies the sources, without what was built or installed.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	leftOut := map[string]bool{"bin": true, "coverage": true, "bonded-data": true, "node_modules": true}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil || rel == "." {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") || leftOut[d.Name()] {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ownCaches is this process's environment, whose clients know the way out, with
// npm of the tests and caches that go away.
func ownCaches(t *testing.T) []string {
	t.Helper()
	tools, err := testenv.Tools()
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	return append(os.Environ(),
		"PATH="+filepath.Join(tools, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"npm_config_cache="+filepath.Join(cache, "npm"), "npm_config_update_notifier=false",
		"PIP_CACHE_DIR="+filepath.Join(cache, "pip"), "PIP_DISABLE_PIP_VERSION_CHECK=1")
}
