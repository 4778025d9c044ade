package recent_test

import (
	"testing"

	"bonded.dev/internal/recent"
)

func TestTheLeastRecentGoesFirst(t *testing.T) {
	c := recent.New[string, int](10)
	c.Put("a", 1, 4)
	c.Put("b", 2, 4)
	c.Get("a")
	c.Put("c", 3, 4)
	if _, ok := c.Get("b"); ok {
		t.Error("b is still here")
	}
	if v, ok := c.Get("a"); !ok || v != 1 {
		t.Error("a is gone")
	}
	c.Put("a", 5, 10)
	if _, ok := c.Get("c"); ok {
		t.Error("c stayed beyond the budget")
	}
	if v, _ := c.Get("a"); v != 5 {
		t.Errorf("a = %d, want the newer value", v)
	}
	c.Put("big", 9, 11)
	if _, ok := c.Get("big"); ok {
		t.Error("a value larger than the budget was kept")
	}
	c.Clear()
	if _, ok := c.Get("a"); ok {
		t.Error("a survived Clear")
	}
}
