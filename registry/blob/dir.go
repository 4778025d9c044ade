package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
	"time"

	"bonded.dev"
)

// dir is a Store in one directory.
type dir struct {
	root    tree
	flusher flusher
}

// Dir opens the directory at path, and makes it if need be. The directory must
// be on one file system: bytes are moved by link and rename.
func Dir(path string) (Store, error) { return openDir(path, newTree, newFlusher) }

func openDir(path string, newTree func(*os.Root) (tree, error), newFlusher func(tree) (flusher, error)) (Store, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("open blob directory: %w", err)
	}
	inside, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open blob directory: %w", err)
	}
	root, err := newTree(inside)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open blob directory: %w", err), inside.Close())
	}
	d := &dir{root: root}
	for _, name := range []string{Quarantine, unfinished} {
		if err := root.MkdirAll(strings.TrimSuffix(name, "/"), 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("open blob directory: %w", err), root.Close())
		}
	}
	if d.flusher, err = newFlusher(root); err != nil {
		return nil, errors.Join(fmt.Errorf("open blob directory: %w", err), root.Close())
	}
	// Names of the directories made above must survive, or Commit's promise
	// would hang in the air.
	if err := fsyncPath(root, "."); err != nil {
		return nil, errors.Join(fmt.Errorf("open blob directory: %w", err), d.Close())
	}
	return d, nil
}

func (d *dir) Close() error { return errors.Join(d.flusher.close(), d.root.Close()) }

func (d *dir) Put(_ context.Context, key string, b []byte) error {
	if err := d.write(key, b, d.root.Rename); err != nil {
		return fmt.Errorf("put blob %s: %w", key, err)
	}
	return nil
}

func (d *dir) Create(_ context.Context, key string, b []byte) error {
	move := func(temp, key string) error {
		if err := d.root.Link(temp, key); err != nil {
			return err
		}
		// The key is taken from here on; a second name that stays is swept.
		_ = d.root.Remove(temp)
		return nil
	}
	if err := d.write(key, b, move); err != nil {
		return fmt.Errorf("create blob %s: %w", key, err)
	}
	return nil
}

// write makes a file under another name and then moves it to key.
func (d *dir) write(key string, b []byte, move func(temp, key string) error) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	f, err := d.temp()
	if err != nil {
		return err
	}
	_, err = f.file.Write(b)
	if err == nil {
		err = d.flusher.written(f.file)
	}
	err = errors.Join(err, f.file.Close())
	if err == nil {
		err = d.place(f.name, key, move)
	}
	if err != nil {
		return errors.Join(err, ignoreAbsent(d.root.Remove(f.name)))
	}
	return nil
}

// place moves a file to key and makes the directories on the way only when
// they turn out to be missing.
func (d *dir) place(from, key string, move func(from, key string) error) error {
	err := move(from, key)
	if errors.Is(err, fs.ErrNotExist) {
		if err = d.root.MkdirAll(path.Dir(key), 0o755); err == nil {
			err = move(from, key)
		}
	}
	if err == nil {
		d.flusher.named(key)
	}
	return err
}

type tempFile struct {
	name string
	file *os.File
}

func (d *dir) temp() (tempFile, error) {
	name := unfinished + rand.Text()
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	return tempFile{name, f}, err
}

func (d *dir) Get(_ context.Context, key string) ([]byte, error) {
	f, info, err := d.open(key)
	if err != nil {
		return nil, fmt.Errorf("get blob %s: %w", key, err)
	}
	defer f.Close()
	b := make([]byte, info.Size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("get blob %s: %w", key, err)
	}
	return b, nil
}

// dirObject is an *os.File with its Info, so that net/http finds the file
// descriptor and lets the kernel copy it.
type dirObject struct {
	*os.File
	info Info
}

func (o *dirObject) Info() Info { return o.info }

func (d *dir) Open(_ context.Context, key string) (Object, error) {
	f, info, err := d.open(key)
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", key, err)
	}
	return &dirObject{f, info}, nil
}

