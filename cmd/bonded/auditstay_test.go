package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev/prove/audit"
	visitors "bonded.dev/prove/visit/all"
	"bonded.dev/registry/record"
)

// lodging is a repository with three accounts for an auditor, and a directory
// in which the mails of the first one land.
type lodging struct {
	*victim
	url   string
	inbox string
	links map[string]string
}

func lodge(t *testing.T) *lodging {
	t.Helper()
	url, v := audited(t)
	l := &lodging{victim: v.(*victim), url: url, inbox: t.TempDir(), links: map[string]string{}}
	for _, who := range []string{"tester", "member", "lapsed"} {
		if _, err := l.r.keeper.AddUser(t.Context(), who, who+"@"+who+".invalid"); err != nil {
			t.Fatal(err)
		}
		link, err := l.r.keeper.NewEnrolment(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		l.links[who] = url + "enrol/" + link.Reveal()
	}
	// What the daily look at domains does: its own tests and drill show that.
	err := l.h.book.Update(t.Context(), func(tx *record.Tx) error {
		_, err := tx.SetFrozen("lapsed", l.now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.deliver(ctx, t)
	}()
	t.Cleanup(func() { stop(); <-done })
	return l
}

// deliver puts the tester's mails into the directory. After the last thing that
// the stay does, the clock is turned, so that notices which are collected for a
// while are sent.
func (l *lodging) deliver(ctx context.Context, t *testing.T) {
	n, turned, part := 0, false, filepath.Join(t.TempDir(), "part")
	for ctx.Err() == nil {
		mails := l.town.post.inbox("tester@tester.invalid")
		for ; n < len(mails); n++ {
			text := "Subject: " + mails[n].Subject + "\n\n" + mails[n].Text
			if err := errors.Join(os.WriteFile(part, []byte(text), 0o600), os.Rename(part, filepath.Join(l.inbox, fmt.Sprint(n)))); err != nil {
				t.Error(err)
			}
			if !turned && strings.Contains(mails[n].Text, l.url+"recover/") {
				turned = true
				if err := l.Later(ctx, 2*time.Minute); err != nil {
					t.Error(err)
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestAuditStay: with accounts for the visit, level 3 of Authentication is seen,
// and what keeps Authorization from it is named.
func TestAuditStay(t *testing.T) {
	l := lodge(t)
	args := []string{"audit", l.url, "--json", "--inbox", l.inbox, "--require", "Authentication=3", "--require", "Authorization=2"}
	for who, link := range l.links {
		file := filepath.Join(t.TempDir(), who)
		if err := os.WriteFile(file, []byte(link+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--account", who+"=@"+file)
	}
	code, out, errs := bondedRun(t, args...)
	r := auditOf(t, out)
	if r.Stay == nil || r.Stay.Ended != "" || r.Stay.Bad != 0 {
		t.Errorf("the stay: %+v", r.Stay)
	}
	if code != exitOK || errs != "" {
		t.Errorf("exit %d, %s", code, errs)
	}
	honest(t, r)
	for _, s := range r.Sections {
		track := s.TrackOf("Authentication")
		if track.Level < 3 {
			t.Errorf("%s: Authentication is seen at %d: %+v", s.Kind, track.Level, track.Next)
		}
		for _, j := range s.Controls {
			if j.Track == "Authentication" && j.Level <= 3 && len(j.Evidence) == 0 {
				t.Errorf("%s: %s is %s without evidence", s.Kind, j.Control, j.State)
			}
		}
		for _, p := range s.Principles {
			switch p.Group {
			case "Authentication":
				if p.Level != 3 {
					t.Errorf("%s: Authentication of the Principles is seen at %d: %s", s.Kind, p.Level, p.Keeps())
				}
			case "Authorization":
				open := slices.DeleteFunc(slices.Clone(p.Items), func(it audit.Item) bool { return it.State == audit.Held })
				if len(open) != 2 || open[0].Item != "Authorization 3.1" || open[0].State != audit.Documented || open[1].Item != "Authorization 3.3" {
					t.Errorf("%s: open in Authorization: %+v", s.Kind, open)
				}
			}
		}
	}
	for _, secret := range l.links {
		if strings.Contains(out, secret) {
			t.Error("the report holds an enrolment link")
		}
	}
	l.left(t)
}

// TestAuditStayBites: what a stay sees held in a whole repository it sees missing
// in one that does without.
func TestAuditStayBites(t *testing.T) {
	for _, id := range []string{"mfa-totp", "mfa-required-all", "session-hygiene", "new-device-login", "brute-force-limits", "breached-passwords"} {
		t.Run(id, func(t *testing.T) {
			made, err := startVictim(t.Context(), []string{id}, visitors.Dialects())
			if err != nil {
				t.Fatal(err)
			}
			defer made.Close()
			v := made.(*victim)
			if _, err := v.r.keeper.AddUser(t.Context(), "tester", "tester@tester.invalid"); err != nil {
				t.Fatal(err)
			}
			link, err := v.r.keeper.NewEnrolment(t.Context(), "tester")
			if err != nil {
				t.Fatal(err)
			}
			_, out, _ := bondedRun(t, "audit", v.url, "--json", "--kind", v.sites[0].Dialect.ID(), "--account", "tester="+v.url+"enrol/"+link.Reveal())
			j := auditOf(t, out).Sections[0].Find(id)
			if j.State != audit.NotHeld || len(j.Evidence) == 0 {
				t.Errorf("%s: %s %+v", j.State, j.Why, j.Evidence)
			}
		})
	}
}

func TestMailsIn(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a": "Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nhttps://a.example/recover/=\r\nabc=3Dd", "b": "Content-Transfer-Encoding: base64\n\naGVsbG8=\n",
		"c": "no mail",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := mailsIn(dir); err != nil || !slices.Equal(got, []string{"https://a.example/recover/abc=d", "hello"}) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := mailsIn(filepath.Join(dir, "none")); err == nil {
		t.Error("an inbox that is not there is no error")
	}
}

// left holds the auditor to leaving nothing alive.
func (l *lodging) left(t *testing.T) {
	t.Helper()
	tokens, err := l.h.book.Tokens(t.Context(), "tester")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range tokens {
		if one.Revoked.IsZero() {
			t.Errorf("a token is left: %+v", one)
		}
	}
	waits, err := l.h.book.WaitingOfAccount(t.Context(), "tester")
	if err != nil || len(waits) != 0 {
		t.Errorf("changes wait: %+v, %v", waits, err)
	}
}
