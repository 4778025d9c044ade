package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/controls/all"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/failing"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/project"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
)

// plain is a dialect without any client: the ask's Tag, Version and File say
// what the body is.
type plain struct{}

func (plain) Info() ecosystem.Info {
	return ecosystem.Info{ID: "plain", Prefix: "/plain/", MaxUpload: 1 << 20}
}
func (plain) Name(raw string) (bonded.Name, error) {
	return bonded.Name{Ecosystem: "plain", Key: raw, Display: raw}, nil
}
func (plain) Compare(a, b string) int                      { return strings.Compare(a, b) }
func (plain) Ask(ecosystem.Request) (ecosystem.Ask, error) { return ecosystem.Ask{}, nil }
func (plain) Reply(ecosystem.Outcome) ecosystem.Response   { return ecosystem.Response{} }
func (plain) ArtifactPath(n bonded.Name, v, file string) string {
	return "plain/" + n.Key + "/-/" + file
}

func (plain) Draft(_ context.Context, a ecosystem.Ask, up ecosystem.Upload) (bonded.Draft, error) {
	d := bonded.Draft{Name: a.Name}
	switch a.Op {
	case "delete":
		d.Facts = []bonded.Entry{{Type: bonded.Remove, Version: a.Version, File: a.File}}
		return d, nil
	case "tag":
		d.Facts = []bonded.Entry{{Type: bonded.SetTag, Version: a.Version, Tag: a.Tag}}
		return d, nil
	}
	k, err := up.Keep(up.Body, 1<<20)
	if err != nil {
		return d, err
	}
	meta := []byte("meta of " + a.File)
	d.Docs = [][]byte{meta}
	d.Facts = []bonded.Entry{{Type: bonded.Publish, Version: a.Version, File: a.File, Digest: k.Digest, Size: k.Size, Meta: bonded.DigestOf(meta)}}
	if a.Tag != "" {
		d.Facts = append(d.Facts, bonded.Entry{Type: bonded.SetTag, Version: a.Version, Tag: a.Tag})
	}
	return d, nil
}

func (plain) Render(p *bonded.Package, h *bonded.House, docs ecosystem.Docs, _ uint64) ([]ecosystem.Document, error) {
	text := h.URL + "\n"
	for r := range p.Releases() {
		for _, f := range r.Files {
			text += fmt.Sprintf("%s %s %v\n", r.Version, f.Name, f.Removed)
		}
	}
	return []ecosystem.Document{{Path: "plain/" + p.Name.Key + "/index", Type: "text/plain", Parts: []ecosystem.Part{ecosystem.Text([]byte(text))}}}, nil
}

func (plain) RenderHouse(h *bonded.House, _ ecosystem.Docs) ([]ecosystem.Document, error) {
	var names []string
	for _, run := range h.Names("plain") {
		for _, n := range run {
			names = append(names, n.Key)
		}
	}
	return []ecosystem.Document{{Path: "plain/all", Type: "text/plain", Parts: []ecosystem.Part{ecosystem.Text([]byte(strings.Join(names, " ")))}}}, nil
}

// actor may do everything to what nobody owns and to what it owns.
type actor struct {
	name string
	book *record.Book
}

func (a actor) User() string                                      { return a.name }
func (a actor) Name() string                                      { return a.User() }
func (a actor) Heir(context.Context, bonded.Name) (string, error) { return a.User(), nil }
func (a actor) Limits(*bonded.Draft) error                        { return nil }
func (a actor) Spend(*record.Tx) error                            { return nil }

func (a actor) May(ctx context.Context, _ bonded.Action, n bonded.Name) error {
	claimed, owner, err := a.book.Standing(ctx, n, a.name)
	if err == nil && claimed && !owner {
		return bonded.Errorf(bonded.Forbidden, "%s is not an owner", a.name)
	}
	return err
}

// house is a desk over a real database and a real directory.
type house struct {
	*publish.Desk
	t      testing.TB
	store  blob.Store
	faults *failing.Store
	book   *record.Book
	now    time.Time
	stop   func()
}

