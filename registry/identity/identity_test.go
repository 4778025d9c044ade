package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is a keeper with a clock that the test turns.
type bench struct {
	*Keeper
	t    *testing.T
	book *record.Book
	mu   sync.Mutex
	now  time.Time
}

func newBench(t *testing.T) *bench {
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
	b := &bench{t: t, book: book, now: noon}
	b.Keeper = b.node()
	return b
}

// node is another keeper over the same book, as another process has it.
func (b *bench) node() *Keeper {
	k := New(b.book)
	k.Now = func() time.Time {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.now
	}
	return k
}

func (b *bench) later(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) user(name string) {
	b.t.Helper()
	if _, err := b.AddUser(b.t.Context(), name, name+"@example.org"); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) token(user string, scopes ...string) (Secret, string) {
	b.t.Helper()
	var list []Scope
	for _, s := range scopes {
		scope, err := ParseScope(s)
		if err != nil {
			b.t.Fatal(err)
		}
		list = append(list, scope)
	}
	secret, kept, err := b.AddToken(b.t.Context(), user, list, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return secret, kept.ID
}

func (b *bench) caller(user string, scopes ...string) *Caller {
	b.t.Helper()
	secret, _ := b.token(user, scopes...)
	c, err := b.Authenticate(b.t.Context(), Request{Authorization: "Bearer " + secret.Reveal(), Proof: "000000"})
	if err != nil || c.User() != user {
		b.t.Fatal(c, err)
	}
	return c
}

func (b *bench) owns(name bonded.Name, i uint64, users ...string) {
	b.t.Helper()
	err := b.book.Update(b.t.Context(), func(tx *record.Tx) error {
		err := tx.Claim(name, i)
		for _, u := range users {
			err = errors.Join(err, tx.AddOwner(name, u))
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func refused(t *testing.T, what string, err error, want bonded.Kind, text string) {
	t.Helper()
	kind, _, public := bonded.Explain(err)
	if err == nil || kind != want || !strings.Contains(public, text) {
		t.Errorf("%s: got %v of kind %d, want kind %d and %q in it", what, err, kind, want, text)
	}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestAuthenticate(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	secret, id := b.token("alice", "publish:npm/*", "read:*")
	good := secret.Reveal()
	for _, header := range []string{"Bearer " + good, "bearer " + good, "BEARER  " + good, basic("__token__", good), "basic" + basic("__token__", good)[5:]} {
		c, err := b.Authenticate(t.Context(), Request{Authorization: header})
		if err != nil || c.User() != "alice" || c.TokenID() != id {
			t.Errorf("%.12s...: %v, %v", header, c, err)
		}
	}
	if c, err := b.Authenticate(t.Context(), Request{Authorization: ""}); c != nil || err != nil || c.User() != "" || c.TokenID() != "" {
		t.Errorf("no header: %v, %v", c, err)
	}
	other := newSecret(tokenPrefix).Reveal()
	for header, why := range map[string]string{
		"Bearer " + other:                       "does not know the token",
		"Bearer " + good[:len(good)-1]:          "39 characters",
		"Bearer " + good[:10] + good[11:] + "x": "checksum",
		"Bearer":                                "starts with bnd_",
		"Bearer " + good + " " + good:           "a character that no token has",
		good:                                    "scheme that is not known",
		"Token " + good:                         "scheme that is not known",
		"Digest " + good:                        "scheme that is not known",
		"Bearer " + basic("__token__", good):    "starts with bnd_",
		"Basic " + good:                         "not readable",
		"Basic " + base64.StdEncoding.EncodeToString([]byte(good)): "not readable",
		basic("alice", good):           "there are no passwords here",
		basic("", good):                "there are no passwords here",
		basic(good, ""):                "there are no passwords here",
		basic("__token__", ""):         "starts with bnd_",
		basic("__token__", other):      "does not know the token",
		basic("__token__", good+"\n"):  "a character that no token has",
		" Bearer " + good:              "scheme that is not known",
		strings.Repeat("Bearer ", 999): "too long",
	} {
		c, err := b.Authenticate(t.Context(), Request{Authorization: header})
		refused(t, header, err, bonded.Unauthorized, why)
		if c != nil {
			t.Errorf("%s: a caller in spite of the error", header)
		}
		if err != nil && (strings.Contains(err.Error(), good[4:30]) || strings.Contains(err.Error(), other[4:30])) {
			t.Errorf("the error repeats a token: %v", err)
		}
	}
}

func TestTokensEnd(t *testing.T) {
	b := newBench(t)
	elsewhere := b.node()
	for what, c := range map[string]struct {
		end  func(id, user string) error
		text string
	}{
		"revoked":  {func(id, _ string) error { return b.RevokeToken(t.Context(), id, adminActor, "") }, "revoked on 2026-03-"},
		"disabled": {func(_, user string) error { return b.DisableUser(t.Context(), user) }, "account of this token is disabled"},
		"expired":  {func(_, _ string) error { b.later(DefaultTTL); return nil }, "expired on 2026-03-"},
	} {
		t.Run(what, func(t *testing.T) {
			user := "user-" + what
			b.user(user)
			b.user(user + "-other")
			secret, id := b.token(user, "publish:npm/*")
			untouched, _ := b.token(user+"-other", "publish:npm/*")
			header := "Bearer " + secret.Reveal()
			caller, err := b.Authenticate(t.Context(), Request{Authorization: header})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := elsewhere.Authenticate(t.Context(), Request{Authorization: header}); err != nil {
				t.Fatal(err)
			}
			if err := c.end(id, user); err != nil {
				t.Fatal(err)
			}
			// Here it counts at once, also for an upload that is under way.
			_, err = b.Authenticate(t.Context(), Request{Authorization: header})
			refused(t, "authenticate", err, bonded.Unauthorized, c.text)
			refused(t, "may", caller.May(t.Context(), bonded.ActPublish, bonded.Name{Ecosystem: "npm", Key: "x"}), bonded.Unauthorized, c.text)
			// On another node what is remembered ends after five seconds.
			b.later(remember)
			_, err = elsewhere.Authenticate(t.Context(), Request{Authorization: header})
			refused(t, "authenticate elsewhere", err, bonded.Unauthorized, c.text)
			if _, err := b.Authenticate(t.Context(), Request{Authorization: "Bearer " + untouched.Reveal()}); (err != nil) != (what == "expired") {
				t.Errorf("another user's token: %v", err)
			}
		})
	}
	if err := b.EnableUser(t.Context(), "user-disabled"); err != nil {
		t.Error(err)
	}
	refused(t, "revoke again", b.RevokeToken(t.Context(), "nothing", adminActor, ""), bonded.NotFound, "no token nothing")
	refused(t, "disable nobody", b.DisableUser(t.Context(), "nobody"), bonded.NotFound, "no user nobody")
}

// TestExpiryIsExact: a token that is remembered still ends on time.
func TestExpiryIsExact(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	scope := Scope{Actions: []bonded.Action{bonded.ActRead}, Pattern: "*"}
	secret, _, err := b.AddToken(t.Context(), "alice", []Scope{scope}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	b.later(time.Minute - time.Second)
	if _, err := b.Authenticate(t.Context(), Request{Authorization: "Bearer " + secret.Reveal()}); err != nil {
		t.Fatal(err)
	}
	b.later(time.Second)
	_, err = b.Authenticate(t.Context(), Request{Authorization: "Bearer " + secret.Reveal()})
	refused(t, "expired", err, bonded.Unauthorized, "expired on 2026-03-01 12:01 UTC")
}

// TestLookUpDoesNotOutliveARevocation: a look-up that began before the
// revocation and ends after it must not be remembered.
func TestLookUpDoesNotOutliveARevocation(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	secret, id := b.token("alice", "read:*")
	round := b.round
	before, err := b.book.TokenByHash(t.Context(), secret.hash())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.RevokeToken(t.Context(), id, adminActor, ""); err != nil {
		t.Fatal(err)
	}
	b.note(round, secret.hash(), sighting{before, b.Now().Add(remember)})
	_, err = b.Authenticate(t.Context(), Request{Authorization: "Bearer " + secret.Reveal()})
	refused(t, "revoked during a look-up", err, bonded.Unauthorized, "revoked")
}

func TestMemoryIsBounded(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	for i := range rememberAtMost {
		b.known[bonded.DigestOf([]byte{byte(i), byte(i >> 8)})] = sighting{}
	}
	c := b.caller("alice", "read:*")
	if len(b.known) > rememberAtMost {
		t.Errorf("%d look-ups are remembered", len(b.known))
	}
	if err := c.May(t.Context(), bonded.ActRead, bonded.Name{Ecosystem: "npm", Key: "x"}); err != nil {
		t.Error(err)
	}
}

func TestMay(t *testing.T) {
	b := newBench(t)
	for _, u := range []string{"alice", "bob"} {
		b.user(u)
	}
	name := func(s string) bonded.Name {
		eco, key, _ := strings.Cut(s, "/")
		return bonded.Name{Ecosystem: eco, Key: key, Display: key}
	}
	b.owns(name("npm/@acme/x"), 1, "alice")
	b.owns(name("npm/@acme/orphan"), 2)
	everything := "read,publish,tag,yank,delete,owner,policy:*"
	const any = "any"
	b.Proofs = func(context.Context, string, string, bonded.Action, bonded.Name) error { return nil }
	for _, c := range []struct {
		user, scope string
		action      bonded.Action
		name        string
		why         string // empty: allowed
	}{
		{"alice", everything, any, "npm/@acme/x", ""},
		{"alice", "publish:npm/@acme/*", bonded.ActPublish, "npm/@acme/x", ""},
		{"alice", "publish:npm/@acme/*", bonded.ActPublish, "npm/@acme/new", ""},
		{"alice", "publish:npm/@acme/*", bonded.ActPublish, "npm/@acme-evil/x", "may not publish npm/@acme-evil/x: its scopes are publish:npm/@acme/*; the administrator grants what is missing with: bonded admin token add --user alice --scope 'publish:npm/@acme-evil/x'"},
		{"alice", "publish:npm/@acme/*", bonded.ActPublish, "pypi/acme", "--scope 'publish:pypi/acme'"},
		{"alice", "publish:npm/@acme/*", bonded.ActTag, "npm/@acme/x", "may not move tags of npm/@acme/x"},
		{"alice", "publish:npm/@acme/*", bonded.ActYank, "npm/@acme/x", "--scope 'yank:npm/@acme/x'"},
		{"alice", "publish:npm/@acme/*", bonded.ActDelete, "npm/@acme/x", "--scope 'delete:npm/@acme/x'"},
		{"alice", "publish:npm/@acme/*", bonded.ActOwner, "npm/@acme/x", "may not change the owners"},
		{"alice", "publish:npm/@acme/*", bonded.ActRead, "npm/@acme/x", "--scope 'read:npm/@acme/x'"},
		{"alice", "yank:*", bonded.ActYank, "npm/@acme/x", ""},
		{"alice", "yank:*", bonded.ActPublish, "npm/@acme/x", "its scopes are yank:*;"},
		{"bob", everything, bonded.ActRead, "npm/@acme/x", ""},
		{"bob", everything, bonded.ActPublish, "npm/@acme/x", "bob is not an owner of npm/@acme/x and so may not publish npm/@acme/x; one of its owners can add bob"},
		{"bob", everything, bonded.ActTag, "npm/@acme/x", "bob is not an owner"},
		{"bob", everything, bonded.ActYank, "npm/@acme/x", "bob is not an owner"},
		{"bob", everything, bonded.ActDelete, "npm/@acme/x", "bob is not an owner"},
		{"bob", everything, bonded.ActOwner, "npm/@acme/x", "bob is not an owner"},
		{"alice", everything, bonded.ActPublish, "npm/@acme/orphan", "alice is not an owner"},
		{"alice", everything, bonded.ActOwner, "npm/@acme/orphan", "alice is not an owner"},
		{"bob", everything, bonded.ActPublish, "pypi/new", ""},
		{"bob", everything, bonded.ActTag, "pypi/new", ""},
		{"bob", everything, bonded.ActRead, "pypi/new", ""},
		{"bob", everything, bonded.ActYank, "pypi/new", "nobody has published pypi/new here"},
		{"bob", everything, bonded.ActDelete, "pypi/new", "nobody has published pypi/new here"},
		{"bob", everything, bonded.ActOwner, "pypi/new", "nobody has published pypi/new here"},
		{"bob", everything, bonded.ActPublish, "pypi/@acme/x", ""}, // the same key elsewhere is another package
	} {
		caller := b.caller(c.user, c.scope)
		actions := []bonded.Action{c.action}
		if c.action == any {
			actions = bonded.Actions[:]
		}
		for _, action := range actions {
			what := c.user + " " + c.scope + " " + string(action) + " " + c.name
			err := caller.May(t.Context(), action, name(c.name))
			if c.why == "" && err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if c.why != "" {
				refused(t, what, err, bonded.Forbidden, c.why)
			}
		}
	}
	for _, action := range bonded.Actions {
		refused(t, "nobody", b.May(t.Context(), nil, action, name("npm/@acme/x")), bonded.Unauthorized, "a token is needed")
	}
	refused(t, "an action that is none", b.caller("alice", everything).May(t.Context(), "everything", name("npm/@acme/x")), bonded.Forbidden, "may not everything")
}

// TestObjections: everything that is in the way is told, each by its control,
// and May says the first of it.
func TestObjections(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	b.user("bob")
	mine := bonded.Name{Ecosystem: "x", Key: "mine", Display: "mine"}
	gone := bonded.Name{Ecosystem: "x", Key: "gone", Display: "gone"}
	b.owns(mine, 1, "alice")
	b.owns(gone, 2, "alice")
	b.deleted(gone)
	c := b.caller("bob", "publish:x/other")
	for _, step := range []struct {
		after  time.Duration
		action bonded.Action
		name   bonded.Name
		want   string // controls
	}{
		{0, bonded.ActPublish, bonded.Name{Ecosystem: "x", Key: "other"}, ""},
		{0, bonded.ActPublish, mine, "scoped-tokens roles"},
		{0, bonded.ActPublish, gone, "scoped-tokens retired-names"},
		{0, bonded.ActRead, mine, "scoped-tokens"},
		{DefaultTTL, bonded.ActPublish, bonded.Name{Ecosystem: "x", Key: "other"}, "token-lifetime"},
		{0, bonded.ActYank, mine, "token-lifetime scoped-tokens roles"},
	} {
		b.later(step.after)
		var ids []string
		list := c.Objections(t.Context(), step.action, step.name)
		for _, err := range list {
			kind, id, text := bonded.Explain(err)
			if kind == bonded.Internal || !strings.HasSuffix(text, " ["+id+"]") {
				t.Errorf("%s %s: %v does not end with its control", step.action, step.name, err)
			}
			ids = append(ids, id)
		}
		if got := strings.Join(ids, " "); got != step.want {
			t.Errorf("%s %s: %s, want %s", step.action, step.name, got, step.want)
		}
		err := c.May(t.Context(), step.action, step.name)
		if (err == nil) != (len(list) == 0) || err != nil && err.Error() != list[0].Error() {
			t.Errorf("%s %s: may says %v, the first objection is %v", step.action, step.name, err, list)
		}
	}
}

// TestIdentifyLetsNobodyIn: it names the holder of an expired token, which is
// all that the token is good for; a revoked one names nobody.
func TestIdentifyLetsNobodyIn(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	secret, id := b.token("alice", "publish:*")
	header := "Bearer " + secret.Reveal()
	b.later(DefaultTTL)
	c, err := b.Identify(t.Context(), Request{Authorization: header})
	if err != nil || c.User() != "alice" {
		t.Fatal(c, err)
	}
	refused(t, "may", c.May(t.Context(), bonded.ActPublish, bonded.Name{Ecosystem: "x", Key: "new"}), bonded.Unauthorized, "expired on")
	_, err = b.Authenticate(t.Context(), Request{Authorization: header})
	refused(t, "authenticate", err, bonded.Unauthorized, "expired on")
	if err := b.RevokeToken(t.Context(), id, adminActor, ""); err != nil {
		t.Fatal(err)
	}
	c, err = b.Identify(t.Context(), Request{Authorization: header})
	refused(t, "identify", err, bonded.Unauthorized, "was revoked")
	if c != nil {
		t.Error("a revoked token names", c.User())
	}
	if c, err := b.Identify(t.Context(), Request{Authorization: ""}); c != nil || err != nil {
		t.Error("no header:", c, err)
	}
}

// deleted gives a package a release that is gone.
func (b *bench) deleted(n bonded.Name) {
	b.t.Helper()
	facts := []bonded.Entry{
		{Type: bonded.Claim, Time: noon, Name: n},
		{Type: bonded.Publish, Time: noon, Name: n, Version: "1", File: "f", Digest: bonded.DigestOf(nil), Meta: bonded.DigestOf(nil)},
		{Type: bonded.Remove, Time: noon, Name: n, Version: "1", File: "f"},
	}
	err := b.book.Update(b.t.Context(), func(tx *record.Tx) error {
		for i, e := range facts {
			body, err := e.Marshal()
			if err != nil {
				return err
			}
			if err := tx.AppendEntry(uint64(i), e, body); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestRefusalsDoNotTellNamesApart: who lacks the scope learns nothing about
// the name, whether it is claimed or not.
func TestRefusalsDoNotTellNamesApart(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	b.owns(bonded.Name{Ecosystem: "npm", Key: "taken"}, 1, "bob")
	c := b.caller("alice", "publish:pypi/*")
	say := func(key string) string {
		err := c.May(t.Context(), bonded.ActPublish, bonded.Name{Ecosystem: "npm", Key: key})
		_, _, text := bonded.Explain(err)
		return strings.ReplaceAll(text, key, "NAME")
	}
	if a, b := say("taken"), say("free"); a != b || a == "" {
		t.Errorf("the texts differ:\n%s\n%s", a, b)
	}
}

func TestAccounts(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"", "a", "Alice", "al ice", "-al", "al-", "a--b", "älice", "al_ice", "a.b", "__token__", strings.Repeat("a", 40), "al\nice"} {
		_, err := b.AddUser(t.Context(), name, "x@example.org")
		refused(t, name, err, bonded.Invalid, "2 to 39")
	}
	for _, email := range []string{"", "alice", "Alice <alice@example.org>", "a@b@c", "alice@example.org\n", " alice@example.org", strings.Repeat("a", 250) + "@x.org"} {
		_, err := b.AddUser(t.Context(), "alice", email)
		refused(t, email, err, bonded.Invalid, "write it plainly")
	}
	if _, err := b.AddUser(t.Context(), "alice", "alice@example.org"); err != nil {
		t.Fatal(err)
	}
	_, err := b.AddUser(t.Context(), "alice", "other@example.org")
	refused(t, "twice", err, bonded.Conflict, "alice already")
	_, err = b.NewEnrolment(t.Context(), "bob")
	refused(t, "no user", err, bonded.NotFound, "no user bob")

	link, err := b.NewEnrolment(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	// An enrolment link is no token.
	_, err = b.Authenticate(t.Context(), Request{Authorization: "Bearer " + link.Reveal()})
	refused(t, "a link as a token", err, bonded.Unauthorized, "starts with bnd_")
}

func TestAddToken(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	scope := Scope{Actions: []bonded.Action{bonded.ActPublish}, Ecosystem: "npm", Pattern: "x"}
	for what, c := range map[string]struct {
		user   string
		scopes []Scope
		ttl    time.Duration
		kind   bonded.Kind
		text   string
	}{
		"no scope":     {"alice", nil, 0, bonded.Invalid, "at least one scope"},
		"many scopes":  {"alice", make([]Scope, 33), 0, bonded.Invalid, "at most 32"},
		"empty scope":  {"alice", make([]Scope, 1), 0, bonded.Invalid, "scope"},
		"spaced scope": {"alice", []Scope{{Actions: scope.Actions, Ecosystem: "npm", Pattern: "x read:*"}}, 0, bonded.Invalid, "blanks"},
		"too long":     {"alice", []Scope{scope}, MaxTTL + 1, bonded.Invalid, "at most 90 days"},
		"backwards":    {"alice", []Scope{scope}, -time.Hour, bonded.Invalid, "at most 90 days"},
		"nobody":       {"bob", []Scope{scope}, 0, bonded.NotFound, "no user bob"},
	} {
		_, _, err := b.AddToken(t.Context(), c.user, c.scopes, c.ttl)
		refused(t, what, err, c.kind, c.text)
	}
	secret, kept, err := b.AddToken(t.Context(), "alice", []Scope{scope}, MaxTTL)
	if err != nil || !kept.Expires.Equal(noon.Add(MaxTTL)) || kept.Hash != secret.hash() {
		t.Errorf("kept %+v, %v", kept, err)
	}
	list, err := b.book.Tokens(t.Context(), "alice")
	if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], kept) {
		t.Errorf("the book has %+v, %v", list, err)
	}
	if err := b.DisableUser(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.AddToken(t.Context(), "alice", []Scope{scope}, 0)
	refused(t, "disabled", err, bonded.Forbidden, "disabled")
}

// TestNothingSecretIsKept reads every text of the database back.
func TestNothingSecretIsKept(t *testing.T) {
	b := newBench(t)
	link, err := b.AddUser(t.Context(), "alice", "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	token, id := b.token("alice", "publish:npm/*")
	if err := b.RevokeToken(t.Context(), id, adminActor, ""); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := b.book.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	raw := readFile(t, copied)
	for _, secret := range []Secret{link, token} {
		if strings.Contains(raw, secret.Reveal()[4:34]) {
			t.Error("the database holds a secret")
		}
	}
	var got []string
	lines, err := b.book.Audits(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		got = append(got, l.Actor+" "+l.Action+" "+l.Subject+" "+l.Detail)
	}
	want := []string{
		"admin token.revoke " + id + " ",
		"admin token.add alice " + id + " until 2026-03-08T12:00:00Z: publish:npm/*",
		"admin user.add alice ",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the journal has\n%q, want\n%q", got, want)
	}
}

func TestLastUse(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	c := b.caller("alice", "read:*")
	lastUsed := func() time.Time {
		list, err := b.book.Tokens(t.Context(), "alice")
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return list[0].LastUsed
	}
	if !lastUsed().IsZero() {
		t.Error("the use was written before Flush")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Flush(ended); err == nil {
		t.Error("a flush that could not be is no error")
	}
	if err := b.Run(ended); err != nil { // ends at once and writes what was kept
		t.Fatal(err)
	}
	if !lastUsed().Equal(noon) {
		t.Errorf("last used %v", lastUsed())
	}
	b.later(90 * time.Minute)
	if err := c.May(t.Context(), bonded.ActRead, bonded.Name{Ecosystem: "npm", Key: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(t.Context()); err != nil || !lastUsed().Equal(noon.Add(time.Hour)) {
		t.Errorf("last used %v, %v: want whole hours", lastUsed(), err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
