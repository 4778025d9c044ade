package e2e

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	nouns "bonded.dev"
	controls "bonded.dev/controls/all"
	"bonded.dev/registry/record"
	"bonded.dev/registry/screen"

	at "bonded.dev/internal/archive/archivetest"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func fails(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// attack is what one control alone stops.
type attack struct {
	name string
	// before is done first; it succeeds with every control and without this one.
	before func(t testing.TB, a *assembled)
	send   sending
	// harm says what a client of the repository now gets, "" when it is not harmed.
	harm func(t testing.TB, a *assembled) string
}

// attacks names, for each control, what it is for.
func attacks() map[string][]attack {
	return map[string][]attack{
		"immutable-versions": immutableAttacks(),
		"retired-names":      retiredAttacks(),
		"closed-packages":    closedAttacks(),
		"deletion-limits":    deletionAttacks(),
		"release-close":      closeAttacks(),
		"upload-digests":     digestAttacks(),
		"bounded-archive":    boundedAttacks(),
		"strict-archive":     strictAttacks(),
		"artifact-metadata":  metadataAttacks(),
		"output-sanitising":  printedAttacks(),
		"name-similarity":    alikeAttacks(),
	}
}

// TestEachControlAloneStopsSomething plays the attacks twice: with every
// control, when the one in question must refuse, and with all but that one,
// when the attack must succeed and harm somebody. A control that could be
// deleted without a failure here would be decoration.
func TestEachControlAloneStopsSomething(t *testing.T) {
	byControl := attacks()
	for _, c := range append(controls.Checks(), screen.Check{ID: "retired-names"}) {
		t.Run(c.ID, func(t *testing.T) {
			if len(byControl[c.ID]) == 0 {
				t.Fatal("no attack shows what this control is for; add one to attacks()")
			}
			for _, x := range byControl[c.ID] {
				t.Run(x.name, func(t *testing.T) { x.play(t, c.ID, c.Judge != nil) })
			}
		})
		delete(byControl, c.ID)
	}
	for id := range byControl {
		t.Errorf("attacks() names %s, which is no control", id)
	}
}

func (x attack) play(t *testing.T, control string, judges bool) {
	with := assemble(t, "")
	x.before(t, with)
	r := x.send.over(t, with.addr, with.tokens)
	if r.status < 400 || r.status > 499 || judges && !strings.Contains(r.body, control) {
		t.Errorf("with every control: %d %s", r.status, r.body)
	}
	if got := x.harm(t, with); got != "" {
		t.Errorf("with every control there is harm: %s", got)
	}
	without := assemble(t, control)
	x.before(t, without)
	if r := x.send.over(t, without.addr, without.tokens); r.status > 299 {
		t.Errorf("without %s something else refuses: %d %s", control, r.status, r.body)
	}
	got := x.harm(t, without)
	if got == "" {
		t.Errorf("without %s nobody is harmed", control)
	}
	t.Logf("without %s: %s", control, got)
}

func nothing(testing.TB, *assembled) {}

func sends(all ...sending) func(testing.TB, *assembled) {
	return func(t testing.TB, a *assembled) { t.Helper(); a.does(t, all...) }
}

// holds is harm that shows as a text in a document.
func holds(path, text, harm string) func(testing.TB, *assembled) string {
	return func(t testing.TB, a *assembled) string {
		t.Helper()
		if strings.Contains(a.sees(t, path), text) {
			return harm
		}
		return ""
	}
}

// immutableAttacks publish a deleted version again under another file name,
// where neither the database nor the fold sees anything used twice.
func immutableAttacks() []attack {
	return []attack{{
		"a deleted version comes back as another file",
		sends(wheel{name: "foo", version: "1.0"}.sending(), change("pypi/foo", "delete", "1.0")),
		sdist{name: "foo", version: "1.0"}.sending(),
		holds("/pypi/simple/foo/", "foo-1.0.tar.gz", "foo==1.0 was deleted and means other bytes now"),
	}}
}

// closeAttacks change what installers pick for a release that was reviewed
// long ago.
func closeAttacks() []attack {
	return []attack{{
		"one more file of an old release",
		func(t testing.TB, a *assembled) {
			a.does(t, sdist{name: "foo", version: "1.0"}.sending())
			a.later(73 * time.Hour)
		},
		wheel{name: "foo", version: "1.0"}.sending(),
		holds("/pypi/simple/foo/", "foo-1.0-py3", "whoever reviewed foo 1.0 installs a wheel that nobody reviewed"),
	}}
}

// retiredAttacks play against identity, which enforces this control: without
// it nobody looks at who owns a name.
func retiredAttacks() []attack {
	return []attack{
		{
			"the name of a deleted package is taken over",
			sends(npmPackage("gone", "1.0.0").sending(), change("npm/gone", "delete", "1.0.0")),
			as("mallory", npmPackage("gone", "1.0.1").sending()),
			holds("/npm/gone", `"latest":"1.0.1"`, "whoever still names gone installs a stranger's release"),
		},
		{
			"the name of a deleted project is taken over",
			sends(wheel{name: "gone", version: "1.0"}.sending(), change("pypi/gone", "delete", "1.0")),
			as("mallory", wheel{name: "Gone", version: "1.1"}.sending()),
			holds("/pypi/simple/gone/", "gone-1.1-py3", "whoever still names gone installs a stranger's release"),
		},
	}
}

func closedAttacks() []attack {
	archive := func(pkg string) sending {
		return sending{method: "POST", path: "/api/v1/changes", token: "alice", body: fmt.Appendf(nil, `{"package":%q,"change":"status","status":"archived"}`, pkg)}
	}
	return []attack{
		{
			"a release of an archived package",
			sends(npmPackage("attic", "1.0.0").sending(), archive("npm/attic")),
			npmPackage("attic", "1.0.1").sending(),
			holds("/npm/attic", `"latest":"1.0.1"`, "a package that nobody looks after has a new release"),
		},
		{
			"a release of an archived project",
			sends(wheel{name: "attic", version: "1.0"}.sending(), archive("pypi/attic")),
			wheel{name: "attic", version: "1.1"}.sending(),
			holds("/pypi/simple/attic/", "attic-1.1-py3", "a project that nobody looks after has a new release"),
		},
	}
}

// deletionAttacks take away what others came to rely on.
func deletionAttacks() []attack {
	gone := func(path string) func(testing.TB, *assembled) string {
		return func(t testing.TB, a *assembled) string {
			if strings.HasPrefix(a.sees(t, path), "404") {
				return "the build of everybody who has it in a lock file breaks"
			}
			return ""
		}
	}
	tarball := gone("/npm/pad/-/pad-1.0.0.tgz")
	remove := change("npm/pad", "delete", "1.0.0")
	return []attack{
		{"an old release", func(t testing.TB, a *assembled) {
			a.does(t, npmPackage("pad", "1.0.0").sending())
			a.later(73 * time.Hour)
		}, remove, tarball},
		{"a release that others need", sends(npmPackage("pad", "1.0.0").sending(),
			as("mallory", npmPackage("user", "1.0.0").with(`"dependencies":{"pad":"^1.0.0"}`).sending())), remove, tarball},
		{"a release that is much downloaded", func(t testing.TB, a *assembled) {
			a.does(t, npmPackage("pad", "1.0.0").sending())
			a.downloaded(t, "npm", "pad", 101, 0)
		}, remove, tarball},
		{"an old file of a project", func(t testing.TB, a *assembled) {
			a.does(t, wheel{name: "pad", version: "1.0"}.sending())
			a.later(73 * time.Hour)
		}, change("pypi/pad", "delete", "1.0"), gone("/pypi/files/pad/pad-1.0-py3-none-any.whl")},
	}
}

// downloaded counts downloads of some days ago.
func (a *assembled) downloaded(t testing.TB, eco, name string, n, daysAgo int64) {
	t.Helper()
	fails(t, a.book.AddDownloads(context.Background(), []record.Download{{
		Name: nouns.Name{Ecosystem: eco, Key: name}, Version: "1.0.0", Day: a.clock().Unix()/(24*60*60) - daysAgo, Count: n,
	}}))
}

// digestAttacks are uploads whose bytes were changed between client and
// repository: what is served then is not what the client sent.
func digestAttacks() []attack {
	lie := strings.Repeat("0", 64)
	return []attack{
		{
			"a wheel that was changed on its way", nothing,
			wheel{name: "foo", version: "1.0"}.says(func(f *form) { f.set("sha256_digest", lie) }).sending(),
			func(t testing.TB, a *assembled) string {
				got := sha256.Sum256([]byte(a.sees(t, "/pypi/files/foo/foo-1.0-py3-none-any.whl")))
				if strings.HasPrefix(a.sees(t, "/pypi/simple/foo/"), "404") || hex.EncodeToString(got[:]) == lie {
					return ""
				}
				return "others install bytes that the publisher never sent"
			},
		},
		{
			"a tarball that was changed on its way", nothing,
			npmPackage("foo", "1.0.0").says(func(_, m object) { m["dist"].(object)["shasum"] = lie[:40] }).sending(),
			holds("/npm/foo", `"version":"1.0.0"`, "others install bytes that the publisher never sent"),
		},
	}
}

func boundedAttacks() []attack {
	served := func(path string) func(testing.TB, *assembled) string {
		return func(t testing.TB, a *assembled) string {
			b := a.sees(t, path)
			if strings.HasPrefix(b, "404") {
				return ""
			}
			return fmt.Sprintf("a download of %d kB fills the disk of whoever unpacks it", len(b)>>10)
		}
	}
	zeros := at.Entry{Header: func(h []byte) { copy(h[124:], fmt.Sprintf("%011o\x00", 64<<20)) }}
	bomb := func(name string) func(...at.Entry) []byte {
		return func(base ...at.Entry) []byte {
			zeros.Name = name
			b := append(at.TarEntries(base...), at.TarEntries(zeros)...)
			return at.Gzip(append(b, make([]byte, 64<<20+1024)...))
		}
	}
	tarball := npmPackage("bomb", "1.0.0")
	tarball.build = bomb("package/zeros")
	return []attack{
		{"a tarball of zeros", nothing, tarball.sending(), served("/npm/bomb/-/bomb-1.0.0.tgz")},
		{"sources of zeros", nothing, sdist{name: "bomb", version: "1.0", build: bomb("bomb-1.0/zeros")}.sending(), served("/pypi/files/bomb/bomb-1.0.tar.gz")},
	}
}

func strictAttacks() []attack {
	u := npmPackage("foo", "1.0.0")
	u.more = []at.Entry{at.File("package/../../../evil", "x")}
	return []attack{
		{"a tarball that climbs out", nothing, u.sending(), func(t testing.TB, a *assembled) string {
			z, err := gzip.NewReader(strings.NewReader(a.sees(t, "/npm/foo/-/foo-1.0.0.tgz")))
			if err != nil {
				return ""
			}
			for r := tar.NewReader(z); ; {
				h, err := r.Next()
				if err != nil {
					return ""
				}
				if strings.Contains(h.Name, "../") {
					return "whoever unpacks it writes " + h.Name
				}
			}
		}},
		{
			"a wheel with a file that RECORD does not know", nothing,
			wheel{name: "foo", version: "1.0", hidden: []at.Entry{at.File("evil.py", "x")}}.sending(),
			holds("/pypi/files/foo/foo-1.0-py3-none-any.whl", "evil.py", "installed files that no list of installed files names"),
		},
	}
}

func metadataAttacks() []attack {
	return []attack{
		{
			"an install script that the request does not tell of", nothing,
			npmPackage("foo", "1.0.0").with(`"scripts":{"postinstall":"node x.js"}`).says(func(_, m object) { delete(m, "scripts") }).sending(),
			holds("/npm/foo", `"hasInstallScript":true`, "a script runs at every install that whoever watched the request never saw"),
		},
		{
			"one version in two spellings",
			sends(wheel{name: "foo", version: "1.0"}.sending()),
			wheel{name: "foo", version: "1.0.0"}.sending(),
			holds("/pypi/simple/foo/", "foo-1.0.0-py3", "foo==1.0 can be either of two files"),
		},
	}
}

// alikeAttacks take names that are read as somebody else's.
func alikeAttacks() []attack {
	return []attack{
		{
			"a name with another separator",
			sends(npmPackage("left-pad", "1.0.0").sending()),
			as("mallory", npmPackage("left_pad", "1.0.0").sending()),
			holds("/npm/left_pad", `"latest":"1.0.0"`, "whoever writes left_pad installs a stranger's package"),
		},
		{
			"a name with a look-alike letter",
			sends(wheel{name: "flask", version: "1.0"}.sending()),
			as("mallory", wheel{name: "fIask", version: "1.0"}.sending()),
			holds("/pypi/simple/fiask/", "fIask", "the index shows a stranger's project as one reads another's name"),
		},
	}
}

// printedAttacks write on the terminal of whoever looks at a package.
func printedAttacks() []attack {
	const erase = `\u001b[2K`
	return []attack{
		{
			"a description that erases the line before it", nothing,
			npmPackage("foo", "1.0.0").with(`"description":"` + erase + `verified"`).sending(),
			holds("/npm/foo", erase, "whoever prints the description reads what its publisher wrote over it"),
		},
		{
			"a reason that does the same",
			sends(npmPackage("foo", "1.0.0").sending()),
			sending{method: "POST", path: "/api/v1/changes", token: "alice", body: []byte(`{"package":"npm/foo","change":"deprecate","version":"1.0.0","reason":"` + erase + `fine"}`)},
			holds("/npm/foo", erase, "npm prints the reason at every install, and a terminal obeys it"),
		},
	}
}

// TestTheTableWithoutItsControls sends the rows of the table that a control
// refuses to a repository without that control. Some must then be published,
// or the rows would show nothing; and whatever is published, nothing breaks:
// no server error, and an honest release is taken and shown afterwards.
func TestTheTableWithoutItsControls(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred repositories are opened for this; run without -short")
	}
	byControl := map[string][]hostile{}
	for _, h := range hostileUploads() {
		byControl[h.control] = append(byControl[h.control], h)
	}
	delete(byControl, "")
	for control, rows := range byControl {
		t.Run(control, func(t *testing.T) {
			a := assemble(t, control)
			furnish(t, a.addr, a.tokens)
			published := 0
			for _, h := range rows {
				t.Run(h.name, func(t *testing.T) {
					s := h.send()
					r := s.over(t, a.addr, a.tokens)
					if control != "immutable-versions" && strings.Contains(r.body, "immutable-versions") {
						// An earlier row was published under the name of this one.
						fresh := assemble(t, control)
						r = s.over(t, fresh.addr, fresh.tokens)
					}
					if r.status < 300 {
						published++
					} else if r.status > 499 || strings.Contains(r.body, control) {
						t.Errorf("%d %s", r.status, r.body)
					} else {
						t.Logf("refused all the same: %s", r.body)
					}
				})
			}
			if published == 0 {
				t.Errorf("without %s none of its %d rows is published", control, len(rows))
			}
			t.Logf("without %s %d of its %d rows are published", control, published, len(rows))
			a.does(t, npmPackage("candid", "1.0.0").sending(), wheel{name: "candid", version: "1.0"}.sending())
			if !strings.Contains(a.sees(t, "/npm/candid"), "1.0.0") || !strings.Contains(a.sees(t, "/pypi/simple/candid/"), "candid-1.0") {
				t.Error("an honest release is not shown")
			}
		})
	}
}

