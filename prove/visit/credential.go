package visit

import (
	"encoding/base64"
	"strings"
)

// Bearer is the Authorization header of a client that sends tokens as bearer
// tokens, as npm does; "" for nobody.
func (c Credential) Bearer() string {
	switch {
	case c == "":
		return ""
	case c.isPair():
		return basic(string(c))
	}
	return "Bearer " + string(c)
}

// Basic is the Authorization header of a client that has nothing but user and
// password, and sends tokens as the password of a fixed user, as twine does
// with "__token__"; "" for nobody.
func (c Credential) Basic(user string) string {
	switch {
	case c == "":
		return ""
	case c.isPair():
		return basic(string(c))
	}
	return basic(user + ":" + string(c))
}

func (c Credential) isPair() bool { return strings.Contains(string(c), ":") }

func basic(pair string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}
