package e2e

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
)

// finding is the part of a report, of log verify as of fsck, that says where.
type finding struct {
	Kind    string `json:"kind"`
	Place   string `json:"place"`
	Problem string `json:"problem"`
}

func findings(t *testing.T, out string) (list []finding) {
	t.Helper()
	var report struct {
		Findings []finding `json:"findings"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("reading the report: %v\n%s", err, out)
	}
	return report.Findings
}

// named reports whether a finding points to the place.
func named(list []finding, kind, place string) bool {
	for _, f := range list {
		if f.Kind == kind && strings.Contains(f.Place+": "+f.Problem, place) {
			return true
		}
	}
	return false
}

// TestLogVerifyFindsOneByte changes one byte of what a server serves. Everybody
// who looks must find it, and be told where.
func TestLogVerifyFindsOneByte(t *testing.T) {
	t.Parallel()
	honest := stocked.copy(t)
	honest.serve()
	if out, code := bonded(t, honest.env, "log", "verify", honest.node.url, "--json"); code != 0 || len(findings(t, out)) > 0 {
		t.Fatalf("an unchanged repository: exit code %d\n%s", code, out)
	}
	for _, c := range []struct{ name, file, kind, place string }{
		{"an npm document", "npm/left-pad/full.json", "document", "npm/left-pad/full.json"},
		{"its compressed twin", "npm/left-pad/full.json.gz", "document", "npm/left-pad/full.json"},
		{"what npm install reads", "npm/@acme/tools/abbreviated.json", "document", "npm/@acme/tools/abbreviated.json"},
		{"the keys of npm audit signatures", "npm/-/keys.json", "document", "npm/-/keys.json"},
		{"a PyPI page", "pypi/simple/acme-tools/index.html", "document", "pypi/simple/acme-tools/index.html"},
		{"its compressed twin in JSON", "pypi/simple/acme-tools/index.json.gz", "document", "pypi/simple/acme-tools/index.json"},
		{"the list of projects", "pypi/simple/index.html", "document", "pypi/simple/index.html"},
		{"a metadata file", "pypi/files/acme-tools/acme_tools-1.0-py3-none-any.whl.metadata", "document", "acme_tools-1.0-py3-none-any.whl.metadata"},
		{"a tarball", "npm/left-pad/-/left-pad-1.1.0.tgz", "artifact", "npm/left-pad/-/left-pad-1.1.0.tgz"},
		{"a wheel", "pypi/files/acme-tools/acme_tools-1.1-py3-none-any.whl", "artifact", "acme_tools-1.1-py3-none-any.whl"},
		{"a tile", "log/tile/0/*.p/*", "tile", "log/tile/0/000"},
		{"an entry bundle", "log/tile/entries/*.p/*", "entry", "log/tile/entries/000"},
		{"a document of the log", "log/doc/*", "log document", "log/doc/"},
		{"the checkpoint", "log/checkpoint", "checkpoint", "log/checkpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := stocked.copy(t)
			// A server writes the checkpoint when it starts, so the change comes
			// after that; it has read nothing else yet.
			r.serve()
			flip(t, newest(t, filepath.Join(r.data, "blobs", "public", filepath.FromSlash(c.file))))
			// Each of them looks twice, a second apart: a repository at work is no liar.
			type look struct {
				out  string
				code int
			}
			looks := map[string]look{}
			var group sync.WaitGroup
			var mu sync.Mutex
			for _, verb := range []string{"log verify " + r.node.url + " --json", "log verify " + r.node.url, "fsck --json"} {
				group.Go(func() {
					out, code := bonded(t, r.env, strings.Fields(verb)...)
					mu.Lock()
					defer mu.Unlock()
					looks[verb] = look{out, code}
				})
			}
			group.Wait()
			for verb, l := range looks {
				found := strings.Contains(l.out, c.place)
				if strings.HasSuffix(verb, "--json") {
					found = named(findings(t, l.out), c.kind, c.place)
				}
				if l.code != 1 || !found {
					t.Errorf("bonded %s: exit code %d, want 1 and a %s at %s\n%s", verb, l.code, c.kind, c.place, l.out)
				}
			}
		})
	}
}

// newest finds the largest partial tile, or any file that fits.
func newest(t *testing.T, pattern string) string {
	t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) == 0 {
		t.Fatalf("nothing is at %s: %v", pattern, err)
	}
	best := list[0]
	for _, path := range list {
		a, b := filepath.Base(path), filepath.Base(best)
		if len(a) > len(b) || len(a) == len(b) && a > b {
			best = path
		}
	}
	return best
}

// flip changes the lowest bit in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, fs.FileMode(0o600)); err != nil {
		t.Fatal(err)
	}
}

// TestFsckFindsOneRow changes one row of the database under a stopped server.
func TestFsckFindsOneRow(t *testing.T) {
	t.Parallel()
	// Of messages and sets of owners only the digest has to stay.
	const metadata = `(SELECT digest FROM doc WHERE CAST(body AS TEXT) LIKE '%"1.1.0"%' LIMIT 1)`
	for _, c := range []struct{ name, sql, kind, place string }{
		{"an entry", `UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), '1.1.0', '1.1.1') AS BLOB) WHERE idx = 10`, "database", "entry 10"},
		{"an entry that is gone", `DELETE FROM entry WHERE idx = (SELECT max(idx) FROM entry)`, "database", ""},
		{"a tree hash", `UPDATE hash SET hash = zeroblob(32) WHERE idx = 20`, "database", "tree hash 20"},
		{"a record of the state map", `UPDATE record SET value = zeroblob(length(value)) WHERE key = (SELECT min(key) FROM record)`, "database", "state record"},
		{"a file's digest", `UPDATE file SET digest = zeroblob(32) WHERE name = 'left-pad-1.1.0.tgz'`, "database", "left-pad-1.1.0.tgz"},
		{"a file that is gone", `DELETE FROM file WHERE name = 'left-pad-1.1.0.tgz'`, "database", "left-pad-1.1.0.tgz"},
		{"a document", `UPDATE doc SET body = CAST('other' AS BLOB) WHERE digest = ` + metadata, "database", "document "},
		{"a document that is gone", `DELETE FROM doc WHERE digest = ` + metadata, "database", "document "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := stocked.copy(t)
			r.change(c.sql)
			out, code := bonded(t, r.env, "fsck", "--json")
			if code != 1 || !named(findings(t, out), c.kind, c.place) {
				t.Errorf("exit code %d, want 1 and a finding about %q\n%s", code, c.place, out)
			}
			// Reading has changed nothing.
			if again, code := bonded(t, r.env, "fsck", "--json"); code != 1 || len(findings(t, again)) != len(findings(t, out)) {
				t.Errorf("a second time: exit code %d\n%s", code, again)
			}
		})
	}
	r := stocked.copy(t)
	if out, code := bonded(t, r.env, "fsck"); code != 0 || !strings.HasPrefix(out, "all is well: ") {
		t.Errorf("an unchanged repository: exit code %d\n%s", code, out)
	}
}

// change runs SQL on the database of a stopped server.
func (r *repository) change(text string) {
	r.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(r.data, "bonded.db"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	result, err := db.Exec(text)
	if err != nil {
		r.t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		r.t.Fatalf("changed %d rows, %v; want one", n, err)
	}
}

// TestFsckMends takes away what can be had again.
func TestFsckMends(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	public := filepath.Join(r.data, "blobs", "public")
	flip(t, filepath.Join(public, "npm", "left-pad", "full.json"))
	flip(t, filepath.Join(public, "pypi", "simple", "acme-tools", "index.html.gz"))
	flip(t, newest(t, filepath.Join(public, "log", "tile", "0", "*.p", "*")))
	for _, orphan := range []string{"npm/left-pad/-/left-pad-9.9.9.tgz", "npm/nobody/full.json"} {
		path := filepath.Join(public, filepath.FromSlash(orphan))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("?"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	r.change(`DELETE FROM doc WHERE digest = (SELECT digest FROM doc WHERE CAST(body AS TEXT) LIKE '%"1.1.0"%' LIMIT 1)`)
	if out, code := bonded(t, r.env, "fsck"); code != 1 || !strings.Contains(out, "something is wrong") {
		t.Errorf("before: exit code %d\n%s", code, out)
	}
	if out, code := bonded(t, r.env, "fsck", "--mend", "--spare", "0s"); code != 0 || !strings.Contains(out, "all is well now") {
		t.Errorf("mending: exit code %d\n%s", code, out)
	}
	if out, code := bonded(t, r.env, "fsck"); code != 0 || !strings.HasPrefix(out, "all is well: ") {
		t.Errorf("afterwards: exit code %d\n%s", code, out)
	}
	r.serve()
	if out, code := bonded(t, r.env, "log", "verify", r.node.url); code != 0 {
		t.Errorf("log verify afterwards: exit code %d\n%s", code, out)
	}

	// A lost artifact is not invented.
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(public, "npm", "left-pad", "-", "left-pad-1.1.0.tgz")); err != nil {
		t.Fatal(err)
	}
	if out, code := bonded(t, r.env, "fsck", "--mend", "--spare", "0s"); code != 1 || !strings.Contains(out, "left-pad-1.1.0.tgz") {
		t.Errorf("without an artifact: exit code %d\n%s", code, out)
	}
}
