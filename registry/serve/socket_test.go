package serve_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"bonded.dev/ecosystem"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/serve"
)

// listen serves the lab on a socket and returns its address and what ends it.
func (l *lab) listen() (addr string, stop func() error) {
	l.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, ln) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	l.t.Cleanup(func() { stop() })
	return ln.Addr().String(), stop
}

// TestOverSockets reads every kind of answer through one connection each time,
// so that a length that is wrong by one shows.
func TestOverSockets(t *testing.T) {
	l := newLab(t)
	sizes := []int{0, 1, 511, 512, 513, 2047, 2048, 4095, 4096, 4097, 5000, 20_000, 100_000, 256 << 10, 256<<10 + 1, 1 << 20, 5<<20 + 3}
	content := func(n int) string { return strings.Repeat("0123456789abcdef", n/16+1)[:n] }
	for _, n := range sizes {
		l.put(fmt.Sprintf("toy/a/-/%d", n), content(n))
		l.put(fmt.Sprintf("toy/p%d/doc.json", n), content(n))
	}
	addr, _ := l.listen()
	for _, n := range sizes {
		for _, uri := range []string{fmt.Sprintf("/toy/a/-/%d", n), fmt.Sprintf("/toy/p%d", n)} {
			for round := range 2 {
				for _, method := range []string{"GET", "HEAD", "GET"} {
					req, _ := http.NewRequest(method, "http://"+addr+uri, nil)
					req.Header.Set("Accept-Encoding", "identity")
					r, err := http.DefaultClient.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					got := text(t, r)
					r.Body.Close()
					if r.StatusCode != 200 || r.ContentLength != int64(n) || method == "GET" && got != content(n) {
						t.Errorf("round %d: %s %s: %d, %d bytes, Content-Length %d", round, method, uri, r.StatusCode, len(got), r.ContentLength)
					}
				}
			}
		}
	}
}

func TestPipelinedRequests(t *testing.T) {
	l := newLab(t)
	l.put("toy/a/doc.json", strings.Repeat("a", 5000))
	l.put("toy/b/-/f", strings.Repeat("b", 1<<20))
	addr, _ := l.listen()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	uris := []string{"/toy/a", "/toy/b/-/f", "/toy/none", "/toy/a", "/toy/b/-/f", "/toy/a"}
	for _, uri := range uris {
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", uri)
	}
	in := bufio.NewReader(c)
	for _, uri := range uris {
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := text(t, r)
		size := map[string]int{"/toy/a": 5000, "/toy/b/-/f": 1 << 20, "/toy/none": len("toy says no: there is no package none here")}[uri]
		if len(got) != size {
			t.Errorf("%s: %d bytes, want %d", uri, len(got), size)
		}
	}
}

func TestSlowUploadGoesThrough(t *testing.T) {
	l := newLab(t)
	addr, _ := l.listen()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "PUT /toy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n%s\r\n\r\n", bearer)
	for range 20 {
		time.Sleep(20 * time.Millisecond)
		fmt.Fprint(c, "x")
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", r.StatusCode, 200)
}

func TestUploadCutOff(t *testing.T) {
	outcome := make(chan error, 1)
	l := newLab(t, func(c *serve.Config) {
		c.Desk = desk(func(ctx context.Context, a ecosystem.Ask, in publish.In) error {
			_, err := io.Copy(sha256.New(), in.Body)
			outcome <- err
			return err
		})
	})
	addr, _ := l.listen()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "PUT /toy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n%s\r\n\r\nhalf", bearer)
	c.Close()
	if err := <-outcome; err == nil {
		t.Error("half an upload was taken for a whole one")
	}
}

func TestUnauthorizedUploadIsNotWaitedFor(t *testing.T) {
	l := newLab(t)
	addr, _ := l.listen()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "PUT /toy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", r.StatusCode, 401)
}

func TestDrain(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	keep := &tallied{}
	l := newLab(t, func(c *serve.Config) {
		c.Tally = keep
		c.Desk = desk(func(context.Context, ecosystem.Ask, publish.In) error {
			close(inside)
			<-leave
			return nil
		})
	})
	l.put("toy/a/-/f", "x")
	addr, stop := l.listen()
	if _, err := http.Get("http://" + addr + "/toy/a/-/f"); err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		req, _ := http.NewRequest("PUT", "http://"+addr+"/toy/a", nil)
		req.Header.Set("Authorization", "Bearer "+goodToken)
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		answer <- text(t, r)
	}()
	<-inside
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for l.do("GET", "/readyz").StatusCode != 503 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-ended:
		t.Fatalf("ended with a request still running: %v", err)
	default:
	}
	close(leave)
	want(t, "the running request", <-answer, "toy says yes to alice")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want(t, "downloads written down at the end", len(keep.list), 1)
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("still listening")
	}
}