func open(t testing.TB, at place, settings ...func(*publish.Config)) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	book, err := record.Open(ctx, at.dsn)
	must(t, err)
	store, err := at.store(ctx)
	must(t, err)
	keys, err := sign.Open(at.keys, "example.org/bonded/1", []string{"plain"})
	must(t, err)
	faults := &failing.Store{Store: store}
	h := &house{t: t, store: store, faults: faults, book: book, now: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)}
	c := publish.Config{
		Ecosystems: []ecosystem.Ecosystem{plain{}},
		Checks:     all.Checks(),
		Book:       book, Blobs: faults, Keys: keys, Shelf: &project.Shelf{Store: faults},
		Origin: "example.org/bonded/1", URL: "http://example.org/",
		Now: func() time.Time { return h.now },
		Log: slog.New(slog.DiscardHandler),
	}
	for _, set := range settings {
		set(&c)
	}
	h.Desk = publish.New(c)
	must(t, h.Open(ctx))
	var running sync.WaitGroup
	running.Go(func() { must(t, h.Run(ctx)) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		must(t, book.Close())
		must(t, store.Close())
	})
	t.Cleanup(h.stop)
	return h
}

// place is where a repository lives.
type place struct {
	dsn   string
	store func(context.Context) (blob.Store, error)
	keys  string
}

// onBothPairs runs a test on SQLite with a directory and on PostgreSQL with an
// S3-compatible store. The test gets a function that makes fresh places.
func onBothPairs(t *testing.T, test func(t *testing.T, fresh func() place)) {
	t.Run("sqlite-dir", func(t *testing.T) {
		test(t, func() place { return onlySQLite(t) })
	})
	t.Run("postgres-s3", func(t *testing.T) {
		test(t, func() place {
			c := testenv.S3(t)
			return place{testenv.Postgres(t), func(ctx context.Context) (blob.Store, error) {
				return blob.S3(ctx, blob.S3Config{Endpoint: c.Host(), Bucket: c.Bucket, Region: c.Region, Plain: true, AccessKey: c.AccessKey, SecretKey: c.SecretKey})
			}, filepath.Join(t.TempDir(), "keys")}
		})
	})
}

// onlySQLite is a fresh place for what does not depend on where rows and bytes are.
func onlySQLite(t testing.TB) place {
	dir := t.TempDir()
	return place{"sqlite:" + filepath.Join(dir, "bonded.db"), func(context.Context) (blob.Store, error) {
		return blob.Dir(filepath.Join(dir, "blobs"))
	}, filepath.Join(dir, "keys")}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) ask(op, pkg, version string) ecosystem.Ask {
	n, _ := plain{}.Name(pkg)
	return ecosystem.Ask{Op: op, Name: n, Version: version, File: pkg + "-" + version + ".bin"}
}

func (h *house) publish(user, pkg, version, body string) error {
	_, err := h.Submit(context.Background(), plain{}, h.ask("publish", pkg, version), publish.In{Body: strings.NewReader(body), Actor: actor{user, h.book}})
	return err
}

func (h *house) do(user, op, pkg, version string) error {
	_, err := h.Submit(context.Background(), plain{}, h.ask(op, pkg, version), publish.In{Actor: actor{user, h.book}})
	return err
}

func (h *house) read(path string) string {
	h.t.Helper()
	b, err := h.store.Get(context.Background(), blob.Public+path)
	if err != nil {
		return "absent"
	}
	return string(b)
}

// stored lists every key of the store, to show what a refusal leaves behind.
func (h *house) stored() string {
	var keys []string
	for info, err := range h.store.List(context.Background(), "") {
		must(h.t, err)
		keys = append(keys, info.Key)
	}
	return strings.Join(keys, "\n")
}

func kind(err error) bonded.Kind {
	var e *bonded.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return -1
}

