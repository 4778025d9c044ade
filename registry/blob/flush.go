package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
)

// flusher makes finished writes durable. Linux flushes a whole file system
// with one call; elsewhere each file is flushed when it is written and each
// directory when Sync asks.
type flusher interface {
	written(f *os.File) error // the content of f is complete
	named(key string)         // a name came or went
	flush() error
	close() error
}

// wholeFS flushes everything at once.
type wholeFS struct {
	handle *os.File // any file on the file system; also collects write errors
	sync   func(*os.File) error
}

func (w *wholeFS) written(*os.File) error { return nil }
func (w *wholeFS) named(string)           {}
func (w *wholeFS) flush() error           { return w.sync(w.handle) }
func (w *wholeFS) close() error           { return w.handle.Close() }

// oneByOne remembers which directories changed.
type oneByOne struct {
	root  tree
	mu    sync.Mutex
	dirty map[string]bool
}

func newOneByOne(root tree) (flusher, error) {
	return &oneByOne{root: root, dirty: map[string]bool{}}, nil
}

func (o *oneByOne) written(f *os.File) error { return f.Sync() }

func (o *oneByOne) named(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// Every directory above may be new as well.
	for d := path.Dir(key); !o.dirty[d]; d = path.Dir(d) {
		o.dirty[d] = true
		if d == "." {
			break
		}
	}
}

func (o *oneByOne) flush() error {
	o.mu.Lock()
	dirty := o.dirty
	o.dirty = map[string]bool{}
	o.mu.Unlock()
	var errs []error
	for d := range dirty {
		if err := fsyncPath(o.root, d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			o.named(path.Join(d, "again")) // the next Sync must not succeed without it
		}
	}
	return errors.Join(errs...)
}

func (o *oneByOne) close() error { return nil }

// fsyncPath flushes one directory, so that the names in it survive.
func fsyncPath(root tree, name string) error {
	f, err := root.Open(path.Clean(name))
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("flush directory %s: %w", name, err)
	}
	return nil
}
