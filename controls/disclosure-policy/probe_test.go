package disclosurepolicy_test

import (
	"testing"

	disclosurepolicy "bonded.dev/controls/disclosure-policy"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
)

func TestProbe(t *testing.T) {
	const contact, later = "Contact: mailto:a@example.invalid\n", "Expires: 2026-12-31T00:00:00Z\n"
	look := func(text string, want audit.State, words ...string) {
		t.Helper()
		pages := audittest.Pages{
			"/.well-known/security.txt": {Body: text},
			"/policy":                   {Type: "text/html", Body: "<p>We will not take Legal Action against research in good faith."},
			"/short":                    {Body: "Write to us."},
		}
		audittest.Look(t, disclosurepolicy.Probe, audittest.Visit(t, "npm", pages), want, words...)
	}
	look("# hello\n"+contact+later+"Policy: /policy\n", audit.Held)
	look("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"+contact+later+"Policy: /policy\n-----BEGIN PGP SIGNATURE-----\n", audit.Held)
	look(contact+later+"Policy: /short\n", audit.Unknown)
	look(contact+later, audit.Unknown, "no policy")
	look(contact+later+"Policy: /gone\n", audit.NotHeld)
	look(contact+"Expires: 2026-01-01T00:00:00Z\n", audit.NotHeld, "expired")
	look(contact+"Expires: soon\n", audit.NotHeld)
	look(contact+later+later, audit.NotHeld)
	look(later, audit.NotHeld, "no contact")
	look("Contact: a@example.invalid\n"+later, audit.NotHeld)
	audittest.Look(t, disclosurepolicy.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.NotHeld)
	audittest.Look(t, disclosurepolicy.Probe, audittest.Visit(t, "npm", audittest.Pages{
		"/.well-known/security.txt": {Type: "text/html", Body: contact + later},
	}), audit.NotHeld)
}
