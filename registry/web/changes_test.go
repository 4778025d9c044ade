package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"
)

// TestCancelLink: whoever has the mail cancels, signed out; whoever opens links
// of mails without reading them, as scanners do, changes nothing.
func TestCancelLink(t *testing.T) {
	book, err := record.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	room := waiting.New(book, []byte("0123456789abcdef0123456789abcdef"))
	room.Now = func() time.Time { return now }
	room.Handle("passkey.remove", func(context.Context, record.Waiting) error { return nil })
	pages := New(Config{Book: book, Waiting: room, URL: "https://pkgs.example/", Log: slog.New(slog.DiscardHandler), Now: room.Now})
	put := func() (w record.Waiting) {
		err := book.Update(t.Context(), func(tx *record.Tx) (err error) {
			w, err = room.Put(tx, record.Waiting{Kind: "passkey.remove", Account: "alice", Actor: "alice", Body: []byte("{}")})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	ask := func(method, id, secret string) (int, string) {
		t.Helper()
		var r *http.Request
		target := "/changes/" + id + "/cancel"
		if method == http.MethodPost {
			r = httptest.NewRequest(method, target, strings.NewReader(url.Values{"secret": {secret}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		} else {
			r = httptest.NewRequest(method, target+"?secret="+secret, nil)
		}
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	waits := func(id string, want bool) {
		t.Helper()
		if w, err := book.WaitingByID(t.Context(), id); err != nil || w.Ended.IsZero() != want {
			t.Errorf("the change waits: %v, want %v, %v", w.Ended.IsZero(), want, err)
		}
	}
	w := put()
	secret := room.Secret(w.ID)
	for range 3 {
		if code, body := ask("GET", w.ID, secret); code != 200 || !strings.Contains(body, "4 March 2026") || !strings.Contains(body, "the account alice") {
			t.Errorf("opened: %d\n%s", code, body)
		}
	}
	waits(w.ID, true)
	for _, method := range []string{"GET", "POST"} {
		for _, bad := range []string{"", secret[:len(secret)-1], room.Secret("another")} {
			if code, body := ask(method, w.ID, bad); code != 403 || strings.Contains(body, "alice") {
				t.Errorf("%s with %q: %d\n%s", method, bad, code, body)
			}
		}
	}
	waits(w.ID, true)
	if code, body := ask("POST", w.ID, secret); code != 200 || !strings.Contains(body, "is cancelled") {
		t.Errorf("the button: %d\n%s", code, body)
	}
	waits(w.ID, false)
	lines, err := book.Audits(t.Context(), 0, 10)
	if err != nil || len(lines) != 1 || lines[0].Action != "change.cancel" || lines[0].Actor != "link" || lines[0].Account != "alice" {
		t.Errorf("the journal: %+v, %v", lines, err)
	}
	if code, _ := ask("POST", w.ID, secret); code != 409 {
		t.Errorf("the button again: %d", code)
	}
	if code, body := ask("GET", w.ID, secret); code != 200 || !strings.Contains(body, "cancelled before") || strings.Contains(body, "<form method=\"post\" action=\"/changes") {
		t.Errorf("opened after it: %d\n%s", code, body)
	}
	made := put()
	now = now.Add(73 * time.Hour)
	if err := room.Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, body := ask("GET", made.ID, room.Secret(made.ID)); code != 200 || !strings.Contains(body, "cannot be cancelled any more") {
		t.Errorf("too late: %d\n%s", code, body)
	}
}
