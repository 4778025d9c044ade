package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// keeper is what stands between a server and a test process that may end in any
// way, kill -9 included. It starts the server and waits at the other end of a
// pipe; when the last holder of the writing end is gone, the kernel says so, and
// the keeper ends the server that it started itself and removes the folder.
//
// The file "exited" says that the server ended by itself: its number may then
// belong to another process, and is left alone.
const keeper = `
dir=$1 signal=$2
shift 2
"$@" </dev/null >"$dir/log" 2>&1 3<&- &
server=$!
{ read -r _ <&3; [ -e "$dir/exited" ] || kill -"$signal" "$server"; } &
watcher=$!
wait "$server"
echo "$?" >"$dir/exited"
wait "$watcher"
rm -rf "$dir"
`

// daemon is a server that lives as long as the test process.
type daemon struct {
	name   string
	dir    string   // its own folder, removed with it; its owner is user
	argv   []string // command and arguments
	env    []string // added to a bare environment
	signal string   // what ends it at once; its data is thrown away
	user   *user    // whom it runs as; nil for ourselves
}

// keep starts a daemon under a keeper, for as long as this process lives.
func keep(d daemon) error {
	_, err := hold(d)
	return err
}

// hold starts a daemon under a keeper, in a process group of its own, so that an
// interrupt typed at the terminal reaches the tests first. Closing the descriptor
// ends it sooner than this process does.
func hold(d daemon) (fd int, err error) {
	reading, writing, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", d.name, err)
	}
	defer reading.Close()
	defer writing.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", keeper, "keeper", d.dir, d.signal}, d.argv...)...)
	cmd.Dir = d.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "LANG=C.UTF-8"}, d.env...)
	cmd.ExtraFiles = []*os.File{reading} // descriptor 3
	d.user.become(cmd)
	cmd.SysProcAttr.Setpgid = true
	// A plain descriptor, unlike an *os.File, is closed by no garbage collector:
	// it stays open exactly as long as this process.
	if fd, err = leak(writing); err != nil {
		return 0, fmt.Errorf("start %s: %w", d.name, err)
	}
	if err := cmd.Start(); err != nil {
		return 0, errors.Join(fmt.Errorf("start %s: %w", d.name, err), syscall.Close(fd))
	}
	return fd, cmd.Process.Release()
}

// become makes a command run as the user, and nothing for the nil user.
func (u *user) become(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if u != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: u.uid, Gid: u.gid}
	}
}

// leak keeps a duplicate of f open until the process ends, hidden from children.
func leak(f *os.File) (fd int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if fd, err = syscall.Dup(int(f.Fd())); err != nil {
		return 0, err
	}
	syscall.CloseOnExec(fd)
	return fd, nil
}

// ready asks until the daemon answers, for at most a minute, and gives up at
// once when it has ended. The error holds the end of its log.
func (d daemon) ready(answers func() error) error {
	deadline := time.Now().Add(time.Minute)
	for {
		err := answers()
		if err == nil {
			return nil
		}
		if _, statErr := os.Stat(filepath.Join(d.dir, "exited")); statErr == nil {
			err = errors.New("it ended while starting")
		} else if time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		return fmt.Errorf("wait for %s: %w\n%s", d.name, err, d.tail())
	}
}

func (d daemon) tail() string {
	b, err := os.ReadFile(filepath.Join(d.dir, "log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// shared returns the value of a variable, and sets it by calling start when
// nobody has. Tests of one process may ask at once; a lock file serves them one
// after the other, and also serialises what start keeps in the cache folder.
func shared(variable string, start func(cache string) (string, error)) (string, error) {
	if value := os.Getenv(variable); value != "" {
		return value, nil
	}
	tools, err := Tools()
	if err != nil {
		return "", err
	}
	cache := filepath.Join(tools, "cache")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if value := os.Getenv(variable); value != "" {
		return value, nil
	}
	value, err := start(cache)
	if err != nil {
		return "", err
	}
	return value, os.Setenv(variable, value)
}
