package serve

import (
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const canSendFile = true

// sendFile writes the head and has the kernel send the file, some megabytes
// under each deadline.
func (c *conn) sendFile(b *body, now time.Time) error {
	if c.raw == nil {
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		c.raw = raw
	}
	if err := c.sendHead(b.head200, now); err != nil {
		return err
	}
	for off := int64(0); off < b.info.Size; {
		n := min(b.info.Size-off, sendChunk)
		if err := c.allow(int(n), now); err != nil {
			return err
		}
		if err := sendSome(c.raw, b.file.fd, &off, off+n); err != nil {
			return err
		}
		if off < b.info.Size {
			now = time.Now()
		}
	}
	return nil
}

// sendHead says that more follows, so that the head does not travel alone.
func (c *conn) sendHead(head []byte, now time.Time) error {
	if err := c.allow(0, now); err != nil {
		return err
	}
	out := append(append(make([]byte, 0, 512), head...), c.h.hatch.date(now)...)
	var failed error
	err := c.raw.Write(func(fd uintptr) bool {
		for len(out) > 0 {
			n, err := unix.SendmsgN(int(fd), out, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
			switch err {
			case nil:
				out = out[n:]
			case unix.EINTR:
			case unix.EAGAIN:
				return false
			default:
				failed = err
				return true
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	return failed
}

// sendSome sends the bytes from *off to end, and leaves *off where it got to.
func sendSome(to syscall.RawConn, file int, off *int64, end int64) error {
	var failed error
	err := to.Write(func(fd uintptr) bool {
		for *off < end {
			want := int(end - *off)
			n, err := unix.Sendfile(int(fd), file, off, want)
			switch {
			case err == unix.EAGAIN:
				return false // call again when the socket takes more
			case err == unix.EINTR:
			case err != nil:
				failed = err
				return true
			case n == 0:
				failed = io.ErrUnexpectedEOF // somebody cut the file
				return true
			case n < want && !writable(fd):
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	return failed
}

// writable asks whether the socket takes more. Less may have been sent because
// it is full, or because a signal came; trying again just to learn which reads
// pages in vain.
func writable(fd uintptr) bool {
	p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(p[:], 0)
	return n != 0 || err != nil
}