func TestPublishedIsServedAndLogged(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		if got := h.read("plain/left-pad/-/left-pad-1.0.0.bin"); got != "hello" {
			t.Errorf("artifact: %q", got)
		}
		if got := h.read("plain/left-pad/index"); !strings.Contains(got, "1.0.0") {
			t.Errorf("document: %q", got)
		}
		if got := h.read("plain/all"); got != "left-pad" {
			t.Errorf("list of names: %q", got)
		}
		if got := h.read("log/checkpoint"); !strings.HasPrefix(got, "example.org/bonded/1\n8\n") {
			t.Errorf("checkpoint: %q", got) // genesis site key seal, claim owners release seal
		}
		if strings.Contains(h.stored(), "quarantine/") {
			t.Errorf("left in quarantine:\n%s", h.stored())
		}
	})
}

func TestRefusalLeavesNothingBehind(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		before := h.stored()
		for name, try := range map[string]struct {
			do   func() error
			want bonded.Kind
		}{
			"same version, other bytes": {func() error { return h.publish("alice", "left-pad", "1.0.0", "evil") }, bonded.Conflict},
			"same version, same bytes":  {func() error { return h.publish("alice", "left-pad", "1.0.0", "hello") }, bonded.Conflict},
			"not an owner":              {func() error { return h.publish("mallory", "left-pad", "1.0.1", "evil") }, bonded.Forbidden},
			"too large":                 {func() error { return h.publish("alice", "left-pad", "1.0.2", strings.Repeat("x", 2<<20)) }, bonded.TooLarge},
			"broken connection": {func() error {
				_, err := h.Submit(context.Background(), plain{}, h.ask("publish", "left-pad", "1.0.3"), publish.In{
					Body: io.MultiReader(strings.NewReader("half"), brokenReader{}), Actor: actor{"alice", h.book}})
				return err
			}, bonded.Invalid},
			"unloggable":      {func() error { return h.publish("alice", "left-pad", "1.0 4", "x") }, bonded.Invalid},
			"delete unknown":  {func() error { return h.do("alice", "delete", "left-pad", "9.9.9") }, bonded.NotFound},
			"delete by other": {func() error { return h.do("mallory", "delete", "left-pad", "1.0.0") }, bonded.Forbidden},
		} {
			if got := kind(try.do()); got != try.want {
				t.Errorf("%s: kind %v, want %v", name, got, try.want)
			}
			if after := h.stored(); after != before {
				t.Errorf("%s: the store changed:\n%s\nwas\n%s", name, after, before)
			}
		}
	})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestVersionIsUsedForEver(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		must(t, h.publish("alice", "left-pad", "1.0.0", "hello"))
		must(t, h.do("alice", "delete", "left-pad", "1.0.0"))
		if got := h.read("plain/left-pad/-/left-pad-1.0.0.bin"); got != "absent" {
			t.Errorf("deleted artifact is still served: %q", got)
		}
		if err := h.publish("alice", "left-pad", "1.0.0", "hello"); kind(err) != bonded.Conflict {
			t.Errorf("deleted version was published again: %v", err)
		}
		if err := h.publish("mallory", "left-pad", "2.0.0", "evil"); kind(err) != bonded.Forbidden {
			t.Errorf("name of a deleted package was taken by somebody else: %v", err)
		}
		must(t, h.publish("alice", "left-pad", "1.0.1", "hello again"))
		h.now = h.now.Add(73 * time.Hour)
		if err := h.do("alice", "delete", "left-pad", "1.0.1"); kind(err) != bonded.Refused {
			t.Errorf("deleted after the window: %v", err)
		}
	})
}

