package ledger_test

import (
	"bytes"
	"reflect"
	"testing"

	"bonded.dev/internal/logwire"
	"bonded.dev/registry/ledger"
)

// FuzzAnswer changes a true answer. Whatever is made of it, what it proves is
// true: it may leave texts and entries out, and can state no other.
func FuzzAnswer(f *testing.F) {
	l := newLog(f)
	l.fill(30, 7)
	signer, verifier := keys(f)
	asked := []string{"P one/p1", "R one/p2 1.0.0 p2-1.0.0.tgz", "P one/absent"}
	answer, err := l.prover(signer).Prove(f.Context(), ledger.Question{Records: asked, Chunks: true})
	if err != nil {
		f.Fatal(err)
	}
	text, err := answer.JSON()
	if err != nil {
		f.Fatal(err)
	}
	want, err := answer.Check(verifier, asked)
	if err != nil {
		f.Fatal(err)
	}
	// Parts of the true answer stay, or nothing would get past the signature.
	for parts := range uint8(8) {
		f.Add(text, text, parts)
	}
	f.Fuzz(func(t *testing.T, first, second []byte, parts uint8) {
		changed := answer
		a, errA := logwire.ReadAnswer(first)
		b, errB := logwire.ReadAnswer(second)
		if errA != nil || errB != nil {
			return
		}
		if parts&1 != 0 {
			changed.Seal = a.Seal
		}
		if parts&2 != 0 {
			changed.Records = b.Records
		}
		if parts&4 != 0 {
			changed.Checkpoint = a.Checkpoint
		}
		got, err := changed.Check(verifier, asked)
		if err != nil {
			return
		}
		if got.Checkpoint != want.Checkpoint || !reflect.DeepEqual(got.Seal, want.Seal) {
			t.Fatalf("proven under %+v and %+v", got.Checkpoint, got.Seal)
		}
		for i, k := range got.Records {
			w := want.Records[i]
			if k.Query != w.Query || k.Present != w.Present || k.State != w.State {
				t.Errorf("%s: %+v, want %+v", asked[i], k, w)
			}
			if k.Chunks != nil && !reflect.DeepEqual(k.Chunks, w.Chunks) || k.Entry != nil && (k.Index != w.Index || !bytes.Equal(k.Body, w.Body)) {
				t.Errorf("%s: %+v, want %+v", asked[i], k, w)
			}
		}
	})
}
