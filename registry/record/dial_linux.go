package record

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// dialControl makes the kernel give up on a server that no longer acknowledges
// what was sent. Keep-alives do not cover that case, and its default is a
// quarter of an hour.
func dialControl(_, _ string, c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 20_000)
	})
	if errors.Is(set, unix.EOPNOTSUPP) || errors.Is(set, unix.ENOPROTOOPT) {
		set = nil // a Unix socket
	}
	return errors.Join(err, set)
}
