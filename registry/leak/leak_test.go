package leak

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is a room over real tokens, with a clock that the test turns.
type bench struct {
	*Room
	t      *testing.T
	book   *record.Book
	keeper *identity.Keeper
	path   string
	now    time.Time
	log    bytes.Buffer
}

func newBench(t *testing.T, origins map[string]string) *bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bonded.db")
	book, err := record.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, book: book, path: path, now: noon}
	b.keeper = b.node()
	b.Room, err = New(Config{Kill: b.keeper.Leaked, Book: book, Origins: origins, Now: b.clock, Log: slog.New(slog.NewTextHandler(&b.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) clock() time.Time { return b.now }

// node is what another process has over the same book.
func (b *bench) node() *identity.Keeper {
	k := identity.New(b.book)
	k.Now = b.clock
	return k
}

func (b *bench) token(user string) string {
	b.t.Helper()
	if _, err := b.keeper.User(b.t.Context(), user); err != nil {
		if _, err := b.keeper.AddUser(b.t.Context(), user, user+"@example.org"); err != nil {
			b.t.Fatal(err)
		}
	}
	secret, _, err := b.keeper.AddToken(b.t.Context(), user, []identity.Scope{{Actions: []bonded.Action{bonded.ActPublish}, Pattern: "*"}}, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return secret.Reveal()
}

func (b *bench) alive(k *identity.Keeper, token string, want bool) {
	b.t.Helper()
	if c, err := k.Authenticate(b.t.Context(), identity.Request{Authorization: "Bearer " + token}); (c != nil && err == nil) != want {
		b.t.Errorf("alive: %v, %v, want %v", c != nil, err, want)
	}
}

// report sends a body and returns what came of it.
func (b *bench) report(path, from, body string, header ...string) (int, string) {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.RemoteAddr = from
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (b *bench) want(what string, code int, text string, wantCode int, wantText string) {
	b.t.Helper()
	if code != wantCode || !strings.Contains(text, wantText) {
		b.t.Errorf("%s: %d %s, want %d and %q", what, code, text, wantCode, wantText)
	}
}

const home = "192.0.2.1:1234"

// TestDeadEverywhere: a report to one node ends the token there at once, and on
// another that saw it a moment ago within five seconds.
func TestDeadEverywhere(t *testing.T) {
	b := newBench(t, nil)
	other := b.node()
	leaked, kept := b.token("alice"), b.token("alice")
	b.alive(b.keeper, leaked, true)
	b.alive(other, leaked, true)
	body, err := json.Marshal([]item{{Token: leaked, URL: "https://code.example/x"}, {Token: kept[:len(kept)-1] + "!", URL: "https://code.example/y"}, {Token: "bnd_"}})
	if err != nil {
		t.Fatal(err)
	}
	code, text := b.report(Path, home, string(body))
	var labels []label
	if err := json.Unmarshal([]byte(text), &labels); err != nil || code != 200 || len(labels) != 3 {
		t.Fatalf("%d %s, %v", code, text, err)
	}
	for i, want := range []string{"true_positive", "false_positive", "false_positive"} {
		if labels[i].Label != want {
			t.Errorf("item %d: %+v, want %s", i, labels[i], want)
		}
	}
	if sum := sha256.Sum256([]byte(leaked)); labels[0].Hash != fmt.Sprintf("%x", sum) || strings.Contains(text, "bnd_") {
		t.Errorf("the answer: %s", text)
	}
	b.alive(b.keeper, leaked, false)
	b.now = b.now.Add(5 * time.Second)
	b.alive(other, leaked, false)
	b.alive(other, kept, true)

	lines, err := b.book.AuditsOfAccount(t.Context(), "alice", 0, 1)
	if err != nil || len(lines) != 1 || lines[0].Action != "token.leak" || !strings.Contains(lines[0].Detail, "https://code.example/x") ||
		strings.Contains(lines[0].Detail, leaked) || !lines[0].Tell {
		t.Errorf("the journal: %+v, %v", lines, err)
	}
	// Again: it was one, and nobody is told twice.
	code, text = b.report(Path, home, `{"token": "`+leaked+`"}`)
	b.want("again", code, text, 200, `"label":"true_positive"`)
	if again, err := b.book.AuditsOfAccount(t.Context(), "alice", 0, 1); err != nil || again[0].ID != lines[0].ID {
		t.Errorf("told twice: %+v, %v", again, err)
	}
	if strings.Contains(b.log.String(), "bnd_") || strings.Contains(b.log.String(), "192.0.2") {
		t.Errorf("a secret or an address stands in the log:\n%s", b.log.String())
	}
}

func TestReportsThatAreNone(t *testing.T) {
	b := newBench(t, nil)
	many := "[" + strings.Repeat(`{"token":"x"},`, maxItems) + `{"token":"x"}]`
	for _, c := range []struct {
		body string
		code int
		text string
	}{
		{"", 400, "not a report"}, {"null", 400, "names no token"}, {"[]", 400, "names no token"}, {"{}", 400, `without a \"token\"`},
		{`[{"token":"x"},{}]`, 400, "nothing was done"}, {`{"token":7}`, 400, "not a report"},
		{`{"token":"x","token":"y"}`, 400, "not a report"}, {"{}{}", 400, "not a report"},
		{many, 413, "at most 100 tokens"}, {strings.Repeat(" ", maxBody+1), 413, "at most 65536 bytes"},
		{`{"token":"` + strings.Repeat("x", maxToken+1) + `"}`, 200, "false_positive"},
		{`{"token":"x","what":{"ever":[]},"type":"t"}`, 200, `"token_type":"t"`},
	} {
		code, text := b.report(Path, home, c.body)
		b.want(fmt.Sprintf("%.30q", c.body), code, text, c.code, c.text)
	}
	r := httptest.NewRequest(http.MethodGet, Path, nil)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	if w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", w.Code, w.Header())
	}
	code, text := b.report(Path+"/nobody", home, `{"token":"x"}`)
	b.want("an origin that is none", code, text, 404, "nobody of this name")
}

func TestOneNetworkCannotDrownTheOthers(t *testing.T) {
	b := newBench(t, nil)
	for i := range burst {
		code, text := b.report(Path, fmt.Sprintf("192.0.2.%d:1", i), `{"token":"x"}`)
		b.want("within the burst", code, text, 200, "false_positive")
	}
	code, text := b.report(Path, "192.0.2.200:1", `{"token":"x"}`)
	b.want("more", code, text, 429, "too many reports")
	code, text = b.report(Path, "198.51.100.1:1", `{"token":"x"}`)
	b.want("another network", code, text, 200, "false_positive")
	b.now = b.now.Add(gap)
	code, text = b.report(Path, "192.0.2.200:1", `{"token":"x"}`)
	b.want("a little later", code, text, 200, "false_positive")
	// The book cannot tell which networks they were.
	file, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(b.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if file = append(file, wal...); bytes.Contains(file, []byte("192.0.2")) {
		t.Error("a network stands in the database")
	}
}

// TestWhere: what a stranger wrote reaches the owner on one bounded line.
func TestWhere(t *testing.T) {
	for _, c := range []struct{ it, want string }{
		{`{"url":"https://code.example/a"}`, "https://code.example/a (told by x)"},
		{`{"location":"https://code.example/a","source":"commit"}`, "https://code.example/a, commit (told by x)"},
		{`{"url":"a\r\nBcc: b\u202e"}`, "aBcc: b (told by x)"},
		{`{}`, "a place that was not named (told by x)"},
	} {
		var it item
		if err := json.Unmarshal([]byte(c.it), &it); err != nil {
			t.Fatal(err)
		}
		if got := where(it, "x"); got != c.want {
			t.Errorf("%s: %q, want %q", c.it, got, c.want)
		}
	}
	if got := where(item{URL: strings.Repeat("é", 1<<20)}, "x"); len(got) > 2*maxWhere+40 {
		t.Errorf("a long place is told with %d bytes", len(got))
	}
}

func TestAnErrorIsNoAnswer(t *testing.T) {
	b := newBench(t, nil)
	b.Kill = func(context.Context, string, string) (bool, error) { return false, errors.New("the disk is on fire") }
	code, text := b.report(Path, home, `{"token":"x"}`)
	if code != 500 || strings.Contains(text, "fire") || strings.Contains(text, "label") {
		t.Errorf("%d %s", code, text)
	}
}

// codeHost is the side of a code host: keys, and reports signed with them.
type codeHost struct {
	*httptest.Server
	keys  map[string]*ecdsa.PrivateKey
	asked atomic.Int32
	down  atomic.Bool
}

func openCodeHost(t *testing.T) *codeHost {
	h := &codeHost{keys: map[string]*ecdsa.PrivateKey{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h.asked.Add(1)
		if h.down.Load() {
			http.Error(w, "not today", http.StatusBadGateway)
			return
		}
		type key struct {
			ID      string `json:"key_identifier"`
			Key     string `json:"key"`
			Current bool   `json:"is_current"`
		}
		list := []key{{ID: "no key", Key: "x"}}
		for id, k := range h.keys {
			der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
			if err != nil {
				t.Error(err)
			}
			list = append(list, key{ID: id, Key: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), Current: true})
		}
		if err := json.MarshalWrite(w, map[string]any{"public_keys": list}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(h.Close)
	h.newKey(t, "first")
	return h
}

func (h *codeHost) newKey(t *testing.T, id string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h.keys[id] = k
}

func (h *codeHost) sign(t *testing.T, id, body string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	s, err := ecdsa.SignASN1(rand.Reader, h.keys[id], sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(s)
}

const (
	idHeader  = "Github-Public-Key-Identifier"
	sigHeader = "Github-Public-Key-Signature"
)

func TestSignedReports(t *testing.T) {
	h := openCodeHost(t)
	b := newBench(t, map[string]string{"github": h.URL})
	token := b.token("alice")
	body := `[{"token":"` + token + `","type":"bonded_token","url":"https://code.example/x","source":"commit"}]`
	good := h.sign(t, "first", body)
	path := Path + "/github"
	for what, header := range map[string][]string{
		"not signed": {}, "no signature": {idHeader, "first"}, "no key": {sigHeader, good}, "an unknown key": {idHeader, "second", sigHeader, good},
		"another body's": {idHeader, "first", sigHeader, h.sign(t, "first", "[]")}, "no base64": {idHeader, "first", sigHeader, "!"},
		"no signature at all": {idHeader, "first", sigHeader, "AAAA"},
	} {
		if code, text := b.report(path, home, body, header...); code != 401 || strings.Contains(text, "label") {
			t.Errorf("%s: %d %s", what, code, text)
		}
	}
	b.alive(b.keeper, token, true)
	// Not bound to the rate limit of strangers.
	for range burst + 5 {
		code, text := b.report(path, home, body, idHeader, "first", sigHeader, good)
		b.want("signed", code, text, 200, `"token_type":"bonded_token","label":"true_positive"`)
	}
	b.alive(b.keeper, token, false)
	if n := h.asked.Load(); n > 2 {
		t.Errorf("the keys were asked for %d times", n)
	}
	list := "[" + strings.TrimSuffix(strings.Repeat(`{"token":"x"},`, 5*maxItems), ",") + "]"
	code, text := b.report(path, home, list, idHeader, "first", sigHeader, h.sign(t, "first", list))
	b.want("a long one", code, text, 200, "false_positive")
}

func TestKeysChangeAndFail(t *testing.T) {
	h := openCodeHost(t)
	b := newBench(t, map[string]string{"github": h.URL})
	path, body := Path+"/github", `[{"token":"x"}]`
	send := func(key string) (int, string) {
		return b.report(path, home, body, idHeader, key, sigHeader, h.sign(t, key, body))
	}
	h.down.Store(true)
	code, text := send("first")
	b.want("keys that never came", code, text, 503, "send it again")
	h.down.Store(false)
	code, _ = send("first") // within the pause nobody is asked again
	if code != 503 || h.asked.Load() != 1 {
		t.Errorf("%d, asked %d times", code, h.asked.Load())
	}
	b.now = b.now.Add(keysPause)
	code, text = send("first")
	b.want("keys came", code, text, 200, "false_positive")
	h.newKey(t, "second")
	code, text = send("second")
	b.want("a new key, too early", code, text, 401, "no key of this identifier")
	b.now = b.now.Add(keysPause)
	code, text = send("second")
	b.want("a new key", code, text, 200, "false_positive")
	h.down.Store(true)
	b.now = b.now.Add(2 * keysLife)
	code, text = send("first")
	b.want("known keys while their address is down", code, text, 200, "false_positive")
	h.down.Store(false)
	stolen := h.keys["first"]
	delete(h.keys, "first") // withdrawn
	b.now = b.now.Add(keysPause)
	if code, text := send("second"); code != 200 {
		t.Errorf("%d %s", code, text)
	}
	h.keys["first"] = stolen
	code, text = b.report(path, home, body, idHeader, "first", sigHeader, h.sign(t, "first", body))
	b.want("a withdrawn key", code, text, 401, "no key")
}

// TestKnownAnswer is the example of the partner program's documentation.
func TestKnownAnswer(t *testing.T) {
	const id = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c"
	key := parseKey("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\n" +
		"AjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n")
	if key == nil {
		t.Fatal("the key is not read")
	}
	o, err := newOrigin("github", "https://keys.example", Config{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	o.keys, o.got = map[string]*ecdsa.PublicKey{id: key}, noon
	h := http.Header{}
	h.Set("GITHUB-PUBLIC-KEY-IDENTIFIER", id)
	h.Set("GITHUB-PUBLIC-KEY-SIGNATURE", "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==")
	body := `[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]`
	if err := o.verify(t.Context(), h, []byte(body)); err != nil {
		t.Error(err)
	}
	if err := o.verify(t.Context(), h, []byte(body+" ")); err == nil {
		t.Error("another body was taken")
	}
}

func TestParseOrigins(t *testing.T) {
	got, err := ParseOrigins(" https://api.example/keys , gosst=https://x.example/k?a=b,local=http://127.0.0.1:1/k")
	if err != nil || len(got) != 3 || got["github"] != "https://api.example/keys" || got["gosst"] != "https://x.example/k?a=b" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"http://api.example/keys", "x", "A=https://x.example", "a/b=https://x.example", "a=https://x.example,a=https://y.example", "github="} {
		if got, err := ParseOrigins(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	if got, err := ParseOrigins(""); err != nil || len(got) != 0 {
		t.Errorf("nothing: %v, %v", got, err)
	}
}

// FuzzParse: whatever is sent, a good parse has tokens within bounds.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"token":"x"}`, `[{"token":"x","url":"y"}]`, "[]", "null", `{"token":{}}`, "[[", `"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		items, one, err := parse(b, 3)
		if err == nil && (len(items) == 0 || len(items) > 3 || one && len(items) != 1) {
			t.Fatalf("%q: %d items, one %v", b, len(items), one)
		}
	})
}
