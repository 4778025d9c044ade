package recompute

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev/internal/logwire"
)

// tower is a tree built from its leaves, keeping of each full tile only the
// hash above it: a million leaves take 130 kB. All hashing is tlog's.
type tower struct {
	size int64
	// rows[l] are the hashes at level 8l of the tree: of leaves the last,
	// partial tile only, above them all.
	rows [][]tlog.Hash
}

func (t *tower) add(leaf tlog.Hash) {
	t.size++
	for l := 0; ; l++ {
		if l == len(t.rows) {
			t.rows = append(t.rows, nil)
		}
		t.rows[l] = append(t.rows[l], leaf)
		if len(t.rows[l])%logwire.TileWidth != 0 {
			return
		}
		leaf = above(t.rows[l][len(t.rows[l])-logwire.TileWidth:])
		if l == 0 {
			t.rows[0] = t.rows[0][:0]
		}
	}
}

// above is the hash over a full tile.
func above(tile []tlog.Hash) tlog.Hash {
	row := append([]tlog.Hash(nil), tile...)
	for n := len(row); n > 1; n /= 2 {
		for i := range n / 2 {
			row[i] = tlog.NodeHash(row[2*i], row[2*i+1])
		}
	}
	return row[0]
}

// root is the root of the tree.
func (t *tower) root() (tlog.Hash, error) { return tlog.TreeHash(t.size, t) }

// tile returns the bytes of a tile above the leaves, or of the partial tile of
// leaves.
func (t *tower) tile(at tlog.Tile) ([]byte, error) {
	first := at.N << logwire.Height
	if at.L == 0 {
		first -= t.size &^ (logwire.TileWidth - 1)
	}
	if at.L >= len(t.rows) || first < 0 || first+int64(at.W) > int64(len(t.rows[at.L])) {
		return nil, fmt.Errorf("tile %s is not kept", at.Path())
	}
	b := make([]byte, 0, at.W*tlog.HashSize)
	for _, h := range t.rows[at.L][first : first+int64(at.W)] {
		b = append(b, h[:]...)
	}
	return b, nil
}

// ReadHashes is a tlog.HashReader for what TreeHash asks.
func (t *tower) ReadHashes(ids []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ids))
	for i, id := range ids {
		at := tlog.TileForIndex(logwire.Height, id)
		data, err := t.tile(at)
		if err != nil {
			return nil, err
		}
		if out[i], err = tlog.HashFromTile(at, data, id); err != nil {
			return nil, err
		}
	}
	return out, nil
}
