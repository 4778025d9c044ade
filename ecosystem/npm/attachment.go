package npm

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"bonded.dev"
)

// diverted is how long a base64 string must be to be taken out of the body,
// bytes. Shorter ones are cheaper to leave in.
const diverted = 64 << 10

// splitter takes the long base64 strings out of a JSON text while it streams by.
type splitter struct {
	threshold int // strings longer than this are taken out
	most      int // bytes of what is left; more is TooLarge
	keep      func(io.Reader) error
	in        *bufio.Reader
	rest      []byte
	// ends holds, for each string taken out, where in rest the empty string
	// that stands for it ends. The place cannot be forged from inside the text,
	// as any placeholder of letters could.
	ends []int
}

// split reads the text to its end. Each string longer than the threshold that
// is all base64 goes through keep, decoded; everything else lands in rest.
func (s *splitter) split(r io.Reader) error {
	s.in = bufio.NewReaderSize(r, 32<<10)
	for {
		err := s.copyTo('"')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.string(); err != nil {
			return err
		}
	}
}

// copyTo moves bytes to rest up to and with the first delim. io.EOF means that
// the text ended before it.
func (s *splitter) copyTo(delim byte) error {
	for {
		run, err := s.in.ReadSlice(delim)
		s.rest = append(s.rest, run...)
		if len(s.rest) > s.most {
			return bonded.Errorf(bonded.TooLarge, "the request has more than %d MB besides the tarball", s.most>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// string moves one string, whose opening quote is in rest.
func (s *splitter) string() error {
	start, checked := len(s.rest), false
	for {
		run, err := s.in.ReadSlice('"')
		s.rest = append(s.rest, run...)
		closed := err == nil && !escaped(s.rest[start:])
		content := s.rest[start:]
		if closed {
			content = content[:len(content)-1]
		}
		if !checked && len(content) > s.threshold {
			checked = true
			if isBase64(content) {
				return s.divert(start, bytes.Clone(content), closed)
			}
		}
		if len(s.rest) > s.most {
			return bonded.Errorf(bonded.TooLarge, "the request has more than %d MB besides the tarball", s.most>>20)
		}
		switch {
		case closed:
			return nil
		case err == io.EOF:
			return nil // the parser says what is wrong with rest
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// escaped reports whether the quote at the end of a string is one of its letters.
func escaped(s []byte) bool {
	body := s[:len(s)-1]
	slashes := len(body) - len(bytes.TrimRight(body, `\`))
	return slashes%2 == 1
}

func isBase64(b []byte) bool {
	for _, c := range b {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=') {
			return false
		}
	}
	return true
}

// divert hands one string to keep: what was read of it, then what follows.
func (s *splitter) divert(start int, head []byte, closed bool) error {
	tail := &stringTail{in: s.in, closed: closed}
	raw := &letters{r: io.MultiReader(bytes.NewReader(head), tail)}
	if err := s.keep(base64.NewDecoder(base64.StdEncoding.Strict(), raw)); err != nil {
		var corrupt base64.CorruptInputError
		if errors.As(err, &corrupt) || errors.Is(err, errNotBase64) || errors.Is(err, io.ErrUnexpectedEOF) {
			return notBase64()
		}
		return err
	}
	if _, err := tail.Read(make([]byte, 1)); err != io.EOF {
		return notBase64()
	}
	s.rest = append(s.rest[:start], '"')
	s.ends = append(s.ends, len(s.rest))
	return nil
}

func notBase64() error {
	return bonded.Errorf(bonded.Invalid, "the tarball in the request is not whole base64")
}

var errNotBase64 = errors.New("not base64")

// letters refuses what the streaming decoder would let through: line ends,
// which it skips, and letters after the padding, which it takes for the start
// of another text. Everything else it refuses by itself.
type letters struct {
	r      io.Reader
	padded bool
}

func (l *letters) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for _, c := range p[:n] {
		if c == '\r' || c == '\n' || l.padded && c != '=' {
			return 0, errNotBase64
		}
		l.padded = l.padded || c == '='
	}
	return n, err
}

// stringTail yields the letters of a JSON string up to its closing quote. It
// knows no escapes: a backslash is no letter of base64 either.
type stringTail struct {
	in     *bufio.Reader
	closed bool
}

func (t *stringTail) Read(p []byte) (int, error) {
	if t.closed {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if _, err := t.in.Peek(1); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	run, _ := t.in.Peek(t.in.Buffered())
	n := bytes.IndexByte(run, '"')
	if n == 0 {
		t.closed = true
		_, err := t.in.Discard(1) // it is buffered
		if err == nil {
			err = io.EOF
		}
		return 0, err
	}
	if n < 0 {
		n = len(run)
	}
	n = copy(p, run[:n])
	_, err := t.in.Discard(n)
	return n, err
}

// decodeInline decodes an attachment that was short enough to stay in the body.
func decodeInline(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, notBase64()
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, notBase64()
	}
	return b, nil
}
