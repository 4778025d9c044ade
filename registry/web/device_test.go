package web

import (
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/login"
	"bonded.dev/registry/signin"
	"bonded.dev/registry/web/webtest"
)

// begins is a program that asks to act for somebody.
func (s *stage) begins(t *testing.T, scopes ...string) login.Begun {
	t.Helper()
	var list []identity.Scope
	for _, text := range scopes {
		sc, err := identity.ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, sc)
	}
	b, err := s.logins.Begin(t.Context(), login.Program{Name: "npm", Where: "Linux"}, list)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (s *stage) polls(t *testing.T, b login.Begun, state string) login.Answer {
	t.Helper()
	a, err := s.logins.Poll(t.Context(), b.Secret.Reveal(), false)
	if err != nil || a.State != state {
		t.Fatalf("poll: %q %v, want %q", a.State, err, state)
	}
	return a
}

// TestAPersonLetsAProgramIn goes from the address that a client prints to a token
// that does what the person left of what was asked.
func TestAPersonLetsAProgramIn(t *testing.T) {
	browsers(t, func(t *testing.T, s *stage, h webtest.Hand) {
		enrols(t, s, h, "alice")
		b := s.begins(t, "publish,tag,yank,delete:npm/*")
		s.later(signin.StepUpLife + time.Minute)
		h.Opens("/" + b.Page)
		webtest.IsAt(t, h, "/device")
		webtest.Sees(t, h, "Type the code", "at the end of the address")
		if strings.Contains(h.HTML(), b.Code) {
			t.Error("the page repeats the code of the address, so that nobody has to look at the program")
		}
		h.Presses("/device", "code", "BBBB-BBBB")
		webtest.Sees(t, h, "No program waits for this code")
		h.Presses("/device", "code", strings.ToLower(b.Code))
		webtest.IsAt(t, h, "/account/confirm")
		h.Presses("/account/confirm")
		webtest.IsAt(t, h, "/device/login/"+b.Code)
		webtest.Sees(t, h, "calls itself “npm”, on Linux", "asked 6 minutes ago", b.Code, "Delete releases")
		h.Presses("/allow", "target0", "npm/left-pad", "days", "7", "actions0", "publish", "actions0", "tag")
		webtest.Sees(t, h, "You can go back to your program")
		a := s.polls(t, b, login.Allowed)
		if got := strings.Join(a.Stored.Scopes, " "); got != "publish,tag:npm/left-pad" || a.Stored.Expires.Sub(a.Stored.Created) != 7*24*time.Hour || a.Stored.User != "alice" {
			t.Errorf("%s until %s for %s", got, a.Stored.Expires, a.Stored.User)
		}
		h.Opens("/account/tokens")
		webtest.Sees(t, h, "npm on Linux", "for a program that asked")
		s.happened(t, "alice", "login.ask", "login.allow", "token.add")
	})
}

// TestAddressesLetNobodyIn: what a stranger can make somebody open does nothing
// before the code was typed, and nothing for another account.
func TestAddressesLetNobodyIn(t *testing.T) {
	s := open(t)
	alice, bob := webtest.NewPlain(t, s.URL), webtest.NewPlain(t, s.URL)
	enrols(t, s, alice, "alice")
	enrols(t, s, bob, "bob")
	b := s.begins(t, "publish:npm/*")
	for _, path := range []string{"/device/login/" + b.Code, "/device/login/none", "/device/confirm/none"} {
		alice.Opens(path)
		if alice.Page.Status != 404 {
			t.Errorf("%s: %s", path, alice.Page.Text())
		}
	}
	// The address answers the form as little as it fills it in.
	page, err := alice.Browser.Post(t.Context(), "device?code="+b.Code, nil)
	if err != nil || page.Status != 400 {
		t.Errorf("%s %v", page.Text(), err)
	}
	page, err = alice.Browser.Post(t.Context(), "device/login/"+b.Code+"/allow", map[string][]string{"actions0": {"publish"}, "target0": {"npm/*"}, "days": {"1"}})
	if err != nil || page.Status != 404 {
		t.Errorf("%s %v", page.Text(), err)
	}
	bob.Opens("/device")
	bob.Presses("/device", "code", b.Code)
	alice.Opens("/device")
	alice.Presses("/device", "code", b.Code)
	webtest.Sees(t, alice, "No program waits for this code")
	for what, fields := range map[string][]string{
		"did not ask for":            {"actions0", "delete"},
		"at least one thing":         {"actions0", ""},
		"one day or seven":           {"days", "90"},
		"hoose what kind of package": {"target0", "cargo/x"},
	} {
		bob.Opens("/device/login/" + b.Code)
		if what == "at least one thing" {
			page, err := bob.Browser.Submit(t.Context(), bob.Page, "/allow", map[string][]string{"actions0": nil})
			if err != nil || !strings.Contains(page.Body, what) {
				t.Errorf("%s: %s %v", what, page.Text(), err)
			}
			continue
		}
		bob.Presses("/allow", fields...)
		webtest.Sees(t, bob, what)
	}
	s.polls(t, b, login.Waits)
	bob.Opens("/device/login/" + b.Code)
	bob.Presses("/refuse")
	webtest.Sees(t, bob, "It was refused")
	s.polls(t, b, login.Refused)
	s.happened(t, "bob", "login.refuse")
}

// TestAPersonConfirmsAnAction, for a program that waits and for one that takes a
// code; either is good once, and for what it was made for.
func TestAPersonConfirmsAnAction(t *testing.T) {
	browsers(t, func(t *testing.T, s *stage, h webtest.Hand) {
		enrols(t, s, h, "alice")
		leftPad := bonded.Name{Ecosystem: "npm", Key: "left-pad", Display: "left-pad"}
		b, err := s.logins.AskProof(t.Context(), "alice", login.Program{Name: "npm"}, bonded.ActDelete, leftPad)
		if err != nil {
			t.Fatal(err)
		}
		s.later(signin.StepUpLife + time.Minute)
		h.Opens("/" + b.Page)
		webtest.IsAt(t, h, "/account/confirm")
		h.Presses("/account/confirm")
		webtest.IsAt(t, h, "/"+b.Page)
		webtest.Sees(t, h, "Delete releases of npm/left-pad?", "calls itself “npm”", "revoke the token")
		h.Presses("/allow")
		webtest.Sees(t, h, "You can go back to your program")
		proof := s.polls(t, b, login.Allowed).Proof
		check := func(proof string, action bonded.Action, want bool) {
			t.Helper()
			if err := s.pages.SignIn.CheckProof(t.Context(), "alice", proof, action, leftPad); (err == nil) != want {
				t.Errorf("%s with %q: %v", action, proof, err)
			}
		}
		check(proof, bonded.ActDelete, true)
		check(proof, bonded.ActDelete, false)

		h.Opens("/account/proof")
		h.Presses("/account/proof", "pattern", "left-pad", "action", "owner")
		webtest.Sees(t, h, "Change the owners of npm/left-pad")
		_, rest, _ := strings.Cut(h.HTML(), `class="secret">`)
		code, _, _ := strings.Cut(rest, "<")
		check(code, bonded.ActOwner, true)
	})
}
