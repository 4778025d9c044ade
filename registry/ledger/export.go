package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev/internal/logwire"
)

// tilesAtOnce is how many tiles are read from the database in one query: a
// publish touches three or four, a full export many thousands.
const tilesAtOnce = 16

// Export writes the tiles and entry bundles that a reader of the log at size
// to needs and did not need at size from; from zero writes all. put gets the
// public path, "log/tile/0/000.p/7", and the bytes. Doing it again changes nothing.
func Export(ctx context.Context, put func(ctx context.Context, path string, b []byte) error, tx Tx, from, to uint64) error {
	if from > to {
		return fmt.Errorf("export log: from %d to %d", from, to)
	}
	tiles := tlog.NewTiles(logwire.Height, int64(from), int64(to))
	for len(tiles) > 0 {
		n := min(len(tiles), tilesAtOnce)
		if err := exportTiles(ctx, put, tx, tiles[:n]); err != nil {
			return fmt.Errorf("export log: %w", err)
		}
		tiles = tiles[n:]
	}
	return nil
}

// exportTiles writes tiles and, for those of leaf hashes, their bundles.
func exportTiles(ctx context.Context, put func(context.Context, string, []byte) error, tx Tx, tiles []tlog.Tile) error {
	var ids []int64
	for _, t := range tiles {
		for i := range int64(t.W) {
			ids = append(ids, tlog.StoredHashIndex(t.H*t.L, t.N<<logwire.Height+i))
		}
	}
	hashes, err := readHashes(tx, ids)
	if err != nil {
		return err
	}
	for _, t := range tiles {
		data := make([]byte, 0, t.W*tlog.HashSize)
		for _, h := range hashes[:t.W] {
			data = append(data, h[:]...)
		}
		hashes = hashes[t.W:]
		if t.L == 0 {
			bundle, err := readBundle(tx, t)
			if err != nil {
				return err
			}
			if err := put(ctx, logwire.TilePath(logwire.Bundle(t)), bundle); err != nil {
				return err
			}
		}
		if err := put(ctx, logwire.TilePath(t), data); err != nil {
			return err
		}
	}
	return nil
}

func readBundle(tx Tx, t tlog.Tile) ([]byte, error) {
	var bundle []byte
	first, n := uint64(t.N)<<logwire.Height, 0
	for body, err := range tx.Bodies(first, first+uint64(t.W)) {
		if err != nil {
			return nil, fmt.Errorf("entries of %s: %w", logwire.TilePath(logwire.Bundle(t)), err)
		}
		bundle = logwire.AppendEntry(bundle, body)
		n++
	}
	if n != t.W {
		return nil, errors.New("entries of " + logwire.TilePath(logwire.Bundle(t)) + ": some are missing")
	}
	return bundle, nil
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
