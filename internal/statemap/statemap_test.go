package statemap

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
)

func rec(i int) bonded.Record {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(i))
	sum := sha256.Sum256(b[:])
	return bonded.Record{Key: [16]byte(sum[:16]), Value: sha256.Sum256(sum[:])}
}

func seq(n int) iter.Seq2[bonded.Record, error] {
	return func(yield func(bonded.Record, error) bool) {
		for i := range n {
			if !yield(rec(i), nil) {
				return
			}
		}
	}
}

func TestSmoke(t *testing.T) {
	m := New()
	for i := range 300 {
		m = m.Set([]bonded.Record{rec(i)})
		l, _ := Load(seq(i + 1))
		if m.Root() != l.Root() || m.Root() != slow(l) {
			t.Fatal(i)
		}
		for j := range 2 * i {
			v, ok, err := m.Prove(rec(j).Key).Check(m.Root(), m.Bins(), rec(j).Key)
			if err != nil || ok != (j <= i) || ok && v != rec(j).Value {
				t.Fatal(i, j, ok, err)
			}
		}
	}
}

// slow is the definition, with the tree hashed by tlog's own append.
func slow(m *Map) bonded.Digest {
	bins := make([][]bonded.Record, 1<<m.Bins())
	for r := range m.Records() {
		at := uint64(0)
		for i := range m.Bins() {
			at = at<<1 | uint64(r.Key[i/8]>>(7-i%8)&1)
		}
		bins[at] = append(bins[at], r)
	}
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(ix []int64) (out []tlog.Hash, _ error) {
		for _, i := range ix {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for i, b := range bins {
		slices.SortFunc(b, func(x, y bonded.Record) int { return bytes.Compare(x.Key[:], y.Key[:]) })
		var text []byte
		for _, r := range b {
			text = append(append(text, r.Key[:]...), r.Value[:]...)
		}
		hs, _ := tlog.StoredHashes(int64(i), text, read)
		hashes = append(hashes, hs...)
	}
	h, _ := tlog.TreeHash(int64(len(bins)), read)
	return bonded.Digest(h)
}

func BenchmarkLoad300k(b *testing.B) {
	all := slices.Collect(func(y func(bonded.Record) bool) {
		for r := range seq(300_000) {
			if !y(r) {
				return
			}
		}
	})
	b.ResetTimer()
	for range b.N {
		Load(func(y func(bonded.Record, error) bool) {
			for _, r := range all {
				y(r, nil)
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	m, _ := Load(seq(1_000_000))
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	b.ReportMetric(float64(s.HeapAlloc)/1e6, "MB")
	r := rand.New(rand.NewPCG(1, 2))
	b.ResetTimer()
	for range b.N {
		m = m.Set([]bonded.Record{rec(r.IntN(1_000_000)), rec(r.IntN(1_000_000))})
	}
}