// TestImmutabilityStandsThreeTimes takes the three lines away from the front.
// The control is the only one that speaks to the person at the client and the
// only one that knows a deleted version (see immutableAttacks). Behind it the
// unique key refuses without knowing why. Without both, the fold still shows
// every client the first bytes, and the harm is another one: somebody is told
// that his release is published, and it never will be.
func TestImmutabilityStandsThreeTimes(t *testing.T) {
	first, other := npmPackage("foo", "1.0.0"), npmPackage("foo", "1.0.0").with(`"description":"other"`)
	const tarball = "/npm/foo/-/foo-1.0.0.tgz"
	try := func(a *assembled) (r reply, same bool) {
		a.does(t, first.sending())
		was := a.sees(t, tarball)
		r = other.sending().over(t, a.addr, a.tokens)
		return r, a.sees(t, tarball) == was && !strings.Contains(a.sees(t, "/npm/foo"), `"description":"other"`)
	}
	a := assemble(t, "")
	if r, same := try(a); r.status != 403 || !same || !strings.Contains(r.body, "foo 1.0.0 already exists and a version never changes; publish a new version") || a.quarantined(t) != "" {
		t.Errorf("with every line: %d %s; unchanged %v; in quarantine %q", r.status, r.body, same, a.quarantined(t))
	}
	a = assemble(t, "immutable-versions")
	if r, same := try(a); r.status != 403 || !same || !strings.Contains(r.body, "never means other bytes") || a.quarantined(t) != "" {
		t.Errorf("without the control: %d %s; unchanged %v; in quarantine %q", r.status, r.body, same, a.quarantined(t))
	}
	a = prepare(t)
	dropFileKey(t, a)
	a.serve(t, "immutable-versions")
	r, same := try(a)
	if !same {
		t.Error("without control and key the fold shows other bytes than the first")
	}
	if r.status > 299 {
		t.Errorf("without control and key something else refuses: %d %s", r.status, r.body)
	}
	t.Logf("without control and key: %d %s; in quarantine for ever %q", r.status, r.body, filepath.Base(a.quarantined(t)))
}

