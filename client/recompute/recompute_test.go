package recompute_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/client/recompute"
	"bonded.dev/ecosystem"
	"bonded.dev/internal/logwire"
	"bonded.dev/registry/ledger"
)

func TestHonest(t *testing.T) {
	r := sample(t)
	report := r.verify(t, r.start(t))
	if !report.OK() {
		t.Fatalf("found\n%s", report.Text())
	}
	if report.Packages != 13 || report.Files != 25 || report.Artifacts != 22 || report.Deleted != 0 {
		t.Errorf("looked at %+v", report)
	}
	if report.Entries != r.head.Size || report.Root != r.head.Root.String() || report.MapRoot != r.m.Root().String() || report.Origin != origin || !report.KeyGiven {
		t.Errorf("the log is %+v, want %+v", report, r.head)
	}
	if report.Proofs != 13+25+1 || report.Documents != 1+12*2+22 || report.LogDocuments != 25+13+5 || report.Tiles == 0 || report.Skipped != nil {
		t.Errorf("compared %+v", report)
	}
	b, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	// The page says what every field means.
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "formats", "log-verify.md"))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	for field := range fields {
		if !strings.Contains(string(page), "`"+field+"`") {
			t.Errorf("the page does not tell of %q", field)
		}
	}
}

// TestEveryFile changes, cuts and takes away every file that is served, one
// at a time, and wants the place named.
func TestEveryFile(t *testing.T) {
	r := sample(t)
	url := r.start(t)
	n := 0
	for _, path := range slices.Sorted(maps.Keys(r.files)) {
		if !oneOfItsKind(r, path) {
			continue
		}
		good := r.files[path]
		if len(good) == 0 {
			t.Fatalf("%s is empty", path)
		}
		changes := map[string][]byte{"cut short": good[:len(good)-1], "longer": append(slices.Clone(good), 'x')}
		for _, at := range []int{0, len(good) / 2, len(good) - 1} {
			bad := slices.Clone(good)
			bad[at] ^= 1
			changes[fmt.Sprint("byte ", at)] = bad
		}
		changes["gone"] = nil
		for what, bad := range changes {
			n++
			if bad == nil {
				delete(r.files, path)
			} else {
				r.files[path] = bad
			}
			report := look(t, r, url)
			if ok := named(report, path); mayBeGone(r, path, what) && !report.OK() || !mayBeGone(r, path, what) && !ok {
				t.Errorf("%s, %s: found\n%s", path, what, report.Text())
			}
			r.files[path] = good
		}
	}
	if report := r.verify(t, url); !report.OK() || n < 120 {
		t.Errorf("in the end, after %d changes: %s", n, report.Text())
	}
}

// oneOfItsKind picks all files of the log, and of packages those that differ
// in what was done to them.
func oneOfItsKind(r *repo, path string) bool {
	for d, text := range r.docs {
		if path == logwire.DocPath(d) {
			s := string(text)
			return s == "broken" || s == "owners of p1" || s == "meta of p1 1.0.0" || s == "meta of p2 1.0.0" || s == "meta of p3 1.0.0"
		}
	}
	if strings.HasPrefix(path, "toy/") {
		return path == "toy/all.txt" || strings.HasPrefix(path, "toy/p1/") || path == "toy/many/-/many-0.0.0.tgz"
	}
	return true
}

// look is verify without proofs, which say nothing of the shelf.
func look(t *testing.T, r *repo, url string) *recompute.Report {
	t.Helper()
	o := r.options()
	o.NoProofs = true
	report, err := recompute.Verify(t.Context(), url, []ecosystem.Ecosystem{toy{}}, o)
	if err != nil {
		// A checkpoint that is not there at all leaves nothing to compare.
		return &recompute.Report{Findings: []recompute.Finding{{Kind: "error", Place: err.Error()}}}
	}
	return report
}

