package trusted

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
	"bonded.dev/registry/trusted/issuertest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const host = "packages.example.org"

// bench is a room, an issuer that speaks like a large CI system, and a clock.
type bench struct {
	*Room
	t      testing.TB
	issuer *issuertest.Issuer
	mu     sync.Mutex
	now    time.Time
}

func newBench(t testing.TB, profile string) *bench {
	t.Helper()
	return benchOn(t, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"), profile)
}

func benchOn(t testing.TB, dsn, profile string) *bench {
	t.Helper()
	b := &bench{t: t, issuer: issuertest.New(t), now: noon}
	b.Room = b.node(dsn, profile)
	b.update(func(tx *record.Tx) error {
		return errors.Join(tx.AddUser(record.User{Name: "alice", Email: "a@example.org", Created: noon}),
			tx.AddUser(record.User{Name: "bob", Email: "b@example.org", Created: noon}))
	})
	return b
}

// node is another room over the same database, as another process has it.
func (b *bench) node(dsn, profile string) *Room {
	b.t.Helper()
	book, err := record.Open(b.t.Context(), dsn)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := book.Close(); err != nil {
			b.t.Error(err)
		}
	})
	keeper := identity.New(book)
	keeper.Now = b.clock
	return New(Config{Book: book, Keeper: keeper, Audience: host, Now: b.clock, Issuers: []Issuer{{URL: b.issuer.URL, Profile: profile}}})
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) later(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) update(do func(*record.Tx) error) {
	b.t.Helper()
	if err := b.Book.Update(context.Background(), do); err != nil {
		b.t.Fatal(err)
	}
}

// profile is the id of the bench's own issuer.
func (b *bench) profile() string { return b.Profiles()[len(built)].ID }

func pkg(key string) bonded.Name { return bonded.Name{Ecosystem: "toy", Key: key, Display: key} }

func only(key string) *bonded.Name { n := pkg(key); return &n }

// claim takes a name for a user.
func (b *bench) claim(key, user string) {
	b.t.Helper()
	b.update(func(tx *record.Tx) error {
		_, err := tx.SettlePublishers(pkg(key), user, b.clock())
		return errors.Join(err, tx.Claim(pkg(key), 1), tx.AddOwner(pkg(key), user))
	})
}

// add lets a job publish a package of alice's.
func (b *bench) add(key string, fields map[string]string) (p record.Publisher) {
	b.t.Helper()
	b.update(func(tx *record.Tx) (err error) {
		p, err = b.AddTx(tx, "alice", pkg(key), b.profile(), fields)
		return err
	})
	return p
}

var release = map[string]string{"repository": "acme/tools", "workflow": "release.yml", "environment": "release", "ref": "refs/tags/v*"}

// run are the claims of the job that release describes.
func run(more ...map[string]any) map[string]any {
	c := map[string]any{
		"repository": "acme/tools", "repository_id": "7", "repository_owner_id": "3", "repository_owner": "acme",
		"workflow_ref":     "acme/tools/.github/workflows/release.yml@refs/tags/v1",
		"job_workflow_ref": "acme/tools/.github/workflows/release.yml@refs/tags/v1",
		"ref":              "refs/tags/v1", "environment": "release", "event_name": "push", "sub": "repo:acme/tools:environment:release",
	}
	for _, m := range more {
		for k, v := range m {
			c[k] = v
		}
	}
	return c
}

// token signs what a job gets from its platform.
func (b *bench) token(more ...map[string]any) string {
	b.t.Helper()
	return b.issuer.Sign(b.t, b.issuer.Claims(host, b.clock(), append([]map[string]any{run()}, more...)...))
}

func (b *bench) exchange(jwt string) error {
	_, _, err := b.Exchange(b.t.Context(), Ask{JWT: jwt, Network: "192.0.2.0/24"})
	return err
}

func refused(t testing.TB, what string, err error, want bonded.Kind, words ...string) {
	t.Helper()
	kind, control, public := bonded.Explain(err)
	if err == nil || kind != want {
		t.Errorf("%s: got %v of kind %d, want kind %d", what, err, kind, want)
		return
	}
	for _, w := range words {
		if !strings.Contains(public, w) && control != w {
			t.Errorf("%s: %q does not say %q (control %s)", what, public, w, control)
		}
	}
}

