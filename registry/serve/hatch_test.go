package serve_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev/ecosystem"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/serve"
)

// twoDoors is one lab behind two listeners: with the hatch, and package http
// alone.
type twoDoors struct {
	*lab
	hatch, plain string
}

func openTwoDoors(t testing.TB) *twoDoors {
	l := newLab(t)
	for path, n := range map[string]int{
		"toy/a/doc.json": 5000, "toy/a/doc.json.gz": 1200, "toy/a/doc.html": 100, "toy/plain/doc.json": 10,
		"toy/big/doc.json": 500_000, "toy/big/doc.json.gz": 90_000, "toy/empty/doc.json": 0,
		"toy/a/-/small": 20_000, "toy/a/-/mid": 200_000, "toy/a/-/large": 1 << 20,
		"log/checkpoint": 200, "log/tile/0/000": 8192,
	} {
		l.put(path, strings.Repeat(path+"\n", n/len(path)+1)[:n])
	}
	l.put("toy/a/doc.json.gz", strings.Repeat("z", 1200))
	l.put("toy/big/doc.json.gz", strings.Repeat("z", 90_000))
	d := &twoDoors{lab: l}
	d.hatch, _ = l.listen()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := l.Server()
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	d.plain = ln.Addr().String()
	return d
}

var dates = regexp.MustCompile(`\r\nDate: [^\r]+ GMT\r\n`)

// say sends pieces one after another and returns everything that comes back.
func say(t testing.TB, addr string, pieces ...string) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		for i, p := range pieces {
			if i > 0 {
				time.Sleep(30 * time.Millisecond)
			}
			io.WriteString(c, p)
		}
		c.(*net.TCPConn).CloseWrite()
	}()
	b, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("%q: %v after %d bytes", pieces, err, len(b))
	}
	return dates.ReplaceAllString(string(b), "\r\nDate: then\r\n")
}

func (d *twoDoors) compare(t testing.TB, pieces ...string) string {
	t.Helper()
	say(t, d.plain, pieces...) // so that the page is remembered
	got, want := say(t, d.hatch, pieces...), say(t, d.plain, pieces...)
	if got != want {
		t.Errorf("%q:\nwith the hatch %d bytes %.600q\nwithout        %d bytes %.600q", pieces, len(got), got, len(want), want)
	}
	return got
}

// asks are requests of which the hatch takes the first ones.
var asks = []string{
	"GET /toy/a HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: registry.example:8420\r\nConnection: keep-alive\r\nUser-Agent: npm/11 node/v24 (linux; x64) \t\r\nAccept:application/json\r\nAccept-Encoding: gzip, deflate, br\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip;q=0\r\n\r\n",
	"GET /toy/plain HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
	"GET /toy/plain HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity;q=0\r\n\r\n",
	"GET /toy/empty HTTP/1.1\r\nHost: x\r\n\r\n",
	"HEAD /toy/a HTTP/1.1\r\nHost: x\r\n\r\n",
	"HEAD /toy/big HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
	"GET /toy/big HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/big HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
	"GET /toy/a/-/small HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
	"GET /toy/a/-/mid HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/a/-/large HTTP/1.1\r\nhost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
	"GET /log/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /log/tile/0/000 HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/a?x=%20y HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"other\"\r\nAuthorization: Bearer x\r\n\r\n",
	"GET /toy/none HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: Mon, 02 Jan 2090 15:04:05 GMT\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nIf-Match: \"x\"\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	"GET /toy/a HTTP/1.0\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost:\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: a/b\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost : x\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nA: b\x00\r\n\r\n",
	"GET /toy/a HTTP/1.1\nHost: x\n\n",
	"GET  /toy/a HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/a  HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/a#x HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET http://x/toy/a HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
	"get /toy/a HTTP/1.1\r\nHost: x\r\n\r\n",
	"\r\nGET /toy/a HTTP/1.1\r\nHost: x\r\n\r\n",
	"PUT /toy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /toy/a HTTP/1.1\r\n",
	"GET",
}

// TestHatchSaysTheSame compares every byte but the date.
func TestHatchSaysTheSame(t *testing.T) {
	d := openTwoDoors(t)
	tag := d.do("GET", "/toy/a").Header.Get("Etag")
	all := append(asks, "GET /toy/a HTTP/1.1\r\nHost: x\r\nIf-None-Match: "+tag+"\r\n\r\n",
		"HEAD /toy/a HTTP/1.1\r\nHost: x\r\nIf-None-Match: W/"+tag+", \"y\"\r\n\r\n")
	for _, a := range all {
		d.compare(t, a)
	}
	for i := range asks { // two in one piece, two in two, and one in two
		other := asks[(i+7)%len(asks)]
		d.compare(t, asks[i]+other)
		if i%3 == 0 {
			d.compare(t, asks[i], other)
			d.compare(t, asks[i][:len(asks[i])/2], asks[i][len(asks[i])/2:])
		}
	}
}

