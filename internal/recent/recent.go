// Package recent keeps the most recently used values within a budget of bytes.
// It is what lets the way in extend a long history without reading it again;
// losing any of it costs time and nothing else.
package recent

import (
	"container/list"
	"sync"
)

// Cache holds values by key. The zero value holds nothing; use New.
type Cache[K comparable, V any] struct {
	mu     sync.Mutex
	budget int
	used   int
	order  *list.List // front: most recent
	at     map[K]*list.Element
}

type item[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

// New makes a cache for about budget bytes, as the callers of Put weigh them.
func New[K comparable, V any](budget int) *Cache[K, V] {
	return &Cache[K, V]{budget: budget, order: list.New(), at: map[K]*list.Element{}}
}

// Get returns the value for k, if it is still here.
func (c *Cache[K, V]) Get(k K) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.at[k]
	if !ok {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*item[K, V]).value, true
}

// Put keeps v under k. What weighs more than the whole budget is not kept.
func (c *Cache[K, V]) Put(k K, v V, weight int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(k)
	if weight > c.budget {
		return
	}
	c.at[k] = c.order.PushFront(&item[K, V]{k, v, weight})
	c.used += weight
	for c.used > c.budget {
		c.drop(c.order.Back().Value.(*item[K, V]).key)
	}
}

// Drop forgets k.
func (c *Cache[K, V]) Drop(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(k)
}

// Clear forgets everything.
func (c *Cache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order.Init()
	clear(c.at)
	c.used = 0
}

func (c *Cache[K, V]) drop(k K) {
	e, ok := c.at[k]
	if !ok {
		return
	}
	c.order.Remove(e)
	delete(c.at, k)
	c.used -= e.Value.(*item[K, V]).weight
}
