package bonded_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "bonded.dev"

// may lists, for each room, the rooms it may import. Besides these a room may
// import itself, its own subfolders, the nouns at the root, the standard
// library and third-party modules; "pure" forbids whatever opens something.
// The table is closed: a folder without a row fails the test.
var may = map[string]string{
	".": "std only pure",

	"internal/archive":  "pure",
	"internal/statemap": "pure",
	"internal/logwire":  "internal/statemap pure",
	"internal/failing":  "registry/blob",
	"internal/*":        "internal/*",

	"ecosystem":               "pure",
	"ecosystem/*":             "ecosystem internal/archive pure",
	"ecosystem/ecosystemtest": "ecosystem internal/archive",
	"ecosystem/all":           "ecosystem ecosystem/*",

	// the way in, in this order
	"registry/screen":        "pure",
	"registry/decide":        "pure",
	"registry/record":        "internal/*",
	"registry/blob":          "internal/*",
	"registry/blob/blobtest": "registry/blob",
	"registry/ledger":        "internal/*",
	"registry/sign":          "internal/*",
	"registry/project":       "ecosystem registry/blob internal/recent",
	"registry/event":         "registry/record",
	"registry/publish":       "ecosystem registry/event registry/screen registry/decide registry/record registry/blob registry/ledger registry/sign registry/project internal/*",
	"registry/identity":      "registry/record registry/event",
	// people
	"registry/waiting": "registry/record registry/event",
	"registry/signin":  "registry/identity registry/record registry/event registry/waiting",
	"registry/login":   "registry/identity registry/record registry/event",
	"registry/breach":  "",
	"registry/people":  "registry/publish registry/identity registry/record registry/event registry/waiting",
	"registry/trusted": "registry/identity registry/record registry/event",
	"registry/privacy": "registry/publish registry/record registry/event registry/waiting",
	"registry/glass":   "registry/publish registry/record registry/event registry/privacy",
	"registry/leak":    "registry/identity registry/record",
	"registry/lapse":   "registry/record registry/event",
	"registry/notice":  "registry/signin registry/record registry/event registry/waiting",
	// the way out
	"registry/web":         "ecosystem registry/publish registry/identity registry/signin registry/people registry/login registry/trusted registry/notice registry/privacy registry/glass registry/record registry/event registry/waiting",
	"registry/web/webtest": "prove/visit internal/testenv",
	"registry/serve":       "ecosystem registry/publish registry/identity registry/login registry/record registry/blob registry/ledger",
	// looking after it
	"registry/keep": "ecosystem registry/record registry/blob registry/ledger registry/sign registry/project registry/publish registry/serve client/recompute internal/*",

	"client/recompute": "ecosystem internal/statemap internal/logwire",

	// what is shown, and by what
	"guide":        "",
	"guide/*":      "guide",
	"controls":     "",
	"controls/*":   "registry/screen prove/audit prove/visit pure",
	"controls/all": "registry/screen prove/audit controls/*",
	"threats":      "",
	"threats/*":    "prove/drill prove/visit pure",
	"threats/all":  "prove/drill threats/*",
	"incidents":    "",

	// visitors, who see a repository from outside and in no other way
	"prove/visit":           "",
	"prove/visit/*":         "prove/visit internal/archive/archivetest",
	"prove/visit/all":       "prove/visit prove/visit/*",
	"prove/visit/visittest": "prove/visit",
	"prove/drill":           "prove/visit",
	"prove/audit":           "prove/visit",
	"prove/audit/audittest": "prove/audit prove/visit",

	"cmd/bonded": "*",
	"e2e":        "*",
	"e2e/*":      "*",
}

// openers are the standard packages that reach outside the process.
var openers = map[string]bool{
	"os": true, "os/exec": true, "net": true, "net/http": true,
	"database/sql": true, "syscall": true, "io/ioutil": true, "unsafe": true,
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	eachFile(t, func(file string, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(file))
		room, rule := roomOf(dir)
		if room == "" {
			t.Errorf("%s: no row in the import table for this folder", file)
			return
		}
		for _, im := range f.Imports {
			p, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := forbidden(dir, rule, p); why != "" {
				t.Errorf("%s: %s may not import %s: %s", file, room, p, why)
			}
		}
	})
}

