package serve_test

import (
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/login"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/serve"
)

// loginToy is a dialect that logs in, asks for its tokens, and deletes.
type loginToy struct{ toy }

func (e loginToy) Ask(r ecosystem.Request) (ecosystem.Ask, error) {
	switch r.Path {
	case "login":
		return ecosystem.Ask{Verb: ecosystem.Login}, nil
	case "done":
		return ecosystem.Ask{Verb: ecosystem.LoginDone, Secret: r.Query.Get("secret")}, nil
	case "tokens":
		return ecosystem.Ask{Verb: ecosystem.Tokens, Auth: true}, nil
	case "revoke":
		return ecosystem.Ask{Verb: ecosystem.Revoke, Auth: true, Secret: r.Query.Get("which")}, nil
	case "delete":
		return ecosystem.Ask{Verb: ecosystem.Change, Auth: true, Name: bear}, nil
	}
	return e.toy.Ask(r)
}

var bear = bonded.Name{Ecosystem: "toy", Key: "bear", Display: "bear"}

func (e loginToy) Reply(o ecosystem.Outcome) ecosystem.Response {
	var said []string
	for _, t := range o.Tokens {
		said = append(said, t.ID+"/"+t.Label)
	}
	r := ecosystem.Response{Status: 200, Type: "text/plain", Header: map[string]string{"Cache-Control": "no-store"}}
	if o.Err != nil {
		kind, _, public := bonded.Explain(o.Err)
		r.Status = ecosystem.StatusOf(kind)
		said = append(said, public)
	}
	r.Body = []byte(strings.Join(append(said, o.Login.State, o.Login.Page, o.Login.Code, o.Login.Secret, o.Token), "|"))
	return r
}

// loginLab is a server over a real book, with alice in it.
type loginLab struct {
	*lab
	t      *testing.T
	now    time.Time
	keeper *identity.Keeper
	logins *login.Room
}

func newLoginLab(t *testing.T) *loginLab {
	book, err := record.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	l := &loginLab{t: t, now: time.Now().Truncate(time.Second), keeper: identity.New(book)}
	l.keeper.Now = func() time.Time { return l.now }
	if _, err := l.keeper.AddUser(t.Context(), "alice", "alice@example.org"); err != nil {
		t.Fatal(err)
	}
	l.logins = login.New(login.Config{Book: book, Keeper: l.keeper, Secret: []byte("secret"), Now: l.keeper.Now,
		Proof: func(context.Context, string, time.Time, bonded.Action, bonded.Name) (string, error) {
			return "a-proof", nil
		}})
	l.lab = newLab(t, func(c *serve.Config) {
		c.Ecosystems = []ecosystem.Ecosystem{loginToy{c.Ecosystems[0].(toy)}}
		c.Logins, c.Tokens, c.Now, c.URL = l.logins, l.keeper, l.keeper.Now, "https://packages.example.org/"
		c.Authenticate = func(ctx context.Context, ask identity.Request) (publish.Actor, error) {
			caller, err := l.keeper.Authenticate(ctx, ask)
			if caller == nil || err != nil {
				return nil, err
			}
			return caller, nil
		}
		c.Desk = desk(func(ctx context.Context, ask ecosystem.Ask, in publish.In) error {
			return in.Actor.May(ctx, bonded.ActDelete, ask.Name)
		})
	})
	return l
}

// posts sends a form and reads the JSON of the answer.
func (l *loginLab) posts(path string, form url.Values) (status int, answer map[string]any) {
	l.t.Helper()
	r := l.send("POST", path, strings.NewReader(form.Encode()), "Content-Type: application/x-www-form-urlencoded")
	if r.Header.Get("Cache-Control") != "no-store" {
		l.t.Errorf("%s may be cached", path)
	}
	if err := json.Unmarshal([]byte(body(l.t, r)), &answer); err != nil {
		l.t.Fatal(err)
	}
	return r.StatusCode, answer
}

