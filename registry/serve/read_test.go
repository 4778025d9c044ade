package serve_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev/registry/serve"
)

func TestEncodings(t *testing.T) {
	l := newLab(t)
	l.put("toy/a/doc.json", "plain")
	l.put("toy/a/doc.json.gz", "packed")
	l.put("toy/b/doc.json", "plain")
	for header, want := range map[string]string{
		"":                            "plain",
		"identity":                    "plain",
		"gzip":                        "packed",
		"x-gzip":                      "packed",
		"GZIP":                        "packed",
		"gzip, deflate, br":           "packed",
		"deflate, gzip;q=1.0, *;q=.5": "packed",
		"br;q=1, *;q=0.1":             "packed",
		"*":                           "packed",
		"br":                          "plain",
		"gzip;q=0":                    "plain",
		"gzip; q=0.000":               "plain",
		"*;q=0, identity":             "plain",
		"gzip;q=0.5, identity":        "plain",
		"gzip;q=0.5, identity;q=0.5":  "packed",
		"gzip;q=x":                    "plain",
		"identity;q=0, gzip":          "packed",
		"identity;q=0, gzip;q=0.1":    "packed",
		"identity;q=0":                "none",
		"*;q=0":                       "none",
		"gzip;q=0, identity;q=0":      "none",
	} {
		r := l.do("GET", "/toy/a", "Accept-Encoding: "+header)
		got := text(t, r)
		if want == "none" {
			if r.StatusCode != http.StatusNotAcceptable {
				t.Errorf("Accept-Encoding %q: %d %q, want 406", header, r.StatusCode, got)
			}
			continue
		}
		encoding := map[string]string{"plain": "", "packed": "gzip"}[want]
		if got != want || r.Header.Get("Content-Encoding") != encoding || r.Header.Get("Vary") != "Accept, Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: %q (%s), Vary %s", header, got, r.Header.Get("Content-Encoding"), r.Header.Get("Vary"))
		}
	}
	if got := text(t, l.do("GET", "/toy/b", "Accept-Encoding: gzip")); got != "plain" {
		t.Errorf("a document without a compressed form: %q", got)
	}
	l.put("toy/b/doc.json.gz", "packed")
	if got := text(t, l.do("GET", "/toy/b", "Accept-Encoding: gzip")); got != "packed" {
		t.Errorf("after its compressed form came: %q", got)
	}
	if got := l.do("GET", "/toy/b", "Accept-Encoding: identity;q=0").StatusCode; got != http.StatusNotAcceptable {
		t.Errorf("identity excluded: %d", got)
	}
}

func TestAcceptChoosesTheDocument(t *testing.T) {
	l := newLab(t)
	l.put("toy/a/doc.json", "json")
	l.put("toy/a/doc.html", "html")
	for range 2 { // from the adapter, then from memory
		r := l.do("GET", "/toy/a")
		want(t, "body", text(t, r), "json")
		want(t, "type", r.Header.Get("Content-Type"), "application/toy+json")
		r = l.do("GET", "/toy/a", "Accept: text/html")
		want(t, "body", text(t, r), "html")
		want(t, "type", r.Header.Get("Content-Type"), "text/html; charset=utf-8")
		want(t, "split Accept", text(t, l.do("GET", "/toy/a", "Accept: x/y", "Accept: text/html")), "html")
	}
	// A path that depends on some other header is asked for each time.
	l.put("toy/one/doc.json", "1")
	l.put("toy/two/doc.json", "2")
	want(t, "agent", text(t, l.do("GET", "/toy/-/agent", "User-Agent: one")), "1")
	want(t, "agent", text(t, l.do("GET", "/toy/-/agent", "User-Agent: two")), "2")
}

