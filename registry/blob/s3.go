package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"bonded.dev"
)

// S3Config says where a bucket is.
type S3Config struct {
	Endpoint string // host or host:port
	Bucket   string // must exist
	Prefix   string // of every object, without slashes at its ends; may be empty
	Region   string
	Plain    bool // HTTP without TLS, for a store on the same host
	// AccessKey and SecretKey may be empty: then the usual AWS_ variables, the
	// credentials file or the role of the machine are used.
	AccessKey string
	SecretKey string
}

// s3 is a Store in a bucket.
type s3 struct {
	core   minio.Core
	bucket string
	prefix string // with trailing slash, or empty
}

// S3 opens a bucket. The store must honour conditional writes (If-None-Match
// on PutObject); one that ignores them could replace an artifact when two
// nodes write at once, so S3 tries it out and refuses such a store.
func S3(ctx context.Context, c S3Config) (Store, error) {
	creds := credentials.NewStaticV4(c.AccessKey, c.SecretKey, "")
	if c.AccessKey == "" {
		creds = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		})
	}
	core, err := minio.NewCore(c.Endpoint, &minio.Options{Creds: creds, Secure: !c.Plain, Region: c.Region})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", c.Bucket, err)
	}
	s := &s3{core: *core, bucket: c.Bucket}
	if p := strings.Trim(c.Prefix, "/"); p != "" {
		if err := CheckKey(p); err != nil {
			return nil, fmt.Errorf("open bucket %s: prefix: %w", c.Bucket, err)
		}
		s.prefix = p + "/"
	}
	if err := s.tryConditions(ctx); err != nil {
		return nil, fmt.Errorf("open bucket %s at %s: %w", c.Bucket, c.Endpoint, err)
	}
	return s, nil
}

func (s *s3) tryConditions(ctx context.Context) error {
	probe := unfinished + "probe." + rand.Text()
	if err := s.put(ctx, probe, []byte("probe"), true); err != nil {
		return err
	}
	err := s.put(ctx, probe, []byte("other"), true)
	if derr := s.remove(ctx, probe); derr != nil {
		return derr
	}
	if err == nil {
		return errors.New("the store ignores If-None-Match and could replace artifacts; use one that honours conditional writes")
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (s *s3) name(key string) string { return s.prefix + key }

func (s *s3) Put(ctx context.Context, key string, b []byte) error {
	err := CheckKey(key)
	if err == nil {
		err = s.put(ctx, key, b, false)
	}
	if err != nil {
		return fmt.Errorf("put blob %s: %w", key, err)
	}
	return nil
}

func (s *s3) Create(ctx context.Context, key string, b []byte) error {
	err := CheckKey(key)
	if err == nil {
		err = s.put(ctx, key, b, true)
	}
	if err != nil {
		return fmt.Errorf("create blob %s: %w", key, err)
	}
	return nil
}

func (s *s3) put(ctx context.Context, key string, b []byte, create bool) error {
	opts := minio.PutObjectOptions{ContentType: mediaType(key), DisableMultipart: true}
	if create {
		opts.SetMatchETagExcept("*")
	}
	_, err := s.core.Client.PutObject(ctx, s.bucket, s.name(key), bytes.NewReader(b), int64(len(b)), opts)
	return s3Error(err)
}

// mediaType is for a CDN that serves the bucket; bonded itself asks the adapter.
func mediaType(key string) string {
	switch path.Ext(key) {
	case ".json":
		return "application/json"
	case ".html":
		return "text/html; charset=utf-8"
	}
	return "application/octet-stream"
}

func (s *s3) Get(ctx context.Context, key string) ([]byte, error) {
	o, err := s.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	b := make([]byte, o.Info().Size)
	if _, err := io.ReadFull(o, b); err != nil {
		return nil, fmt.Errorf("get blob %s: %w", key, err)
	}
	return b, nil
}

func (s *s3) Stat(ctx context.Context, key string) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, fmt.Errorf("stat blob %s: %w", key, err)
	}
	st, err := s.core.StatObject(ctx, s.bucket, s.name(key), minio.StatObjectOptions{})
	if err != nil {
		return Info{}, fmt.Errorf("stat blob %s: %w", key, s3Error(err))
	}
	return s.info(key, st), nil
}

func (s *s3) info(key string, st minio.ObjectInfo) Info {
	return Info{Key: key, Size: st.Size, Modified: st.LastModified, Tag: st.ETag}
}

func (s *s3) Delete(ctx context.Context, key string) error {
	err := CheckKey(key)
	if err == nil {
		err = s.remove(ctx, key)
	}
	if err != nil {
		return fmt.Errorf("delete blob %s: %w", key, err)
	}
	return nil
}

func (s *s3) remove(ctx context.Context, key string) error {
	err := s3Error(s.core.RemoveObject(ctx, s.bucket, s.name(key), minio.RemoveObjectOptions{}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (s *s3) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for k, err := range s.list(ctx, prefix) {
			if err == nil && strings.HasPrefix(k.Key, unfinished) {
				continue
			}
			if !yield(k, err) {
				return
			}
		}
	}
}

func (s *s3) list(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		opts := minio.ListObjectsOptions{Prefix: s.name(prefix), Recursive: true}
		for o := range s.core.ListObjectsIter(ctx, s.bucket, opts) {
			if o.Err != nil {
				yield(Info{}, fmt.Errorf("list blobs %s: %w", prefix, s3Error(o.Err)))
				return
			}
			key := strings.TrimPrefix(o.Key, s.prefix)
			if !yield(Info{Key: key, Size: o.Size, Modified: o.LastModified}, nil) {
				return
			}
		}
	}
}

// Sync has nothing to do: a write that was answered is durable.
func (s *s3) Sync(context.Context) error { return nil }

func (s *s3) Close() error { return nil }

func (s *s3) Sweep(ctx context.Context, before time.Time) (int, error) {
	n := 0
	for k, err := range s.list(ctx, unfinished) {
		if err != nil {
			return n, fmt.Errorf("sweep blobs: %w", err)
		}
		if !k.Modified.Before(before) {
			continue
		}
		if err := s.remove(ctx, k.Key); err != nil {
			return n, fmt.Errorf("sweep blobs: %w", err)
		}
		n++
	}
	for u := range s.core.ListIncompleteUploads(ctx, s.bucket, s.name(unfinished), true) {
		if u.Err != nil {
			return n, fmt.Errorf("sweep blobs: %w", s3Error(u.Err))
		}
		if !u.Initiated.Before(before) {
			continue
		}
		if err := s.core.AbortMultipartUpload(ctx, s.bucket, u.Key, u.UploadID); err != nil {
			return n, fmt.Errorf("sweep blobs: %w", s3Error(err))
		}
		n++
	}
	return n, nil
}

// holds reports whether key holds bytes with this digest.
func (s *s3) holds(ctx context.Context, key string, digest bonded.Digest) (bool, error) {
	o, err := s.Open(ctx, key)
	if err != nil {
		return false, err
	}
	defer o.Close()
	return hashes(o, digest)
}

// s3Error adds the meaning that callers look for to an answer of the store.
func s3Error(err error) error {
	if err == nil {
		return nil
	}
	switch r := minio.ToErrorResponse(err); {
	case r.StatusCode == http.StatusNotFound || r.Code == minio.NoSuchKey:
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case r.StatusCode == http.StatusPreconditionFailed || r.Code == minio.PreconditionFailed:
		return fmt.Errorf("%w: %w", fs.ErrExist, err)
	}
	return err
}
