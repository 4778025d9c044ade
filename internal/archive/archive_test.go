package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"testing"

	at "bonded.dev/internal/archive/archivetest"
)

// base is what the hostile cases are built around.
var base = []at.Entry{at.File("package/package.json", `{"name":"a"}`), at.File("package/lib/index.js", "1")}

func read(t testing.TB, b []byte, kind Kind, l Limits) Inventory {
	t.Helper()
	inv, err := Read(bytes.NewReader(b), int64(len(b)), kind, l, wantMetadata)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func wantMetadata(p string) bool { return p == "package/package.json" }

type family struct {
	name  string
	kind  Kind
	write func(...at.Entry) []byte
	cases []at.Case
}

func families() []family {
	return []family{{"tgz", TarGz, at.TarGz, at.TarGzCases()}, {"zip", Zip, at.Zip, at.ZipCases()}}
}

func TestHostileArchives(t *testing.T) {
	for _, f := range families() {
		if inv := read(t, f.write(base...), f.kind, Limits{}); len(inv.Anomalies) > 0 {
			t.Fatalf("%s: the base itself: %v", f.name, inv.Anomalies)
		}
		for _, c := range f.cases {
			t.Run(f.name+"/"+c.Name, func(t *testing.T) {
				inv := read(t, c.Build(base...), f.kind, Limits{})
				if !inv.Has(Rule(c.Rule)) {
					t.Errorf("wanted %s, got %v", c.Rule, inv.Anomalies)
				}
				for _, a := range inv.Anomalies {
					for _, r := range a.String() {
						if r < ' ' || r > '~' {
							t.Errorf("unprintable: %q", a.String())
						}
					}
				}
			})
		}
	}
}

// TestEveryRuleHasACase holds the list of rules against the table.
func TestEveryRuleHasACase(t *testing.T) {
	covered := map[string]string{
		"too-large":           "TestBounds",
		"wanted-too-large":    "TestBounds",
		"parser-disagreement": "TestSecondOpinion",
	}
	for _, f := range families() {
		for _, c := range f.cases {
			covered[c.Rule] = c.Name
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), "rules.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	rules := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != "Rule" {
			return true
		}
		rule, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		rules++
		if covered[rule] == "" {
			t.Errorf("no hostile archive breaks %s", rule)
		}
		return true
	})
	if rules < 40 {
		t.Errorf("only %d rules found in rules.go", rules)
	}
}

