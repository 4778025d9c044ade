//go:build !linux

package blob

import (
	"io/fs"
	"os"
)

func newFlusher(root *os.Root) (flusher, error) {
	return &oneByOne{root: root, dirty: map[string]bool{}}, nil
}

func inode(fs.FileInfo) uint64 { return 0 }

func absentDir(err error) error { return err }