// lines are the actions in the journal of a subject, oldest first.
func (b *bench) lines(subject string) (list []string) {
	b.t.Helper()
	audits, err := b.Book.AuditsOfSubject(b.t.Context(), subject, 0, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range audits {
		list = append([]string{a.Action}, list...)
	}
	return list
}

func TestExchange(t *testing.T) {
	b := newBench(t, "github")
	b.claim("tools", "alice")
	p := b.add("tools", release)
	secret, kept, err := b.Exchange(t.Context(), Ask{JWT: b.token(), Only: only("tools"), Digests: []string{"sha256:" + strings.Repeat("AB", 32)}})
	if err != nil {
		t.Fatal(err)
	}
	if kept.User != "" || kept.Publisher != p.ID || kept.Origin != "publisher" || !kept.Expires.Equal(noon.Add(15*time.Minute)) ||
		len(kept.Scopes) != 1 || kept.Scopes[0] != "publish,tag:toy/tools" || len(kept.Digests) != 1 || kept.Digests[0] != strings.Repeat("ab", 32) {
		t.Errorf("the upload token is %+v", kept)
	}
	found, err := b.Book.TokenByHash(t.Context(), secret.Hash())
	if err != nil || found.ID != kept.ID {
		t.Errorf("the book has %+v, %v", found, err)
	}
	if got := strings.Join(b.lines("toy/tools"), " "); got != "publisher.add publisher.pin publisher.exchange" {
		t.Errorf("the journal has %s", got)
	}
	after, err := b.Of(t.Context(), pkg("tools"))
	if err != nil || len(after) != 1 || !after[0].Used.Equal(noon) || after[0].Claims["repository_id"] != "7" || after[0].Claims["repository_owner_id"] != "3" {
		t.Errorf("the publisher is now %+v, %v", after, err)
	}
}

// TestClaims changes one claim at a time. The refusal names it and stands in
// the journal of the package where the repository's name is the right one.
func TestClaims(t *testing.T) {
	b := newBench(t, "github")
	b.claim("tools", "alice")
	b.add("tools", release)
	for name, c := range map[string]struct {
		change map[string]any
		says   string
		line   bool
	}{
		"repository":         {map[string]any{"repository": "acme/other"}, "claim workflow_ref", false},
		"other repository":   {map[string]any{"repository": "eve/tools", "workflow_ref": "eve/tools/.github/workflows/release.yml@refs/tags/v1"}, `"eve/tools" is no trusted publisher`, false},
		"spelling":           {map[string]any{"repository": "Acme/tools", "workflow_ref": "Acme/tools/.github/workflows/release.yml@refs/tags/v1"}, `"Acme/tools" is no trusted publisher`, false},
		"no repository":      {map[string]any{"repository": nil}, "which repository", false},
		"workflow":           {map[string]any{"workflow_ref": "acme/tools/.github/workflows/test.yml@refs/tags/v1", "job_workflow_ref": "acme/tools/.github/workflows/test.yml@refs/tags/v1"}, "claim workflow_ref", true},
		"workflow elsewhere": {map[string]any{"workflow_ref": "eve/x/.github/workflows/release.yml@refs/tags/v1"}, "claim workflow_ref", true},
		"workflow at a ref":  {map[string]any{"workflow_ref": "acme/tools/.github/workflows/release.yml@refs/heads/main"}, "claim workflow_ref", true},
		"folder":             {map[string]any{"workflow_ref": "acme/tools/.github/workflows/x/release.yml@refs/tags/v1"}, "claim workflow_ref", true},
		"called workflow":    {map[string]any{"job_workflow_ref": "eve/x/.github/workflows/y.yml@refs/heads/main"}, "claim job_workflow_ref", true},
		"environment":        {map[string]any{"environment": "staging"}, "claim environment", true},
		"no environment":     {map[string]any{"environment": nil}, "no claim environment", true},
		"branch":             {map[string]any{"ref": "refs/heads/main", "workflow_ref": "acme/tools/.github/workflows/release.yml@refs/heads/main", "job_workflow_ref": "acme/tools/.github/workflows/release.yml@refs/heads/main"}, "claim ref", true},
		"a list":             {map[string]any{"environment": []string{"release"}}, "no claim environment", true},
		"pull request":       {map[string]any{"event_name": "pull_request"}, "anybody can open a pull request", true},
		"target":             {map[string]any{"event_name": "pull_request_target"}, "claim event_name", true},
		"chain":              {map[string]any{"event_name": "workflow_run"}, "claim event_name", true},
		"comment":            {map[string]any{"event_name": "issue_comment"}, "claim event_name", true},
		"unknown trigger":    {map[string]any{"event_name": "telepathy"}, "claim event_name", true},
		"no trigger":         {map[string]any{"event_name": nil}, "no claim event_name", true},
	} {
		before := len(b.lines("toy/tools"))
		refused(t, name, b.exchange(b.token(c.change)), bonded.Forbidden, c.says)
		if got := len(b.lines("toy/tools")) > before; got != c.line {
			t.Errorf("%s: a line in the journal: %v, want %v", name, got, c.line)
		}
		b.later(lineGap)
	}
	if err := b.exchange(b.token(nil)); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	_, _, err := b.Exchange(t.Context(), Ask{JWT: b.token(), Only: only("other")})
	refused(t, "another package", err, bonded.Forbidden, "toy/other")
}

// TestWhatIsNoToken: nothing but a signature of a known issuer, for us, in time.
func TestWhatIsNoToken(t *testing.T) {
	b := newBench(t, "github")
	b.claim("tools", "alice")
	b.add("tools", release)
	stranger := issuertest.New(t)
	stranger.Rotate("first") // a key of its own, under the same id
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	for name, c := range map[string]struct{ jwt, says string }{
		"nothing":           {"", "no identity token"},
		"words":             {"a.b.c", "not readable"},
		"two parts":         {"a.b", "no identity token"},
		"too long":          {strings.Repeat("a", maxJWT) + ".b.c", "no identity token"},
		"stranger's issuer": {stranger.Sign(t, stranger.Claims(host, noon, run())), "claim iss"},
		"stranger's key":    {stranger.Sign(t, b.issuer.Claims(host, noon, run())), "signature"},
		"no issuer":         {b.token(map[string]any{"iss": nil}), "claim iss"},
		"other audience":    {b.token(map[string]any{"aud": "elsewhere.example.org"}), "claim aud"},
		"npm's audience":    {b.token(map[string]any{"aud": "npm:" + host}), "claim aud"},
		"two audiences":     {b.token(map[string]any{"aud": []string{host, "elsewhere"}}), "claim aud"},
		"no audience":       {b.token(map[string]any{"aud": nil}), "claim aud"},
		"expired":           {b.token(map[string]any{"exp": at(-leeway)}), "claim exp"},
		"no expiry":         {b.token(map[string]any{"exp": nil}), "claim exp"},
		"no age":            {b.token(map[string]any{"iat": nil}), "claim iat"},
		"from the future":   {b.token(map[string]any{"iat": at(leeway + time.Second)}), "not good before"},
		"not yet":           {b.token(map[string]any{"nbf": at(leeway + time.Second)}), "not good before"},
		"too old":           {b.token(map[string]any{"iat": at(-quick - leeway), "exp": at(time.Hour)}), "claim iat"},
		"wordy expiry":      {b.token(map[string]any{"exp": "soon"}), "exp"},
		"claim twice":       {b.issuer.SignBytes(t, []byte(`{"iss":"`+b.issuer.URL+`","iss":"`+b.issuer.URL+`"}`)), "stands twice"},
	} {
		refused(t, name, b.exchange(c.jwt), bonded.Forbidden, c.says, "trusted-publishing-hardened")
	}
	// One audience in a list is one audience; the edges of time are taken.
	for name, jwt := range map[string]string{
		"list of one":    b.token(map[string]any{"aud": []string{host}}),
		"just in time":   b.token(map[string]any{"exp": at(-leeway + time.Second)}),
		"just begun":     b.token(map[string]any{"iat": at(leeway), "nbf": at(leeway)}),
		"no nbf":         b.token(map[string]any{"nbf": nil}),
		"just not stale": b.token(map[string]any{"iat": at(-quick - leeway + time.Second), "exp": at(time.Hour)}),
	} {
		if err := b.exchange(jwt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
