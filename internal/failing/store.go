package failing

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync/atomic"

	"bonded.dev"
	"bonded.dev/registry/blob"
)

// ErrInjected is what the chosen operation fails with.
var ErrInjected = errors.New("injected failure")

// Store passes everything on to a real store, except for one operation.
type Store struct {
	blob.Store
	left atomic.Int64
}

// FailNth arms the store: the n-th operation from now fails, counted from 1.
// Zero disarms it.
func (s *Store) FailNth(n int64) { s.left.Store(n) }

// Spent reports whether the armed failure has happened.
func (s *Store) Spent() bool { return s.left.Load() < 0 }

func (s *Store) fail() error {
	if s.left.Load() > 0 && s.left.Add(-1) == 0 {
		s.left.Store(-1)
		return ErrInjected
	}
	return nil
}

// The operations of blob.Store, each of which may be the one.

func (s *Store) Put(ctx context.Context, key string, b []byte) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.Put(ctx, key, b)
}

func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if err := s.fail(); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, key)
}

func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[blob.Info, error] {
	return s.Store.List(ctx, prefix)
}

func (s *Store) Stage(ctx context.Context) (blob.Staging, error) {
	if err := s.fail(); err != nil {
		return nil, err
	}
	staging, err := s.Store.Stage(ctx)
	if err != nil {
		return nil, err
	}
	return &failingStaging{staging, s}, nil
}

func (s *Store) ReaderAt(ctx context.Context, id string) (io.ReaderAt, func() error, error) {
	if err := s.fail(); err != nil {
		return nil, nil, err
	}
	return s.Store.ReaderAt(ctx, id)
}

func (s *Store) Release(ctx context.Context, id, key string) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.Release(ctx, id, key)
}

func (s *Store) Sync(ctx context.Context) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.Sync(ctx)
}

type failingStaging struct {
	blob.Staging
	store *Store
}

func (f *failingStaging) Commit(ctx context.Context, d bonded.Digest) (string, error) {
	if err := f.store.fail(); err != nil {
		return "", err
	}
	return f.Staging.Commit(ctx, d)
}
