package serve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// dialect asks the adapter what a request wants and sees to it.
func (h *Handler) dialect(w http.ResponseWriter, r *http.Request, rm *room, path string) {
	seen := &seenHeaders{header: r.Header}
	a, err := rm.eco.Ask(ecosystem.Request{Method: r.Method, Path: path, Query: r.URL.Query(), Header: seen.get})
	if err != nil {
		h.answer(w, r, rm, ecosystem.Outcome{Ask: a, Err: err})
		return
	}
	if a.Redirect != "" {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("Location", a.Redirect)
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	if a.Verb == ecosystem.Fetch {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.answer(w, r, rm, ecosystem.Outcome{Ask: a, Err: bonded.Errorf(bonded.Unsupported, "%s is not for reading", r.Method)})
			return
		}
		pg := h.fetch(rm, a, seen.accept)
		if !seen.others {
			h.pages.put(target{r.RequestURI, accept(r.Header)}, pg)
		}
		h.serve(w, r, pg)
		return
	}
	h.answer(w, r, rm, h.act(w, r, rm, a))
}

// act does what is asked for and is not a file.
func (h *Handler) act(w http.ResponseWriter, r *http.Request, rm *room, a ecosystem.Ask) (out ecosystem.Outcome) {
	out.Ask, out.Base = a, h.URL
	var who publish.Actor = nobody{}
	if a.Auth || a.Verb == ecosystem.Publish || a.Verb == ecosystem.Change || a.Verb == ecosystem.Stage {
		// Before the body is read: a client that may not write should not have
		// to send a hundred megabytes to learn it.
		caller, err := h.authenticate(r, a.Proof)
		if err != nil {
			out.Err = err
			return out
		}
		if caller != nil {
			who = caller
		} else if a.Auth {
			out.Err = errNoCredential()
			return out
		}
	}
	out.User = who.User()
	switch a.Verb {
	case ecosystem.Publish, ecosystem.Change, ecosystem.Stage:
		if out.Receipt, out.Err = h.submit(w, r, rm, a, who); out.Err != nil {
			out.Login = h.askProof(r, who, out.Err)
		}
	case ecosystem.Search:
		if h.Search == nil {
			out.Err = bonded.Errorf(bonded.Unsupported, "there is no search here")
			return out
		}
		out.Hits, out.Total, out.Err = h.Search(r.Context(), rm.id, a.Query)
	case ecosystem.Exchange:
		out.Token, out.Ends, out.Err = h.exchangeFor(w, r, a)
	case ecosystem.Owners:
		if out.Said, out.Err = h.owners(w, r, a, who); out.Err != nil {
			out.Login = h.askProof(r, who, out.Err)
		}
	case ecosystem.Login:
		out.Login, out.Err = h.beginLogin(r, rm)
	case ecosystem.LoginDone:
		out.Err = h.endLogin(r, &out)
	case ecosystem.Tokens:
		out.Tokens, out.Err = h.ownTokens(r.Context(), who)
	case ecosystem.Revoke:
		out.Err = h.endToken(r.Context(), who, a.Secret)
	case ecosystem.Audience:
		out.Audience, out.Err = h.audience()
	case ecosystem.Whoami, ecosystem.Ping, ecosystem.Answer:
	default:
		out.Err = bonded.Errorf(bonded.Unsupported, "this is not done here")
	}
	return out
}

// authenticate asks who is at the door. The address is that of the connection:
// what a header says of an address is believed from nobody.
// Hole: behind a proxy every client has the proxy's address, so that a token
// bound to a network has to name the proxy's.
func (h *Handler) authenticate(r *http.Request, proof string) (publish.Actor, error) {
	if h.Authenticate == nil {
		return nil, nil
	}
	return h.Authenticate(r.Context(), identity.Request{Authorization: r.Header.Get("Authorization"), Proof: proof, From: from(r)})
}

