package event

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev/internal/testenv"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds {
		if seen[k.ID] {
			t.Errorf("%s stands there twice", k.ID)
		}
		seen[k.ID] = true
		if !regexp.MustCompile(`^[a-z]+(\.[a-z-]+)?$`).MatchString(k.ID) {
			t.Errorf("%q is no id", k.ID)
		}
		if k.Title == "" || strings.HasSuffix(k.Title, ".") {
			t.Errorf("%s: the title %q is a sentence without a full stop", k.ID, k.Title)
		}
		if k.Severity < 1 || k.Severity > 4 {
			t.Errorf("%s: severity %d", k.ID, k.Severity)
		}
	}
	for id := range failed {
		if !seen[id] {
			t.Errorf("%s is no kind", id)
		}
	}
}

// class is what OCSF 1.3.0 says of a class: its category, which activities it
// has besides 0 (Unknown) and 99 (Other), which attributes of its own it
// requires, and of which it takes exactly or at least one.
type class struct {
	category   int
	activities []int
	required   []string
	oneOf      []string
	anyOf      []string
}

// classes are facts from the released schema, version 1.3.0.
var classes = map[int]class{
	3001: {3, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, []string{"user"}, nil, nil},
	3002: {3, []int{1, 2, 3, 4, 5, 6}, []string{"user"}, nil, []string{"service", "dst_endpoint"}},
	3003: {3, []int{1, 2}, []string{"user"}, []string{"privileges", "group"}, nil},
	3005: {3, []int{1, 2}, []string{"user", "privileges"}, nil, nil},
	3006: {3, []int{1, 2, 3, 4, 5, 6}, []string{"group"}, nil, []string{"privileges", "user"}},
	6001: {6, []int{1, 2, 3, 4, 5, 6, 7, 8}, []string{"web_resources"}, nil, nil},
	6003: {6, []int{1, 2, 3, 4}, []string{"actor", "src_endpoint"}, nil, nil},
}

// always are the attributes that every class of OCSF 1.3.0 requires.
var always = []string{"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}

func TestEveryKindIsAnEventOfOCSF(t *testing.T) {
	for i, k := range Kinds {
		for _, a := range []record.Audit{
			{ID: int64(i + 1), At: noon, Actor: "alice", Action: k.ID},
			{ID: int64(i + 1), At: noon, Actor: "publisher:x", Action: k.ID, Subject: "@acme", Account: "bob", Detail: "d", Waiting: "w"},
		} {
			var out bytes.Buffer
			if err := writeOCSF(&out, a); err != nil {
				t.Fatal(err)
			}
			for _, problem := range unlike(out.Bytes()) {
				t.Errorf("%s: %s: %s", k.ID, problem, out.String())
			}
		}
	}
}

// unlike says in what an event is none of its class.
func unlike(b []byte) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var e map[string]any
	if err := json.Unmarshal(b, &e); err != nil {
		return []string{err.Error()}
	}
	number := func(name string) int { n, _ := e[name].(float64); return int(n) }
	c, ok := classes[number("class_uid")]
	if !ok {
		bad("class %d is not known", number("class_uid"))
	}
	if number("category_uid") != c.category || number("type_uid") != number("class_uid")*100+number("activity_id") {
		bad("category or type does not fit the class")
	}
	if a := number("activity_id"); a != 0 && a != 99 && !slices.Contains(c.activities, a) {
		bad("the class has no activity %d", a)
	} else if a == 99 && e["activity_name"] == nil {
		bad("activity 99 needs a name")
	}
	for _, name := range slices.Concat(always, c.required) {
		if v := e[name]; v == nil || v == "" {
			bad("%s is missing", name)
		}
	}
	has := func(names []string) (n int) {
		for _, name := range names {
			if e[name] != nil {
				n++
			}
		}
		return n
	}
	if len(c.oneOf) > 0 && has(c.oneOf) != 1 || len(c.anyOf) > 0 && has(c.anyOf) == 0 {
		bad("of %v it takes one", slices.Concat(c.oneOf, c.anyOf))
	}
	meta, _ := e["metadata"].(map[string]any)
	product, _ := meta["product"].(map[string]any)
	if meta["version"] != "1.3.0" || product["vendor_name"] == nil || product["name"] == nil {
		bad("the metadata are not whole")
	}
	for _, name := range []string{"user", "group", "service"} {
		if o, ok := e[name].(map[string]any); ok && o["name"] == "" {
			bad("%s has no name", name)
		}
	}
	return problems
}

func TestTheTableOfFactsBites(t *testing.T) {
	for _, b := range []string{
		`{"class_uid":3002,"category_uid":3,"activity_id":9,"type_uid":300209}`,
		`{"class_uid":1,"category_uid":0,"activity_id":0,"type_uid":100}`,
		`{}`,
	} {
		if len(unlike([]byte(b))) == 0 {
			t.Errorf("%s was taken for an event", b)
		}
	}
}

