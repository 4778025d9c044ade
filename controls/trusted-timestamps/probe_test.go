package trustedtimestamps_test

import (
	"crypto/rand"
	"testing"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	trustedtimestamps "bonded.dev/controls/trusted-timestamps"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
)

func TestProbe(t *testing.T) {
	l := audittest.NewLog(t)
	l.Add("bonded-log/v1 genesis\n")
	look := func(want audit.State) {
		t.Helper()
		audittest.Look(t, trustedtimestamps.Probe, audittest.Visit(t, "npm", l.Pages()), want)
	}
	look(audit.NotHeld)
	private, _, err := note.GenerateKey(rand.Reader, "w.example")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	l.Cosigners = []note.Signer{plain}
	look(audit.NotHeld)
	timed, err := f_note.NewSignerForCosignatureV1(private)
	if err != nil {
		t.Fatal(err)
	}
	l.Cosigners = []note.Signer{timed}
	look(audit.Unknown)
	audittest.Look(t, trustedtimestamps.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.NotHeld)
	audittest.Look(t, trustedtimestamps.Probe, audittest.Visit(t, "go", audittest.Pages{}), audit.Unknown)
}
