package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// chromiums are the names under which a browser that runs without a screen is
// installed; scripts/install knows the same.
var chromiums = []string{"chrome-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Chromium returns the path of a Chromium and notes that the test drives it.
// BONDED_TEST_CHROMIUM names another one.
func Chromium(t testing.TB) string {
	t.Helper()
	path := os.Getenv("BONDED_TEST_CHROMIUM")
	if path == "" {
		path = findChromium()
	}
	if path == "" {
		missing(t, "chromium", "run scripts/install browser, or name one in BONDED_TEST_CHROMIUM")
	}
	out, err := exec.Command(path, "--version", "--no-sandbox").Output()
	if err != nil {
		t.Fatalf("ask %s for its version: %v", path, err)
	}
	record(t, "client", "chromium", strings.TrimSpace(string(out)))
	return path
}

func findChromium() string {
	dir, err := Tools()
	for _, name := range chromiums {
		if path := filepath.Join(dir, "bin", name); err == nil && exists(path) {
			return path
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
