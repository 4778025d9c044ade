package web

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"bonded.dev/registry/signin"

	"github.com/pquerna/otp/totp"
)

// browsers run a story in a real browser and in one without scripts.
func browsers(t *testing.T, story func(t *testing.T, s *stage, h hand)) {
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		story(t, s, newPlain(t, s))
	})
	t.Run("chromium", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		c := newChromium(t, s)
		story(t, s, c)
		c.content()
	})
}

// enrols takes an account into use with a passkey, and keeps its codes.
func enrols(t *testing.T, s *stage, h hand, user string) (codes []string) {
	t.Helper()
	h.opens(s.link(t, user))
	h.presses("/enrol")
	isAt(t, h, "/account/security")
	sees(t, h, "Next: Add a passkey", "None yet")
	h.opens("/account/passkeys")
	h.presses("/account/passkeys", "label", "Laptop")
	isAt(t, h, "/account/security")
	sees(t, h, "The passkey was added", "Laptop", "Next: Keep recovery codes")
	h.opens("/account/codes")
	h.presses("/account/codes")
	codes = regexp.MustCompile(`[a-z0-9]{4}(-[a-z0-9]{4}){3}`).FindAllString(h.html(), -1)
	if len(codes) != 10 {
		t.Fatalf("the page shows %d codes:\n%s", len(codes), h.text())
	}
	h.opens("/account/security")
	sees(t, h, "Next: Finish")
	h.presses("/account/finish")
	isAt(t, h, "/account")
	sees(t, h, "Your account is ready", user)
	return codes
}

// TestAPersonComes goes from the link of an administrator to a token.
func TestAPersonComes(t *testing.T) {
	browsers(t, func(t *testing.T, s *stage, h hand) {
		enrols(t, s, h, "alice")
		s.happened(t, "alice", "user.enrol", "passkey.add", "recovery.codes")

		h.presses("/signout")
		isAt(t, h, "/signin")
		h.opens("/account/tokens")
		isAt(t, h, "/signin")
		h.presses("/signin/passkey")
		isAt(t, h, "/account/tokens")
		sees(t, h, "You have no token that works")

		h.opens("/account/tokens/new")
		isAt(t, h, "/account/tokens/new") // signing in with a passkey was a proof
		s.later(signin.StepUpLife + time.Minute)
		h.presses("/account/tokens/new", "label", "release job", "pattern", "left-pad", "actions", "publish", "actions", "yank", "days", "30")
		sees(t, h, "step_up_required", "Nothing was changed")
		h.opens(linkIn(t, h, "/account/confirm?"))
		h.presses("/account/confirm")
		isAt(t, h, "/account/tokens/new")
		if !strings.Contains(h.html(), `value="release job"`) || !strings.Contains(h.html(), `value="left-pad"`) {
			t.Errorf("what was typed is gone after the confirmation:\n%s", h.html())
		}
		h.presses("/account/tokens/new")
		sees(t, h, "Your new token", "publish,yank:", "/left-pad", "TOKEN")
		s.happened(t, "alice", "stepup.ok", "token.add")
		if !regexp.MustCompile(`bnd_[0-9A-Za-z]{36}`).MatchString(h.text()) {
			t.Errorf("there is no token on the page:\n%s", h.text())
		}
		h.opens("/account/tokens")
		sees(t, h, "release job", "Never used")
		if strings.Contains(h.html(), "bnd_") {
			t.Error("the list shows the token again")
		}
		tokens, err := s.book.Tokens(t.Context(), "alice")
		if err != nil || len(tokens) != 1 {
			t.Fatalf("%v %v", tokens, err)
		}
		if days := tokens[0].Expires.Sub(tokens[0].Created); days != 30*24*time.Hour {
			t.Errorf("the token lives %v", days)
		}
		h.presses("/revoke")
		sees(t, h, "The token was revoked", "You have no token that works", "Ended tokens")
		s.happened(t, "alice", "token.revoke")
	})
}

// linkIn finds a link of a page by how it begins.
func linkIn(t *testing.T, h hand, begin string) string {
	t.Helper()
	_, rest, ok := strings.Cut(h.html(), `href="`+begin)
	if !ok {
		t.Fatalf("%s has no link %s", h.at(), begin)
	}
	link, _, _ := strings.Cut(rest, `"`)
	return begin + strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(link)
}

