package ledger_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/internal/logwire"
	"bonded.dev/internal/statemap"
	"bonded.dev/registry/ledger"
	"bonded.dev/registry/ledger/ledgertest"
)

const origin = "packages.example/bonded/1"

var when = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// log is a whole log in memory with the state that its writer keeps.
type log struct {
	t        testing.TB
	tx       *ledgertest.Memory
	m        *statemap.Map
	head     ledger.Head
	packages map[bonded.Name]*bonded.Package
}

func newLog(t testing.TB) *log {
	l := &log{t: t, tx: &ledgertest.Memory{}, m: statemap.New(), packages: map[bonded.Name]*bonded.Package{}}
	l.append(bonded.Entry{Type: bonded.Genesis, Time: when, Origin: origin}, bonded.Entry{Type: bonded.Site, Time: when, URL: "https://packages.example/"})
	return l
}

// append adds a batch as the desk does: fold, collect records, append.
func (l *log) append(entries ...bonded.Entry) {
	l.t.Helper()
	var records []bonded.Record
	at, err := l.tx.Head()
	if err != nil {
		l.t.Fatal(err)
	}
	for i, e := range entries {
		if e.Name.IsZero() {
			continue
		}
		key := name(e.Name.Key)
		p := l.packages[key]
		if p == nil {
			p = &bonded.Package{Name: key}
		}
		if p, err = p.Apply(at+uint64(i), e); err != nil {
			l.t.Fatal(err)
		}
		l.packages[key] = p
		records = append(records, p.Records(e)...)
	}
	if l.head, l.m, err = ledger.Append(l.tx, l.m, entries, records); err != nil {
		l.t.Fatal(err)
	}
}

func name(key string) bonded.Name { return bonded.Name{Ecosystem: "one", Key: key, Display: key} }

func claim(key string) bonded.Entry {
	return bonded.Entry{Type: bonded.Claim, Time: when, Name: name(key)}
}

func release(key, version string) bonded.Entry {
	return bonded.Entry{Type: bonded.Publish, Time: when, Name: name(key), Version: version, File: key + "-" + version + ".tgz",
		Digest: bonded.DigestOf([]byte(key + version)), Size: 7, Meta: bonded.DigestOf([]byte("meta"))}
}

// fill adds packages of three versions each, in batches of random length.
func (l *log) fill(packages int, seed uint64) {
	r := mathrand.New(mathrand.NewPCG(seed, 1))
	var batch []bonded.Entry
	for i := range packages {
		key := fmt.Sprint("p", i)
		batch = append(batch, claim(key))
		for v := range 3 {
			batch = append(batch, release(key, fmt.Sprint(v, ".0.0")))
			if r.IntN(3) == 0 {
				l.append(batch...)
				batch = nil
			}
		}
	}
	if len(batch) > 0 {
		l.append(batch...)
	}
}

func keys(t testing.TB) (note.Signer, note.Verifier) {
	t.Helper()
	signer, vkey := keyTexts(t)
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

func keyTexts(t testing.TB) (signer note.Signer, vkey string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	if signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	return signer, vkey
}

// TestAppendIsTheTree compares what Append stores with a tree that tlog builds
// from the leaves alone, and holds each batch to one read.
func TestAppendIsTheTree(t *testing.T) {
	l := newLog(t)
	for i := range 300 {
		batch := []bonded.Entry{claim(fmt.Sprint("p", i))}
		for v := range i % 7 {
			batch = append(batch, release(fmt.Sprint("p", i), fmt.Sprint(v)))
		}
		l.tx.Reads = 0
		l.append(batch...)
		if l.tx.Reads > 1 {
			t.Fatalf("a batch of %d read hashes %d times", len(batch), l.tx.Reads)
		}
	}
	var nodes []tlog.Hash
	read := tlog.HashReaderFunc(func(ids []int64) (out []tlog.Hash, _ error) {
		for _, i := range ids {
			out = append(out, nodes[i])
		}
		return out, nil
	})
	for i, leaf := range l.tx.Leaves {
		hs, err := tlog.StoredHashes(int64(i), leaf, read)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, hs...)
	}
	root, err := tlog.TreeHash(int64(len(l.tx.Leaves)), read)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(nodes, l.tx.Nodes) || l.head != (ledger.Head{Size: uint64(len(l.tx.Leaves)), Root: bonded.Digest(root)}) {
		t.Errorf("head is %v, the tree says %d %s", l.head, len(l.tx.Leaves), root)
	}
	if got, err := ledger.ReadHead(l.tx); err != nil || got != l.head {
		t.Errorf("ReadHead = %v, %v, want %v", got, err, l.head)
	}
}

