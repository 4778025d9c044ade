package serve

import (
	"sync/atomic"
	"syscall"

	"bonded.dev/registry/blob"
)

// openFile is a file that many requests send from at once: each says from
// where, so that they share the descriptor. Its bytes never change, because
// the blob store replaces files and does not write into them.
type openFile struct {
	object blob.Object
	fd     int
	users  atomic.Int32 // the shelf is one; zero: closed
}

// keepOpen takes over an object that is a file, where the kernel can send
// files; else it returns nil.
func keepOpen(o blob.Object) *openFile {
	f, ok := o.(syscall.Conn)
	if !ok || !canSendFile {
		return nil
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	of := &openFile{object: o}
	if raw.Control(func(fd uintptr) { of.fd = int(fd) }) != nil {
		return nil
	}
	of.users.Store(1)
	return of
}

// acquire keeps the file open until release; false: it is closed already.
// A nil file needs no keeping.
func (f *openFile) acquire() bool {
	if f == nil {
		return true
	}
	for {
		n := f.users.Load()
		if n == 0 {
			return false
		}
		if f.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (f *openFile) release() {
	if f != nil && f.users.Add(-1) == 0 {
		f.object.Close() // nothing was written
	}
}
