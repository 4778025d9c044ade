package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/ecosystem/npm"
	"bonded.dev/registry/event"
	"bonded.dev/registry/glass"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/people"
	"bonded.dev/registry/privacy"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
	"bonded.dev/registry/waiting"
	"bonded.dev/registry/web/webtest"
)

// office is a set of pages over real rooms, with olga and oscar, who are
// administrators, and alice and bob, who are not.
func office(t *testing.T) *Pages {
	t.Helper()
	book, err := record.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fails(t, book.Close()) })
	clock := func() time.Time { return noon }
	k := identity.New(book)
	k.Now = clock
	for _, user := range []string{"alice", "bob", "olga", "oscar"} {
		if _, err := k.AddUser(t.Context(), user, user+"@example.org"); err != nil {
			t.Fatal(err)
		}
	}
	fails(t, book.Update(t.Context(), func(tx *record.Tx) error {
		return errors.Join(tx.SetRoles("olga", []string{"administrator"}), tx.SetRoles("oscar", []string{"administrator"}))
	}))
	wait := waiting.New(book, []byte("a key of thirty-two secret bytes"))
	wait.Now = clock
	p := New(Config{
		Book: book, Keeper: k, SignIn: &signin.Room{}, Waiting: wait, Ecosystems: []ecosystem.Ecosystem{npm.Ecosystem{}},
		People:  people.New(people.Config{Book: book, Waiting: wait, Now: clock}),
		Privacy: privacy.New(privacy.Config{Book: book, Waiting: wait, Now: clock}),
		Glass:   glass.New(glass.Config{Book: book, Desk: logless{book}, Now: clock}),
		Log:     slog.New(slog.DiscardHandler), URL: "http://example.org/", Now: clock,
	})
	p.session = func(_ context.Context, cookie string) (*signin.Session, identity.Secret, error) {
		if cookie == "" {
			return nil, identity.Secret{}, errors.New("no session")
		}
		return &signin.Session{User: cookie, Stepped: noon}, identity.Secret{}, nil
	}
	p.factors = func(context.Context, string) (signin.Factors, error) {
		return signin.Factors{Passkeys: []record.Passkey{{}}}, nil
	}
	return p
}

// logless is a desk without a log behind it.
type logless struct{ book *record.Book }

func (l logless) Override(ctx context.Context, _ []byte, note func(*record.Tx) error) (bonded.Receipt, error) {
	return bonded.Receipt{}, l.book.Update(ctx, note)
}

// visit asks a page as a user; form nil is a GET.
func visit(p *Pages, user, path string, form url.Values) *httptest.ResponseRecorder {
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	q := httptest.NewRequest(method, "http://example.org"+path, strings.NewReader(body))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.AddCookie(&http.Cookie{Name: "bonded-session", Value: user})
	w := httptest.NewRecorder()
	p.ServeHTTP(w, q)
	return w
}

// pressed visits a button and holds it to its promise: what went well has left
// a line of one of the route's events.
func pressed(t *testing.T, p *Pages, user, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	newest, err := p.Book.Audits(t.Context(), 0, 1)
	fails(t, err)
	w := visit(p, user, path, form)
	if w.Code >= 400 {
		return w
	}
	after := int64(0)
	if len(newest) > 0 {
		after = newest[0].ID
	}
	lines, err := p.Book.Journal(t.Context(), record.JournalFilter{After: after}, 100)
	fails(t, err)
	q := httptest.NewRequest(http.MethodPost, "http://example.org"+path, nil)
	_, pattern := p.mux.Handler(q)
	for _, r := range p.Routes() {
		if r.Method+" "+r.Path != pattern {
			continue
		}
		if r.Events == "-" {
			return w
		}
		for _, l := range lines {
			for e := range strings.FieldsSeq(r.Events) {
				if l.Action == e {
					return w
				}
			}
		}
		t.Errorf("POST %s went well (%d) and left none of %q in the journal, but %v", path, w.Code, r.Events, lines)
		return w
	}
	t.Errorf("POST %s is no route", path)
	return w
}

