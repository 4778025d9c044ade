package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// record notes that a test drove a program, once the test is over and was not
// skipped: "kind TAB name TAB version TAB package TAB test" in one write, which
// O_APPEND keeps whole among test processes that run side by side.
func record(t testing.TB, kind, name, version string) {
	t.Helper()
	path := os.Getenv("BONDED_TEST_REPORT")
	if path == "" {
		return
	}
	line := strings.Join([]string{kind, name, version, here(), t.Name()}, "\t") + "\n"
	t.Cleanup(func() {
		if t.Skipped() {
			return
		}
		if err := appendLine(path, line); err != nil {
			t.Errorf("append to BONDED_TEST_REPORT: %v", err)
		}
	})
}

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(line); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

// here is the folder of the package under test, seen from go.mod.
func here() string {
	top, err := root()
	if err != nil {
		return "?"
	}
	dir, err := os.Getwd()
	if err != nil {
		return "?"
	}
	rel, err := filepath.Rel(top, dir)
	if err != nil {
		return "?"
	}
	return filepath.ToSlash(rel)
}