// addsApp sets up an authenticator app and returns its seed.
func addsApp(t *testing.T, s *stage, h hand) (seed string) {
	t.Helper()
	h.opens("/account/totp")
	h.presses("/account/totp/begin")
	_, rest, _ := strings.Cut(h.html(), `name="uri" value="`)
	text, _, _ := strings.Cut(rest, `"`)
	u, err := url.Parse(strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	seed = u.Query().Get("secret")
	h.presses("/account/totp", "code", "000000")
	sees(t, h, "code is wrong")
	if !strings.Contains(h.html(), `src="data:image/png;base64,`) {
		t.Error("the picture is gone after a wrong code")
	}
	h.presses("/account/totp", "code", codeOf(t, s, seed))
	return seed
}

func codeOf(t *testing.T, s *stage, seed string) string {
	t.Helper()
	code, err := totp.GenerateCode(seed, s.clock())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

const password = "seven grey herons at dusk"

// TestAPasswordAndAnApp: a person without passkeys signs in from a device that
// is known, and from one that is not.
func TestAPasswordAndAnApp(t *testing.T) {
	browsers(t, func(t *testing.T, s *stage, h hand) {
		h.opens(s.link(t, "bob"))
		h.presses("/enrol")
		seed := addsApp(t, s, h)
		isAt(t, h, "/account/password")
		h.presses("/account/password", "password", "password1234")
		sees(t, h, "New password")
		h.presses("/account/password", "password", password)
		isAt(t, h, "/account/security")
		h.presses("/account/finish")
		isAt(t, h, "/account")
		s.happened(t, "bob", "totp.add", "password.set", "user.enrol")
		h.opens("/account/email")
		h.presses("/account/email", "email", "bob@example.org")
		h.opens(s.mail(t, "verify"))
		h.presses("/email")
		sees(t, h, "The address is proven")

		h.opens("/account")
		h.presses("/signout")
		h.presses("/signin/password", "user", "bob", "password", "not this one at all")
		sees(t, h, "wrong")
		h.presses("/signin/password", "user", "bob", "password", password)
		isAt(t, h, "/signin/code")
		s.later(time.Minute)
		h.presses("/signin/code", "code", codeOf(t, s, seed))
		isAt(t, h, "/account")
		s.happened(t, "bob", "email.verify", "signin.ok", "signin.refuse")

		h.opens("/account/tokens/new")
		isAt(t, h, "/account/confirm")
		sees(t, h, "needs a passkey, and your account has none")

		forgets(h)
		h.opens("/signin")
		h.presses("/signin/password", "user", "bob", "password", password)
		s.later(time.Minute)
		h.presses("/signin/code", "code", codeOf(t, s, seed))
		isAt(t, h, "/signin/device")
		h.presses("/signin/resume")
		isAt(t, h, "/signin/resume") // nothing without the link
		h.opens(s.mail(t, "device"))
		sees(t, h, "Are you signing in right now?")
		h.presses("/signin/device")
		isAt(t, h, "/signin/device")
		h.presses("/signin/resume")
		isAt(t, h, "/account")
		s.happened(t, "bob", "signin.device")
	})
}

func forgets(h hand) {
	switch h := h.(type) {
	case *plain:
		h.b.Forget()
	case *chromium:
		h.forgets()
	}
}

// TestSessionsEnd: one sees where one is signed in and ends it.
func TestSessionsEnd(t *testing.T) {
	browsers(t, func(t *testing.T, s *stage, h hand) {
		enrols(t, s, h, "carol")
		thief := newPlain(t, s)
		if p, ok := h.(*plain); ok {
			thief.b = p.b.Steal()
			forgets(h)
			h.opens("/signin")
			h.presses("/signin/passkey")
			isAt(t, h, "/account")
			thief.opens("/account")
			isAt(t, thief, "/account")
			h.opens("/account/sessions")
			sees(t, h, "this one", "Sign out", "End")
			h.presses("/end-others")
			sees(t, h, "All other sessions were ended")
			thief.opens("/account")
			isAt(t, thief, "/signin")
			s.happened(t, "carol", "session.end-all")
			return
		}
		h.opens("/account/sessions")
		sees(t, h, "this one", "Sign out")
		h.presses("/end")
		isAt(t, h, "/signin")
		h.opens("/account")
		isAt(t, h, "/signin")
		s.happened(t, "carol", "session.end")
	})
}

// TestRecovery: a code and the mailbox bring a person back, after three days in
// which everybody hears of it, and what was there before ends.
func TestRecovery(t *testing.T) {
	browsers(t, func(t *testing.T, s *stage, h hand) {
		codes := enrols(t, s, h, "dave")
		h.opens("/account/email")
		h.presses("/account/email", "email", "dave@example.org")
		h.opens(s.mail(t, "verify"))
		h.presses("/email")

		stranger := newPlain(t, s)
		stranger.opens("/recover")
		stranger.presses("/recover", "user", "nobody-here")
		same := stranger.text()
		stranger.opens("/recover")
		stranger.presses("/recover", "user", "dave")
		if stranger.text() != same {
			t.Errorf("the page tells names that exist from others:\n%s\n%s", same, stranger.text())
		}
		link := s.mail(t, "recover")
		stranger.opens(link)
		stranger.presses("/recover/begin", "code", "aaaa-aaaa-aaaa-aaaa")
		sees(t, stranger, "wrong")
		stranger.presses("/recover/begin", "code", codes[0])
		sees(t, stranger, "The recovery has begun")
		s.happened(t, "dave", "recovery.ask", "recovery.code-used")

		h.opens("/account/security") // the owner is still there, sees it and ends it
		sees(t, h, "handed to whoever asked for its recovery")
		h.presses("/cancel")
		sees(t, h, "It was cancelled")
		s.happened(t, "dave", "change.cancel")

		stranger.opens("/recover")
		stranger.presses("/recover", "user", "dave")
		stranger.opens(s.mail(t, "recover"))
		stranger.presses("/recover/begin", "code", codes[1])
		s.later(71 * time.Hour)
		s.due(t)
		s.mu.Lock()
		early := len(s.mails)
		s.mu.Unlock()
		if early != 0 {
			t.Errorf("a mail came before the time: %v", s.mails)
		}
		s.later(time.Hour + time.Minute)
		s.due(t)
		stranger.opens(s.mail(t, "enrol"))
		stranger.presses("/enrol")
		sees(t, stranger, "Set up your account", "None yet")
		stranger.opens("/account/passkeys")
		stranger.presses("/account/passkeys", "label", "New laptop")
		sees(t, stranger, "New laptop")
		if strings.Contains(stranger.text(), "Laptop ") {
			t.Errorf("the old passkey is shown to whoever recovers:\n%s", stranger.text())
		}
		stranger.presses("/account/finish")
		isAt(t, stranger, "/account")
		h.opens("/account")
		isAt(t, h, "/signin")
		s.happened(t, "dave", "recovery.done")
		stranger.opens("/account/security")
		sees(t, stranger, "New laptop")
	})
}

// TestWrongOrigin: a page that only looks like ours gets nothing from a passkey.
func TestWrongOrigin(t *testing.T) {
	s := open(t)
	p := newPlain(t, s)
	enrols(t, s, p, "erin")
	p.opens("/account")
	p.presses("/signout")
	p.b.Origin = "http://localhost.evil.example"
	p.presses("/signin/passkey")
	isAt(t, p, "/signin/passkey")
	if p.page.Status < 400 {
		t.Errorf("%d %s", p.page.Status, p.text())
	}
	p.opens("/account")
	isAt(t, p, "/signin")
}

// TestSigningUp: where it is open, a mail decides, and the page tells nobody
// which names are taken.
func TestSigningUp(t *testing.T) {
	s := open(t)
	p := newPlain(t, s)
	p.opens("/signup")
	p.presses("/signup", "user", "Frank!", "email", "frank@example.org")
	sees(t, p, "lower-case letters")
	p.presses("/signup", "user", "frank", "email", "frank@example.org")
	sees(t, p, "Look into your mail")
	p.opens(s.mail(t, "enrol"))
	p.presses("/enrol")
	isAt(t, p, "/account/security")
	sees(t, p, "frank@example.org", "proven on")
}

// TestWithoutScripts: what needs no passkey goes on, and what needs one says so.
func TestWithoutScripts(t *testing.T) {
	s := open(t)
	c := newChromium(t, s)
	c.scripts(false)
	c.opens("/signin")
	sees(t, c, "Passkeys need JavaScript")
	c.opens(s.link(t, "grace"))
	c.presses("/enrol")
	isAt(t, c, "/account/security")
	c.opens("/account/passkeys")
	sees(t, c, "Switch it on for this site to add one")
	seed := addsApp(t, s, c)
	c.presses("/account/password", "password", password)
	c.presses("/account/finish")
	isAt(t, c, "/account")
	c.presses("/signout")
	c.presses("/signin/password", "user", "grace", "password", password)
	s.later(time.Minute)
	c.presses("/signin/code", "code", codeOf(t, s, seed))
	isAt(t, c, "/account")
	c.content()
}
