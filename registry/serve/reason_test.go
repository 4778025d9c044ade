package serve_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"bonded.dev/ecosystem"
	"bonded.dev/registry/serve"
)

// wordy is the toy dialect of clients that show the reason phrase.
type wordy struct{ toy }

func (w wordy) Reply(o ecosystem.Outcome) ecosystem.Response {
	r := w.toy.Reply(o)
	if o.Err != nil {
		r.Reason = "because the toy says so"
	}
	return r
}

func listenWordy(t *testing.T) string {
	l := newLab(t, func(c *serve.Config) { c.Ecosystems = []ecosystem.Ecosystem{wordy{toy{asked: &counter{}}}} })
	addr, _ := l.listen()
	return addr
}

func TestReasonPhraseOfARefusedUpload(t *testing.T) {
	addr := listenWordy(t)
	req, _ := http.NewRequest("PUT", "http://"+addr+"/toy/a", strings.NewReader("bytes"))
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status line", r.Status, "401 because the toy says so")
	want(t, "dialect's header", r.Header.Get("X-Toy"), "1")
	want(t, "sniffing", r.Header.Get("X-Content-Type-Options"), "nosniff")
	want(t, "closing", r.Close, true)
	body := text(t, r)
	want(t, "body", strings.HasPrefix(body, "toy says no: "), true)
	want(t, "length", r.ContentLength, int64(len(body)))
	if r.Header.Get("Date") == "" || r.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("headers: %v", r.Header)
	}
}

func TestReadsKeepTheirConnection(t *testing.T) {
	addr := listenWordy(t)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for range 2 {
		fmt.Fprint(c, "GET /toy/none HTTP/1.1\r\nHost: x\r\n\r\n")
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "status line", r.Status, "404 Not Found")
		text(t, r)
	}
}

// TestReasonReachesWhoIsStillSending sends far more than any buffer holds
// before it reads.
func TestReasonReachesWhoIsStillSending(t *testing.T) {
	addr := listenWordy(t)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const size = 64 << 20
	fmt.Fprintf(c, "PUT /toy/a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
	if _, err := io.CopyN(c, zeros{}, size); err != nil {
		t.Fatalf("still sending: %v", err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status line", r.Status, "401 because the toy says so")
	want(t, "body", strings.HasPrefix(text(t, r), "toy says no: "), true)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// TestRefusalDoesNotWaitForABody promises a body and sends none.
func TestRefusalDoesNotWaitForABody(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	addr, _ := l.listen()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "PUT /toy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", r.StatusCode, 401)
}
