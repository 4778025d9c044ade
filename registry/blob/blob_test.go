package blob_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bonded.dev/internal/testenv"
	"bonded.dev/registry/blob"
	"bonded.dev/registry/blob/blobtest"
)

func TestDir(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		s, err := blob.Dir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}

// TestS3 runs against a real server that checks signatures, under a prefix.
func TestS3(t *testing.T) {
	bucket := testenv.S3(t)
	blobtest.Run(t, func(t *testing.T) blob.Store {
		s, err := blob.S3(t.Context(), blob.S3Config{
			Endpoint: bucket.Host(), Plain: strings.HasPrefix(bucket.Endpoint, "http:"),
			Bucket: bucket.Bucket, Prefix: "p/" + rand.Text(),
			Region: bucket.Region, AccessKey: bucket.AccessKey, SecretKey: bucket.SecretKey,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}

// TestDirStaysInside: a symbolic link in the directory leads nowhere.
func TestDirStaysInside(t *testing.T) {
	outside, inside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := blob.Dir(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := os.Symlink(outside, filepath.Join(inside, "public")); err != nil {
		t.Fatal(err)
	}
	if b, err := s.Get(t.Context(), "public/secret"); err == nil {
		t.Errorf("read %q through a link out of the directory", b)
	}
	if err := s.Put(t.Context(), "public/planted", nil); err == nil {
		t.Error("wrote through a link out of the directory")
	}
}
