package statemap_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"bonded.dev"
	"bonded.dev/internal/statemap"
)

func rec(i int) bonded.Record {
	name := fmt.Sprint("record ", i)
	return bonded.Record{Key: bonded.RecordKey(name), Value: bonded.DigestOf([]byte(name))}
}

func each(records []bonded.Record) iter.Seq2[bonded.Record, error] {
	return func(yield func(bonded.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// plain is the definition of the map written down directly: bins filled one by
// one from the bits of the keys, their tree grown by tlog's own append. It
// shares nothing with the package.
func plain(records map[[16]byte]bonded.Digest) (root bonded.Digest, bins int) {
	for 1<<bins < len(records) {
		bins++
	}
	content := make([][]byte, 1<<bins)
	for _, key := range slices.SortedFunc(maps.Keys(records), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }) {
		var text strings.Builder
		for _, b := range key {
			fmt.Fprintf(&text, "%08b", b)
		}
		at := 0
		for _, digit := range text.String()[:bins] {
			at = at*2 + int(digit-'0')
		}
		value := records[key]
		content[at] = append(append(content[at], key[:]...), value[:]...)
	}
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(ids []int64) (out []tlog.Hash, _ error) {
		for _, i := range ids {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for i, b := range content {
		hs, err := tlog.StoredHashes(int64(i), b, read)
		if err != nil {
			panic(err)
		}
		hashes = append(hashes, hs...)
	}
	h, err := tlog.TreeHash(int64(len(content)), read)
	if err != nil {
		panic(err)
	}
	return bonded.Digest(h), bins
}

func check(t interface{ Fatalf(string, ...any) }, m *statemap.Map, want map[[16]byte]bonded.Digest) {
	root, bins := plain(want)
	if m.Root() != root || m.Bins() != bins || m.Len() != len(want) {
		t.Fatalf("root %s in 2^%d bins of %d records, want %s in 2^%d of %d", m.Root(), m.Bins(), m.Len(), root, bins, len(want))
	}
	if got := maps.Collect(pairs(m)); !maps.Equal(got, want) {
		t.Fatalf("the map holds other records")
	}
}

func pairs(m *statemap.Map) iter.Seq2[[16]byte, bonded.Digest] {
	return func(yield func([16]byte, bonded.Digest) bool) {
		for r := range m.Records() {
			if !yield(r.Key, r.Value) {
				return
			}
		}
	}
}

// TestRandomBatches grows maps by random batches and compares each step with
// the definition, with a map loaded at once, and every older map with itself.
func TestRandomBatches(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m, want := statemap.New(), map[[16]byte]bonded.Digest{}
		// Keys that share long prefixes crowd one bin.
		crowded := rapid.Bool().Draw(r, "crowded")
		var older []*statemap.Map
		var roots []bonded.Digest
		for range rapid.IntRange(1, 8).Draw(r, "batches") {
			var batch []bonded.Record
			for range rapid.IntRange(0, 60).Draw(r, "length") {
				x := rec(rapid.IntRange(0, 400).Draw(r, "key"))
				if crowded {
					copy(x.Key[:], "the same start")
				}
				x.Value[0] = byte(rapid.IntRange(0, 3).Draw(r, "value"))
				batch = append(batch, x)
				want[x.Key] = x.Value
			}
			before := slices.Clone(batch)
			m = m.Set(batch)
			if !slices.Equal(batch, before) {
				r.Fatalf("Set changed its argument")
			}
			check(r, m, want)
			older, roots = append(older, m), append(roots, m.Root())
		}
		shuffled := slices.Collect(m.Records())
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
		loaded, err := statemap.Load(each(shuffled))
		if err != nil || loaded.Root() != m.Root() {
			r.Fatalf("loaded at once the root is %s, grown it is %s, %v", loaded.Root(), m.Root(), err)
		}
		for i, o := range older {
			again, err := statemap.Load(each(slices.Collect(o.Records())))
			if err != nil || o.Root() != roots[i] || again.Root() != roots[i] {
				r.Fatalf("map %d changed after it was returned", i)
			}
		}
	})
}

// TestProofs asks every map of 0 to 70 records for keys that are there and
// keys that are not.
func TestProofs(t *testing.T) {
	m := statemap.New()
	for n := range 70 {
		for i := range 2 * n {
			key := rec(i).Key
			value, present, err := m.Prove(key).Check(m.Root(), m.Bins(), key)
			if err != nil || present != (i < n) || present && value != rec(i).Value {
				t.Fatalf("record %d of %d: %s, %v, %v", i, n, value, present, err)
			}
			if got, ok := m.Get(key); ok != present || got != value {
				t.Fatalf("Get of record %d of %d: %s, %v", i, n, got, ok)
			}
		}
		m = m.Set([]bonded.Record{rec(n)})
	}
}

// TestProofsAreTight changes one thing in a good proof.
func TestProofsAreTight(t *testing.T) {
	m := statemap.New()
	for i := range 50 {
		m = m.Set([]bonded.Record{rec(i)})
	}
	key := rec(7).Key
	for what, do := range map[string]func(p *statemap.Proof, bins *int, key *[16]byte){
		"key in the bin":   func(p *statemap.Proof, _ *int, _ *[16]byte) { p.Bin[3] ^= 1 },
		"value in the bin": func(p *statemap.Proof, _ *int, _ *[16]byte) { p.Bin[40] ^= 1 },
		"no bin":           func(p *statemap.Proof, _ *int, _ *[16]byte) { p.Bin = nil },
		"longer bin":       func(p *statemap.Proof, _ *int, _ *[16]byte) { p.Bin = append(p.Bin, p.Bin...) },
		"path":             func(p *statemap.Proof, _ *int, _ *[16]byte) { p.Path[2][5] ^= 1 },
		"shorter path":     func(p *statemap.Proof, _ *int, _ *[16]byte) { p.Path = p.Path[1:] },
		"longer path":      func(p *statemap.Proof, _ *int, _ *[16]byte) { p.Path = append(p.Path, tlog.Hash{}) },
		"fewer bins":       func(_ *statemap.Proof, bins *int, _ *[16]byte) { *bins-- },
		"more bins":        func(_ *statemap.Proof, bins *int, _ *[16]byte) { *bins++ },
		"bins below zero":  func(_ *statemap.Proof, bins *int, _ *[16]byte) { *bins = -1 },
		"too many bins":    func(_ *statemap.Proof, bins *int, _ *[16]byte) { *bins = 63 },
		"key of elsewhere": func(_ *statemap.Proof, _ *int, key *[16]byte) { key[0] ^= 0x80 },
	} {
		p, bins, k := m.Prove(key), m.Bins(), key
		do(&p, &bins, &k)
		if _, _, err := p.Check(m.Root(), bins, k); err == nil {
			t.Errorf("%s changed and nobody noticed", what)
		}
	}
}

// TestMisshapenBins holds that a root over bins which no writer may make proves
// nothing: two readers must not find different values in them.
func TestMisshapenBins(t *testing.T) {
	a, b := rec(1), rec(2)
	if bytes.Compare(a.Key[:], b.Key[:]) > 0 {
		a, b = b, a
	}
	text := func(rs ...bonded.Record) (out []byte) {
		for _, r := range rs {
			out = append(append(out, r.Key[:]...), r.Value[:]...)
		}
		return out
	}
	twice := a
	twice.Value[0]++
	for what, bin := range map[string][]byte{
		"out of order":  text(b, a),
		"a key twice":   text(a, twice),
		"a torn record": text(a)[:47],
	} {
		p := statemap.Proof{Bin: bin, Path: tlog.RecordProof{}}
		if _, _, err := p.Check(bonded.Digest(tlog.RecordHash(bin)), 0, a.Key); err == nil {
			t.Errorf("a bin with %s was taken", what)
		}
	}
	// In a tree of two bins, a record in the wrong one.
	wrong := text(a)
	other := tlog.RecordHash(nil)
	left, right := tlog.RecordHash(wrong), other
	key := a.Key
	if key[0]&0x80 == 0 {
		left, right = other, left
	}
	key[0] ^= 0x80
	p := statemap.Proof{Bin: wrong, Path: tlog.RecordProof{other}}
	if _, _, err := p.Check(bonded.Digest(tlog.NodeHash(left, right)), 1, key); err == nil || !strings.Contains(err.Error(), "out of place") {
		t.Errorf("a record in the wrong bin: %v", err)
	}
}

// FuzzProof feeds arbitrary bins and paths: no panic, and nothing but the real
// proof is taken.
func FuzzProof(f *testing.F) {
	m := statemap.New()
	for i := range 9 {
		m = m.Set([]bonded.Record{rec(i)})
	}
	key := rec(3).Key
	flat := func(p statemap.Proof) (out []byte) {
		for _, h := range p.Path {
			out = append(out, h[:]...)
		}
		return out
	}
	f.Add(m.Prove(key).Bin, flat(m.Prove(key)), 4)
	f.Add([]byte{}, []byte{}, 0)
	f.Fuzz(func(t *testing.T, bin, path []byte, bins int) {
		p := statemap.Proof{Bin: bin, Path: tlog.RecordProof{}}
		for ; len(path) >= tlog.HashSize; path = path[tlog.HashSize:] {
			p.Path = append(p.Path, tlog.Hash(path[:tlog.HashSize]))
		}
		value, present, err := p.Check(m.Root(), bins, key)
		if err == nil && (!present || value != rec(3).Value) {
			t.Fatalf("a false proof was taken: %x %x %d", bin, p.Path, bins)
		}
	})
}

func TestLoadStopsAtAnError(t *testing.T) {
	boom := errors.New("disk on fire")
	_, err := statemap.Load(func(yield func(bonded.Record, error) bool) {
		if yield(rec(1), nil) {
			yield(bonded.Record{}, boom)
		}
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

// TestVectors holds roots that a second implementation can compute: the map of
// the records "record 0" to "record n-1", each with the SHA-256 of its name as
// value.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "roots"))
	if err != nil {
		t.Fatal(err)
	}
	m, n, lines := statemap.New(), 0, 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var count, bins int
		var root string
		if _, err := fmt.Sscan(line, &count, &bins, &root); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for ; n < count; n++ {
			m = m.Set([]bonded.Record{rec(n)})
		}
		if m.Root().String() != root || m.Bins() != bins {
			t.Errorf("%d records: %s in 2^%d bins, the vector says %s in 2^%d", count, m.Root(), m.Bins(), root, bins)
		}
		lines++
	}
	if lines < 8 {
		t.Errorf("%d vectors", lines)
	}
}

// TestMemory holds the promise of the package comment: a million records take
// less than 100 MB, which leaves a node room for everything else.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a million records; run without -short")
	}
	var before, after runtime.MemStats
	records := many(1_000_000)
	runtime.GC()
	runtime.ReadMemStats(&before)
	m, err := statemap.Load(each(records))
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if mb := float64(after.HeapAlloc-before.HeapAlloc) / 1e6; mb > 100 {
		t.Errorf("a million records take %.0f MB", mb)
	} else {
		t.Logf("%.0f MB", mb)
	}
	runtime.KeepAlive(m)
	runtime.KeepAlive(records)
}

func many(n int) []bonded.Record {
	out := make([]bonded.Record, n)
	r := rand.NewChaCha8([32]byte{})
	for i := range out {
		binary.BigEndian.PutUint64(out[i].Key[:], r.Uint64())
		binary.BigEndian.PutUint64(out[i].Value[:], uint64(i))
	}
	slices.SortFunc(out, func(a, b bonded.Record) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return out
}

func BenchmarkLoad300k(b *testing.B) {
	records := many(300_000)
	for b.Loop() {
		if _, err := statemap.Load(each(records)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSet is one publish: a package's record and a new file's.
func BenchmarkSet(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			records := many(n)
			m, err := statemap.Load(each(records))
			if err != nil {
				b.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			for b.Loop() {
				old := records[r.IntN(n)]
				m.Set([]bonded.Record{old, {Key: [16]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}}})
			}
		})
	}
}

func BenchmarkProve(b *testing.B) {
	records := many(1_000_000)
	m, err := statemap.Load(each(records))
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		m.Prove(records[i%len(records)].Key)
		i += 7919
	}
}
