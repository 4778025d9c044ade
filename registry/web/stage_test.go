package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev/ecosystem/all"
	outside "bonded.dev/prove/visit"
	"bonded.dev/registry/identity"
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
	pages   *Pages

	mu    sync.Mutex
	now   time.Time
	mails []signin.Letter
}

// open makes a stage whose host is localhost: browsers take passkeys there
// without TLS, and nowhere else.
func open(t *testing.T) *stage {
	t.Helper()
	s := &stage{now: time.Now().Truncate(time.Second)}
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
		Breached: func(_ context.Context, password string) (bool, error) { return password == "password1234", nil },
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
	c := Config{Keeper: s.keeper, SignIn: room, Waiting: s.waiting, Book: book, Ecosystems: all.Ecosystems(), URL: base, Now: s.clock}
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

// hand is somebody in front of a browser. What goes wrong ends the test.
type hand interface {
	// opens an address of the site.
	opens(path string)
	// presses the button of the form whose action ends so, with fields filled in;
	// a passkey is shown where it is asked for.
	presses(action string, fields ...string)
	// at is the path where it ended, without the query.
	at() string
	// text of the page, its markup left out.
	text() string
	// html is the page.
	html() string
}

// sees ends the test when the page does not hold all texts.
func sees(t *testing.T, h hand, texts ...string) {
	t.Helper()
	page := h.text()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Fatalf("%s does not say %q:\n%s", h.at(), text, page)
		}
	}
}

// isAt ends the test when the browser is elsewhere.
func isAt(t *testing.T, h hand, path string) {
	t.Helper()
	if h.at() != path {
		t.Fatalf("the browser is at %s, want %s:\n%s", h.at(), path, h.text())
	}
}

// plain is a browser without scripts whose passkeys are made in this process.
type plain struct {
	t    *testing.T
	b    *outside.Browser
	page outside.Page
}

func newPlain(t *testing.T, s *stage) *plain {
	return &plain{t: t, b: outside.NewBrowser(outside.NewWeb("Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0", 0), s.URL+"/")}
}

func (p *plain) opens(path string) {
	p.t.Helper()
	var err error
	if p.page, err = p.b.Get(p.t.Context(), strings.TrimPrefix(path, "/")); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plain) presses(action string, fields ...string) {
	p.t.Helper()
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	page, err := p.b.Submit(p.t.Context(), p.page, action, values)
	if err != nil {
		p.t.Fatalf("press %s: %v\n%s", action, err, p.page.Text())
	}
	p.page = page
}

func (p *plain) at() string {
	path, _, _ := strings.Cut(p.page.Path, "?")
	return path
}

func (p *plain) html() string { return p.page.Body }

func (p *plain) text() string { return textIn(p.page.Body) }
