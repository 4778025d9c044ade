package web

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/ecosystem/npm"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/people"
	"bonded.dev/registry/project"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
	"bonded.dev/registry/trusted"
	"bonded.dev/registry/web/webtest"
)

// workshop is an office with a desk, so packages can be made and changed there.
func workshop(t *testing.T) *Pages {
	t.Helper()
	p := office(t)
	store, err := blob.Dir(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sign.Open(filepath.Join(t.TempDir(), "keys"), "example.org/bonded/1", []string{"npm"})
	if err != nil {
		t.Fatal(err)
	}
	p.Desk = publish.New(publish.Config{
		Ecosystems: p.Ecosystems, Book: p.Book, Blobs: store, Keys: keys, Shelf: &project.Shelf{Store: store},
		Origin: "example.org/bonded/1", URL: p.URL, Now: p.Now, Log: slog.New(slog.DiscardHandler),
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	if err := p.Desk.Open(ctx); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { fails(t, p.Desk.Run(ctx)) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		fails(t, store.Close())
	})
	p.People = people.New(people.Config{Book: p.Book, Waiting: p.Waiting, Desk: p.Desk, Now: p.Now})
	p.Trusted = trusted.New(trusted.Config{Book: p.Book, Keeper: p.Keeper, Audience: "example.org", Now: p.Now})
	p.Setups = []Setup{{ID: "npm", Clients: "npm, pnpm, yarn", Commands: []string{"npm config set registry http://example.org/npm/"}, Install: "npm install {name}"}}
	return p
}

// release publishes, or stages, what npm would send.
func release(t *testing.T, p *Pages, actor publish.Actor, name, version string, files map[string]string) bonded.Receipt {
	t.Helper()
	manifest := map[string]any{"name": name, "version": version}
	inside, err := json.Marshal(manifest)
	fails(t, err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	add := func(path string, body []byte) {
		fails(t, w.WriteHeader(&tar.Header{Name: "package/" + path, Mode: 0o644, Size: int64(len(body)), Typeflag: tar.TypeReg}))
		_, err := w.Write(body)
		fails(t, err)
	}
	add("package.json", inside)
	for path, body := range files {
		add(path, []byte(body))
	}
	fails(t, w.Close())
	fails(t, z.Close())
	short, long := sha1.Sum(packed.Bytes()), sha512.Sum512(packed.Bytes())
	manifest["dist"] = map[string]string{
		"integrity": "sha512-" + base64.StdEncoding.EncodeToString(long[:]), "shasum": hex.EncodeToString(short[:]), "tarball": "http://example.org/x.tgz",
	}
	body, err := json.Marshal(map[string]any{
		"_id": name, "name": name, "dist-tags": map[string]string{"latest": version}, "versions": map[string]any{version: manifest},
		"_attachments": map[string]any{name + "-" + version + ".tgz": map[string]any{
			"content_type": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(packed.Bytes()), "length": packed.Len()}},
	})
	fails(t, err)
	ask, err := npm.Ecosystem{}.Ask(ecosystem.Request{Method: "PUT", Path: strings.Replace(name, "/", "%2f", 1), Header: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Desk.Submit(t.Context(), npm.Ecosystem{}, ask, publish.In{Body: bytes.NewReader(body), Actor: actor})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// shows opens a page and holds it to its texts and to good HTML.
func shows(t *testing.T, p *Pages, user, path string, status int, texts ...string) string {
	t.Helper()
	w := visit(p, user, path, nil)
	body := w.Body.String()
	if w.Code != status {
		t.Fatalf("%s at %s: %d, want %d:\n%s", user, path, w.Code, status, webtest.TextIn(body))
	}
	if status == 200 {
		for _, wrong := range webtest.Faults(body) {
			t.Errorf("%s at %s: %s", user, path, wrong)
		}
	}
	if *pagesTo != "" && status == 200 {
		file := filepath.Join(*pagesTo, strings.NewReplacer("/", "-", "?", "-", "%2F", "-", "=", "-").Replace(user+path)+".html")
		fails(t, os.WriteFile(file, []byte(strings.ReplaceAll(body, `"/assets/web.css`, `"web.css`)), 0o644))
	}
	said := webtest.TextIn(body)
	for _, text := range texts {
		if hidden, not := strings.CutPrefix(text, "!"); not == strings.Contains(said, strings.TrimPrefix(text, "!")) {
			t.Errorf("%s at %s: %q (without: %v) in:\n%s", user, path, hidden, not, said)
		}
	}
	return body
}

// presses sends a button and holds it to its status and its events.
func presses(t *testing.T, p *Pages, user, path string, status int, fields ...string) string {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	w := pressed(t, p, user, path, form)
	if w.Code != status {
		t.Fatalf("%s pressed %s: %d, want %d:\n%s", user, path, w.Code, status, webtest.TextIn(w.Body.String()))
	}
	for _, c := range w.Result().Cookies() {
		if strings.HasSuffix(c.Name, "says") {
			said, err := url.QueryUnescape(c.Value)
			fails(t, err)
			return said
		}
	}
	return webtest.TextIn(w.Body.String())
}

// named is a package of the workshop.
func named(key string) bonded.Name {
	return bonded.Name{Ecosystem: "npm", Key: key, Display: key}
}

func newRequest(t *testing.T) *http.Request {
	return httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
}

const pad = "/packages/npm/@acme%2Fpad"

func TestPackagePages(t *testing.T) {
	p := workshop(t)
	alice := p.Keeper.Person("alice", true)
	release(t, p, alice, "@acme/pad", "1.0.0", nil)
	release(t, p, alice, "@acme/pad", "1.1.0", map[string]string{"a.js": "1"})

	shows(t, p, "", "/packages", 200, "@acme/pad", "!Yours")
	shows(t, p, "", "/packages?q=nothing+like+it", 200, "Nothing was found")
	shows(t, p, "alice", "/packages", 200, "Yours", "You may: publish, people, settings")
	shows(t, p, "", pad, 200, "npm install @acme/pad", "Ownersalice", "latest is 1.1.0", "1.0.0", "SHA-256", "!Settings", "!Journal")
	shows(t, p, "bob", pad, 200, "!Settings", "Ask to adopt it")
	shows(t, p, "alice", pad, 200, "Settings", "Journal")
	shows(t, p, "", "/packages/npm/nobody", 404, "There is no package npm/nobody here")
	shows(t, p, "", "/packages/none/x", 404)
	shows(t, p, "", pad+"/releases/9.9.9", 404)
	if w := visit(p, "", "/packages/npm/@acme/pad", nil); w.Code != 303 || w.Header().Get("Location") != pad {
		t.Errorf("a typed name leads to %q", w.Header().Get("Location"))
	}

	one := pad + "/releases/1.0.0"
	if body := shows(t, p, "", one, 200, "!Yank it"); !strings.Contains(body, `href="/npm/@acme/pad/-/pad-1.0.0.tgz"`) {
		t.Errorf("the page of a release leads to no file:\n%s", body)
	}
	shows(t, p, "bob", one, 200, "!Yank it")
	presses(t, p, "bob", one+"/change", 403, "change", "yank")
	presses(t, p, "alice", one+"/change", 400, "change", "status")
	presses(t, p, "alice", one+"/change", 303, "change", "yank", "reason", "it eats files")
	shows(t, p, "", pad, 200, "yanked", "Yanked: it eats files")
	presses(t, p, "alice", one+"/change", 303, "change", "unyank")
	presses(t, p, "alice", one+"/change", 400, "change", "deprecate")
	presses(t, p, "alice", one+"/change", 303, "change", "deprecate", "reason", "use 1.1 instead")
	shows(t, p, "alice", one, 200, "Deprecated: use 1.1 instead", "Deprecated no longer", "!Take the yank back")
	presses(t, p, "alice", one+"/change", 303, "change", "undeprecate")
	presses(t, p, "alice", one+"/delete", 400, "version", "1.1.0")
	presses(t, p, "bob", one+"/delete", 403, "version", "1.0.0")
	presses(t, p, "alice", one+"/delete", 303, "version", "1.0.0")
	shows(t, p, "alice", one, 200, "deleted", "!Delete it")

	presses(t, p, "alice", pad+"/status", 303, "status", "archived", "reason", "done")
	shows(t, p, "", pad, 200, "This package is archived")
	presses(t, p, "bob", pad+"/adopt", 403)
}

// TestPackagesAreLong turns the pages of a long history.
func TestPackagesAreLong(t *testing.T) {
	p := workshop(t)
	alice := p.Keeper.Person("alice", true)
	for i := range versionsOnPage + 2 {
		release(t, p, alice, "long", fmt.Sprintf("1.0.%d", i), nil)
	}
	body := shows(t, p, "", "/packages/npm/long", 200, "1.0.31", "!1.0.1 ", "Older releases")
	_, rest, _ := strings.Cut(body, `href="/packages/npm/long?before=`)
	before, _, _ := strings.Cut(rest, `"`)
	shows(t, p, "", "/packages/npm/long?before="+before, 200, "1.0.1", "1.0.0", "!1.0.2 ", "!Older releases")
}

func TestPeopleOfAPackage(t *testing.T) {
	p := workshop(t)
	release(t, p, p.Keeper.Person("alice", true), "@acme/pad", "1.0.0", nil)
	shows(t, p, "bob", pad+"/settings", 403, "You have no right on npm/@acme/pad")
	shows(t, p, "", pad+"/settings", 303)
	shows(t, p, "alice", pad+"/settings", 200, "alice", "Give up my rights", "Invite somebody", "Add a trusted publisher", "Transfer the package")
	presses(t, p, "bob", pad+"/people/invite", 403, "user", "bob", "rights", "publish")
	presses(t, p, "alice", pad+"/people/invite", 400, "user", "bob")
	presses(t, p, "alice", pad+"/people/invite", 404, "user", "nobody", "rights", "publish")
	presses(t, p, "alice", pad+"/people/invite", 303, "user", "bob", "rights", "publish", "rights", "people")
	sent, err := p.People.Sent(t.Context(), "alice", "npm/@acme/pad")
	if err != nil || len(sent) != 1 {
		t.Fatal(sent, err)
	}
	shows(t, p, "alice", pad+"/settings", 200, "Invited by alice", "Withdraw")
	presses(t, p, "oscar", pad+"/people/withdraw", 403, "id", sent[0].ID)
	presses(t, p, "alice", pad+"/people/withdraw", 303, "id", sent[0].ID)
	join(t, p, "bob", "publish", "people")

	shows(t, p, "bob", pad+"/settings", 200, "Remove alice", "!Add a trusted publisher", "!Transfer the package", "!Save the rules")
	said := presses(t, p, "bob", pad+"/people/remove", 303, "principal", "alice")
	if !strings.Contains(said, "It happens on 4 May 2031") {
		t.Errorf("a removal that waits says %q", said)
	}
	presses(t, p, "bob", pad+"/people/rights", 403, "principal", "bob", "rights", "publish", "rights", "people", "rights", "settings")
	presses(t, p, "bob", pad+"/people/rights", 400, "principal", "bob")
	presses(t, p, "bob", pad+"/people/rights", 303, "principal", "bob", "rights", "publish")
	shows(t, p, "bob", pad+"/settings", 200, "!Remove alice", "alice loses every right on npm/@acme/pad")
	waits, err := p.Book.WaitingOfPackage(t.Context(), named("@acme/pad"))
	if err != nil || len(waits) != 1 {
		t.Fatal(waits, err)
	}
	presses(t, p, "oscar", pad+"/changes/"+waits[0].ID+"/cancel", 403)
	presses(t, p, "alice", pad+"/changes/none/cancel", 404)
	presses(t, p, "alice", pad+"/changes/"+waits[0].ID+"/cancel", 303)
	shows(t, p, "alice", pad+"/settings", 200, "!loses every right")
	presses(t, p, "bob", pad+"/people/remove", 303, "principal", "bob")
	shows(t, p, "bob", pad+"/settings", 403)

	presses(t, p, "alice", pad+"/transfer", 400, "to", "bob", "name", "pad")
	presses(t, p, "alice", pad+"/transfer", 303, "to", "bob", "name", "@acme/pad")
	shows(t, p, "alice", pad+"/settings", 200, "All of the package was offered")
}

// join makes somebody a principal of pad, through an invitation.
func join(t *testing.T, p *Pages, user string, rights ...string) {
	t.Helper()
	fields := []string{"user", user}
	for _, r := range rights {
		fields = append(fields, "rights", r)
	}
	presses(t, p, "alice", pad+"/people/invite", 303, fields...)
	list, err := p.People.Invitations(t.Context(), user)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	fails(t, p.People.Accept(t.Context(), user, list[0].ID))
}

func TestPolicyOfAPackage(t *testing.T) {
	p := workshop(t)
	release(t, p, p.Keeper.Person("alice", true), "@acme/pad", "1.0.0", nil)
	join(t, p, "bob", "publish")
	shows(t, p, "alice", pad+"/settings", 200, "Save the rules", "nobody could publish")
	presses(t, p, "bob", pad+"/policy", 403, "two_person", "yes")
	presses(t, p, "alice", pad+"/policy", 303, "two_person", "yes")
	shows(t, p, "", pad, 200, "somebody else approves each release")
	said := presses(t, p, "alice", pad+"/policy", 303)
	if !strings.Contains(said, "It happens on 4 May 2031") {
		t.Errorf("weaker rules say %q", said)
	}
	shows(t, p, "", pad, 200, "somebody else approves each release")
	shows(t, p, "bob", pad+"/settings", 200, "npm/@acme/pad needs no longer: two people for each release", "Cancel")
	waits, err := p.Book.WaitingOfPackage(t.Context(), named("@acme/pad"))
	if err != nil || len(waits) != 1 {
		t.Fatal(waits, err)
	}
	presses(t, p, "bob", pad+"/changes/"+waits[0].ID+"/cancel", 303)
	shows(t, p, "alice", pad+"/settings", 200, "!needs no longer")
}

func TestTrustedPublisherPages(t *testing.T) {
	p := workshop(t)
	release(t, p, p.Keeper.Person("alice", true), "@acme/pad", "1.0.0", nil)
	join(t, p, "bob", "publish")
	at := pad + "/publishers"
	shows(t, p, "oscar", at, 403)
	shows(t, p, "alice", at, 200, "GitHub Actions", "!Repository")
	for _, profile := range p.Trusted.Profiles() {
		shows(t, p, "alice", at+"?profile="+profile.ID, 200, profile.Title, profile.Fields[0].Label, profile.Fields[0].Help)
	}
	form := []string{"profile", "github", "repository", "acme/pad", "workflow", "release.yml", "environment", "release"}
	presses(t, p, "bob", at, 403, form...)
	if said := presses(t, p, "alice", at, 400, "profile", "github", "repository", "acme"); !strings.Contains(said, "OWNER/NAME") {
		t.Errorf("a wrong form says %s", said)
	}
	presses(t, p, "alice", at, 400, "profile", "none")
	presses(t, p, "alice", at, 303, form...)
	presses(t, p, "alice", at, 409, form...)
	shows(t, p, "bob", pad+"/settings", 200, "repository acme/pad", "never used")
	shows(t, p, "", pad, 200, "1 build job", "!acme/pad, workflow")
	list, err := p.Trusted.Of(t.Context(), named("@acme/pad"))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	presses(t, p, "bob", at+"/"+list[0].ID+"/remove", 403)
	presses(t, p, "alice", at+"/none/remove", 404)
	presses(t, p, "alice", at+"/"+list[0].ID+"/remove", 303)

	mine := "/account/publishers"
	shows(t, p, "bob", mine, 200, "GitHub Actions", "!Waiting for their first release")
	shows(t, p, "bob", mine+"?profile=github", 200, "Repository", "Kind of package")
	presses(t, p, "bob", mine, 409, append(form, "ecosystem", "npm", "package", "@acme/pad")...)
	presses(t, p, "bob", mine, 400, append(form, "ecosystem", "npm", "package", "NO NAME")...)
	presses(t, p, "bob", mine, 303, append(form, "ecosystem", "npm", "package", "fresh")...)
	shows(t, p, "bob", mine, 200, "Waiting for their first release", "npm/fresh", "ends on 31 May 2031")
	shows(t, p, "alice", mine, 200, "!npm/fresh")
	pending, err := p.Trusted.Pending(t.Context(), "bob")
	if err != nil || len(pending) != 1 {
		t.Fatal(pending, err)
	}
	presses(t, p, "alice", mine+"/"+pending[0].ID+"/remove", 404)
	presses(t, p, "bob", mine+"/"+pending[0].ID+"/remove", 303)
}

func TestReviewPages(t *testing.T) {
	p := workshop(t)
	alice := p.Keeper.Person("alice", true)
	release(t, p, alice, "@acme/pad", "1.0.0", map[string]string{"index.js": "one\ntwo\n"})
	join(t, p, "bob", "publish")
	presses(t, p, "alice", pad+"/policy", 303, "two_person", "yes")
	staged := release(t, p, alice, "@acme/pad", "1.1.0", map[string]string{"index.js": "one\nthree <script>\n"}).Staged
	if staged == "" {
		t.Fatal("the release was not staged")
	}
	at := "/review/" + staged
	shows(t, p, "bob", "/review", 200, "@acme/pad 1.1.0", "!Yours")
	shows(t, p, "alice", "/review", 200, "Nothing waits for you", "Yours", "@acme/pad 1.1.0")
	shows(t, p, "oscar", "/review", 200, "Nothing waits for you", "!pad")
	shows(t, p, "oscar", at, 404)
	shows(t, p, "", at, 303)
	shows(t, p, "alice", pad, 200, "Waiting for approval", "1.1.0")
	shows(t, p, "", pad, 200, "!Waiting for approval", "!1.1.0")
	shows(t, p, "alice", at, 200, "You staged it", "Throw it away", "!Approve and publish")
	shows(t, p, "bob", at, 200, "Compared with 1.0.0", "index.js", "changed", "three <script>", "+ new", "- gone", "Approve and publish 1.1.0", "Reject")
	presses(t, p, "alice", at+"/approve", 403)
	presses(t, p, "oscar", at+"/approve", 404)
	presses(t, p, "bob", at+"/approve", 303)
	shows(t, p, "", pad, 200, "latest is 1.1.0")
	shows(t, p, "bob", at, 409, "it was approved")

	staged = release(t, p, alice, "@acme/pad", "1.2.0", nil).Staged
	presses(t, p, "oscar", "/review/"+staged+"/reject", 404)
	presses(t, p, "bob", "/review/"+staged+"/reject", 303, "reason", "not yet")
	shows(t, p, "", pad, 200, "!1.2.0")
}

// TestReleasesAfterAChangeAreMarked: everybody sees that others make it now.
func TestReleasesAfterAChangeAreMarked(t *testing.T) {
	p := workshop(t)
	alice := p.Keeper.Person("alice", true)
	release(t, p, alice, "@acme/pad", "1.0.0", nil)
	join(t, p, "bob", "publish")
	release(t, p, alice, "@acme/pad", "1.1.0", nil)
	body := shows(t, p, "", pad, 200, "This was released after the owners of this package changed")
	if strings.Count(body, "after the owners of this package changed") != 1 {
		t.Error("the release before the change is marked too")
	}
}

// TestADeadSessionHasNoRights: an account that was closed sees what everybody sees.
func TestADeadSessionHasNoRights(t *testing.T) {
	p := workshop(t)
	release(t, p, p.Keeper.Person("alice", true), "@acme/pad", "1.0.0", nil)
	fails(t, p.Book.Update(t.Context(), func(tx *record.Tx) error { return tx.SetDisabled("alice", noon.Add(-time.Hour)) }))
	shows(t, p, "alice", pad+"/settings", 403)
	shows(t, p, "alice", pad, 200, "!Settings")
}
