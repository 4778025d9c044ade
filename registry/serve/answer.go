package serve

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// answer says an outcome in the words of the room, counts it and logs it.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, rm *room, out ecosystem.Outcome) {
	resp := rm.reply(out)
	kind, control, _ := bonded.Explain(out.Err)
	if control != "" {
		h.metrics.refusals.WithLabelValues(control).Inc()
	}
	if out.Err != nil && (kind == bonded.Unavailable || kind == bonded.TooMany) {
		w.Header().Set("Retry-After", "5")
	}
	h.write(w, r, rm, resp)
	h.metrics.requests.WithLabelValues(rm.id, verbs[out.Ask.Verb], strconv.Itoa(resp.Status)).Inc()
	h.logOutcome(r, rm, out, resp.Status)
}

// verbs names the verbs in metrics and logs.
var verbs = [...]string{
	0: "unknown", ecosystem.Fetch: "fetch", ecosystem.Publish: "publish", ecosystem.Change: "change",
	ecosystem.Stage: "stage", ecosystem.Search: "search", ecosystem.Whoami: "whoami",
	ecosystem.Ping: "ping", ecosystem.Answer: "answer",
	ecosystem.Audience: "audience", ecosystem.Exchange: "exchange",
	ecosystem.Login: "login", ecosystem.LoginDone: "login done", ecosystem.Tokens: "tokens", ecosystem.Revoke: "revoke",
	ecosystem.Owners: "owners",
}

// reply is the adapter's, or plain text for paths of our own.
func (rm *room) reply(out ecosystem.Outcome) ecosystem.Response {
	if rm.eco != nil {
		return rm.eco.Reply(out)
	}
	kind, _, public := bonded.Explain(out.Err)
	return ecosystem.Response{Status: ecosystem.StatusOf(kind), Type: plainText, Body: []byte(public + "\n")}
}

// unsaid is what caches are told about an answer that says nothing of them: it
// may depend on who asks. Without session-hygiene it is as careless as most.
func (h *Handler) unsaid() string {
	if h.Without != nil && h.Without("session-hygiene") {
		return "public, max-age=60"
	}
	return "no-store"
}

// write sends a small answer.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, rm *room, resp ecosystem.Response) {
	hd := w.Header()
	for k, v := range resp.Header {
		hd.Set(k, v)
	}
	if resp.Status == http.StatusUnauthorized && hd.Get("WWW-Authenticate") == "" {
		hd.Set("WWW-Authenticate", `Basic realm="bonded"`) // RFC 9110 section 11.6.1
	}
	if resp.Type != "" {
		hd.Set("Content-Type", resp.Type)
	}
	hd.Set("Content-Length", strconv.Itoa(len(resp.Body)))
	hd.Set("X-Content-Type-Options", "nosniff")
	if hd.Get("Cache-Control") == "" {
		hd.Set("Cache-Control", h.unsaid())
	}
	if writeReason(w, r, resp) {
		return
	}
	if resp.Status >= 400 && r.ContentLength != 0 {
		// Package http reads what is left of a small body before it answers, and
		// would wait for it as long as the client likes. An error means that the
		// connection has no deadlines, as in some tests.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingerPause))
	}
	w.WriteHeader(resp.Status)
	if r.Method != http.MethodHead {
		w.Write(resp.Body) // an error means that the client has gone
	}
}

func (h *Handler) text(w http.ResponseWriter, r *http.Request, status int, text string) {
	h.write(w, r, h.house, ecosystem.Response{Status: status, Type: plainText, Body: []byte(text)})
}

// recovered turns a panic into an answer.
func (h *Handler) recovered(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { // the connection is to be closed; that is all
		panic(p)
	}
	h.metrics.panics.Inc()
	h.Log.Error("a request panicked", "method", r.Method, "path", safePath(sentPath(r)), "panic", hideTokens(fmt.Sprint(p)), "stack", string(debug.Stack()))
	w.Header().Set("Connection", "close")
	defer func() {
		if again := recover(); again != nil { // the adapter's own words for it
			panic(http.ErrAbortHandler)
		}
	}()
	h.write(w, r, h.house, h.roomOf(sentPath(r)).reply(ecosystem.Outcome{Err: &bonded.Error{Kind: bonded.Internal}}))
}

// logOutcome tells of writes, and of whatever went wrong on our side. No
// header and no query is logged, so that no credential can be.
func (h *Handler) logOutcome(r *http.Request, rm *room, out ecosystem.Outcome, status int) {
	level := slog.LevelInfo
	switch verb := out.Ask.Verb; {
	case status >= 500:
		level = slog.LevelError
	case verb == ecosystem.Publish || verb == ecosystem.Change || verb == ecosystem.Stage || verb == ecosystem.Exchange || h.LogReads:
	default:
		return
	}
	attrs := append(h.common(r), slog.String("dialect", rm.id), slog.String("verb", verbs[out.Ask.Verb]), slog.Int("status", status))
	add := func(key, v string) {
		if v != "" {
			attrs = append(attrs, slog.String(key, hideTokens(v)))
		}
	}
	add("user", out.User)
	add("op", out.Ask.Op)
	if !out.Ask.Name.IsZero() {
		add("package", out.Ask.Name.String())
	}
	if out.Err != nil {
		_, control, _ := bonded.Explain(out.Err)
		add("control", control)
		attrs = append(attrs, slog.String("err", hideTokens(out.Err.Error())))
	} else if out.Receipt.Staged != "" {
		attrs = append(attrs, slog.String("staged", out.Receipt.Staged))
	} else if out.Receipt.Size > 0 {
		attrs = append(attrs, slog.Uint64("entry", out.Receipt.Index))
	}
	h.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

func (h *Handler) logRead(r *http.Request) {
	h.Log.LogAttrs(r.Context(), slog.LevelInfo, "read", h.common(r)...)
}

func (h *Handler) common(r *http.Request) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("method", r.Method),
		slog.String("path", safePath(sentPath(r))),
	}
	if h.LogClients {
		remote, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			remote = r.RemoteAddr
		}
		attrs = append(attrs, slog.String("remote", remote))
	}
	return attrs
}

// safePath leaves credentials out of a path: some clients end a session by
// deleting ".../token/<the token itself>".
func safePath(path string) string {
	segments := strings.Split(path, "/")
	for i := 1; i < len(segments); i++ {
		if strings.HasPrefix(segments[i-1], "token") && segments[i] != "" {
			segments[i] = "..."
		}
	}
	return hideTokens(strings.Join(segments, "/"))
}

// token is the shape of ours, in whatever text one may have strayed into.
var token = regexp.MustCompile(`bn[a-z]_[0-9A-Za-z_-]{4,}`)

func hideTokens(s string) string { return token.ReplaceAllString(s, "bnd_...") }
