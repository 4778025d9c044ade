// Package testenv gives tests the real programs that bonded has to get along
// with: package managers, database and object store. Only tests import it.
//
// Three promises hold it together.
//
//   - What is driven is real. scripts/install puts pinned clients and servers
//     into .tools; nothing here imitates one. A program that is not there makes
//     the test skip with the command that brings it, or fail when the variable
//     REQUIRE (names with commas between them) names it. Continuous integration
//     names all of them, so that a missing one cannot pass for a passing test.
//   - What is driven is told. Each use appends a line to the file that
//     BONDED_TEST_REPORT names; scripts/report makes a table of them and fails
//     when REQUIRE names something that no test used. The test of this package
//     itself do not count there.
//   - What is started ends. A server belongs to the test process that started
//     it, and a keeper (see keep) ends it and removes its folder when that
//     process is gone, be it by a return, a panic, a time-out or kill -9.
//
// One PostgreSQL and one S3 server serve a whole test process, and each call
// gets a fresh database or bucket. Where they are is announced in the
// environment, in BONDED_TEST_POSTGRES and BONDED_TEST_S3: programs that a test
// starts find the same ones, and whoever sets these variables beforehand has
// the tests run against servers of their own.
//
// Clients run in a home of their own (see Home), where no setting, credential
// or cache of the person running the tests is visible, and where the default
// registry is a name that cannot resolve: a test that forgets to say where its
// packages come from fails instead of asking the public registries. Upstream is
// the one way out, for tests that want it.
package testenv

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Tools returns the folder that scripts/install fills: programs are in its bin.
func Tools() (string, error) {
	if dir := os.Getenv("BONDED_TOOLS"); dir != "" {
		return dir, nil
	}
	top, err := root()
	if err != nil {
		return "", err
	}
	return filepath.Join(top, ".tools"), nil
}

// root is the folder of go.mod above the working directory, which go test sets
// to the folder of the package under test.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("find go.mod above the working directory: none there")
		}
		dir = up
	}
}

// required tells whether REQUIRE names a program.
func required(name string) bool {
	for _, each := range strings.Split(os.Getenv("REQUIRE"), ",") {
		if strings.TrimSpace(each) == name {
			return true
		}
	}
	return false
}

// missing ends the test: with a failure where the program is required, and with
// a skip elsewhere. The remedy is what brings the program.
func missing(t testing.TB, name, remedy string) {
	t.Helper()
	if required(name) {
		t.Fatalf("%s is required (REQUIRE) and not here: %s", name, remedy)
	}
	t.Skipf("%s is not here: %s", name, remedy)
}
