package serve_test

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
	"bonded.dev/registry/serve"
)

// jobToy is a toy whose clients ask for upload tokens at the root of the host.
type jobToy struct{ toy }

func (e jobToy) Info() ecosystem.Info {
	i := e.toy.Info()
	i.Roots = []string{"_/toys/"}
	return i
}

func (e jobToy) Name(raw string) (bonded.Name, error) {
	if raw != strings.ToLower(raw) {
		return bonded.Name{}, bonded.Errorf(bonded.Invalid, "small letters")
	}
	return bonded.Name{Ecosystem: "toy", Key: raw, Display: raw}, nil
}

func (e jobToy) Ask(r ecosystem.Request) (ecosystem.Ask, error) {
	switch r.Path {
	case "_/toys/body":
		return ecosystem.Ask{Verb: ecosystem.Exchange, Member: "token"}, nil
	case "_/toys/bearer":
		return ecosystem.Ask{Verb: ecosystem.Exchange, Audience: "toy:", Name: bonded.Name{Ecosystem: "toy", Key: "bear", Display: "bear"}}, nil
	case "_/toys/audience":
		return ecosystem.Ask{Verb: ecosystem.Audience}, nil
	}
	return e.toy.Ask(r)
}

func (e jobToy) Reply(o ecosystem.Outcome) ecosystem.Response {
	r := e.toy.Reply(o)
	r.Body = append(r.Body, " "+o.Token+o.Audience...)
	return r
}