// named reports whether the findings name a file, and nothing that is as it
// should be: a wrong bundle may be told by an entry, a packed document by its
// path and how it was fetched.
func named(r *recompute.Report, path string) bool {
	doc, packed := strings.CutSuffix(path, ".gz")
	found := false
	for _, f := range r.Findings {
		switch text := f.String(); {
		case path == logwire.CheckpointPath && (f.Kind == "checkpoint" || strings.Contains(text, "the checkpoint: not there")):
			found = true
		case strings.Contains(text, path+":") || strings.HasPrefix(path, "log/tile/entries/") && strings.Contains(text, path+" "):
			found = true
		case packed && f.Place == doc && strings.Contains(f.Problem, "gzip"):
			found = true
		case strings.HasPrefix(path, "log/doc/") && f.Kind == "document" && strings.Contains(f.Problem, "cannot be computed"):
			// follows from the document that is not there
		case strings.HasPrefix(path, "log/tile/entries/") && f.Kind == "entry":
			// follows from the bundle
		default:
			return false
		}
	}
	return found
}

// mayBeGone lists what nobody can object to: a packed form that is not there,
// a message, a reason, owners or a policy that were deleted, what belonged to a file that
// is removed. Whoever renders from a deleted message must say so too.
func mayBeGone(r *repo, path, what string) bool {
	if what != "gone" {
		return false
	}
	if strings.HasSuffix(path, ".gz") || path == logwire.KeyPath {
		return true
	}
	if strings.Contains(path, ".p/") { // of an earlier checkpoint
		for _, t := range logwire.Tiles(r.head.Size) {
			if path == logwire.TilePath(t) || path == logwire.TilePath(logwire.Bundle(t)) {
				return false
			}
		}
		return true
	}
	for d, text := range r.docs {
		if path != logwire.DocPath(d) {
			continue
		}
		s := string(text)
		return strings.HasPrefix(s, "owners") || s == "policy of p1" || s == "glass" || s == "broken" || s == "meta of p2 1.0.0" || strings.HasPrefix(s, "meta of p3 ")
	}
	return false
}

// TestDeletedMessage deletes a message that a document shows: the document must
// be rendered again, and a repository that goes on showing it is found.
func TestDeletedMessage(t *testing.T) {
	r := sample(t)
	url := r.start(t)
	d := bonded.DigestOf([]byte("use another"))
	delete(r.docs, d)
	delete(r.files, logwire.DocPath(d))
	report := r.verify(t, url)
	if len(report.Findings) != 1 || report.Findings[0].Place != "toy/p1/long.json" || report.Deleted < 1 {
		t.Errorf("found\n%s", report.Text())
	}
	r.putDocuments()
	if report := r.verify(t, url); !report.OK() || report.Deleted != 1 {
		t.Errorf("found\n%s", report.Text())
	}
}

// TestRemoved serves what the log says is gone.
func TestRemoved(t *testing.T) {
	r := sample(t)
	url := r.start(t)
	for _, path := range []string{"toy/p2/-/p2-1.0.0.tgz", "toy/p2/-/p2-1.0.0.tgz.more", "toy/p3/short.txt"} {
		r.files[path] = []byte("here I am")
		report := r.verify(t, url)
		if len(report.Findings) != 1 || report.Findings[0].Place != path || !strings.Contains(report.Findings[0].Problem, "still served") {
			t.Errorf("%s: found\n%s", path, report.Text())
		}
		delete(r.files, path)
	}
}