// dropFileKey takes the unique key of file names out of an empty database.
func dropFileKey(t *testing.T, a *assembled) {
	t.Helper()
	book, err := record.Open(t.Context(), a.dsn())
	if err == nil {
		err = book.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(a.data, "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE keyless AS SELECT * FROM file; DROP TABLE file; ALTER TABLE keyless RENAME TO file`); err != nil {
		t.Fatal(err)
	}
}

// TestWhatMayBeDeleted is the table of deletion-limits, over HTTP, with the
// clock, the downloads and the dependants of the row.
func TestWhatMayBeDeleted(t *testing.T) {
	needs := func(name, member string) sending {
		return as("mallory", npmPackage(name, "1.0.0").with(member).sending())
	}
	type row struct {
		name   string
		before func(t testing.TB, a *assembled)
		says   string // "": it may be deleted
	}
	for _, x := range []row{
		{"just published", nothing, ""},
		{"after 72 hours", func(_ testing.TB, a *assembled) { a.later(72 * time.Hour) }, ""},
		{"after 72 hours and a second", func(_ testing.TB, a *assembled) { a.later(72*time.Hour + time.Second) }, "published 72 hours ago, and the limit is 72"},
		{"after a year", func(_ testing.TB, a *assembled) { a.later(365 * 24 * time.Hour) }, "8760 hours ago"},
		{"100 downloads", func(t testing.TB, a *assembled) { a.downloaded(t, "npm", "pad", 100, 0) }, ""},
		{"101 downloads", func(t testing.TB, a *assembled) { a.downloaded(t, "npm", "pad", 101, 0) }, "downloaded 101 times"},
		{"101 downloads on two days", func(t testing.TB, a *assembled) {
			a.downloaded(t, "npm", "pad", 100, 0)
			a.downloaded(t, "npm", "pad", 1, 29)
		}, "downloaded 101 times"},
		{"many downloads long ago", func(t testing.TB, a *assembled) { a.downloaded(t, "npm", "pad", 1000, 31) }, ""},
		{"many downloads of another package", func(t testing.TB, a *assembled) { a.downloaded(t, "npm", "other", 1000, 0) }, ""},
		{"many downloads of the same name elsewhere", func(t testing.TB, a *assembled) { a.downloaded(t, "pypi", "pad", 1000, 0) }, ""},
		{"a dependant", sends(needs("user", `"dependencies":{"pad":"^1"}`)), "1 package(s) here depend on it"},
		{"two dependants", sends(needs("user", `"dependencies":{"pad":"^1"}`), needs("peer", `"peerDependencies":{"pad":"^1"}`)), "2 package(s)"},
		{"a dependant under an alias", sends(needs("user", `"dependencies":{"x":"npm:pad@1"}`)), "1 package(s)"},
		{"a dependant that is gone", sends(needs("user", `"dependencies":{"pad":"^1"}`), as("mallory", change("npm/user", "delete", "1.0.0"))), ""},
		{"a dependant in tests alone", sends(needs("user", `"devDependencies":{"pad":"^1"}`)), ""},
		{"a dependant on another", sends(needs("user", `"dependencies":{"pad-left":"^1"}`)), ""},
		{"a dependency on itself", sends(npmPackage("pad", "2.0.0").with(`"dependencies":{"pad":"1"}`).sending()), ""},
		{"a dependant elsewhere", sends(wheel{name: "user", version: "1.0", fields: "Requires-Dist: pad>=1"}.sending()), ""},
		{"by somebody else", nil, "not an owner"},
	} {
		t.Run(x.name, func(t *testing.T) {
			a := assemble(t, "")
			a.does(t, npmPackage("pad", "1.0.0").sending())
			remove := change("npm/pad", "delete", "1.0.0")
			if x.before != nil {
				x.before(t, a)
			} else {
				remove = as("mallory", remove)
			}
			r := remove.over(t, a.addr, a.tokens)
			there := !strings.HasPrefix(a.sees(t, "/npm/pad/-/pad-1.0.0.tgz"), "404")
			if x.says == "" && (r.status != 200 || there) || x.says != "" && (r.status != 403 || !there || !strings.Contains(r.body, x.says)) {
				t.Errorf("%d %s; still there: %v", r.status, r.body, there)
			}
		})
	}
}

// TestOldestFileDecides deletes a release of two files, of which one is too old.
func TestOldestFileDecides(t *testing.T) {
	a := assemble(t, "")
	a.does(t, wheel{name: "pad", version: "1.0"}.sending())
	a.later(60 * time.Hour)
	a.does(t, sdist{name: "pad", version: "1.0"}.sending())
	a.later(13 * time.Hour)
	if r := change("pypi/pad", "delete", "1.0").over(t, a.addr, a.tokens); r.status != 403 || !strings.Contains(r.body, "deletion-limits") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if page := a.sees(t, "/pypi/simple/pad/"); strings.Count(page, "<a ") != 2 {
		t.Errorf("a refused deletion took something away:\n%s", page)
	}
}
