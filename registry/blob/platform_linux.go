package blob

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func newFlusher(root tree) (flusher, error) {
	handle, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	return &wholeFS{handle, func(f *os.File) error {
		// Since Linux 5.8 syncfs reports write errors that happened after
		// the handle was opened.
		return os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd())))
	}}, nil
}

func inode(st fs.FileInfo) uint64 {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

// absentDir maps "a part of the path is a file" to "absent": to a caller who
// thinks in keys there is no difference.
func absentDir(err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return fs.ErrNotExist
	}
	return err
}
