package bonded_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	maxFunction = 70  // lines
	maxFile     = 500 // lines
)

// exempt names functions that may be longer, each with its reason.
var exempt = map[string]string{}

// TestTidy keeps functions and files readable in one sitting and keeps state
// that hides between calls out of the house.
func TestTidy(t *testing.T) {
	documented := map[string]bool{}
	eachFile(t, func(file string, f *ast.File) {
		fset := token.NewFileSet()
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(src), "\n"); n > maxFile {
			t.Errorf("%s: %d lines, more than %d", file, n, maxFile)
		}
		parsed, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		documented[dir] = documented[dir] || parsed.Doc != nil
		for _, d := range parsed.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if fn.Name.Name == "init" && fn.Recv == nil {
				t.Errorf("%s: init() hides what runs; make a list that somebody can read", file)
			}
			lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
			if lines > maxFunction && exempt[dir+"."+fn.Name.Name] == "" {
				t.Errorf("%s: %s has %d lines, more than %d", file, fn.Name.Name, lines, maxFunction)
			}
		}
	})
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no file carries a package comment", dir)
		}
	}
}

// TestNoVagueRooms keeps drawers without a subject out of the tree.
func TestNoVagueRooms(t *testing.T) {
	vague := map[string]bool{"util": true, "utils": true, "common": true, "helpers": true, "helper": true, "misc": true, "base": true, "shared": true}
	eachFile(t, func(file string, _ *ast.File) {
		for _, part := range strings.Split(filepath.ToSlash(file), "/") {
			if vague[strings.TrimSuffix(part, ".go")] {
				t.Errorf("%s: %q says nothing about what is inside", file, part)
			}
		}
	})
}

// TestEveryDependencyHasItsReason holds go.mod against decision 0002.
func TestEveryDependencyHasItsReason(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := os.ReadFile("docs/decisions/0002-dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(mod)) {
		word := strings.Fields(line)
		if len(word) != 2 || !strings.HasPrefix(line, "\t") || !strings.HasPrefix(word[1], "v") || strings.Contains(line, "// indirect") {
			continue
		}
		// The two exclusions are no requirements.
		if strings.HasSuffix(word[0], "/pprof") || strings.HasSuffix(word[0], "/exp") {
			continue
		}
		direct++
		if !strings.Contains(string(reasons), word[0]) {
			t.Errorf("go.mod requires %s, and decision 0002 does not say why", word[0])
		}
	}
	if direct == 0 {
		t.Error("go.mod has no direct requirements: this test reads it wrongly")
	}
}