func write(t *testing.T, p *Pages, lines ...record.Audit) {
	t.Helper()
	fails(t, p.Book.Update(t.Context(), func(tx *record.Tx) error {
		for _, l := range lines {
			l.At = noon
			if err := event.Record(tx, l); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestJournalPages(t *testing.T) {
	p := office(t)
	name := bonded.Name{Ecosystem: "npm", Key: "@acme/pad", Display: "@acme/pad"}
	fails(t, p.Book.Update(t.Context(), func(tx *record.Tx) error {
		return errors.Join(tx.Claim(name, 1), tx.AddOwner(name, "alice"))
	}))
	write(t, p,
		record.Audit{Actor: "alice", Action: "publish", Subject: name.String(), Detail: "1.0.0"},
		record.Audit{Actor: "bob", Action: "token.add", Subject: "bob", Account: "bob", Detail: "<b>secretive</b>"},
		record.Audit{Actor: "publisher:p1", Action: "publish", Subject: name.String(), Detail: "1.1.0"})
	const ofPackage = "/packages/npm/@acme%2Fpad/journal"
	for _, c := range []struct {
		user, path   string
		status       int
		shows, hides string
	}{
		{"alice", "/account/journal", 200, "1.0.0", "secretive"},
		{"bob", "/account/journal", 200, "&lt;b&gt;secretive", "1.0.0"},
		{"alice", ofPackage, 200, "1.1.0", "secretive"},
		{"bob", ofPackage, 403, "", "1.1.0"},
		{"olga", ofPackage, 200, "1.1.0", "secretive"},
		{"olga", "/packages/none/x/journal", 404, "", "1.0.0"},
		{"alice", "/admin/journal", 403, "", "1.0.0"},
		{"olga", "/admin/journal", 200, "1.1.0", "<b>"},
		{"olga", "/admin/journal?account=bob", 200, "secretive", "1.1.0"},
		{"olga", "/admin/journal?subject=" + url.QueryEscape(name.String()), 200, "1.1.0", "secretive"},
		{"alice", "/account/journal/other.txt", 404, "", "1.0.0"},
		{"", "/account/journal", 303, "", "1.0.0"},
	} {
		w := visit(p, c.user, c.path, nil)
		body := w.Body.String()
		if w.Code != c.status || !strings.Contains(body, c.shows) || strings.Contains(body, c.hides) {
			t.Errorf("%s at %s: %d, wants %d with %q and without %q:\n%s", c.user, c.path, w.Code, c.status, c.shows, c.hides, body)
		}
		if w.Code == 200 {
			for _, wrong := range webtest.Faults(body) {
				t.Errorf("%s at %s: %s", c.user, c.path, wrong)
			}
		}
	}
	for path, want := range map[string]int{
		"/account/journal/journal.ndjson":      2, // one line says that the account was made
		"/account/journal/journal.ocsf.ndjson": 2,
		ofPackage + "/journal.ndjson":          2,
	} {
		w := visit(p, "alice", path, nil)
		if w.Code != 200 || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d, %v", path, w.Code, w.Header())
		}
		n := 0
		for line := range strings.Lines(w.Body.String()) {
			var v map[string]any
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			n++
		}
		if n != want {
			t.Errorf("%s: %d lines, want %d:\n%s", path, n, want, w.Body)
		}
	}
}

func TestJournalTurnsPages(t *testing.T) {
	p := office(t)
	for i := range onPage + 5 {
		write(t, p, record.Audit{Actor: "bob", Action: "tag", Subject: "npm/x", Detail: fmt.Sprintf("(%d)", i)})
	}
	first := visit(p, "bob", "/account/journal", nil).Body.String()
	if !strings.Contains(first, "(104)") || strings.Contains(first, "(4)") {
		t.Error("the first page does not show the newest lines")
	}
	_, rest, found := strings.Cut(first, "/account/journal?before=")
	id, _, _ := strings.Cut(rest, `"`)
	if !found {
		t.Fatal("no way to older lines")
	}
	second := visit(p, "bob", "/account/journal?before="+id, nil).Body.String()
	if !strings.Contains(second, "(4)") || strings.Contains(second, "(5)") || strings.Contains(second, "Older") {
		t.Errorf("the second page:\n%s", second)
	}
}

func TestDataPages(t *testing.T) {
	p := office(t)
	page := visit(p, "alice", "/account/data", nil)
	if page.Code != 200 || strings.Contains(page.Body.String(), "orphan") {
		t.Errorf("%d: %s", page.Code, page.Body)
	}
	for _, wrong := range webtest.Faults(page.Body.String()) {
		t.Error(wrong)
	}
	w := pressed(t, p, "alice", "/account/data/export", url.Values{})
	var got privacy.Person
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.User != "alice" || len(got.Kept["user_account"]) != 1 || len(got.Kept["audit"]) < 2 {
		t.Errorf("%d: %s, %v", w.Code, w.Body, err)
	}
	if strings.Contains(w.Body.String(), "bob") {
		t.Error("alice's file speaks of bob")
	}
	if w := pressed(t, p, "alice", "/account/data/erase", url.Values{"name": {"bob"}}); w.Code != 400 {
		t.Errorf("without writing the name: %d", w.Code)
	}
	name := bonded.Name{Ecosystem: "npm", Key: "pad", Display: "pad"}
	fails(t, p.Book.Update(t.Context(), func(tx *record.Tx) error { return errors.Join(tx.Claim(name, 1), tx.AddOwner(name, "alice")) }))
	if w := pressed(t, p, "alice", "/account/data/erase", url.Values{"name": {"alice"}}); w.Code != 409 || !strings.Contains(w.Body.String(), "npm/pad") {
		t.Errorf("the last owner: %d, %s", w.Code, w.Body)
	}
	if body := visit(p, "alice", "/account/data", nil).Body.String(); !strings.Contains(body, "orphan") || len(webtest.Faults(body)) > 0 {
		t.Errorf("%v\n%s", webtest.Faults(body), body)
	}
	if w := pressed(t, p, "alice", "/account/data/erase", url.Values{"name": {"alice"}, "orphan": {"yes"}}); w.Code != 303 {
		t.Errorf("meant: %d, %s", w.Code, w.Body)
	}
	body := visit(p, "alice", "/account/data", nil).Body.String()
	if !strings.Contains(body, "Cancel") || strings.Contains(body, "Erase my account") {
		t.Errorf("while it waits:\n%s", body)
	}
	for _, wrong := range webtest.Faults(body) {
		t.Error(wrong)
	}
}

func TestOperatorPages(t *testing.T) {
	p := office(t)
	const reason = "a release with a stolen key must be yanked"
	for _, path := range []string{"/admin", "/admin/glass"} {
		if w := visit(p, "alice", path, nil); w.Code != 403 {
			t.Errorf("alice at %s: %d", path, w.Code)
		}
		w := visit(p, "olga", path, nil)
		if w.Code != 200 {
			t.Errorf("olga at %s: %d %s", path, w.Code, w.Body)
		}
		for _, wrong := range webtest.Faults(w.Body.String()) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
	for _, c := range []struct {
		user, account, reason string
		status                int
	}{
		{"alice", "bob", reason, 403}, {"olga", "bob", "short", 400}, {"olga", "bob", "red \x1b[31m and long enough", 400},
		{"olga", "nobody", reason, 404}, {"olga", "olga", reason, 400}, {"olga", "bob", reason, 303},
	} {
		w := pressed(t, p, c.user, "/admin/glass", url.Values{"account": {c.account}, "reason": {c.reason}})
		if w.Code != c.status {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
	list, err := p.Book.Overrides(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	agree := "/admin/glass/" + list[0].ID + "/agree"
	for user, status := range map[string]int{"alice": 403, "olga": 403} {
		if w := pressed(t, p, user, agree, url.Values{}); w.Code != status {
			t.Errorf("%s agreed: %d", user, w.Code)
		}
	}
	if body := visit(p, "olga", "/admin/glass", nil).Body.String(); strings.Contains(body, agree) {
		t.Error("olga is asked to agree with herself")
	}
	if body := visit(p, "oscar", "/admin/glass", nil).Body.String(); !strings.Contains(body, agree) || len(webtest.Faults(body)) > 0 {
		t.Errorf("oscar is not asked: %v", webtest.Faults(body))
	}
	if w := pressed(t, p, "oscar", agree, url.Values{}); w.Code != 303 {
		t.Errorf("oscar agreed: %d %s", w.Code, w.Body)
	}
	if body := visit(p, "oscar", "/admin/glass", nil).Body.String(); !strings.Contains(body, "--override "+list[0].ID) || len(webtest.Faults(body)) > 0 {
		t.Errorf("%v\n%s", webtest.Faults(body), body)
	}
}
