package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	noun "bonded.dev"
	controls "bonded.dev/controls/all"
	"bonded.dev/ecosystem"
	"bonded.dev/ecosystem/all"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/project"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
)

// longAgo publishes into a new data directory as a server would have done at
// another time: the one thing that a real binary cannot be told.
func longAgo(t *testing.T, data string, when time.Time, uploads ...sending) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	book, err := record.Open(ctx, "sqlite:"+filepath.Join(data, "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := blob.Dir(filepath.Join(data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range all.Ecosystems() {
		ids = append(ids, e.Info().ID)
	}
	keys, err := sign.Open(filepath.Join(data, "keys"), "packages.example.org/bonded/1", ids)
	if err != nil {
		t.Fatal(err)
	}
	desk := publish.New(publish.Config{
		Ecosystems: all.Ecosystems(), Checks: controls.Checks(),
		Book: book, Blobs: store, Keys: keys, Shelf: &project.Shelf{Store: store},
		Origin: keys.Origin(), URL: "http://packages.example.org/",
		Now: func() time.Time { return when }, Log: slog.New(slog.DiscardHandler),
	})
	if err := desk.Open(ctx); err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- desk.Run(ctx) }()
	for _, s := range uploads {
		submit(t, desk, s)
	}
	stop()
	for _, err := range []error{<-ran, store.Close(), book.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// submit takes an upload to the desk without a door in between.
func submit(t *testing.T, desk *publish.Desk, s sending) {
	t.Helper()
	for _, eco := range all.Ecosystems() {
		path, ok := strings.CutPrefix(s.path, eco.Info().Prefix)
		if !ok {
			continue
		}
		header := http.Header{}
		for _, h := range s.header {
			name, value, _ := strings.Cut(h, ": ")
			header.Set(name, value)
		}
		ask, err := eco.Ask(ecosystem.Request{Method: s.method, Path: path, Header: header.Get})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := desk.Submit(context.Background(), eco, ask, publish.In{Body: io.Reader(bytes.NewReader(s.body)), Actor: founder{}}); err != nil {
			t.Fatal(err)
		}
	}
}

// founder is alice, who may everything.
type founder struct{}

func (founder) User() string                                      { return "alice" }
func (f founder) Name() string                                    { return f.User() }
func (f founder) Heir(context.Context, noun.Name) (string, error) { return f.User(), nil }
func (f founder) Limits(*noun.Draft) error                        { return nil }
func (f founder) Spend(*record.Tx) error                          { return nil }

func (founder) May(context.Context, noun.Action, noun.Name) error { return nil }

// TestUnpublishAfterTheWindow deletes what is three days old, and what is not.
func TestUnpublishAfterTheWindow(t *testing.T) {
	t.Parallel()
	npm := testenv.Client(t, "npm")
	r := &repository{t: t, data: filepath.Join(t.TempDir(), "data"), tokens: map[string]string{}}
	r.env = bare("BONDED_DATA=" + r.data)
	if err := os.MkdirAll(r.data, 0o700); err != nil {
		t.Fatal(err)
	}
	longAgo(t, r.data, time.Now().Add(-73*time.Hour), npmPackage("left-pad", "1.0.0").sending())
	r.serve()
	must(t, r.env, "admin", "user", "add", "alice", "--email", "alice@example.org")
	r.token("alice", "publish,tag,yank,delete:npm/*")
	r.take(npmPackage("left-pad", "1.1.0").sending())

	home, env := testenv.Home(t)
	addr := strings.TrimPrefix(r.node.url, "http://")
	write(t, filepath.Join(home, ".npmrc"), "registry="+r.node.url+"/npm/\nfetch-retries=0\n//"+addr+"/npm/:_authToken="+r.tokens["alice"]+"\n")
	refused := func(says string, args ...string) {
		t.Helper()
		if out, err := try(home, env, npm, args...); err == nil || !strings.Contains(out, says) {
			t.Errorf("npm %s: %v, want a refusal that says %q\n%s", strings.Join(args, " "), err, says, out)
		}
	}
	refused("left-pad 1.0.0 can no longer be deleted: it was published 73 hours ago, and the limit is 72; deprecate or yank it instead [deletion-limits]",
		"unpublish", "left-pad@1.0.0")
	refused("[deletion-limits]", "unpublish", "left-pad", "--force")
	run(t, home, env, npm, "unpublish", "left-pad@1.1.0")
	// What is advised works.
	run(t, home, env, npm, "deprecate", "left-pad@1.0.0", "old")

	// Within the window too, once many have downloaded it. Downloads are written
	// down when a server ends.
	r.take(npmPackage("popular", "1.0.0").sending())
	for range 101 {
		if res, _ := fetch(t, r.node.url+"/npm/popular/-/popular-1.0.0.tgz"); res.StatusCode != 200 {
			t.Fatalf("downloading: %s", res.Status)
		}
	}
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}
	r.node = serving(t, r.env, "--listen", addr)
	refused("popular cannot be deleted: it was downloaded 101 times in the last 30 days, and the limit is 100", "unpublish", "popular", "--force")
	r.verified()
}

// TestAuditSignaturesFindsForgery changes what npm audit signatures looks at.
func TestAuditSignaturesFindsForgery(t *testing.T) {
	t.Parallel()
	npm := testenv.Client(t, "npm-9")
	r := stocked.copy(t)
	r.serve()
	addr := strings.TrimPrefix(r.node.url, "http://")
	home, env := testenv.Home(t)
	write(t, filepath.Join(home, ".npmrc"), "registry="+r.node.url+"/npm/\nfetch-retries=0\n")
	app := filepath.Join(home, "app")
	write(t, filepath.Join(app, "package.json"), `{"name":"app","version":"1.0.0","private":true}`)
	run(t, app, env, npm, "install", "--no-audit", "@acme/tools")
	out := run(t, app, env, npm, "audit", "signatures")
	if !strings.Contains(out, "2 packages have verified registry signatures") {
		t.Errorf("before:\n%s", out)
	}
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}

	// The integrity that a signature stands for, and the signature itself.
	for what, spoil := range map[string]func(text string) string{
		"another integrity": func(text string) string { return swap(text, `"integrity":"sha512-`) },
		"another signature": func(text string) string { return swap(text, `"sig":"`) },
	} {
		forged := stocked.copy(t)
		forged.node = serving(t, forged.env, "--listen", addr)
		for _, doc := range []string{"full.json", "abbreviated.json"} {
			path := filepath.Join(forged.data, "blobs", "public", "npm", "left-pad", doc)
			write(t, path, spoil(read(t, path)))
			if err := os.Remove(path + ".gz"); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		run(t, app, env, npm, "cache", "clean", "--force")
		out, err := try(app, env, npm, "audit", "signatures")
		if err == nil || !strings.Contains(out, "1 package has an invalid registry signature") || !strings.Contains(out, "left-pad@1.1.0") {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
		if err := forged.node.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// swap changes one letter behind the last place where any of these words stands.
func swap(text string, words ...string) string {
	for _, w := range words {
		if at := strings.LastIndex(text, w); at >= 0 {
			at += len(w) + 20
			letter := "A"
			if text[at] == 'A' {
				letter = "B"
			}
			return text[:at] + letter + text[at+1:]
		}
	}
	panic(fmt.Sprintf("none of %q is in %s", words, text))
}
