package e2e

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	_ "modernc.org/sqlite" // the driver

	"bonded.dev/controls/all"
)

// hostile is one upload that must be refused, and how.
type hostile struct {
	name string
	send func() sending
	// status is a 4xx: whatever is wrong with an upload is the client's
	// business, and a server error would make it try again.
	status int
	// control is who refuses; empty where the request does not get as far as
	// a control.
	control string
	says    string // a phrase of the refusal
}

// hostileUploads is the whole table.
func hostileUploads() []hostile {
	return slices.Concat(npmArchives(), npmTarballs(), npmLies(), npmNames(), npmBodies(), npmRights(),
		wheelArchives(), sdistArchives(), wheelInsides(), pypiFiles(), pypiForms(), pypiRights(), wireTricks())
}

// memoryBound is what a server may have taken at its highest while it was sent
// the whole table, bombs of a gigabyte and forms of 32 MB among it, bytes.
const memoryBound = 256 << 20

// TestHostileUploads sends every upload of the table to a real server. Each
// must be refused with the status, by the control and in the words of the
// table, and leave nothing behind: no entry in the log, no file, no row.
func TestHostileUploads(t *testing.T) {
	s := besiege(t)
	before := s.world(t)
	byControl, n := map[string]int{}, 0
	for _, h := range hostileUploads() {
		ok := t.Run(h.name, func(t *testing.T) {
			h.check(t, h.send().over(t, s.addr, s.tokens))
			if after := s.world(t); after != before {
				t.Errorf("it left something behind:\n%s", difference(before, after))
				before = after
			}
		})
		if ok {
			n++
			byControl[h.control]++
		}
	}
	s.acceptsGood(t)
	if out, code := bonded(t, s.env, "log", "verify", s.node.url); code != 0 {
		t.Errorf("log verify: exit code %d\n%s", code, out)
	}
	if peak := s.peakMemory(t); peak > memoryBound {
		t.Errorf("the server took %d MB at its highest, more than %d", peak>>20, memoryBound>>20)
	} else {
		t.Logf("%d uploads refused, memory at most %d MB (bound %d)", n, peak>>20, memoryBound>>20)
	}
	for _, c := range all.Checks() {
		t.Logf("%4d by %s", byControl[c.ID], c.ID)
	}
	t.Logf("%4d before any control", byControl[""])
	if err := s.node.stop(); err != nil {
		t.Fatal(err)
	}
	if out, code := bonded(t, s.env, "fsck", "--spare", "0s"); code != 0 {
		t.Errorf("fsck: exit code %d\n%s", code, out)
	}
}

// check holds an answer to the row of the table, in the format that the
// client reads: npm prints the member "error", twine the reason phrase, uv the
// text.
func (h hostile) check(t *testing.T, r reply) {
	t.Helper()
	if r.status != h.status || r.status < 400 || r.status > 499 {
		t.Errorf("status %d, want %d: %s", r.status, h.status, r.body)
	}
	if r.more != "" {
		t.Errorf("behind the answer stands %.200q", r.more)
	}
	text := r.body
	switch r.header.Get("Content-Type") {
	case "application/json":
		var answer struct {
			Error   string `json:"error"`
			Reason  string `json:"reason"`
			Control string `json:"control"`
			Success bool   `json:"success"`
		}
		if err := json.Unmarshal([]byte(r.body), &answer); err != nil || answer.Success || answer.Reason != answer.Error {
			t.Errorf("npm cannot read %q: %v", r.body, err)
		}
		if answer.Control != h.control {
			t.Errorf("refused by %q, want %q: %s", answer.Control, h.control, answer.Error)
		}
		text = answer.Error
	case "text/plain; charset=utf-8":
		text = strings.TrimSuffix(text, "\n")
		if len(text) < 500 && r.reason != text {
			t.Errorf("twine would print %q, and the refusal is %q", r.reason, text)
		}
		if got := controlIn(text); got != h.control {
			t.Errorf("refused by %q, want %q: %s", got, h.control, text)
		}
	default:
		t.Errorf("an answer of type %q: %q", r.header.Get("Content-Type"), r.body)
	}
	if !strings.Contains(text, h.says) {
		t.Errorf("it says %q and not %q", text, h.says)
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) || len(text) > 2000 {
		t.Errorf("not fit for a terminal: %.300q", text)
	}
	if os.Getenv("BONDED_TEST_SHOW") != "" {
		t.Logf("%d %s", r.status, text)
	}
}

// controlIn finds the control that a text names at its end.
func controlIn(text string) string {
	at := strings.LastIndex(text, " [")
	if at < 0 || !strings.HasSuffix(text, "]") {
		return ""
	}
	id := text[at+2 : len(text)-1]
	if strings.Trim(id, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return ""
	}
	return id
}

// besieged is a server with something worth attacking in it.
type besieged struct {
	node   *node
	addr   string
	data   string
	env    []string
	tokens map[string]string
	book   *sql.DB // opened for reading
}

func besiege(t *testing.T) *besieged {
	t.Helper()
	s := &besieged{data: filepath.Join(t.TempDir(), "data"), tokens: map[string]string{}}
	s.env = bare("BONDED_DATA=" + s.data)
	s.node = serving(t, s.env, "--listen", "127.0.0.1:0")
	s.addr = strings.TrimPrefix(s.node.url, "http://")
	for user, scope := range besiegedUsers {
		must(t, s.env, "admin", "user", "add", user, "--email", user+"@example.org")
		s.tokens[user] = strings.TrimSpace(must(t, s.env, "admin", "token", "add", "--user", user, "--scope", scope+":npm/*", "--scope", scope+":pypi/*"))
	}
	s.tokens["narrow"] = strings.TrimSpace(must(t, s.env, "admin", "token", "add", "--user", "alice", "--scope", "publish:npm/@acme/*", "--scope", "publish:pypi/acme-*"))
	furnish(t, s.addr, s.tokens)
	var err error
	if s.book, err = sql.Open("sqlite", "file:"+filepath.Join(s.data, "bonded.db")+"?mode=ro"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.book.Close() })
	return s
}