// TestBodyIsNoRequest: bytes that look like a request and are the body of one
// get no answer of their own.
func TestBodyIsNoRequest(t *testing.T) {
	d := openTwoDoors(t)
	inner := asks[0]
	put := fmt.Sprintf("PUT /toy/a HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n", bearer, len(inner))
	chunked := fmt.Sprintf("PUT /toy/a HTTP/1.1\r\nHost: x\r\n%s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", bearer, len(inner))
	for _, pieces := range [][]string{
		{put, inner}, {put + inner}, {asks[0], put, inner}, {chunked, inner, "\r\n0\r\n\r\n"},
		{"GET /toy/a HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(inner)) + "\r\n\r\n", inner},
		{"GET /toy/a HTTP/1.1\r\nX: ", inner},
	} {
		got := d.compare(t, pieces...)
		if n := strings.Count(got, "HTTP/1.1 "); n > 2 || n == 2 && pieces[0] != asks[0] {
			t.Errorf("%q: %d answers", pieces, n)
		}
	}
}

func FuzzHatch(f *testing.F) {
	for _, a := range asks {
		f.Add(a, "")
		f.Add(a[:len(a)/2], a[len(a)/2:])
	}
	d := openTwoDoors(f)
	f.Fuzz(func(t *testing.T, first, second string) {
		// A request that is forwarded to the desk may be answered before all of
		// it was sent; whether the rest is reset is a race.
		if len(first) > 4000 || len(second) > 4000 {
			t.Skip("as long as this, an answer may come before all was sent")
		}
		d.compare(t, first+second)
	})
}

// TestHatchStaysOpen makes sure that the comparison compares: the hatch takes
// the requests that it is there for.
func TestHatchStaysOpen(t *testing.T) {
	d := openTwoDoors(t)
	for _, uri := range []string{"/toy/a", "/toy/big", "/toy/a/-/small", "/toy/a/-/mid", "/toy/a/-/large", "/log/checkpoint"} {
		say(t, d.plain, "GET "+uri+" HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	before := metric(t, d.lab, "bonded_hatch_total")
	for _, uri := range []string{"/toy/a", "/toy/big", "/toy/a/-/small", "/toy/a/-/mid", "/toy/a/-/large", "/log/checkpoint"} {
		say(t, d.hatch, "GET "+uri+" HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	if got := metric(t, d.lab, "bonded_hatch_total") - before; got != 6 && runtime.GOOS == "linux" {
		t.Errorf("the hatch answered %v of 6 requests", got)
	}
}

// TestFilesAreClosed replaces and deletes files while many read them: every
// answer is one of the versions, and no descriptor stays.
func TestFilesAreClosed(t *testing.T) {
	l := newLab(t, func(c *serve.Config) { c.Memory = 1 << 20 })
	version := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 100_000) }
	for p := range 20 {
		l.put(fmt.Sprintf("toy/p%d/doc.json", p), version(0))
	}
	addr, stop := l.listen()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	end := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := g; ; i++ {
				select {
				case <-end:
					return
				default:
				}
				r, err := client.Get(fmt.Sprintf("http://%s/toy/p%d", addr, i%20))
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(r.Body)
				r.Body.Close()
				if err != nil || len(b) != 100_000 || !bytes.Equal(b, bytes.Repeat(b[:1], len(b))) {
					t.Errorf("%d bytes, %v", len(b), err)
				}
			}
		})
	}
	for i := range 400 {
		l.put(fmt.Sprintf("toy/p%d/doc.json", i%20), version(i))
	}
	close(end)
	wg.Wait()
	client.CloseIdleConnections()
	for p := range 20 {
		l.store.Delete(t.Context(), fmt.Sprintf("public/toy/p%d/doc.json", p))
		l.Changed(fmt.Sprintf("toy/p%d/doc.json", p))
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.Contains(to, t.Name()) && strings.Contains(to, "doc.json") {
			t.Errorf("still open: %s", to)
		}
	}
}

func TestShutdownWaitsForAnAnswer(t *testing.T) {
	l := newLab(t)
	const size = 40 << 20
	l.put("toy/a/-/huge", strings.Repeat("x", size))
	addr, stop := l.listen()
	say(t, addr, "HEAD /toy/a/-/huge HTTP/1.1\r\nHost: x\r\n\r\n")
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /toy/a/-/huge HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(50 * time.Millisecond) // the answer is under way and the socket full
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	time.Sleep(50 * time.Millisecond)
	select {
	case err := <-ended:
		t.Fatalf("ended with an answer under way: %v", err)
	default:
	}
	n, err := io.Copy(io.Discard, c)
	if n < size || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestHatchAfterAnUpload(t *testing.T) {
	l := newLab(t, func(c *serve.Config) {
		c.Desk = desk(func(ctx context.Context, a ecosystem.Ask, in publish.In) error {
			_, err := io.Copy(io.Discard, in.Body)
			return err
		})
	})
	l.put("toy/a/doc.json", "doc")
	addr, _ := l.listen()
	for range 3 {
		r, err := http.Get("http://" + addr + "/toy/a")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "read", text(t, r), "doc")
		r.Body.Close()
		req, _ := http.NewRequest("PUT", "http://"+addr+"/toy/a", strings.NewReader("body"))
		req.Header.Set("Authorization", "Bearer "+goodToken)
		r, err = http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "write", text(t, r), "toy says yes to alice")
		r.Body.Close()
	}
}
