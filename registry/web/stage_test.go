package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem/all"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/login"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
	"bonded.dev/registry/waiting"
)

// stage is the pages over real rooms, with a clock to turn and mails to read.
type stage struct {
	*httptest.Server
	book    *record.Book
	keeper  *identity.Keeper
	waiting *waiting.Room
	logins  *login.Room
	pages   *Pages

	mu     sync.Mutex
	now    time.Time
	mails  []signin.Letter
	stolen []string // passwords
}

// open makes a stage whose host is localhost: browsers take passkeys there
// without TLS, and nowhere else.
func open(t *testing.T) *stage {
	t.Helper()
	s := &stage{now: time.Now().Truncate(time.Second), stolen: []string{"password1234"}}
	book, err := record.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fails(t, book.Close()) })
	s.book, s.keeper = book, identity.New(book)
	s.keeper.Now = s.clock
	s.waiting = waiting.New(book, []byte("a key of at least thirty-two bytes"))
	s.waiting.Now = s.clock
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			fmt.Fprint(w, "the front page")
			return
		}
		s.pages.ServeHTTP(w, r)
	}))
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	base := "http://localhost:" + port + "/"
	room, err := signin.New(signin.Config{
		Book: book, Keeper: s.keeper, Waiting: s.waiting, URL: base, Seal: []byte("a seal has thirty-two bytes here"), Open: true, Now: s.clock,
		Breached: func(_ context.Context, password string) (bool, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return slices.Contains(s.stolen, password), nil
		},
		Send: func(_ context.Context, l signin.Letter) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.mails = append(s.mails, l)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.logins = login.New(login.Config{Book: book, Keeper: s.keeper, Secret: []byte("a secret of the stage"), Now: s.clock,
		Proof: func(ctx context.Context, user string, stepped time.Time, action bonded.Action, name bonded.Name) (string, error) {
			return room.IssueProof(ctx, &signin.Session{User: user, Stepped: stepped}, action, name)
		}})
	c := Config{Logins: s.logins, Keeper: s.keeper, SignIn: room, Waiting: s.waiting, Book: book, Ecosystems: all.Ecosystems(), URL: base, Now: s.clock}
	for _, e := range c.Ecosystems {
		c.Setups = append(c.Setups, Setup{ID: e.Info().ID, Clients: e.Info().Clients, Commands: e.Info().Setup, Token: e.Info().Token})
	}
	s.pages = New(c)
	s.Start()
	t.Cleanup(s.Close)
	s.URL = strings.TrimSuffix(base, "/")
	return s
}

func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// later turns the clock.
func (s *stage) later(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// due makes the changes whose time has come.
func (s *stage) due(t *testing.T) {
	t.Helper()
	fails(t, s.waiting.Due(t.Context()))
}

// mail waits for the newest mail of a kind and returns the path in it.
func (s *stage) mail(t *testing.T, kind string) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		i := slices.IndexFunc(s.mails, func(l signin.Letter) bool { return l.Kind == kind })
		if i >= 0 {
			l := s.mails[i]
			s.mails = slices.Delete(s.mails, i, i+1)
			s.mu.Unlock()
			return "/" + l.Path
		}
		s.mu.Unlock()
	}
	t.Fatalf("no mail of kind %s came", kind)
	return ""
}

// link makes an account as the administrator does and returns its link.
func (s *stage) link(t *testing.T, user string) string {
	t.Helper()
	secret, err := s.keeper.AddUser(t.Context(), user, user+"@example.org")
	if err != nil {
		t.Fatal(err)
	}
	return "/enrol/" + secret.Reveal()
}

// happened says if the journal has an event about a user.
func (s *stage) happened(t *testing.T, user string, actions ...string) {
	t.Helper()
	list, err := s.book.AuditsOfAccount(t.Context(), user, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range actions {
		if !slices.ContainsFunc(list, func(a record.Audit) bool { return a.Action == action }) {
			t.Errorf("the journal of %s has no %s", user, action)
		}
	}
}