// TestConditions goes over small bytes from memory and large ones from the
// store, documents and artifacts: they answer alike.
func TestConditions(t *testing.T) {
	l := newLab(t)
	small, large := strings.Repeat("0123456789", 10), strings.Repeat("0123456789", 50_000)
	l.put("toy/a/doc.json", small)
	l.put("toy/a/-/small", small)
	l.put("toy/a/-/large", large)
	for uri, content := range map[string]string{"/toy/a": small, "/toy/a/-/small": small, "/toy/a/-/large": large} {
		first := l.do("GET", uri)
		tag, modified := first.Header.Get("Etag"), first.Header.Get("Last-Modified")
		if first.StatusCode != 200 || text(t, first) != content || !strings.HasPrefix(tag, `"`) || modified == "" {
			t.Fatalf("GET %s: %d, %v", uri, first.StatusCode, first.Header)
		}
		n := len(content)
		past := "Mon, 02 Jan 2006 15:04:05 GMT"
		for _, c := range []struct {
			header string
			status int
			body   string
		}{
			{"If-None-Match: " + tag, 304, ""},
			{"If-None-Match: W/" + tag, 304, ""},
			{`If-None-Match: "other", ` + tag, 304, ""},
			{"If-None-Match: *", 304, ""},
			{`If-None-Match: "other"`, 200, content},
			{"If-None-Match: " + strings.Trim(tag, `"`), 200, content},
			{"If-Modified-Since: " + modified, 304, ""},
			{"If-Modified-Since: " + past, 200, content},
			{"If-Modified-Since: yesterday", 200, content},
			{"If-None-Match: \"other\"\nIf-Modified-Since: " + modified, 200, content},
			{"If-Match: " + tag, 200, content},
			{`If-Match: "other"`, 412, ""},
			{"If-Unmodified-Since: " + past, 412, ""},
			{"Range: bytes=0-3", 206, content[:4]},
			{"Range: bytes=-5", 206, content[n-5:]},
			{"Range: bytes=90-", 206, content[90:]},
			{"Range: bytes=90-999999999", 206, content[90:]},
			{fmt.Sprintf("Range: bytes=%d-", n), 416, ""},
			{"Range: lines=1-2", 416, ""},
			{"Range: bytes=0-3\nIf-Range: " + tag, 206, content[:4]},
			{"Range: bytes=0-3\nIf-Range: \"other\"", 200, content},
			{"Range: bytes=0-3\nIf-Range: " + modified, 206, content[:4]},
			{"Range: bytes=0-3\nIf-Range: " + past, 200, content},
			{"Range: bytes=0-3\nIf-None-Match: " + tag, 304, ""},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				r := l.do(method, uri, strings.Split(c.header, "\n")...)
				body := text(t, r)
				if r.StatusCode != c.status {
					t.Errorf("%s %s %q: %d, want %d", method, uri, c.header, r.StatusCode, c.status)
				}
				if c.status < 400 && r.Header.Get("Etag") != tag {
					t.Errorf("%s %s %q: tag %s, want %s", method, uri, c.header, r.Header.Get("Etag"), tag)
				}
				switch {
				case method == "HEAD" && body != "" && c.status < 400: // of errors a real connection sends none
					t.Errorf("HEAD %s %q has a body", uri, c.header)
				case method == "GET" && c.body != "" && body != c.body:
					t.Errorf("GET %s %q: %d bytes, want %d", uri, c.header, len(body), len(c.body))
				case c.status/100 == 2 && r.Header.Get("Content-Length") != fmt.Sprint(len(c.body)):
					t.Errorf("%s %s %q: Content-Length %s, want %d", method, uri, c.header, r.Header.Get("Content-Length"), len(c.body))
				}
			}
		}
	}
}

func TestCacheControl(t *testing.T) {
	l := newLab(t)
	for _, p := range []string{"toy/a/doc.json", "toy/a/-/f", "log/checkpoint", "log/tile/0/000", "log/tile/0/000.p/12", "log/tile/entries/000", "log/doc/abc"} {
		l.put(p, "x")
	}
	for uri, want := range map[string]string{
		"/toy/a": "no-cache", "/toy/a/-/f": "public, max-age=31536000, immutable",
		"/log/checkpoint": "no-cache", "/log/tile/0/000": "public, max-age=31536000, immutable",
		"/log/tile/entries/000": "public, max-age=31536000, immutable",
		"/log/tile/0/000.p/12":  "no-cache", "/log/doc/abc": "public, max-age=60",
		"/toy/none": "no-store", "/log/none": "no-store", "/toy/a/-/none": "no-store",
	} {
		r := l.do("GET", uri)
		if got := r.Header.Get("Cache-Control"); got != want || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: Cache-Control %q, want %q; %v", uri, got, want, r.Header)
		}
	}
	if r := l.do("GET", "/log/checkpoint"); r.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("checkpoint: %v", r.Header)
	}
}

func TestAbsent(t *testing.T) {
	l := newLab(t)
	r := l.do("GET", "/toy/none")
	want(t, "status", r.StatusCode, 404)
	want(t, "body", text(t, r), "toy says no: there is no package none here")
	want(t, "file", text(t, l.do("GET", "/toy/none/-/f.tgz")), "toy says no: none has no file f.tgz here")
	opens, asked := l.store.opens.get(), l.asked.get()
	for range 5 {
		want(t, "again", l.do("GET", "/toy/none").StatusCode, 404)
	}
	if l.store.opens.get() != opens || l.asked.get() != asked {
		t.Error("a document that is known to be absent was looked for again")
	}
	l.put("toy/none/doc.json", "now")
	want(t, "after it came", text(t, l.do("GET", "/toy/none")), "now")
	for _, uri := range []string{"/toy/..", "/toy/a%2f..%2fb", "/toy/a/-/../../../x", "/log/../../etc/passwd", "/log/tile//", "/log/", "/toy/" + strings.Repeat("a", 2000)} {
		r := l.do("GET", uri)
		if r.StatusCode != 404 {
			t.Errorf("GET %s: %d", uri, r.StatusCode)
		}
	}
}

