package ledger_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/internal/logwire"
)

var update = flag.Bool("update", false, "write testdata again")

// TestHistoryVector holds a whole small log with an entry of every type, for
// whoever writes a second reader: the entries as one bundle, with the map roots
// in their seals, the root of the tree, and the texts behind every record of
// the map. docs/formats/log.md says how one follows from the other.
func TestHistoryVector(t *testing.T) {
	l := newLog(t)
	doc := func(s string) bonded.Digest { return bonded.DigestOf([]byte(s)) }
	about := func(typ bonded.EntryType, key string) bonded.Entry {
		return bonded.Entry{Type: typ, Time: when, Name: name(key)}
	}
	with := func(e bonded.Entry, do func(*bonded.Entry)) bonded.Entry {
		do(&e)
		return e
	}
	l.append(bonded.Entry{Type: bonded.Key, Time: when, Key: bonded.RegistryKey{Ecosystem: "one", ID: "SHA256:x", Public: []byte("key")}})
	l.append(with(claim("a"), func(e *bonded.Entry) { e.Name.Display = "A" }),
		with(about(bonded.Owners, "a"), func(e *bonded.Entry) { e.Doc, e.Count = doc("owners"), 1 }),
		release("a", "1.0.0"),
		with(release("a", "1.0.0"), func(e *bonded.Entry) {
			e.File, e.Sig = "a-1.0.0.zip", bonded.Signature{KeyID: "SHA256:x", Bytes: []byte("sig")}
		}),
		with(about(bonded.SetTag, "a"), func(e *bonded.Entry) { e.Tag, e.Version = "latest", "1.0.0" }))
	l.append(release("a", "2.0.0"), release("a", "3.0.0"),
		with(release("a", "4.0.0"), func(e *bonded.Entry) { e.File = "a-1.0.0.tgz" }), // a file name that was used: no release
		with(about(bonded.SetTag, "a"), func(e *bonded.Entry) { e.Tag, e.Version = "latest", "3.0.0" }),
		with(about(bonded.SetTag, "a"), func(e *bonded.Entry) { e.Tag, e.Version = "old", "1.0.0" }),
		with(about(bonded.SetTag, "a"), func(e *bonded.Entry) { e.Tag, e.Version = "beta", "2.0.0" }),
		with(about(bonded.DropTag, "a"), func(e *bonded.Entry) { e.Tag = "old" }))
	l.append(with(about(bonded.Yank, "a"), func(e *bonded.Entry) { e.Version = "2.0.0" }),
		with(about(bonded.Yank, "a"), func(e *bonded.Entry) { e.Version, e.Doc = "3.0.0", doc("reason") }),
		with(about(bonded.Yank, "a"), func(e *bonded.Entry) { e.Version = "9.9.9" }), // no such release: nothing
		with(about(bonded.Deprecate, "a"), func(e *bonded.Entry) { e.Version, e.Doc = "3.0.0", doc("message") }),
		with(about(bonded.Deprecate, "a"), func(e *bonded.Entry) { e.Version, e.Doc = "1.0.0", doc("message") }),
		with(about(bonded.Undeprecate, "a"), func(e *bonded.Entry) { e.Version = "1.0.0" }),
		with(about(bonded.Yank, "a"), func(e *bonded.Entry) { e.Version = "1.0.0" }),
		with(about(bonded.Unyank, "a"), func(e *bonded.Entry) { e.Version = "1.0.0" }))
	var batch []bonded.Entry
	for i := range 70 { // more than one chunk
		batch = append(batch, release("b", fmt.Sprint(i)))
	}
	l.append(batch...)
	l.append(claim("b"), claim("b"),
		with(about(bonded.Remove, "b"), func(e *bonded.Entry) { e.Version, e.File = "66", "b-66.tgz" }),
		with(about(bonded.Status, "b"), func(e *bonded.Entry) { e.Status = "archived" }),
		with(about(bonded.Status, "a"), func(e *bonded.Entry) { e.Status, e.Doc = "quarantined", doc("reason") }),
		bonded.Entry{Type: bonded.Site, Time: when, URL: "https://other.example/"})

	var bundle []byte
	for _, body := range l.tx.Leaves {
		bundle = logwire.AppendEntry(bundle, body)
	}
	dir := filepath.Join("testdata", "history")
	golden(t, filepath.Join(dir, "bundle"), bundle)
	golden(t, filepath.Join(dir, "records"), l.records())
	golden(t, filepath.Join(dir, "root"), []byte(fmt.Sprintf("size %d\nroot %s\nbins %d\nmap %s\n", l.head.Size, l.head.Root, l.m.Bins(), l.m.Root())))
}

// records prints every record of the map: its name, then its text indented.
func (l *log) records() []byte {
	var b strings.Builder
	print := func(name string, text []byte) {
		value, ok := l.m.Get(bonded.RecordKey(name))
		if !ok || value != bonded.DigestOf(text) {
			l.t.Errorf("%s: the map holds %s, the text is\n%s", name, value, text)
		}
		fmt.Fprintf(&b, "%s\n", name)
		for line := range strings.Lines(string(text)) {
			b.WriteString("\t" + line)
		}
	}
	n := 0
	for _, name := range slices.SortedFunc(maps.Keys(l.packages), func(a, b bonded.Name) int { return strings.Compare(a.Key, b.Key) }) {
		p := l.packages[name]
		print(bonded.PackageRecord(p.Name), p.State())
		n++
		for r := range p.Releases() {
			for i := range r.Files {
				print(bonded.FileRecord(p.Name, r.Version, r.Files[i].Name), bonded.FileState(r, &r.Files[i]))
				n++
			}
		}
	}
	if n != l.m.Len() {
		l.t.Errorf("%d records printed, the map has %d", n, l.m.Len())
	}
	return []byte(b.String())
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s changed; a reader of the logs that exist would not understand\n%s", path, got)
	}
}
