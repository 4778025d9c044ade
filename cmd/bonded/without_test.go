package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoServerDoesWithout: what rooms do without a control is asked of one
// function, which only the victim of a drill has otherwise than "no". So nothing
// that is set, and nobody who runs a server, takes a control out of it.
func TestNoServerDoesWithout(t *testing.T) {
	for control := range absences() {
		if standard().out(control) {
			t.Errorf("a server does without %s", control)
		}
	}
	root := filepath.Join("..", "..")
	for _, dir := range []string{"cmd", "registry", "client"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err == nil {
				file, _ := filepath.Rel(root, path)
				for _, set := range withouts(f) {
					if !allowed[file+": "+set] {
						t.Errorf("%s: %s: only the fitting of a victim says what is done without", file, set)
					}
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// allowed are the places that hand the question on, and the two that answer it.
var allowed = map[string]bool{
	"cmd/bonded/serve.go: Without = f.out":                               true,
	"cmd/bonded/serve.go: out = (func(string) bool literal)":             true, // no
	"registry/trusted/trusted.go: Without = (func(string) bool literal)": true, // no, where nothing is said
	"cmd/bonded/victim.go: out = v.out":                                  true,
	"cmd/bonded/drill.go: Without = o.without":                           true, // of drill.Options: which victim is wanted
}

// withouts are what a file gives to fields named Without or out, as "Without = f.out".
func withouts(f *ast.File) (list []string) {
	note := func(name string, value ast.Expr) {
		if name == "Without" || name == "out" && f.Name.Name == "main" {
			list = append(list, name+" = "+types.ExprString(value))
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok {
				note(key.Name, n.Value)
			}
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if s, ok := to.(*ast.SelectorExpr); ok && i < len(n.Rhs) {
					note(s.Sel.Name, n.Rhs[i])
				}
			}
		}
		return true
	})
	return list
}
