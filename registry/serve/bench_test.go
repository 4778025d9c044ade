package serve_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// endless is a connection on which the same request comes n times, at once.
// What is measured over it is everything but the kernel.
type endless struct {
	net.Conn
	request string
	left    int
	rest    string
	done    chan struct{}
	once    sync.Once
	wrote   int
}

func (c *endless) Read(b []byte) (int, error) {
	if c.rest == "" {
		if c.left == 0 {
			return 0, io.EOF
		}
		c.left--
		c.rest = c.request
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *endless) Write(b []byte) (int, error)      { c.wrote += len(b); return len(b), nil }
func (c *endless) Close() error                     { c.once.Do(func() { close(c.done) }); return nil }
func (c *endless) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (c *endless) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 81} }
func (c *endless) SetDeadline(time.Time) error      { return nil }
func (c *endless) SetReadDeadline(time.Time) error  { return nil }
func (c *endless) SetWriteDeadline(time.Time) error { return nil }

// once accepts one connection.
type once struct{ c chan net.Conn }

func (o once) Accept() (net.Conn, error) {
	c, ok := <-o.c
	if !ok {
		return nil, io.EOF
	}
	return c, nil
}
func (once) Close() error   { return nil }
func (once) Addr() net.Addr { return &net.TCPAddr{} }

func BenchmarkRead(b *testing.B) {
	l := newLab(b)
	l.put("toy/a/doc.json", strings.Repeat("x", 5000))
	l.put("toy/a/doc.json.gz", strings.Repeat("x", 1200))
	tag := l.do("GET", "/toy/a").Header.Get("Etag")
	for name, extra := range map[string]string{
		"identity": "", "gzip": "Accept-Encoding: gzip\r\n", "304": "If-None-Match: " + tag + "\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			c := &endless{left: b.N, done: make(chan struct{}),
				request: "GET /toy/a HTTP/1.1\r\nHost: registry.example\r\nAccept: application/vnd.npm.install-v1+json\r\n" + extra + "\r\n"}
			o := once{make(chan net.Conn, 1)}
			o.c <- c
			close(o.c)
			b.ReportAllocs()
			b.ResetTimer()
			began := cpuTime(b)
			srv := l.Server()
			srv.Serve(o)
			<-c.done
			b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(c.wrote)/float64(b.N), "B/answer")
		})
	}
}

// cpuTime is what this process has used; it says more than the clock on a
// machine that does other things too.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
