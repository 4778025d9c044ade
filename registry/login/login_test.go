package login

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// stage is a room with two people, over each database.
type stage struct {
	*Room
	t      *testing.T
	now    time.Time
	proofs []string
}

func on(t *testing.T, do func(s *stage)) {
	open := func(t *testing.T, address string) {
		book, err := record.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := book.Close(); err != nil {
				t.Error(err)
			}
		})
		s := &stage{t: t, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
		k := identity.New(book)
		k.Now = func() time.Time { return s.now }
		for _, user := range []string{"alice", "mallory"} {
			if _, err := k.AddUser(t.Context(), user, user+"@example.org"); err != nil {
				t.Fatal(err)
			}
		}
		s.Room = New(Config{Book: book, Keeper: k, Secret: []byte("a secret of this test"), Now: k.Now,
			Proof: func(_ context.Context, user string, stepped time.Time, action bonded.Action, name bonded.Name) (string, error) {
				s.proofs = append(s.proofs, user+" "+string(action)+" "+name.String()+" "+s.now.Sub(stepped).String())
				return "a-proof", nil
			}})
		do(s)
	}
	t.Run("sqlite", func(t *testing.T) { open(t, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db")) })
	t.Run("postgres", func(t *testing.T) { open(t, testenv.Postgres(t)) })
}

var asking = Program{Name: "npm", Where: "Linux", Network: "192.0.2.0/24"}

func (s *stage) scopes(texts ...string) (list []identity.Scope) {
	s.t.Helper()
	for _, text := range texts {
		sc, err := identity.ParseScope(text)
		if err != nil {
			s.t.Fatal(err)
		}
		list = append(list, sc)
	}
	return list
}

func (s *stage) begins(scopes ...string) Begun {
	s.t.Helper()
	b, err := s.Begin(s.t.Context(), asking, s.scopes(scopes...))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *stage) polls(b Begun, state string) Answer {
	s.t.Helper()
	a, err := s.Poll(s.t.Context(), b.Secret.Reveal(), false)
	if err != nil || a.State != state {
		s.t.Fatalf("poll: %q %v, want %q", a.State, err, state)
	}
	return a
}

func (s *stage) good(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) refuses(err error, kind bonded.Kind, says string) {
	s.t.Helper()
	got, _, text := bonded.Explain(err)
	if err == nil || got != kind || !strings.Contains(text, says) {
		s.t.Errorf("%v, want kind %d and %q", err, kind, says)
	}
}

func (s *stage) happened(user string, actions ...string) {
	s.t.Helper()
	list, err := s.Book.AuditsOfAccount(s.t.Context(), user, 0, 100)
	s.good(err)
	for _, action := range actions {
		found := false
		for _, a := range list {
			found = found || a.Action == action
		}
		if !found {
			s.t.Errorf("the journal of %s has no %s", user, action)
		}
	}
}

// TestAProgramGetsAToken goes the whole way; what comes out is good, is what the
// person chose, and comes out once.
func TestAProgramGetsAToken(t *testing.T) {
	on(t, func(s *stage) {
		ctx := s.t.Context()
		b := s.begins("publish,tag,delete:npm/*")
		if b.Page != "device?code="+b.Code || ReadCode(b.Code) != b.Code {
			s.t.Errorf("page %q, code %q", b.Page, b.Code)
		}
		s.polls(b, Waits)
		_, err := s.Look(ctx, "alice", Code(b.Code), "")
		s.refuses(err, bonded.NotFound, "no program of yours") // whoever has the address has not typed the code
		s.refuses(s.Allow(ctx, "alice", b.Code, s.scopes("publish:npm/x"), time.Hour), bonded.NotFound, "no program of yours")
		s.good(s.Claim(ctx, "alice", strings.ToLower(strings.ReplaceAll(b.Code, "-", " "))))
		s.good(s.Claim(ctx, "alice", b.Code))
		s.refuses(s.Claim(ctx, "mallory", b.Code), bonded.Invalid, "no program waits for this code")
		for network, near := range map[string]string{"192.0.2.0/24": "same", "198.51.100.0/24": "other", "10.0.0.0/24": "", "": ""} {
			q, err := s.Look(ctx, "alice", Code(b.Code), network)
			if err != nil || q.Near != near || q.Program != "npm" || q.Where != "Linux" || q.State != Waits || q.Scopes[0].String() != "publish,tag,delete:npm/*" {
				s.t.Errorf("from %q: %+v %v", network, q, err)
			}
		}
		s.refuses(s.Allow(ctx, "alice", b.Code, s.scopes("publish,yank:npm/left-pad"), time.Hour), bonded.Invalid, "did not ask for")
		s.refuses(s.Allow(ctx, "alice", b.Code, nil, time.Hour), bonded.Invalid, "at least one")
		s.polls(b, Waits)
		s.good(s.Allow(ctx, "alice", b.Code, s.scopes("publish:npm/left-pad"), 24*time.Hour))
		s.refuses(s.Refuse(ctx, "alice", Code(b.Code)), bonded.Conflict, "already")
		a := s.polls(b, Allowed)
		c, err := s.Keeper.Authenticate(ctx, identity.Request{Authorization: "Bearer " + a.Token.Reveal()})
		s.good(err)
		if c.User() != "alice" || a.Stored.Label != "npm on Linux" || a.Stored.Origin != identity.OriginLogin || a.Stored.Expires.Sub(s.now) != 24*time.Hour ||
			strings.Join(a.Stored.Scopes, " ") != "publish:npm/left-pad" {
			s.t.Errorf("%+v", a.Stored)
		}
		s.polls(b, Over)
		s.happened("alice", "login.ask", "login.allow", "token.add")
	})
}

// TestWhatEndsALogIn: refusing, time, and an account that is closed meanwhile.
func TestWhatEndsALogIn(t *testing.T) {
	on(t, func(s *stage) {
		ctx := s.t.Context()
		refused := s.begins("publish:*")
		s.good(s.Claim(ctx, "alice", refused.Code))
		s.good(s.Refuse(ctx, "alice", Code(refused.Code)))
		s.polls(refused, Refused)
		s.happened("alice", "login.refuse")

		late := s.begins("publish:*")
		s.good(s.Claim(ctx, "alice", late.Code))
		s.now = s.now.Add(Life)
		s.polls(late, Over)
		s.refuses(s.Allow(ctx, "alice", late.Code, s.scopes("publish:*"), time.Hour), bonded.NotFound, "waited for too long")

		forgotten := s.begins("publish:*")
		s.good(s.Claim(ctx, "alice", forgotten.Code))
		s.good(s.Allow(ctx, "alice", forgotten.Code, s.scopes("publish:*"), time.Hour))
		s.now = s.now.Add(fetchWithin)
		s.polls(forgotten, Over)

		closed := s.begins("publish:*")
		s.good(s.Claim(ctx, "alice", closed.Code))
		s.good(s.Allow(ctx, "alice", closed.Code, s.scopes("publish:*"), time.Hour))
		s.good(s.Keeper.DisableUser(ctx, "alice"))
		// Closing an account ends what it began; were it still there, it gave nothing.
		if a, err := s.Poll(ctx, closed.Secret.Reveal(), false); a.State == Allowed || err == nil && a.State != Over {
			s.t.Errorf("a closed account: %+v %v", a, err)
		}

		frozen := s.begins("publish:*")
		s.good(s.Claim(ctx, "mallory", frozen.Code))
		s.good(s.Allow(ctx, "mallory", frozen.Code, s.scopes("publish:*"), time.Hour))
		s.good(s.Book.Update(ctx, func(tx *record.Tx) error { _, err := tx.SetFrozen("mallory", s.now); return err }))
		_, err := s.Poll(ctx, frozen.Secret.Reveal(), false)
		s.refuses(err, bonded.Forbidden, "closed or frozen")
		tokens, err := s.Book.Tokens(ctx, "alice")
		if err != nil || len(tokens) != 0 {
			s.t.Errorf("%v %v", tokens, err)
		}
		if a, err := s.Poll(ctx, "bnc_nothing", false); err != nil || a.State != Over {
			s.t.Errorf("a made up secret: %v %v", a, err)
		}
	})
}

// TestProofs: what is asked of one person nobody else answers, and the proof is
// for what was asked.
func TestProofs(t *testing.T) {
	on(t, func(s *stage) {
		ctx, leftPad := s.t.Context(), bonded.Name{Ecosystem: "npm", Key: "left-pad", Display: "left-pad"}
		b, err := s.AskProof(ctx, "alice", asking, bonded.ActDelete, leftPad)
		s.good(err)
		id, ok := strings.CutPrefix(b.Page, "device/confirm/")
		if !ok || b.Code != "" {
			s.t.Fatalf("%+v", b)
		}
		_, err = s.Look(ctx, "mallory", Proof(id), "")
		s.refuses(err, bonded.NotFound, "no program of yours")
		s.refuses(s.Confirm(ctx, "mallory", id), bonded.NotFound, "no program of yours")
		s.refuses(s.Claim(ctx, "mallory", id), bonded.Invalid, "no program waits")
		q, err := s.Look(ctx, "alice", Proof(id), "")
		if err != nil || q.Action != bonded.ActDelete || q.Name != leftPad {
			s.t.Errorf("%+v %v", q, err)
		}
		s.polls(b, Waits)
		s.good(s.Confirm(ctx, "alice", id))
		s.now = s.now.Add(time.Minute)
		if a := s.polls(b, Allowed); a.Proof != "a-proof" || a.Token != (identity.Secret{}) {
			s.t.Errorf("%+v", a)
		}
		s.polls(b, Over)
		if got := strings.Join(s.proofs, ", "); got != "alice delete npm/left-pad 1m0s" {
			s.t.Errorf("proofs: %s", got)
		}
		s.happened("alice", "login.ask", "login.allow")
	})
}

// TestBounds: beginning, guessing and asking have an end.
func TestBounds(t *testing.T) {
	on(t, func(s *stage) {
		ctx := s.t.Context()
		b := s.begins("publish:*")
		for range 10 {
			s.refuses(s.Claim(ctx, "mallory", "BBBB-BBBB"), bonded.Invalid, "no program waits")
		}
		s.refuses(s.Claim(ctx, "mallory", b.Code), bonded.TooMany, "wrong codes")
		s.good(s.Claim(ctx, "alice", b.Code))
		for range 29 {
			s.begins("publish:*")
		}
		_, err := s.Begin(ctx, asking, s.scopes("publish:*"))
		s.refuses(err, bonded.TooMany, "from your network")
		if _, err := s.Begin(ctx, Program{Network: "198.51.100.0/24"}, s.scopes("publish:*")); err != nil {
			s.t.Errorf("another network: %v", err)
		}
		poll := func(state string) {
			s.t.Helper()
			if a, err := s.Poll(ctx, b.Secret.Reveal(), true); err != nil || a.State != state {
				s.t.Errorf("%q %v, want %q", a.State, err, state)
			}
		}
		poll(Waits)
		poll(Waits)
		poll(TooSoon)
		s.now = s.now.Add(Every)
		poll(Waits)
		_, err = s.Begin(ctx, Program{}, s.scopes(strings.Fields(strings.Repeat("publish:* ", MaxScopes+1))...))
		s.refuses(err, bonded.Invalid, "1 to 8 scopes")
	})
}

// TestNothingStoredOpensAnything: neither a token, nor a secret, nor a network
// stands in the database.
func TestNothingStoredOpensAnything(t *testing.T) {
	on(t, func(s *stage) {
		b := s.begins("publish:*")
		s.good(s.Claim(s.t.Context(), "alice", b.Code))
		s.good(s.Allow(s.t.Context(), "alice", b.Code, s.scopes("publish:*"), time.Hour))
		s.good(s.Book.View(s.t.Context(), func(tx *record.Tx) error {
			c, found, err := tx.CeremonyByCode(kindLogin, b.Code, s.now)
			if err != nil || !found {
				s.t.Fatal(found, err)
			}
			if body := string(c.Body); strings.Contains(body, "192.0.2") || strings.Contains(body, "bnd_") || strings.Contains(body, "bnc_") {
				s.t.Errorf("stored: %s", body)
			}
			return nil
		}))
	})
}

func TestCodes(t *testing.T) {
	for text, want := range map[string]string{
		"bcdfghjk": "BCDF-GHJK", " BCDF - GHJK ": "BCDF-GHJK", "BCDF\u2010GHJK": "BCDF-GHJK",
		"BCDFGHJ": "", "BCDFGHJKL": "", "ACDFGHJK": "", "BCDF-GHJ1": "", "": "",
	} {
		if got := ReadCode(text); got != want {
			t.Errorf("%q is read as %q", text, got)
		}
	}
	seen := map[string]bool{}
	for range 100 {
		c := newCode()
		if ReadCode(url.QueryEscape(c)) != c || seen[c] {
			t.Errorf("%q", c)
		}
		seen[c] = true
	}
	if got := tidy("<b>npm\x1b[31m\u202e  11</b>" + strings.Repeat("x", 99)); strings.ContainsAny(got, "<>\x1b\u202e") || len(got) > maxName || !strings.HasPrefix(got, "bnpm[31m 11") {
		t.Errorf("%q", got)
	}
}
