package serve

import "bytes"

// parseAsk recognises exactly one complete request in b, of this shape:
//
//	GET or HEAD, one blank, a target of visible ASCII that begins with "/" and
//	has no "#", one blank, HTTP/1.1, CR LF
//	header lines: a token, ":", printable ASCII, CR LF; no folding
//	one Host that is not empty
//	Accept, Accept-Encoding and If-None-Match at most once each
//	Connection absent, or keep-alive
//	nothing that announces a body, a condition of another kind or a range
//	CR LF, and the end of b
//
// All of this is a subset of what package http accepts (RFC 9112 section 2),
// and means the same there.
func parseAsk(b []byte) (a ask, ok bool) {
	if len(b) < 20 || !bytes.HasSuffix(b, []byte("\r\n\r\n")) {
		return a, false
	}
	rest, ok := bytes.CutPrefix(b, []byte("GET "))
	if !ok {
		if rest, a.head = bytes.CutPrefix(b, []byte("HEAD ")); !a.head {
			return a, false
		}
	}
	n := 0
	for n < len(rest) && target1[rest[n]] {
		n++
	}
	a.uri, rest = rest[:n], rest[n:]
	rest, ok = bytes.CutPrefix(rest, []byte(" HTTP/1.1\r\n"))
	if !ok || len(a.uri) == 0 || a.uri[0] != '/' {
		return a, false
	}
	hosts := 0
	for {
		if len(rest) == 2 { // the last CR LF
			return a, hosts == 1
		}
		var name, value []byte
		if name, value, rest, ok = cutHeader(rest); !ok {
			return a, false
		}
		switch headerOf(name) {
		case hHost:
			hosts++
			ok = len(value) > 0 && hosts == 1 && hostLike(value)
		case hAccept:
			ok = !a.accepts
			a.accept, a.accepts = value, true
		case hAcceptEncoding:
			ok = !a.encodes
			a.encoding, a.encodes = value, true
		case hIfNoneMatch:
			ok = !a.conditional
			a.noneMatch, a.conditional = value, true
		case hConnection:
			ok = isFold(value, "keep-alive")
		case hOther:
			ok = false
		}
		if !ok {
			return a, false
		}
	}
}

// cutHeader takes one header line off b.
func cutHeader(b []byte) (name, value, rest []byte, ok bool) {
	n := 0
	for n < len(b) && token1[b[n]] {
		n++
	}
	if n == 0 || n >= len(b) || b[n] != ':' {
		return nil, nil, nil, false
	}
	name, b = b[:n], b[n+1:]
	n = 0
	for n < len(b) && value1[b[n]] {
		n++
	}
	if n+1 >= len(b) || b[n] != '\r' || b[n+1] != '\n' {
		return nil, nil, nil, false
	}
	return name, bytes.Trim(b[:n], " \t"), b[n+2:], true
}

// header is what the hatch knows of a header's name.
type header int

const (
	hFree header = iota // has no say in the answer
	hHost
	hAccept
	hAcceptEncoding
	hIfNoneMatch
	hConnection
	hOther // more than the hatch wants to know
)

// headerOf sorts header names. A name that it does not know describes the
// client; those that frame a message or select an answer are all known.
func headerOf(name []byte) header {
	switch len(name) {
	case 2:
		return when(name, "te", hOther)
	case 4:
		return when(name, "host", hHost)
	case 5:
		return when(name, "range", hOther)
	case 6:
		if isFold(name, "expect") {
			return hOther
		}
		return when(name, "accept", hAccept)
	case 7:
		if isFold(name, "trailer") || isFold(name, "upgrade") {
			return hOther
		}
	case 8:
		if isFold(name, "if-range") {
			return hOther
		}
		return when(name, "if-match", hOther)
	case 10:
		return when(name, "connection", hConnection)
	case 13:
		return when(name, "if-none-match", hIfNoneMatch)
	case 14:
		return when(name, "content-length", hOther)
	case 15:
		return when(name, "accept-encoding", hAcceptEncoding)
	case 16:
		return when(name, "proxy-connection", hOther)
	case 17:
		if isFold(name, "transfer-encoding") {
			return hOther
		}
		return when(name, "if-modified-since", hOther)
	case 19:
		return when(name, "if-unmodified-since", hOther)
	}
	return hFree
}

func when(name []byte, known string, h header) header {
	if isFold(name, known) {
		return h
	}
	return hFree
}

// isFold compares ASCII; lower is in lower case.
func isFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// hostLike is a name or address with or without a port.
func hostLike(b []byte) bool {
	for _, c := range b {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		if !letter && !digit && c != '.' && c != '-' && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return true
}

// class says which bytes belong to something.
type class [256]bool

var (
	target1 = classOf(func(c byte) bool { return c > ' ' && c < 0x7f && c != '#' })
	value1  = classOf(func(c byte) bool { return c >= ' ' && c < 0x7f || c == '\t' })
	token1  = classOf(func(c byte) bool {
		return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0
	})
)

func classOf(in func(byte) bool) (k class) {
	for c := range 256 {
		k[c] = in(byte(c))
	}
	return k
}
