package mfawebauthn_test

import (
	"testing"

	mfawebauthn "bonded.dev/controls/mfa-webauthn"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
)

func TestProbe(t *testing.T) {
	look := func(pages audittest.Pages, want audit.State) {
		t.Helper()
		audittest.Look(t, mfawebauthn.Probe, audittest.Visit(t, "npm", pages), want)
	}
	look(audittest.Pages{"/.well-known/passkey-endpoints": {Body: `{"enroll":"https://registry.example/keys"}`}}, audit.Held)
	look(audittest.Pages{"/.well-known/passkey-endpoints": {Body: `<html>`}}, audit.Unknown)
	look(audittest.Pages{}, audit.Unknown)
}
