// Package leak takes reports of tokens that were found where they should not
// be, and ends those tokens at once.
//
//	POST /api/v1/leaks          anybody: one report or a list
//	POST /api/v1/leaks/ORIGIN   a code host that signs what its scanners find
//
// Whoever can report a token has it, and could do worse with it, so a report
// needs no account: it is checked against the repository and by nothing else. A
// token that is alive ends in the transaction that tells its owner where it was
// found; other nodes look tokens up anew within five seconds.
//
// The answer says of each text if it is, or was, a token of this repository.
// That is no oracle: whoever asks has the text and learns the same by using it,
// and a token has 178 random bits. All texts of a wrong form and all that are
// unknown get one answer.
//
// # The signed form
//
// The large code hosts send what their scanners find to the repository that
// the token belongs to, and sign the raw body: ECDSA over P-256 and SHA-256, in
// the headers <ORIGIN>-Public-Key-Identifier and <ORIGIN>-Public-Key-Signature
// (base64 of ASN.1 DER), with public keys at an address of theirs that an
// administrator configures: {"public_keys": [{"key_identifier", "key" (PEM),
// "is_current"}]}. (GitHub: secret scanning partner program; deps.dev sends the
// same with Gosst headers.) The signature buys size and no power: such a report
// may be long, and is bound to no rate limit. Replaying one changes nothing.
package leak

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
)

// Path is where reports are taken.
const Path = "/api/v1/leaks"

const (
	maxBody  = 64 << 10 // of a report by anybody
	maxItems = 100

	maxSignedBody  = 4 << 20
	maxSignedItems = 10000

	maxToken = 8 << 10 // longer than any form of token
	maxWhere = 300     // characters that the owner reads

	// Of one network: so many reports at once, then one in each gap.
	burst = 30
	gap   = 2 * time.Second
)

// Config is what a room is made of.
type Config struct {
	// Kill ends the token that a text is a form of, and says if there is or was
	// one. where is what its owner reads.
	Kill func(ctx context.Context, text, where string) (found bool, err error)
	Book *record.Book // of rate limits
	// Origins are those who sign: a short name, which is the last part of the
	// path and begins the headers, to the address of their keys.
	Origins map[string]string
	Client  *http.Client // asks for keys; nil: one with a timeout
	Log     *slog.Logger
	Now     func() time.Time
	// Without takes the control token-leak-reports out of the victim of a drill,
	// which answers and ends nothing; nil: tokens end.
	Without func(control string) bool
}

// Room takes reports, over HTTP.
type Room struct {
	Config
	origins map[string]*origin
}

// New makes a room. An origin whose name or address is not usable is an error.
func New(c Config) (*Room, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: keysTimeout}
	}
	r := &Room{Config: c, origins: map[string]*origin{}}
	for name, keys := range c.Origins {
		o, err := newOrigin(name, keys, c)
		if err != nil {
			return nil, err
		}
		r.origins[name] = o
	}
	return r, nil
}

// item is one found text. Members that others send besides are passed over.
type item struct {
	Token    string `json:"token"`
	Type     string `json:"type"`
	URL      string `json:"url"`
	Location string `json:"location"` // what another code host calls the URL
	Source   string `json:"source"`
}

// label is what came of one item, in the words of the partner programs. The
// token itself is not repeated, so that answers can be logged.
type label struct {
	Hash  string `json:"token_hash"` // lower-case hex of the SHA-256 of the token as it was sent
	Type  string `json:"token_type,omitzero"`
	Label string `json:"label"` // true_positive or false_positive
}

func (r *Room) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	answer, err := r.take(w, q)
	if err != nil {
		r.fail(w, err)
		return
	}
	r.json(w, http.StatusOK, answer)
}

// take reads a report and acts on it.
func (r *Room) take(w http.ResponseWriter, q *http.Request) (any, error) {
	name, signed := strings.CutPrefix(q.URL.Path, Path+"/")
	o := r.origins[name]
	switch {
	case signed && o == nil:
		return nil, bonded.Errorf(bonded.NotFound, "nobody of this name signs reports here; anybody may report to %s", Path)
	case q.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return nil, errMethod
	}
	from := "a report by nobody known"
	size, count := int64(maxBody), maxItems
	if signed {
		size, count, from = maxSignedBody, maxSignedItems, "the scanner of "+name
	} else if err := r.meter(q); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, size))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, bonded.Errorf(bonded.TooLarge, "a report has at most %d bytes; send several", size)
	case err != nil:
		return nil, bonded.Errorf(bonded.Invalid, "the report broke off")
	}
	if signed {
		if err := o.verify(q.Context(), q.Header, body); err != nil {
			return nil, err
		}
	}
	items, one, err := parse(body, count)
	if err != nil {
		return nil, err
	}
	labels, err := r.judge(q.Context(), items, from)
	if err != nil {
		return nil, err
	}
	if one {
		return labels[0], nil
	}
	return labels, nil
}