func (d *dir) open(key string) (*os.File, Info, error) {
	if err := CheckKey(key); err != nil {
		return nil, Info{}, err
	}
	f, err := d.root.Open(key)
	if err != nil {
		return nil, Info{}, absentDir(err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, Info{}, errors.Join(err, f.Close())
	}
	return f, fileInfo(key, st), nil
}

func fileInfo(key string, st fs.FileInfo) Info {
	tag := fmt.Sprintf("%x-%x-%x", inode(st), st.ModTime().UnixNano(), st.Size())
	return Info{Key: key, Size: st.Size(), Modified: st.ModTime(), Tag: tag}
}

func (d *dir) Stat(_ context.Context, key string) (Info, error) {
	err := CheckKey(key)
	if err != nil {
		return Info{}, fmt.Errorf("stat blob %s: %w", key, err)
	}
	st, err := d.root.Stat(key)
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Info{}, fmt.Errorf("stat blob %s: %w", key, absentDir(err))
	}
	return fileInfo(key, st), nil
}

func (d *dir) Delete(_ context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return fmt.Errorf("delete blob %s: %w", key, err)
	}
	if err := ignoreAbsent(d.root.Remove(key)); err != nil {
		return fmt.Errorf("delete blob %s: %w", key, err)
	}
	d.flusher.named(key)
	return nil
}

func (d *dir) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		start := "."
		if i := strings.LastIndexByte(prefix, '/'); i > 0 {
			start = prefix[:i]
		}
		if start != "." && CheckKey(start) != nil {
			return // no key starts like this
		}
		stopped := errors.New("stopped")
		err := fs.WalkDir(d.root.FS(), start, func(name string, e fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if errors.Is(absentDir(err), fs.ErrNotExist) {
				return nil // deleted while we walked
			}
			if err != nil {
				return err
			}
			if e.IsDir() {
				if name+"/" == unfinished || !mayHold(name, prefix) {
					return fs.SkipDir
				}
				return nil
			}
			if !e.Type().IsRegular() || !strings.HasPrefix(name, prefix) {
				return nil
			}
			st, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if !yield(Info{Key: name, Size: st.Size(), Modified: st.ModTime()}, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, stopped) {
			yield(Info{}, fmt.Errorf("list blobs %s: %w", prefix, err))
		}
	}
}

// mayHold reports whether keys below the directory name can start with prefix.
func mayHold(name, prefix string) bool {
	name += "/"
	return name == "./" || strings.HasPrefix(name, prefix) || strings.HasPrefix(prefix, name)
}

func (d *dir) Sync(context.Context) error {
	if err := d.flusher.flush(); err != nil {
		return fmt.Errorf("sync blobs: %w", err)
	}
	return nil
}

func (d *dir) Sweep(_ context.Context, before time.Time) (int, error) {
	entries, err := fs.ReadDir(d.root.FS(), strings.TrimSuffix(unfinished, "/"))
	if err != nil {
		return 0, fmt.Errorf("sweep blobs: %w", err)
	}
	n := 0
	for _, e := range entries {
		st, err := e.Info()
		if err != nil || !st.ModTime().Before(before) {
			continue // finished meanwhile, or still young
		}
		if err := ignoreAbsent(d.root.Remove(unfinished + e.Name())); err != nil {
			return n, fmt.Errorf("sweep blobs: %w", err)
		}
		n++
	}
	return n, nil
}

// holds reports whether key holds bytes with this digest.
func (d *dir) holds(key string, digest bonded.Digest) (bool, error) {
	f, _, err := d.open(key)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return hashes(f, digest)
}

func hashes(r io.Reader, digest bonded.Digest) (bool, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return false, err
	}
	return bonded.Digest(h.Sum(nil)) == digest, nil
}

func ignoreAbsent(err error) error {
	if errors.Is(absentDir(err), fs.ErrNotExist) {
		return nil
	}
	return err
}