// TestDatabase changes rows that only proofs are made from.
func TestDatabase(t *testing.T) {
	r := sample(t)
	url := r.start(t)
	find := func(what, want string) {
		t.Helper()
		report := r.verify(t, url)
		for _, f := range report.Findings {
			if f.Kind == "proof" && strings.Contains(f.Place, want) {
				return
			}
		}
		t.Errorf("%s: found\n%s", what, report.Text())
	}
	_, f := r.packages["toy/p1"].File("p1-1.0.0.tgz")
	row := r.tx.Leaves[f.Index]
	r.tx.Leaves[f.Index] = append(slices.Clone(row[:len(row)-1]), 'x')
	find("an entry", "R toy/p1 1.0.0 p1-1.0.0.tgz")
	r.tx.Leaves[f.Index] = row
	broken := r.prover.Package
	r.prover.Package = func(ctx context.Context, n bonded.Name, size uint64) (*bonded.Package, error) {
		if n.Key == "p2" {
			return nil, errors.New("this row cannot be read")
		}
		return broken(ctx, n, size)
	}
	find("an entry that cannot be read", "P toy/p2")
	r.prover.Package = broken
	at := tlog.StoredHashIndex(7, 1) // over entries 128 to 255
	r.tx.Nodes[at][5] ^= 1
	find("a hash", "P toy/many")
	r.tx.Nodes[at][5] ^= 1
	if report := r.verify(t, url); !report.OK() {
		t.Errorf("in the end: %s", report.Text())
	}
}

// TestDishonestLogs are logs whose keeper signs what he likes.
func TestDishonestLogs(t *testing.T) {
	for what, c := range map[string]struct {
		do   func(*repo)
		want string
	}{
		"a seal over another map": {func(r *repo) {
			r.publish("p1", "3.0.0")
			r.m = r.m.Set([]bonded.Record{{Key: [16]byte{7}}})
			r.seal()
			r.publish("p1", "4.0.0")
			r.seal()
		}, "seal "},
		"a root that is not the entries'": {func(r *repo) { r.head.Root[3] ^= 1 }, "checkpoint log/checkpoint: states the root"},
		"a size that is not the entries'": {func(r *repo) { r.head.Size--; r.exported-- }, "checkpoint log/checkpoint:"},
		"an entry nobody can read": {func(r *repo) {
			r.raw("bonded-log/v1 colour\nred\n")
		}, "unknown type"},
		"no seal at the end": {func(r *repo) { r.raw("bonded-log/v1 x-colour\nred\n") }, "does not end with a seal"},
		"a second genesis":   {func(r *repo) { r.raw("bonded-log/v1 genesis\ntime 2026-03-14T15:09:26Z\norigin " + origin + "\n") }, "a log starts with its genesis and has one"},
		"an unknown signing key": {func(r *repo) {
			r.publish("p1", "3.0.0")
			r.pending[0].Sig.KeyID = "key2"
			r.seal()
		}, "is signed with the key key2"},
	} {
		t.Run(what, func(t *testing.T) {
			r := sample(t)
			c.do(r)
			if what == "a root that is not the entries'" || what == "a size that is not the entries'" {
				msg, err := ledger.Checkpoint(origin, r.head, r.signer)
				if err != nil {
					t.Fatal(err)
				}
				r.files[logwire.CheckpointPath] = msg
			} else {
				r.putLog()
				r.putDocuments()
			}
			report := look(t, r, r.start(t))
			if !strings.Contains(report.Text(), c.want) || report.OK() {
				t.Errorf("found\n%s\nwant something about %q", report.Text(), c.want)
			}
		})
	}
}

// raw appends a leaf as it is.
func (r *repo) raw(text string) {
	r.tx.Leaves = append(r.tx.Leaves, []byte(text))
	nodes := ledgerNodes(r.t, r.tx.Leaves)
	r.tx.Nodes = nodes
	head, err := ledger.ReadHead(r.tx)
	if err != nil {
		r.t.Fatal(err)
	}
	r.head = head
}

func TestUnknownRules(t *testing.T) {
	r := sample(t)
	r.raw(fmt.Sprintf("bonded-log/v1 seal\nleaves %d\nroot %s\nbins %d\nrules p2\n", r.head.Size, r.m.Root(), r.m.Bins()))
	r.putLog()
	_, err := recompute.Verify(t.Context(), r.start(t), []ecosystem.Ecosystem{toy{}}, r.options())
	if err == nil || !strings.Contains(err.Error(), `rules that this program does not know: "p2"`) {
		t.Errorf("got %v", err)
	}
}