// TestOrdinaryArchives wants no anomaly from shapes that real writers make.
func TestOrdinaryArchives(t *testing.T) {
	long := "package/" + string(bytes.Repeat([]byte("n"), 120))
	tests := []struct {
		name    string
		kind    Kind
		archive []byte
	}{
		{"empty tar", TarGz, at.TarGz()},
		{"empty zip", Zip, at.Zip()},
		{"plain tar", Tar, at.Tar(base...)},
		{"folders, one twice", TarGz, at.TarGz(at.Dir("a"), at.File("a/b", "x"), at.Dir("a"), at.Dir("c"))},
		{"folder after its file", TarGz, at.TarGz(at.File("a/b", "x"), at.Dir("a"))},
		{"v7 folder", TarGz, at.TarGz(at.Entry{Name: "a/", Header: func(b []byte) { b[156] = 0 }})},
		{"symlinks inside", TarGz, at.TarGz(at.File("a/b", "x"), at.Symlink("a/c", "b"), at.Symlink("d", "a"), at.Symlink("e", "./a/../a/nowhere"), at.Symlink("f", "d/../a/b"))},
		{"hard link to an earlier file", TarGz, at.TarGz(at.File("a/b", "x"), at.Hardlink("c", "a/b"))},
		{"long pax name", TarGz, at.TarGz(at.Entry{Name: long[:100], Body: "x", PAX: [][2]string{{"path", long}, {"mtime", "1700000000.25"}, {"uid", "4000000000"}}})},
		{"long GNU name", TarGz, at.TarGz(at.Entry{Name: long[:100], Body: "x", LongName: long})},
		{"ustar prefix", TarGz, at.TarGz(at.Entry{Name: "x", Header: func(b []byte) { copy(b[345:], "package/lib") }})},
		{"git archive", TarGz, at.TarGz(append([]at.Entry{{Name: "pax_global_header", Type: 'g', Body: at.Record("comment", "0123456789abcdef")}}, base...)...)},
		{"binary user id, old date", TarGz, at.TarGz(at.Entry{Name: "a", Header: func(b []byte) {
			copy(b[108:], "\x80\x00\x00\x00\xff\xff\xff\xff")
			copy(b[136:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00")
		}})},
		{"mode with the file type", TarGz, at.TarGz(at.Entry{Name: "a", Mode: 0o100644}, at.Entry{Name: "d/", Type: '5', Mode: 0o42755})},
		{"padded to a tape block", TarGz, append(at.TarGz(base...), make([]byte, 5815)...)},
		{"names beyond ASCII", TarGz, at.TarGz(at.File("caf\u00e9", "x"), at.File("\u6587\u4ef6", "x"))},
		{"names beyond ASCII in zip", Zip, at.Zip(at.File("caf\u00e9", "x"), at.File("\u6587\u4ef6", "x"))},
		{"stored, folders", Zip, at.Zip(at.Dir("d"), at.Entry{Name: "d/s", Body: "x", Store: true})},
		{"data descriptors", Zip, at.Zip(at.Entry{Name: "a", Body: "x", Descriptor: true}, at.Entry{Name: "b", Body: "y", Descriptor: true})},
		{"a comment", Zip, at.ZipParts(base...).Join("made by hand")},
		{"other extra fields in each header", Zip, at.Zip(at.Entry{Name: "a", Body: "x", LocalExtra: at.Extra(0x5455, make([]byte, 9)), CentralExtra: at.Extra(0x5455, make([]byte, 5))})},
		{"zip64 in the local header only", Zip, at.Zip(at.Entry{Name: "a", Body: "xyz", Store: true, LocalExtra: at.Zip64Extra(3, 3), Local: func(b []byte) { copy(b[at.LocalPacked:], "\xff\xff\xff\xff\xff\xff\xff\xff") }})},
		{"zip64 end record that is needed", Zip, at.ManyZipEntries(65_536)},
		{"the same unicode path", Zip, at.Zip(at.Entry{Name: "a", Body: "x", CentralExtra: at.UnicodePath("a", "a")})},
	}
	for _, tt := range tests {
		if inv := read(t, tt.archive, tt.kind, Limits{}); len(inv.Anomalies) > 0 {
			t.Errorf("%s: %v", tt.name, inv.Anomalies)
		}
	}
}

func TestInventory(t *testing.T) {
	content := string(bytes.Repeat([]byte("0123456789"), 10_000))
	want := []Entry{
		{Path: "package", Type: Dir, Mode: 0o755},
		{Path: "package/package.json", Type: File, Mode: 0o644, Size: 100_000, SHA256: sha256.Sum256([]byte(content))},
		{Path: "package/run", Type: File, Mode: 0o755, SHA256: sha256.Sum256(nil)},
	}
	entries := []at.Entry{at.Dir("package"), at.File("package/package.json", content), {Name: "package/run", Mode: 0o755}}
	for _, f := range families() {
		inv := read(t, f.write(entries...), f.kind, Limits{})
		if len(inv.Entries) != len(want) || len(inv.Anomalies) > 0 {
			t.Fatalf("%s: %+v", f.name, inv)
		}
		for i, e := range inv.Entries {
			if e != want[i] {
				t.Errorf("%s: %+v, want %+v", f.name, e, want[i])
			}
		}
		if got := inv.Wanted["package/package.json"]; len(inv.Wanted) != 1 || string(got) != content {
			t.Errorf("%s: wanted %d contents, %d bytes", f.name, len(inv.Wanted), len(got))
		}
	}
	inv := read(t, at.TarGz(at.File("a", "x"), at.Hardlink("b", "a"), at.Symlink("c", "a")), TarGz, Limits{})
	if h := inv.Entries[1]; h.Type != Hardlink || h.Link != "a" || h.Size != 1 || h.SHA256 != sha256.Sum256([]byte("x")) {
		t.Errorf("hard link: %+v", h)
	}
	if s := inv.Entries[2]; s.Type != Symlink || s.Link != "a" || s.Size != 0 {
		t.Errorf("symbolic link: %+v", s)
	}
}

// TestStoppedInventory shows what a drill sees with the controls off: the
// entries before the bound, and of duplicates the last content.
func TestStoppedInventory(t *testing.T) {
	twice := append(base[:len(base):len(base)], at.File("package/package.json", "second"))
	for _, f := range families() {
		inv := read(t, f.write(twice...), f.kind, Limits{})
		if string(inv.Wanted["package/package.json"]) != "second" {
			t.Errorf("%s: duplicate: %q", f.name, inv.Wanted)
		}
		inv = read(t, f.write(base...), f.kind, Limits{Entries: 1})
		if !inv.Has(TooManyEntries) || len(inv.Entries) > 1 {
			t.Errorf("%s: stopped: %+v", f.name, inv)
		}
	}
}

func TestBounds(t *testing.T) {
	big := at.Entry{Name: "package/package.json", Body: string(make([]byte, 70_000))}
	for _, f := range families() {
		for _, tt := range []struct {
			limits  Limits
			rule    Rule
			entries []at.Entry
		}{
			{Limits{EntrySize: 69_999}, EntryTooLarge, []at.Entry{big}},
			{Limits{TotalSize: 100_000}, TooLarge, []at.Entry{{Name: "a", Body: big.Body}, big}},
			{Limits{Wanted: 69_999}, WantedTooLarge, []at.Entry{big}},
			{Limits{Wanted: 70_000}, "", []at.Entry{big}},
			{Limits{Entries: 1}, TooManyEntries, base},
			{Limits{Entries: 2}, TooManyEntries, []at.Entry{at.File("a/b/c/d", "")}},
			{Limits{NameLength: 19}, NameTooLong, base},
			{Limits{Depth: 2}, TooDeep, base},
			{Limits{Depth: 3, NameLength: 20, Entries: 2, EntrySize: 12}, "", base},
		} {
			inv := read(t, f.write(tt.entries...), f.kind, tt.limits)
			if tt.rule == "" && len(inv.Anomalies) == 0 {
				continue
			}
			if len(inv.Anomalies) != 1 || inv.Anomalies[0].Rule != tt.rule || !tt.rule.Bound() || len(inv.Of(true)) != 1 {
				t.Errorf("%s %+v: wanted %q, got %v", f.name, tt.limits, tt.rule, inv.Anomalies)
			}
		}
	}
}

// TestFloodOfOneRule shows that many anomalies of one rule do not hide another.
func TestFloodOfOneRule(t *testing.T) {
	var entries []at.Entry
	for range 1000 {
		entries = append(entries, at.File("./a", ""))
	}
	inv := read(t, at.TarGz(append(entries, at.File("../evil", ""))...), TarGz, Limits{})
	if !inv.Has(PathTraversal) || len(inv.Anomalies) > 3*keptPerRule || inv.Omitted < 1900 {
		t.Errorf("%d kept, %d omitted: %v", len(inv.Anomalies), inv.Omitted, inv.Anomalies)
	}
}

// TestMemory holds what a walk allocates against hostile archives.
func TestMemory(t *testing.T) {
	for _, tt := range []struct {
		name    string
		kind    Kind
		archive []byte
		most    uint64
	}{
		{"bomb", TarGz, at.Bomb(64 << 20), 1 << 20},
		{"zip bomb", Zip, at.ZipBomb(64 << 20), 1 << 20},
		{"header that claims 8 GB", TarGz, at.TarGz(at.Entry{Name: "a", Header: func(b []byte) { copy(b[124:], "77777777777\x00") }}), 1 << 20},
		{"deep folders", TarGz, at.TarGz(deep(1000)...), 24 << 20},
		{"zip directory that claims 65,534 entries", Zip, at.Parts{Count: 65_534}.Join(""), 1 << 20},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		inv := read(t, tt.archive, tt.kind, Limits{Entries: 10_000})
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > tt.most {
			t.Errorf("%s: %d bytes allocated, want at most %d; %v", tt.name, got, tt.most, inv.Anomalies)
		}
	}
}

// deep makes files in folders of their own, each as deep as allowed.
func deep(n int) []at.Entry {
	var out []at.Entry
	for i := range n {
		name := strconv.Itoa(i)
		for range 60 {
			name += "/d"
		}
		out = append(out, at.Entry{Name: "x", PAX: [][2]string{{"path", name}}})
	}
	return out
}

// failing is a file that breaks at a given byte.
type failing struct {
	io.ReaderAt
	at  int64
	err error
}

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > f.at {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(b, off)
}

// TestSourceErrors shows that a file that cannot be read is an error of ours
// and never an anomaly of the archive's.
func TestSourceErrors(t *testing.T) {
	random := make([]byte, 400_000)
	for i, x := 0, uint32(1); i < len(random); i++ {
		x = x*1664525 + 1013904223
		random[i] = byte(x >> 24)
	}
	for _, f := range families() {
		b := f.write(at.File("a", string(random)))
		for _, pos := range []int64{0, 10, int64(len(b)) / 2, int64(len(b)) - 1} {
			_, err := Read(failing{bytes.NewReader(b), pos, fs.ErrClosed}, int64(len(b)), f.kind, Limits{}, nil)
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s: read error at %d: %v", f.name, pos, err)
			}
		}
		if _, err := Read(bytes.NewReader(b), int64(len(b))+1, f.kind, Limits{}, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: shorter than said: %v", f.name, err)
		}
	}
	if _, err := Read(bytes.NewReader(nil), 0, 0, Limits{}, nil); err == nil {
		t.Error("unknown kind: no error")
	}
}

func TestSecondOpinion(t *testing.T) {
	b := at.Zip(base...)
	w := newWalk(bytes.NewReader(b), int64(len(b)), Zip, Limits{}, nil)
	if err := w.zip(); err != nil || len(w.inv.Anomalies) > 0 {
		t.Fatal(err, w.inv.Anomalies)
	}
	w.secondOpinion([]zipEntry{{name: "other"}, {name: "other"}})
	if !w.inv.Has(ParserDisagreement) {
		t.Error("a different reading raised nothing")
	}
}
