package book

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// manifest lists what an earlier printing left in a folder, so that pages which
// are gone from the guide go from the folder too, and so that nothing else does.
const manifest = ".bonded-guide"

// ErrOccupied says that a folder holds something else.
var ErrOccupied = errors.New("the folder is not empty and holds no guide")

// Write prints files into a folder and returns how many. A folder that holds
// anything but an earlier guide is left alone: [ErrOccupied].
func Write(dir string, names []string, print func(name string) ([]byte, error)) (int, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, fmt.Errorf("making %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, fmt.Errorf("opening %s: %w", dir, err)
	}
	defer root.Close()
	old, err := earlier(root)
	if err != nil {
		return 0, fmt.Errorf("printing the guide into %s: %w", dir, err)
	}
	for _, name := range names {
		b, err := print(name)
		if err != nil {
			return 0, err
		}
		if err := put(root, name, b); err != nil {
			return 0, fmt.Errorf("writing %s below %s: %w", name, dir, err)
		}
	}
	for _, name := range old {
		if !slices.Contains(names, name) {
			if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return 0, fmt.Errorf("removing %s, which the guide has no more: %w", name, err)
			}
		}
	}
	if err := put(root, manifest, []byte(strings.Join(names, "\n")+"\n")); err != nil {
		return 0, fmt.Errorf("writing the list of files into %s: %w", dir, err)
	}
	return len(names), nil
}

// earlier reads the list of an earlier printing; an empty folder has none.
func earlier(root *os.Root) ([]string, error) {
	b, err := root.ReadFile(manifest)
	if err == nil {
		return strings.Fields(string(b)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	there, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		return nil, ErrOccupied
	}
	return nil, nil
}

func put(root *os.Root, name string, b []byte) error {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return root.WriteFile(name, b, 0o644)
}
