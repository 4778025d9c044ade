package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bonded.dev/internal/testenv"
)

// TestExitCodes holds every verb to the same four codes, and to a line that
// says what is wrong and what to type.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	empty := filepath.Join(t.TempDir(), "nothing")
	torn := filepath.Join(t.TempDir(), "torn")
	if err := os.MkdirAll(torn, 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "bonded.yaml")
	for path, text := range map[string]string{
		filepath.Join(torn, "bonded.db"): strings.Repeat("this is no database\n", 100),
		config:                           "lisen: 127.0.0.1:0\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	closed := "http://" + testenv.FreeAddr(t) + "/"
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 0, "Usage:"},
		{"--help", 0, "Usage:"},
		{"--version", 0, "bonded version "},
		{"fsck", 0, "all is well: "},
		{"admin user list", 0, "alice"},

		{"frobnicate", 2, `unknown command "frobnicate" for "bonded"`},
		{"admin frobnicate", 2, `unknown command "frobnicate" for "bonded admin"`},
		{"admin user frobnicate", 2, `unknown command "frobnicate" for "bonded admin user"`},
		{"serve --frobnicate", 2, "unknown flag: --frobnicate"},
		{"serve extra", 2, `"extra" is one argument too many`},
		{"serve --listen nowhere", 2, "--listen nowhere: "},
		{"serve --drain soon", 2, "--drain soon: want a time such as 5s"},
		{"serve --url ftp://packages.example.org/", 2, "--url ftp://packages.example.org/: want http:// or https://"},
		{"serve --url https://packages.example.org/below/", 2, "a path below the host is not supported"},
		{"serve --blobs ftp://x/y", 2, "--blobs ftp://x/y: want s3://HOST/BUCKET"},
		{"serve --config " + config, 2, "lisen"},
		{"serve --config " + config + ".gone", 2, "no such file"},
		{"fsck --data " + empty, 2, "there is no repository in " + empty + "; start one with: bonded serve --data " + empty},
		{"admin user list --data " + empty, 2, "there is no repository in " + empty},
		{"backup /dev/null/x --data " + empty, 2, "there is no repository in " + empty},
		{"admin user add", 2, "NAME is missing in: bonded admin user add"},
		{"admin user add bob", 2, "--email is missing"},
		{"admin token add --user alice", 2, "needs --user and at least one --scope"},
		{"admin token add --user alice --scope everything", 2, "write ACTION:ECOSYSTEM/NAME-PATTERN"},
		{"admin token add --user alice --scope *:npm/*", 2, "name each action"},
		{"admin token add --user alice --scope publish:rpm/x", 2, `there is no ecosystem "rpm" here`},
		{"admin token add --user alice --scope publish:npm/x --ttl soon", 2, "invalid argument"},
		{"log verify", 2, "URL is missing in: bonded log verify"},
		{"change yank", 2, "PACKAGE is missing in: bonded change"},
		{"change yank pypi/acme-tools 1.0", 2, "set BONDED_TOKEN"},
		{"restore", 2, "FILE is missing in: bonded restore"},

		{"log verify " + closed, 3, "connection refused"},
		{"fsck --data " + torn, 3, "database"},
		{"serve --listen 127.0.0.1:0 --data " + torn, 3, "database"},
		{"serve --listen 127.0.0.1:0 --origin other.example/1", 2, "a log keeps its name for ever"},
		{"admin user add Alice --email alice@example.org", 2, "take 2 to 39 lower-case letters"},
		{"admin user add carol --email nowhere", 2, "write it plainly"},
		{"admin user add alice --email alice@example.org", 1, "alice"},
		{"admin token add --user nobody --scope publish:npm/*", 1, "nobody"},
		{"admin token add --user alice --scope publish:npm/* --ttl 9999h", 2, "90"},
	} {
		out, code := bonded(t, r.env, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("bonded %s: exit code %d, want %d and %q\n%s", c.args, code, c.code, c.says, out)
		}
		if strings.Contains(out, "goroutine ") || strings.Contains(out, "SQL logic") {
			t.Errorf("bonded %s talks to programmers:\n%s", c.args, out)
		}
	}
}

// TestHelpShowsAnExample asks every verb. Shell completion is how they are found.
func TestHelpShowsAnExample(t *testing.T) {
	t.Parallel()
	seen := 0
	var visit func(path []string)
	visit = func(path []string) {
		out, code := bonded(t, bare(), append(append([]string{}, path...), "--help")...)
		if code != 0 {
			t.Errorf("bonded %s --help: exit code %d", strings.Join(path, " "), code)
		}
		// What a verb without verbs below it completes are its arguments.
		var below []string
		if strings.Contains(out, "Available Commands:\n") {
			below = subcommands(t, path)
		}
		if len(below) == 0 {
			seen++
			if !strings.Contains(out, "Examples:\n  bonded ") || !strings.Contains(out, "  bonded "+strings.Join(path, " ")) {
				t.Errorf("bonded %s --help shows no example of itself:\n%s", strings.Join(path, " "), out)
			}
		}
		for line := range strings.Lines(out) {
			if len([]rune(strings.TrimRight(line, "\n"))) > 120 {
				t.Errorf("bonded %s --help has a line that is too wide: %s", strings.Join(path, " "), line)
			}
		}
		for _, name := range below {
			visit(append(append([]string{}, path...), name))
		}
	}
	visit(nil)
	if seen < 10 {
		t.Errorf("only %d verbs were found", seen)
	}
}

// subcommands asks as a shell would, without descriptions.
func subcommands(t *testing.T, path []string) (names []string) {
	t.Helper()
	cmd := exec.Command(binary, append(append([]string{"__completeNoDesc"}, path...), "")...)
	cmd.Env = bare()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("completing %v: %v", path, err)
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, ":") || line == "help" || line == "completion" {
			continue
		}
		names = append(names, line)
	}
	return names
}

func TestShellCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script := must(t, bare(), "completion", shell)
		if len(script) < 1000 {
			t.Errorf("completion %s: %q", shell, script)
		}
		path, err := exec.LookPath(shell)
		if err != nil || shell == "powershell" {
			t.Logf("%s is not here, so that its script was not read by it", shell)
			continue
		}
		flag := "-n"
		if shell == "fish" {
			flag = "--no-execute"
		}
		check := exec.Command(path, flag)
		check.Stdin = strings.NewReader(script)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s does not take its script: %v\n%s", shell, err, out)
		}
	}
}
