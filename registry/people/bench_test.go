package people_test

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/people"
	"bonded.dev/registry/project"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
	"bonded.dev/registry/waiting"
)

// plain is a dialect in which the body is the artifact.
type plain struct {
	ecosystem.Grammar
	ecosystem.Wire
}

func (plain) Info() ecosystem.Info {
	return ecosystem.Info{ID: "plain", Prefix: "/plain/", MaxUpload: 1 << 20}
}

func (plain) ArtifactPath(n bonded.Name, _, file string) string {
	return "plain/" + n.Key + "/-/" + file
}

func (plain) Compare(a, b string) int { return strings.Compare(a, b) }

func (plain) Draft(_ context.Context, a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	k, err := up.Keep(up.Body, 1<<10)
	meta := []byte("meta of " + a.File)
	return bonded.Draft{Name: a.Name, Docs: [][]byte{meta}, Facts: []bonded.Entry{
		{Type: bonded.Publish, Version: a.Version, File: a.File, Digest: k.Digest, Size: k.Size, Meta: bonded.DigestOf(meta)}}}, err
}

func (plain) Render(*bonded.Package, *bonded.House, ecosystem.Docs, uint64) ([]ecosystem.Document, error) {
	return nil, nil
}
func (plain) RenderHouse(*bonded.House, ecosystem.Docs) ([]ecosystem.Document, error) {
	return nil, nil
}

// house is a whole repository, without a door.
type house struct {
	*people.Room
	t      *testing.T
	ctx    context.Context
	desk   *publish.Desk
	keeper *identity.Keeper
	now    time.Time
}

// inHouse runs a test on both databases, with the users alice, bob, carol, dora
// and mallory and the administrator root.
func inHouse(t *testing.T, test func(h *house)) {
	t.Run("sqlite", func(t *testing.T) { test(newHouse(t, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))) })
	t.Run("postgres", func(t *testing.T) { test(newHouse(t, testenv.Postgres(t))) })
}

func newHouse(t *testing.T, dsn string) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	book, err := record.Open(ctx, dsn)
	must(t, err)
	store, err := blob.Dir(filepath.Join(t.TempDir(), "blobs"))
	must(t, err)
	keys, err := sign.Open(filepath.Join(t.TempDir(), "keys"), "example.org/bonded/1", []string{"plain"})
	must(t, err)
	h := &house{t: t, ctx: ctx, keeper: identity.New(book), now: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)}
	now := func() time.Time { return h.now }
	h.keeper.Now = now
	h.desk = publish.New(publish.Config{
		Ecosystems: []ecosystem.Ecosystem{plain{}}, Book: book, Blobs: store, Keys: keys, Shelf: &project.Shelf{Store: store},
		Origin: "example.org/bonded/1", URL: "http://example.org/", Now: now, Log: slog.New(slog.DiscardHandler),
	})
	must(t, h.desk.Open(ctx))
	waits := waiting.New(book, []byte("a key of thirty-two secret bytes"))
	waits.Now = now
	h.Room = people.New(people.Config{Book: book, Waiting: waits, Desk: h.desk, Now: now})
	var running sync.WaitGroup
	running.Go(func() { must(t, h.desk.Run(ctx)) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		must(t, book.Close())
		must(t, store.Close())
	})
	for _, u := range []string{"alice", "bob", "carol", "dora", "mallory", "root"} {
		_, err := h.keeper.AddUser(ctx, u, u+"@example.org")
		must(t, err)
	}
	h.rows(func(tx *record.Tx) error { return tx.SetRoles("root", []string{"administrator"}) })
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want holds the outcome of something to a kind of error; 0 stands for none.
func (h *house) want(what string, err error, want bonded.Kind) {
	h.t.Helper()
	kind, _, _ := bonded.Explain(err)
	if (err == nil) != (want == 0) || err != nil && kind != want {
		h.t.Errorf("%s: %v (kind %d), want kind %d", what, err, kind, want)
	}
}

func (h *house) rows(do func(*record.Tx) error) {
	h.t.Helper()
	must(h.t, h.Book.Update(h.ctx, do))
}

func named(key string) bonded.Name {
	return bonded.Name{Ecosystem: "plain", Key: key, Display: key}
}

// publish is a release by a user, with a page's rights.
func (h *house) publish(user, pkg, version string) error {
	ask := ecosystem.Ask{Op: "publish", Name: named(pkg), Version: version, File: pkg + "-" + version}
	_, err := h.desk.Submit(h.ctx, plain{}, ask, publish.In{Body: io.LimitReader(strings.NewReader(version), 99), Actor: h.keeper.Person(user, true)})
	return err
}

// later turns the clock and makes what is due.
func (h *house) later(d time.Duration) {
	h.t.Helper()
	h.now = h.now.Add(d)
	must(h.t, h.Waiting.Due(h.ctx))
}

// owners is who may do what, and what the public sees of it.
func (h *house) owners(pkg string) string {
	h.t.Helper()
	list, err := h.Grants(h.ctx, named(pkg))
	must(h.t, err)
	var text, principals []string
	for _, g := range list {
		rights := make([]string, len(g.Rights))
		for i, r := range g.Rights {
			rights[i] = string(r)
		}
		text = append(text, g.Principal+": "+strings.Join(rights, " "))
		principals = append(principals, g.Principal)
	}
	p, err := h.desk.Past(h.ctx, named(pkg))
	must(h.t, err)
	doc, err := h.Book.Doc(h.ctx, p.Owners)
	must(h.t, err)
	if i := strings.Index(string(doc), `"owners":["`+strings.Join(principals, `","`)+`"]`); i < 0 {
		h.t.Errorf("%s is %v, and the public sees %s", pkg, text, doc)
	}
	return strings.Join(text, "; ")
}

// join invites somebody and has it accepted.
func (h *house) join(by, kind, target, who, rights string) {
	h.t.Helper()
	i, err := h.Invite(h.ctx, by, kind, target, who, rights)
	must(h.t, err)
	answer, _, _ := strings.Cut(who, "/")
	if o, ok := strings.CutPrefix(answer, "@"); ok {
		list, err := h.Book.OrgOwners(h.ctx, o)
		must(h.t, err)
		answer = list[0]
	}
	must(h.t, h.Accept(h.ctx, answer, i.ID))
}

// acme is an organisation of alice and bob, with carol in its team release, to
// which the package tool belongs, and the package side to its owners.
func (h *house) acme() {
	h.t.Helper()
	must(h.t, h.AddOrg(h.ctx, "alice", "acme"))
	h.join("alice", "org", "@acme", "bob", "owner")
	must(h.t, h.AddTeam(h.ctx, "alice", "acme", "release"))
	h.join("bob", "team", "@acme/release", "carol", "")
	must(h.t, h.publish("alice", "tool", "1"))
	must(h.t, h.publish("alice", "side", "1"))
	h.join("alice", "package", "plain/tool", "@acme/release", "publish")
	h.join("alice", "package", "plain/tool", "@acme", "publish people settings")
	h.join("alice", "package", "plain/side", "@acme", "publish people settings")
	h.now = h.now.Add(96 * time.Hour)
}

// told lists the actions in the journal that a user is told of, newest first.
func (h *house) told(user string, n int) []string {
	h.t.Helper()
	list, err := h.Book.AuditsOfAccount(h.ctx, user, 0, n)
	must(h.t, err)
	var out []string
	for _, a := range list {
		out = append(out, a.Action)
	}
	return out
}

func has(list []people.Path, part string) bool {
	return slices.ContainsFunc(list, func(p people.Path) bool { return strings.Contains(p.Via+" "+p.What+" "+p.ID, part) })
}
