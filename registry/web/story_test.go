package web

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"bonded.dev/registry/signin"
	"bonded.dev/registry/web/webtest"

	"github.com/pquerna/otp/totp"
)

// browsers run a story in a real browser and in one without scripts.
func browsers(t *testing.T, story func(t *testing.T, s *stage, h webtest.Hand)) {
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		story(t, s, webtest.NewPlain(t, s.URL))
	})
	t.Run("chromium", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		c := webtest.NewChromium(t, s.URL)
		story(t, s, c)
		c.Content()
	})
}

// enrols takes an account into use with a passkey, and keeps its codes.
func enrols(t *testing.T, s *stage, h webtest.Hand, user string) (codes []string) {
	t.Helper()
	h.Opens(s.link(t, user))
	h.Presses("/enrol")
	webtest.IsAt(t, h, "/account/security")
	webtest.Sees(t, h, "Next: Add a passkey", "None yet")
	h.Opens("/account/passkeys")
	h.Presses("/account/passkeys", "label", "Laptop")
	webtest.IsAt(t, h, "/account/security")
	webtest.Sees(t, h, "The passkey was added", "Laptop", "Next: Keep recovery codes")
	h.Opens("/account/codes")
	h.Presses("/account/codes")
	codes = regexp.MustCompile(`[a-z0-9]{4}(-[a-z0-9]{4}){3}`).FindAllString(h.HTML(), -1)
	if len(codes) != 10 {
		t.Fatalf("the page shows %d codes:\n%s", len(codes), h.Text())
	}
	h.Opens("/account/security")
	webtest.Sees(t, h, "Next: Finish")
	h.Presses("/account/finish")
	webtest.IsAt(t, h, "/account")
	webtest.Sees(t, h, "Your account is ready", user)
	return codes
}

// TestAPersonComes goes from the link of an administrator to a token.
func TestAPersonComes(t *testing.T) {
	browsers(t, func(t *testing.T, s *stage, h webtest.Hand) {
		enrols(t, s, h, "alice")
		s.happened(t, "alice", "user.enrol", "passkey.add", "recovery.codes")

		h.Presses("/signout")
		webtest.IsAt(t, h, "/signin")
		h.Opens("/account/tokens")
		webtest.IsAt(t, h, "/signin")
		h.Presses("/signin/passkey")
		webtest.IsAt(t, h, "/account/tokens")
		webtest.Sees(t, h, "You have no token that works")

		h.Opens("/account/tokens/new")
		webtest.IsAt(t, h, "/account/tokens/new") // signing in with a passkey was a proof
		s.later(signin.StepUpLife + time.Minute)
		h.Presses("/account/tokens/new", "label", "release job", "pattern", "left-pad", "actions", "publish", "actions", "yank", "days", "30")
		webtest.Sees(t, h, "step_up_required", "Nothing was changed")
		h.Opens(linkIn(t, h, "/account/confirm?"))
		h.Presses("/account/confirm")
		webtest.IsAt(t, h, "/account/tokens/new")
		if !strings.Contains(h.HTML(), `value="release job"`) || !strings.Contains(h.HTML(), `value="left-pad"`) {
			t.Errorf("what was typed is gone after the confirmation:\n%s", h.HTML())
		}
		h.Presses("/account/tokens/new")
		webtest.Sees(t, h, "Your new token", "publish,yank:", "/left-pad", "TOKEN")
		s.happened(t, "alice", "stepup.ok", "token.add")
		if !regexp.MustCompile(`bnd_[0-9A-Za-z]{36}`).MatchString(h.Text()) {
			t.Errorf("there is no token on the page:\n%s", h.Text())
		}
		h.Opens("/account/tokens")
		webtest.Sees(t, h, "release job", "Never used")
		if strings.Contains(h.HTML(), "bnd_") {
			t.Error("the list shows the token again")
		}
		tokens, err := s.book.Tokens(t.Context(), "alice")
		if err != nil || len(tokens) != 1 {
			t.Fatalf("%v %v", tokens, err)
		}
		if days := tokens[0].Expires.Sub(tokens[0].Created); days != 30*24*time.Hour {
			t.Errorf("the token lives %v", days)
		}
		h.Presses("/revoke")
		webtest.Sees(t, h, "The token was revoked", "You have no token that works", "Ended tokens")
		s.happened(t, "alice", "token.revoke")
	})
}

