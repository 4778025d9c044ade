package recompute

import (
	"bytes"
	"context"
	"errors"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/internal/logwire"
)

// olderEdges looks at the partial tiles and bundles of earlier checkpoints that
// may still be there: whoever holds such a checkpoint reads them. Each must be
// the start of what it grew into. Those of tiles that are full by now are not
// looked at; a reader who finds none takes the full tile.
func (l *reading) olderEdges(ctx context.Context) error {
	h := &l.run.log.entries
	var all []tlog.Tile
	for level := range h.rows {
		n := int64(len(h.rows[level])) / logwire.TileWidth
		if level == 0 {
			n = h.size / logwire.TileWidth
		}
		for _, w := range l.widths(level) {
			t := tlog.Tile{H: logwire.Height, L: level, N: n, W: w}
			if all = append(all, t); level == 0 {
				all = append(all, logwire.Bundle(t))
			}
		}
	}
	return each(ctx, l.run.opts.Workers, all, func(t tlog.Tile) error {
		got, err := l.run.web.get(ctx, logwire.TilePath(t), maxBundle)
		switch {
		case ctx.Err() != nil || errors.Is(err, errAbsent):
			return ctx.Err()
		case isUnreachable(err):
			return err
		}
		kind, want := "tile", []byte(nil)
		if t.L < 0 {
			kind, want = "bundle", firstEntries(l.edge, t.W)
		} else if want, err = h.tile(t); err != nil {
			return err
		}
		l.run.mu.Lock()
		l.run.report.Tiles++
		l.run.mu.Unlock()
		if at := firstDifference(got, want); at >= 0 {
			l.run.add("", Finding{Kind: kind, Place: logwire.TilePath(t), Problem: differs(at, len(got), len(want))})
		}
		return nil
	})
}

// widths of partial tiles that there may be at the edge of a level. Tiles of
// leaves were cut where a checkpoint was, which is after a seal; above them a
// few hundred tries find all.
func (l *reading) widths(level int) (out []int) {
	if level > 0 {
		for w := 1; w < len(l.run.log.entries.rows[level])%logwire.TileWidth; w++ {
			out = append(out, w)
		}
		return out
	}
	w := 0
	if len(l.run.log.entries.rows[0]) == 0 {
		return nil // the last tile of leaves is full
	}
	for body := range logwire.Entries(l.edge) {
		w++
		if e, err := bonded.ParseEntry(body); err == nil && e.Type == bonded.Seal {
			out = append(out, w)
		}
	}
	if len(out) > 0 { // the last one was read already
		out = out[:len(out)-1]
	}
	return out
}

func firstEntries(bundle []byte, n int) []byte {
	var b bytes.Buffer
	for body := range logwire.Entries(bundle) {
		if n == 0 {
			break
		}
		n--
		b.Write(logwire.AppendEntry(nil, body))
	}
	return b.Bytes()
}
