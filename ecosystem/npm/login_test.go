package npm

import (
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

const home = "https://packages.example.org/"

func said(t *testing.T, o ecosystem.Outcome) (ecosystem.Response, map[string]any) {
	t.Helper()
	o.Base = home
	r := Ecosystem{}.Reply(o)
	var body map[string]any
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	return r, body
}

// TestWebLogin holds the exchange against what npm-profile reads: where to ask
// is an address that asks what was begun, and each state ends in what the client
// does next.
func TestWebLogin(t *testing.T) {
	pending := ecosystem.Pending{Page: home + "device?code=BCDF-GHJK", Code: "BCDF-GHJK", Secret: "bnc_secret"}
	r, body := said(t, ecosystem.Outcome{Ask: ecosystem.Ask{Verb: ecosystem.Login}, Login: pending})
	done, _ := body["doneUrl"].(string)
	path, ok := strings.CutPrefix(done, home+"npm/")
	if r.Status != 200 || body["loginUrl"] != pending.Page || !ok || !strings.Contains(r.Header["npm-notice"], "BCDF-GHJK") {
		t.Fatalf("%d %v %v", r.Status, r.Header, body)
	}
	if strings.Contains(r.Header["npm-notice"]+pending.Page, "secret") {
		t.Error("the secret stands elsewhere than in the body")
	}
	path, query, _ := strings.Cut(path, "?")
	a, err := Ecosystem{}.Ask(request("GET", path, query))
	if err != nil || a.Verb != ecosystem.LoginDone || a.Secret != "bnc_secret" {
		t.Fatalf("%s asks for %+v %v", done, a, err)
	}
	for state, want := range map[string]int{"": 200, ecosystem.PendingWaits: 202, ecosystem.PendingRefused: 203, ecosystem.PendingOver: 203} {
		r, body := said(t, ecosystem.Outcome{Ask: a, Login: ecosystem.Pending{State: state}, Token: "bnd_token"})
		if r.Status != want || (body["token"] == "bnd_token") != (state == "") || (r.Header["Retry-After"] != "") != (want == 202) || r.Header["Cache-Control"] != "no-store" {
			t.Errorf("%q: %d %v %v", state, r.Status, r.Header, body)
		}
	}
}

// TestWebProof: a refusal that a person can lift leads there, and what the person
// gives comes back in a header, with writes alone.
func TestWebProof(t *testing.T) {
	refusal := bonded.Refusal(bonded.Unauthorized, "step-up", "to delete releases of npm/left-pad, a token alone is not enough")
	o := ecosystem.Outcome{Ask: ecosystem.Ask{Verb: ecosystem.Change, Op: opDelete}, Err: refusal}
	if r, body := said(t, o); r.Status != 401 || r.Header["WWW-Authenticate"] == "OTP" || body["authUrl"] != nil {
		t.Errorf("nobody can be asked: %d %v %v", r.Status, r.Header, body)
	}
	o.Login = ecosystem.Pending{Page: home + "device/confirm/x", Secret: "bnc_secret"}
	r, body := said(t, o)
	if r.Status != 401 || r.Header["WWW-Authenticate"] != "OTP" || body["authUrl"] != o.Login.Page || body["doneUrl"] != home+"npm/-/v1/done?secret=bnc_secret" ||
		!strings.Contains(r.Header["npm-notice"], "a token alone is not enough") {
		t.Errorf("%d %v %v", r.Status, r.Header, body)
	}
	o.Err = bonded.Refusal(bonded.Forbidden, "roles", "bob is no owner")
	if r, body := said(t, o); r.Status != 403 || body["authUrl"] != nil {
		t.Errorf("a passkey does not help there: %d %v", r.Status, body)
	}
	for path, want := range map[string]string{
		"PUT left-pad": "code", "DELETE left-pad/-rev/1-x": "code", "PUT left-pad/-rev/1-x": "code", "DELETE -/package/left-pad/dist-tags/next": "code",
		"GET left-pad": "", "GET -/package/left-pad/dist-tags": "",
	} {
		method, path, _ := strings.Cut(path, " ")
		q, looked := request(method, path, ""), false
		q.Header = func(name string) string {
			looked = looked || name == "npm-otp"
			return map[string]string{"npm-otp": "code"}[name]
		}
		a, err := Ecosystem{}.Ask(q)
		if err != nil || a.Proof != want || looked != (want != "") {
			t.Errorf("%s %s: proof %q, %v; looked: %t", method, path, a.Proof, err, looked)
		}
	}
}

// TestTokens: npm finds what it is to revoke by the key or by how the token begins.
func TestTokens(t *testing.T) {
	_, body := said(t, ecosystem.Outcome{Ask: ecosystem.Ask{Verb: ecosystem.Tokens}, Tokens: []ecosystem.Token{{ID: "abc", Label: "laptop"}}})
	list, _ := body["objects"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["key"] != "abc" || !strings.HasPrefix("bnd_whatever", list[0].(map[string]any)["token"].(string)) || body["urls"] == nil {
		t.Errorf("%v", body)
	}
	for path, want := range map[string]string{"-/npm/v1/tokens/token/abc": "abc", "-/user/token/bnd_whatever": "bnd_whatever"} {
		if a, err := (Ecosystem{}).Ask(request("DELETE", path, "")); err != nil || a.Verb != ecosystem.Revoke || a.Secret != want || !a.Auth {
			t.Errorf("%s: %+v %v", path, a, err)
		}
	}
	for _, path := range []string{"-/npm/v1/tokens/token/", "-/user/token/", "-/npm/v1/tokens/token/a/b"} {
		if a, err := (Ecosystem{}).Ask(request("DELETE", path, "")); err == nil && a.Verb == ecosystem.Revoke {
			t.Errorf("%s: %+v", path, a)
		}
	}
}

func request(method, path, query string) ecosystem.Request {
	values, err := url.ParseQuery(query)
	if err != nil {
		panic(err)
	}
	return ecosystem.Request{Method: method, Path: path, Query: values, Header: func(string) string { return "" }}
}
