package blob_test

import (
	"crypto/rand"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

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

// TestS3InProcess runs against an S3 server in memory, under a prefix.
func TestS3InProcess(t *testing.T) {
	backend := s3mem.New()
	if err := backend.CreateBucket("bonded"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	endpoint := strings.TrimPrefix(server.URL, "http://")
	blobtest.Run(t, func(t *testing.T) blob.Store {
		s, err := blob.S3(t.Context(), blob.S3Config{
			Endpoint: endpoint, Bucket: "bonded", Prefix: "p/" + rand.Text(), Plain: true,
			Region: "us-east-1", AccessKey: "key", SecretKey: "secret",
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
