package blob

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// beneath is an os.Root that has the kernel see to it that a name stays inside
// (openat2, Linux 5.6), in one call where os.Root makes two for each directory
// on the way. Where the kernel does not, or a sandbox forbids the call, it is
// the os.Root.
type beneath struct {
	*os.Root
	dir *os.File
}

func newTree(root *os.Root) (tree, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	return &beneath{root, dir}, nil
}

func (b *beneath) Close() error { return errors.Join(b.dir.Close(), b.Root.Close()) }

// open opens a name below the tree.
func (b *beneath) open(name string, flag int, perm os.FileMode) (int, error) {
	how := unix.OpenHow{
		Flags: uint64(flag) | unix.O_CLOEXEC, Mode: uint64(perm.Perm()),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(int(b.dir.Fd()), name, &how)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// unable reports that os.Root has to do it: no such call, or a race with a
// rename that the kernel gave up on.
func unable(err error) bool {
	return err == unix.ENOSYS || err == unix.EPERM || err == unix.EAGAIN
}

func (b *beneath) Open(name string) (*os.File, error) { return b.OpenFile(name, os.O_RDONLY, 0) }

func (b *beneath) OpenFile(name string, flag int, perm os.FileMode) (*os.File, error) {
	fd, err := b.open(name, flag, perm)
	if unable(err) {
		return b.Root.OpenFile(name, flag, perm)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "openat2", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (b *beneath) Stat(name string) (os.FileInfo, error) {
	f, err := b.OpenFile(name, unix.O_PATH, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// parent opens the directory of name; its last part needs no care, because no
// call that uses it follows links.
func (b *beneath) parent(name string) (fd int, base string, err error) {
	dir, base := path.Split(name)
	if dir == "" {
		dir = "."
	}
	fd, err = b.open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	return fd, base, err
}

// move does something with two names.
func (b *beneath) move(op, from, to string, do func(fromDir int, from string, toDir int, to string) error, otherwise func(from, to string) error) error {
	fromDir, fromBase, err := b.parent(from)
	if err == nil {
		defer unix.Close(fromDir)
		var toDir int
		var toBase string
		if toDir, toBase, err = b.parent(to); err == nil {
			defer unix.Close(toDir)
			err = do(fromDir, fromBase, toDir, toBase)
		}
	}
	if unable(err) {
		return otherwise(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: op, Old: from, New: to, Err: err}
	}
	return nil
}

func (b *beneath) Rename(from, to string) error {
	return b.move("renameat", from, to, unix.Renameat, b.Root.Rename)
}

func (b *beneath) Link(from, to string) error {
	return b.move("linkat", from, to, func(fd int, from string, td int, to string) error {
		return unix.Linkat(fd, from, td, to, 0)
	}, b.Root.Link)
}

func (b *beneath) Remove(name string) error {
	dir, base, err := b.parent(name)
	if err == nil {
		defer unix.Close(dir)
		err = unix.Unlinkat(dir, base, 0)
	}
	if unable(err) || err == unix.EISDIR {
		return b.Root.Remove(name)
	}
	if err != nil {
		return &fs.PathError{Op: "unlinkat", Path: name, Err: err}
	}
	return nil
}
