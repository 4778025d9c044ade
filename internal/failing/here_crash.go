//go:build crash

package failing

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var visits atomic.Int64

// Here kills the process at the boundary that BONDED_CRASH_AT names.
func Here(boundary string) {
	at, nth, _ := strings.Cut(os.Getenv("BONDED_CRASH_AT"), ":")
	if at != boundary {
		return
	}
	if want, err := strconv.ParseInt(nth, 10, 64); err == nil && visits.Add(1) != want {
		return
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	time.Sleep(time.Hour) // the signal is on its way; nothing more may happen here
}
