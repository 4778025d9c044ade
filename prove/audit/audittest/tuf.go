package audittest

import (
	"crypto"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// TUF is metadata that a test makes up: a root that two of three keys sign, and
// a timestamp and a snapshot that a daily key signs.
type TUF struct {
	Root        *metadata.Metadata[metadata.RootType]
	Timestamp   *metadata.Metadata[metadata.TimestampType]
	Snapshot    *metadata.Metadata[metadata.SnapshotType]
	RootSigners []signature.Signer
	DailySigner signature.Signer
	t           *testing.T
}

// NewTUF makes metadata that is good.
func NewTUF(t *testing.T) *TUF {
	t.Helper()
	soon := Now().Add(24 * time.Hour)
	f := &TUF{t: t, Root: metadata.Root(soon), Timestamp: metadata.Timestamp(soon), Snapshot: metadata.Snapshot(soon)}
	key := func(roles ...string) signature.Signer {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		k, err := metadata.KeyFromPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range roles {
			if err := f.Root.Signed.AddKey(k, role); err != nil {
				t.Fatal(err)
			}
		}
		s, err := signature.LoadSigner(private, crypto.Hash(0))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	f.RootSigners = []signature.Signer{key(metadata.ROOT), key(metadata.ROOT), key(metadata.ROOT)}
	f.DailySigner = key(metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS)
	f.Root.Signed.Roles[metadata.ROOT].Threshold = 2
	return f
}

// Pages are the metadata below a path, signed as it is now.
func (f *TUF) Pages(below string) Pages {
	f.t.Helper()
	pages := Pages{}
	put := func(file string, b []byte, err error) {
		if err != nil {
			f.t.Fatal(err)
		}
		pages[below+file] = Page{Type: "application/json", Body: string(b)}
	}
	for _, s := range f.RootSigners {
		if _, err := f.Root.Sign(s); err != nil {
			f.t.Fatal(err)
		}
	}
	for _, sign := range []func(signature.Signer) (*metadata.Signature, error){f.Timestamp.Sign, f.Snapshot.Sign} {
		if _, err := sign(f.DailySigner); err != nil {
			f.t.Fatal(err)
		}
	}
	b, err := f.Root.ToBytes(false)
	put("root.json", b, err)
	b, err = f.Timestamp.ToBytes(false)
	put("timestamp.json", b, err)
	b, err = f.Snapshot.ToBytes(false)
	put("snapshot.json", b, err)
	return pages
}