// TestDialectsStayHome keeps an ecosystem's name inside its own folder: what
// the house does for one dialect it does for all.
func TestDialectsStayHome(t *testing.T) {
	for _, id := range folders(t, "ecosystem") {
		eachFile(t, func(file string, f *ast.File) {
			file = filepath.ToSlash(file)
			if athome(file, id) {
				return
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && lit.Value == strconv.Quote(id) {
					t.Errorf("%s: names the dialect %s outside its folder", file, lit.Value)
				}
				return true
			})
		})
	}
}

// athome reports whether a file may name a dialect: its adapter, its visitor,
// what drives real clients, and what attacks or looks at one protocol alone.
func athome(file, id string) bool {
	for _, dir := range []string{"ecosystem/" + id + "/", "prove/visit/" + id + "/", "threats/", "controls/", "e2e/", "internal/testenv/"} {
		if strings.HasPrefix(file, dir) {
			return true
		}
	}
	return false
}

// TestListsAreWhole holds every hand-kept list against its folder.
func TestListsAreWhole(t *testing.T) {
	for list, dir := range map[string]string{
		"ecosystem/all/all.go":   "ecosystem",
		"controls/all/all.go":    "controls",
		"threats/all/all.go":     "threats",
		"prove/visit/all/all.go": "prove/visit",
	} {
		src, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range folders(t, dir) {
			if !strings.Contains(string(src), strconv.Quote(path.Join(module, dir, id))) {
				t.Errorf("%s: %s/%s is not listed", list, dir, id)
			}
		}
	}
}

// TestTableKnowsItsRooms fails for a row whose room is gone.
func TestTableKnowsItsRooms(t *testing.T) {
	for room := range may {
		room = strings.TrimSuffix(room, "/*")
		if _, err := os.Stat(room); err != nil {
			t.Errorf("the import table names %s: %v", room, err)
		}
	}
}

// folders lists the members of a family that have code: its list and its test
// suite are not members, and a page alone needs no line.
func folders(t *testing.T, dir string) (ids []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		code, err := filepath.Glob(filepath.Join(dir, e.Name(), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(code) > 0 && e.Name() != "all" && !strings.HasSuffix(e.Name(), "test") {
			ids = append(ids, e.Name())
		}
	}
	return ids
}

// eachFile visits every Go file of the product, tests left out.
func eachFile(t *testing.T, visit func(file string, f *ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "bonded-data") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		visit(p, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// roomOf finds the row for a folder: its own, its parent's "/*", or an ancestor's.
func roomOf(dir string) (room, rule string) {
	for d := dir; ; d = path.Dir(d) {
		if r, ok := may[d]; ok {
			return d, r
		}
		family := path.Dir(d) + "/*"
		if r, ok := may[family]; ok {
			return family, r
		}
		if !strings.Contains(d, "/") {
			return "", ""
		}
	}
}

func forbidden(dir, rule, imp string) string {
	words := strings.Fields(rule)
	has := func(w string) bool {
		for _, x := range words {
			if x == w {
				return true
			}
		}
		return false
	}
	inside, ours := strings.CutPrefix(imp+"/", module+"/")
	inside = strings.TrimSuffix(inside, "/")
	if !ours {
		switch {
		case openers[imp] && has("pure"):
			return "this room opens nothing"
		case has("only") && strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
			return "this room imports the standard library alone"
		}
		return ""
	}
	if inside == "" || strings.HasPrefix(inside+"/", dir+"/") && dir != "." {
		return ""
	}
	for _, w := range words {
		if ok, _ := path.Match(w, inside); ok || w == "*" {
			return ""
		}
	}
	return "not in its row of the table"
}
