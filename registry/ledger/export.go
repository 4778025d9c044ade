package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev/internal/logwire"
)

// tilesAtOnce is how many tiles are read from the database in one query: a
// publish touches three or four, a full export many thousands.
const tilesAtOnce = 16

// Put stores a public file: path is "log/tile/0/000.p/7".
type Put = func(ctx context.Context, path string, b []byte) error

// Export writes the tiles and entry bundles that a reader of the log at size
// to needs and did not need at size from; from zero writes all. Doing it again
// changes nothing.
func Export(ctx context.Context, put Put, tx Tx, from, to uint64) error {
	return new(Edge).Export(ctx, put, tx, from, to)
}

// Edge is an Export with a memory: it keeps the partial tiles and the partial
// bundle that it wrote last, so that the next batch reads its own hashes and
// entries from the database and no older ones. The zero value remembers
// nothing. It is not safe for concurrent use.
type Edge struct {
	size   uint64
	rows   map[int][]byte // partial tiles at size, by level
	bundle []byte         // the partial bundle at size
	bodies int            // how many entries are in it
}

// Export is like the function Export. A memory of another size than from is
// not used; after an error the memory is what it was.
func (e *Edge) Export(ctx context.Context, put Put, tx Tx, from, to uint64) error {
	if from > to {
		return fmt.Errorf("export log: from %d to %d", from, to)
	}
	next := &Edge{size: from, rows: map[int][]byte{}}
	if e.size == from {
		maps.Copy(next.rows, e.rows)
		next.bundle, next.bodies = e.bundle, e.bodies
	}
	tiles := tlog.NewTiles(logwire.Height, int64(from), int64(to))
	for len(tiles) > 0 {
		n := min(len(tiles), tilesAtOnce)
		if err := next.export(ctx, put, tx, tiles[:n]); err != nil {
			return fmt.Errorf("export log: %w", err)
		}
		tiles = tiles[n:]
	}
	next.size = to
	*e = *next
	return nil
}

// export writes tiles, which come in the order of tlog.NewTiles, and for those
// of leaf hashes their bundles.
func (e *Edge) export(ctx context.Context, put Put, tx Tx, tiles []tlog.Tile) error {
	var ids []int64
	for _, t := range tiles {
		for i := e.known(t); i < int64(t.W); i++ {
			ids = append(ids, tlog.StoredHashIndex(t.H*t.L, t.N<<logwire.Height+i))
		}
	}
	hashes, err := readHashes(tx, ids)
	if err != nil {
		return err
	}
	for _, t := range tiles {
		known := e.known(t)
		data := slices.Clone(e.rows[t.L][:known*tlog.HashSize])
		for ; known < int64(t.W); known++ {
			data = append(data, hashes[0][:]...)
			hashes = hashes[1:]
		}
		if t.L == 0 {
			if err := e.exportBundle(ctx, put, tx, t); err != nil {
				return err
			}
		}
		if err := put(ctx, logwire.TilePath(t), data); err != nil {
			return err
		}
		if delete(e.rows, t.L); t.W < logwire.TileWidth {
			e.rows[t.L] = data
		}
	}
	return nil
}

// known is how many hashes of a tile are in the memory: all those that were at
// its place at the size remembered, or none. Of tiles between there and here
// only the first of a level can have any.
func (e *Edge) known(t tlog.Tile) int64 {
	at := int64(e.size) >> (t.H * t.L)
	n := at & (logwire.TileWidth - 1)
	if t.N != at>>logwire.Height || int64(len(e.rows[t.L])) != n*tlog.HashSize {
		return 0
	}
	return n
}

// exportBundle writes the bundle that belongs to a tile of leaf hashes.
func (e *Edge) exportBundle(ctx context.Context, put Put, tx Tx, t tlog.Tile) error {
	path := logwire.TilePath(logwire.Bundle(t))
	var bundle []byte
	n := int(e.size & (logwire.TileWidth - 1))
	if t.N == int64(e.size)>>logwire.Height && e.bodies == n {
		bundle = slices.Clone(e.bundle)
	} else {
		n = 0
	}
	first := uint64(t.N) << logwire.Height
	for body, err := range tx.Bodies(first+uint64(n), first+uint64(t.W)) {
		if err != nil {
			return fmt.Errorf("entries of %s: %w", path, err)
		}
		bundle = logwire.AppendEntry(bundle, body)
		n++
	}
	if n != t.W {
		return errors.New("entries of " + path + ": some are missing")
	}
	if err := put(ctx, path, bundle); err != nil {
		return err
	}
	if e.bundle, e.bodies = nil, 0; t.W < logwire.TileWidth {
		e.bundle, e.bodies = bundle, n
	}
	return nil
}

// Stale yields the prefixes of partial tiles and bundles that nobody needs any
// more because the full one was exported between from and to: whoever asks for
// a partial one reads the full one instead (C2SP tlog-tiles). The caller
// deletes what it finds under them, after the checkpoint is out.
func Stale(from, to uint64) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, t := range tlog.NewTiles(logwire.Height, int64(from), int64(to)) {
			if t.W != logwire.TileWidth {
				continue
			}
			if !yield(logwire.PartialPrefix(t)) || t.L == 0 && !yield(logwire.PartialPrefix(logwire.Bundle(t))) {
				return
			}
		}
	}
}
