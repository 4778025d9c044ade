// Package statemap keeps the state map: a Merkle map from record keys to
// digests whose root every seal entry of the log states, so that the current
// state of a name, and the absence of one, can be proven against a checkpoint.
//
// A key is 16 bytes, a record is the key and its 32-byte value. The first k
// bits of a key, read as a big-endian number, are the bin it belongs to. There
// are 2^k bins and a bin is the plain concatenation of its records in ascending
// order of key, 48 bytes each, nothing for an empty bin. The bins are the leaves
// of an ordinary RFC 6962 tree of the constant size 2^k, so a proof about a key is
// the bin and an inclusion proof that tlog.CheckRecord checks; a key that is
// not in its bin is not in the map. k is the smallest number with 2^k at least
// the number of records. When k grows, every bin splits in two and the whole
// tree is hashed again; between two growths a change costs one path.
//
// A [Map] never changes. Set returns a new one that shares whatever did not
// change, so that a transaction that fails is undone by forgetting its map, and
// a proof for the published checkpoint is made from the map that belongs to it
// while the next one is being built.
//
// Below a certain depth the tree is not kept: a page holds the sorted records
// of 2^pageBits bins and the hash above them, which is computed from the
// records whenever one changes. A million records take about 65 MB.
package statemap

import (
	"bytes"
	"iter"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
)

// RecordSize is the size of a record inside a bin, bytes: key, then value.
const RecordSize = 16 + 32

// pageBits says how many levels of the tree are computed instead of stored. A
// page of 2^4 bins costs 31 hashes to change and keeps the tree at a tenth of
// the size of the records.
const pageBits = 4

// Map is the state map at one size of the log.
type Map struct {
	tree tree
	n    int
	root *node
}

// tree is what all nodes of one map agree on.
type tree struct {
	bins  int       // k
	empty tlog.Hash // of an empty bin
}

// node is an inner node, with left and right, or a page.
type node struct {
	hash        tlog.Hash
	left, right *node
	page        []bonded.Record
}

// New returns the map without records: one empty bin.
func New() *Map { return build(nil) }