// TestSeals checks every seal of a log: it covers all before it and states the
// map that a fold of all before it gives.
func TestSeals(t *testing.T) {
	l := newLog(t)
	l.fill(40, 1)
	packages, m, seals := map[bonded.Name]*bonded.Package{}, statemap.New(), 0
	for i, body := range l.tx.Leaves {
		e, err := bonded.ParseEntry(body)
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == bonded.Seal {
			seals++
			if e.Leaves != uint64(i) || e.Root != m.Root() || e.Bins != m.Bins() || e.Rules != bonded.RulesVersion {
				t.Fatalf("entry %d is the seal %+v, the map is %s in 2^%d bins", i, e, m.Root(), m.Bins())
			}
			continue
		}
		if e.Name.IsZero() {
			continue
		}
		p := packages[e.Name]
		if p == nil {
			p = &bonded.Package{Name: e.Name}
		}
		if p, err = p.Apply(uint64(i), e); err != nil {
			t.Fatal(err)
		}
		packages[e.Name] = p
		m = m.Set(p.Records(e))
	}
	if last, err := bonded.ParseEntry(l.tx.Leaves[len(l.tx.Leaves)-1]); err != nil || last.Type != bonded.Seal || seals < 20 {
		t.Errorf("the last leaf is %v, %v, after %d seals", last.Type, err, seals)
	}
}

func TestAppendRefuses(t *testing.T) {
	genesis := bonded.Entry{Type: bonded.Genesis, Time: when, Origin: origin}
	bad := claim("a")
	bad.Time = bad.Time.Add(time.Nanosecond)
	for _, c := range []struct {
		what    string
		begun   bool
		entries []bonded.Entry
		want    string
	}{
		{"nothing", true, nil, "no entries"},
		{"a log without genesis", false, []bonded.Entry{claim("a")}, "starts with its genesis"},
		{"genesis twice", false, []bonded.Entry{genesis, genesis}, "not the caller's"},
		{"genesis later", true, []bonded.Entry{genesis}, "starts with its genesis"},
		{"genesis within", true, []bonded.Entry{claim("a"), genesis}, "not the caller's"},
		{"a seal", true, []bonded.Entry{{Type: bonded.Seal, Leaves: 3, Root: bonded.DigestOf(nil), Rules: "p1"}}, "not the caller's"},
		{"an entry that cannot be written", true, []bonded.Entry{bad}, "Time"},
	} {
		l := &log{t: t, tx: &ledgertest.Memory{}, m: statemap.New(), packages: map[bonded.Name]*bonded.Package{}}
		if c.begun {
			l = newLog(t)
		}
		if _, _, err := ledger.Append(l.tx, l.m, c.entries, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want something about %q", c.what, err, c.want)
		}
	}
}

// TestEveryFailureIsReported makes the n-th call of the database fail, for every n.
func TestEveryFailureIsReported(t *testing.T) {
	boom := errors.New("disk on fire")
	run := func(fail func(string) error) error {
		l := newLog(t)
		l.tx.Fail = fail
		if _, _, err := ledger.Append(l.tx, l.m, []bonded.Entry{claim("a"), release("a", "1")}, nil); err != nil {
			return err
		}
		if _, err := ledger.ReadHead(l.tx); err != nil {
			return err
		}
		if err := ledger.CheckSeal(l.tx, l.m); err != nil {
			return err
		}
		return ledger.Export(t.Context(), func(context.Context, string, []byte) error { return nil }, l.tx, 0, 6)
	}
	calls := 0
	if err := run(func(string) error { calls++; return nil }); err != nil {
		t.Fatal(err)
	}
	if calls < 10 {
		t.Fatalf("only %d calls", calls)
	}
	for n := 1; n <= calls; n++ {
		i := 0
		err := run(func(string) error {
			if i++; i == n {
				return boom
			}
			return nil
		})
		if !errors.Is(err, boom) {
			t.Errorf("call %d failed and the answer was %v", n, err)
		}
	}
}

