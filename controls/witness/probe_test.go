package witness_test

import (
	"crypto/rand"
	"testing"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"bonded.dev/controls/witness"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
)

func TestProbe(t *testing.T) {
	l := audittest.NewLog(t)
	l.Add("bonded-log/v1 genesis\n")
	look := func(name string, want audit.State, keys ...string) {
		t.Run(name, func(t *testing.T) {
			v := audittest.Visit(t, "npm", l.Pages())
			v.Witnesses = keys
			audittest.Look(t, witness.Probe, v, want)
		})
	}
	look("nobody signed", audit.NotHeld)
	var keys []string
	for _, name := range []string{"w1.example", "w2.example"} {
		private, public, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := f_note.NewSignerForCosignatureV1(private)
		if err != nil {
			t.Fatal(err)
		}
		l.Cosigners = append(l.Cosigners, signer)
		keys = append(keys, public)
	}
	look("strangers signed", audit.Unknown)
	look("one is known", audit.Unknown, keys[0])
	look("one is known twice", audit.Unknown, keys[0], keys[0])
	look("two are known", audit.Held, keys...)
	_, other, err := note.GenerateKey(rand.Reader, "w1.example")
	if err != nil {
		t.Fatal(err)
	}
	look("one uses a known name", audit.Unknown, other, keys[1])
	audittest.Look(t, witness.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.NotHeld)
}