// Load returns the map of the given records, which may come in any order; of
// two records with the same key the later one counts. The first error of the
// iterator ends it.
func Load(records iter.Seq2[bonded.Record, error]) (*Map, error) {
	var all []bonded.Record
	for r, err := range records {
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return build(normal(all)), nil
}

// Set returns the map with the given records added or replaced; of two records
// with the same key the later one counts. m stays as it is.
func (m *Map) Set(records []bonded.Record) *Map {
	if len(records) == 0 {
		return m
	}
	root, added := m.tree.merge(m.root, normal(slices.Clone(records)), 0)
	next := &Map{m.tree, m.n + added, root}
	if binsFor(next.n) == m.tree.bins {
		return next
	}
	all := make([]bonded.Record, 0, next.n)
	for r := range next.Records() {
		all = append(all, r)
	}
	return build(all)
}

// Root is the root hash of the tree of bins, as a seal states it.
func (m *Map) Root() bonded.Digest { return bonded.Digest(m.root.hash) }

// Bins is k: the map has 2^k bins.
func (m *Map) Bins() int { return m.tree.bins }

// Len is the number of records.
func (m *Map) Len() int { return m.n }

// Get returns the value of a key.
func (m *Map) Get(key [16]byte) (value bonded.Digest, ok bool) {
	n := m.root
	for depth := 0; n.left != nil; depth++ {
		n = n.child(bit(key, depth))
	}
	at, ok := find(n.page, key)
	if !ok {
		return bonded.Digest{}, false
	}
	return n.page[at].Value, true
}

// Records walks over all records in ascending order of key.
func (m *Map) Records() iter.Seq[bonded.Record] {
	return func(yield func(bonded.Record) bool) { m.root.walk(yield) }
}

func (n *node) walk(yield func(bonded.Record) bool) bool {
	if n.left != nil {
		return n.left.walk(yield) && n.right.walk(yield)
	}
	for _, r := range n.page {
		if !yield(r) {
			return false
		}
	}
	return true
}

func (n *node) child(right bool) *node {
	if right {
		return n.right
	}
	return n.left
}

// binsFor is the exponent of the number of bins for n records.
func binsFor(n int) int {
	if n < 2 {
		return 0
	}
	return bits.Len(uint(n - 1))
}

// normal sorts records by key and keeps the last of each key. It reuses the
// slice. A database yields them in order, and then there is nothing to do.
func normal(records []bonded.Record) []bonded.Record {
	byKey := func(a, b bonded.Record) int { return bytes.Compare(a.Key[:], b.Key[:]) }
	if !slices.IsSortedFunc(records, byKey) {
		slices.SortStableFunc(records, byKey)
	}
	kept := records[:0]
	for i, r := range records {
		if i+1 < len(records) && records[i+1].Key == r.Key {
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// build hashes the whole tree over sorted records.
func build(sorted []bonded.Record) *Map {
	t := tree{binsFor(len(sorted)), tlog.RecordHash(nil)}
	return &Map{t, len(sorted), t.build(sorted, 0)}
}

func (t tree) build(sorted []bonded.Record, depth int) *node {
	if t.isPage(depth) {
		return t.page(slices.Clone(sorted), depth)
	}
	mid := split(sorted, depth)
	return inner(t.build(sorted[:mid], depth+1), t.build(sorted[mid:], depth+1))
}

// merge returns the node at depth with the sorted changes in it, and how many
// of them were new keys.
func (t tree) merge(n *node, changes []bonded.Record, depth int) (*node, int) {
	if len(changes) == 0 {
		return n, 0
	}
	if t.isPage(depth) {
		records := make([]bonded.Record, 0, len(n.page)+len(changes))
		records = append(append(records, n.page...), changes...)
		records = slices.Clip(normal(records))
		return t.page(records, depth), len(records) - len(n.page)
	}
	mid := split(changes, depth)
	left, newLeft := t.merge(n.left, changes[:mid], depth+1)
	right, newRight := t.merge(n.right, changes[mid:], depth+1)
	return inner(left, right), newLeft + newRight
}

func inner(left, right *node) *node {
	return &node{hash: tlog.NodeHash(left.hash, right.hash), left: left, right: right}
}

func (t tree) isPage(depth int) bool { return t.bins-depth <= pageBits }

func (t tree) page(records []bonded.Record, depth int) *node {
	return &node{hash: t.hash(records, depth), page: records}
}

// hash computes the hash of a subtree from its records alone.
func (t tree) hash(sorted []bonded.Record, depth int) tlog.Hash {
	if depth == t.bins {
		return t.bin(sorted)
	}
	mid := split(sorted, depth)
	return tlog.NodeHash(t.hash(sorted[:mid], depth+1), t.hash(sorted[mid:], depth+1))
}

// bin is the leaf hash of one bin.
func (t tree) bin(sorted []bonded.Record) tlog.Hash {
	if len(sorted) == 0 {
		return t.empty
	}
	return tlog.RecordHash(content(sorted))
}

// content is what a bin consists of.
func content(sorted []bonded.Record) []byte {
	b := make([]byte, 0, len(sorted)*RecordSize)
	for i := range sorted {
		b = append(append(b, sorted[i].Key[:]...), sorted[i].Value[:]...)
	}
	return b
}

// split returns where the records whose bit at depth is one begin.
func split(sorted []bonded.Record, depth int) int {
	lo, hi := 0, len(sorted)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if bit(sorted[mid].Key, depth) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

func bit(key [16]byte, i int) bool { return key[i/8]>>(7-i%8)&1 == 1 }

func find(sorted []bonded.Record, key [16]byte) (int, bool) {
	return slices.BinarySearchFunc(sorted, key, func(r bonded.Record, k [16]byte) int { return bytes.Compare(r.Key[:], k[:]) })
}
