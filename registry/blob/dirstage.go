package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"bonded.dev"
)

// dirStaging is an upload into a file under tmp/. It writes in large pieces:
// uploads arrive in small ones, and the page cache keeps, and later sends, what
// was written at once as one.
type dirStaging struct {
	dir  *dir
	temp tempFile
	buf  []byte
	done bool
}

const stageBuffer = 1 << 20

func (d *dir) Stage(context.Context) (Staging, error) {
	f, err := d.temp()
	if err != nil {
		return nil, fmt.Errorf("stage blob: %w", err)
	}
	return &dirStaging{dir: d, temp: f}, nil
}

// Write keeps to pieces of stageBuffer, so that each lies on its own boundary.
func (s *dirStaging) Write(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		k := min(len(b)-n, stageBuffer-len(s.buf))
		s.buf = append(s.buf, b[n:n+k]...)
		n += k
		if len(s.buf) == stageBuffer {
			if err := s.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (s *dirStaging) flush() error {
	_, err := s.temp.file.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

func (s *dirStaging) Commit(_ context.Context, digest bonded.Digest) (string, error) {
	if s.done {
		return "", errors.New("commit staged blob: already committed or aborted")
	}
	// Renamed first, bytes and name go to disk together and the second flush
	// finds its work done. What a crash leaves under the new name before that
	// is an id that nobody was told.
	id := quarantineID(digest, rand.Text())
	err := s.flush()
	if err == nil {
		err = s.dir.root.Rename(s.temp.name, id)
	}
	if err == nil {
		s.temp.name = id
		err = s.temp.file.Sync()
	}
	if err == nil {
		err = fsyncPath(s.dir.root, Quarantine)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("commit staged blob: %w", err), s.Abort())
	}
	s.done = true
	return id, s.temp.file.Close()
}

func (s *dirStaging) Abort() error {
	if s.done {
		return nil
	}
	s.done = true
	return errors.Join(s.temp.file.Close(), ignoreAbsent(s.dir.root.Remove(s.temp.name)))
}

func (d *dir) ReaderAt(_ context.Context, id string) (io.ReaderAt, func() error, error) {
	if _, err := DigestOfID(id); err != nil {
		return nil, nil, fmt.Errorf("look inside blob %s: %w", id, err)
	}
	f, _, err := d.open(id)
	if err != nil {
		return nil, nil, fmt.Errorf("look inside blob %s: %w", id, err)
	}
	return f, f.Close, nil
}

func (d *dir) Release(_ context.Context, id, key string) error {
	digest, err := DigestOfID(id)
	if err == nil {
		err = CheckKey(key)
	}
	if err == nil {
		err = d.release(id, key, digest)
	}
	if err != nil {
		return fmt.Errorf("release blob %s to %s: %w", id, key, err)
	}
	return nil
}

// release links first, because link refuses to replace, and then removes the
// old name. A crash between the two leaves both names for the same file, which
// the next call sees.
func (d *dir) release(id, key string, digest bonded.Digest) error {
	err := d.place(id, key, d.root.Link)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		same, herr := d.holds(key, digest)
		if herr != nil {
			return herr
		}
		if !same {
			return fs.ErrExist
		}
		// Already moved, or the same bytes were staged twice.
		d.flusher.named(key)
		err = nil
	}
	if err != nil {
		return err
	}
	d.flusher.named(id)
	return ignoreAbsent(d.root.Remove(id))
}

func (d *dir) Discard(_ context.Context, id string) error {
	if _, err := DigestOfID(id); err != nil {
		return fmt.Errorf("discard blob %s: %w", id, err)
	}
	if err := ignoreAbsent(d.root.Remove(id)); err != nil {
		return fmt.Errorf("discard blob %s: %w", id, err)
	}
	d.flusher.named(id)
	return nil
}
