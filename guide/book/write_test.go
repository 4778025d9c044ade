package book_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"bonded.dev/guide/book"
)

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	write := func(names ...string) error {
		n, err := book.Write(dir, names, func(name string) ([]byte, error) { return []byte("is " + name), nil })
		if err == nil && n != len(names) {
			t.Errorf("%d files", n)
		}
		return err
	}
	is := func(name string) bool {
		b, err := os.ReadFile(filepath.Join(dir, name))
		return err == nil && string(b) == "is "+name
	}
	if err := write("index.html", "a/b.html"); err != nil || !is("index.html") || !is("a/b.html") {
		t.Fatalf("first: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("is mine.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write("index.html", "a/c.html"); err != nil || !is("a/c.html") || is("a/b.html") || !is("mine.txt") {
		t.Errorf("second: %v; a page that is gone must go, what is not ours must stay", err)
	}
}

func TestWriteLeavesOthersAlone(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "site")
	none := func(string) ([]byte, error) { return nil, nil }
	if err := os.WriteFile(filepath.Join(parent, "precious"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := book.Write(parent, []string{"index.html"}, none); !errors.Is(err, book.ErrOccupied) {
		t.Errorf("a folder of somebody else: %v", err)
	}
	if _, err := book.Write(dir, []string{"index.html"}, none); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".bonded-guide"), []byte("../precious\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := book.Write(dir, []string{"index.html"}, none); err == nil {
		t.Error("a list that leads out of the folder was followed")
	}
	if _, err := os.Stat(filepath.Join(parent, "precious")); err != nil {
		t.Error("a file outside the folder is gone")
	}
}
