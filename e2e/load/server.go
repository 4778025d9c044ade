//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// server is a process that answers HTTP on the server core.
type server struct {
	name  string
	url   string // registry, with trailing slash
	token string // of a user who may publish
	cmd   *exec.Cmd
	log   bytes.Buffer
	done  chan struct{}
}

// pin keeps this process, and what it starts, on one core.
func pin(core int) error {
	var set unix.CPUSet
	set.Set(core)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil {
			return err
		}
	}
	return nil
}

// launch starts a command on the server core and waits until url answers.
func launch(name, url string, cmd *exec.Cmd) (*server, error) {
	pinned := append([]string{"-c", strconv.Itoa(serverCore)}, cmd.Args...)
	c := exec.Command("taskset", pinned...)
	c.Dir, c.Env = cmd.Dir, cmd.Env
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	s := &server{name: name, url: url, cmd: c, done: make(chan struct{})}
	c.Stdout, c.Stderr = &s.log, &s.log
	if err := c.Start(); err != nil {
		return nil, err
	}
	go func() {
		c.Wait() // how it ended does not matter, only that it did
		close(s.done)
	}()
	for range 600 {
		r, err := http.Get(url)
		if err == nil {
			r.Body.Close()
			return s, nil
		}
		select {
		case <-s.done:
			return nil, fmt.Errorf("it ended at once: %s", s.log.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	s.stop()
	return nil, fmt.Errorf("no answer from %s: %s", url, s.log.String())
}

func (s *server) stop() {
	syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.done
	}
}

// cpu is the user and system time of the process and all below it.
func (s *server) cpu() (time.Duration, error) {
	parents := map[int]int{}
	ticks := map[int]int64{}
	procs, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, p := range procs {
		b, err := os.ReadFile(p)
		if err != nil {
			continue // it ended meanwhile
		}
		// The name is in parentheses and may hold anything.
		id, _ := strconv.Atoi(strings.Split(p, "/")[2])
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		parents[id], _ = strconv.Atoi(f[1])
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		ticks[id] = user + system
	}
	var sum int64
	for id := range ticks {
		for p := id; p > 1; p = parents[p] {
			if p == s.cmd.Process.Pid {
				sum += ticks[id]
				break
			}
		}
	}
	if sum == 0 && ticks[s.cmd.Process.Pid] == 0 && parents[s.cmd.Process.Pid] == 0 {
		return 0, errors.New(s.name + " is gone")
	}
	const ticksPerSecond = 100 // sysconf(_SC_CLK_TCK) on Linux
	return time.Duration(sum) * time.Second / ticksPerSecond, nil
}

// memory is the resident memory of the process, bytes.
func (s *server) memory() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func startBonded(ctx context.Context, dir, binary string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "bonded-data")
	s, err := launch("bonded", "http://"+addr+"/npm/", exec.Command(binary, "serve", "--data", data, "--listen", addr))
	if err != nil {
		return nil, fmt.Errorf("starting bonded: %w", err)
	}
	admin := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, binary, append([]string{"admin"}, append(args, "--data", data)...)...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("bonded admin %s: %w: %s", args[0], err, out)
		}
		return strings.TrimSpace(string(out)), err
	}
	if _, err = admin("user", "add", "bench", "--email", "bench@example.invalid"); err == nil {
		s.token, err = admin("token", "add", "--user", "bench", "--scope", "publish:npm/*")
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// startNginx serves dir/nginx as Debian's nginx does, with its compressed files.
func startNginx(dir string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(dir, "nginx")
	if err := os.MkdirAll(filepath.Join(root, "files"), 0o755); err != nil {
		return nil, err
	}
	// Its worker is another user, who has to get through.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	config := `worker_processes 1;
daemon off;
pid ` + root + `/pid;
error_log ` + root + `/error.log;
events { worker_connections 1024; }
http {
  types { application/json json; application/octet-stream tgz; }
  access_log off;
  sendfile on;
  tcp_nopush on;
  etag on;
  gzip_static on;
  keepalive_requests 100000000;
  client_body_temp_path ` + root + `/tmp; proxy_temp_path ` + root + `/tmp; fastcgi_temp_path ` + root + `/tmp;
  uwsgi_temp_path ` + root + `/tmp; scgi_temp_path ` + root + `/tmp;
  server { listen ` + addr + `; root ` + root + `/files; }
}
`
	if err := os.WriteFile(filepath.Join(root, "nginx.conf"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	return launch("nginx", "http://"+addr+"/", exec.Command("nginx", "-p", root, "-c", filepath.Join(root, "nginx.conf")))
}

// startVerdaccio takes its defaults but for tokens that are checked without the
// password: the others cost a bcrypt for each request.
func startVerdaccio(ctx context.Context, dir string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, "verdaccio")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	config := `storage: ` + home + `/storage
auth: {htpasswd: {file: ` + home + `/htpasswd}}
packages: {'**': {access: $all, publish: $authenticated}}
security: {api: {jwt: {sign: {expiresIn: 29d}}}}
max_body_size: 300mb
web: {enable: false}
log: {type: stdout, format: json, level: fatal}
`
	file := filepath.Join(home, "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command("verdaccio", "--config", file, "--listen", addr)
	cmd.Env = append(os.Environ(), "HOME="+home, "NODE_ENV=production")
	s, err := launch("verdaccio", "http://"+addr+"/", cmd)
	if err != nil {
		return nil, err
	}
	if s.token, err = logIn(ctx, s.url); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}
