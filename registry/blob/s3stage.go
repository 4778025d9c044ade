package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/minio/minio-go/v7"

	"bonded.dev"
)

// partSize is how much of an upload is in memory. S3 takes 10,000 parts, so
// an upload may have 80 GiB. Whatever fits in one part needs one request.
const partSize = 8 << 20

// s3Staging is an upload into quarantine. A large one is a multipart upload
// under tmp/: nothing of it can be seen before Commit.
type s3Staging struct {
	s      *s3
	ctx    context.Context // of Stage
	size   int64           // of all parts
	buf    bytes.Buffer
	temp   string // key under tmp/; empty while all bytes are in buf
	upload string
	parts  []minio.CompletePart
	done   bool
}

func (s *s3) Stage(ctx context.Context) (Staging, error) {
	return &s3Staging{s: s, ctx: ctx}, nil
}

func (u *s3Staging) Write(b []byte) (int, error) {
	n := 0
	for len(b) > 0 {
		if u.buf.Len() == partSize {
			if err := u.sendPart(u.ctx); err != nil {
				return n, fmt.Errorf("stage blob: %w", err)
			}
		}
		k := min(len(b), partSize-u.buf.Len())
		u.buf.Write(b[:k])
		b, n = b[k:], n+k
	}
	return n, nil
}

func (u *s3Staging) sendPart(ctx context.Context) error {
	if u.upload == "" {
		u.temp = unfinished + rand.Text()
		id, err := u.s.core.NewMultipartUpload(ctx, u.s.bucket, u.s.name(u.temp), minio.PutObjectOptions{})
		if err != nil {
			return s3Error(err)
		}
		u.upload = id
	}
	n := len(u.parts) + 1
	part, err := u.s.core.PutObjectPart(ctx, u.s.bucket, u.s.name(u.temp), u.upload, n,
		bytes.NewReader(u.buf.Bytes()), int64(u.buf.Len()), minio.PutObjectPartOptions{})
	if err != nil {
		return s3Error(err)
	}
	u.parts = append(u.parts, minio.CompletePart{PartNumber: n, ETag: part.ETag})
	u.size += int64(u.buf.Len())
	u.buf.Reset()
	return nil
}

func (u *s3Staging) Commit(ctx context.Context, digest bonded.Digest) (string, error) {
	if u.done {
		return "", errors.New("commit staged blob: already committed or aborted")
	}
	id := quarantineID(digest, rand.Text())
	var err error
	if u.upload == "" {
		err = u.s.put(ctx, id, u.buf.Bytes(), true)
	} else {
		err = u.complete(ctx, id)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("commit staged blob: %w", err), u.Abort())
	}
	u.done = true
	return id, nil
}

// complete ends a multipart upload. Its name had to be chosen before its
// digest was known, so it is copied, inside the store.
func (u *s3Staging) complete(ctx context.Context, id string) error {
	if err := u.sendPart(ctx); err != nil {
		return err
	}
	_, err := u.s.core.CompleteMultipartUpload(ctx, u.s.bucket, u.s.name(u.temp), u.upload, u.parts, minio.PutObjectOptions{})
	if err != nil {
		return s3Error(err)
	}
	u.upload = ""
	if err := u.s.copy(ctx, u.temp, id, u.size); err != nil {
		return err
	}
	return u.s.remove(ctx, u.temp)
}

func (u *s3Staging) Abort() error {
	if u.done {
		return nil
	}
	u.done = true
	// The upload's own context may be the reason for giving up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), time.Minute)
	defer cancel()
	if u.upload != "" {
		err := s3Error(u.s.core.AbortMultipartUpload(ctx, u.s.bucket, u.s.name(u.temp), u.upload))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if u.temp != "" {
		return u.s.remove(ctx, u.temp)
	}
	return nil
}

// maxCopy is what one CopyObject request takes, bytes.
const maxCopy = 5 << 30

// copy copies inside the store, in parts when it must.
func (s *s3) copy(ctx context.Context, from, to string, size int64) error {
	dst := minio.CopyDestOptions{Bucket: s.bucket, Object: s.name(to)}
	src := minio.CopySrcOptions{Bucket: s.bucket, Object: s.name(from)}
	do := s.core.Client.CopyObject
	if size > maxCopy {
		do = func(ctx context.Context, dst minio.CopyDestOptions, src minio.CopySrcOptions) (minio.UploadInfo, error) {
			return s.core.ComposeObject(ctx, dst, src)
		}
	}
	_, err := do(ctx, dst, src)
	return s3Error(err)
}

func (s *s3) Discard(ctx context.Context, id string) error {
	_, err := DigestOfID(id)
	if err == nil {
		err = s.remove(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("discard blob %s: %w", id, err)
	}
	return nil
}

func (s *s3) Release(ctx context.Context, id, key string) error {
	digest, err := DigestOfID(id)
	if err == nil {
		err = CheckKey(key)
	}
	if err == nil {
		err = s.release(ctx, id, key, digest)
	}
	if err != nil {
		return fmt.Errorf("release blob %s to %s: %w", id, key, err)
	}
	return nil
}

// release moves small bytes through here, because a conditional PutObject is
// what every store can do; larger ones are copied inside the store.
func (s *s3) release(ctx context.Context, id, key string, digest bonded.Digest) error {
	info, err := s.Stat(ctx, id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fs.ErrExist // moved already, if key holds these bytes
	case err == nil && info.Size <= partSize:
		var b []byte
		if b, err = s.Get(ctx, id); err == nil {
			err = s.put(ctx, key, b, true)
		}
	case err == nil:
		err = s.releaseLarge(ctx, id, key, info.Size)
	}
	if errors.Is(err, fs.ErrExist) {
		same, herr := s.holds(ctx, key, digest)
		if herr != nil {
			return herr
		}
		if !same {
			return fs.ErrExist
		}
		err = nil
	}
	if err != nil {
		return err
	}
	return s.remove(ctx, id)
}

// releaseLarge copies under a claim: an object that only one caller can
// create, and that names whose bytes may go to key. Conditional copies would
// do without it, but stores that do not know them ignore the condition.
func (s *s3) releaseLarge(ctx context.Context, id, key string, size int64) error {
	claim := unfinished + "claim." + bonded.DigestOf([]byte(key)).Hex()
	err := s.put(ctx, claim, []byte(id), true)
	if errors.Is(err, fs.ErrExist) {
		// Ours from before a crash, or somebody else's.
		var owner []byte
		if owner, err = s.claimant(ctx, claim); err == nil && string(owner) != id {
			err = fmt.Errorf("%s is being released to it at this moment", owner)
		}
	}
	if err != nil {
		return err
	}
	_, err = s.Stat(ctx, key)
	switch {
	case err == nil:
		err = fs.ErrExist
	case errors.Is(err, fs.ErrNotExist):
		err = s.copy(ctx, id, key, size)
	}
	if rerr := s.remove(ctx, claim); rerr != nil && err == nil {
		err = rerr
	}
	return err
}

func (s *s3) claimant(ctx context.Context, claim string) ([]byte, error) {
	body, st, _, err := s.core.GetObject(ctx, s.bucket, s.name(claim), minio.GetObjectOptions{})
	if err != nil {
		return nil, s3Error(err)
	}
	defer body.Close()
	b := make([]byte, min(st.Size, maxKey))
	_, err = io.ReadFull(body, b)
	return b, err
}
