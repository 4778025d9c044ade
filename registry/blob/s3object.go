package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/minio/minio-go/v7"
)

// s3Object reads one object. The first read needs no request beyond the one
// that opened it; after a Seek the rest is asked for by range, on condition
// that the object is still the same.
type s3Object struct {
	s    *s3
	ctx  context.Context // of Open: an Object lives within one request
	info Info
	off  int64 // where the caller reads
	body io.ReadCloser
	at   int64 // where body is
}

func (s *s3) Open(ctx context.Context, key string) (Object, error) {
	if err := CheckKey(key); err != nil {
		return nil, fmt.Errorf("open blob %s: %w", key, err)
	}
	body, st, _, err := s.core.GetObject(ctx, s.bucket, s.name(key), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", key, s3Error(err))
	}
	return &s3Object{s: s, ctx: ctx, info: s.info(key, st), body: body}, nil
}

func (o *s3Object) Info() Info { return o.info }

func (o *s3Object) Close() error {
	if o.body == nil {
		return nil
	}
	err := o.body.Close()
	o.body = nil
	return err
}

func (o *s3Object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.off
	case io.SeekEnd:
		offset += o.info.Size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek in blob %s: offset %d", o.info.Key, offset)
	}
	o.off = offset
	return offset, nil
}

func (o *s3Object) Read(b []byte) (int, error) {
	if o.off >= o.info.Size {
		return 0, io.EOF
	}
	if o.body == nil || o.at != o.off {
		if err := o.reopen(); err != nil {
			return 0, err
		}
	}
	n, err := o.body.Read(b)
	o.off += int64(n)
	o.at = o.off
	if err == io.EOF && o.off < o.info.Size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (o *s3Object) reopen() error {
	if err := o.Close(); err != nil {
		return err
	}
	body, err := o.s.read(o.ctx, o.info, o.off, o.info.Size-o.off)
	if err != nil {
		return err
	}
	o.body, o.at = body, o.off
	return nil
}

// read asks for n bytes at off of exactly the object that info describes.
func (s *s3) read(ctx context.Context, info Info, off, n int64) (io.ReadCloser, error) {
	opts := minio.GetObjectOptions{}
	err := errors.Join(opts.SetRange(off, off+n-1), opts.SetMatchETag(info.Tag))
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", info.Key, err)
	}
	body, _, _, err := s.core.GetObject(ctx, s.bucket, s.name(info.Key), opts)
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", info.Key, s3Error(err))
	}
	return body, nil
}

// Readers of archives jump about in small steps, and each step over the
// network would be a request. A few blocks in memory make them one request
// for each block.
const (
	blockSize = 1 << 20
	maxBlocks = 8
)

// blockReader is an io.ReaderAt over an object.
type blockReader struct {
	s    *s3
	ctx  context.Context
	info Info

	mu     sync.Mutex
	blocks map[int64][]byte
	recent []int64 // oldest first
}

func (s *s3) ReaderAt(ctx context.Context, id string) (io.ReaderAt, func() error, error) {
	_, err := DigestOfID(id)
	if err != nil {
		return nil, nil, fmt.Errorf("look inside blob %s: %w", id, err)
	}
	info, err := s.Stat(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	r := &blockReader{s: s, ctx: ctx, info: info, blocks: map[int64][]byte{}}
	return r, func() error { return nil }, nil
}

func (r *blockReader) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read blob %s: offset %d", r.info.Key, off)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(b) {
		if off >= r.info.Size {
			return n, io.EOF
		}
		block, err := r.block(off / blockSize)
		if err != nil {
			return n, err
		}
		k := copy(b[n:], block[off%blockSize:])
		n += k
		off += int64(k)
	}
	return n, nil
}

func (r *blockReader) block(i int64) ([]byte, error) {
	if b, ok := r.blocks[i]; ok {
		return b, nil
	}
	off := i * blockSize
	b := make([]byte, min(blockSize, r.info.Size-off))
	body, err := r.s.read(r.ctx, r.info, off, int64(len(b)))
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(body, b)
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, fmt.Errorf("read blob %s: %w", r.info.Key, err)
	}
	if len(r.recent) == maxBlocks {
		delete(r.blocks, r.recent[0])
		r.recent = r.recent[1:]
	}
	r.blocks[i], r.recent = b, append(r.recent, i)
	return b, nil
}
