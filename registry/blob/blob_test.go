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

// dirs are the two kinds of directory: with the calls that only Linux has, and
// without.
var dirs = map[string]func(path string) (blob.Store, error){"native": blob.Dir, "portable": blob.Portable}

func TestDir(t *testing.T) {
	for kind, open := range dirs {
		t.Run(kind, func(t *testing.T) {
			blobtest.Run(t, func(t *testing.T) blob.Store {
				s, err := open(t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close() })
				return s
			})
		})
	}
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
	for kind, open := range dirs {
		outside, inside := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := open(inside)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Put(t.Context(), "manifest/moved", []byte("x")); err != nil {
			t.Fatal(err)
		}
		for link, to := range map[string]string{"public": outside, "manifest/file": filepath.Join(outside, "secret"), "manifest/up": "../../"} {
			if err := os.Symlink(to, filepath.Join(inside, link)); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range []string{"public/secret", "manifest/file", "manifest/up/" + filepath.Base(outside) + "/secret"} {
			if b, err := s.Get(t.Context(), key); err == nil {
				t.Errorf("%s: read %q through the link %s", kind, b, key)
			}
			if _, err := s.Stat(t.Context(), key); err == nil {
				t.Errorf("%s: saw a file through the link %s", kind, key)
			}
		}
		for _, key := range []string{"public/planted", "manifest/up/planted"} {
			if err := s.Put(t.Context(), key, nil); err == nil {
				t.Errorf("%s: wrote through a link to %s", kind, key)
			}
		}
		if err := s.Delete(t.Context(), "public/secret"); err == nil {
			t.Errorf("%s: deleted through a link", kind)
		}
		// A link where a document goes is replaced, not followed.
		if err := s.Put(t.Context(), "manifest/file", []byte("ours")); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if b, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(b) != "secret" {
			t.Errorf("%s: outside there is %q now, %v", kind, b, err)
		}
	}
}