// TestMemoryIsExact: nothing is asked twice, and nothing survives a change.
func TestMemoryIsExact(t *testing.T) {
	l := newLab(t)
	l.put("toy/a/doc.json", "one")
	for range 10 {
		want(t, "body", text(t, l.do("GET", "/toy/a")), "one")
	}
	if l.asked.get() != 1 || l.store.opens.get() != 1 || l.store.stats.get() != 0 {
		t.Errorf("ten requests: %d asks, %d opens, %d stats", l.asked.get(), l.store.opens.get(), l.store.stats.get())
	}
	l.put("toy/a/doc.json", "two")
	want(t, "changed", text(t, l.do("GET", "/toy/a")), "two")
	if err := l.store.Delete(t.Context(), "public/toy/a/doc.json"); err != nil {
		t.Fatal(err)
	}
	l.Changed("toy/a/doc.json")
	want(t, "deleted", l.do("GET", "/toy/a").StatusCode, 404)
	l.put("toy/a/-/f", strings.Repeat("x", 1<<20))
	want(t, "large", l.do("GET", "/toy/a/-/f").StatusCode, 200)
	l.store.Delete(t.Context(), "public/toy/a/-/f")
	l.Changed("toy/a/-/f")
	want(t, "large deleted", l.do("GET", "/toy/a/-/f").StatusCode, 404)
}

// TestLoadThatIsOvertaken: bytes that were read before a change are not kept
// after it, though the reading ended later.
func TestLoadThatIsOvertaken(t *testing.T) {
	l := newLab(t)
	l.put("toy/a/doc.json", "old")
	var once sync.Once
	l.store.during = func() { once.Do(func() { l.put("toy/a/doc.json", "new") }) }
	l.do("GET", "/toy/a")
	want(t, "afterwards", text(t, l.do("GET", "/toy/a")), "new")
}

func TestOneLoadForAll(t *testing.T) {
	l := newLab(t)
	l.put("toy/a/doc.json", "x")
	l.store.during = func() { time.Sleep(20 * time.Millisecond) }
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got := l.do("GET", "/toy/a").StatusCode; got != 200 {
				t.Errorf("status %d", got)
			}
		})
	}
	wg.Wait()
	want(t, "opens", l.store.opens.get(), 1)
}

func TestChangesUnderLoad(t *testing.T) {
	l := newLab(t)
	l.put("toy/a/doc.json", "0")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				var n int
				fmt.Sscan(text(t, l.do("GET", "/toy/a")), &n)
				if n < last {
					t.Errorf("went back from %d to %d", last, n)
				}
				last = n
			}
		})
	}
	for i := 1; i <= 100; i++ {
		l.put("toy/a/doc.json", fmt.Sprint(i))
		want(t, "own write", text(t, l.do("GET", "/toy/a")), fmt.Sprint(i))
	}
	close(stop)
	wg.Wait()
}

