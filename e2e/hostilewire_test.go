package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sending is one upload, as it goes over the wire. It is written by hand: no
// HTTP library sends what a hostile client sends.
type sending struct {
	method string
	path   string   // as it stands in the request line
	token  string   // whose: a user of the stage, "none", or "!" and a whole Authorization header
	header []string // "Name: value"
	body   []byte
	// length is the Content-Length; 0: that of the body, -1: none is sent.
	length int64
	// cut closes the sending half after the body, whatever was promised.
	cut bool
}

// reply is what came back.
type reply struct {
	status int
	reason string // of the status line
	header http.Header
	body   string
	more   string // what the server sent behind the answer
}

// over sends one upload on a connection of its own.
func (s sending) over(t testing.TB, addr string, tokens map[string]string) reply {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		// The server may answer and close before it has read everything.
		_, err := io.Copy(c, io.MultiReader(strings.NewReader(s.head(addr, tokens)), bytes.NewReader(s.body)))
		if err == nil && s.cut {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}()
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, &http.Request{Method: s.method})
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	// A connection that was reset behind the answer has said nothing more.
	more, _ := io.ReadAll(in)
	<-written
	_, reason, _ := strings.Cut(res.Status, " ")
	return reply{res.StatusCode, reason, res.Header, string(b), string(more)}
}

// head is the request line and the header.
func (s sending) head(addr string, tokens map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", s.method, s.path, addr)
	switch custom, ok := strings.CutPrefix(s.token, "!"); {
	case ok:
		fmt.Fprintf(&b, "Authorization: %s\r\n", custom)
	case s.token != "none":
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", tokens[s.token])
	}
	for _, h := range s.header {
		b.WriteString(h + "\r\n")
	}
	switch {
	case s.length == 0:
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(s.body))
	case s.length > 0:
		fmt.Fprintf(&b, "Content-Length: %d\r\n", s.length)
	}
	return b.String() + "\r\n"
}

// chunked is the body in chunks of n bytes (RFC 9112 section 7.1).
func chunked(body []byte, n int) []byte {
	var b bytes.Buffer
	for len(body) > 0 {
		k := min(n, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", k, body[:k])
		body = body[k:]
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes()
}
