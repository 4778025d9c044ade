package archive

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealArchives reads every archive below a folder of real packages and
// wants no anomaly. Nothing of theirs is kept here; to run it, fill a folder
// with "npm pack NAME" and "pip download --no-deps NAME" and name it.
func TestRealArchives(t *testing.T) {
	dir := os.Getenv("BONDED_REAL_ARCHIVES")
	if dir == "" {
		t.Skip("BONDED_REAL_ARCHIVES names no folder; fill one with npm pack and pip download --no-deps")
	}
	n := 0
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		kind := kindOf(p)
		if err != nil || !d.Type().IsRegular() || kind == 0 {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		n++
		inv, err := Read(f, info.Size(), kind, Limits{}, nil)
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
		for _, a := range inv.Anomalies {
			t.Errorf("%s: %v", p, a)
		}
		t.Logf("%s: %d entries, %d bytes from %d", filepath.Base(p), len(inv.Entries), inv.Unpacked, inv.Compressed)
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d archives read: %v", n, err)
	}
}

func kindOf(name string) Kind {
	for _, ext := range []string{".tgz", ".tar.gz", ".crate"} {
		if strings.HasSuffix(name, ext) {
			return TarGz
		}
	}
	for _, ext := range []string{".whl", ".zip", ".jar", ".nupkg"} {
		if strings.HasSuffix(name, ext) {
			return Zip
		}
	}
	if strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".gem") {
		return Tar
	}
	return 0
}
