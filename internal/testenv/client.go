package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Client returns the path of a real client and notes that the test drives it:
// npm, npx, npm-9 (the last line that checks registry signatures with the keys
// of the registry alone; newer ones ask a host of their own first), pnpm, yarn
// (the classic 1.x), yarn-berry (4.x), pip, twine or python (the one that has
// pip, build, setuptools and wheel). Run it in a Home.
func Client(t testing.TB, name string) string {
	t.Helper()
	dir, err := Tools()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bin", name)
	if _, err := os.Stat(path); err != nil {
		missing(t, name, "run scripts/install (node 20 or newer for npm, pnpm and yarn; python3 with venv for pip and twine)")
	}
	record(t, "client", name, installed(dir, name, path))
	return path
}

// installed is the version that scripts/install saw when it installed a
// program. Asking the program again would cost up to half a second a test.
func installed(dir, name, path string) string {
	if b, err := os.ReadFile(filepath.Join(dir, "versions", name)); err == nil {
		return strings.TrimSpace(string(b))
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first
}
