package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"bonded.dev"
	"bonded.dev/client/recompute"
	controls "bonded.dev/controls/all"
	ecosystems "bonded.dev/ecosystem/all"
	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/screen"
	"bonded.dev/registry/sign"
	"bonded.dev/registry/trusted"
)

// absence is how a control is taken out of a victim.
type absence int

const (
	leftOut    absence = iota // its judgement is not asked
	forgiven                  // its refusals are overheard
	unverified                // no client verifies
	failsOpen                 // a scanner that crashes lets through
	unasked                   // the room that holds it does not ask
)

// absences is the one table of what a victim can do without. Every other
// control is how the repository is made. Nothing but a victim reads it: there
// is no setting of a server that leaves a control out.
func absences() map[string]absence {
	table := map[string]absence{
		"scoped-tokens": forgiven, "roles": forgiven, "retired-names": forgiven, "token-lifetime": forgiven,
		"step-up": forgiven, "trusted-publishing-only": forgiven,
		"artifact-log":                unverified,
		"fail-closed-gates":           failsOpen,
		"trusted-publishing-hardened": unasked, "external-id-pin": unasked,
		"two-person-publish": unasked, "staged-publish": unasked, "secret-scan-at-publish": unasked, "token-leak-reports": unasked,
		"reviewed-adoption": unasked,
		"session-hygiene":   unasked, "new-device-login": unasked, "brute-force-limits": unasked, "breached-passwords": unasked,
		"mfa-totp": unasked, "mfa-required-all": unasked, "recovery-policy": unasked, "lapsed-domains": unasked,
		"credential-change-hold": unasked, "security-notify": unasked, "publish-notify": unasked,
	}
	for _, c := range controls.Checks() {
		table[c.ID] = leftOut
	}
	return table
}

// victim is a repository in this process, put together as bonded serve does
// it, in a directory of its own and with a clock that can be turned.
type victim struct {
	without []string
	dir     string
	url     string
	h       *house
	keys    *sign.Keys
	r       *running
	web     *visit.Web
	sites   []*visit.Site
	end     func() error // closes the door and waits for the rooms
	town    *town

	mu        sync.Mutex
	ahead     time.Duration
	tokens    map[string]visit.Credential // ordinary ones, by actor
	marks     []string
	residents map[string]*resident // persons who were enrolled, by actor
}

var _ drill.Victim = (*victim)(nil)

// startVictim starts a repository without some of its controls and finds it in
// the dialects.
func startVictim(ctx context.Context, without []string, dialects []visit.Dialect) (drill.Victim, error) {
	table := absences()
	for _, id := range without {
		if _, ok := table[id]; !ok {
			return nil, drill.BuiltIn{Control: id}
		}
	}
	dir, err := os.MkdirTemp("", "bonded-drill-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for a victim: %w", err)
	}
	v := &victim{without: without, dir: dir, web: visit.NewWeb(agent("drill"), 0), tokens: map[string]visit.Credential{}, residents: map[string]*resident{}}
	if err := v.start(ctx, dialects); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// agent is the User-Agent of a visitor.
func agent(verb string) string { return "bonded-" + verb + "/" + version() }

func (v *victim) start(ctx context.Context, dialects []visit.Dialect) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	v.end = listener.Close
	// Passkeys belong to a name, not to an address.
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	v.url = "http://localhost:" + port + "/"
	if v.town, err = openTown(ctx, v.now); err != nil {
		return err
	}
	cfg := config{Data: v.dir, Listen: listener.Addr().String(), URL: v.url, Contact: "mailto:security@example.invalid",
		Mail:    mailConfig{Server: "smtp+plain://" + v.town.post.address, From: "bonded@localhost"},
		DNS:     v.town.names,
		Issuers: []trusted.Issuer{{URL: v.town.issuer.URL, Profile: "github"}},
	}
	if v.h, err = openHouse(ctx, cfg, true); err != nil {
		return err
	}
	if v.keys, err = v.h.keys(); err != nil {
		return err
	}
	v.r, err = assemble(v.h, v.keys, slog.New(slog.DiscardHandler), fitting{checks: v.checks(), now: v.now, authenticate: v.authenticate, out: v.out})
	if err != nil {
		return err
	}
	if err := v.r.desk.Open(ctx); err != nil {
		return err
	}
	v.end = v.open(listener)
	for _, actor := range []string{drill.Owner, drill.Stranger} {
		if _, err := v.account(ctx, actor); err != nil {
			return err
		}
	}
	v.sites, err = sitesAt(ctx, v.web, dialects, v.url)
	return err
}

// open lets visitors in, and returns what sees them out. A victim lives until
// it is closed, so that one that was interrupted is cleared away in order.
func (v *victim) open(listener net.Listener) (end func() error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- v.r.run(ctx, listener) }()
	return func() error {
		stop()
		return <-ended
	}
}

// sitesAt finds the dialects that a repository speaks.
func sitesAt(ctx context.Context, web *visit.Web, dialects []visit.Dialect, base string) (list []*visit.Site, err error) {
	for _, d := range dialects {
		s, err := visit.At(ctx, web, d, base)
		if errors.Is(err, visit.ErrNotSpoken) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("looking for a dialect at %s: %w", base, visit.ErrNotSpoken)
	}
	return list, nil
}

// Close ends the victim and clears its directory away.
func (v *victim) Close() error {
	v.web.Close()
	var err error
	if v.end != nil {
		err = v.end()
	}
	if v.town != nil {
		v.town.end()
	}
	if v.h != nil {
		err = errors.Join(err, v.h.close())
	}
	return errors.Join(err, os.RemoveAll(v.dir))
}

// out is what rooms ask that can do without a control.
func (v *victim) out(control string) bool { return slices.Contains(v.without, control) }

