package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bonded.dev/internal/testenv"
)

// storage is a pair of database and file store.
type storage struct {
	name string
	// env returns the settings of a fresh pair.
	env func(t testing.TB) []string
}

// embedded keeps everything in the data directory.
var embedded = storage{"sqlite-dir", func(testing.TB) []string { return nil }}

// shared is what several nodes can work on.
var shared = storage{"postgres-s3", func(t testing.TB) []string {
	bucket := testenv.S3(t)
	scheme := "s3"
	if strings.HasPrefix(bucket.Endpoint, "http:") {
		scheme = "s3+http"
	}
	return []string{
		"BONDED_DATABASE=" + testenv.Postgres(t),
		"BONDED_BLOBS=" + scheme + "://" + bucket.Host() + "/" + bucket.Bucket,
		"BONDED_S3_ACCESS_KEY=" + bucket.AccessKey,
		"BONDED_S3_SECRET_KEY=" + bucket.SecretKey,
		"BONDED_S3_REGION=" + bucket.Region,
	}
}}

// node is one running bonded serve.
type node struct {
	url string // without a slash at its end
	cmd *exec.Cmd
	// said holds standard error, and standard output after the first line.
	said lockedBuffer
	done chan struct{} // closed when it has ended
	err  error         // how, once done is closed
}

// startTime bounds how long a node may take to listen; on a machine that does
// much else at once, a second can become ten.
const startTime = 30 * time.Second

// stopTime is longer than any node lets its requests take.
const stopTime = time.Minute

// start runs bonded serve with arguments and waits until it listens.
func start(env []string, args ...string) (*node, error) {
	n := &node{cmd: exec.Command(binary, append([]string{"serve"}, args...)...), done: make(chan struct{})}
	n.cmd.Env = env
	n.cmd.Stderr = &n.said
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		first, _ := r.ReadString('\n') // "" when it ended first
		line <- first
		// What it says later is for whoever reads a failure.
		_, copyErr := io.Copy(&n.said, r)
		n.err = errors.Join(n.cmd.Wait(), copyErr)
		close(n.done)
	}()
	select {
	case first := <-line:
		url, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
		if !ok {
			n.kill()
			return nil, fmt.Errorf("bonded serve did not start: %w\n%s%s", n.err, first, n.said.String())
		}
		n.url = url
		return n, nil
	case <-time.After(startTime):
		n.kill()
		return nil, fmt.Errorf("bonded serve did not listen within %v\n%s", startTime, n.said.String())
	}
}

// serving starts a node that ends with the test.
func serving(t testing.TB, env []string, args ...string) *node {
	t.Helper()
	n, err := start(env, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", n.url, n.said.String())
		}
	})
	return n
}

func (n *node) signal(s os.Signal) error { return n.cmd.Process.Signal(s) }

// kill ends it at once; an ended one stays ended.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	<-n.done
}

// stop ends it as an administrator would.
func (n *node) stop() error {
	if err := n.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-n.done:
	case <-time.After(stopTime):
		n.kill()
		return fmt.Errorf("bonded serve did not end within %v of SIGTERM\n%s", stopTime, n.said.String())
	}
	if n.err != nil {
		return fmt.Errorf("bonded serve after SIGTERM: %w\n%s", n.err, n.said.String())
	}
	return nil
}

// bonded runs the binary and returns what it printed and its exit code.
func bonded(t testing.TB, env []string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = env
	b, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("bonded %s: %v", strings.Join(args, " "), err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// must runs the binary, which has to succeed.
func must(t testing.TB, env []string, args ...string) string {
	t.Helper()
	out, code := bonded(t, env, args...)
	if code != 0 {
		t.Fatalf("bonded %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// bare is the environment of a process that inherits nothing but these.
func bare(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "TMPDIR=" + os.TempDir()}, more...)
}

// fetch gets a URL, as it is: gzip is not unpacked.
func fetch(t testing.TB, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	return request(t, http.MethodGet, url, nil, headers...)
}

// request sends one request; headers are "Name: value".
func request(t testing.TB, method, url string, body io.Reader, headers ...string) (*http.Response, []byte) {
	t.Helper()
	res, b, err := send(method, url, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

func send(method, url string, body io.Reader, headers ...string) (*http.Response, []byte, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		req.Header.Add(name, strings.TrimSpace(value))
	}
	// One connection each: nothing is kept open that a node would wait for.
	client := http.Client{
		Timeout:       time.Minute,
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, b, err
}

// lockedBuffer is written by a process and read by a test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// run runs a client, which has to succeed, and returns all that it printed.
func run(t testing.TB, dir string, env []string, path string, args ...string) string {
	t.Helper()
	out, err := try(dir, env, path, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", path, strings.Join(args, " "), err, out)
	}
	return out
}

// basic is a credential as RFC 7617 writes it.
func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// try runs a client and returns all that it printed.
func try(dir string, env []string, path string, args ...string) (string, error) {
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	return string(out), err
}