// TestClaimedTwice is a log that two writers made: the first claim counts, and
// the list of names holds the name once.
func TestClaimedTwice(t *testing.T) {
	r := sample(t)
	again := toyName("p1")
	again.Display = "p1"
	house := r.house
	r.add(bonded.Entry{Type: bonded.Claim, Name: again})
	r.seal()
	r.house = house
	r.putLog()
	r.putDocuments()
	if report := r.verify(t, r.start(t)); !report.OK() {
		t.Errorf("found\n%s", report.Text())
	}
}

// TestMoving lets the repository work while it is read: the checkpoint runs
// ahead of documents, tiles become full, partial ones go away.
func TestMoving(t *testing.T) {
	r := sample(t)
	requests := 0
	r.onRequest = func(string, http.ResponseWriter) bool {
		switch requests++; {
		case requests%20 == 0 && requests < 300:
			r.publish("p1", fmt.Sprint(requests, ".0.0"))
			r.publish(fmt.Sprint("new", requests), "1.0.0")
			r.seal()
			r.putLog()
		case requests%20 == 10:
			r.putDocuments()
		}
		return false
	}
	o := r.options()
	o.Patience = 20 * time.Millisecond
	report, err := recompute.Verify(t.Context(), r.start(t), []ecosystem.Ecosystem{toy{}}, o)
	if err != nil || !report.OK() {
		t.Fatalf("found %v\n%s", err, report.Text())
	}
	if requests < 300 {
		t.Errorf("only %d requests", requests)
	}
}

// TestForkWhileReading serves another history in the middle.
func TestForkWhileReading(t *testing.T) {
	r := sample(t)
	r.files["toy/p1/short.txt"] = []byte("wrong") // so that there is a second look
	other := sample(t)
	other.signer, other.vkey = r.signer, r.vkey
	other.publish("other", "1.0.0")
	other.seal()
	for i := range other.tx.Leaves[:3] {
		other.tx.Leaves[i] = []byte(strings.Replace(string(other.tx.Leaves[i]), "2026", "2025", 1))
	}
	other.tx.Nodes = ledgerNodes(t, other.tx.Leaves)
	other.head.Root = headOf(t, other)
	other.exported = 0
	other.putLog()
	proofs := 0
	r.onRequest = func(path string, _ http.ResponseWriter) bool {
		if path == "toy/p1" {
			proofs++
		}
		if proofs > 0 && path == logwire.CheckpointPath {
			r.files = other.files
		}
		return false
	}
	report := look(t, r, r.start(t))
	if !strings.Contains(report.Text(), "checkpoint log/checkpoint: states the root") || report.OK() {
		t.Errorf("found\n%s", report.Text())
	}
	// A log that gets shorter.
	r = sample(t)
	short := r.files[logwire.CheckpointPath]
	r.publish("p1", "3.0.0")
	r.seal()
	r.putLog()
	r.onRequest = func(path string, _ http.ResponseWriter) bool {
		if path == "toy/p1" {
			r.files[logwire.CheckpointPath] = short
		}
		return false
	}
	if report := look(t, r, r.start(t)); !strings.Contains(report.Text(), "after one for") {
		t.Errorf("a shorter log: found\n%s", report.Text())
	}
}

