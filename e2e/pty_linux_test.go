package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// talk is a program that runs while a person reads what it says.
type talk struct {
	t    *testing.T
	cmd  *exec.Cmd
	mu   sync.Mutex
	said bytes.Buffer
	done chan error
}

func (k *talk) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.said.Write(b)
}

func (k *talk) text() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.said.String()
}

// talks starts a program, in a terminal of its own or without one.
func talks(t *testing.T, terminal bool, dir string, env []string, name string, args ...string) *talk {
	t.Helper()
	k := &talk{t: t, cmd: exec.CommandContext(t.Context(), name, args...), done: make(chan error, 1)}
	k.cmd.Dir, k.cmd.Env = dir, env
	k.cmd.Stdout, k.cmd.Stderr = k, k
	var read chan struct{}
	if terminal {
		master, slave := openTerminal(t)
		k.cmd.Stdin, k.cmd.Stdout, k.cmd.Stderr = slave, slave, slave
		k.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		read = make(chan struct{})
		go func() {
			defer close(read)
			b := make([]byte, 4096)
			for {
				n, err := master.Read(b)
				k.Write(b[:n]) //nolint:errcheck // a buffer takes everything
				if err != nil {
					return // of a terminal that nobody has open any more
				}
			}
		}()
		defer slave.Close()
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := k.cmd.Wait()
		if read != nil {
			select {
			case <-read:
			case <-time.After(10 * time.Second): // a child of it holds the terminal
			}
		}
		k.done <- err
	}()
	return k
}

// openTerminal opens a pair of ends (pty(7)).
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() }) //nolint:errcheck // it was read to its end
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// says waits until the program has said something of this form and returns it,
// or its first group.
func (k *talk) says(form string) string {
	k.t.Helper()
	re := regexp.MustCompile(form)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if m := re.FindStringSubmatch(k.text()); m != nil {
			return m[len(m)-1]
		}
		select {
		case err := <-k.done:
			if m := re.FindStringSubmatch(k.text()); m != nil {
				k.done <- err
				return m[len(m)-1]
			}
			k.t.Fatalf("it ended (%v) and did not say %s:\n%s", err, form, k.text())
		default:
		}
	}
	k.t.Fatalf("it does not say %s:\n%s", form, k.text())
	return ""
}

// ends waits for the end.
func (k *talk) ends() (string, error) {
	k.t.Helper()
	select {
	case err := <-k.done:
		return k.text(), err
	case <-time.After(time.Minute):
		k.t.Fatalf("it does not end:\n%s", k.text())
	}
	return "", nil
}
