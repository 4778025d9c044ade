package serve

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"bonded.dev/ecosystem"
)

// Package http writes the standard reason phrase and no other. Some clients
// show their user the phrase of a refused upload and nothing of its body, so
// for them the connection is taken over, answered by hand, and closed.

const (
	// lingerTime and lingerPause bound how long a client may go on sending a
	// body that nobody reads any more. Closed with bytes unread, a connection is
	// reset, and the answer may be lost on its way (RFC 9112 section 9.6).
	lingerTime  = 30 * time.Second
	lingerPause = 5 * time.Second
)

// writeReason answers with the reason phrase of resp. It reports false, and has
// done nothing, where there is none or the connection cannot be taken over, as
// with HTTP/2. Reads keep their connections: of those answers the status is enough.
func writeReason(w http.ResponseWriter, r *http.Request, resp ecosystem.Response) bool {
	if resp.Reason == "" || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	c, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	hd := w.Header()
	hd.Set("Connection", "close")
	hd.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	err = c.SetDeadline(time.Now().Add(answerTime))
	for _, part := range []string{"HTTP/1.1 ", strconv.Itoa(resp.Status), " ", resp.Reason, "\r\n"} {
		_, partErr := buf.WriteString(part)
		err = errors.Join(err, partErr)
	}
	err = errors.Join(err, hd.Write(buf))
	_, endErr := buf.WriteString("\r\n")
	_, bodyErr := buf.Write(resp.Body)
	if errors.Join(err, endErr, bodyErr, buf.Flush()) != nil {
		c.Close() // the client has gone
		return true
	}
	go linger(c)
	return true
}

// linger closes a connection after the client has closed its half of it, or
// has had time to read the answer.
func linger(c net.Conn) {
	defer c.Close()
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return
	}
	until := time.Now().Add(lingerTime)
	scratch := make([]byte, 32<<10)
	for time.Now().Before(until) {
		if c.SetReadDeadline(time.Now().Add(lingerPause)) != nil {
			return
		}
		if _, err := io.ReadAtLeast(c, scratch, 1); err != nil {
			return
		}
	}
}
