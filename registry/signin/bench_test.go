package signin

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	good   = "correct horse battery staple"
	better = "stapled batteries horse around"
	stolen = "everybody knows this one"
)

// bench is a room with a clock that can be turned, and a mailbox.
type bench struct {
	*Room
	t     *testing.T
	clock time.Time
	mu    sync.Mutex
	mail  []Letter
	lists []string // stolen passwords
	rp    virtualwebauthn.RelyingParty
}

// newBench is a bench on SQLite; onBoth runs a test on PostgreSQL as well.
func newBench(t *testing.T) *bench {
	return benchOn(t, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
}

func onBoth(t *testing.T, test func(*bench)) {
	t.Run("sqlite", func(t *testing.T) { test(newBench(t)) })
	t.Run("postgres", func(t *testing.T) { test(benchOn(t, testenv.Postgres(t))) })
}

func benchOn(t *testing.T, dsn string) *bench {
	t.Helper()
	book, err := record.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { book.Close() })
	b := &bench{t: t, clock: noon, lists: []string{stolen}}
	now := func() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.clock }
	keeper := identity.New(book)
	keeper.Now = now
	wait := waiting.New(book, bytes.Repeat([]byte{1}, 32))
	wait.Now = now
	b.Room, err = New(Config{
		Book: book, Keeper: keeper, Waiting: wait, URL: "https://packages.example.org/", Seal: bytes.Repeat([]byte{2}, 32), Open: true, Now: now,
		Breached: func(_ context.Context, p string) (bool, error) { return slices.Contains(b.lists, p), nil },
		Send: func(_ context.Context, l Letter) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.mail = append(b.mail, l)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.later = func(do func()) { do() }
	b.rp = virtualwebauthn.RelyingParty{ID: "packages.example.org", Name: "packages.example.org", Origin: "https://packages.example.org"}
	return b
}

func (b *bench) turn(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock = b.clock.Add(d)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// wants holds an error against its kind and a part of its text.
func (b *bench) wants(err error, kind bonded.Kind, text string) {
	b.t.Helper()
	got, _, public := bonded.Explain(err)
	if err == nil || got != kind || !strings.Contains(public, text) {
		b.t.Errorf("got %v (kind %d), want kind %d and %q", err, got, kind, text)
	}
}

// link is the secret of the last letter of a kind, which is taken out of the box.
func (b *bench) link(kind, user string) string {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.mail) - 1; i >= 0; i-- {
		if l := b.mail[i]; l.Kind == kind && l.User == user {
			b.mail = slices.Delete(b.mail, i, i+1)
			return l.Path[strings.LastIndex(l.Path, "/")+1:]
		}
	}
	b.t.Fatalf("there is no letter %q to %s in %+v", kind, user, b.mail)
	return ""
}

func (b *bench) letters() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.mail)
}

// events are the actions in the journal about a user, the oldest first.
func (b *bench) events(user string) (list []string) {
	b.t.Helper()
	lines, err := b.Book.AuditsOfAccount(b.t.Context(), user, 0, 500)
	b.must(err)
	for _, l := range lines {
		list = append(list, l.Action)
	}
	slices.Reverse(list)
	return list
}

func (b *bench) happened(user, action string, times int) {
	b.t.Helper()
	n := 0
	for _, a := range b.events(user) {
		if a == action {
			n++
		}
	}
	if n != times {
		b.t.Errorf("%s happened to %s %d times, want %d; the journal has %v", action, user, n, times, b.events(user))
	}
}

// browser is what one browser keeps.
type browser struct {
	b       *bench
	cookie  string
	device  string
	network string
	auth    virtualwebauthn.Authenticator
}

func (b *bench) browser() *browser {
	return &browser{b: b, network: "203.0.113.0/24", auth: virtualwebauthn.NewAuthenticator()}
}

func (w *browser) visit() Visit {
	return Visit{Device: w.device, Network: w.network, Label: "Firefox on Linux"}
}

func (w *browser) keep(in SignedIn) {
	w.cookie = in.Cookie.Reveal()
	if d := in.Device.Reveal(); d != "" {
		w.device = d
	}
}

// session is who the browser's cookie is, keeping a new one.
func (w *browser) session() *Session {
	w.b.t.Helper()
	s, rotated, err := w.b.Session(w.b.t.Context(), w.cookie)
	w.b.must(err)
	if c := rotated.Reveal(); c != "" {
		w.cookie = c
	}
	return s
}

