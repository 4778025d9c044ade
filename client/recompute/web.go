package recompute

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// web reads a repository over HTTP: bounded, patient, a few requests at once.
type web struct {
	base   string // with trailing slash
	client *http.Client
	places chan struct{}
	pause  time.Duration // before a second try
	// failures counts tries without an answer since the last one with. When
	// there are too many, giveUp ends the run: nobody waits for every single
	// file of a repository that is down.
	failures atomic.Int64
	giveUp   func(error)
}

const (
	// tries is how often a request is made that fails without an answer, or
	// with an answer that asks to come back later.
	tries = 3
	// tooMany failures in a row end the run.
	tooMany = 200
	// stall is how long a body may stand still.
	stall = 30 * time.Second
)

// errAbsent is the answer 404 or 410.
var errAbsent = errors.New("not there")

func newWeb(source string, opts Options, giveUp func(error)) (*web, error) {
	client := opts.Client
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not the http URL of a repository", source)
	}
	if client == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = stall
		t.DisableCompression = true
		t.MaxIdleConnsPerHost = opts.Workers
		client = &http.Client{Transport: t}
	}
	return &web{base: strings.TrimSuffix(source, "/") + "/", client: client, places: make(chan struct{}, opts.Workers),
		pause: opts.Patience / 3, giveUp: giveUp}, nil
}

// request is one GET.
type request struct {
	path   string // relative to the base, escaped
	accept string
	gzip   bool
}

// answer is a response whose body is still to be read.
type answer struct {
	*http.Response
	body io.Reader // guarded against standing still
}

// get reads a small file whole.
func (w *web) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	var b []byte
	err := w.fetch(ctx, request{path: path}, func(a *answer) (err error) {
		b, err = readAll(a.body, limit)
		return err
	})
	return b, err
}

// errTooLong is what reads as more bytes than there can be.
var errTooLong = errors.New("longer than it can be")

func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%w: more than %d bytes", errTooLong, limit)
	}
	return b, err
}

// fetch makes a request and hands a good answer to read, from the start again
// if the connection breaks. An answer of 404 or 410 is errAbsent.
func (w *web) fetch(ctx context.Context, q request, read func(*answer) error) error {
	var err error
	for try := range tries {
		if try > 0 {
			pause := time.NewTimer(time.Duration(try) * w.pause)
			select {
			case <-ctx.Done():
				pause.Stop()
				return ctx.Err()
			case <-pause.C:
			}
		}
		var again bool
		again, err = w.once(ctx, q, read)
		if !again {
			w.failures.Store(0)
		} else if w.failures.Add(1) == tooMany {
			w.giveUp(fmt.Errorf("the repository stopped answering: %w", err))
		}
		if !again {
			return err
		}
	}
	return err
}

// unreachable marks an error that says nothing about the repository's content.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

func isUnreachable(err error) bool {
	var u unreachable
	return errors.As(err, &u)
}

func (w *web) once(ctx context.Context, q request, read func(*answer) error) (again bool, err error) {
	select {
	case w.places <- struct{}{}:
		defer func() { <-w.places }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	moving, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(moving, http.MethodGet, w.base+q.path, nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("User-Agent", "bonded-log-verify")
	req.Header.Set("Accept-Encoding", "identity")
	if q.gzip {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	if q.accept != "" {
		req.Header.Set("Accept", q.accept)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return ctx.Err() == nil, unreachable{err}
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone:
		return false, errAbsent
	case code == http.StatusInternalServerError:
		// Tried again, but in the end an answer: what should be there is not.
		return true, fmt.Errorf("answered %s", resp.Status)
	case code > 500 || code == http.StatusTooManyRequests:
		return true, unreachable{fmt.Errorf("answered %s", resp.Status)}
	case code != http.StatusOK:
		return false, fmt.Errorf("answered %s", resp.Status)
	}
	guard := newGuard(resp.Body, cancel)
	defer guard.timer.Stop()
	err = read(&answer{Response: resp, body: guard})
	if guard.failed != nil {
		return ctx.Err() == nil, unreachable{guard.failed}
	}
	return false, err
}

// guard ends a request whose body stands still, and remembers whether it was
// the connection that failed or whoever read from it.
type guard struct {
	r      io.Reader
	timer  *time.Timer
	failed error
}

func newGuard(r io.Reader, cancel context.CancelCauseFunc) *guard {
	return &guard{r: r, timer: time.AfterFunc(stall, func() { cancel(errors.New("the body stood still")) })}
}

func (g *guard) Read(b []byte) (int, error) {
	n, err := g.r.Read(b)
	if n > 0 {
		g.timer.Reset(stall)
	}
	if err != nil && err != io.EOF {
		g.failed = err
	}
	return n, err
}
