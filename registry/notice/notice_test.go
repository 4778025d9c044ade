package notice

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"bonded.dev"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
	"bonded.dev/registry/waiting"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is a room with a real mail server and a clock that the test turns.
type bench struct {
	*Room
	t      *testing.T
	book   *record.Book
	office *testenv.PostOffice
	path   string
	now    time.Time
	log    bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := newBenchWith(t, testenv.OpenPostOffice(t, true))
	return b
}

func newBenchWith(t *testing.T, office *testenv.PostOffice) *bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bonded.db")
	book, err := record.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, book: book, office: office, path: path, now: noon}
	w := waiting.New(book, []byte("0123456789abcdef0123456789abcdef"))
	w.Now = b.clock
	w.Handle("passkey.remove", func(context.Context, record.Waiting) error { return nil })
	b.Room, err = New(Config{
		Book: book, Waiting: w, Server: "smtp://" + office.Addr, From: "notices@pkgs.example", URL: "https://pkgs.example/",
		TLS: office.Trust, Log: slog.New(slog.NewTextHandler(&b.log, nil)), Now: b.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) clock() time.Time { return b.now }

func (b *bench) do(do func(*record.Tx) error) {
	b.t.Helper()
	if err := b.book.Update(b.t.Context(), do); err != nil {
		b.t.Fatal(err)
	}
}

// sql writes tables that belong to other rooms as they are.
func (b *bench) sql(text string) {
	b.t.Helper()
	db, err := sql.Open("sqlite", b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(b.t.Context(), text); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) users(names ...string) {
	b.t.Helper()
	b.do(func(tx *record.Tx) (err error) {
		for _, n := range names {
			err = errors.Join(err, tx.AddUser(record.User{Name: n, Email: n + "@example.org", Created: noon}))
		}
		return err
	})
}

func (b *bench) happens(a record.Audit) {
	b.t.Helper()
	a.At = b.now
	b.do(func(tx *record.Tx) error { return event.Record(tx, a) })
}

// pass looks once and returns what arrived, as "to subject", sorted.
func (b *bench) pass() []string {
	b.t.Helper()
	if err := b.Pass(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	var list []string
	for _, m := range b.office.Mails() {
		if !m.Encrypted && b.office.Trust != nil {
			b.t.Errorf("a mail to %s crossed the network in clear", m.To)
		}
		list = append(list, m.To+" "+subjectOf(b.t, m))
	}
	slices.Sort(list)
	return list
}

func (b *bench) want(what string, got []string, want ...string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: arrived\n\t%s\nwant\n\t%s\n%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"), b.log.String())
	}
}

func subjectOf(t *testing.T, m testenv.Mail) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(s, "[bonded pkgs.example] ")
}

func bodyOf(t *testing.T, m testenv.Mail) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(m.Body)
	if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		r = quotedprintable.NewReader(r)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

// people makes a package that alice owns by name, bob as an owner of an
// organisation, and carol in a team; dave is a mere member.
func (b *bench) people() {
	b.users("alice", "bob", "carol", "dave", "root")
	left := bonded.Name{Ecosystem: "eco", Key: "left", Display: "left"}
	b.do(func(tx *record.Tx) error {
		return errors.Join(tx.Claim(left, 0), tx.AddOwner(left, "alice"), tx.AddOwner(left, "@acme"), tx.AddOwner(left, "@acme/release"))
	})
	for _, s := range []string{
		`INSERT INTO org (name, created, two_person) VALUES ('acme', 0, 0)`,
		`INSERT INTO member (org, user_name, role, since) VALUES ('acme', 'bob', 'owner', 0), ('acme', 'carol', 'member', 0), ('acme', 'dave', 'member', 0)`,
		`INSERT INTO team_member (org, team, user_name) VALUES ('acme', 'release', 'carol')`,
		`UPDATE user_account SET roles = 'administrator' WHERE name = 'root'`,
	} {
		b.sql(s)
	}
}

func TestWhoIsTold(t *testing.T) {
	b := newBench(t)
	b.people()
	for _, c := range []struct {
		a    record.Audit
		want []string
	}{
		{record.Audit{Actor: "alice", Action: "passkey.add", Subject: "alice", Account: "alice"}, []string{"alice@example.org A passkey was added"}},
		{record.Audit{Actor: "alice", Action: "signin.ok", Subject: "alice", Account: "alice"}, nil},
		{record.Audit{Actor: "alice", Action: "owner", Subject: "eco/left"}, []string{
			"alice@example.org The owners of a package changed: eco/left",
			"bob@example.org The owners of a package changed: eco/left",
			"carol@example.org The owners of a package changed: eco/left"}},
		// dave was removed, so the package does not lead to him any more.
		{record.Audit{Actor: "alice", Action: "owner.remove", Subject: "eco/left", Account: "dave"}, []string{
			"alice@example.org Somebody is not an owner any more: eco/left",
			"bob@example.org Somebody is not an owner any more: eco/left",
			"carol@example.org Somebody is not an owner any more: eco/left",
			"dave@example.org Somebody is not an owner any more: eco/left"}},
		{record.Audit{Actor: "bob", Action: "org.set", Subject: "@acme"}, []string{"bob@example.org The settings of an organisation changed: @acme"}},
		{record.Audit{Actor: "bob", Action: "org.team", Subject: "@acme/release"}, []string{"bob@example.org A team of an organisation changed: @acme/release"}},
		{record.Audit{Actor: "admin", Action: "glass.ask", Subject: "alice", Detail: "why"}, []string{"root@example.org An operator asked to break the glass"}},
		{record.Audit{Actor: "bonded", Action: "token.unused", Subject: "gone", Account: "gone"}, nil},
	} {
		b.happens(c.a)
		b.want(c.a.Action, b.pass(), c.want...)
		b.want(c.a.Action+" again", b.pass())
	}
}

func TestEachIsToldOnceAfterACrash(t *testing.T) {
	b := newBench(t)
	b.people()
	b.happens(record.Audit{Actor: "alice", Action: "owner", Subject: "eco/left"})
	// The process dies when two of three mails were handed over.
	ctx, die := context.WithCancel(t.Context())
	n := 0
	b.office.Refuse = func(string) error {
		if n++; n == 3 {
			die()
		}
		return nil
	}
	if err := b.Pass(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	first := b.office.Mails()
	b.office.Refuse = nil
	if err := b.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	to := map[string]int{}
	ids := map[string]string{}
	for _, m := range append(first, b.office.Mails()...) {
		to[m.To]++
		id := m.Header.Get("Message-Id")
		if old, again := ids[m.To]; again && old != id {
			t.Errorf("%s got the same mail under two ids", m.To)
		}
		ids[m.To] = id
	}
	if to["alice@example.org"] != 1 || to["bob@example.org"] != 1 || to["carol@example.org"] < 1 || to["carol@example.org"] > 2 {
		t.Errorf("mails arrived %v; only the one in flight may come twice", to)
	}
	if ids["alice@example.org"] == ids["bob@example.org"] {
		t.Error("two people's mails have one id")
	}
}

func TestAServerThatIsDown(t *testing.T) {
	b := newBench(t)
	b.users("alice", "bob")
	b.office.Down(true)
	b.happens(record.Audit{Actor: "alice", Action: "passkey.add", Subject: "alice", Account: "alice"})
	b.want("down", b.pass())
	b.office.Down(false)
	b.want("too early", b.pass())
	b.now = b.now.Add(time.Minute)
	b.want("a minute later", b.pass(), "alice@example.org A passkey was added")

	b.office.Down(true)
	b.happens(record.Audit{Actor: "bob", Action: "passkey.add", Subject: "bob", Account: "bob"})
	began, tried := b.now, 0
	for {
		b.pass()
		list, err := b.book.DeliveriesDue(t.Context(), b.now.Add(240*time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		tried++
		if len(list) == 0 {
			break
		}
		if tried > 100 {
			t.Fatal("it is never given up")
		}
		b.now = list[0].Next
	}
	if d := b.now.Sub(began); d < 20*time.Hour || d > 28*time.Hour {
		t.Errorf("given up after %s and %d tries, want about a day", d, tried)
	}
	if !strings.Contains(b.log.String(), "a notice was given up") || strings.Contains(b.log.String(), "bob@example.org") {
		t.Errorf("the log:\n%s", b.log.String())
	}
}

func TestARefusedRecipientHoldsUpNobody(t *testing.T) {
	b := newBench(t)
	b.people()
	b.office.Refuse = func(to string) error {
		switch to {
		case "alice@example.org":
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody here"}
		case "bob@example.org":
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "come back later"}
		}
		return nil
	}
	b.happens(record.Audit{Actor: "alice", Action: "owner", Subject: "eco/left"})
	b.want("the third", b.pass(), "carol@example.org The owners of a package changed: eco/left")
	if !strings.Contains(b.log.String(), "a notice was given up") || strings.Contains(b.log.String(), "@example.org") {
		t.Errorf("the log:\n%s", b.log.String())
	}
	b.office.Refuse = nil
	b.now = b.now.Add(time.Minute)
	b.want("later", b.pass(), "bob@example.org The owners of a package changed: eco/left")
}

func TestReleasesAreNoFlood(t *testing.T) {
	b := newBench(t)
	b.people()
	right := bonded.Name{Ecosystem: "eco", Key: "right", Display: "right"}
	b.do(func(tx *record.Tx) error { return errors.Join(tx.Claim(right, 1), tx.AddOwner(right, "alice")) })
	release := func(pkg, version, actor string) {
		b.happens(record.Audit{Actor: actor, Action: "publish", Subject: pkg, Detail: version})
	}
	for i := range 20 {
		release("eco/left", fmt.Sprint("1.0.", i), "alice")
		b.now = b.now.Add(time.Second)
	}
	release("eco/right", "2.0.0", "alice")
	release("eco/right", "6.6.6", "publisher:x")
	b.want("not at once", b.pass())
	b.now = b.now.Add(settle)
	b.want("one mail each", b.pass(),
		"alice@example.org 21 releases were published", // eco/right was told of in it, so the build job's waits
		"bob@example.org 20 releases were published", "carol@example.org 20 releases were published")
	b.now = b.now.Add(5 * time.Minute)
	release("eco/left", "1.1.0", "alice")
	b.now = b.now.Add(settle)
	b.want("ten minutes are not over", b.pass())
	b.now = b.now.Add(5 * time.Minute)
	b.want("the rest", b.pass(),
		"alice@example.org A release was published: eco/left", "alice@example.org A release was published: eco/right",
		"bob@example.org A release was published: eco/left", "carol@example.org A release was published: eco/left")
	// Alarms are never held back by news.
	b.happens(record.Audit{Actor: "alice", Action: "delete", Subject: "eco/left", Detail: "1.1.0"})
	if got := b.pass(); len(got) != 3 {
		t.Errorf("a deletion: %v", got)
	}
}

func TestWaitingChangesCarryTheCancelLink(t *testing.T) {
	b := newBench(t)
	b.users("alice", "bob")
	b.sql(`UPDATE user_account SET verified = 1 WHERE name = 'alice'`)
	for _, user := range []string{"alice", "bob"} {
		var w record.Waiting
		b.do(func(tx *record.Tx) (err error) {
			if w, err = b.Waiting.Put(tx, record.Waiting{Kind: "passkey.remove", Account: user, Actor: user, Body: []byte("{}")}); err != nil {
				return err
			}
			return event.Record(tx, record.Audit{At: b.now, Actor: user, Action: "passkey.ask-remove", Subject: user, Account: user, Waiting: w.ID})
		})
		if err := b.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		list := b.office.Mails()
		if len(list) != 1 {
			t.Fatalf("%d mails", len(list))
		}
		body := bodyOf(t, list[0])
		link := "https://pkgs.example/changes/" + w.ID + "/cancel?secret=" + b.Waiting.Secret(w.ID)
		// bob's address was never proven: who knows who reads there.
		if has := strings.Contains(body, link); has != (user == "alice") || !strings.Contains(body, "4 March 2026, 12:00 UTC") {
			t.Errorf("%s: link %v in\n%s", user, has, body)
		}
	}
}

func TestFormerAndFrozenAddresses(t *testing.T) {
	b := newBench(t)
	b.users("alice")
	b.sql(`UPDATE user_account SET verified = 1 WHERE name = 'alice'`)
	b.do(func(tx *record.Tx) error { return tx.SetEmail("alice", "mallory@example.net", b.now) })
	line := record.Audit{Actor: "alice", Action: "email.change", Subject: "alice", Account: "alice"}
	b.happens(line)
	b.want("both", b.pass(), "alice@example.org Your e-mail address was changed", "mallory@example.net Your e-mail address was changed")
	b.do(func(tx *record.Tx) error { _, err := tx.SetFrozen("alice", b.now); return err })
	b.happens(line)
	b.want("frozen", b.pass(), "alice@example.org Your e-mail address was changed")
	b.now = b.now.Add(31 * 24 * time.Hour)
	b.happens(line)
	b.want("a month later", b.pass())
	if list, err := b.book.FormerAddresses(t.Context(), "alice", noon); err != nil || len(list) != 0 {
		t.Errorf("an address whose time is over is still kept: %v, %v", list, err)
	}
}

func TestWithoutAServerNothingPilesUp(t *testing.T) {
	b := newBench(t)
	b.users("alice")
	b.server = nil
	b.happens(record.Audit{Actor: "alice", Action: "passkey.add", Subject: "alice", Account: "alice"})
	b.want("no server", b.pass())
	list, err := b.book.AuditsToTell(t.Context(), 10)
	due, err2 := b.book.DeliveriesDue(t.Context(), b.now.Add(time.Hour), 10)
	if err != nil || err2 != nil || len(list) != 0 || len(due) != 0 {
		t.Errorf("left over: %v, %v, %v, %v", list, due, err, err2)
	}
	if err := b.Letter(t.Context(), signin.Letter{Kind: "verify"}); err == nil {
		t.Error("a letter went nowhere without an error")
	}
}

func TestOfTwoNodesOneSends(t *testing.T) {
	b := newBench(t)
	b.users("alice")
	b.happens(record.Audit{Actor: "alice", Action: "passkey.add", Subject: "alice", Account: "alice"})
	other, err := New(b.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.office.Mails()); n != 1 {
		t.Fatalf("the first sent %d mails", n)
	}
	b.happens(record.Audit{Actor: "alice", Action: "passkey.add", Subject: "alice", Account: "alice"})
	b.want("the second waits for the first's lease", b.pass())
	// A node that is stopped lets the other one begin.
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := other.Run(ctx); err != nil {
		t.Fatal(err)
	}
	b.want("the first is stopped", b.pass(), "alice@example.org A passkey was added")
}
