package bonded

import (
	"errors"
	"fmt"
)

// Kind says what sort of answer an error is. The zero Kind is Internal: an
// error nobody classified tells the caller nothing.
type Kind int

const (
	Internal     Kind = iota // our fault; the public text says only that
	Invalid                  // the request cannot be understood
	Unauthorized             // no credential, or one that is not valid
	Forbidden                // a valid credential without this right
	NotFound                 // no such thing
	Conflict                 // it exists already and means something else
	Refused                  // a control said no
	TooLarge                 // more bytes than we take
	Unsupported              // a thing we know of and do not do
	Unavailable              // try again later; nothing was changed
	TooMany                  // slow down
)

// Error has a public half, which the client prints, and a private half, which
// stays in our log. Public says what happened, why, and what to do next.
type Error struct {
	Kind    Kind
	Control string // id of the control that refused, if one did
	Public  string
	Err     error // private cause
}

func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Public
	case e.Public == "":
		return e.Err.Error()
	}
	return e.Public + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error whose text is public.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Public: fmt.Sprintf(format, args...)}
}

// Refusal is what a control answers. Its id ends the text, so that whoever reads
// it at a client knows what to look up.
func Refusal(k Kind, control, format string, args ...any) *Error {
	return &Error{Kind: k, Control: control, Public: fmt.Sprintf(format, args...) + " [" + control + "]"}
}

// Explain returns the public half of any error. What nobody classified is
// Internal and says nothing of its cause.
func Explain(err error) (k Kind, control, public string) {
	var e *Error
	if errors.As(err, &e) && e.Kind != Internal {
		return e.Kind, e.Control, e.Public
	}
	return Internal, "", "the repository met an error of its own; nothing was changed; try again, and tell its administrator if it stays"
}
