package privacy_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/controls/all"
	"bonded.dev/ecosystem"
	"bonded.dev/ecosystem/npm"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/glass"
	"bonded.dev/registry/keep"
	"bonded.dev/registry/privacy"
	"bonded.dev/registry/project"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
	"bonded.dev/registry/waiting"
)

// house is a repository with the rooms that erasing takes, and a clock to turn.
type house struct {
	*privacy.Room
	t       *testing.T
	dir     string
	book    *record.Book
	store   blob.Store
	desk    *publish.Desk
	keys    *sign.Keys
	waiting *waiting.Room
	glass   *glass.Room
	now     time.Time
}

const (
	zebra   = "zebrafish"
	address = "zebra.mail@stripes.example"
)

func onBoth(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		test(t, open(t, dir, "sqlite:"+filepath.Join(dir, "bonded.db")))
	})
	t.Run("postgres", func(t *testing.T) { test(t, open(t, t.TempDir(), testenv.Postgres(t))) })
}

func open(t *testing.T, dir, dsn string) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h := &house{t: t, dir: dir, now: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return h.now }
	var err error
	h.book, err = record.Open(ctx, dsn)
	must(t, err)
	h.store, err = blob.Dir(filepath.Join(dir, "blobs"))
	must(t, err)
	h.keys, err = sign.Open(filepath.Join(dir, "keys"), "example.org/bonded/1", []string{"npm"})
	must(t, err)
	h.book.NameKey(h.keys.Secret("erased names"))
	h.desk = publish.New(publish.Config{
		Ecosystems: []ecosystem.Ecosystem{npm.Ecosystem{}}, Checks: all.Checks(), Book: h.book, Blobs: h.store, Keys: h.keys,
		Shelf: &project.Shelf{Store: h.store}, Origin: "example.org/bonded/1", URL: "http://example.org/",
		Now: clock, Log: slog.New(slog.DiscardHandler),
	})
	h.waiting = waiting.New(h.book, h.keys.Secret("cancel links"))
	h.waiting.Now = clock
	h.Room = privacy.New(privacy.Config{Book: h.book, Desk: h.desk, Waiting: h.waiting, Now: clock})
	h.glass = glass.New(glass.Config{Book: h.book, Desk: h.desk, Now: clock})
	must(t, h.desk.Open(ctx))
	var running sync.WaitGroup
	running.Go(func() { must(t, h.desk.Run(ctx)) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		must(t, h.book.Close())
		must(t, h.store.Close())
	})
	for user, mail := range map[string]string{zebra: address, "bob": "bob@other.example", "olga": "olga@other.example", "oscar": "oscar@other.example"} {
		h.update(func(tx *record.Tx) error { return tx.AddUser(record.User{Name: user, Email: mail, Created: h.now}) })
	}
	return h
}

func (h *house) update(do func(tx *record.Tx) error) {
	h.t.Helper()
	must(h.t, h.book.Update(context.Background(), do))
}

// owner may do what it likes.
type owner struct {
	publish.House
	name string
}

func (o owner) Name() string                                      { return o.name }
func (o owner) User() string                                      { return o.name }
func (o owner) Heir(context.Context, bonded.Name) (string, error) { return o.name, nil }