func (v *victim) Sites() []*visit.Site { return v.sites }

// checks are the judgements that stand, and the scanner that may crash.
func (v *victim) checks() []screen.Check {
	list := slices.DeleteFunc(controls.Checks(), func(c screen.Check) bool { return slices.Contains(v.without, c.ID) })
	// What refuses when a scanner crashes is the executor, so its control is
	// the one to name.
	return append(list, screen.Check{ID: "fail-closed-gates", Judge: v.scan})
}

// scan crashes on what carries a mark, as a scanner does on input that its
// makers did not think of.
func (v *victim) scan(c screen.Case) (found []bonded.Finding, err error) {
	if slices.Contains(v.without, "fail-closed-gates") {
		// As in a chain of filters that notes an error and goes on.
		defer func() { _ = recover() }()
	}
	texts := []string{}
	if c.Draft.Summary != nil {
		texts = append(texts, c.Draft.Summary.Description)
	}
	for _, f := range c.Draft.Facts {
		texts = append(texts, f.File)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, mark := range v.marks {
		if slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, mark) }) {
			panic("the scanner met " + mark)
		}
	}
	return nil, nil
}

func (v *victim) Scanner(_ context.Context, mark string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.marks = append(v.marks, mark)
	return nil
}

func (v *victim) now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return time.Now().Add(v.ahead)
}

// Later turns the clock. Whoever asks for a credential afterwards gets a new
// one, as somebody would who comes back.
func (v *victim) Later(_ context.Context, d time.Duration) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ahead += d
	clear(v.tokens)
	return nil
}

// authenticate lets in whom the controls that stand let in.
func (v *victim) authenticate(ctx context.Context, k *identity.Keeper, ask identity.Request) (publish.Actor, error) {
	who := k.Authenticate
	if slices.Contains(v.without, "token-lifetime") {
		who = k.Identify
	}
	caller, err := who(ctx, ask)
	if caller == nil || err != nil {
		return nil, err
	}
	return forgiving{caller, v.without}, nil
}

// forgiving is a caller to whom some controls do not apply.
type forgiving struct {
	*identity.Caller
	without []string
}

// May overhears the refusals of controls that are out, and nothing else: what
// could not be found out names no control.
func (f forgiving) May(ctx context.Context, action bonded.Action, name bonded.Name) error {
	for _, err := range f.Objections(ctx, action, name) {
		if _, id, _ := bonded.Explain(err); id == "" || !slices.Contains(f.without, id) {
			return err
		}
	}
	return nil
}

// Limits overhears in the same way.
func (f forgiving) Limits(draft *bonded.Draft) error {
	err := f.Caller.Limits(draft)
	if _, id, _ := bonded.Explain(err); err != nil && id != "" && slices.Contains(f.without, id) {
		return nil
	}
	return err
}

func (v *victim) Credential(ctx context.Context, actor string) (visit.Credential, error) {
	v.mu.Lock()
	c, ok := v.tokens[actor]
	v.mu.Unlock()
	if ok {
		return c, nil
	}
	everything := make([]string, len(bonded.Actions))
	for i, a := range bonded.Actions {
		everything[i] = string(a)
	}
	c, err := v.Token(ctx, actor, strings.Join(everything, ",")+":*")
	if err != nil {
		return "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tokens[actor] = c
	return c, nil
}

func (v *victim) Token(ctx context.Context, actor string, scopes ...string) (visit.Credential, error) {
	var list []identity.Scope
	for _, text := range scopes {
		s, err := identity.ParseScope(text)
		if err != nil {
			return "", err
		}
		list = append(list, s)
	}
	// An administrator's would end when its actor enrols, in the middle of a scene.
	secret, _, err := v.r.keeper.MakeToken(ctx, actor, identity.Limits{Scopes: list}, identity.OriginWeb, actor)
	if err != nil {
		return "", err
	}
	return visit.Credential(secret.Reveal()), nil
}

// Verify is a client that has had the log's key from the beginning.
func (v *victim) Verify(ctx context.Context, url string) error {
	if slices.Contains(v.without, "artifact-log") {
		return nil
	}
	return verifying(v.keys.Verifier())(ctx, url)
}

// verifying is bonded log verify, by somebody who knows the log's key. What it
// objects to is the error.
func verifying(key string) func(ctx context.Context, url string) error {
	return func(ctx context.Context, url string) error {
		client := &http.Client{Transport: verbatim{&http.Transport{DisableCompression: true}}}
		defer client.CloseIdleConnections()
		report, err := recompute.Verify(ctx, url, ecosystems.Ecosystems(), recompute.Options{
			Key: key, Workers: 2, Patience: 50 * time.Millisecond, Client: client,
		})
		if err != nil {
			return err
		}
		return objection(report.Findings)
	}
}

// objection is what a verifying client says of the first few places.
func objection(findings []recompute.Finding) error {
	const most = 3
	var found []string
	for i, f := range findings {
		if i == most {
			found = append(found, fmt.Sprintf("and %d more places", len(findings)-most))
			break
		}
		found = append(found, f.String())
	}
	if len(found) == 0 {
		return nil
	}
	return errors.New("the verifying client objects: " + strings.Join(found, "; ") + " [artifact-log]")
}

// verbatim asks for bytes as they are of whoever is in between.
type verbatim struct{ *http.Transport }

func (t verbatim) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(drill.Verbatim, "1")
	return t.Transport.RoundTrip(r)
}

func (v *victim) Origin(context.Context) (*drill.Origin, error) {
	return nil, drill.Needs("a repository that asks an upstream")
}

// removable lists the controls that a victim can do without.
func removable() []string { return slices.Sorted(maps.Keys(absences())) }