func (l *loginLab) allows(code any, scope string) {
	l.t.Helper()
	s, err := identity.ParseScope(scope)
	if err != nil {
		l.t.Fatal(err)
	}
	text, _ := code.(string)
	if err := l.logins.Claim(l.t.Context(), "alice", text); err != nil {
		l.t.Fatal(err)
	}
	if err := l.logins.Allow(l.t.Context(), "alice", text, []identity.Scope{s}, time.Hour); err != nil {
		l.t.Fatal(err)
	}
}

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// TestDeviceGrant goes through the answers of RFC 8628, sections 3.2 and 3.5.
func TestDeviceGrant(t *testing.T) {
	l := newLoginLab(t)
	begin := func(scope string) map[string]any {
		t.Helper()
		status, a := l.posts("/api/v1/device/code", url.Values{"client_id": {"a program"}, "scope": {scope}})
		if status != 200 || a["verification_uri"] != "https://packages.example.org/device" || a["interval"] != 5.0 || a["expires_in"] != 900.0 ||
			a["verification_uri_complete"] != "https://packages.example.org/device?code="+a["user_code"].(string) {
			t.Fatalf("%d %v", status, a)
		}
		return a
	}
	ask := func(a map[string]any, want string) map[string]any {
		t.Helper()
		status, got := l.posts("/api/v1/device/token", url.Values{"grant_type": {deviceGrant}, "device_code": {a["device_code"].(string)}, "client_id": {"x"}})
		if want == "" && status == 200 {
			return got
		}
		if status != 400 || got["error"] != want {
			t.Errorf("%d %v, want %s", status, got, want)
		}
		return got
	}
	a := begin("publish:toy/*")
	ask(a, "authorization_pending")
	ask(a, "authorization_pending")
	ask(a, "slow_down")
	l.allows(a["user_code"], "publish:toy/bear")
	got := ask(a, "")
	if got["token_type"] != "Bearer" || got["scope"] != "publish:toy/bear" || got["expires_in"] != 3600.0 || !strings.HasPrefix(got["access_token"].(string), "bnd_") {
		t.Errorf("%v", got)
	}
	ask(a, "expired_token")

	a = begin("")
	if err := l.logins.Claim(t.Context(), "alice", a["user_code"].(string)); err != nil {
		t.Fatal(err)
	}
	if err := l.logins.Refuse(t.Context(), "alice", login.Code(a["user_code"].(string))); err != nil {
		t.Fatal(err)
	}
	ask(a, "access_denied")
	a = begin("publish:*")
	l.now = l.now.Add(login.Life)
	ask(a, "expired_token")
	// A confirmation's secret gets no token here, whatever its person says.
	p, err := l.logins.AskProof(t.Context(), "alice", login.Program{}, bonded.ActDelete, bear)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.logins.Confirm(t.Context(), "alice", strings.TrimPrefix(p.Page, "device/confirm/")); err != nil {
		t.Fatal(err)
	}
	ask(map[string]any{"device_code": p.Secret.Reveal()}, "expired_token")
	for want, form := range map[string]url.Values{
		"invalid_request": {"grant_type": {deviceGrant}}, "unsupported_grant_type": {"device_code": {"x"}, "grant_type": {"password"}},
		"expired_token": {"device_code": {"x"}, "grant_type": {deviceGrant}},
	} {
		if status, got := l.posts("/api/v1/device/token", form); status != 400 || got["error"] != want {
			t.Errorf("%v: %d %v", form, status, got)
		}
	}
	if status, got := l.posts("/api/v1/device/code", url.Values{"scope": {"everything"}}); status != 400 || got["error"] != "invalid_scope" {
		t.Errorf("%d %v", status, got)
	}
	if r := l.do("GET", "/api/v1/device/code"); r.StatusCode != 405 {
		t.Errorf("%d", r.StatusCode)
	}
}

