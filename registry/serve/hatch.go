package serve

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// The hatch answers what is asked for most, before package http sees it: a
// plain GET or HEAD of something in memory. Package http spends more on such a
// request than the kernel does on both its system calls.
//
// It is not a second HTTP server. It recognises one narrow, canonical shape of
// request (see parseAsk), answers it with the bytes that package http would
// have sent (TestHatchSaysTheSame and FuzzHatch hold it to that), and hands
// everything else on untouched. It reads only at the boundary between two
// requests, and knows that it is there because everything it handed on so far
// were single complete requests without a body. The first time that is not so
// (a body, a request in two pieces, two in one piece) it closes, and the
// connection is package http's for good. Nothing that it does not understand is
// ever skipped, so it cannot be made to see a boundary where others see none.

// listener hands out connections with a hatch.
type listener struct {
	net.Listener
	h *Handler
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if t, ok := c.(*net.TCPConn); ok && !l.h.LogReads {
		return &conn{TCPConn: t, h: l.h, open: true}, nil
	}
	return c, nil
}

// conn is a *net.TCPConn, with everything that lets the kernel copy files to
// it, and a hatch. Reads and writes come from one goroutine at a time.
type conn struct {
	*net.TCPConn
	h    *Handler
	open bool            // the hatch
	raw  syscall.RawConn // for sending files
	// writeBy is the write deadline that is set.
	writeBy time.Time

	// Shutdown closes connections that package http takes for idle; one that
	// is in the middle of an answer closes itself afterwards.
	mu      sync.Mutex
	busy    bool
	closing bool
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeBy = t
	return c.TCPConn.SetWriteDeadline(t)
}

func (c *conn) SetDeadline(t time.Time) error {
	c.writeBy = t
	return c.TCPConn.SetDeadline(t)
}

func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		if !c.closing {
			c.closing = true
			c.h.hatch.last.Add(1)
		}
		return nil
	}
	return c.TCPConn.Close()
}

// enter says that an answer begins; false: the connection is closing.
func (c *conn) enter(busy bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = busy
	if !busy && c.closing {
		c.TCPConn.Close()
		c.h.hatch.last.Done()
	}
	return !c.closing
}

// Read is called by package http when it wants a request.
func (c *conn) Read(p []byte) (int, error) {
	var idleSince time.Time
	for {
		n, err := c.TCPConn.Read(p)
		if !c.open || n == 0 {
			return n, err
		}
		if len(p) < smallestBuffer {
			// The byte by which package http notices that a client is still
			// there while it answers. A request came early.
			c.open = false
			return n, err
		}
		ask, ok := parseAsk(p[:n])
		if !ok {
			c.open = false
			return n, err
		}
		now := time.Now()
		if err != nil || c.h.leaving.Load() {
			return n, err
		}
		answered, err := c.answer(&ask, now)
		if err != nil {
			// Half an answer may be out: nothing can follow it.
			c.TCPConn.Close()
			return 0, err
		}
		if !answered {
			return n, nil
		}
		// The deadline that package http set was for the first request.
		if now.Sub(idleSince) > time.Second {
			if err := c.SetReadDeadline(now.Add(idleTime)); err != nil {
				return 0, err
			}
			idleSince = now
		}
	}
}

// smallestBuffer tells the buffer for requests from that of one byte.
const smallestBuffer = 512

// ask is a request as the hatch understands it. Its parts are those of the
// buffer.
type ask struct {
	head                  bool
	uri, accept, encoding []byte
	noneMatch             []byte
	accepts, encodes      bool
	conditional           bool
}