func TestCheckSeal(t *testing.T) {
	if err := ledger.CheckSeal(&ledgertest.Memory{}, statemap.New()); err != nil {
		t.Errorf("an empty log: %v", err)
	}
	l := newLog(t)
	l.fill(20, 2)
	if err := ledger.CheckSeal(l.tx, l.m); err != nil {
		t.Error(err)
	}
	other := l.m.Set([]bonded.Record{{Key: [16]byte{1}, Value: bonded.DigestOf(nil)}})
	if err := ledger.CheckSeal(l.tx, other); err == nil || !strings.Contains(err.Error(), "the seal states") {
		t.Errorf("another map: %v", err)
	}
	if err := ledger.CheckSeal(&ledgertest.Memory{Leaves: l.tx.Leaves[:len(l.tx.Leaves)-1]}, l.m); err == nil {
		t.Error("a log without its last seal was taken")
	}
}

func TestCheckpoint(t *testing.T) {
	l := newLog(t)
	signer, verifier := keys(t)
	msg, err := ledger.Checkpoint(origin, l.head, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, rest, _, err := fmtlog.ParseCheckpoint(msg, origin, verifier)
	if err != nil || len(rest) != 0 || c.Size != l.head.Size || !bytes.Equal(c.Hash, l.head.Root[:]) {
		t.Errorf("read back %+v, %q, %v", c, rest, err)
	}
	if got, err := logwire.OpenCheckpoint(msg, verifier); err != nil || got.Size != l.head.Size || got.Root != l.head.Root {
		t.Errorf("OpenCheckpoint = %+v, %v", got, err)
	}
	if _, err := ledger.Checkpoint("other.example", l.head, signer); err == nil {
		t.Error("signed for another log")
	}
}

// shelf collects what Export writes.
type shelf map[string][]byte

func (s shelf) put(_ context.Context, path string, b []byte) error {
	s[path] = bytes.Clone(b)
	return nil
}

// Height, ReadTiles and SaveTiles make a shelf a tlog.TileReader, which checks
// every tile against the tree's root: an implementation that is not ours.
func (s shelf) Height() int                     { return logwire.Height }
func (s shelf) SaveTiles([]tlog.Tile, [][]byte) {}
func (s shelf) ReadTiles(tiles []tlog.Tile) (out [][]byte, _ error) {
	for _, t := range tiles {
		b, ok := s[logwire.TilePath(t)]
		if !ok {
			return nil, fmt.Errorf("no tile %s", logwire.TilePath(t))
		}
		out = append(out, b)
	}
	return out, nil
}

func TestExport(t *testing.T) {
	l := newLog(t)
	at := shelf{} // grows checkpoint by checkpoint
	var from uint64
	var edge ledger.Edge
	boom := errors.New("disk on fire")
	grow := func() {
		t.Helper()
		// A shelf that fails at its n-th file leaves nothing wrong behind.
		for n := range 2 {
			i := 0
			err := edge.Export(t.Context(), func(ctx context.Context, path string, b []byte) error {
				if i++; i > n {
					return boom
				}
				return at.put(ctx, path, b)
			}, l.tx, from, l.head.Size)
			if err != nil && !errors.Is(err, boom) {
				t.Fatal(err)
			}
			if err == nil {
				t.Fatal("an export of nothing")
			}
		}
		if err := edge.Export(t.Context(), at.put, l.tx, from, l.head.Size); err != nil {
			t.Fatal(err)
		}
		for prefix := range ledger.Stale(from, l.head.Size) {
			maps.DeleteFunc(at, func(path string, _ []byte) bool { return strings.HasPrefix(path, prefix) })
		}
		from = l.head.Size
		l.checkShelf(t, at)
	}
	grow()
	for i := range 90 {
		l.append(claim(fmt.Sprint("p", i)), release(fmt.Sprint("p", i), "1"), release(fmt.Sprint("p", i), "2"))
		grow()
	}
	l.fill(2000, 3)
	grow()

	once := shelf{}
	if err := ledger.Export(t.Context(), once.put, l.tx, 0, l.head.Size); err != nil {
		t.Fatal(err)
	}
	l.checkShelf(t, once)
	for path, b := range once {
		if !bytes.Equal(at[path], b) {
			t.Errorf("%s differs between one export and many", path)
		}
	}
	again := maps.Clone(once)
	for _, from := range []uint64{0, 1, 255, 256, 257, l.head.Size - 1, l.head.Size} {
		if err := ledger.Export(t.Context(), again.put, l.tx, from, l.head.Size); err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(again, once, bytes.Equal) {
			t.Errorf("an export from %d changed what was there", from)
		}
	}
	if err := ledger.Export(t.Context(), once.put, l.tx, 9, 8); err == nil {
		t.Error("an export backwards was taken")
	}
}

// checkShelf reads the log back from the shelf alone.
func (l *log) checkShelf(t *testing.T, s shelf) {
	t.Helper()
	size := int64(l.head.Size)
	read := tlog.TileHashReader(tlog.Tree{N: size, Hash: tlog.Hash(l.head.Root)}, s)
	var ids []int64
	for i := range size {
		ids = append(ids, tlog.StoredHashIndex(0, i))
	}
	leaves, err := read.ReadHashes(ids)
	if err != nil {
		t.Fatalf("size %d: %v", size, err)
	}
	i := 0
	for _, tile := range tlog.NewTiles(logwire.Height, 0, size) {
		if tile.L != 0 {
			continue
		}
		for body, err := range logwire.Entries(s[logwire.TilePath(logwire.Bundle(tile))]) {
			if err != nil || tlog.RecordHash(body) != leaves[i] {
				t.Fatalf("size %d: entry %d of the bundles is not the leaf: %v", size, i, err)
			}
			i++
		}
	}
	if int64(i) != size {
		t.Fatalf("size %d: the bundles hold %d entries", size, i)
	}
}

// TestEdgeReadsLittle holds an export after a batch to the batch's own rows, and
// lets another node come between.
func TestEdgeReadsLittle(t *testing.T) {
	l := newLog(t)
	l.fill(100, 4)
	var edge ledger.Edge
	s := shelf{}
	from := uint64(0)
	for i := range 200 {
		l.tx.Rows = 0
		if err := edge.Export(t.Context(), s.put, l.tx, from, l.head.Size); err != nil {
			t.Fatal(err)
		}
		if fresh := int(l.head.Size - from); l.tx.Rows > 2*fresh+8 && i%50 != 0 {
			t.Errorf("%d rows were read for %d new entries", l.tx.Rows, fresh)
		}
		l.checkShelf(t, s)
		from = l.head.Size
		l.append(claim(fmt.Sprint("q", i)))
		if i%50 == 49 { // somebody else wrote these
			if err := ledger.Export(t.Context(), s.put, l.tx, from, l.head.Size); err != nil {
				t.Fatal(err)
			}
			from = l.head.Size
			l.append(claim(fmt.Sprint("r", i)))
		}
	}
}

func TestStale(t *testing.T) {
	var got []string
	for p := range ledger.Stale(500, 514) {
		got = append(got, p)
	}
	want := []string{"log/tile/0/001.p/", "log/tile/entries/001.p/"}
	if !slices.Equal(got, want) {
		t.Errorf("stale are %v, want %v", got, want)
	}
	for range ledger.Stale(0, 255) {
		t.Error("something is stale before a tile is full")
	}
}
