package serve_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/serve"
)

const bearer = "Authorization: Bearer " + goodToken

func TestWriteReachesTheDesk(t *testing.T) {
	var got string
	l := newLab(t, func(c *serve.Config) {
		c.Desk = desk(func(_ context.Context, a ecosystem.Ask, in publish.In) error {
			b, err := io.ReadAll(in.Body)
			got = fmt.Sprintf("%s %s %s", a.Name.Key, in.Actor.User(), b)
			return err
		})
	})
	r := l.send("PUT", "/toy/a", strings.NewReader("bytes"), bearer)
	want(t, "answer", text(t, r), "toy says yes to alice")
	want(t, "cache", r.Header.Get("Cache-Control"), "no-store")
	want(t, "desk saw", got, "a alice bytes")
	if log := l.logged(); !strings.Contains(log, "user=alice") || !strings.Contains(log, "package=toy/a") || !strings.Contains(log, "entry=7") {
		t.Errorf("log: %s", log)
	}
	want(t, "counted", metric(t, l, "bonded_write_seconds"), 1.0)
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestCredentialIsCheckedBeforeTheBody(t *testing.T) {
	l := newLab(t)
	for header, status := range map[string]int{
		"Authorization: Bearer wrong": 401,
		"X-Nothing: x":                401,
		"Authorization: Bearer down":  503,
	} {
		r := l.send("PUT", "/toy/a", unread{t}, header)
		want(t, header, r.StatusCode, status)
		if status == 401 && r.Header.Get("WWW-Authenticate") == "" {
			t.Error("401 without WWW-Authenticate")
		}
		if status == 503 && r.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
}

func TestBodyLimits(t *testing.T) {
	l := newLab(t)
	large := strings.Repeat("x", 1<<20+1)
	r := l.send("PUT", "/toy/a", strings.NewReader(large), bearer) // with a length
	want(t, "said to be too large", r.StatusCode, 413)
	r = l.send("PUT", "/toy/a", struct{ io.Reader }{strings.NewReader(large)}, bearer) // without
	want(t, "turned out too large", r.StatusCode, 413)
	if got := text(t, r); !strings.Contains(got, "larger than the 1048576 bytes") {
		t.Errorf("answer %q", got)
	}
	want(t, "just fits", l.send("PUT", "/toy/a", strings.NewReader(large[1:]), bearer).StatusCode, 200)
	cut := io.MultiReader(strings.NewReader("half"), failing{})
	r = l.send("PUT", "/toy/a", cut, bearer)
	want(t, "cut off", r.StatusCode, 400)
	want(t, "cut off", text(t, r), "toy says no: the upload ended before it was complete; nothing was changed; upload again")
	r = l.send("PUT", "/toy/a", strings.NewReader("x"), bearer, "Content-Encoding: gzip")
	want(t, "encoded", r.StatusCode, 422)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestRefusalsAreCountedAndSaid(t *testing.T) {
	l := newLab(t, func(c *serve.Config) {
		c.Desk = desk(func(context.Context, ecosystem.Ask, publish.In) error {
			return &bonded.Error{Kind: bonded.Refused, Control: "some-control", Public: "no, because", Err: errors.New("inner cause")}
		})
	})
	r := l.send("PUT", "/toy/a", strings.NewReader(""), bearer)
	want(t, "status", r.StatusCode, 403)
	want(t, "words", text(t, r), "toy says no: no, because")
	want(t, "header of the dialect", r.Header.Get("X-Toy"), "1")
	want(t, "counted", metric(t, l, "bonded_refusals_total"), 1.0)
	if log := l.logged(); !strings.Contains(log, "control=some-control") || !strings.Contains(log, "inner cause") {
		t.Errorf("log: %s", log)
	}
}

func TestPanics(t *testing.T) {
	l := newLab(t, func(c *serve.Config) {
		c.Desk = desk(func(context.Context, ecosystem.Ask, publish.In) error { panic("in the desk") })
	})
	for _, r := range []struct{ method, uri string }{{"GET", "/toy/-/panic"}, {"PUT", "/toy/a"}} {
		got := l.send(r.method, r.uri, strings.NewReader(""), bearer)
		body := text(t, got)
		if got.StatusCode != 500 || !strings.HasPrefix(body, "toy says no: the repository met an error of its own") {
			t.Errorf("%s %s: %d %q", r.method, r.uri, got.StatusCode, body)
		}
	}
	want(t, "counted", metric(t, l, "bonded_panics_total"), 2.0)
	if log := l.logged(); !strings.Contains(log, "in the desk") || !strings.Contains(log, "write_test.go") {
		t.Errorf("log without cause or stack: %s", log)
	}
	l.put("toy/a/doc.json", "x")
	want(t, "afterwards", text(t, l.do("GET", "/toy/a")), "x")
}

func TestWritesAtOnceAreBounded(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	l := newLab(t, func(c *serve.Config) {
		c.Writes = 2
		c.Desk = desk(func(context.Context, ecosystem.Ask, publish.In) error {
			inside <- struct{}{}
			<-leave
			return nil
		})
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { want(t, "inside", l.send("PUT", "/toy/a", strings.NewReader(""), bearer).StatusCode, 200) })
		<-inside
	}
	r := l.send("PUT", "/toy/a", strings.NewReader(""), bearer)
	want(t, "one more", r.StatusCode, 503)
	if r.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	want(t, "in flight", metric(t, l, "bonded_writes_in_flight"), 2.0)
	close(leave)
	wg.Wait()
	go func() { <-inside }()
	want(t, "afterwards", l.send("PUT", "/toy/a", strings.NewReader(""), bearer).StatusCode, 200)
	want(t, "counted", metric(t, l, "bonded_busy_total"), 1.0)
}

func TestSmallAnswers(t *testing.T) {
	l := newLab(t, func(c *serve.Config) {
		c.Search = func(_ context.Context, eco string, q ecosystem.Query) ([]ecosystem.Hit, int, error) {
			if q.Text == "down" {
				return nil, 0, errors.New("database is away")
			}
			return []ecosystem.Hit{{Name: bonded.Name{Ecosystem: eco, Key: "found-" + q.Text}}}, 1, nil
		}
	})
	want(t, "search", text(t, l.do("GET", "/toy/-/search?q=a")), "toy says yes to  found-a")
	want(t, "search", l.do("GET", "/toy/-/search?q=down").StatusCode, 500)
	want(t, "whoami", text(t, l.do("GET", "/toy/-/whoami", bearer)), "toy says yes to alice")
	want(t, "whoami", l.do("GET", "/toy/-/whoami").StatusCode, 401)
	l = newLab(t)
	want(t, "no search", l.do("GET", "/toy/-/search?q=a").StatusCode, 422)
}

// TestNoSecretsInLogs sends tokens in every place where clients put them.
func TestNoSecretsInLogs(t *testing.T) {
	l := newLab(t, func(c *serve.Config) {
		c.LogReads = true
		c.Desk = desk(func(context.Context, ecosystem.Ask, publish.In) error {
			return fmt.Errorf("something about %s went wrong", goodToken)
		})
	})
	l.put("toy/a/doc.json", "x")
	l.send("PUT", "/toy/a?token="+goodToken, strings.NewReader(goodToken), bearer)
	l.do("DELETE", "/toy/-/token/npm_someothertoken", bearer)
	l.do("DELETE", "/toy/-/token/"+goodToken, bearer)
	l.do("GET", "/toy/a?auth="+goodToken, bearer)
	l.do("GET", "/toy/"+goodToken, bearer)
	l.do("GET", "/toy/-/panic?t="+goodToken, bearer)
	l.do("PUT", "/toy/a", "Authorization: Bearer down")
	log := l.logged()
	for _, secret := range []string{goodToken, "npm_someothertoken", "Bearer"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	if n := strings.Count(log, "\n"); n != 7 {
		t.Errorf("%d lines for 7 requests:\n%s", n, log)
	}
}
