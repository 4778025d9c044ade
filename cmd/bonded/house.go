package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"bonded.dev/ecosystem"
	"bonded.dev/ecosystem/all"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
)

// house is the stored state of a repository, opened.
type house struct {
	config     config
	ecosystems []ecosystem.Ecosystem
	book       *record.Book
	blobs      blob.Store
}

// openHouse opens the database and the store that the configuration names.
// make says that they may begin now; else a missing one is a mistake.
func openHouse(ctx context.Context, c config, make bool) (*house, error) {
	if _, err := os.Stat(c.Data); errors.Is(err, fs.ErrNotExist) && !make {
		return nil, usagef("there is no repository in %s; start one with: bonded serve --data %s", c.Data, c.Data)
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	h := &house{config: c, ecosystems: all.Ecosystems()}
	var err error
	if h.book, err = record.Open(ctx, c.dsn()); err != nil {
		return nil, err
	}
	if h.blobs, err = openBlobs(ctx, c); err != nil {
		return nil, errors.Join(err, h.book.Close())
	}
	return h, nil
}

func (h *house) close() error { return errors.Join(h.blobs.Close(), h.book.Close()) }

func (h *house) ids() []string {
	var ids []string
	for _, e := range h.ecosystems {
		ids = append(ids, e.Info().ID)
	}
	return ids
}

// keys opens the keys, which name the log once it has begun.
func (h *house) keys() (*sign.Keys, error) {
	dir := filepath.Join(h.config.Data, "keys")
	origin, err := sign.ReadOrigin(dir)
	if errors.Is(err, fs.ErrNotExist) {
		origin, err = h.config.origin(), nil
	}
	if err != nil {
		return nil, err
	}
	if h.config.Origin != "" && h.config.Origin != origin {
		return nil, usagef("--origin %s: this data belongs to the log %s, and a log keeps its name for ever", h.config.Origin, origin)
	}
	return sign.Open(dir, origin, h.ids())
}

func openBlobs(ctx context.Context, c config) (blob.Store, error) {
	if c.Blobs == "" {
		return blob.Dir(filepath.Join(c.Data, "blobs"))
	}
	u, err := url.Parse(c.Blobs)
	if err != nil || (u.Scheme != "s3" && u.Scheme != "s3+http") || u.Host == "" {
		return nil, usagef("--blobs %s: want s3://HOST/BUCKET or s3+http://HOST/BUCKET", c.Blobs)
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	return blob.S3(ctx, blob.S3Config{
		Endpoint: u.Host, Plain: u.Scheme == "s3+http", Bucket: bucket, Prefix: prefix,
		AccessKey: c.S3.AccessKey, SecretKey: c.S3.SecretKey, Region: c.S3.Region,
	})
}
