package e2e

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	controls "bonded.dev/controls/all"
	ecosystems "bonded.dev/ecosystem/all"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/project"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/screen"
	"bonded.dev/registry/serve"
	"bonded.dev/registry/sign"

	nouns "bonded.dev"
)

// assembled is a repository put together in this process as the binary does
// it, so that a test can leave a control out or turn the clock.
type assembled struct {
	addr   string
	data   string
	tokens map[string]string
	desk   *publish.Desk
	book   *record.Book

	mu  sync.Mutex
	now time.Time
}

// assemble starts a repository without one of its controls, "" for with all.
func assemble(t testing.TB, without string) *assembled {
	t.Helper()
	a := prepare(t)
	a.serve(t, without)
	return a
}

// prepare makes a place for a repository.
func prepare(t testing.TB) *assembled {
	return &assembled{data: t.TempDir(), tokens: map[string]string{}, now: time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)}
}

func (a *assembled) serve(t testing.TB, without string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var err error
	if a.book, err = record.Open(ctx, a.dsn()); err != nil {
		t.Fatal(err)
	}
	store, err := blob.Dir(filepath.Join(a.data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	dialects, ids := ecosystems.Ecosystems(), []string{}
	for _, e := range dialects {
		ids = append(ids, e.Info().ID)
	}
	keys, err := sign.Open(filepath.Join(a.data, "keys"), "example.org/bonded/1", ids)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.addr = l.Addr().String()
	shelf := &project.Shelf{Store: store}
	a.desk = publish.New(publish.Config{
		Ecosystems: dialects, Checks: slices.DeleteFunc(controls.Checks(), func(c screen.Check) bool { return c.ID == without }),
		Book: a.book, Blobs: store, Keys: keys, Shelf: shelf, Origin: keys.Origin(), URL: "http://" + a.addr + "/",
		Now: a.clock, Log: discard(),
	})
	keeper := identity.New(a.book)
	door := serve.New(serve.Config{
		Ecosystems: dialects, Blobs: store, Desk: a.desk, Tally: a.book, Now: a.clock,
		Authenticate: func(ctx context.Context, ask identity.Request) (publish.Actor, error) {
			caller, err := keeper.Authenticate(ctx, ask)
			if caller == nil || err != nil {
				return nil, err
			}
			return forgiving{caller, without}, nil
		},
	})
	shelf.Changed = door.Changed
	if err := a.desk.Open(ctx); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	inner, end := context.WithCancel(context.Background())
	running.Go(func() { fails(t, a.desk.Run(inner)) })
	served := make(chan error, 1)
	go func() { served <- door.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		fails(t, <-served)
		end()
		running.Wait()
		fails(t, errors.Join(a.book.Close(), store.Close()))
	})
	for user, scope := range besiegedUsers {
		a.account(t, keeper, user, scope+":npm/*", scope+":pypi/*")
	}
	a.token(t, keeper, "narrow", "alice", "publish:npm/@acme/*", "publish:pypi/acme-*")
}

// forgiving is a caller to whom identity does not say no in the name of one
// control.
type forgiving struct {
	*identity.Caller
	without string
}

func (f forgiving) May(ctx context.Context, action nouns.Action, name nouns.Name) error {
	for _, err := range f.Objections(ctx, action, name) {
		if _, control, _ := nouns.Explain(err); control == "" || control != f.without {
			return err
		}
	}
	return nil
}

func (f forgiving) Limits(draft *nouns.Draft) error {
	err := f.Caller.Limits(draft)
	if _, control, _ := nouns.Explain(err); err != nil && control != "" && control == f.without {
		return nil
	}
	return err
}

func (a *assembled) dsn() string { return "sqlite:" + filepath.Join(a.data, "bonded.db") }

func (a *assembled) clock() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

// later turns the clock.
func (a *assembled) later(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = a.now.Add(d)
}

func (a *assembled) account(t testing.TB, k *identity.Keeper, user string, scopes ...string) {
	t.Helper()
	if _, err := k.AddUser(t.Context(), user, user+"@example.org"); err != nil {
		t.Fatal(err)
	}
	a.token(t, k, user, user, scopes...)
}

// token makes one more token for a user.
func (a *assembled) token(t testing.TB, k *identity.Keeper, name, user string, scopes ...string) {
	t.Helper()
	var parsed []identity.Scope
	for _, s := range scopes {
		p, err := identity.ParseScope(s)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, p)
	}
	secret, _, err := k.AddToken(t.Context(), user, parsed, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	a.tokens[name] = secret.Reveal()
}

// does sends uploads that must be taken.
func (a *assembled) does(t testing.TB, all ...sending) {
	t.Helper()
	for _, s := range all {
		if r := s.over(t, a.addr, a.tokens); r.status > 299 {
			t.Fatalf("%s %s: %d %s", s.method, s.path, r.status, r.body)
		}
	}
}

// sees fetches a path as a client does.
func (a *assembled) sees(t testing.TB, path string, headers ...string) string {
	t.Helper()
	res, b := fetch(t, "http://"+a.addr+path, headers...)
	if res.StatusCode != 200 {
		return res.Status
	}
	return string(b)
}

// quarantined lists what is in nobody's hands.
func (a *assembled) quarantined(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(a.data, "blobs", "quarantine", "*"))
	fails(t, err)
	return strings.Join(found, "\n")
}
