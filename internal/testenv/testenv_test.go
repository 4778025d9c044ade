package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// witness stands in for a test that missing ends: Fatalf and Skipf leave the
// goroutine, as the real ones do.
type witness struct {
	testing.TB
	verdict string
	cleanup []func()
}

func (w *witness) Helper()           {}
func (w *witness) Name() string      { return "TestWitness" }
func (w *witness) Skipped() bool     { return strings.HasPrefix(w.verdict, "skip") }
func (w *witness) Cleanup(do func()) { w.cleanup = append(w.cleanup, do) }
func (w *witness) Fatalf(format string, args ...any) {
	w.verdict = "fail: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (w *witness) Skipf(format string, args ...any) {
	w.verdict = "skip: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (w *witness) run(test func(testing.TB)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(w)
	}()
	<-done
	for _, do := range w.cleanup {
		do()
	}
}

func TestMissingSkipsUnlessRequired(t *testing.T) {
	t.Setenv("BONDED_TOOLS", t.TempDir()) // nothing is installed there
	for require, want := range map[string]string{
		"":              "skip: pnpm",
		"npm,pnpm-next": "skip: pnpm",
		"npm, pnpm":     "fail: pnpm is required",
	} {
		t.Setenv("REQUIRE", require)
		w := &witness{}
		w.run(func(tb testing.TB) { Client(tb, "pnpm") })
		if !strings.HasPrefix(w.verdict, want) || !strings.Contains(w.verdict, "scripts/install") {
			t.Errorf("REQUIRE=%q: got %q, want %q... and how to install it", require, w.verdict, want)
		}
	}
	t.Setenv("REQUIRE", "s3")
	t.Setenv("BONDED_TEST_S3", "")
	w := &witness{}
	w.run(func(tb testing.TB) { S3(tb) })
	if !strings.HasPrefix(w.verdict, "fail: s3 is required") {
		t.Errorf("required S3 server that is not installed: got %q", w.verdict)
	}
}

// plant makes a folder of tools with one fake program of a known version.
func plant(t *testing.T, name, version string) {
	t.Helper()
	dir := t.TempDir()
	for path, text := range map[string]string{"bin/" + name: "#!/bin/sh\n", "versions/" + name: version + "\n"} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("BONDED_TOOLS", dir)
}

func TestReportTellsWhatWasDriven(t *testing.T) {
	plant(t, "pip", "7.8.9")
	report := filepath.Join(t.TempDir(), "report")
	t.Setenv("BONDED_TEST_REPORT", report)
	driven := &witness{}
	driven.run(func(tb testing.TB) { Client(tb, "pip") })
	skipped := &witness{}
	skipped.run(func(tb testing.TB) {
		Client(tb, "pip")
		tb.Skipf("for another reason")
	})
	got, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	want := "client\tpip\t7.8.9\tinternal/testenv\tTestWitness\n"
	if string(got) != want {
		t.Errorf("report is %q, want %q: one line, since the other test was skipped", got, want)
	}
}

// TestReportScript holds the table's rules: distinct tests are counted, this
// package does not count, and REQUIRE fails for what is not there.
func TestReportScript(t *testing.T) {
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{
		"client\tnpm\t11.0.0\te2e\tTestA", "client\tnpm\t11.0.0\te2e\tTestA", "client\tnpm\t11.0.0\te2e\tTestB",
		"client\tpip\t26.0\tinternal/testenv\tTestC", "server\tpostgres\t15.1\tregistry/record\tTestD",
	}
	file := filepath.Join(t.TempDir(), "report")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for require, complaint := range map[string]string{
		"":                               "",
		"npm,postgres,race,staticcheck":  "",
		"npm,pip":                        "REQUIRE names pip",
		"npm,yarn,postgres":              "REQUIRE names yarn",
		"npm,some-name-that-is-mistyped": "REQUIRE names some-name-that-is-mistyped",
	} {
		cmd := exec.Command(filepath.Join(top, "scripts", "report"), file)
		cmd.Env = append(os.Environ(), "REQUIRE="+require)
		out, err := cmd.CombinedOutput()
		if (err != nil) != (complaint != "") || !strings.Contains(string(out), complaint) {
			t.Errorf("REQUIRE=%q: %v, want complaint %q\n%s", require, err, complaint, out)
		}
		fields := strings.Join(strings.Fields(string(out)), " ")
		for _, row := range []string{"client npm 11.0.0 2", "client pip 26.0 its own only", "server postgres 15.1 1"} {
			if !strings.Contains(fields, row) {
				t.Errorf("REQUIRE=%q: no row %q in\n%s", require, row, out)
			}
		}
	}
}

func TestFreePortsAreFree(t *testing.T) {
	if a, b := FreeAddr(t), FreeAddr(t); a == b {
		t.Errorf("the same address twice: %s", a)
	}
}
