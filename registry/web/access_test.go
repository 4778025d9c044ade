package web

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bonded.dev/registry/event"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
)

var update = flag.Bool("update", false, "write the golden files anew")

// visitors are those whom the access table knows, by the cookie of their session.
var visitors = map[string]*signin.Session{
	"nobody":         nil,
	"enrolling":      {User: "erin", Enrolling: true, Stepped: noon},
	"no passkey":     {User: "norman", Factors: []string{"password", "totp"}, Created: noon},
	"retyped":        {User: "norman", Retyped: noon.Add(-time.Minute)},
	"retyped alice":  {User: "alice", Retyped: noon},
	"session":        {User: "alice"},
	"step-up":        {User: "alice", Stepped: noon.Add(-time.Minute)},
	"stale":          {User: "alice", Stepped: noon.Add(-signin.StepUpLife - time.Second)},
	"operator":       {User: "olga", Stepped: noon},
	"stale operator": {User: "olga"},
}

var columns = []string{"nobody", "enrolling", "no passkey", "retyped", "retyped alice", "session", "stale", "step-up", "stale operator", "operator"}

// gate is a set of pages whose sessions are the visitors of the table.
func gate(t *testing.T) *Pages {
	t.Helper()
	book, err := record.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fails(t, book.Close()) })
	k := identity.New(book)
	for _, user := range []string{"alice", "erin", "norman", "olga"} {
		if _, err := k.AddUser(t.Context(), user, user+"@example.org"); err != nil {
			t.Fatal(err)
		}
	}
	fails(t, book.Update(t.Context(), func(tx *record.Tx) error { return tx.SetRoles("olga", []string{"administrator"}) }))
	p := New(Config{Book: book, Keeper: k, SignIn: &signin.Room{}, URL: "http://example.org/", Now: func() time.Time { return noon }})
	p.session = func(_ context.Context, cookie string) (*signin.Session, identity.Secret, error) {
		if s := visitors[cookie]; s != nil {
			return s, identity.Secret{}, nil
		}
		return nil, identity.Secret{}, errors.New("no such session")
	}
	p.factors = func(_ context.Context, user string) (signin.Factors, error) {
		if user == "norman" {
			return signin.Factors{}, nil
		}
		return signin.Factors{Passkeys: []record.Passkey{{}}}, nil
	}
	return p
}

