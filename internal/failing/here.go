//go:build !crash

package failing

// Here marks a boundary; in this build it does nothing.
func Here(string) {}
