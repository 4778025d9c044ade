package ledger_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bonded.dev/internal/logwire"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/ledger"
)

// TestForeignReader lets an implementation that is not ours read the whole log:
// the fsck of transparency-dev/tessera. It waits for ever on some damage, so it
// runs against the clock, and what it found is in its log alone.
func TestForeignReader(t *testing.T) {
	tools, err := testenv.Tools()
	if err != nil {
		t.Fatal(err)
	}
	fsck := filepath.Join(tools, "bin", "fsck")
	if _, err := os.Stat(fsck); err != nil {
		t.Skip("tessera's fsck is not installed; scripts/install go installs it")
	}
	l := newLog(t)
	l.fill(200, 11)
	signer, vkey := keyTexts(t)
	s := shelf{}
	if err := ledger.Export(t.Context(), s.put, l.tx, 0, l.head.Size); err != nil {
		t.Fatal(err)
	}
	if s[logwire.CheckpointPath], err = ledger.Checkpoint(origin, l.head, signer); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "log.vkey")
	if err := os.WriteFile(key, []byte(vkey), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := s[r.URL.Path[1:]]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(b)
	}))
	defer server.Close()
	run := func() string {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		out, err := exec.CommandContext(ctx, fsck, "-storage_url", server.URL+"/log/", "-public_key", key, "-N", "2", "-ui=false").CombinedOutput()
		if err != nil {
			t.Fatalf("fsck: %v\n%.500s", err, out)
		}
		return string(out)
	}
	if out := run(); strings.Contains(out, "failed") || !strings.Contains(out, fmt.Sprintf("log of size %d", l.head.Size)) {
		t.Errorf("fsck refuses the log:\n%.500s", out)
	}
	s["log/tile/0/000"][40] ^= 1
	if out := run(); !strings.Contains(out, "fsck failed: failed: tile/0/000") {
		t.Errorf("fsck takes a damaged tile:\n%.500s", out)
	}
}
