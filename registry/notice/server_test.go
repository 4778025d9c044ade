package notice

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"bonded.dev"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/signin"
)

func TestServerSettings(t *testing.T) {
	for text, want := range map[string]server{
		"smtp://mail.example.org":              {host: "mail.example.org", port: 587, policy: 0},
		"smtp://bonded@mail.example.org:25":    {host: "mail.example.org", port: 25, user: "bonded"},
		"smtps://mail.example.org":             {host: "mail.example.org", port: 465, implicit: true},
		"smtp+plain://localhost":               {host: "localhost", port: 25, policy: 2},
		"smtp+plain://bonded@127.0.0.1:2525":   {host: "127.0.0.1", port: 2525, policy: 2, user: "bonded"},
		"smtp+plain://mail.example.org:1025":   {host: "mail.example.org", port: 1025, policy: 2},
		"smtp://user%40example.org@[::1]:2525": {host: "::1", port: 2525, user: "user@example.org"},
	} {
		got, err := parseServer(text, "")
		if err != nil || got.host != want.host || got.port != want.port || got.user != want.user || got.implicit != want.implicit {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, why := range map[string]string{
		"mail.example.org":                     "want smtp://",
		"http://mail.example.org":              "want smtp://",
		"smtp://":                              "want smtp://",
		"smtp://mail.example.org/inbox":        "want smtp://",
		"smtp://u:hunter2@mail.example.org":    "BONDED_MAIL_PASSWORD",
		"smtp+plain://user@mail.example.org":   "in clear",
		"smtp://mail.example.org:99999":        "no port",
		"ftp://u:hunter2@mail.example.org":     "BONDED_MAIL_PASSWORD",
		"smtp://u:hunter2@mail.example.org/%z": "want smtp://",
	} {
		_, err := parseServer(text, "")
		if kind, _, public := bonded.Explain(err); err == nil || kind != bonded.Invalid || !strings.Contains(public, why) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", text, err, why)
		}
	}
	if _, err := New(Config{Server: "smtp://mail.example.org", From: "nobody"}); err == nil {
		t.Error("a sender without an address was taken")
	}
}

func (b *bench) through(server, password string, trust *testenv.PostOffice) error {
	b.t.Helper()
	c := b.Config
	c.Server, c.Password, c.TLS = server, password, trust.Trust
	r, err := New(c)
	if err != nil {
		b.t.Fatal(err)
	}
	return r.Letter(b.t.Context(), signin.Letter{Kind: "verify", To: "a@example.org", User: "alice", Path: "x"})
}

func TestEncryption(t *testing.T) {
	b := newBench(t)
	clear := testenv.OpenPostOffice(t, false)
	secure := b.office
	if err := b.through("smtp://"+secure.Addr, "", secure); err != nil {
		t.Error(err)
	}
	if m := secure.Mails(); len(m) != 1 || !m[0].Encrypted {
		t.Errorf("by STARTTLS arrived %+v", m)
	}
	// Whoever strips STARTTLS on the way, or shows a certificate of their own, gets nothing.
	if err := b.through("smtp://"+clear.Addr, "", secure); err == nil || len(clear.Mails()) != 0 {
		t.Errorf("a server without STARTTLS was given a mail, %v", err)
	}
	if err := b.through("smtp://"+secure.Addr, "", clear); err == nil || len(secure.Mails()) != 0 {
		t.Errorf("a server with an unknown certificate was given a mail, %v", err)
	}
	if err := b.through("smtp+plain://"+clear.Addr, "", clear); err != nil {
		t.Error(err)
	}
	if m := clear.Mails(); len(m) != 1 || m[0].Encrypted {
		t.Errorf("to the relay arrived %+v", m)
	}
}

func TestLogIn(t *testing.T) {
	b := newBench(t)
	b.office.User, b.office.Password = "bonded", "correct horse"
	server := "smtp://bonded@" + b.office.Addr
	if err := b.through(server, "correct horse", b.office); err != nil {
		t.Error(err)
	}
	if m := b.office.Mails(); len(m) != 1 || m[0].LoggedIn != "bonded" {
		t.Errorf("arrived %+v", m)
	}
	err := b.through(server, "battery staple", b.office)
	if kind, _, public := bonded.Explain(err); kind != bonded.Unavailable || strings.Contains(err.Error()+public+b.log.String(), "battery") {
		t.Errorf("a wrong password: %v\n%s", err, b.log.String())
	}
}

func TestLettersThatCannotBeSent(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	b.office.Refuse = func(string) error { return &smtp.SMTPError{Code: 550, Message: "no"} }
	for what, server := range map[string]string{"nobody listens": "smtp://" + l.Addr().String(), "refused": "smtp://" + b.office.Addr} {
		err := b.through(server, "", b.office)
		if kind, _, public := bonded.Explain(err); kind != bonded.Unavailable || strings.Contains(public, "example.org") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if strings.Contains(b.log.String(), "a@example.org") {
		t.Errorf("an address stands in the log:\n%s", b.log.String())
	}
	r, err := New(Config{URL: "https://pkgs.example/", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if kind, _, _ := bonded.Explain(r.Test(t.Context(), "a@example.org")); kind != bonded.Invalid {
		t.Error("a test without a server found nothing wrong")
	}
}