// linkIn finds a link of a page by how it begins.
func linkIn(t *testing.T, h webtest.Hand, begin string) string {
	t.Helper()
	_, rest, ok := strings.Cut(h.HTML(), `href="`+begin)
	if !ok {
		t.Fatalf("%s has no link %s", h.At(), begin)
	}
	link, _, _ := strings.Cut(rest, `"`)
	return begin + strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(link)
}

// addsApp sets up an authenticator app and returns its seed.
func addsApp(t *testing.T, s *stage, h webtest.Hand) (seed string) {
	t.Helper()
	h.Opens("/account/totp")
	h.Presses("/account/totp/begin")
	_, rest, _ := strings.Cut(h.HTML(), `name="uri" value="`)
	text, _, _ := strings.Cut(rest, `"`)
	u, err := url.Parse(strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	seed = u.Query().Get("secret")
	h.Presses("/account/totp", "code", "000000")
	webtest.Sees(t, h, "code is wrong")
	if !strings.Contains(h.HTML(), `src="data:image/png;base64,`) {
		t.Error("the picture is gone after a wrong code")
	}
	h.Presses("/account/totp", "code", codeOf(t, s, seed))
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
	browsers(t, func(t *testing.T, s *stage, h webtest.Hand) {
		h.Opens(s.link(t, "bob"))
		h.Presses("/enrol")
		seed := addsApp(t, s, h)
		webtest.IsAt(t, h, "/account/password")
		h.Presses("/account/password", "password", "password1234")
		webtest.Sees(t, h, "New password")
		h.Presses("/account/password", "password", password)
		webtest.IsAt(t, h, "/account/security")
		h.Presses("/account/finish")
		webtest.IsAt(t, h, "/account")
		s.happened(t, "bob", "totp.add", "password.set", "user.enrol")
		h.Opens("/account/email")
		webtest.IsAt(t, h, "/account/confirm/code") // what the account has, typed once more
		s.later(time.Minute)
		h.Presses("/account/confirm/code", "password", password, "code", codeOf(t, s, seed))
		webtest.IsAt(t, h, "/account/email")
		h.Presses("/account/email", "email", "bob@example.org")
		h.Opens(s.mail(t, "verify"))
		h.Presses("/email")
		webtest.Sees(t, h, "The address is proven")

		h.Opens("/account")
		h.Presses("/signout")
		h.Presses("/signin/password", "user", "bob", "password", "not this one at all")
		webtest.Sees(t, h, "wrong")
		h.Presses("/signin/password", "user", "bob", "password", password)
		webtest.IsAt(t, h, "/signin/code")
		s.later(time.Minute)
		h.Presses("/signin/code", "code", codeOf(t, s, seed))
		webtest.IsAt(t, h, "/account")
		s.happened(t, "bob", "email.verify", "signin.ok", "signin.refuse")

		h.Opens("/account/tokens/new")
		webtest.IsAt(t, h, "/account/confirm")
		webtest.Sees(t, h, "needs a passkey, and your account has none")

		h.Opens("/account/codes")
		webtest.IsAt(t, h, "/account/confirm/code")
		h.Presses("/account/confirm/code", "password", password, "code", "000000")
		webtest.Sees(t, h, "wrong")
		s.later(time.Minute)
		h.Presses("/account/confirm/code", "password", password, "code", codeOf(t, s, seed))
		webtest.IsAt(t, h, "/account/codes")
		s.later(signin.StepUpLife + time.Second)
		h.Presses("/account/codes")
		webtest.Sees(t, h, "step_up_required", "Nothing was changed")
		h.Opens(linkIn(t, h, "/account/confirm/code?"))
		h.Presses("/account/confirm/code", "password", password, "code", codeOf(t, s, seed))
		webtest.IsAt(t, h, "/account/codes")
		h.Presses("/account/codes")
		s.happened(t, "bob", "stepup.ok", "recovery.codes")
		s.later(time.Minute)

		forgets(h)
		h.Opens("/signin")
		h.Presses("/signin/password", "user", "bob", "password", password)
		s.later(time.Minute)
		h.Presses("/signin/code", "code", codeOf(t, s, seed))
		webtest.IsAt(t, h, "/signin/device")
		h.Presses("/signin/resume")
		webtest.IsAt(t, h, "/signin/resume") // nothing without the link
		h.Opens(s.mail(t, "device"))
		webtest.Sees(t, h, "Are you signing in right now?")
		h.Presses("/signin/device")
		webtest.IsAt(t, h, "/signin/device")
		h.Presses("/signin/resume")
		webtest.IsAt(t, h, "/account")
		s.happened(t, "bob", "signin.device")
	})
}

func forgets(h webtest.Hand) {
	switch h := h.(type) {
	case *webtest.Plain:
		h.Browser.Forget()
	case *webtest.Chromium:
		h.Forgets()
	}
}

// TestSessionsEnd: one sees where one is signed in and ends it.
func TestSessionsEnd(t *testing.T) {
	browsers(t, func(t *testing.T, s *stage, h webtest.Hand) {
		enrols(t, s, h, "carol")
		thief := webtest.NewPlain(t, s.URL)
		if p, ok := h.(*webtest.Plain); ok {
			thief.Browser = p.Browser.Steal()
			forgets(h)
			h.Opens("/signin")
			h.Presses("/signin/passkey")
			webtest.IsAt(t, h, "/account")
			thief.Opens("/account")
			webtest.IsAt(t, thief, "/account")
			h.Opens("/account/sessions")
			webtest.Sees(t, h, "this one", "Sign out", "End")
			h.Presses("/end-others")
			webtest.Sees(t, h, "All other sessions were ended")
			thief.Opens("/account")
			webtest.IsAt(t, thief, "/signin")
			s.happened(t, "carol", "session.end-all")
			return
		}
		h.Opens("/account/sessions")
		webtest.Sees(t, h, "this one", "Sign out")
		h.Presses("/end")
		webtest.IsAt(t, h, "/signin")
		h.Opens("/account")
		webtest.IsAt(t, h, "/signin")
		s.happened(t, "carol", "session.end")
	})
}

// TestRecovery: a code and the mailbox bring a person back, after three days in
// which everybody hears of it, and what was there before ends.
func TestRecovery(t *testing.T) {
	browsers(t, func(t *testing.T, s *stage, h webtest.Hand) {
		codes := enrols(t, s, h, "dave")
		h.Opens("/account/email")
		h.Presses("/account/email", "email", "dave@example.org")
		h.Opens(s.mail(t, "verify"))
		h.Presses("/email")

		stranger := webtest.NewPlain(t, s.URL)
		stranger.Opens("/recover")
		stranger.Presses("/recover", "user", "nobody-here")
		same := stranger.Text()
		stranger.Opens("/recover")
		stranger.Presses("/recover", "user", "dave")
		if stranger.Text() != same {
			t.Errorf("the page tells names that exist from others:\n%s\n%s", same, stranger.Text())
		}
		link := s.mail(t, "recover")
		stranger.Opens(link)
		stranger.Presses("/recover/begin", "code", "aaaa-aaaa-aaaa-aaaa")
		webtest.Sees(t, stranger, "wrong")
		stranger.Presses("/recover/begin", "code", codes[0])
		webtest.Sees(t, stranger, "The recovery has begun")
		s.happened(t, "dave", "recovery.ask", "recovery.code-used")

		h.Opens("/account/security") // the owner is still there, sees it and ends it
		webtest.Sees(t, h, "handed to whoever asked for its recovery")
		h.Presses("/cancel")
		webtest.Sees(t, h, "It was cancelled")
		s.happened(t, "dave", "change.cancel")

		stranger.Opens("/recover")
		stranger.Presses("/recover", "user", "dave")
		stranger.Opens(s.mail(t, "recover"))
		stranger.Presses("/recover/begin", "code", codes[1])
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
		stranger.Opens(s.mail(t, "enrol"))
		stranger.Presses("/enrol")
		webtest.Sees(t, stranger, "Set up your account", "None yet")
		stranger.Opens("/account/passkeys")
		stranger.Presses("/account/passkeys", "label", "New laptop")
		webtest.Sees(t, stranger, "New laptop")
		if strings.Contains(stranger.Text(), "Laptop ") {
			t.Errorf("the old passkey is shown to whoever recovers:\n%s", stranger.Text())
		}
		stranger.Presses("/account/finish")
		webtest.IsAt(t, stranger, "/account")
		h.Opens("/account")
		webtest.IsAt(t, h, "/signin")
		s.happened(t, "dave", "recovery.done")
		stranger.Opens("/account/security")
		webtest.Sees(t, stranger, "New laptop")
	})
}

// TestWrongOrigin: a page that only looks like ours gets nothing from a passkey.
func TestWrongOrigin(t *testing.T) {
	s := open(t)
	p := webtest.NewPlain(t, s.URL)
	enrols(t, s, p, "erin")
	p.Opens("/account")
	p.Presses("/signout")
	p.Browser.Origin = "http://localhost.evil.example"
	p.Presses("/signin/passkey")
	webtest.IsAt(t, p, "/signin/passkey")
	if p.Page.Status < 400 {
		t.Errorf("%d %s", p.Page.Status, p.Text())
	}
	p.Opens("/account")
	webtest.IsAt(t, p, "/signin")
}

// TestSigningUp: where it is open, a mail decides, and the page tells nobody
// which names are taken.
func TestSigningUp(t *testing.T) {
	s := open(t)
	p := webtest.NewPlain(t, s.URL)
	p.Opens("/signup")
	p.Presses("/signup", "user", "Frank!", "email", "frank@example.org")
	webtest.Sees(t, p, "lower-case letters")
	p.Presses("/signup", "user", "frank", "email", "frank@example.org")
	webtest.Sees(t, p, "Look into your mail")
	p.Opens(s.mail(t, "enrol"))
	p.Presses("/enrol")
	webtest.IsAt(t, p, "/account/security")
	webtest.Sees(t, p, "frank@example.org", "proven on")
}

// TestAddressesOfNumbers: browsers keep no passkeys for 127.0.0.1, so who opens
// a page there is led to the name for which they do, and a passkey works.
func TestAddressesOfNumbers(t *testing.T) {
	s := open(t)
	c := webtest.NewChromium(t, strings.Replace(s.URL, "localhost", "127.0.0.1", 1))
	enrols(t, s, c, "alice")
	c.Presses("/signout")
	c.Opens("/account")
	c.Presses("/signin/passkey")
	webtest.IsAt(t, c, "/account")
}

// TestAStolenPassword: one that turns up in a list opens the form that changes
// it, and nothing else.
func TestAStolenPassword(t *testing.T) {
	s := open(t)
	p := webtest.NewPlain(t, s.URL)
	p.Opens(s.link(t, "heidi"))
	p.Presses("/enrol")
	seed := addsApp(t, s, p)
	p.Presses("/account/password", "password", password)
	p.Presses("/account/finish")
	p.Presses("/signout")
	s.mu.Lock()
	s.stolen = append(s.stolen, password)
	s.mu.Unlock()
	s.later(time.Minute)
	p.Presses("/signin/password", "user", "heidi", "password", password)
	p.Presses("/signin/code", "code", codeOf(t, s, seed))
	webtest.IsAt(t, p, "/account/security")
	webtest.Sees(t, p, "One thing first", "Choose another password")
	p.Opens("/account/tokens")
	webtest.IsAt(t, p, "/account/security")
	p.Opens("/account/password")
	p.Presses("/account/password", "password", password)
	webtest.Sees(t, p, "New password")
	p.Presses("/account/password", "password", "nine brown owls before dawn")
	p.Opens("/account")
	webtest.IsAt(t, p, "/account")
	s.happened(t, "heidi", "password.breached", "password.set")
}

// TestWithoutScripts: what needs no passkey goes on, and what needs one says so.
func TestWithoutScripts(t *testing.T) {
	s := open(t)
	c := webtest.NewChromium(t, s.URL)
	c.Scripts(false)
	c.Opens("/signin")
	webtest.Sees(t, c, "Passkeys need JavaScript")
	c.Opens(s.link(t, "grace"))
	c.Presses("/enrol")
	webtest.IsAt(t, c, "/account/security")
	c.Opens("/account/passkeys")
	webtest.Sees(t, c, "Switch it on for this site to add one")
	seed := addsApp(t, s, c)
	c.Presses("/account/password", "password", password)
	c.Presses("/account/finish")
	webtest.IsAt(t, c, "/account")
	c.Presses("/signout")
	c.Presses("/signin/password", "user", "grace", "password", password)
	s.later(time.Minute)
	c.Presses("/signin/code", "code", codeOf(t, s, seed))
	webtest.IsAt(t, c, "/account")
	c.Content()
}
