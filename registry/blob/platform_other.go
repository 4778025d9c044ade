//go:build !linux

package blob

import "io/fs"

func newFlusher(root tree) (flusher, error) { return newOneByOne(root) }

func inode(fs.FileInfo) uint64 { return 0 }

func absentDir(err error) error { return err }
