package notice

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bonded.dev/internal/testenv"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
)

var update = flag.Bool("update", false, "write the mails of testdata anew")

// sample is a line as the rooms write them.
func sample(k event.Kind) record.Audit {
	a := record.Audit{ID: 7, At: noon, Actor: "alice", Action: k.ID, Subject: "alice"}
	if k.Tell == event.Account || k.Tell == event.Both {
		a.Account = "alice"
	}
	if k.Tell == event.Owners || k.Tell == event.Both {
		a.Subject = "eco/left"
	}
	if strings.HasPrefix(k.ID, "org.") {
		a.Subject = "@acme"
	}
	switch k.ID {
	case "user.enrolment", "user.disable", "user.enable", "user.role":
		a.Actor = "admin"
	case "user.freeze", "token.unused", "change.fail", "recovery.done", "domain.lapse":
		a.Actor = "bonded"
	case "change.cancel":
		a.Actor, a.Detail = "link", "passkey.remove"
	case "passkey.add":
		a.Detail = "Laptop, with Firefox on Linux"
	case "token.add":
		a.Detail = "Xy12345678 until 2026-03-08T12:00:00Z: publish:eco/left"
	case "token.leak":
		a.Actor, a.Detail = "bonded", "token Xy12345678, found at https://code.example/alice/tools/blob/main/.env?a=1"
	case "publish":
		a.Actor, a.Detail = "publisher:Ab1234", "1.3.0 (left-1.3.0.tgz) SHA-256 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	case "org.remove-member", "invite.accept", "invite.make", "owner.remove", "recovery.vouch":
		a.Actor = "bob"
	}
	if k.ID == "domain.lapse" {
		a.Subject, a.Detail = "example.org", "its registry says pending delete; 3 accounts are frozen"
	}
	return a
}

// TestEveryMail prints the mail about every kind of event, so that somebody can
// read them all, and holds each to what makes a forged one stand out.
func TestEveryMail(t *testing.T) {
	b := newBenchWith(t, testenv.OpenPostOffice(t, false))
	alice := record.User{Name: "alice", Email: "alice@example.org", Verified: noon}
	for _, k := range event.Kinds {
		if k.Tell == event.Nobody {
			continue
		}
		a := sample(k)
		waits := strings.Contains(k.ID, "ask") && k.ID != "glass.ask"
		if waits {
			a.Waiting = "QUJDREVGR0hJSg"
			b.do(func(tx *record.Tx) error {
				err := tx.AddWaiting(record.Waiting{ID: a.Waiting, Kind: "passkey.remove", Account: "alice", Body: []byte("{}"), Created: noon, Due: noon.Add(72 * time.Hour)})
				if k.ID != firstAsk(t) {
					return nil // it is there
				}
				return err
			})
		}
		m, err := b.compose(t.Context(), alice, []record.Delivery{{Line: a, User: "alice"}})
		if err != nil {
			t.Fatal(k.ID, err)
		}
		check(t, k.ID, m, waits)
		golden(t, k.ID, m)
	}
	var many []record.Delivery
	for i := range 60 {
		line := record.Audit{ID: int64(i), At: noon.Add(time.Duration(i) * time.Second), Actor: "alice", Action: "publish", Subject: "eco/left", Detail: "1.0." + strings.Repeat("1", i%3+1) + " (left.tgz) SHA-256 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}
		many = append(many, record.Delivery{Line: line, User: "alice"})
	}
	m, err := b.compose(t.Context(), alice, many)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "many", m, false)
	golden(t, "publish-many", m)
}

// firstAsk is the kind for which the test's change is written.
func firstAsk(t *testing.T) string {
	t.Helper()
	for _, k := range event.Kinds {
		if k.Tell != event.Nobody && strings.Contains(k.ID, "ask") && k.ID != "glass.ask" {
			return k.ID
		}
	}
	t.Fatal("nothing is asked for any more")
	return ""
}

func TestEveryLetter(t *testing.T) {
	b := newBenchWith(t, testenv.OpenPostOffice(t, false))
	for kind := range letters {
		m, err := b.letter(signin.Letter{Kind: kind, To: "a@example.org", User: "alice", Path: "x/bnc_secret", Where: "Firefox on Linux"})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(m.Body, "\nhttps://pkgs.example/x/bnc_secret\n") {
			t.Errorf("%s: the link does not stand on a line of its own:\n%s", kind, m.Body)
		}
		m.ID = "letter"
		golden(t, "letter-"+kind, m)
	}
	if _, err := b.letter(signin.Letter{Kind: "lottery"}); err == nil {
		t.Error("a letter of an unknown kind was written")
	}
}

