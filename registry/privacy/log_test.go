package privacy_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"bonded.dev/registry/privacy"
)

func TestLogLinesHaveNoClients(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(privacy.Quiet(slog.NewTextHandler(&out, nil)))
	const four, six = "203.0.113.77", "2001:db8::77"
	op := func(ip string) error {
		return &net.OpError{Op: "write", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1},
			Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 4711}, Err: io.ErrClosedPipe}
	}
	log.Warn("http: TLS handshake error from "+four+":4711: EOF", "err", op(four))
	log.With("err", op(six)).WithGroup("g").Warn("http: panic serving ["+six+"]:1: oh", slog.Group("x", "e", errors.Join(op(six))))
	log.Info("listening", "addr", "10.0.0.1:8420", "package", "npm/left-pad")
	text := out.String()
	if strings.Contains(text, four) || strings.Contains(text, six) {
		t.Errorf("an address is left:\n%s", text)
	}
	for _, want := range []string{"10.0.0.1:8420", "->client: io: read/write on closed pipe", "panic serving client: oh"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
}
