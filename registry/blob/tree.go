package blob

import (
	"io/fs"
	"os"
)

// tree is a directory out of which no name leads. *os.Root is one; where the
// kernel can do the same in fewer calls, newTree returns another.
type tree interface {
	Open(name string) (*os.File, error)
	OpenFile(name string, flag int, perm os.FileMode) (*os.File, error)
	Stat(name string) (os.FileInfo, error)
	Rename(from, to string) error
	Link(from, to string) error
	Remove(name string) error
	MkdirAll(name string, perm os.FileMode) error
	FS() fs.FS
	Close() error
}