// TestUnreachable tells what could not be read from what is wrong.
func TestUnreachable(t *testing.T) {
	r := sample(t)
	var broken atomic.Value
	broken.Store("")
	r.onRequest = func(path string, w http.ResponseWriter) bool {
		if b := broken.Load().(string); b != "" && strings.HasPrefix(path, b) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	url := r.start(t)
	for _, c := range []struct {
		path    string
		finding string // "" wants an error
	}{
		{logwire.CheckpointPath, ""},
		{"log/tile/0/000", ""},
		{"log/tile/entries/001", ""},
		{"log/tile/1/", ""},
		{logwire.DocPath(bonded.DigestOf([]byte("owners of p1"))), "log document"},
		{"log/prove", "proof"},
		{"toy/p4/-/p4-1.0.0.tgz", "artifact"},
		{"toy/p4", "document"},
	} {
		broken.Store(c.path)
		report, err := recompute.Verify(t.Context(), url, []ecosystem.Ecosystem{toy{}}, r.options())
		switch {
		case c.finding == "" && (err == nil || !strings.Contains(err.Error(), "503")):
			t.Errorf("%s: got %v", c.path, err)
		case c.finding == "":
		case err != nil || report.OK():
			t.Errorf("%s: got %v, %+v", c.path, err, report)
		default:
			found := false
			for _, f := range report.Findings {
				found = found || f.Kind == c.finding && f.Unknown
			}
			if !found {
				t.Errorf("%s: found\n%s", c.path, report.Text())
			}
		}
	}
	for _, source := range []string{"http://127.0.0.1:1", "ftp://packages.example", "packages.example", "http://", "http://packages.example/?x"} {
		if _, err := recompute.Verify(t.Context(), source, nil, r.options()); err == nil {
			t.Errorf("%s: no error", source)
		}
	}
}

// TestGoesAway takes the whole repository away in the middle: the run ends
// soon, and does not call every file wrong.
func TestGoesAway(t *testing.T) {
	r := sample(t)
	for i := range 100 {
		r.publish(fmt.Sprint("q", i), "1.0.0")
	}
	r.seal()
	r.putLog()
	r.putDocuments()
	away := false
	requests := 0
	r.onRequest = func(path string, w http.ResponseWriter) bool {
		requests++
		if away = away || strings.HasPrefix(path, "toy/p1/"); away {
			w.WriteHeader(http.StatusBadGateway)
		}
		return away
	}
	_, err := recompute.Verify(t.Context(), r.start(t), []ecosystem.Ecosystem{toy{}}, r.options())
	if err == nil || !strings.Contains(err.Error(), "stopped answering") {
		t.Errorf("got %v after %d requests", err, requests)
	}
}

// TestFlaky fails every third request once; three tries are enough.
func TestFlaky(t *testing.T) {
	r := sample(t)
	requests := 0
	r.onRequest = func(_ string, w http.ResponseWriter) bool {
		if requests++; requests%29 == 0 {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		return false
	}
	if report := r.verify(t, r.start(t)); !report.OK() {
		t.Errorf("found\n%s", report.Text())
	}
}

func TestOptions(t *testing.T) {
	r := sample(t)
	url := r.start(t)
	o := r.options()
	o.Key, o.NoArtifacts = "", true
	steps := map[string]bool{}
	o.Progress = func(step string, done, total int) { steps[step] = done == total }
	report, err := recompute.Verify(t.Context(), url+"/", []ecosystem.Ecosystem{toy{}}, o)
	if err != nil || !report.OK() || report.Artifacts != 0 || report.KeyGiven || report.Key != r.vkey || !slices.Contains(report.Skipped, "artifacts: not asked for") {
		t.Errorf("got %v, %+v", err, report)
	}
	if !maps.Equal(steps, map[string]bool{"log": true, "packages": true, "proofs": true}) {
		t.Errorf("progress ended as %v", steps)
	}
	if text := report.Text(); !strings.Contains(text, "the repository's own word") {
		t.Errorf("the report does not say whose key it is:\n%s", text)
	}
	report, err = recompute.Verify(t.Context(), url, nil, r.options())
	if err != nil || !report.OK() || len(report.Skipped) != 1 || report.Documents != 0 {
		t.Errorf("without a dialect: %v, %+v", err, report)
	}
	o.Key = sample(t).vkey
	report, err = recompute.Verify(t.Context(), url, nil, o)
	if err != nil || report.OK() || !report.Known() || report.Findings[0].Kind != "checkpoint" {
		t.Errorf("with another key: %v, %+v", err, report)
	}
	o.Key = "nonsense"
	if _, err := recompute.Verify(t.Context(), url, nil, o); err == nil {
		t.Error("a key that is none was taken")
	}
}
