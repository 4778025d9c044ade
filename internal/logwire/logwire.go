// Package logwire is what a log looks like from outside: the paths of its
// tiles, the encoding of entry bundles, the checkpoint, and the answers of
// "prove". Writers and readers share it, so that they cannot drift apart; it
// opens nothing.
//
// The formats are C2SP tlog-tiles (tiles of height 8; "tile/<L>/<N>[.p/<W>]",
// "tile/entries/<N>[.p/<W>]") and C2SP tlog-checkpoint (a signed note). They
// differ from the tiles of golang.org/x/mod/sumdb/tlog only in that the height
// is not in the path and that bundles carry length prefixes.
//
//	log/checkpoint                 newest signed checkpoint
//	log/key                        the log's verifier key, for whoever trusts on first use
//	log/tile/0/000                 full tile: hashes of leaves 0..255
//	log/tile/0/001.p/7             partial tile: hashes of leaves 256..262
//	log/tile/1/000.p/1             hash over leaves 0..255
//	log/tile/entries/000           bundle: entries 0..255
//	log/tile/entries/001.p/7       bundle: entries 256..262
//	log/doc/<hex sha256>           a document that an entry refers to
//	log/prove                      answers about single records, see Answer
package logwire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
)

// Paths below the public URL, without the leading slash.
const (
	CheckpointPath = "log/checkpoint"
	KeyPath        = "log/key"
	ProvePath      = "log/prove"
	docPrefix      = "log/doc/"
	tilePrefix     = "log/tile/"
)

// Height is the height of tiles; TileWidth is how many hashes or entries a full
// tile or bundle holds (C2SP tlog-tiles).
const (
	Height    = 8
	TileWidth = 1 << Height
)

// DocPath is where the document with this digest is found.
func DocPath(d bonded.Digest) string { return docPrefix + d.Hex() }

// TilePath is where a tile of height 8 is found; level -1 is the entry bundle.
func TilePath(t tlog.Tile) string {
	p := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", t.H))
	if rest, ok := strings.CutPrefix(p, "data/"); ok {
		p = "entries/" + rest
	}
	return tilePrefix + p
}

// PartialPrefix is the common prefix of all partial versions of a tile or bundle.
func PartialPrefix(t tlog.Tile) string {
	t.W = TileWidth
	return TilePath(t) + ".p/"
}

// Bundle returns the coordinates of the entry bundle that belongs to a tile of
// leaf hashes.
func Bundle(t tlog.Tile) tlog.Tile {
	t.L = -1
	return t
}

// Tiles returns every tile of hashes that a reader of a tree of the given size
// may ask for, lowest level first, partial ones at their width for that size.
func Tiles(size uint64) []tlog.Tile { return tlog.NewTiles(Height, 0, int64(size)) }

// AppendEntry adds one entry to a bundle: its length as a big-endian 16-bit
// number, then its bytes.
func AppendEntry(bundle, entry []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
	return append(bundle, entry...)
}

// Entries walks over the entries of a bundle. A bundle that ends within an
// entry yields an error last.
func Entries(bundle []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for len(bundle) > 0 {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				yield(nil, errors.New("bundle: ends within an entry"))
				return
			}
			n := int(binary.BigEndian.Uint16(bundle))
			if !yield(bundle[2:2+n], nil) {
				return
			}
			bundle = bundle[2+n:]
		}
	}
}