// answer answers from memory, or not at all.
func (c *conn) answer(a *ask, now time.Time) (bool, error) {
	pg, ok := c.h.pages.get(target{textOf(a.uri), textOf(a.accept)})
	if !ok {
		return false, nil
	}
	takes := coding{identity: true}
	if pg.packed != nil && a.encodes {
		takes = codingsOf(textOf(a.encoding))
	}
	b := c.h.shelf.atHand(pg, takes, now)
	if b == nil || !b.file.acquire() {
		return false, nil
	}
	defer b.file.release()
	if !c.enter(true) {
		return false, nil
	}
	defer c.enter(false)
	seen := pg.room.seen
	c.h.metrics.hits.Inc()
	c.h.metrics.hatch.Inc()
	switch {
	case a.conditional && matchesOne(textOf(a.noneMatch), b.etag):
		seen.same.Inc()
		return true, c.send(b.head304, nil, now)
	case a.head:
		seen.ok.Inc()
		return true, c.send(b.head200, nil, now)
	}
	seen.ok.Inc()
	c.h.tally.add(pg)
	if b.file != nil {
		return true, c.sendFile(b, now)
	}
	return true, c.send(b.head200, b.data, now)
}

// atHand returns what is served for a page if that takes no waiting.
func (s *shelf) atHand(pg *page, takes coding, now time.Time) *body {
	if takes.gzip {
		b := s.peek(pg.packed, now)
		if b == nil || !b.absent {
			return usable(b)
		}
	}
	if !takes.identity {
		return nil
	}
	return usable(s.peek(pg.plain, now))
}

func usable(b *body) *body {
	if b == nil || b.absent || b.data == nil && b.file == nil {
		return nil
	}
	return b
}

func (s *shelf) peek(pl *place, now time.Time) *body {
	e := pl.entry.Load()
	b := e.value.body.Load()
	if b == nil || s.recheck != 0 && !e.value.policy.fixed && now.UnixNano()-b.checked.Load() >= int64(s.recheck) {
		return nil
	}
	e.touch()
	return b
}

// together is up to how many bytes an answer is put together in one buffer;
// above, the system call that takes several buffers is cheaper than copying.
const together = 16 << 10

// hatch is what all connections share.
type hatch struct {
	last    sync.WaitGroup // answers that go on while the server closes
	buffers sync.Pool      // of *[together]byte
	today   atomic.Pointer[date]
}

// wait waits for the last answers.
func (h *hatch) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		h.last.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// date is the Date header of a second, and the end of the head.
type date struct {
	second int64
	line   []byte
}

func (h *hatch) date(now time.Time) []byte {
	d := h.today.Load()
	if d == nil || d.second != now.Unix() {
		d = &date{now.Unix(), []byte("Date: " + now.UTC().Format(http.TimeFormat) + "\r\n\r\n")}
		h.today.Store(d)
	}
	return d.line
}

// send writes an answer.
func (c *conn) send(head, content []byte, now time.Time) error {
	if err := c.allow(len(content), now); err != nil {
		return err
	}
	buf, _ := c.h.hatch.buffers.Get().(*[together]byte)
	if buf == nil {
		buf = new([together]byte)
	}
	defer c.h.hatch.buffers.Put(buf)
	out := append(buf[:0], head...)
	out = append(out, c.h.hatch.date(now)...)
	if len(out)+len(content) <= together {
		_, err := c.TCPConn.Write(append(out, content...))
		return err
	}
	both := net.Buffers{out, content}
	_, err := both.WriteTo(c.TCPConn)
	return err
}

// allow gives the client time to take n bytes. The deadline is moved only when
// half of what was given has passed.
func (c *conn) allow(n int, now time.Time) error {
	need := answerTime + time.Duration(n)*time.Second/slowest
	if c.writeBy.Sub(now) >= need/2 {
		return nil
	}
	return c.SetWriteDeadline(now.Add(need))
}

// headOf is the head of an answer as package http writes it, up to the date.
func headOf(status int, lines []line) []byte {
	h := http.Header{}
	set(h, lines)
	var out bytes.Buffer
	out.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	h.Write(&out) // in order of names; a buffer takes everything
	return out.Bytes()
}

// textOf looks at bytes as a string for as long as a look-up takes.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