func TestLinesFitTheirSchema(t *testing.T) {
	s, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "formats", "journal.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range Kinds {
		for _, a := range []record.Audit{
			{ID: int64(i + 1), At: noon.Add(time.Duration(i) * time.Microsecond), Actor: "alice", Action: k.ID},
			{ID: int64(i + 1), At: noon, Actor: "bonded", Action: k.ID, Subject: "@acme", Account: "bob", Detail: "d\n", Waiting: "w", Tell: true},
		} {
			var out bytes.Buffer
			if err := writeLine(&out, a); err != nil {
				t.Fatal(err)
			}
			if strings.Count(out.String(), "\n") != 1 {
				t.Errorf("%q is more than a line", out.String())
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
			if err == nil {
				err = s.Validate(v)
			}
			if err != nil {
				t.Errorf("%s: %v", out.String(), err)
			}
		}
	}
}

var update = flag.Bool("update", false, "write the table of docs/formats/journal.md anew")

// TestKindsAreDocumented holds the table of docs/formats/journal.md against the
// kinds. After a new one: go test ./registry/event -run TestKindsAreDocumented -update
func TestKindsAreDocumented(t *testing.T) {
	var want strings.Builder
	told := [...]string{Nobody: "nobody", Account: "the account", Owners: "owners", Both: "the account, owners", Operators: "administrators"}
	for _, k := range Kinds {
		fmt.Fprintf(&want, "| `%s` | %s | %d | %d | %s |\n", k.ID, k.Title, k.Class, k.Activity, told[k.Tell])
	}
	path := filepath.Join("..", "..", "docs", "formats", "journal.md")
	md, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| action | in words | class | activity | told |\n|---|---|---|---|---|\n"
	before, have, found := strings.Cut(string(md), head)
	if !found {
		t.Fatalf("docs/formats/journal.md lacks the head of its table")
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+head+want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for line := range strings.Lines(want.String()) {
		if !strings.Contains(have, line) {
			t.Errorf("docs/formats/journal.md lacks the row; run: go test ./registry/event -run TestKindsAreDocumented -update\n%s", line)
		}
	}
	if strings.Count(have, "\n") != len(Kinds) {
		t.Errorf("docs/formats/journal.md has %d rows, there are %d kinds", strings.Count(have, "\n"), len(Kinds))
	}
}

func TestTextIsSafeForATerminal(t *testing.T) {
	var out bytes.Buffer
	if err := writeText(&out, record.Audit{At: noon, Actor: "a\x1b[2J", Action: "publish", Subject: "eco/x", Detail: "b\u009b\r\n"}); err != nil {
		t.Fatal(err)
	}
	if s := strings.TrimSuffix(out.String(), "\n"); strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
		t.Errorf("%q", s)
	}
}

func onBoth(t *testing.T, test func(t *testing.T, b *record.Book)) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "b.db") },
		"postgres": func(t *testing.T) string { return testenv.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			b, err := record.Open(t.Context(), dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			test(t, b)
		})
	}
}

func TestRecordRefusesWhatIsNoKind(t *testing.T) {
	onBoth(t, func(t *testing.T, b *record.Book) {
		err := b.Update(t.Context(), func(tx *record.Tx) error {
			if err := tx.AddUser(record.User{Name: "alice", Created: noon}); err != nil {
				return err
			}
			return Record(tx, record.Audit{At: noon, Action: "user.invented"})
		})
		if err == nil {
			t.Error("an event that nobody knows was written")
		}
		if _, err := b.User(t.Context(), "alice"); err == nil {
			t.Error("and its change with it")
		}
	})
}

// TestFollow writes lines while somebody follows: each comes once, also those
// whose id is behind one that came before.
func TestFollow(t *testing.T) {
	onBoth(t, func(t *testing.T, b *record.Book) {
		line := func(detail string, at time.Time) {
			err := b.Update(t.Context(), func(tx *record.Tx) error {
				return Record(tx, record.Audit{At: at, Actor: "alice", Action: "publish", Detail: detail})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			line(fmt.Sprint(i), noon.Add(time.Duration(i-10)*time.Minute))
		}
		line("3", noon)
		ctx, stop := context.WithCancel(t.Context())
		tick, got := make(chan time.Time), make(chan string, 100)
		done := make(chan error, 1)
		go func() {
			done <- Follow(ctx, b, record.JournalFilter{}, func() time.Time { return noon }, tick, func(a record.Audit) error {
				got <- a.Detail
				return nil
			})
		}()
		want := func(details ...string) {
			t.Helper()
			for _, d := range details {
				if g := <-got; g != d {
					t.Errorf("got line %s, want %s", g, d)
				}
			}
		}
		want("0", "1", "2", "3")
		tick <- noon
		line("4", noon)
		tick <- noon
		want("4")
		tick <- noon
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if len(got) != 0 {
			t.Errorf("line %s came twice", <-got)
		}
	})
}

func TestExportTurnsPages(t *testing.T) {
	onBoth(t, func(t *testing.T, b *record.Book) {
		err := b.Update(t.Context(), func(tx *record.Tx) error {
			for range 2*chunk + 1 {
				if err := tx.Audit(record.Audit{At: noon, Actor: "alice", Action: "publish"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		n, last := 0, int64(0)
		err = Export(t.Context(), b, record.JournalFilter{}, func(a record.Audit) error {
			if a.ID <= last {
				t.Errorf("line %d after %d", a.ID, last)
			}
			n, last = n+1, a.ID
			return nil
		})
		if err != nil || n != 2*chunk+1 {
			t.Errorf("%d lines, %v", n, err)
		}
	})
}