// besiegedUsers are who writes, and what their tokens may.
var besiegedUsers = map[string]string{"alice": "publish,tag,yank,delete", "mallory": "publish,tag,yank,delete"}

// furnish publishes what the uploads of the table collide with.
func furnish(t testing.TB, addr string, tokens map[string]string) {
	t.Helper()
	for _, s := range []sending{
		npmPackage("left-pad", "1.0.0").sending(),
		npmPackage("left-pad", "2.0.0").sending(),
		npmPackage("@acme/tools", "1.0.0").sending(),
		npmPackage("attic", "1.0.0").sending(),
		npmPackage("gone", "1.0.0").sending(),
		as("mallory", npmPackage("malware", "1.0.0").sending()),
		change("npm/left-pad", "delete", "2.0.0"),
		change("npm/gone", "delete", "1.0.0"),
		{method: "POST", path: "/api/v1/changes", token: "alice", body: []byte(`{"package":"npm/attic","change":"status","status":"archived"}`)},
		wheel{name: "acme-tools", version: "1.0"}.sending(),
		wheel{name: "acme-tools", version: "2.0"}.sending(),
		wheel{name: "attic", version: "1.0"}.sending(),
		wheel{name: "gone", version: "1.0"}.sending(),
		as("mallory", wheel{name: "malware", version: "1.0"}.sending()),
		change("pypi/acme-tools", "delete", "2.0"),
		change("pypi/gone", "delete", "1.0"),
		{method: "POST", path: "/api/v1/changes", token: "alice", body: []byte(`{"package":"pypi/attic","change":"status","status":"archived"}`)},
	} {
		if r := s.over(t, addr, tokens); r.status > 299 {
			t.Fatalf("%s %s: %d %s", s.method, s.path, r.status, r.body)
		}
	}
}

func as(user string, s sending) sending { s.token = user; return s }

// change is a request to the JSON API of our own.
func change(pkg, kind, version string) sending {
	return sending{method: "POST", path: "/api/v1/changes", token: "alice",
		body: fmt.Appendf(nil, `{"package":%q,"change":%q,"version":%q}`, pkg, kind, version)}
}

// world is everything that an upload could leave behind, one line each.
func (s *besieged) world(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	_, checkpoint := fetch(t, s.node.url+"/log/checkpoint")
	fmt.Fprintf(&b, "checkpoint %q\n", checkpoint)
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		// The database speaks for itself below.
		if err != nil || strings.HasPrefix(d.Name(), "bonded.db") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() { // whose size and time change when a file came and went
			fmt.Fprintf(&b, "folder %s\n", path)
			return nil
		}
		fmt.Fprintf(&b, "file %s %d %v\n", path, info.Size(), info.ModTime())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range s.tables(t) {
		fmt.Fprintf(&b, "table %s %s\n", table, s.rows(t, table))
	}
	return b.String()
}

func (s *besieged) tables(t *testing.T) (names []string) {
	t.Helper()
	rows, err := s.book.Query(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		// The journal of the administrator and counts of downloads may grow.
		if name != "audit" && name != "download" && name != "lease" && name != "sqlite_sequence" {
			names = append(names, name)
		}
	}
	return names
}

// rows counts the rows of a table and hashes them.
func (s *besieged) rows(t *testing.T, table string) string {
	t.Helper()
	rows, err := s.book.Query("SELECT * FROM " + table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	sum, n := sha256.New(), 0
	for ; rows.Next(); n++ {
		row := make([]any, len(columns))
		for i := range row {
			row[i] = new(any)
		}
		if err := rows.Scan(row...); err != nil {
			t.Fatal(err)
		}
		for i, c := range columns {
			// When a token was last used, and how far the shelf is flushed, is
			// written whenever there is time.
			if c != "last_used" && table != "mark" {
				fmt.Fprintf(sum, "%v\n", *row[i].(*any))
			}
		}
	}
	return fmt.Sprintf("%d rows, %x", n, sum.Sum(nil))
}

// difference shows the lines that only one of two worlds has.
func difference(before, after string) string {
	var out []string
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	for _, l := range was {
		if !slices.Contains(is, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range is {
		if !slices.Contains(was, l) {
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out, "\n")
}

// peakMemory is the most that the server ever held, bytes (proc(5), VmHWM).
func (s *besieged) peakMemory(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.node.cmd.Process.Pid))
	if err != nil {
		t.Skipf("the memory of a process is read from /proc, which only Linux has: %v", err)
	}
	for line := range strings.Lines(string(b)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmHWM in /proc/PID/status")
	return 0
}

// acceptsGood publishes what only looks hostile, and an ordinary package of
// each kind: a server that refuses everything would pass the table too.
func (s *besieged) acceptsGood(t *testing.T) {
	for name, good := range goodUploads() {
		if r := good.over(t, s.addr, s.tokens); r.status > 299 {
			t.Errorf("%s was refused: %d %s", name, r.status, r.body)
		}
	}
	for _, path := range []string{"/npm/good/-/good-1.0.0.tgz", "/pypi/files/good/good-1.0-py3-none-any.whl", "/pypi/files/good/good-1.0.tar.gz"} {
		if res, _ := fetch(t, s.node.url+path); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
}