func fails(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// knocks sends a request to a route as a visitor; the page itself is left out.
func knocks(p *Pages, r Route, visitor string) (status int, where string) {
	r.Do = func(a *Ask) error { a.w.WriteHeader(http.StatusNoContent); return nil }
	q := httptest.NewRequest(r.Method, "http://example.org"+strings.NewReplacer("{", "", "}", "", "...", "").Replace(r.Path), nil)
	q.AddCookie(&http.Cookie{Name: "bonded-session", Value: visitor})
	w := httptest.NewRecorder()
	p.answer(w, q, r)
	where, _, _ = strings.Cut(w.Header().Get("Location"), "?")
	return w.Code, where
}

// TestAccess says for every route who gets in. The table is made from the
// routes: one that is new, gone or changed needs a look at the golden file and
//
//	go test ./registry/web -run TestAccess -update
func TestAccess(t *testing.T) {
	p := gate(t)
	var out strings.Builder
	fmt.Fprintf(&out, "# Who gets to which page: \"in\", or what is answered instead.\n# %s\n\n", strings.Join(columns, " | "))
	for _, r := range p.Routes() {
		cells := []string{}
		for _, v := range columns {
			status, where := knocks(p, r, v)
			cell := fmt.Sprint(status)
			switch {
			case status == http.StatusNoContent:
				cell = "in"
			case where != "":
				cell += " " + where
			}
			cells = append(cells, cell)
		}
		fmt.Fprintf(&out, "%s %s (%s)\n\t%s\n", r.Method, r.Path, r.Need, strings.Join(cells, " | "))
	}
	golden := filepath.Join("testdata", "access.golden")
	if *update {
		fails(t, os.WriteFile(golden, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("who gets to which page changed; if that is meant, run: go test ./registry/web -run TestAccess -update\n%s", difference(string(want), out.String()))
	}
}

// difference lists lines that only one of two texts has.
func difference(want, got string) string {
	has := func(text string) map[string]bool {
		m := map[string]bool{}
		for l := range strings.Lines(text) {
			m[l] = true
		}
		return m
	}
	a, b := has(want), has(got)
	var out strings.Builder
	for l := range strings.Lines(want) {
		if !b[l] {
			out.WriteString("- " + l)
		}
	}
	for l := range strings.Lines(got) {
		if !a[l] {
			out.WriteString("+ " + l)
		}
	}
	return out.String()
}

// TestNeedsAreOrdered holds what the golden file shows against the meaning of
// each need, so that a wrong table cannot be waved through by -update.
func TestNeedsAreOrdered(t *testing.T) {
	in := map[Need]string{
		Anyone:    "nobody enrolling no passkey retyped retyped alice session stale step-up stale operator operator",
		Enrolling: "enrolling no passkey retyped retyped alice session stale step-up stale operator operator",
		Adding:    "enrolling retyped step-up operator",
		Full:      "no passkey retyped retyped alice session stale step-up stale operator operator",
		Fresh:     "step-up operator",
		Operator:  "operator",
	}
	p := gate(t)
	for need, who := range in {
		for _, method := range []string{"GET", "POST"} {
			var got []string
			for _, v := range columns {
				if status, _ := knocks(p, Route{Method: method, Path: "/account", Need: need}, v); status == http.StatusNoContent {
					got = append(got, v)
				}
			}
			if strings.Join(got, " ") != who {
				t.Errorf("%s with the need %s lets in %q, want %q", method, need, strings.Join(got, " "), who)
			}
		}
	}
}

// TestRoutesSayWhatTheyWrite holds every route to its promise: what changes
// something names its events, and they exist; what only shows names none.
func TestRoutesSayWhatTheyWrite(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range gate(t).Routes() {
		id := r.Method + " " + r.Path
		if seen[id] {
			t.Errorf("%s: there twice", id)
		}
		seen[id] = true
		if r.Method == http.MethodGet {
			if r.Events != "" {
				t.Errorf("%s: opening a page writes %s", id, r.Events)
			}
			continue
		}
		if r.Events == "" || (r.Events == "-") != (r.Why != "") {
			t.Errorf("%s: events %q, why %q: want events, or \"-\" with a reason", id, r.Events, r.Why)
		}
		for _, e := range strings.Fields(r.Events) {
			if _, ok := event.Find(e); !ok && e != "-" {
				t.Errorf("%s: there is no event %q", id, e)
			}
		}
	}
}

// TestWhatChangesAuthorityIsFresh is a second opinion on the routes: everything
// that adds, removes or hands out a right asks for a proof within minutes.
func TestWhatChangesAuthorityIsFresh(t *testing.T) {
	// These give nothing away: they deny, or they end in what is asked for here.
	slow := map[string]string{
		"POST /signout": "ends", "POST /account/tokens/{id}/revoke": "ends", "POST /account/sessions/{id}/end": "ends",
		"POST /account/sessions/end-others": "ends", "POST /account/publishers/{id}/remove": "ends", "POST /account/data/export": "shows, and says so", "POST /account/changes/{id}/cancel": "cancels", "POST /account/confirm": "is the proof itself",
		"POST /account/confirm/options": "is the proof itself", "POST /account/confirm/code": "is the proof itself", "POST /account/finish": "is for enrolling sessions alone",
	}
	for _, r := range gate(t).Routes() {
		id := r.Method + " " + r.Path
		if r.Method == http.MethodGet || !strings.HasPrefix(r.Path, "/account/") || slow[id] != "" {
			continue
		}
		if r.Need != Fresh && r.Need != Adding && r.Need != Operator {
			t.Errorf("%s needs %q", id, r.Need)
		}
	}
}
