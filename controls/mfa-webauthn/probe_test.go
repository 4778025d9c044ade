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
	const says = "/.well-known/repository-security.json"
	v := audittest.Visit(t, "npm", audittest.Pages{
		"/signin":         {Body: `<form method="post" action="/k" data-passkey="get" data-options="/k/options">`},
		"POST /k/options": {Body: `{"options":{"publicKey":{"challenge":"x","rpId":"registry.example","userVerification":"required"}}}`},
		says:              {Body: `{"format":"repository-security/v1","accounts":{"signIn":"/signin"}}`},
	})
	// What the document says is of its own host.
	f := audittest.Look(t, mfawebauthn.Probe, v, audit.Unknown)
	if len(f.Evidence) != 1 {
		t.Errorf("an address that is none was asked: %+v", f.Evidence)
	}
}

// TestBegin begins a sign-in, as the page says.
func TestBegin(t *testing.T) {
	for body, want := range map[string]audit.State{
		`{"options":{"publicKey":{"challenge":"x","rpId":"registry.example","userVerification":"required"}}}`: audit.Held,
		`{"options":{}}`: audit.Unknown,
	} {
		pages := audittest.Pages{
			"/signin":         {Body: `<form method="post" action="/k" data-passkey="get" data-options="/k/options">`},
			"POST /k/options": {Body: body},
		}
		v := audittest.Visit(t, "npm", pages)
		pages["/.well-known/repository-security.json"] = audittest.Page{Body: `{"format":"repository-security/v1","accounts":{"signIn":"` + v.Site.Base + `signin"}}`}
		audittest.Look(t, mfawebauthn.Probe, v, want)
	}
}