func from(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

func errNoCredential() error {
	return bonded.Errorf(bonded.Unauthorized, "this needs a token, and the request carries none; see the front page for how to set one")
}

// nobody is who asks without a credential. He may nothing.
type nobody struct{}

func (nobody) User() string { return "" }

func (n nobody) Name() string                                      { return "" }
func (n nobody) Heir(context.Context, bonded.Name) (string, error) { return "", nil }
func (n nobody) Limits(*bonded.Draft) error                        { return nil }
func (n nobody) Spend(*record.Tx) error                            { return nil }

func (nobody) May(context.Context, bonded.Action, bonded.Name) error { return errNoCredential() }

// submit hands a request to the desk, with a body that keeps its limits.
func (h *Handler) submit(w http.ResponseWriter, r *http.Request, rm *room, a ecosystem.Ask, who publish.Actor) (bonded.Receipt, error) {
	if h.Desk == nil {
		return bonded.Receipt{}, bonded.Errorf(bonded.Unsupported, "nothing can be published here")
	}
	limit := rm.eco.Info().MaxUpload
	if r.ContentLength > limit {
		return bonded.Receipt{}, errTooLarge(limit)
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return bonded.Receipt{}, bonded.Errorf(bonded.Unsupported, "a request body with Content-Encoding %s is not read here; send it as it is", strconv.Quote(e))
	}
	if !h.enter(r) {
		h.metrics.busy.Inc()
		return bonded.Receipt{}, bonded.Errorf(bonded.Unavailable, "the repository is busy with other uploads; nothing was changed; try again")
	}
	defer func() { <-h.writing }()
	began := time.Now()
	up := newUpload(w, r, limit)
	receipt, err := h.Desk.Submit(r.Context(), rm.eco, a, publish.In{Body: up, Actor: who})
	h.metrics.write(rm.id, time.Since(began))
	if err != nil && up.failed != nil {
		// What the adapter made of a body that ended early says less than why.
		err = up.failed
	}
	// The answer gets its own time; the body may have taken all of it.
	allowWrite(w, 0)
	return receipt, err
}

// patience is how long one more write waits for a place.
const patience = time.Second

func (h *Handler) enter(r *http.Request) bool {
	select {
	case h.writing <- struct{}{}:
		return true
	default:
	}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case h.writing <- struct{}{}:
		return true
	case <-wait.C:
	case <-r.Context().Done():
	}
	return false
}

// upload is a request body that ends at a limit and must keep moving.
type upload struct {
	body   io.Reader
	limit  int64
	clock  *http.ResponseController
	began  time.Time
	moved  time.Time // when the deadline was set
	read   int64
	failed error // why the body could not be read to its end, for the client
}

func newUpload(w http.ResponseWriter, r *http.Request, limit int64) *upload {
	now := time.Now()
	u := &upload{body: http.MaxBytesReader(w, r.Body, limit), limit: limit, clock: http.NewResponseController(w), began: now}
	u.extend(now)
	return u
}

// longestPause is for a client that stops in the middle.
const longestPause = time.Minute

// extend lets the body go on as long as it keeps the pace on the whole and
// does not pause for too long.
func (u *upload) extend(now time.Time) {
	u.moved = now
	until := u.began.Add(grace + time.Duration(u.read/slowest)*time.Second)
	if last := now.Add(longestPause); until.After(last) {
		until = last
	}
	// An error means that the connection has no deadlines, as in some tests.
	_ = u.clock.SetReadDeadline(until)
}

func (u *upload) Read(b []byte) (int, error) {
	n, err := u.body.Read(b)
	u.read += int64(n)
	if n > 0 {
		if now := time.Now(); now.Sub(u.moved) > time.Second {
			u.extend(now)
		}
	}
	var large *http.MaxBytesError
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.As(err, &large):
		u.failed = errTooLarge(u.limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		u.failed = &bonded.Error{Kind: bonded.Invalid, Public: "the upload came too slowly and was given up; nothing was changed", Err: err}
	default:
		u.failed = &bonded.Error{Kind: bonded.Invalid, Public: "the upload ended before it was complete; nothing was changed; upload again", Err: err}
	}
	return n, u.failed
}

func errTooLarge(limit int64) error {
	return bonded.Errorf(bonded.TooLarge, "the request is larger than the %d bytes that are taken here", limit)
}
