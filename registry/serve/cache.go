package serve

import (
	"container/list"
	"sync"
	"sync/atomic"
)

// cache keeps values by key within a weight. A hit takes a read lock and sets
// a flag, nothing else, so that readers on many cores do not wait for each
// other. What goes first is decided as in S3-FIFO (Yang et al., SOSP 2023),
// without its ghost queue: a newcomer waits in a small queue and reaches the
// large one only when it is asked for again, so that a mirror walking over
// every package does not push out what installs need.
type cache[K comparable, V any] struct {
	mu     sync.RWMutex
	at     map[K]*cached[K, V]
	fresh  list.List // of *cached, oldest first
	proven list.List
	weight struct{ budget, fresh, proven int }
	// evicted is told about values that went, under the lock; may be nil.
	evicted func(V)
}

type cached[K comparable, V any] struct {
	key    K
	value  V
	weight int
	proven bool
	place  *list.Element
	hot    atomic.Bool // asked for since it entered its queue
}

func newCache[K comparable, V any](budget int, evicted func(V)) *cache[K, V] {
	c := &cache[K, V]{at: map[K]*cached[K, V]{}, evicted: evicted}
	c.weight.budget = budget
	return c
}

// get returns what is under k.
func (c *cache[K, V]) get(k K) (v V, ok bool) {
	c.mu.RLock()
	e := c.at[k]
	c.mu.RUnlock()
	if e == nil {
		return v, false
	}
	e.touch()
	return e.value, true
}

// touch writes only when there is something to say: a flag that many cores
// write is a flag that many cores wait for.
func (e *cached[K, V]) touch() {
	if !e.hot.Load() {
		e.hot.Store(true)
	}
}

// getOrPut returns what is under k, or puts what newer makes there.
func (c *cache[K, V]) getOrPut(k K, weight int, newer func() V) *cached[K, V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[k]; e != nil {
		e.touch()
		return e
	}
	return c.insert(k, newer(), weight)
}

// put replaces what is under k.
func (c *cache[K, V]) put(k K, v V, weight int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[k]; e != nil {
		c.remove(e)
	}
	c.insert(k, v, weight)
}

// reweigh says what the value under k has come to weigh, and that it is v
// still; anything else is left alone.
func (c *cache[K, V]) reweigh(k K, same func(V) bool, weight int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.at[k]
	if e == nil || !same(e.value) {
		return
	}
	*c.share(e) += weight - e.weight
	e.weight = weight
	c.shrink()
}

func (c *cache[K, V]) insert(k K, v V, weight int) *cached[K, V] {
	e := &cached[K, V]{key: k, value: v, weight: weight}
	c.at[k] = e
	e.place = c.fresh.PushBack(e)
	c.weight.fresh += weight
	c.shrink()
	return e
}

// share is the weight of the queue that e stands in.
func (c *cache[K, V]) share(e *cached[K, V]) *int {
	if e.proven {
		return &c.weight.proven
	}
	return &c.weight.fresh
}

func (c *cache[K, V]) shrink() {
	for c.weight.fresh+c.weight.proven > c.weight.budget {
		// Newcomers may have a tenth; or all, while nothing is proven.
		queue := &c.proven
		if c.weight.fresh > c.weight.budget/10 || c.proven.Len() == 0 {
			queue = &c.fresh
		}
		if queue.Len() == 0 {
			return
		}
		e := queue.Front().Value.(*cached[K, V])
		if !e.hot.Swap(false) {
			c.remove(e)
			continue
		}
		*c.share(e) -= e.weight
		queue.Remove(e.place)
		e.proven = true
		e.place = c.proven.PushBack(e)
		c.weight.proven += e.weight
	}
}

func (c *cache[K, V]) remove(e *cached[K, V]) {
	*c.share(e) -= e.weight
	if e.proven {
		c.proven.Remove(e.place)
	} else {
		c.fresh.Remove(e.place)
	}
	delete(c.at, e.key)
	if c.evicted != nil {
		c.evicted(e.value)
	}
}

// used is the weight of everything kept.
func (c *cache[K, V]) used() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.weight.fresh + c.weight.proven
}
