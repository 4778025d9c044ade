package visit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Header is a set of HTTP headers.
type Header = http.Header

// Request is one request. URL is absolute.
type Request struct {
	Method string
	URL    string
	Header map[string]string
	Body   []byte
	// Limit bounds the answer's body, bytes; 0: the client's limit.
	Limit int64
	// NoRedirect takes a redirect as the answer instead of following it.
	NoRedirect bool
	// Busy takes 429 as an answer like any other: whoever attacks on purpose
	// expects it.
	Busy bool
}

// Response is what came back, body included.
type Response struct {
	URL    string // after redirects
	Status int
	Reason string // the reason phrase, which some clients show
	Header Header
	Body   []byte
	// Cut says that the body was longer than the limit.
	Cut bool
}

// OK reports a status of 2xx.
func (r Response) OK() bool { return r.Status >= 200 && r.Status < 300 }

// ErrEnough says that the repository asked to be left alone: it answered 429,
// and a visitor stops.
var ErrEnough = errors.New("the repository answered 429 (too many requests), so the visit ends")

// Web is the HTTP client of a visit. It is safe for concurrent use.
type Web struct {
	// Agent is the User-Agent: who visits, and where to complain.
	Agent string
	// Pause is the least time between two requests; 0 on loopback.
	Pause time.Duration
	// Limit bounds a body, bytes.
	Limit int64
	// Saw is told about every request that was answered; nil: nobody listens.
	Saw func(method, url string, status int)

	client http.Client
	mu     sync.Mutex
	next   time.Time
	full   bool
	count  int
}

const (
	defaultLimit = 64 << 20
	patience     = 30 * time.Second
)

// NewWeb makes a client. pause is the least time between two requests.
func NewWeb(agent string, pause time.Duration) *Web {
	return &Web{
		Agent: agent, Pause: pause, Limit: defaultLimit,
		client: http.Client{
			Timeout:   patience,
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, DisableCompression: false},
		},
	}
}

// Count is how many requests were made so far.
func (w *Web) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// Close drops idle connections.
func (w *Web) Close() { w.client.CloseIdleConnections() }

// Do makes one request, when it is its turn, and reads the whole answer. Any
// status is an answer, except 429, after which every request is [ErrEnough].
func (w *Web) Do(ctx context.Context, r Request) (Response, error) {
	if err := w.turn(ctx); err != nil {
		return Response{}, err
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Response{}, fmt.Errorf("%s %s: %w", r.Method, r.URL, err)
	}
	req.Header.Set("User-Agent", w.Agent)
	for k, v := range r.Header {
		req.Header.Set(k, v)
	}
	client := w.client
	if r.NoRedirect {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	res, err := client.Do(req)
	if err != nil {
		return Response{}, fmt.Errorf("%s: %w", r.Method, err)
	}
	defer res.Body.Close()
	limit := cmp.Or(r.Limit, w.Limit)
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return Response{}, fmt.Errorf("%s %s: reading the answer: %w", r.Method, r.URL, err)
	}
	out := Response{
		URL: res.Request.URL.String(), Status: res.StatusCode, Header: res.Header, Body: body,
		Reason: strings.TrimSpace(strings.TrimPrefix(res.Status, fmt.Sprint(res.StatusCode))),
	}
	if int64(len(body)) > limit {
		out.Body, out.Cut = body[:limit], true
	}
	return out, w.saw(r, out)
}

// Get is Do for the plain case.
func (w *Web) Get(ctx context.Context, url string, accept string) (Response, error) {
	h := map[string]string{}
	if accept != "" {
		h["Accept"] = accept
	}
	return w.Do(ctx, Request{Method: "GET", URL: url, Header: h})
}

func (w *Web) turn(ctx context.Context) error {
	w.mu.Lock()
	if w.full {
		w.mu.Unlock()
		return ErrEnough
	}
	now := time.Now()
	at := w.next
	if at.Before(now) {
		at = now
	}
	w.next = at.Add(w.Pause)
	w.count++
	w.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(at.Sub(now)):
		return nil
	}
}

func (w *Web) saw(r Request, out Response) error {
	if w.Saw != nil {
		w.Saw(r.Method, r.URL, out.Status)
	}
	if out.Status == http.StatusTooManyRequests && !r.Busy {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.full = true
		return ErrEnough
	}
	return nil
}

// Resolve makes a reference that stands in a document absolute.
func Resolve(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ref
	}
	u, err := b.Parse(ref)
	if err != nil {
		return ref
	}
	return u.String()
}