// publish sends what npm sends.
func (h *house) publish(user, name, version string) {
	h.t.Helper()
	manifest := fmt.Sprintf(`{"name":%q,"version":%q}`, name, version)
	var tgz bytes.Buffer
	z := gzip.NewWriter(&tgz)
	w := tar.NewWriter(z)
	must(h.t, w.WriteHeader(&tar.Header{Name: "package/package.json", Mode: 0o644, Size: int64(len(manifest))}))
	_, err := w.Write([]byte(manifest))
	must(h.t, err)
	must(h.t, w.Close())
	must(h.t, z.Close())
	one, five := sha1.Sum(tgz.Bytes()), sha512.Sum512(tgz.Bytes())
	file := name + "-" + version + ".tgz"
	body := fmt.Sprintf(`{"_id":%q,"name":%q,"dist-tags":{"latest":%q},"versions":{%q:{"name":%q,"version":%q,"_id":%q,
		"dist":{"shasum":"%x","integrity":"sha512-%s","tarball":"http://example.org/npm/%s/-/%s"}}},"access":null,
		"_attachments":{%q:{"content_type":"application/octet-stream","data":%q,"length":%d}}}`,
		name, name, version, version, name, version, name+"@"+version, one, base64.StdEncoding.EncodeToString(five[:]), name, file,
		file, base64.StdEncoding.EncodeToString(tgz.Bytes()), tgz.Len())
	eco := npm.Ecosystem{}
	ask, err := eco.Ask(ecosystem.Request{Method: "PUT", Path: name, Header: func(string) string { return "" }})
	must(h.t, err)
	_, err = h.desk.Submit(context.Background(), eco, ask, publish.In{Body: strings.NewReader(body), Actor: owner{name: user}})
	must(h.t, err)
}

func (h *house) share(name, with string) {
	h.t.Helper()
	n := pkg(name)
	_, err := h.desk.Owners(context.Background(), n, publish.House{}, func(tx *record.Tx) error { return tx.AddOwner(n, with) })
	must(h.t, err)
}

func pkg(name string) bonded.Name { return bonded.Name{Ecosystem: "npm", Key: name, Display: name} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func kind(err error) bonded.Kind {
	if err == nil {
		return -1
	}
	k, _, _ := bonded.Explain(err)
	return k
}

// holding lists the files below the house that hold a text.
func (h *house) holding(texts ...string) (files []string) {
	h.t.Helper()
	err := filepath.WalkDir(h.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if strings.HasSuffix(p, ".gz") {
			if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
				var plain bytes.Buffer
				if _, err := plain.ReadFrom(z); err != nil {
					return err
				}
				b = plain.Bytes()
			}
		}
		for _, text := range texts {
			if bytes.Contains(b, []byte(text)) {
				files = append(files, p+" holds "+text)
			}
		}
		return nil
	})
	must(h.t, err)
	return files
}

// whole has the repository recomputed as any client would see it.
func (h *house) whole() {
	h.t.Helper()
	k := &keep.Keeper{Ecosystems: []ecosystem.Ecosystem{npm.Ecosystem{}}, Book: h.book, Blobs: h.store, Key: h.keys.Verifier()}
	r, err := k.Check(context.Background(), false, 0)
	must(h.t, err)
	for _, f := range r.Findings {
		h.t.Errorf("after the erasure: %+v", f)
	}
	if r.Served == nil || r.Served.Packages == 0 {
		h.t.Errorf("nothing was recomputed: %+v", r)
	}
}

func TestErasedIsGoneAndTheLogIsWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.update(func(tx *record.Tx) error {
			return tx.SetRoles("olga", []string{"administrator"})
		})
		h.update(func(tx *record.Tx) error { return tx.SetRoles("oscar", []string{"administrator"}) })
		h.publish(zebra, "shared", "1.0.0")
		h.share("shared", "bob")
		h.publish("bob", "shared", "1.1.0")
		h.publish("bob", "other", "1.0.0")
		h.share("other", zebra) // and was an owner once
		_, err := h.desk.Owners(ctx, pkg("other"), publish.House{}, func(tx *record.Tx) error { return tx.RemoveOwner(pkg("other"), zebra) })
		must(t, err)
		o, err := h.glass.Ask(ctx, "olga", zebra, "its owner cannot be reached")
		must(t, err)
		_, _, err = h.glass.Agree(ctx, "oscar", o.ID)
		must(t, err)
		if len(h.holding(zebra)) == 0 {
			t.Fatal("the name is nowhere; this test looks in the wrong place")
		}
		h.whole()

		due, err := h.AskErase(ctx, zebra, zebra, false, false)
		must(t, err)
		if want := h.now.Add(72 * time.Hour); !due.Equal(want) {
			t.Errorf("due %s, want %s", due, want)
		}
		if _, err := h.AskErase(ctx, zebra, zebra, false, false); kind(err) != bonded.Conflict {
			t.Errorf("asked for twice: %v", err)
		}
		must(t, h.waiting.Due(ctx))
		if _, err := h.book.User(ctx, zebra); err != nil {
			t.Fatal("it was made before it was due", err)
		}
		h.now = due
		must(t, h.waiting.Due(ctx))
		if _, err := h.book.User(ctx, zebra); kind(err) != bonded.NotFound {
			t.Errorf("the account is still there: %v", err)
		}
		for _, f := range h.holding(zebra, address) {
			t.Error(f)
		}
		h.whole()
		for name, want := range map[string]string{"shared": `"maintainers":[{"name":"bob","email":""}]`, "other": `"maintainers":[{"name":"bob","email":""}]`} {
			b, err := h.store.Get(ctx, blob.Public+"npm/"+name+"/full.json")
			if sorted := strings.ReplaceAll(string(b), `{"email":"","name":"bob"}`, `{"name":"bob","email":""}`); err != nil || !strings.Contains(sorted, want) {
				t.Errorf("%s: %s, %v", name, b, err)
			}
		}
		err = h.book.Update(ctx, func(tx *record.Tx) error { return tx.AddUser(record.User{Name: zebra, Created: h.now}) })
		if kind(err) != bonded.Conflict {
			t.Errorf("the name was given out again: %v", err)
		}
	})
}

func TestEraseIsRefusedForTheLastOwner(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.publish(zebra, "alone", "1.0.0")
		_, err := h.AskErase(ctx, zebra, zebra, false, false)
		if kind(err) != bonded.Conflict || !strings.Contains(err.Error(), "npm/alone") {
			t.Errorf("asked: %v", err)
		}
		if err := h.Erase(ctx, zebra, false); kind(err) != bonded.Conflict {
			t.Errorf("made: %v", err)
		}
		if u, err := h.book.User(ctx, zebra); err != nil || !u.Disabled.IsZero() {
			t.Errorf("a refusal closed the account: %+v, %v", u, err)
		}
		h.update(func(tx *record.Tx) error {
			return tx.AddPublisher(record.Publisher{ID: "ci", Package: pkg("alone"), Issuer: "https://ci.example", Claims: map[string]string{"sub": "x"}, Creator: zebra, Created: h.now})
		})
		// On the host, at once, and the packages stay without an owner.
		due, err := h.AskErase(ctx, zebra, "admin", true, true)
		if err != nil || due.After(h.now) {
			t.Fatal(due, err)
		}
		must(t, h.waiting.Due(ctx))
		if _, err := h.book.User(ctx, zebra); kind(err) != bonded.NotFound {
			t.Errorf("the account is still there: %v", err)
		}
		p, err := h.desk.Past(ctx, pkg("alone"))
		if err != nil || p.OwnerN != 0 || p.OwnersIndex == 0 {
			t.Errorf("%d owners, %v", p.OwnerN, err)
		}
		h.update(func(tx *record.Tx) error {
			list, err := tx.PublishersOf(pkg("alone"))
			if len(list) != 0 {
				t.Errorf("a build job can still publish what nobody owns: %+v", list)
			}
			return err
		})
		for _, f := range h.holding(zebra, address) {
			t.Error(f)
		}
		h.whole()
	})
}

// TestErasureGoesOnAfterACrash ends between closing the account and the rest.
func TestErasureGoesOnAfterACrash(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		_, err := h.AskErase(ctx, zebra, zebra, false, true)
		must(t, err)
		list, err := h.book.WaitingDue(ctx, h.now, time.Time{})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		h.update(func(tx *record.Tx) error {
			if _, err := tx.TakeWaiting(list[0].ID, h.now, time.Time{}); err != nil {
				return err
			}
			return tx.SetDisabled(zebra, h.now)
		})
		must(t, h.Daily(ctx))
		if _, err := h.book.User(ctx, zebra); kind(err) != bonded.NotFound {
			t.Errorf("the account is still there: %v", err)
		}
	})
}