// TestExactlyOneWins publishes one version from many clients at once, of a new
// name, with other bytes and other users each.
func TestExactlyOneWins(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		for round := range 5 {
			pkg := fmt.Sprintf("race-%d", round)
			var wg sync.WaitGroup
			results := make([]error, 16)
			for i := range results {
				wg.Go(func() {
					results[i] = h.publish(fmt.Sprintf("user%d", i%4), pkg, "1.0.0", fmt.Sprintf("bytes of %d", i))
				})
			}
			wg.Wait()
			won := -1
			for i, err := range results {
				switch k := kind(err); {
				case err == nil && won >= 0:
					t.Errorf("%s: %d and %d both won", pkg, won, i)
				case err == nil:
					won = i
				case k != bonded.Conflict && k != bonded.Forbidden:
					t.Errorf("%s: loser %d got %v", pkg, i, err)
				}
			}
			if want := fmt.Sprintf("bytes of %d", won); h.read("plain/"+pkg+"/-/"+pkg+"-1.0.0.bin") != want {
				t.Errorf("%s: served bytes are not the winner's", pkg)
			}
		}
		if strings.Contains(h.stored(), "quarantine/") {
			t.Errorf("losers left bytes behind:\n%s", h.stored())
		}
	})
}

// TestNoTwinsAreBornAtOnce claims names that look alike for different people in
// one instant: one is taken, and its owner may take the others.
func TestNoTwinsAreBornAtOnce(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		h := open(t, fresh())
		for round := range 5 {
			names := []string{fmt.Sprintf("two-words-%d", round), fmt.Sprintf("two_words_%d", round), fmt.Sprintf("two.words.%d", round), fmt.Sprintf("twowords%d", round)}
			var wg sync.WaitGroup
			results := make([]error, len(names))
			for i := range names {
				wg.Go(func() { results[i] = h.publish(fmt.Sprintf("user%d", i), names[i], "1.0.0", "bytes") })
			}
			wg.Wait()
			won := -1
			for i, err := range results {
				switch {
				case err == nil && won >= 0:
					t.Errorf("%s and %s were both taken", names[won], names[i])
				case err == nil:
					won = i
				case kind(err) != bonded.Refused || !strings.Contains(err.Error(), "too easily taken for"):
					t.Errorf("%s: %v", names[i], err)
				}
			}
			if won < 0 {
				t.Fatal("nobody got a name")
			}
			must(t, h.publish(fmt.Sprintf("user%d", won), names[(won+1)%len(names)], "1.0.0", "bytes"))
		}
	})
}

// TestReopenedIsTheSame stops the desk, loses the whole shelf but the artifacts,
// and finds every document computed again.
func TestReopenedIsTheSame(t *testing.T) {
	onBothPairs(t, func(t *testing.T, fresh func() place) {
		at := fresh()
		h := open(t, at)
		for i := range 5 {
			must(t, h.publish("alice", fmt.Sprintf("pkg-%d", i%2), fmt.Sprintf("1.0.%d", i), "bytes"))
		}
		want := map[string]string{}
		for k := range strings.SplitSeq(h.stored(), "\n") {
			path, ok := strings.CutPrefix(k, blob.Public)
			// Compressed in other runs, or a partial tile of an older size: neither
			// has to come back.
			if ok && !strings.HasSuffix(path, ".gz") && !strings.Contains(path, ".p/") {
				want[path] = h.read(path)
			}
		}
		h.stop()
		lose(t, at, want)
		h = open(t, at)
		for path, text := range want {
			if got := h.read(path); got != text {
				t.Errorf("%s: %.40q, was %.40q", path, got, text)
			}
		}
		must(t, h.publish("alice", "pkg-0", "2.0.0", "more"))
	})
}

// lose takes everything off the shelf but artifacts, as a loss of power before
// the first flush might.
func lose(t *testing.T, at place, shelf map[string]string) {
	ctx := context.Background()
	book, err := record.Open(ctx, at.dsn)
	must(t, err)
	must(t, book.Update(ctx, func(tx *record.Tx) error { return tx.SetMark("shelved", 0) }))
	must(t, book.Close())
	store, err := at.store(ctx)
	must(t, err)
	for path := range shelf {
		if !strings.Contains(path, "/-/") {
			must(t, store.Delete(ctx, blob.Public+path))
		}
	}
	must(t, store.Close())
}
