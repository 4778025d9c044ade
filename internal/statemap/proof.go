package statemap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
)

// maxBins keeps the number of bins inside what tlog can count.
const maxBins = 62

// Proof shows what the map holds for a key, which may be nothing.
type Proof struct {
	Bin  []byte           `json:"bin"`  // the whole bin that the key belongs to
	Path tlog.RecordProof `json:"path"` // inclusion of the bin in the tree of bins
}

// Prove returns the proof for a key, present or not.
func (m *Map) Prove(key [16]byte) Proof {
	var path tlog.RecordProof // from the top; turned round at the end
	n, depth := m.root, 0
	for ; n.left != nil; depth++ {
		right := bit(key, depth)
		path = append(path, n.child(!right).hash)
		n = n.child(right)
	}
	records := n.page
	for ; depth < m.tree.bins; depth++ {
		mid := split(records, depth)
		mine, other := records[:mid], records[mid:]
		if bit(key, depth) {
			mine, other = other, mine
		}
		path = append(path, m.tree.hash(other, depth+1))
		records = mine
	}
	for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
		path[i], path[j] = path[j], path[i]
	}
	return Proof{content(records), path}
}

// Check returns the value that the map with the given root and 2^bins bins
// holds for key; present is false when it holds none. An error means that the
// proof shows nothing at all and must never be read as absence.
func (p Proof) Check(root bonded.Digest, bins int, key [16]byte) (value bonded.Digest, present bool, err error) {
	if bins < 0 || bins > maxBins {
		return value, false, fmt.Errorf("map proof: 2^%d bins", bins)
	}
	index := binIndex(key, bins)
	if err := tlog.CheckRecord(p.Path, 1<<bins, tlog.Hash(root), index, tlog.RecordHash(p.Bin)); err != nil {
		return value, false, fmt.Errorf("map proof: bin %d is not under the root: %w", index, err)
	}
	if len(p.Bin)%RecordSize != 0 {
		return value, false, errors.New("map proof: the bin is not made of whole records")
	}
	var last []byte
	for b := p.Bin; len(b) > 0; b = b[RecordSize:] {
		k := b[:16]
		if binIndex([16]byte(k), bins) != index || last != nil && bytes.Compare(last, k) >= 0 {
			return value, false, errors.New("map proof: the bin holds a record out of place")
		}
		if last = k; [16]byte(k) == key {
			value, present = bonded.Digest(b[16:RecordSize]), true
		}
	}
	return value, present, nil
}

// binIndex is the number of the bin that a key belongs to.
func binIndex(key [16]byte, bins int) int64 {
	return int64(binary.BigEndian.Uint64(key[:8]) >> 1 >> (63 - bins))
}
