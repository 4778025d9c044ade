package logwire

import (
	"testing"

	"bonded.dev"
)

// FuzzParseCheckpoint reads the text under a signature, of which a log that
// was taken over may sign any: one text has one meaning.
func FuzzParseCheckpoint(f *testing.F) {
	f.Add(Checkpoint{Origin: "log.example/1", Size: 42, Root: bonded.DigestOf(nil)}.text())
	f.Add([]byte("log.example/1\n042\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"))
	f.Add([]byte("log.example/1\n9223372036854775807\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseCheckpoint(text)
		if err != nil {
			return
		}
		if string(c.text()) != string(text) || int64(c.Size) < 0 {
			t.Fatalf("%q is read as %+v, which is written %q", text, c, c.text())
		}
	})
}