// addKey makes a passkey in the browser's authenticator and adds it.
func (w *browser) addKey() ([]byte, error) {
	options, secret, err := w.b.BeginAdd(w.b.t.Context(), w.session())
	if err != nil {
		return nil, err
	}
	asked, err := virtualwebauthn.ParseAttestationOptions(string(options))
	w.b.must(err)
	w.auth.Options.UserHandle = []byte(asked.UserID)
	cred := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	for len(cred.Key.AttestationData()) != 77 { // the library cuts zero bytes off a coordinate
		cred = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	answer := virtualwebauthn.CreateAttestationResponse(w.b.rp, w.auth, cred, *asked)
	if err := w.b.FinishAdd(w.b.t.Context(), w.session(), secret, "laptop", []byte(answer)); err != nil {
		return nil, err
	}
	w.auth.AddCredential(cred)
	return cred.ID, nil
}

// show answers a challenge with the browser's passkey, as the page at origin.
func (w *browser) show(options []byte, origin string) []byte {
	asked, err := virtualwebauthn.ParseAssertionOptions(string(options))
	w.b.must(err)
	rp := w.b.rp
	if origin != "" {
		rp.Origin = origin
	}
	cred := w.auth.Credentials[len(w.auth.Credentials)-1]
	if found := w.auth.FindAllowedCredential(*asked); found != nil {
		cred = *found
	}
	return []byte(virtualwebauthn.CreateAssertionResponse(rp, w.auth, cred, *asked))
}

func (w *browser) passkey() error {
	options, secret, err := w.b.BeginPasskey(w.b.t.Context(), w.visit())
	if err != nil {
		return err
	}
	in, err := w.b.FinishPasskey(w.b.t.Context(), secret, w.show(options, ""), w.visit())
	if err == nil {
		w.keep(in)
	}
	return err
}

func (w *browser) stepUp() error {
	s := w.session()
	options, secret, err := w.b.BeginStepUp(w.b.t.Context(), s)
	if err != nil {
		return err
	}
	cookie, err := w.b.FinishStepUp(w.b.t.Context(), s, secret, w.show(options, ""))
	if err == nil {
		w.cookie = cookie.Reveal()
	}
	return err
}

// retype confirms with password and code.
func (w *browser) retype(password, code string) error {
	cookie, err := w.b.Retype(w.b.t.Context(), w.session(), password, code, w.visit())
	if err == nil {
		w.cookie = cookie.Reveal()
	}
	return err
}

func (w *browser) fresh() *browser {
	w.b.t.Helper()
	w.b.must(w.stepUp())
	return w
}

// enrol makes an account with the administrator's link and opens it here.
func (b *bench) enrol(user string) *browser {
	b.t.Helper()
	link, err := b.Keeper.AddUser(b.t.Context(), user, user+"@example.org")
	b.must(err)
	w := b.browser()
	in, err := b.Enrol(b.t.Context(), link.Reveal(), w.visit())
	b.must(err)
	w.keep(in)
	return w
}

func (w *browser) finish() error {
	cookie, err := w.b.Finish(w.b.t.Context(), w.session())
	if err == nil {
		w.cookie = cookie.Reveal()
	}
	return err
}

// withKey is somebody with a passkey, signed in.
func (b *bench) withKey(user string) *browser {
	b.t.Helper()
	w := b.enrol(user)
	_, err := w.addKey()
	b.must(err)
	b.must(w.finish())
	return w
}

// withCode is somebody with password, authenticator app and recovery codes, signed in.
func (b *bench) withCode(user string) (w *browser, seed string, codes []string) {
	b.t.Helper()
	w = b.enrol(user)
	b.must(b.SetPassword(b.t.Context(), w.session(), good))
	seed = w.addApp()
	codes, err := b.NewCodes(b.t.Context(), w.session())
	b.must(err)
	b.must(w.finish())
	return w, seed, codes
}

func (w *browser) addApp() (seed string) {
	w.b.t.Helper()
	uri, picture, secret, err := w.b.BeginTOTP(w.b.t.Context(), w.session())
	w.b.must(err)
	if !strings.HasPrefix(uri, "otpauth://totp/") || !bytes.HasPrefix(picture, []byte("\x89PNG")) {
		w.b.t.Fatalf("uri %q, picture %.8q", uri, picture)
	}
	_, rest, _ := strings.Cut(uri, "secret=")
	seed, _, _ = strings.Cut(rest, "&")
	w.b.must(w.b.FinishTOTP(w.b.t.Context(), w.session(), secret, w.b.code(seed)))
	return seed
}

// code is what an authenticator app shows in the next time step, so that it was
// not taken yet.
func (b *bench) code(seed string) string {
	b.t.Helper()
	b.turn(30 * time.Second)
	code, err := totp.GenerateCode(seed, b.Now())
	b.must(err)
	return code
}

// password begins a sign-in.
func (w *browser) password(user, password string) (Next, error) {
	return w.b.Password(w.b.t.Context(), user, password, w.visit())
}

// sure signs in with password and code in a browser that is known.
func (w *browser) withPassword(user, password, code string) (Next, error) {
	next, err := w.password(user, password)
	if err != nil {
		return next, err
	}
	in, next, err := w.b.Code(w.b.t.Context(), next.Secret, code, w.visit())
	if err == nil && len(next.Want) == 0 {
		w.keep(in)
	}
	return next, err
}

func (b *bench) update(do func(*record.Tx) error) {
	b.t.Helper()
	b.must(b.Book.Update(b.t.Context(), do))
}

func (b *bench) due() {
	b.t.Helper()
	b.turn(waiting.DefaultDelay)
	b.must(b.Waiting.Due(b.t.Context()))
}
