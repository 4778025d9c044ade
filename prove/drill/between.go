package drill

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"bonded.dev/prove/visit"
)

// Verbatim is a request header that asks whoever is in between to leave the
// victim's URLs in documents as they are. That the two have different addresses
// is an artefact of the drill: a verifying client compares bytes and must not
// take it for a lie. What the attacker changes, it sees all the same.
const Verbatim = "Bonded-Drill-Verbatim"

// most is how large a body in between may be, bytes.
const most = 64 << 20

// Between stands between a client and a repository: a captured mirror, cache
// or network. Every answer of the repository goes through change, which sees
// it unpacked, one at a time, and returns what the client gets instead; path is
// what was asked for, with its query. nil changes nothing. Clients come to it by base, with
// trailing slash, for example through [visit.Site.Via]: absolute URLs of the
// repository are made its own, so that they stay. stop ends it.
func Between(ctx context.Context, target *visit.Site, change func(path string, r visit.Response) visit.Response) (base string, stop func(), err error) {
	to, err := url.Parse(target.Base)
	if err != nil {
		return "", nil, fmt.Errorf("standing in between: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("standing in between: %w", err)
	}
	b := &between{
		to: to, own: "http://" + l.Addr().String(), change: change,
		// Packed bytes are passed on packed, so the transport must not unpack.
		transport: &http.Transport{DisableCompression: true, Proxy: http.ProxyFromEnvironment},
	}
	server := &http.Server{Handler: b, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with Close
	}()
	stop = func() {
		server.Close()
		<-done
		b.transport.CloseIdleConnections()
	}
	return b.own + to.EscapedPath(), stop, nil
}

type between struct {
	to        *url.URL
	own       string     // without trailing slash
	turn      sync.Mutex // for change
	change    func(string, visit.Response) visit.Response
	transport *http.Transport
}

// hop are the headers that end at each connection (RFC 9110 section 7.6.1).
var hop = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

func (b *between) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	res, err := b.ask(r)
	if err != nil {
		http.Error(w, "in between: "+err.Error(), http.StatusBadGateway)
		return
	}
	for k, v := range res.Header {
		w.Header()[k] = v
	}
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(res.Body)))
	}
	w.WriteHeader(res.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(res.Body) // an error means that the client has gone
	}
}

// ask passes a request on and returns what the client gets.
func (b *between) ask(r *http.Request) (visit.Response, error) {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI, out.Host = b.to.Scheme, b.to.Host, "", ""
	for _, h := range append(hop, Verbatim) {
		out.Header.Del(h)
	}
	res, err := b.transport.RoundTrip(out)
	if err != nil {
		return visit.Response{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return visit.Response{}, err
	}
	if len(body) > most {
		return visit.Response{}, errors.New("the answer is larger than a drill passes on")
	}
	for _, h := range hop {
		res.Header.Del(h)
	}
	seen := visit.Response{URL: out.URL.String(), Status: res.StatusCode, Header: res.Header, Body: body,
		Reason: strings.TrimSpace(strings.TrimPrefix(res.Status, strconv.Itoa(res.StatusCode)))}
	return b.pass(r, seen)
}

// pass lets the attacker at an answer, and packs it again if it was packed.
func (b *between) pass(r *http.Request, res visit.Response) (visit.Response, error) {
	packed := res.Body
	zipped := res.Header.Get("Content-Encoding") == "gzip" && len(packed) > 0
	if zipped {
		var err error
		if res.Body, err = unzip(packed); err != nil {
			return res, fmt.Errorf("unpacking the answer: %w", err)
		}
	}
	plain := res.Body
	if b.change != nil {
		b.turn.Lock()
		res = b.change(r.URL.RequestURI(), res)
		b.turn.Unlock()
	}
	if r.Header.Get(Verbatim) == "" {
		res.Header = b.ownHeader(res.Header)
		if isText(res) {
			res.Body = []byte(b.mine(string(res.Body)))
		}
	}
	if zipped && bytes.Equal(plain, res.Body) {
		res.Body = packed
	} else if zipped {
		res.Body = zip(res.Body)
	}
	return res, nil
}

// mine makes URLs of the repository ours, also as JSON may spell them.
func (b *between) mine(text string) string {
	theirs := b.to.Scheme + "://" + b.to.Host
	escape := func(s string) string { return strings.ReplaceAll(s, "/", `\/`) }
	return strings.NewReplacer(theirs, b.own, escape(theirs), escape(b.own)).Replace(text)
}

func (b *between) ownHeader(h visit.Header) visit.Header {
	out := h.Clone()
	for k, values := range out {
		for i, v := range values {
			out[k][i] = b.mine(v)
		}
	}
	return out
}

// isText reports whether URLs in a body are for somebody to follow: what is
// packed or binary is an artifact, whose bytes are its own.
func isText(r visit.Response) bool {
	kind := r.Header.Get("Content-Type")
	for _, opaque := range []string{"octet-stream", "zip", "tar", "image/"} {
		if strings.Contains(kind, opaque) {
			return false
		}
	}
	return utf8.Valid(r.Body)
}

func unzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, most))
}

func zip(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}
