package lapse

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"bonded.dev/registry/record"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// resolver is a DNS server on loopback that says what the test wants.
type resolver struct {
	addr string
	mu   sync.Mutex
	says map[string]string // name -> mx, a, nothing (exists without records), gone, broken, silent
	asks []string
}

func openResolver(t *testing.T) *resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &resolver{addr: conn.LocalAddr().String(), says: map[string]string{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if out := r.answer(buf[:n]); out != nil {
				conn.WriteTo(out, from) //nolint:errcheck // the client asks again
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return r
}

func (r *resolver) set(name, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.says[name] = what
}

func (r *resolver) asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.asks
	r.asks = nil
	slices.Sort(list)
	return slices.Compact(list)
}

func (r *resolver) answer(packet []byte) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	name := strings.TrimSuffix(q.Name.String(), ".")
	r.mu.Lock()
	what := r.says[name]
	r.asks = append(r.asks, name)
	r.mu.Unlock()
	h.Response, h.RecursionAvailable = true, true
	switch what {
	case "silent":
		return nil
	case "broken":
		h.RCode = dnsmessage.RCodeServerFailure
	case "mx", "a", "nothing":
	default:
		h.RCode = dnsmessage.RCodeNameError
	}
	m := dnsmessage.Message{Header: h, Questions: []dnsmessage.Question{q}}
	rh := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1}
	if what == "mx" && q.Type == dnsmessage.TypeMX {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: rh, Body: &dnsmessage.MXResource{Pref: 10, MX: q.Name}})
	}
	if what == "a" && q.Type == dnsmessage.TypeA {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: rh, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}})
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// bench is a room over a real resolver, with a clock that the test turns.
type bench struct {
	*Room
	t    *testing.T
	book *record.Book
	dns  *resolver
	now  time.Time
	log  bytes.Buffer
}