// TestOtherNodes: what another node wrote is seen after Recheck, and asked for
// no more often than that.
func TestOtherNodes(t *testing.T) {
	l := newLab(t, func(c *serve.Config) { c.Recheck = time.Second })
	behind := func(path, content string) {
		if err := l.store.Put(t.Context(), "public/"+path, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	behind("toy/a/doc.json", "one")
	behind("toy/a/-/f", "fixed")
	want(t, "first", text(t, l.do("GET", "/toy/a")), "one")
	want(t, "file", text(t, l.do("GET", "/toy/a/-/f")), "fixed")
	want(t, "absent", l.do("GET", "/toy/b").StatusCode, 404)
	behind("toy/a/doc.json", "two")
	behind("toy/b/doc.json", "b")
	want(t, "within a second", text(t, l.do("GET", "/toy/a")), "one")
	want(t, "stats", l.store.stats.get(), 0)
	l.now = l.now.Add(1100 * time.Millisecond)
	want(t, "after a second", text(t, l.do("GET", "/toy/a")), "two")
	want(t, "absent before", text(t, l.do("GET", "/toy/b")), "b")
	want(t, "stats", l.store.stats.get(), 2)
	for range 5 {
		l.do("GET", "/toy/a/-/f")
	}
	want(t, "stats for a file that never changes", l.store.stats.get(), 2)
	l.now = l.now.Add(time.Minute)
	l.store.fail(errors.New("unplugged"))
	want(t, "store down", text(t, l.do("GET", "/toy/a")), "two")
}

func TestStoreDown(t *testing.T) {
	l := newLab(t)
	l.put("toy/a/doc.json", "kept")
	l.do("GET", "/toy/a")
	l.store.fail(errors.New("secret cause"))
	want(t, "from memory", text(t, l.do("GET", "/toy/a")), "kept")
	r := l.do("GET", "/toy/b")
	body := text(t, r)
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || strings.Contains(body, "secret") || !strings.HasPrefix(body, "toy says no") {
		t.Errorf("%d %v %q", r.StatusCode, r.Header, body)
	}
	if !strings.Contains(l.logged(), "secret cause") {
		t.Error("the cause is not in the log")
	}
	l.store.fail(nil)
	l.put("toy/b/doc.json", "b")
	want(t, "afterwards", text(t, l.do("GET", "/toy/b")), "b")
}

// TestReadsNeedNoDatabase: neither identities nor the desk are asked.
func TestReadsNeedNoDatabase(t *testing.T) {
	l := newLab(t, func(c *serve.Config) { c.Authenticate, c.Desk, c.Search = nil, nil, nil })
	l.put("toy/a/doc.json", "doc")
	l.put("toy/a/-/f", "file")
	want(t, "document", text(t, l.do("GET", "/toy/a", "Authorization: Bearer nonsense")), "doc")
	want(t, "file", text(t, l.do("GET", "/toy/a/-/f", "Authorization: Bearer nonsense")), "file")
}

func TestMemoryIsBounded(t *testing.T) {
	l := newLab(t, func(c *serve.Config) { c.Memory = 1 << 20 })
	content := strings.Repeat("x", 40_000)
	for i := range 100 {
		l.put(fmt.Sprintf("toy/p%d/doc.json", i), content+fmt.Sprint(i))
	}
	for round := range 3 {
		for i := range 100 {
			if got := text(t, l.do("GET", fmt.Sprintf("/toy/p%d", i))); got != content+fmt.Sprint(i) {
				t.Fatalf("round %d: document %d is another", round, i)
			}
			want(t, "hot", text(t, l.do("GET", "/toy/p0")), content+"0")
		}
	}
	used := metric(t, l, "bonded_memory_bytes")
	if used > 1<<20 || used < 1<<19 {
		t.Errorf("memory holds %v bytes", used)
	}
	// The one that is asked for all the time stays.
	opens := l.store.opens.get()
	for range 10 {
		l.do("GET", "/toy/p0")
	}
	want(t, "opens for the hot document", l.store.opens.get(), opens)
	l.put("toy/p0/doc.json", "new")
	want(t, "changed", text(t, l.do("GET", "/toy/p0")), "new")
}

func TestMethods(t *testing.T) {
	l := newLab(t)
	l.put("toy/x/doc.json", "x")
	want(t, "POST to a document", l.do("POST", "/toy/x").StatusCode, 422)
	for _, uri := range []string{"/", "/log/checkpoint", "/healthz", "/metrics"} {
		r := l.do("DELETE", uri)
		if r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("DELETE %s: %d %v", uri, r.StatusCode, r.Header)
		}
	}
	r := l.do("GET", "/toy/OldName")
	if r.StatusCode != 301 || r.Header.Get("Location") != "/toy/new" {
		t.Errorf("redirect: %d %v", r.StatusCode, r.Header)
	}
	r = l.do("GET", "/toy")
	if r.StatusCode != 301 || r.Header.Get("Location") != "/toy/" {
		t.Errorf("without the slash: %d %v", r.StatusCode, r.Header)
	}
	want(t, "elsewhere", l.do("GET", "/elsewhere").StatusCode, 404)
	want(t, "absolute form", text(t, l.do("GET", "http://registry.example/toy/x")), "x")
}

func TestDownloadsAreCounted(t *testing.T) {
	keep := &tallied{err: errors.New("down")}
	l := newLab(t, func(c *serve.Config) { c.Tally = keep })
	l.put("toy/a/-/f", "small")
	l.put("toy/a/-/large", string(bytes.Repeat([]byte("x"), 1<<20)))
	l.put("toy/a/doc.json", "doc")
	for range 3 {
		l.do("GET", "/toy/a/-/f")
		l.do("GET", "/toy/a/-/f?other=spelling")
		l.do("GET", "/toy/a/-/large")
		l.do("GET", "/toy/a")
		l.do("HEAD", "/toy/a/-/f")
	}
	l.Flush(t.Context())
	keep.err = nil
	l.do("GET", "/toy/a/-/f")
	l.Flush(t.Context())
	l.Flush(t.Context())
	got := map[int64]int{}
	for _, d := range keep.list {
		if d.Name.Key != "a" || d.Version != "1" || d.Day != 20781 {
			t.Errorf("counted %+v", d)
		}
		got[d.Count]++
	}
	if len(keep.list) != 2 || got[7] != 1 || got[3] != 1 {
		t.Errorf("counted %+v", keep.list)
	}
}
