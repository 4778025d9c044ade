// Package blob keeps bytes under keys. It has two implementations, a directory
// ([Dir]) and an S3-compatible bucket ([S3]), and one suite (package blobtest)
// that both pass.
//
// # Layout
//
//	public/      what the world may read; nginx or a CDN can serve this prefix
//	manifest/    how documents are composed; private
//	quarantine/  bytes that nobody may read yet: <hex sha256>.<random>
//	tmp/         writes that have not finished; belongs to this package alone
//
// # The life of an upload
//
// [Store.Stage] takes bytes of unknown size. Commit makes them durable and
// names them by their digest, still in quarantine. Release moves them to the
// key under which they are served, and never replaces what is there: a key
// that once held an artifact means those bytes for ever. All steps can be
// repeated after a crash with the same outcome.
//
// # What survives a crash
//
// Staged bytes: as soon as Commit returns. Everything else: as soon as the
// next [Store.Sync] returns, because a batch of fifty documents needs one
// flush, not fifty. A Put that was never synced may be lost or, on a file
// system that orders data after names, be empty; whoever writes documents
// keeps a mark of what was synced and writes the rest again. What was left in
// tmp/ is found and removed by [Store.Sweep].
//
// # Keys
//
// Keys are slash-separated, as in "public/npm/left-pad/full.json". Keys come
// from names that strangers choose, so both implementations check them in the
// same way (see [CheckKey]), and the directory is opened with os.Root besides:
// a key can never lead outside, not even through a symbolic link.
//
// In a directory a key cannot also be the beginning of another one followed by
// a slash. Adapters choose paths that keep clear of that.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"bonded.dev"
)

// Info describes one object.
type Info struct {
	Key      string
	Size     int64 // bytes
	Modified time.Time
	// Tag changes whenever the bytes do. It compares equal only within one
	// store and is empty in listings.
	Tag string
}

// Object is an open object. In a directory it also has the methods of
// *os.File that let the kernel copy it to a socket (syscall.Conn). An Object
// that is open keeps its bytes even when the key is replaced or deleted; over
// S3, reading on after a replacement is an error instead of mixed bytes.
type Object interface {
	io.Reader
	io.Seeker
	io.Closer
	Info() Info
}

// Staging receives the bytes of one upload.
type Staging interface {
	io.Writer
	// Commit makes the bytes durable and returns their place in quarantine.
	// The caller has hashed them on the way; digest becomes part of the id.
	Commit(ctx context.Context, digest bonded.Digest) (id string, err error)
	// Abort forgets the bytes. After Commit it does nothing, so it can be
	// deferred.
	Abort() error
}

// Store is what the rest of the registry needs of a place for bytes. An absent
// key is an error that wraps fs.ErrNotExist, a key that is taken one that wraps
// fs.ErrExist, and a key that cannot be one that wraps ErrKey.
type Store interface {
	// Put replaces whatever key holds, wholly or not at all.
	Put(ctx context.Context, key string, b []byte) error
	// Create is Put for a key that must be free: of two at once, one fails
	// with fs.ErrExist.
	Create(ctx context.Context, key string, b []byte) error
	Get(ctx context.Context, key string) ([]byte, error)
	Open(ctx context.Context, key string) (Object, error)
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes key; that it is absent already is fine.
	Delete(ctx context.Context, key string) error
	// List yields every key that starts with prefix, in no particular order.
	// Unfinished writes are not listed.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Stage opens a new upload. ctx bounds the whole upload.
	Stage(ctx context.Context) (Staging, error)
	// ReaderAt looks inside quarantined bytes; call the function when done.
	ReaderAt(ctx context.Context, id string) (io.ReaderAt, func() error, error)
	// Release moves quarantined bytes to key. It succeeds exactly when key
	// holds these bytes afterwards, however often it is called; when key holds
	// others the error is fs.ErrExist and they stay.
	Release(ctx context.Context, id, key string) error
	// Discard removes quarantined bytes; absent is fine.
	Discard(ctx context.Context, id string) error

	// Sync returns when all Puts, Creates, Deletes and Releases that returned
	// before it began survive a loss of power.
	Sync(ctx context.Context) error
	// Sweep removes unfinished writes that were begun before the given time,
	// and says how many there were. A writer that is still at work on one
	// of them fails, so leave running uploads time.
	Sweep(ctx context.Context, before time.Time) (int, error)
	Close() error
}

// Prefixes of keys, see the layout above.
const (
	Public     = "public/"
	Manifest   = "manifest/"
	Quarantine = "quarantine/"
	unfinished = "tmp/"
)

// Limits of a key, bytes: S3 takes 1024 in all, common file systems 255
// between slashes.
const (
	maxKey     = 1000
	maxSegment = 250
)

// ErrKey is wrapped by errors about a key that no store takes.
var ErrKey = errors.New("not a key")

// CheckKey says why key cannot be one, if it cannot.
func CheckKey(key string) error {
	if len(key) > maxKey {
		return fmt.Errorf("%w: %d bytes are more than %d", ErrKey, len(key), maxKey)
	}
	if !utf8.ValidString(key) {
		return fmt.Errorf("%w: %q is not UTF-8", ErrKey, key)
	}
	for i := range len(key) {
		// A backslash separates names on some systems and quotes on others.
		if c := key[i]; c < ' ' || c == 0x7f || c == '\\' {
			return fmt.Errorf("%w: %q holds the byte %#02x", ErrKey, key, c)
		}
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("%w: %q has the segment %q", ErrKey, key, segment)
		}
		if len(segment) > maxSegment {
			return fmt.Errorf("%w: a segment of %q is longer than %d bytes", ErrKey, key, maxSegment)
		}
	}
	if strings.HasPrefix(key+"/", unfinished) {
		return fmt.Errorf("%w: %q is where unfinished writes are", ErrKey, key)
	}
	return nil
}

// quarantineID names quarantined bytes.
func quarantineID(d bonded.Digest, random string) string {
	return Quarantine + d.Hex() + "." + random
}

// DigestOfID returns the digest of the bytes that a quarantine id names.
func DigestOfID(id string) (bonded.Digest, error) {
	name, ok := strings.CutPrefix(id, Quarantine)
	hex, random, dot := strings.Cut(name, ".")
	if !ok || !dot || random == "" || strings.Contains(name, "/") {
		return bonded.Digest{}, fmt.Errorf("%w: %q is no place in quarantine", ErrKey, id)
	}
	d, err := bonded.ParseHexDigest(hex)
	if err != nil {
		return bonded.Digest{}, fmt.Errorf("%w: %q: %w", ErrKey, id, err)
	}
	return d, CheckKey(id)
}
