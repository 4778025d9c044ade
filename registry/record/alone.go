package record

import (
	"context"
	"errors"
	"fmt"
	"os"

	"bonded.dev"
)

// Alone makes this process the only one that serves from a SQLite book, until
// the returned function is called or the process ends. A server remembers what
// it wrote and would not notice another's changes to the same files. With
// PostgreSQL any number of nodes may serve, and Alone does nothing.
func (b *Book) Alone(context.Context) (release func(), err error) {
	if b.path == "" {
		return func() {}, nil
	}
	path := b.path + ".serving"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make sure to serve alone: %w", err)
	}
	ok, err := tryLock(f)
	if ok {
		return func() { f.Close() }, nil
	}
	if err == nil {
		err = bonded.Errorf(bonded.Conflict, "a bonded server is running on %s; stop it first, or use PostgreSQL for several nodes", b.path)
	}
	return nil, errors.Join(err, f.Close())
}
