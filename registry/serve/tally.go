package serve

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
	"bonded.dev/registry/record"
)

// tally counts downloads in memory: one atomic addition for each, and one
// write to the database for all of a minute.
type tally struct {
	now func() time.Time

	mu     sync.Mutex
	counts map[string]*count // by path
}

// count is the downloads of one artifact since the last flush. All pages that
// lead to the artifact share it.
type count struct {
	name    bonded.Name
	version string
	n       atomic.Int64
	gone    atomic.Bool // dropped from the tally; ask for another
}

// maxCounts bounds the memory, about 300 bytes each. A mirror that walks over
// more artifacts than that within a minute leaves some of them uncounted.
const maxCounts = 50_000

func newTally(now func() time.Time) *tally { return &tally{now: now, counts: map[string]*count{}} }

func (t *tally) of(a ecosystem.Ask) *count {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts[a.Path]
	if c == nil && len(t.counts) < maxCounts {
		c = &count{name: a.Name, version: a.Version}
		t.counts[a.Path] = c
	}
	return c
}

// add counts a download of the page's artifact.
func (t *tally) add(pg *page) {
	if !pg.ask.Artifact {
		return
	}
	c := pg.count.Load()
	if c == nil || c.gone.Load() {
		if c = t.of(pg.ask); c == nil {
			return
		}
		pg.count.Store(c)
	}
	c.n.Add(1)
}

// flush hands what was counted to keep. What keep does not take is counted
// again next time.
func (t *tally) flush(ctx context.Context, keep Tally) error {
	if keep == nil {
		return nil
	}
	day := t.now().Unix() / (24 * 60 * 60)
	var list []record.Download
	var from []*count
	t.mu.Lock()
	crowded := len(t.counts) > maxCounts/2
	for path, c := range t.counts {
		if n := c.n.Swap(0); n > 0 {
			list = append(list, record.Download{Name: c.name, Version: c.version, Day: day, Count: n})
			from = append(from, c)
		} else if crowded {
			// A download in this very moment is lost; it would be the first in
			// a minute.
			c.gone.Store(true)
			delete(t.counts, path)
		}
	}
	t.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	if err := keep.AddDownloads(ctx, list); err != nil {
		for i, c := range from {
			c.n.Add(list[i].Count)
		}
		return fmt.Errorf("adding up %d downloads: %w", len(list), err)
	}
	return nil
}