// jobsLab notes what was asked and gives a token, or refuses.
func jobsLab(t *testing.T) (*lab, *serve.Job, *string) {
	asked, back := &serve.Job{}, new(string)
	l := newLab(t, func(c *serve.Config) {
		c.Ecosystems = []ecosystem.Ecosystem{jobToy{c.Ecosystems[0].(toy)}}
		c.Audience = "registry.example"
		c.Exchange = func(_ context.Context, j serve.Job) (identity.Secret, record.Token, error) {
			*asked = j
			if j.JWT != "good" {
				return identity.Secret{}, record.Token{}, bonded.Refusal(bonded.Forbidden, "trusted-publishing", "the claim ref is wrong")
			}
			return identity.NewSecret("up_"), record.Token{Expires: time.Date(2026, 11, 24, 12, 15, 0, 0, time.UTC)}, nil
		}
		c.GiveBack = func(_ context.Context, token string) error { *back = token; return nil }
	})
	return l, asked, back
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEveryDoorForJobs: what each flow sends arrives as one question, and each
// is answered in its own words.
func TestEveryDoorForJobs(t *testing.T) {
	bear := bonded.Name{Ecosystem: "toy", Key: "bear", Display: "bear"}
	const net = "192.0.2.0/24"
	for name, c := range map[string]struct {
		method, uri, body string
		header            string
		want              serve.Job
		status            int
		says              string
	}{
		"body":          {"POST", "/_/toys/body", `{"token":"good","more":1}`, "", serve.Job{JWT: "good", Network: net}, 200, "up_"},
		"below too":     {"POST", "/toy/_/toys/body", `{"token":"good"}`, "", serve.Job{JWT: "good", Network: net}, 200, "up_"},
		"bearer":        {"POST", "/_/toys/bearer", "", "Authorization: Bearer good", serve.Job{JWT: "good", Prefix: "toy:", Only: &bear, Network: net}, 200, "up_"},
		"own":           {"POST", "/api/v1/oidc/exchange", `{"token":"good"}`, "", serve.Job{JWT: "good", Network: net}, 201, `"expires": "2026-11-24T12:15:00Z"`},
		"own, all":      {"POST", "/api/v1/oidc/exchange", `{"token":"good","package":"toy/bear","digests":["ab"]}`, "", serve.Job{JWT: "good", Only: &bear, Digests: []string{"ab"}, Network: net}, 201, "up_"},
		"rust":          {"PUT", "/api/v1/trusted_publishing/tokens", `{"jwt":"good"}`, "", serve.Job{JWT: "good", Network: net}, 200, `"token": "up_`},
		"rust, now":     {"POST", "/api/v1/trusted_publishing/tokens", `{"jwt":"good"}`, "", serve.Job{JWT: "good", Network: net}, 200, `"token": "up_`},
		"refused":       {"POST", "/_/toys/body", `{"token":"bad"}`, "", serve.Job{JWT: "bad", Network: net}, 403, "claim ref"},
		"own refused":   {"POST", "/api/v1/oidc/exchange", `{"token":"bad"}`, "", serve.Job{JWT: "bad", Network: net}, 403, `"control": "trusted-publishing"`},
		"rust refused":  {"PUT", "/api/v1/trusted_publishing/tokens", `{"jwt":"bad"}`, "", serve.Job{JWT: "bad", Network: net}, 403, `"detail": "the claim ref is wrong`},
		"no bearer":     {"POST", "/_/toys/bearer", "", "", serve.Job{}, 401, "Bearer"},
		"no JSON":       {"POST", "/_/toys/body", `token=good`, "", serve.Job{}, 400, "JSON"},
		"twice":         {"POST", "/api/v1/oidc/exchange", `{"token":"bad","token":"good"}`, "", serve.Job{}, 400, "JSON"},
		"unknown":       {"POST", "/api/v1/oidc/exchange", `{"token":"good","pakage":"toy/bear"}`, "", serve.Job{}, 400, "JSON"},
		"no package":    {"POST", "/api/v1/oidc/exchange", `{"token":"good","package":"bear"}`, "", serve.Job{}, 400, "ECOSYSTEM/NAME"},
		"bad name":      {"POST", "/api/v1/oidc/exchange", `{"token":"good","package":"toy/BEAR"}`, "", serve.Job{}, 400, "small letters"},
		"too much":      {"POST", "/api/v1/oidc/exchange", `{"token":"` + strings.Repeat("a", 70<<10) + `"}`, "", serve.Job{}, 413, "at most"},
		"wrong method":  {"GET", "/api/v1/oidc/exchange", "", "", serve.Job{}, 405, "only POST"},
		"wrong method2": {"GET", "/api/v1/trusted_publishing/tokens", "", "", serve.Job{}, 405, "DELETE"},
		"audience":      {"GET", "/_/toys/audience", "", "", serve.Job{}, 200, "registry.example"},
	} {
		t.Run(name, func(t *testing.T) {
			l, asked, _ := jobsLab(t)
			var headers []string
			if c.header != "" {
				headers = []string{c.header}
			}
			r := l.send(c.method, c.uri, strings.NewReader(c.body), headers...)
			said := body(t, r)
			if r.StatusCode != c.status || !strings.Contains(said, c.says) {
				t.Errorf("answered %d %s, want %d and %q", r.StatusCode, said, c.status, c.says)
			}
			if !reflect.DeepEqual(*asked, c.want) {
				t.Errorf("asked %+v, want %+v", *asked, c.want)
			}
			if r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("a token may be cached: %q", r.Header.Get("Cache-Control"))
			}
			if strings.Contains(l.logged(), "up_") || strings.Contains(l.logged(), "good") {
				t.Errorf("the log shows a token: %s", l.logged())
			}
		})
	}
}

func TestJobsGiveTokensBack(t *testing.T) {
	l, _, back := jobsLab(t)
	r := l.do("DELETE", "/api/v1/trusted_publishing/tokens", "Authorization: Bearer mine")
	if r.StatusCode != 204 || *back != "mine" || body(t, r) != "" {
		t.Errorf("answered %d, gave back %q", r.StatusCode, *back)
	}
	if r := l.do("DELETE", "/api/v1/trusted_publishing/tokens"); r.StatusCode != 401 {
		t.Errorf("without a token: %d", r.StatusCode)
	}
}

func TestNoExchange(t *testing.T) {
	l := newLab(t, func(c *serve.Config) { c.Ecosystems = []ecosystem.Ecosystem{jobToy{c.Ecosystems[0].(toy)}} })
	for uri, want := range map[string]int{"/_/toys/body": 422, "/api/v1/oidc/exchange": 404, "/api/v1/trusted_publishing/tokens": 404} {
		if r := l.send("POST", uri, strings.NewReader(`{"token":"x"}`)); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", uri, r.StatusCode, want)
		}
	}
	if r := l.do("GET", "/_/toys/audience"); r.StatusCode != 422 {
		t.Errorf("audience: %d", r.StatusCode)
	}
}
