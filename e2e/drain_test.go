package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTermLetsAnUploadFinish sends SIGTERM in the middle of a slow upload.
func TestTermLetsAnUploadFinish(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	r.serve("--drain", "2s")
	addr := strings.TrimPrefix(r.node.url, "http://")
	r.token("alice", "publish,tag:*")
	upload := npmPackage("slow", "1.0.0").sending()
	head, body := upload.head(addr, r.tokens), upload.body

	if res, b := fetch(t, r.node.url+"/readyz"); res.StatusCode != 200 {
		t.Errorf("before: /readyz says %s %s", res.Status, b)
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	half := len(body) / 2
	if _, err := io.WriteString(c, head+string(body[:half])); err != nil {
		t.Fatal(err)
	}
	if err := r.node.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// While load balancers learn of it, everything goes on.
	waitFor(t, "/readyz to say no", func() bool {
		res, b := fetch(t, r.node.url+"/readyz")
		return res.StatusCode == 503 && strings.Contains(string(b), `"draining": true`)
	})
	if res, _ := fetch(t, r.node.url+"/npm/left-pad"); res.StatusCode != 200 {
		t.Errorf("a read while draining: %s", res.Status)
	}
	waitFor(t, "the door to close", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case <-r.node.done:
		t.Fatalf("the node ended in the middle of an upload\n%s", r.node.said.String())
	case <-time.After(300 * time.Millisecond):
	}
	if _, err := c.Write(body[half:]); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("the upload got no answer: %v\n%s", err, r.node.said.String())
	}
	if res.StatusCode != 201 {
		b, _ := io.ReadAll(res.Body)
		t.Errorf("the upload: %s %s", res.Status, b)
	}
	<-r.node.done
	if r.node.err != nil {
		t.Errorf("exit: %v\n%s", r.node.err, r.node.said.String())
	}

	// What was acknowledged is there.
	r.serve()
	if res, _ := fetch(t, r.node.url+"/npm/slow/-/slow-1.0.0.tgz"); res.StatusCode != 200 {
		t.Errorf("the uploaded tarball: %s", res.Status)
	}
	if out, code := bonded(t, r.env, "log", "verify", r.node.url); code != 0 {
		t.Errorf("log verify: exit code %d\n%s", code, out)
	}
}

// TestSecondTermEndsAtOnce is for whoever cannot wait for an upload.
func TestSecondTermEndsAtOnce(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	r.serve()
	addr := strings.TrimPrefix(r.node.url, "http://")
	r.token("alice", "publish,tag:*")
	upload := npmPackage("slow", "1.0.0").sending()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, upload.head(addr, r.tokens)+"{"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // let the request in
	for range 2 {
		if err := r.node.signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	select {
	case <-r.node.done:
	case <-time.After(10 * time.Second):
		t.Error("it still runs after a second SIGTERM")
	}
	// It is as if the power had failed.
	r.serve()
	if out, code := bonded(t, r.env, "log", "verify", r.node.url); code != 0 {
		t.Errorf("log verify: exit code %d\n%s", code, out)
	}
	if res, _ := fetch(t, r.node.url+"/npm/slow"); res.StatusCode != 404 {
		t.Errorf("half an upload: %s", res.Status)
	}
}

// TestTermDoesNotWaitForIdleConnections holds that nobody waits for nothing.
func TestTermDoesNotWaitForIdleConnections(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	r.serve()
	addr := strings.TrimPrefix(r.node.url, "http://")
	for _, asked := range []bool{false, true} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if asked {
			if status := ask(t, c, bufio.NewReader(c), "/npm/left-pad"); status != 200 {
				t.Errorf("/npm/left-pad says %d", status)
			}
		}
	}
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}
	if said := r.node.said.String(); strings.Contains(said, "cut off") {
		t.Errorf("it waited for connections on which nothing was asked:\n%s", said)
	}
}

// ask sends a GET on an open connection.
func ask(t *testing.T, c net.Conn, in *bufio.Reader, path string) (status int) {
	t.Helper()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// waitFor asks until something is so, for at most half a minute.
func waitFor(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(startTime); ; time.Sleep(10 * time.Millisecond) {
		if so() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", startTime, what)
		}
	}
}