// errMethod is answered with 405.
var errMethod = bonded.Errorf(bonded.Invalid, "only POST here")

// meter bounds reports that nobody signed, by network.
func (r *Room) meter(q *http.Request) error {
	var wait time.Duration
	err := r.Book.Update(q.Context(), func(tx *record.Tx) (err error) {
		wait, err = tx.Meter("leak "+identity.NetworkOf(q.RemoteAddr), r.Now(), gap, burst)
		return err
	})
	if err == nil && wait > 0 {
		err = bonded.Errorf(bonded.TooMany, "too many reports from your network; go on in %d seconds, and put up to %d tokens into one report",
			int(wait/time.Second)+1, maxItems)
	}
	return err
}

// parse reads one report or a list of them; one says which it was.
func parse(body []byte, most int) (items []item, one bool, err error) {
	if one = jsontext.Value(body).Kind() == '{'; one {
		items = make([]item, 1)
		err = json.Unmarshal(body, &items[0])
	} else {
		err = json.Unmarshal(body, &items)
	}
	switch {
	case err != nil:
		return nil, one, &bonded.Error{Kind: bonded.Invalid, Err: err,
			Public: `the body is not a report, for example {"token": "bnd_...", "url": "https://code.example/file"}, or a list of such`}
	case len(items) == 0:
		return nil, one, bonded.Errorf(bonded.Invalid, "the report names no token")
	case len(items) > most:
		return nil, one, bonded.Errorf(bonded.TooLarge, "a report names at most %d tokens, not %d; send several", most, len(items))
	}
	for _, it := range items {
		if it.Token == "" {
			return nil, one, bonded.Errorf(bonded.Invalid, `a report without a "token"; nothing was done`)
		}
	}
	return items, one, nil
}

// judge ends the tokens among the items. An error half way leaves those before
// it ended; the reporter sends the same again.
func (r *Room) judge(ctx context.Context, items []item, from string) ([]label, error) {
	labels := make([]label, len(items))
	n := 0
	for i, it := range items {
		sum := sha256.Sum256([]byte(it.Token))
		labels[i] = label{Hash: hex.EncodeToString(sum[:]), Type: plain(it.Type, 64), Label: "false_positive"}
		if len(it.Token) > maxToken || r.Without != nil && r.Without("token-leak-reports") {
			continue
		}
		found, err := r.Kill(ctx, it.Token, where(it, from))
		if err != nil {
			return nil, err
		}
		if found {
			labels[i].Label = "true_positive"
			n++
		}
	}
	r.Log.Info("leaks were reported", "from", from, "texts", len(items), "tokens", n)
	return labels, nil
}

// where is what the owner of a token reads of the place.
func where(it item, from string) string {
	place := it.URL
	if place == "" {
		place = it.Location
	}
	if place = plain(place, maxWhere); place == "" {
		place = "a place that was not named"
	}
	if source := plain(it.Source, 40); source != "" {
		place += ", " + source
	}
	return place + " (told by " + from + ")"
}

// plain keeps what others wrote to one bounded line. What may be clickable of
// it is for who shows it to decide.
func plain(s string, most int) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > most {
		s = string(r[:most-3]) + "..."
	}
	return strings.TrimSpace(s)
}

type failure struct {
	Error string `json:"error"`
}

func (r *Room) fail(w http.ResponseWriter, err error) {
	kind, _, public := bonded.Explain(err)
	status := http.StatusInternalServerError
	switch kind {
	case bonded.Invalid:
		status = http.StatusBadRequest
	case bonded.Unauthorized:
		status = http.StatusUnauthorized
	case bonded.NotFound:
		status = http.StatusNotFound
	case bonded.TooLarge:
		status = http.StatusRequestEntityTooLarge
	case bonded.TooMany:
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", strconv.Itoa(int(gap/time.Second)))
	case bonded.Unavailable:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "60")
	}
	if errors.Is(err, errMethod) {
		status = http.StatusMethodNotAllowed
	}
	if status == http.StatusInternalServerError {
		r.Log.Error("a leak report failed", "err", err)
	}
	r.json(w, status, failure{public})
}

func (r *Room) json(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err) // our own types
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(append(b, '\n')); err != nil {
		r.Log.Debug("a reporter did not wait for the answer", "err", err)
	}
}