var links = regexp.MustCompile(`(?i)(https?://|www\.)\S+`)

func check(t *testing.T, what string, m text, waits bool) {
	t.Helper()
	if !strings.HasPrefix(m.Subject, "[bonded pkgs.example] ") || len(m.Subject) > maxSubject || strings.ContainsAny(m.Subject, "\r\n") {
		t.Errorf("%s: the subject is %q", what, m.Subject)
	}
	found := links.FindAllString(m.Body, -1)
	if waits && len(found) == 1 && strings.HasPrefix(found[0], "https://pkgs.example/changes/") {
		found = nil
	}
	if len(found) > 0 {
		t.Errorf("%s: links that lead elsewhere: %q", what, found)
	}
	for _, line := range strings.Split(m.Body, "\n") {
		if utf8.RuneCountInString(line) > columns && !links.MatchString(line) {
			t.Errorf("%s: a line of %d columns: %q", what, utf8.RuneCountInString(line), line)
		}
	}
}

func golden(t *testing.T, name string, m text) {
	t.Helper()
	path := filepath.Join("testdata", "mails", name+".txt")
	got := "Subject: " + m.Subject + "\n\n" + m.Body
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v; read what the mail says now and write it with: go test ./registry/notice -update\n%s", err, got)
		return
	}
	if got != string(want) {
		t.Errorf("%s changed; read it and write it with: go test ./registry/notice -update\n%s", path, got)
	}
}

// TestGoldenMailsAreOfKinds fails for a mail whose kind is gone.
func TestGoldenMailsAreOfKinds(t *testing.T) {
	files, err := filepath.Glob("testdata/mails/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		id := strings.TrimSuffix(filepath.Base(f), ".txt")
		_, letter := letters[strings.TrimPrefix(id, "letter-")]
		if k, ok := event.Find(id); id != "publish-many" && !letter && (!ok || k.Tell == event.Nobody) {
			t.Errorf("%s: there is no such mail any more", f)
		}
	}
}

// TestWhatOthersWrote: labels and places come from whoever knows a token or
// holds a session, and reach somebody else's mailbox.
func TestWhatOthersWrote(t *testing.T) {
	b := newBench(t)
	b.users("alice")
	for _, hostile := range []string{
		"x\r\nBcc: victim@example.net\r\n\r\nhello", "\u202egnp.exe", "a\x00b\x1b[31m", "https://evil.example/signin",
		"HTTPS://evil.example", "javascript://x", strings.Repeat("long ", 500), strings.Repeat("é", 5000), "\xff\xfe",
	} {
		b.happens(record.Audit{Actor: hostile, Action: "token.leak", Subject: hostile, Account: "alice", Detail: hostile})
		if err := b.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		list := b.office.Mails()
		if len(list) != 1 {
			t.Fatalf("%q: %d mails\n%s", hostile, len(list), b.log.String())
		}
		m := list[0]
		if m.Header.Get("Bcc") != "" || m.To != "alice@example.org" || len(m.Header["Subject"]) != 1 {
			t.Errorf("%q: the header is %v", hostile, m.Header)
		}
		body := bodyOf(t, m)
		check(t, hostile, text{Subject: "[bonded pkgs.example] " + subjectOf(t, m), Body: body}, false)
		if strings.ContainsAny(body, "\u202e\x00\x1b\r") || !utf8.ValidString(body) || len(body) > 6000 {
			t.Errorf("%q: the body is\n%q", hostile, body)
		}
	}
}

func TestHeaders(t *testing.T) {
	b := newBench(t)
	b.users("alice")
	b.happens(record.Audit{Actor: "alice", Action: "passkey.add", Subject: "alice", Account: "alice"})
	if err := b.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := b.office.Mails()[0].Header
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "To": "<alice@example.org>", "Date": "Sun, 01 Mar 2026 12:00:00 +0000",
		"From": `"bonded pkgs.example" <notices@pkgs.example>`, "List-Id": "", "X-Mailer": "", "User-Agent": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if id := h.Get("Message-Id"); !strings.HasSuffix(id, "@pkgs.example>") || strings.Contains(id, "alice") {
		t.Errorf("Message-ID: %s", id)
	}
	if ct := h.Get("Content-Type"); !strings.HasPrefix(ct, "text/plain") {
		t.Errorf("Content-Type: %s", ct)
	}
}
