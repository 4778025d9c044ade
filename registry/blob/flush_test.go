package blob

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// Portable is Dir as it is where the kernel has no calls of its own for it.
func Portable(path string) (Store, error) {
	return openDir(path, func(r *os.Root) (tree, error) { return r, nil }, newOneByOne)
}

// TestOneByOne covers what systems without syncfs do: every directory that
// gained or lost a name is flushed, with all above it, and once.
func TestOneByOne(t *testing.T) {
	s, err := Portable(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := s.(*dir)
	one := d.flusher.(*oneByOne)

	if err := s.Put(t.Context(), "public/a/b/c", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "manifest/x"); err != nil {
		t.Fatal(err)
	}
	var dirty []string
	for k := range one.dirty {
		dirty = append(dirty, k)
	}
	slices.Sort(dirty)
	if got := strings.Join(dirty, " "); got != ". manifest public public/a public/a/b" {
		t.Errorf("directories to flush: %s", got)
	}
	if err := s.Sync(t.Context()); err != nil { // manifest/ does not exist
		t.Fatal(err)
	}
	if len(one.dirty) != 0 {
		t.Errorf("still to flush: %v", one.dirty)
	}
	d.root.Close()
	one.named("public/a")
	if err := s.Sync(t.Context()); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Sync of a directory that cannot be flushed: %v", err)
	}
	if !one.dirty["public"] {
		t.Error("a flush that went wrong was forgotten")
	}
}
