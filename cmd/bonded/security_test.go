package main

import (
	"testing"

	"bonded.dev/prove/visit"
	visitors "bonded.dev/prove/visit/all"
	"bonded.dev/registry/serve"

	"github.com/go-json-experiment/json"
)

// TestSecurity: what the repository says of itself has the form that is
// documented, and follows the settings.
func TestSecurity(t *testing.T) {
	made, err := startVictim(t.Context(), nil, visitors.Dialects())
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	v := made.(*victim)
	get := func(path string) []byte {
		t.Helper()
		r, err := v.web.Get(t.Context(), visit.Resolve(v.url, path), "application/json")
		if err != nil || r.Status != 200 {
			t.Fatal(r.Status, err)
		}
		return r.Body
	}
	text := get("/.well-known/repository-security.json")
	valid(t, "security.schema.json", string(text))
	var s serve.Security
	if err := json.Unmarshal(text, &s, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	if a := s.Accounts; !a.AddressProof || a.NewDevice != "mail" || len(a.Notices) != 1 || a.Registration != "invite" {
		t.Errorf("with mail: %+v", a)
	}
	if got := len(s.TrustedPublishing.Issuers); s.TrustedPublishing.Issuers[got-1] != v.town.issuer.URL {
		t.Errorf("issuers: %v", s.TrustedPublishing.Issuers)
	}
	var pages serve.PasskeyPages
	if err := json.Unmarshal(get("/.well-known/passkey-endpoints"), &pages); err != nil || pages != s.Accounts.Passkeys {
		t.Errorf("%+v, %v", pages, err)
	}
	// The same rooms, configured otherwise.
	v.r.signin.Send, v.r.signin.Open = nil, true
	c := v.h.config
	c.Breached, c.BreachedURL, c.RDAP, c.TwoPerson = "file", "https://ranges.example/range", "https://rdap.example", "all"
	other := v.r.security(c)
	b, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, "security.schema.json", string(b))
	if a := other.Accounts; a.AddressProof || a.NewDevice != "refused" || len(a.Notices) != 0 || a.Registration != "open" ||
		len(a.BreachedPasswords) != 3 || len(a.LapsedDomains) != 2 || other.Publishing.TwoPerson != "all" {
		t.Errorf("configured otherwise: %+v %+v", a, other.Publishing)
	}
}
