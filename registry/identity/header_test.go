package identity

import (
	"encoding/base64"
	"strings"
	"testing"

	"bonded.dev"
)

// FuzzAuthorization reads any Authorization header. What comes out of a good
// one stands in it as the client sent it, and an error never shows what was sent.
func FuzzAuthorization(f *testing.F) {
	token := newSecret(tokenPrefix).Reveal()
	for _, s := range []string{
		"Bearer " + token, "bearer  " + token + " ", "Basic " + base64.StdEncoding.EncodeToString([]byte(tokenUser+":"+token)),
		"Basic " + base64.StdEncoding.EncodeToString([]byte("alice:secret")), "Basic ????", "Digest x", "Bearer", " ",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		text, err := tokenIn(header)
		if err != nil {
			kind, _, public := bonded.Explain(err)
			_, credential, _ := strings.Cut(header, " ")
			if kind != bonded.Unauthorized || text != "" || len(credential) > 8 && strings.Contains(public, credential) {
				t.Fatalf("%q: %q, kind %d, %q", header, text, kind, public)
			}
			return
		}
		scheme, rest, _ := strings.Cut(header, " ")
		switch {
		case strings.EqualFold(scheme, "bearer"):
			if !strings.Contains(rest, text) {
				t.Fatalf("%q holds the token %q", header, text)
			}
		default:
			b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
			if err != nil || string(b) != tokenUser+":"+text {
				t.Fatalf("%q holds the password %q", header, text)
			}
		}
	})
}
