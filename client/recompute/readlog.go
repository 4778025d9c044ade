package recompute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/internal/logwire"
)

// Bounds of what is fetched, bytes.
const (
	maxTile   = logwire.TileWidth * tlog.HashSize
	maxBundle = logwire.TileWidth * (2 + bonded.MaxEntry)
)

// fetched is one tile of leaves with its bundle.
type fetched struct {
	at           tlog.Tile
	tile, bundle []byte
	tileErr, err error
}

// readLog reads the log from where it was read to up to a checkpoint. What was
// read before must still be there: an edge that changed shows as entries that
// are not the leaves they were.
func (r *run) readLog(ctx context.Context, to logwire.Checkpoint) error {
	h := r.log
	if to.Size < h.size || to.Size == h.size && h.size > 0 && to.Root != h.root {
		r.add("", Finding{Kind: "checkpoint", Place: logwire.CheckpointPath,
			Problem: fmt.Sprintf("is for %d entries with the root %s, after one for %d with the root %s", to.Size, to.Root, h.size, h.root)})
		return errBroken
	}
	if to.Size == h.size {
		return nil
	}
	var tiles, upper []tlog.Tile
	for _, t := range tlog.NewTiles(logwire.Height, int64(h.size), int64(to.Size)) {
		if t.L == 0 {
			tiles = append(tiles, t)
		} else {
			upper = append(upper, t)
		}
	}
	l := &reading{run: r, to: to, tiles: map[string][]byte{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := 0
	for next := range r.inOrder(ctx, tiles) {
		f := <-next
		if err := l.take(f); err != nil {
			return err
		}
		done++
		r.opts.Progress("log", done, len(tiles))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.fetchUpper(ctx, upper); err != nil {
		return err
	}
	if err := l.judge(upper); err != nil {
		return err
	}
	return l.olderEdges(ctx)
}

// inOrder fetches tiles and bundles a few at a time and hands them over in the
// order of the log.
func (r *run) inOrder(ctx context.Context, tiles []tlog.Tile) <-chan chan fetched {
	out := make(chan chan fetched, r.opts.Workers)
	go func() {
		defer close(out)
		for _, t := range tiles {
			slot := make(chan fetched, 1)
			select {
			case out <- slot:
			case <-ctx.Done():
				return
			}
			go func() {
				f := fetched{at: t}
				f.tile, f.tileErr = r.tile(ctx, t, maxTile)
				f.bundle, f.err = r.tile(ctx, logwire.Bundle(t), maxBundle)
				slot <- f
			}()
		}
	}()
	return out
}

// tile fetches a tile or bundle. A partial one that is gone may have become
// full in the meantime (C2SP tlog-tiles): then its start is taken from that.
func (r *run) tile(ctx context.Context, t tlog.Tile, limit int64) ([]byte, error) {
	b, err := r.web.get(ctx, logwire.TilePath(t), limit)
	if !errors.Is(err, errAbsent) || t.W == logwire.TileWidth {
		return b, err
	}
	full := t
	full.W = logwire.TileWidth
	b, fullErr := r.web.get(ctx, logwire.TilePath(full), limit)
	if fullErr != nil {
		return nil, err
	}
	if t.L >= 0 {
		return b[:min(len(b), t.W*tlog.HashSize)], nil
	}
	var part []byte
	n := 0
	for body, err := range logwire.Entries(b) {
		if n++; err != nil || n > t.W {
			break
		}
		part = logwire.AppendEntry(part, body)
	}
	return part, nil
}

// difference is an entry that is not the leaf its tile holds. Which of the two
// is wrong is known at the end.
type difference struct {
	entry        int64
	tile, bundle string
	at           int // byte of the tile
}

func (d difference) asEntry() Finding {
	return Finding{Kind: "entry", Place: fmt.Sprint(d.entry), Problem: "its bytes in " + d.bundle + " are not the leaf that " + d.tile + " holds"}
}

func (d difference) asTile() Finding {
	return Finding{Kind: "tile", Place: d.tile, Problem: fmt.Sprintf("differs at byte %d, in the hash of entry %d", d.at, d.entry)}
}

// reading is one pass over new tiles.
type reading struct {
	run      *run
	to       logwire.Checkpoint
	tiles    map[string][]byte // those above the leaves, as served
	edge     []byte            // the last bundle
	differ   []difference
	findings []Finding
	folded   []Finding // what the fold had against entries and seals
	stopped  bool      // an entry could not be folded, or a bundle not read
}

func (l *reading) found(kind, place, problem string) {
	l.findings = append(l.findings, Finding{Kind: kind, Place: place, Problem: problem})
}

// take adds one tile of leaves and its bundle to both trees and folds the entries.
func (l *reading) take(f fetched) error {
	h := l.run.log
	place := logwire.TilePath(f.at)
	if err := l.readable("tile", place, f.tileErr); err != nil {
		return err
	}
	if err := l.readable("bundle", logwire.TilePath(logwire.Bundle(f.at)), f.err); err != nil {
		return err
	}
	l.run.report.Tiles += 2
	first := f.at.N << logwire.Height
	l.edge = f.bundle
	if f.tileErr == nil && len(f.tile) != f.at.W*tlog.HashSize {
		l.found("tile", place, fmt.Sprintf("has %d bytes, not %d", len(f.tile), f.at.W*tlog.HashSize))
	}
	for i := first; (int(i-first)+1)*tlog.HashSize <= len(f.tile) && i < first+int64(f.at.W); i++ {
		leaf := tlog.Hash(f.tile[int(i-first)*tlog.HashSize:][:tlog.HashSize])
		if i < h.leaves.size {
			l.compare(i, h.leaves.rows[0][i-first], leaf, "tile", place)
		} else {
			h.leaves.add(leaf)
		}
	}
	return l.takeEntries(f, first)
}

// readable turns the error of a fetch into a finding if it proves something.
func (l *reading) readable(kind, place string, err error) error {
	switch {
	case err == nil:
		return nil
	case isUnreachable(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s %s: %w", kind, place, err)
	}
	l.found(kind, place, err.Error())
	l.stopped = l.stopped || kind == "bundle"
	return nil
}

func (l *reading) takeEntries(f fetched, first int64) error {
	h := l.run.log
	place := logwire.TilePath(logwire.Bundle(f.at))
	n, torn := int64(0), false
	for body, err := range logwire.Entries(f.bundle) {
		if torn = err != nil || n == int64(f.at.W); torn {
			break
		}
		i, leaf := first+n, tlog.RecordHash(body)
		n++
		if i < h.entries.size {
			l.compare(i, h.entries.rows[0][i-first], leaf, "bundle", place)
			continue
		}
		h.entries.add(leaf)
		if at := int(i-first) * tlog.HashSize; at+tlog.HashSize <= len(f.tile) {
			if off := firstDifference(f.tile[at:at+tlog.HashSize], leaf[:]); off >= 0 {
				l.differ = append(l.differ, difference{i, logwire.TilePath(f.at), place, at + off})
			}
		}
		if err := l.fold(i, body); err != nil {
			return err
		}
	}
	if f.err == nil && (torn || n != int64(f.at.W)) {
		l.found("bundle", place, fmt.Sprintf("does not hold exactly %d entries", f.at.W))
		l.stopped = true
	}
	return nil
}

// compare holds a leaf against the same leaf as read before.
func (l *reading) compare(i int64, was, is tlog.Hash, kind, place string) {
	if was != is {
		l.found(kind, place, fmt.Sprintf("entry %d is another one than it was a moment ago", i))
		l.stopped = true
	}
}

// fold adds an entry to the state, until one cannot be.
func (l *reading) fold(i int64, body []byte) error {
	if l.stopped {
		return nil
	}
	err := l.run.log.fold(body)
	var seal errSeal
	switch {
	case errors.Is(err, bonded.ErrIgnored):
		l.run.report.Ignored++
	case errors.Is(err, errRules):
		return fmt.Errorf("entry %d: %w", i, err)
	case errors.As(err, &seal):
		// After a first wrong root all later ones are wrong too.
		if l.run.log.seals++; l.run.log.seals == 1 {
			l.folded = append(l.folded, Finding{Kind: "seal", Place: fmt.Sprint(i), Problem: err.Error()})
		}
	case err != nil:
		l.folded = append(l.folded, Finding{Kind: "entry", Place: fmt.Sprint(i), Problem: err.Error()})
		l.stopped = true
	}
	return nil
}

// fetchUpper reads the tiles above those of leaves.
func (l *reading) fetchUpper(ctx context.Context, upper []tlog.Tile) error {
	got := make([][]byte, len(upper))
	errs := make([]error, len(upper))
	var index []int
	for i := range upper {
		index = append(index, i)
	}
	err := each(ctx, l.run.opts.Workers, index, func(i int) error {
		got[i], errs[i] = l.run.tile(ctx, upper[i], maxTile)
		return nil
	})
	if err != nil {
		return err
	}
	for i, t := range upper {
		if err := l.readable("tile", logwire.TilePath(t), errs[i]); err != nil {
			return err
		}
		if errs[i] == nil {
			l.tiles[logwire.TilePath(t)] = got[i]
		}
	}
	l.run.report.Tiles += len(upper)
	return nil
}

// judge compares the trees over the entries and over the tiles with the
// signed root, and so finds out which of them is wrong where they differ.
func (l *reading) judge(upper []tlog.Tile) error {
	h := l.run.log
	byEntries, errE := h.entries.root()
	byTiles, errT := h.leaves.root()
	want := tlog.Hash(l.to.Root)
	entriesRight := errE == nil && h.entries.size == int64(l.to.Size) && byEntries == want
	tilesRight := errT == nil && h.leaves.size == int64(l.to.Size) && byTiles == want
	for _, d := range l.differ {
		if entriesRight {
			l.findings = append(l.findings, d.asTile())
		} else {
			l.findings = append(l.findings, d.asEntry())
		}
	}
	if !entriesRight && !tilesRight {
		l.found("checkpoint", logwire.CheckpointPath, fmt.Sprintf("states the root %s; the entries give %s, the tiles %s", l.to.Root, rootOrNone(byEntries, errE), rootOrNone(byTiles, errT)))
	}
	right := &h.entries
	if !entriesRight && tilesRight {
		right = &h.leaves
	}
	if entriesRight || tilesRight {
		l.compareUpper(right, upper)
	}
	if entriesRight {
		// What is wrong in entries that are not those of the log says nothing.
		l.findings = append(l.findings, l.folded...)
		if !l.stopped && h.last != bonded.Seal {
			l.found("checkpoint", logwire.CheckpointPath, "does not end with a seal")
		}
	}
	if !entriesRight && len(l.findings) == 0 {
		l.found("checkpoint", logwire.CheckpointPath, "states a root that the entries do not give")
	}
	for _, f := range l.findings {
		l.run.add("", f)
	}
	h.size, h.root = l.to.Size, l.to.Root
	// Wrong tiles are no reason to stop, wrong seals no reason to believe the state less.
	if !entriesRight || l.stopped {
		return errBroken
	}
	if !tilesRight {
		h.leaves = h.entries.clone() // so that a later pass compares with what is right
	}
	return nil
}

func rootOrNone(h tlog.Hash, err error) string {
	if err != nil {
		return "none"
	}
	return h.String()
}

// compareUpper holds every tile above the leaves against the tree.
func (l *reading) compareUpper(right *tower, upper []tlog.Tile) {
	for _, t := range upper {
		place := logwire.TilePath(t)
		got, ok := l.tiles[place]
		if !ok {
			continue
		}
		want, err := right.tile(t)
		if err != nil {
			l.found("tile", place, err.Error())
		} else if at := firstDifference(got, want); at >= 0 {
			l.found("tile", place, differs(at, len(got), len(want)))
		}
	}
}

func (t *tower) clone() tower {
	c := tower{size: t.size}
	for _, row := range t.rows {
		c.rows = append(c.rows, slices.Clone(row))
	}
	return c
}

// firstDifference is the place of the first byte that differs, -1 if none does.
func firstDifference(got, want []byte) int {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return i
		}
	}
	if len(got) != len(want) {
		return min(len(got), len(want))
	}
	return -1
}

func differs(at, got, want int) string {
	if got != want {
		return fmt.Sprintf("differs at byte %d, and has %d bytes, not %d", at, got, want)
	}
	return fmt.Sprintf("differs at byte %d of %d", at, want)
}