// TestDialectsLogIn: the same log-in through the verbs of a dialect, and what its
// token may see and end.
func TestDialectsLogIn(t *testing.T) {
	l := newLoginLab(t)
	begun := strings.Split(body(t, l.send("POST", "/toy/login", nil, "User-Agent: bear-installer/1 linux x64")), "|")
	page, code, secret := begun[1], begun[2], begun[3]
	if page != "https://packages.example.org/device?code="+code || strings.Contains(page, secret) {
		t.Fatalf("%v", begun)
	}
	done := func() (*http.Response, string) { r := l.do("GET", "/toy/done?secret="+secret); return r, body(t, r) }
	if _, said := done(); said != "waits||||" {
		t.Errorf("%s", said)
	}
	other, err := l.token("publish:toy/*")
	if err != nil {
		t.Fatal(err)
	}
	l.allows(code, "delete,publish:toy/*")
	_, said := done()
	token := said[strings.LastIndex(said, "|")+1:]
	if _, again := done(); !strings.HasPrefix(token, "bnd_") || again != "over||||" {
		t.Errorf("%s, then %s", said, again)
	}
	list := body(t, l.do("GET", "/toy/tokens", "Authorization: Bearer "+token))
	if strings.Count(list, "/") != 2 || !strings.Contains(list, "/bear-installer on Linux") {
		t.Errorf("a person's program sees %s", list)
	}
	if list := body(t, l.do("GET", "/toy/tokens", "Authorization: Bearer "+other)); strings.Count(list, "/") != 1 || strings.Contains(list, "bear-installer") {
		t.Errorf("any other token sees %s", list)
	}
	if r := l.do("DELETE", "/toy/revoke?which="+token, "Authorization: Bearer "+other); r.StatusCode != 404 {
		t.Errorf("any other token ends a person's: %s", r.Status)
	}
	if r := l.do("DELETE", "/toy/revoke?which="+other, "Authorization: Bearer "+token); r.StatusCode != 200 {
		t.Errorf("%s", r.Status)
	}
	if r := l.do("GET", "/api/v1/token", "Authorization: Bearer "+other); r.StatusCode != 401 {
		t.Errorf("what was revoked answers: %s", r.Status)
	}
	if said := body(t, l.do("GET", "/api/v1/token", "Authorization: Bearer "+token)); !strings.Contains(said, `"user": "alice"`) || strings.Contains(said, "bnd_") {
		t.Errorf("%s", said)
	}
	if r := l.do("DELETE", "/api/v1/token", "Authorization: Bearer "+token); r.StatusCode != 204 {
		t.Errorf("%s", r.Status)
	}
	if r := l.do("GET", "/api/v1/token", "Authorization: Bearer "+token); r.StatusCode != 401 {
		t.Errorf("%s", r.Status)
	}
	if strings.Contains(l.logged(), secret) || strings.Contains(l.logged(), token) || strings.Contains(l.logged(), other) {
		t.Errorf("the log repeats a secret: %s", l.logged())
	}
}

func (l *loginLab) token(scope string) (string, error) {
	s, err := identity.ParseScope(scope)
	if err != nil {
		return "", err
	}
	secret, _, err := l.keeper.MakeToken(l.t.Context(), "alice", identity.Limits{Scopes: []identity.Scope{s}}, identity.OriginWeb, "alice")
	return secret.Reveal(), err
}

// TestRefusedForLackOfAProof: whoever may do it with a proof is told where to give
// one; whoever may not do it at all is not.
func TestRefusedForLackOfAProof(t *testing.T) {
	l := newLoginLab(t)
	token, err := l.token("delete:toy/*")
	if err != nil {
		t.Fatal(err)
	}
	l.now = l.now.Add(time.Hour)
	r := l.do("PUT", "/toy/delete", "Authorization: Bearer "+token)
	said := strings.Split(body(t, r), "|")
	// Whoever owns it is asked: e2e, with the real client.
	// alice owns no bear: the weightier refusal is the answer, and nobody is asked.
	if r.StatusCode != 404 && r.StatusCode != 403 || said[2] != "" {
		t.Errorf("%s %v", r.Status, said)
	}
	narrow, err := identity.Narrow(token, identity.Limits{TTL: time.Hour}, l.now)
	if err != nil {
		t.Fatal(err)
	}
	if r := l.do("DELETE", "/api/v1/token", "Authorization: Bearer "+narrow.Reveal()); r.StatusCode != 403 {
		t.Errorf("a narrower token ends the one that it was made of: %s", r.Status)
	}
}