func newBench(t *testing.T, rdap string) *bench {
	t.Helper()
	book, err := record.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, book: book, dns: openResolver(t), now: noon}
	b.Room, err = New(Config{Book: book, DNS: b.dns.addr, RDAP: rdap, Now: func() time.Time { return b.now }, Log: slog.New(slog.NewTextHandler(&b.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) user(name, domain string) {
	b.t.Helper()
	email := name + "@" + domain
	err := b.book.Update(b.t.Context(), func(tx *record.Tx) error {
		return errors.Join(tx.AddUser(record.User{Name: name, Email: email, Created: b.now}), tx.SetEmail(name, email, b.now))
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// look looks a day later and returns who is frozen.
func (b *bench) look() (frozen []string) {
	b.t.Helper()
	b.now = b.now.Add(24 * time.Hour)
	if err := b.Look(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	users, err := b.book.Users(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, u := range users {
		if !u.Frozen.IsZero() {
			frozen = append(frozen, u.Name)
		}
	}
	return frozen
}

func (b *bench) want(what string, got []string, want ...string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: frozen are %v, want %v", what, got, want)
	}
}

func (b *bench) state(name, want string) record.Domain {
	b.t.Helper()
	list, err := b.book.Domains(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, d := range list {
		if d.Name == name {
			if d.State != want {
				b.t.Errorf("%s is %s (%s), want %s", name, d.State, d.Why, want)
			}
			return d
		}
	}
	b.t.Errorf("nobody looked at %s", name)
	return record.Domain{}
}

func TestADomainThatIsGone(t *testing.T) {
	b := newBench(t, "")
	b.user("alice", "lost.example")
	b.user("bob", "lost.example")
	b.user("carol", "kept.example")
	b.dns.set("lost.example", "mx")
	b.dns.set("kept.example", "a")
	b.want("all well", b.look())
	b.dns.set("lost.example", "gone")
	b.want("the first day", b.look())
	b.state("lost.example", Doubtful)
	b.dns.set("lost.example", "mx")
	b.want("back again", b.look())
	b.dns.set("lost.example", "gone")
	b.want("one day, later", b.look())
	b.want("two days in a row", b.look(), "alice", "bob")
	b.state("lost.example", Lapsed)
	b.state("kept.example", Well)
	lines, err := b.book.AuditsToTell(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, a := range lines {
		told = append(told, a.Action+" "+a.Subject+" "+a.Account+": "+a.Detail)
	}
	const why = "DNS knows no such domain, or it takes no mail"
	if !reflect.DeepEqual(told, []string{"user.freeze alice alice: lost.example: " + why, "user.freeze bob bob: lost.example: " + why,
		"domain.lapse lost.example : " + why + "; accounts frozen: 2"}) {
		t.Errorf("told: %q", told)
	}
	// Whoever proves an address again is not frozen once more for the same.
	b.now = b.now.Add(time.Hour)
	err = b.book.Update(t.Context(), func(tx *record.Tx) error {
		_, err := tx.SetFrozen("alice", time.Time{})
		return errors.Join(err, tx.SetEmail("alice", "alice@lost.example", b.now))
	})
	if err != nil {
		t.Fatal(err)
	}
	b.want("alice is back", b.look(), "bob")
	if n := len(mustLines(t, b)); n != 3 {
		t.Errorf("%d lines, nothing new happened", n)
	}
}

func mustLines(t *testing.T, b *bench) []record.Audit {
	t.Helper()
	lines, err := b.book.AuditsToTell(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestNoAnswerFreezesNobody: SERVFAIL for weeks is no sign of anything.
// TestFrozenKeepsItsAddress: what was asked for before the freeze, perhaps by who
// has the domain now, does not end it.
func TestFrozenKeepsItsAddress(t *testing.T) {
	b := newBench(t, "")
	b.user("alice", "lost.example")
	b.user("bob", "well.example")
	b.dns.set("well.example", "mx")
	err := b.book.Update(t.Context(), func(tx *record.Tx) error {
		due := b.now.Add(90 * 24 * time.Hour)
		return errors.Join(
			tx.AddWaiting(record.Waiting{ID: "hers", Kind: "email.change", Account: "alice", Actor: "alice", Body: []byte("{}"), Created: b.now, Due: due}),
			tx.AddWaiting(record.Waiting{ID: "key", Kind: "passkey.remove", Account: "alice", Actor: "alice", Body: []byte("{}"), Created: b.now, Due: due}),
			tx.AddWaiting(record.Waiting{ID: "his", Kind: "email.change", Account: "bob", Actor: "bob", Body: []byte("{}"), Created: b.now, Due: due}))
	})
	if err != nil {
		t.Fatal(err)
	}
	b.look()
	b.want("a domain that is gone", b.look(), "alice")
	for id, want := range map[string]string{"hers": "cancelled", "key": "", "his": ""} {
		if w, err := b.book.WaitingByID(t.Context(), id); err != nil || w.Outcome != want {
			t.Errorf("%s: %q, want %q, %v", id, w.Outcome, want, err)
		}
	}
	list, err := b.book.Audits(t.Context(), 0, 100)
	if err != nil || !slices.ContainsFunc(list, func(a record.Audit) bool {
		return a.Action == "change.cancel" && a.Account == "alice" && strings.HasPrefix(a.Detail, "email.change: ")
	}) {
		t.Errorf("alice does not hear of it: %+v, %v", list, err)
	}
}

func TestNoAnswerFreezesNobody(t *testing.T) {
	b := newBench(t, "")
	b.user("alice", "x.example")
	b.dns.set("x.example", "broken")
	for range 4 {
		b.want("broken", b.look())
	}
	if d := b.state("x.example", Unknown); !strings.Contains(d.Why, "no answer") {
		t.Errorf("%+v", d)
	}
	b.dns.set("x.example", "mx")
	b.look()
	b.dns.set("x.example", "broken")
	b.want("well before", b.look())
	b.state("x.example", Well)
	// A domain that is there and takes no mail is as lost as one that is gone.
	b.dns.set("x.example", "nothing")
	b.look()
	b.want("takes no mail", b.look(), "alice")
}

func TestAResolverThatIsSilent(t *testing.T) {
	b := newBench(t, "")
	b.names.patience = 200 * time.Millisecond
	b.dns.set("x.example", "silent")
	if s := b.names.see(t.Context(), "x.example"); s.state != Unknown {
		t.Errorf("%+v", s)
	}
}

func TestEachDomainOnceADay(t *testing.T) {
	b := newBench(t, "")
	b.user("alice", "x.example")
	b.user("bob", "X.Example")
	b.user("carol", "bücher.example")
	b.look()
	if got := b.dns.asked(); !slices.Equal(got, []string{"x.example", "xn--bcher-kva.example"}) {
		t.Errorf("asked about %v", got)
	}
	if err := b.Look(t.Context()); err != nil || len(b.dns.asked()) != 0 {
		t.Errorf("asked again on the same day, %v", err)
	}
	err := b.book.Update(t.Context(), func(tx *record.Tx) error { return tx.SetEmail("carol", "carol@x.example", b.now) })
	if err != nil {
		t.Fatal(err)
	}
	b.look()
	if list, err := b.book.Domains(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("domains %+v, %v", list, err)
	}
}

// TestABrokenResolverFreezesNobody: when all domains vanish at once, it is not they.
func TestABrokenResolverFreezesNobody(t *testing.T) {
	b := newBench(t, "")
	for i := range 10 {
		b.user(fmt.Sprint("user", i), fmt.Sprintf("d%d.example", i))
		b.dns.set(fmt.Sprintf("d%d.example", i), "mx")
	}
	b.look()
	for i := range 10 {
		b.dns.set(fmt.Sprintf("d%d.example", i), "gone")
	}
	for range 4 {
		b.want("all vanished", b.look())
	}
	if !strings.Contains(b.log.String(), "nobody was frozen") {
		t.Errorf("the log:\n%s", b.log.String())
	}
	for i := range 9 {
		b.dns.set(fmt.Sprintf("d%d.example", i), "mx")
	}
	b.look()
	b.want("one is really gone", b.look(), "user9")
}

// service is an RDAP service behind one that redirects.
type service struct {
	*httptest.Server
	mu   sync.Mutex
	says map[string]string // domain -> body, or a status
	asks []string
}

func openService(t *testing.T) *service {
	s := &service{says: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if name, ok := strings.CutPrefix(q.URL.Path, "/bootstrap/domain/"); ok {
			http.Redirect(w, q, "/registry/domain/"+name, http.StatusFound)
			return
		}
		name := strings.TrimPrefix(q.URL.Path, "/registry/domain/")
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asks = append(s.asks, name)
		body := s.says[name]
		switch body {
		case "":
			http.Error(w, "{}", http.StatusNotFound)
		case "busy":
			http.Error(w, "{}", http.StatusTooManyRequests)
		case "endless":
			w.Write(bytes.Repeat([]byte(" "), maxAnswer+10)) //nolint:errcheck // as much as is taken
		default:
			w.Header().Set("Content-Type", "application/rdap+json")
			fmt.Fprint(w, body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) set(name, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says[name] = body
}

func domain(registered, status string) string {
	return fmt.Sprintf(`{"objectClassName":"domain","status":[%s],"events":[{"eventAction":"last changed","eventDate":"2030-01-01T00:00:00Z"},
		{"eventAction":"registration","eventDate":%q}]}`, status, registered)
}

func TestWhatTheRegistrySays(t *testing.T) {
	s := openService(t)
	b := newBench(t, s.URL+"/bootstrap")
	for _, d := range []string{"mail.redeem.example", "sold.example", "delete.example", "fine.example", "busy.example"} {
		b.user(strings.ReplaceAll(strings.TrimSuffix(d, ".example"), ".", "-"), d)
		b.dns.set(d, "mx") // a parked domain still takes mail
		s.set(strings.TrimPrefix(d, "mail."), domain("2010-01-01T00:00:00Z", `"active"`))
	}
	b.want("all well", b.look())
	if d := b.state("sold.example", Well); d.Registered.Year() != 2010 {
		t.Errorf("%+v", d)
	}
	s.set("redeem.example", domain("2010-01-01T00:00:00Z", `"redemption period","inactive"`))
	b.want("one sign is enough", b.look(), "mail-redeem")
	s.set("delete.example", domain("2010-01-01T00:00:00Z", `"pendingDelete"`))
	b.want("the words of EPP", b.look(), "delete", "mail-redeem")
	b.user("newcomer", "sold.example")
	b.now = b.now.Add(time.Hour)
	s.set("sold.example", domain(b.now.Add(-30*time.Minute).Format(time.RFC3339), `"active"`))
	b.want("changed hands", b.look(), "delete", "mail-redeem", "newcomer", "sold")
	b.user("buyer", "sold.example") // whoever owns it now is not to blame
	for _, bad := range []string{"busy", "", "endless", "[]", "{", `{"status":7}`} {
		s.set("busy.example", bad)
		b.want("no clear answer: "+bad, b.look(), "delete", "mail-redeem", "newcomer", "sold")
	}
	b.state("busy.example", Well)
	if last := mustLines(t, b); !strings.Contains(last[len(last)-1].Detail, "registered anew on 2026-03-0") {
		t.Errorf("told: %+v", last[len(last)-1])
	}
	for _, q := range s.asks {
		if strings.Contains(q, "mail.") || strings.Contains(q, "@") {
			t.Errorf("the service was asked about %s", q)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []Config{
		{DNS: "resolver.example:53"}, {DNS: "192.0.2.1"}, {RDAP: "rdap.example"}, {RDAP: "http://rdap.example/"}, {RDAP: "https://"}, {RDAP: "https://rdap.example/?a"},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if _, err := New(Config{DNS: "[2001:db8::53]:53", RDAP: "https://rdap.example/v1"}); err != nil {
		t.Error(err)
	}
	for address, want := range map[string]string{
		"a@Example.ORG": "example.org", "a@b@example.org.": "example.org", "a@localhost": "", "a@[192.0.2.1]": "", "": "", "a": "", "a@bücher.example": "xn--bcher-kva.example",
	} {
		if got := DomainOf(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
